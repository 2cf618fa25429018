//go:build !race

package proc

// supervisorProgram is what supervisors are started from: this program, also where its file was replaced meanwhile.
const supervisorProgram = "/proc/self/exe"

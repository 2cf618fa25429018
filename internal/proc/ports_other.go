//go:build !linux

package proc

// Ports knows no ports here.
func Ports([]*Process) map[*Process][]int { return nil }

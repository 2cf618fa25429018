//go:build unix

package attack

import (
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/org/e2e-gate/internal/e2e"
)

// alive reports whether a process runs. One that has ended, and that its parent does not ask for, does not.
func alive(pid int) bool {
	if stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid)); err == nil {
		return !strings.Contains(string(stat), ") Z ")
	}
	return syscall.Kill(pid, 0) == nil
}

// stays reports whether a process still runs after a while: one that was killed takes its time to end on
// a machine with much to do.
func stays(pid int) bool {
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	for range 1000 {
		if !alive(pid) {
			return false
		}
		<-ticker.C
	}
	return true
}

// leaves runs a suite that leaves processes, whose ids it writes to *.pid, and wants them gone when the
// gate has ended.
func leaves(script string, exit int) func(t *testing.T) {
	return func(t *testing.T) {
		if runtime.GOOS != "linux" {
			t.Skip("elsewhere only the process group can be ended")
		}
		w := newWorld(t, map[string]string{"e2e-gate.yml": config(command, "rerun: {max_failures: 0}"), "suite.sh": script})
		o := w.started("run", "--out", "out").wants(exit)
		files, _ := filepath.Glob(filepath.Join(w.Dir, "*.pid"))
		if len(files) == 0 {
			t.Errorf("the suite left nothing: %s", o.says())
		}
		for _, file := range files {
			pid, err := strconv.Atoi(strings.TrimSpace(read(t, file)))
			if err != nil {
				t.Error(err)
			} else if stays(pid) {
				t.Errorf("process %d of %s outlives the gate", pid, filepath.Base(file))
				_ = syscall.Kill(pid, syscall.SIGKILL)
			}
		}
	}
}

// gatePID is how a suite finds the gate: the parent of its supervisor on Linux, its parent elsewhere.
const gatePID = `gate=$PPID; if test "$(uname)" = Linux; then gate=$(sed -n 's/^PPid:[^0-9]*//p' /proc/$PPID/status); fi; `

// assaults has a suite attack the gate itself: no exit status is 0, and no document that is left says passed.
func assaults(script string, exit int) func(t *testing.T) {
	return func(t *testing.T) {
		w := newWorld(t, map[string]string{"e2e-gate.yml": config(command, "rerun: {max_failures: 0}"), "suite.sh": gatePID + script})
		o := w.started("run", "--out", "out").wants(exit)
		if o.result.Verdict.State == e2e.VerdictPassed {
			t.Errorf("result.json says %s", o.result.Verdict.State)
		}
	}
}

// rewrites runs a suite, or a command that takes something down, that changes the gate's documents.
func rewrites(during, down string, exit int) func(t *testing.T) {
	return func(t *testing.T) {
		w := newWorld(t, map[string]string{"e2e-gate.yml": config(command, `processes: [{name: p, up: ["true"], down: [sh, down.sh]}]`, "rerun: {max_failures: 0}"),
			"suite.sh": during + "\n" + passes, "down.sh": down})
		o := w.run().wants(exit)
		if exit == 0 {
			return
		}
		if text := o.outputs["out/result.json"]; text != "" && (o.result.Verdict.State == e2e.VerdictPassed || strings.Contains(text, "forged")) {
			t.Errorf("result.json is the forged one: %s", text)
		}
	}
}

// manyForks leaves a process behind five others, each of which leaves its parent.
const manyForks = `cat > forks.sh <<'END'
f() {
  if test $1 -gt 0; then setsid sh -c "trap '' TERM HUP INT; . ./forks.sh; f $(($1 - 1))" &
  else /bin/sleep 600 & echo $! > a.pid; fi
}
END
. ./forks.sh; f 5; until test -s a.pid; do sleep 0.01; done
`

// forgedResult is what a run would leave that passed.
const forgedResult = `{"schema":"e2e-gate/result/v1","verdict":{"state":"passed"},"forged":1}`

func processAttacks() []attack {
	const s, ended = "processes", "ended with the gate"
	const sleeps = `/bin/sleep 600 & echo $! > `
	return []attack{
		{attack: "a process in the background", surface: s, expected: ended, try: leaves("sleep 600 & echo $! > a.pid\n"+passes, 0)},
		{attack: "a double fork in a session of its own, without environment", surface: s, expected: ended,
			try: leaves(`setsid env -i /bin/sh -c '`+sleeps+`a.pid'`+"\n"+passes, 0)},
		{attack: "five forks, each in a session of its own, that ignore signals", surface: s, expected: ended,
			try: leaves(manyForks+passes, 0)},
		{attack: "a supervisor that is killed", surface: s, expected: "not judged", try: leaves("sleep 600 & echo $! > a.pid\n"+passes+"kill -9 $PPID; exit 0", 3)},
		{attack: "the gate is asked to end, by a test that passed", surface: s, expected: "not judged", try: assaults(passes+"kill -TERM $gate; sleep 600", 3)},
		{attack: "the gate is killed by a test that passed", surface: s, expected: "no result that says passed",
			try: func(t *testing.T) {
				if runtime.GOOS != "linux" {
					t.Skip("elsewhere the test would stay")
				}
				assaults(passes+"kill -9 $gate; sleep 600", -1)(t)
			}},
		{attack: "the gate is stopped, and continued", surface: s, expected: "goes on: the failure blocks",
			try: assaults("kill -STOP $gate; ( sleep 0.1; kill -CONT $gate ) & wait; "+fails, 1)},
		{attack: "a result, a plan and a shard written before the gate writes them", surface: s, expected: "replaced by the gate's, which says what happened",
			try: rewrites("echo '"+forgedResult+`' > out/result.json; cp out/result.json out/shard-0.1.json`, "", 0)},
		{attack: "the plan changed by a suite", surface: s, expected: "not judged", try: rewrites("echo ' ' >> out/plan.json", "", 3)},
		{attack: "the result changed by the last process of the run", surface: s, expected: "not judged, and written anew",
			try: rewrites("", "echo '"+forgedResult+"' > out/result.json", 3)},
		{attack: "the result removed by the last process of the run", surface: s, expected: "not judged, and written anew",
			try: rewrites("", "rm -f out/result.json", 3)},
		{attack: "the run's folder removed", surface: s, expected: "not judged", try: rewrites("rm -rf out", "", 3)},
		{attack: "folders in the place of documents", surface: s, expected: "not judged",
			try: rewrites("rm -f out/result.json out/shard-0.1.json; mkdir -p out/result.json/x out/shard-0.1.json/x", "", 3)},
		elsewhere(s, "the gate is killed while everything runs", "what it started ends; what it did not reach is lost", "internal/cli/stories/running killed"),
		elsewhere(s, "a process in one of two parallel batches", "the other is not touched", "internal/cli/stories/running nothing-outlives"),
		elsewhere(s, "output without end", "a bounded log", "internal/proc TestLogIsCapped"),
		elsewhere(s, "a flood of output", "no memory", "internal/proc TestFloodTakesNoMemory"),
		elsewhere(s, "a pipe that a daemon holds", "not waited for", "internal/proc TestWaitReturnsWhereThePipeIsHeld"),
		elsewhere(s, "kills at random, a full disk, folders that cannot be written, six gates at once", "no record lost, nothing green without evidence",
			"internal/attack TestSoak"),
	}
}

// stepToken is one that a step of a job has. It stands for each of the gate's own variables.
const stepToken = "ghs_Zq7pXtoken0123456789"

var ownVariables = []string{"INPUT_TOKEN", "GITHUB_TOKEN", "ACTIONS_RUNTIME_TOKEN", "ACTIONS_ID_TOKEN_REQUEST_TOKEN", "GITHUB_OUTPUT", "GITHUB_ENV",
	"GITHUB_PATH", "GITHUB_STATE"}

// passed has a config pass on a variable of the gate's own.
func passed(name string) func(t *testing.T) {
	return func(t *testing.T) {
		texts := []string{config(strings.Replace(command, "owner: team-a", "pass_env: ["+name+"]", 1)),
			config(strings.Replace(command, "owner: team-a", `env: {A: "${`+name+`}"}`, 1))}
		if name == ownVariables[0] {
			texts = append(texts, config(command, "processes: [{name: p, up: [env], pass_env: ["+name+"]}]"),
				config(command, "gates: {checks: [{name: g, command: {run: [env], pass_env: ["+name+"]}}]}"), config(command, "isolation: {up: [env], pass_env: ["+name+"]}"))
		}
		for _, text := range texts {
			w := newWorld(t, map[string]string{"e2e-gate.yml": text, "suite.sh": "env; " + passes})
			w.env = append(w.env, name+"="+stepToken)
			w.gate("run", "--out", "out").wants(2, name).without(stepToken)
		}
	}
}

// masks are the commands by which the runner is told to mask a value.
var masks = regexp.MustCompile(`(?m)^::add-mask::.*$`)

// inherited has every kind of child print its environment.
func inherited(t *testing.T) {
	w := newWorld(t, map[string]string{"env.sh": "env >> seen\n", "suite.sh": "env >> seen; " + fails,
		"e2e-gate.yml": config(strings.Replace(command, "list: [echo, one]", `list: [sh, -c, "env >> seen; echo one"]`, 1),
			"gates: {timeout: 5s, interval: 100ms, checks: [{name: g, command: {run: [sh, env.sh]}}]}", "processes: [{name: p, up: [sh, env.sh], down: [sh, env.sh]}]",
			"isolation: {up: [sh, env.sh], down: [sh, env.sh]}")})
	for i, name := range append([]string{"MY_API_TOKEN", "DB_PASSWORD", "AWS_SECRET_ACCESS_KEY", "SSH_AUTH_SOCK_TOKEN"}, ownVariables...) {
		w.env = append(w.env, name+"="+fmt.Sprint(stepToken, i))
	}
	// The runner's own files have to be files.
	w.env = append(w.env, "GITHUB_OUTPUT="+filepath.Join(w.side, "output.txt"))
	o := w.gate("run", "--out", "out").wants(1)
	o.outputs["stderr"] = masks.ReplaceAllString(o.outputs["stderr"], "")
	o.without(stepToken)
	seen := read(t, filepath.Join(w.Dir, "seen"))
	if n := strings.Count(seen, "PATH="); n < 7 {
		t.Errorf("only %d children printed their environment", n)
	}
	for line := range strings.Lines(seen) {
		name, value, _ := strings.Cut(line, "=")
		if strings.Contains(value, "Zq7pX") || strings.HasPrefix(name, "INPUT_") || strings.Contains(value, w.side+"/output") {
			t.Errorf("a child has %s", line)
		}
	}
}

// printedBy has a test print a secret that it was given on purpose.
func printedBy(t *testing.T) {
	w := newWorld(t, map[string]string{"e2e-gate.yml": config(strings.Replace(command, "owner: team-a", "owner: team-a, pass_env: [DB_PASSWORD]", 1)),
		"suite.sh": `test -n "$DB_PASSWORD" && echo "$DB_PASSWORD" && printf '%s' "$DB_PASSWORD" | base64
printf '\033%s \033[%sm\n' "$DB_PASSWORD" "$DB_PASSWORD"; touch given; ` + fails})
	w.env = append(w.env, "DB_PASSWORD="+stepToken)
	o := w.run().wants(1)
	o.outputs["stderr"] = masks.ReplaceAllString(o.outputs["stderr"], "")
	o.without(stepToken, stepToken[4:], base64.StdEncoding.EncodeToString([]byte(stepToken))[:16])
	if _, err := os.Stat(filepath.Join(w.Dir, "given")); err != nil {
		t.Error("the suite did not run")
	}
}

func tokenAttacks() []attack {
	const s = "tokens"
	rows := make([]attack, 0, len(ownVariables)+8)
	for _, name := range ownVariables {
		rows = append(rows, attack{attack: name + " passed on by the config", surface: s, expected: "a usage error; in no output", try: passed(name)})
	}
	return append(rows,
		attack{attack: "the environment of suites, listings, processes, checks and isolation", surface: s,
			expected: "has no token, no secret, none of the runner's files", try: inherited},
		attack{attack: "a secret that a test was given, printed", surface: s, expected: "masked in every output", try: printedBy},
		elsewhere(s, "environment and memory of the gate and of all between it and a test", "cannot be read", "cmd/e2e-gate TestTokenIsHiddenFromTests"),
		elsewhere(s, "a redirect of the API to another host", "does not get the token", "internal/adapter/github TestRedirects"),
		elsewhere(s, "uploads to an address that the API names", "stay with the API's host", "internal/adapter/github TestUploadsStayAtHome"),
		elsewhere(s, "a service that echoes what a check sent", "masked", "internal/gate/httpgate TestSecretsDoNotComeBack"),
		elsewhere(s, "a redirect of a checked service", "credentials stay with their host", "internal/gate/httpgate TestCredentialsStayWithTheirHost"),
	)
}

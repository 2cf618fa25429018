package model

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// ForProcesses is the world with only what a suite of the framework command can do on this
// machine: no gates, no witnesses, one criticality, and no time limits.
func (w World) ForProcesses() World {
	w[dJudge], w[dChannel], w[dTimed], w[dFlakyExit], w[dEnd] = 0, chanReports, 0, 0, 0
	w[dGroup], w[dSteal], w[dBase], w[dProbe] = 0, 0, 0, 0
	w[dPast] = min(w[dPast], pastUnknown)
	if w[dTests] > 0 {
		w[dAttempts] = min(w[dAttempts], 1) // three workflow attempts take long
	}
	if w[dTable] == tableJudgeBlocks {
		w[dTable] = tableBuiltIn
	}
	if w[dRerunProc] > rerunSignal {
		w[dRerunProc] = rerunNatural
	}
	for t := range maxTests {
		w[dCrit+t] = w[dCrit]
	}
	if w[dCrit] != critBlocking {
		w[dExtra] = extraNone // it would have the suite's criticality too
	}
	for a := range maxAttempts {
		w[dEnv+a] = envHealthy
		switch w[dProc+a] {
		case procTimeout, procStalled, procNotStarted, procUnreadable, procOutside, procHeld, procOdd:
			w[dProc+a] = procNatural
		}
	}
	return w.Normal()
}

// ErrOtherPlan says that the gate plans the tests on shards as the world does not.
var ErrOtherPlan = errors.New("the plan spreads the tests in another way")

// processes runs a world through the gate's program.
type processes struct {
	w        *World
	program  string
	dir      string
	names    map[int]string // of tests
	indexes  map[int]int    // of shards in the plan
	attempts string         // GITHUB_RUN_ATTEMPT
}

// list prints the tests, run the cases that the world has for them.
const (
	listScript = "cat tests\n"
	runScript  = `report="$1/report.xml"; shift
red=0
for t in "$@"; do
  f="cases/$t.$ATTEMPT.$E2E_ATTEMPT"
  cat "$f" >>"$E2E_REPORT_DIR/body"
  if test -e "$f.red"; then red=1; fi
done
if test "$E2E_ATTEMPT" = 1 && test -e "cases/extra.$E2E_SHARD.$ATTEMPT"; then
  cat "cases/extra.$E2E_SHARD.$ATTEMPT" >>"$E2E_REPORT_DIR/body"
  if test -e "cases/extra.$E2E_SHARD.$ATTEMPT.red"; then red=1; fi
fi
how=natural
if test -e "cases/how.$E2E_SHARD.$ATTEMPT.$E2E_ATTEMPT"; then how=$(cat "cases/how.$E2E_SHARD.$ATTEMPT.$E2E_ATTEMPT"); fi
if test "$how" != nothing; then
  declared=
  if test "$how" = cut; then declared=' tests="99"'; fi
  { echo "<testsuite name=\"x\"$declared>"; cat "$E2E_REPORT_DIR/body"; echo "</testsuite>"; } >"$report"
fi
case $how in
quiet) exit 0 ;;
alarm) exit 1 ;;
crash) exit 2 ;;
signal) kill -9 $$ ;;
esac
exit $red
`
)

// Run runs the world through the program in an empty folder: plan, shard and verdict, each
// a process, for every workflow attempt. It returns the exit status of the last verdict and
// what it printed.
func (w *World) Run(tb testing.TB, program, dir string) (status int, output string, err error) {
	tb.Helper()
	p := &processes{w: w, program: program, dir: dir}
	if err := p.prepare(); err != nil {
		return 0, "", err
	}
	for a := range w.attempts() {
		p.attempts = strconv.Itoa(a + 1)
		if w[dPast] != pastKept {
			if err := p.forget(); err != nil {
				return 0, "", err
			}
		}
		plan := fmt.Sprintf("plan%d/plan.json", w.planOf(a)+1)
		if w.planOf(a) == a {
			if code, out := p.gate(tb, "plan", "--shards", strconv.Itoa(w.shards()), "--out", filepath.Dir(plan)); code != 0 {
				return code, out, fmt.Errorf("no plan: %s", out)
			}
			if err := p.adopt(plan, a); err != nil {
				return 0, "", err
			}
		}
		// What a job finds is what earlier jobs left.
		for s := range w.shards() {
			if w.ran(s, a) {
				p.gate(tb, "shard", "--plan", plan, "--index", strconv.Itoa(p.indexes[s]), "--results", "results", "--out", fmt.Sprintf("new/%d-%d", a+1, s))
			}
		}
		if err := p.keep(); err != nil {
			return 0, "", err
		}
		if a == w.attempts()-1 && w[dDoc] != docFine {
			if err := p.spoil(a); err != nil {
				return 0, "", err
			}
		}
		verdict := "verdict" + p.attempts
		status, output = p.gate(tb, "verdict", "--plan", plan, "--results", "results", "--out", verdict)
		if err := os.Rename(p.path(verdict), p.path("results/"+verdict)); err != nil {
			return status, output, err
		}
	}
	return status, output, nil
}

func (p *processes) path(name string) string { return filepath.Join(p.dir, filepath.FromSlash(name)) }

func (p *processes) write(name, text string) error {
	file := p.path(name)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil { //nolint:gosec // a folder of the test
		return err
	}
	return os.WriteFile(file, []byte(text), 0o644) //nolint:gosec // a file of the test
}

// forget removes what earlier workflow attempts left.
func (p *processes) forget() error {
	if err := os.RemoveAll(p.path("results")); err != nil {
		return err
	}
	return os.MkdirAll(p.path("results"), 0o755) //nolint:gosec // a folder of the test
}

// prepare writes the repository: config, suite and list of tests.
func (p *processes) prepare() error {
	w := p.w
	var tests strings.Builder
	for t := range w.tests() {
		for range w.slots(t) {
			fmt.Fprintln(&tests, names[t])
		}
	}
	more, suite := "", ""
	if w[dStated] == statedByConfig {
		suite = ", retries: repeated-cases"
	}
	if w[dTable] == tableStrict {
		more += "policy: {flaky: {release-blocking: block}}\n"
	}
	if w[dRerunOff] == 1 {
		more += "rerun: {max_failures: 0}\n"
	}
	config := fmt.Sprintf(`version: 1
stages: {pr: {on: [push], blocks: %t}}
suites: [{name: s, framework: command, list: [sh, list.sh], run: [sh, run.sh, "{report_dir}", "{tests}"], reports: "{report_dir}/*.xml",
  owner: team, criticality: %s, pass_env: [ATTEMPT]%s}]
%s`, w[dBlocks] == 0, criticalities[w[dCrit]], suite, more)
	files := map[string]string{"e2e-gate.yml": config, "list.sh": listScript, "run.sh": runScript, "tests": tests.String(), ".git/HEAD": "ref: x\n"}
	for name, text := range files {
		if err := p.write(name, text); err != nil {
			return err
		}
	}
	return p.forget()
}

// gate runs the program.
func (p *processes) gate(tb testing.TB, args ...string) (status int, output string) {
	tb.Helper()
	cmd := exec.CommandContext(tb.Context(), p.program, args...) //nolint:gosec // ours
	cmd.Dir = p.dir
	ours := func(kv string) bool { return strings.HasPrefix(kv, "GITHUB_") || strings.HasPrefix(kv, "E2E_") }
	cmd.Env = append(slices.DeleteFunc(os.Environ(), ours),
		"NO_COLOR=1", "GITHUB_ACTIONS=true", "GITHUB_RUN_ID=7", "GITHUB_EVENT_NAME=push", "GITHUB_REF=refs/heads/main", "GITHUB_SHA=c0ffee",
		"GITHUB_RUN_ATTEMPT="+p.attempts, "ATTEMPT="+p.attempts)
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		tb.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), string(out)
}

// adopt gives the tests of the world the names that the plan has on one shard, and writes
// what they do. A second plan must spread them as the first did.
func (p *processes) adopt(file string, attempt int) error {
	data, err := os.ReadFile(p.path(file))
	if err != nil {
		return err
	}
	var plan struct {
		Shards []struct{ Tests []string }
	}
	if err := json.Unmarshal(data, &plan); err != nil {
		return err
	}
	names, indexes, ok := p.w.match(func(shard int) []string { return plan.Shards[shard].Tests }, len(plan.Shards))
	if !ok || p.names != nil && (!maps.Equal(names, p.names) || !maps.Equal(indexes, p.indexes)) {
		return ErrOtherPlan
	}
	p.names, p.indexes = names, indexes
	if attempt > 0 {
		return nil
	}
	return p.stories()
}

// match finds, for each shard of the world, one of the plan with as many tests, the twins on
// the one where the world has them.
func (w *World) match(tests func(int) []string, n int) (byTest map[int]string, byShard map[int]int, ok bool) {
	byTest, byShard = map[int]string{}, map[int]int{}
	if n != w.shards() {
		return nil, nil, false
	}
	used := make([]bool, n)
	for s := range w.shards() {
		own := w.on(s)
		found := -1
		for i := range n {
			list := tests(i)
			has := slices.Contains(list, "s::"+names[0])
			if used[i] || len(list) != len(own) || w.twin() && has != (s == 0) {
				continue
			}
			found = i
			break
		}
		if found < 0 {
			return nil, nil, false
		}
		used[found], byShard[s] = true, found
		list := slices.Sorted(slices.Values(tests(found))) // "a" comes first, as test 0 does
		for i, t := range own {
			byTest[t] = strings.TrimPrefix(list[i], "s::")
		}
	}
	return byTest, byShard, true
}

// stories writes what the tests and processes do.
func (p *processes) stories() error {
	w := p.w
	files := map[string]string{}
	quarantine := ""
	for t := range w.tests() {
		for a := range w.attempts() {
			first, rerun := "", ""
			firstRed, rerunRed := false, false
			for _, slot := range w.slots(t) {
				story := w.story(slot, a)
				first += p.cases(p.names[t], story.first)
				rerun += p.cases(p.names[t], story.rerun)
				firstRed = firstRed || strings.HasSuffix(story.first, "F")
				rerunRed = rerunRed || strings.HasSuffix(story.rerun, "F")
			}
			file := fmt.Sprintf("cases/%s.%d.", p.names[t], a+1)
			files[file+"1"], files[file+"2"] = first, rerun
			if firstRed {
				files[file+"1.red"] = ""
			}
			if rerunRed {
				files[file+"2.red"] = ""
			}
		}
		if w[dQuar+t] != quarNone {
			quarantine += p.entry(t)
		}
	}
	hows := map[uint8]string{procQuiet: "quiet", procAlarm: "alarm", procSignal: "signal", procNothing: "nothing", procCrash: "crash", procCut: "cut"}
	for a := range w.attempts() {
		for s := range w.shards() {
			if how := hows[w.proc(s, a)]; how != "" {
				files[fmt.Sprintf("cases/how.%d.%d.1", p.indexes[s], a+1)] = how
			}
			if how := [...]string{rerunAlarm: "alarm", rerunSignal: "signal"}[min(w[dRerunProc], rerunSignal)]; how != "" {
				files[fmt.Sprintf("cases/how.%d.%d.2", p.indexes[s], a+1)] = how
			}
		}
		if fails, there := w.extraFails(0, a); there {
			file, text := fmt.Sprintf("cases/extra.%d.%d", p.indexes[0], a+1), "P"
			if fails {
				files[file+".red"], text = "", "F"
			}
			files[file] = p.cases(extraName, text)
		}
	}
	if quarantine != "" {
		config, err := os.ReadFile(p.path("e2e-gate.yml"))
		if err != nil {
			return err
		}
		files["e2e-gate.yml"], files["quarantine.yml"] = string(config)+"quarantine: quarantine.yml\n", quarantine
	}
	for name, text := range files {
		if err := p.write(name, text); err != nil {
			return err
		}
	}
	return nil
}

// entry is the quarantine of a test.
func (p *processes) entry(t int) string {
	deadline, twins := time.Now().AddDate(0, 0, 3), ""
	switch p.w[dQuar+t] {
	case quarExpired:
		deadline = time.Now().AddDate(0, 0, -3)
	case quarValidTwins:
		twins = ", twins: 2"
	}
	return fmt.Sprintf("- {test: \"s::%s\", owner: team, reason: flaky, quarantined_at: %s, fix_deadline: %s%s}\n",
		p.names[t], deadline.AddDate(0, 0, -7).Format(time.DateOnly), deadline.Format(time.DateOnly), twins)
}

// cases are the cases of a report for the executions of a test.
func (p *processes) cases(name, executions string) string {
	var b strings.Builder
	one := func(body string) { fmt.Fprintf(&b, "<testcase name=%q>%s</testcase>\n", name, body) }
	bodies := map[byte]string{'P': "", 'F': `<failure message="expected 201"/>`, 'S': "<skipped/>"}
	for _, run := range strings.Split(executions, "+") {
		switch {
		case run == "FP" && p.w[dStated] == statedByRunner:
			one(`<flakyFailure message="expected 201"/>`)
		case run == "FF" && p.w[dStated] == statedByRunner:
			one(`<failure message="expected 201"/><rerunFailure message="expected 201"/>`)
		default:
			for i := range run {
				one(bodies[run[i]])
			}
		}
	}
	return b.String()
}

// keep moves the documents of this workflow attempt to those of the earlier ones.
func (p *processes) keep() error {
	entries, err := os.ReadDir(p.path("new"))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, e := range entries {
		if err := os.Rename(p.path("new/"+e.Name()), p.path("results/"+e.Name())); err != nil {
			return err
		}
	}
	return nil
}

// spoil puts the fault into the newest document of a shard, and into each copy that a verdict of an
// earlier workflow attempt kept: an intact copy would be evidence that the world does not have.
func (p *processes) spoil(last int) error {
	w := p.w
	s := int(w[dDocShard])
	a := last
	for !w.ran(s, a) {
		a--
	}
	files, err := filepath.Glob(p.path(fmt.Sprintf("results/*/shard-%d.%d.json", p.indexes[s], a+1)))
	if err != nil {
		return err
	}
	if len(files) == 0 && w[dPast] == pastKept {
		return fmt.Errorf("shard %d has no document of workflow attempt %d", p.indexes[s], a+1)
	}
	for _, file := range files {
		if err := p.spoilFile(file, last); err != nil {
			return err
		}
	}
	return nil
}

// spoilFile puts the fault into one file, or beside it.
func (p *processes) spoilFile(file string, last int) error {
	data, err := os.ReadFile(file) //nolint:gosec // a file of the test
	if err != nil {
		return err
	}
	var doc map[string]any
	if err := json.Unmarshal(data, &doc); err != nil {
		return err
	}
	delete(doc, "checksum")            // as of a gate that wrote it so
	run := doc["run"].(map[string]any) //nolint:forcetypeassert // a document of ours
	list := func(name string) []any { l, _ := doc[name].([]any); return l }
	beside := false
	switch p.w[dDoc] {
	case docMissing:
		return os.Remove(file)
	case docUnreadable:
		return os.WriteFile(file, data[:len(data)/2], 0o600)
	case docIncomplete:
		doc["complete"] = false
	case docTwice:
		beside = true
	case docTwoVersions:
		beside, doc["platform"] = true, "other/arch"
	case docOfOtherCommit:
		run["sha"] = "0ther"
	case docOfOtherPlan:
		doc["plan_digest"] = strings.Repeat("ab", 32)
	case docFutureBeside:
		beside, run["workflow_attempt"], doc["tests"] = true, last+2, []any{}
	case docStaleBeside:
		beside, run["sha"] = true, "0ther"
	case docContradicts:
		doc["reruns"] = append(list("reruns"), map[string]any{"id": "s::no such test", "done": true, "reason": "its first attempt failed"})
	case docUnknownTest:
		passed := map[string]any{"n": 1, "outcome": "passed", "shard": 0, "seconds": 0}
		doc["tests"] = append(list("tests"), map[string]any{"id": "s::foreign", "attempts": []any{passed}})
	}
	if data, err = json.Marshal(doc); err != nil {
		return err
	}
	if beside {
		return p.write("results/beside/"+filepath.Base(file), string(data))
	}
	return os.WriteFile(file, data, 0o600)
}

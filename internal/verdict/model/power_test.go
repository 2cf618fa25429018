package model_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/org/e2e-gate/internal/testkit/gatebin"
)

// mutant breaks one rule: in a file, old becomes new, once.
type mutant struct{ rule, file, old, new string }

const (
	attemptsDir = "internal/verdict/attempts/"
	verdictDir  = "internal/verdict/"
)

// mutants are one or more for each rule of the packages that judge. Five rules have none, because
// a second one says the same: the base excuses no test that was not planned (it has no rerun), a later
// pass does not show that the change was tested (it blocks), no rerun where max_failures is 0 (none where more failed than that),
// a shard without a document (its tests are lost where nothing reports them), and a failed gate
// (behind it nothing is planned). Three take five or six choices at once, which a million worlds need not
// hold, and only tables of tests hold them: timelines of two workflow attempts stay apart, a
// test that a witness names and that is gone is not judged, and a dependency that is down is a warning only
// beside a pass that can block. Beside which one the rerun stands where
// all tests of an id were kept from running changes no verdict: the failure outside blocks anyway.
var mutants = []mutant{
	{"a second result is a retry only if that is stated", attemptsDir + "merge.go", "r.Retry || repeatedCases", "r.Retry || true || repeatedCases"},
	{"nothing repeats a test that passed", attemptsDir + "merge.go", "repeatedCases && failedLast(runs[n])", "repeatedCases"},
	{"repeated cases are retries where the config says so", attemptsDir + "merge.go", "r.Retry || repeatedCases && failedLast(runs[n])", "r.Retry"},
	{"fewer tests of one id than listed are lost", attemptsDir + "problems.go", "n > 0 && n < p.Twins", "n > 0 && n < p.Twins-1"},
	{"a process that did not start proves nothing", attemptsDir + "problems.go",
		`return u.lost(e2e.CodeToolError, u.all(), "batch %s could not start: %s", u.in.Unit, u.in.Exit.Err)`, "return nil"},
	{"a killed process loses all its tests", attemptsDir + "problems.go", "u.in.Exit.Ended != e2e.EndedSignal", "true"},
	{"a bad status that nothing explains loses all tests", attemptsDir + "problems.go",
		"!u.failed() || anyFailed && !unusual || explained", "u.failed() || anyFailed && !unusual || explained"},
	{"only a test that ended failed explains a bad status", attemptsDir + "problems.go",
		"return failedLast(run) && !last.Inferred ||", "return failedOnce(run) && !last.Inferred ||"},
	{"a flake explains the status of a runner that fails on flakes", attemptsDir + "problems.go",
		"u.in.Exit.FailsOnFlaky && failedOnce(run)", "false && failedOnce(run)"},
	{"a damaged report explains no bad status, and loses its tests", attemptsDir + "problems.go",
		"return p.LosesEvidence && (p.Code == e2e.CodeRunnerExit || p.Code == e2e.CodeBuildFailed)", "return true"},
	{"a crash keeps what had ended", attemptsDir + "problems.go",
		`[]func(Out) []e2e.Problem{u.died, u.endedEarly, u.ranTooLittle, u.failedWithoutFailure, u.signalled, u.stopped}`,
		`[]func(Out) []e2e.Problem{u.failedWithoutFailure, u.signalled, u.stopped}`},
	{"a runner that did not come to its end explains no bad status", attemptsDir + "problems.go", "len(lost) == 0 && u.failed()", "false"},
	{"a failed test explains no status but that of failed tests", attemptsDir + "problems.go", "anyFailed && !unusual", "anyFailed && (unusual || !unusual)"},
	{"a batch that was stopped proves no passes", attemptsDir + "problems.go", "u.signalled, u.stopped}", "u.signalled}"},
	{"a rerun's pass counts only if its process ended well", attemptsDir + "rerun.go", "case lost:", "case false && lost:"},
	{"a rerun that was stopped did not end well", attemptsDir + "rerun.go", "return ended != e2e.EndedExited || slices", "return slices"},
	{"a rerun with another number of results proves nothing", attemptsDir + "rerun.go", "case len(before) != len(now):", "case false:"},
	{"no twin may fail in the rerun", attemptsDir + "rerun.go", "case len(now) > 1 && anyFailedFirst(now):", "case false:"},
	{"the first execution in a rerun decides", attemptsDir + "rerun.go",
		"case j > 0:\n\t\t\t\ta.Source, a.Uncounted = e2e.SourceFramework, retryInRerun", "case j > 0:\n\t\t\t\ta.Source = e2e.SourceFramework"},
	{"a twin that had passed ran beside the rerun", attemptsDir + "rerun.go",
		"case len(before) > 1 && had != e2e.Failed && had != e2e.NotRun:", "case false && had != e2e.Failed:"},
	{"the framework's retries are the rerun", attemptsDir + "rerun.go",
		"if retries == 0 {\n\t\t\treturn 0\n\t\t}\n\t\tleast = max(least, retries)", "return 0"},
	{"a process that died is not repeated", attemptsDir + "rerun.go", "u.Ended == e2e.EndedSignal && slices.Contains(a.Files, u.Log)", "false"},
	{"of several tests with one id the worst counts", "internal/e2e/attempt.go", "return Worst(outcomes...)", "return outcomes[len(outcomes)-1]"},
	{"failed, then passed is flaky", "internal/e2e/attempt.go", "case last == Passed && (failed || beside):", "case last == Passed && beside:"},
	{"passed, then failed beside a rerun is flaky", "internal/e2e/attempt.go",
		"case last == Passed && (failed || beside):", "case last == Passed && failed:"},
	{"a skip behind a failure proves nothing", "internal/e2e/attempt.go", "case !a.Kept && (last == Lost || last == NotRun):", "case !a.Kept:"},
	{"no attempts are lost", "internal/e2e/attempt.go", "if len(outcomes) == 0 {\n\t\treturn Lost", "if len(outcomes) == 0 {\n\t\treturn Passed"},
	{"no rerun where earlier attempts are unknown", "internal/rerun/rerun.go", "case s.AttemptsUnreadable:", "case false:"},
	{"no rerun in an unhealthy environment", "internal/rerun/rerun.go", `case f.Unhealthy != "":`, "case false:"},
	{"one rerun in all workflow attempts", verdictDir + "earlier.go", "if a.Source == e2e.SourceDiagnostic {", "if false {"},
	{"a failure that a witness names had its rerun", verdictDir + "earlier.go", "if e.hasFailed(id) {", "if false {"},
	{"two different documents of one shard do not count", verdictDir + "accept.go",
		"return !reflect.DeepEqual(d.Shard, docs[0].Shard)", "return false && !reflect.DeepEqual(d.Shard, docs[0].Shard)"},
	{"an unreadable document hides an older one", verdictDir + "accept.go", "len(have) == 0 || u.Attempt >= have[0].Shard.Run.WorkflowAttempt", "false"},
	{"a document of another commit does not count", verdictDir + "accept.go", "case !theirs.SameSubject(run):", "case false:"},
	{"a document of a later attempt does not count", verdictDir + "accept.go",
		"case attempt < 1 || attempt > run.WorkflowAttempt:", "case attempt < 1:"},
	{"a document of another plan is an earlier attempt", verdictDir + "accept.go",
		"case d.Shard.Digest != plan.Digest || d.Shard.Index < 0", "case d.Shard.Index < 0"},
	{"the newest document of a shard counts", verdictDir + "accept.go",
		"case attempt > have[0].Shard.Run.WorkflowAttempt:", "case attempt < have[0].Shard.Run.WorkflowAttempt:"},
	{"an older document is an earlier attempt", verdictDir + "accept.go", "default:\n\t\ts.before = append(s.before, d.Shard)", "default:"},
	{"an incomplete document loses its tests", verdictDir + "accept.go", "if !doc.Complete {", "if false {"},
	{"a document that contradicts itself does not count", verdictDir + "accept.go", "if rerunWithoutFailure(r, attempts[r.ID]) {", "if false {"},
	{"a document with unknown tests does not count", verdictDir + "accept.go", "!ok && t.Unplanned == nil {", "!ok && false && t.Unplanned == nil {"},
	{"a failed rerun in an earlier attempt is later_pass", verdictDir + "merge.go",
		"hadRerun || rerunInVain(list) ||", "hadRerun ||"},
	{"a rerun that proved nothing was one", verdictDir + "merge.go", "failed && !passed && !proved", "failed && !passed && !proved && false"},
	{"used retries in an earlier attempt are later_pass", verdictDir + "merge.go", "hadRerun || rerunInVain(list) || usedRetries(list)", "hadRerun || rerunInVain(list)"},
	{"failures in two attempts are later_pass", verdictDir + "merge.go", "hadRerun = hadRerun || ended > 1", "_ = ended"},
	{"a failure without a rerun makes a later pass flaky", verdictDir + "merge.go", "r.Outcome = e2e.OutcomeOf(whole)", "_ = whole"},
	{"twins of two attempts are paired only if all are there", verdictDir + "merge.go", "if len(e2e.Twins(list)) != n {", "if len(e2e.Twins(list)) > 99 {"},
	{"a red base has failed in its three newest runs", verdictDir + "basefails.go", "baseNewest      = 3", "baseNewest      = 2"},
	{"or in six of its newest ten", verdictDir + "basefails.go", "baseMost        = 6", "baseMost        = 5"},
	{"with the newest two among them", verdictDir + "basefails.go", "baseNewestOfTen = 2", "baseNewestOfTen = 1"},
	{"a newest run that passed excuses nothing", verdictDir + "basefails.go", "first >= baseNewestOfTen && among >= baseMost", "among >= baseMost"},
	{"a flake of the base is no failure", verdictDir + "basefails.go", "of.Outcome == e2e.Failed && of.Fingerprint == print", "of.Fingerprint == print"},
	{"the base fails in the same way", verdictDir + "basefails.go", "of.Outcome == e2e.Failed && of.Fingerprint == print", "of.Outcome == e2e.Failed"},
	{"it is known since when the base is red", verdictDir + "basefails.go", "case !begun:", "case false && !begun:"},
	{"a base that is red for long excuses nothing", verdictDir + "basefails.go", "case now.Sub(found.Since) > b.MaxAge:", "case false:"},
	{"what is repaired on the branch excuses nothing", verdictDir + "basefails.go", "case b.Repaired[t.Stable()]:", "case false:"},
	{"a test that fails at the base in the same way is excused", verdictDir + "basefails.go", "if !recorded && !proven {", "if !recorded && (!proven || true) {"},
	{"each execution at the base fails in the same way", verdictDir + "probe.go", "return p.counts(t) && slices.", "return false && p.counts(t) && slices."},
	{"there are as many at the base as here, and two at least", verdictDir + "probe.go", "len(p.runs) >= max(leastProbed, p.needed)", "true"},
	{"a run at the base counts only if the base asks for it", verdictDir + "basefails.go", "proven := b.MaxProbed > 0 && ", "proven := "},
	{"a run at another commit is none at the base", verdictDir + "probe.go", `in.Plan.Base == "" || f.probe.SHA != in.Plan.Base`, "false"},
	{"a run at the base that passes contradicts red records", verdictDir + "basefails.go", "case recorded && b.MaxProbed > 0 &&", "case false && b.MaxProbed > 0 &&"},
	{"a judged run of the very commit contradicts a run at it", verdictDir + "basefails.go",
		`case !recorded && b.otherwise(runs, t, print) != "":`, `case false && b.otherwise(runs, t, print) != "":`},
	{"a run at the base does not tell since when it is red", verdictDir + "basefails.go", "case !recorded && now.Sub(passed) > b.MaxAge:", "case false:"},
	{"the base excuses nothing that the change touches", verdictDir + "basefails.go", `case touched != "":`, "case false:"},
	{"every execution fails in the same way", verdictDir + "basefails.go", "i > 0 && own != print", "false"},
	{"a failure has its second execution before the base excuses it", verdictDir + "basefails.go",
		"return a.Source == e2e.SourceDiagnostic || a.Source == e2e.SourceFramework", "return true"},
	{"the base excuses no failure of the environment", verdictDir + "basefails.go", " || t.Environment != nil", ""},
	{"the base excuses no crash", verdictDir + "basefails.go", "return e.Kind == e2e.EvidenceCrash", "return false"},
	{"the base excuses no twin", verdictDir + "basefails.go", ` || t.Set != "" || t.Twins > 1`, ""},
	{"the base excuses nothing if no blocking test passed", verdictDir + "basefails.go", "if !excused || passed {", "if true {"},
	{"the pass of a nightly test does not show that the change was tested", verdictDir + "basefails.go",
		"column == e2e.ReleaseBlockingSmoke) && (t.Quarantine", "true) && (t.Quarantine"},
	{"the pass of a test in quarantine does not show it either", verdictDir + "basefails.go", " && (t.Quarantine == nil || t.Quarantine.Expired)", ""},
	{"the base excuses nothing whose quarantine has ended", "internal/policy/decide.go",
		"t.Outcome == e2e.Failed && !expired && t.BaseFails", "t.Outcome == e2e.Failed && t.BaseFails"},
	{"a failure that the base has too does not block", "internal/policy/decide.go", "return RowBaseFails", "return RowFailed"},
	{"an excused failure is left behind", verdictDir + "merge.go", "case env != nil && env.Excuses:", "case false:"},
	{"only what the gate excuses is left behind", verdictDir + "merge.go", "case env != nil && env.Excuses:", "case env != nil:"},
	{"each failed attempt needs its alibi", verdictDir + "alibi.go", "case env == nil:\n\t\t\treturn nil", "case env == nil:"},
	{"an alibi excuses if that of every attempt does", verdictDir + "alibi.go", "first.Excuses = first.Excuses && env.Excuses", ""},
	{"a gate that went bad while the test ran excuses nothing", verdictDir + "alibi.go", "g.External || badAt(g, from)", "true"},
	{"an external gate excuses whenever it went bad", verdictDir + "alibi.go", "g.External || badAt(g, from)", "badAt(g, from)"},
	{"an advisory gate explains only what names it", verdictDir + "alibi.go", "if unnamed == nil && g.Required {", "if unnamed == nil {"},
	{"only what was seen while suites ran counts", verdictDir + "alibi.go", "if bad && s.Watch && !s.To", "if bad && !s.To"},
	{"an alibi is about the time of the failure", verdictDir + "alibi.go", "!s.To.Before(from.Add(-slack)) && !s.From.After(to.Add(slack))", "true"},
	{"another build is an alibi", verdictDir + "alibi.go",
		"bad := s.State == e2e.Unhealthy || redeployed(g, s, before)", "bad := s.State == e2e.Unhealthy && before == before"},
	{"a process that ended is an alibi", verdictDir + "alibi.go", "return a.endedProcess(at, to)", "return nil"},
	{"a crash is none", verdictDir + "alibi.go", "if !e.Crashed && e.concerns(at)", "if e.concerns(at)"},
	{"a process says nothing of other machines and attempts", verdictDir + "alibi.go", "e.shard == at.Shard && e.attempt == at.WorkflowAttempt", "true"},
	{"an earlier attempt of which nothing is known is not judged", verdictDir + "earlier.go",
		"e.Unreadable = true\n\t\tproblems = append(", "e.Unreadable = true\n\t\t_ = append("},
	{"an attempt without a verdict is a normal run", verdictDir + "earlier.go", "case w.Ending == NoVerdict:", "case false:"},
	{"an attempt that ended well is a normal run", verdictDir + "earlier.go", "case w.Ending == EndedWell, w.Ending", "case w.Ending"},
	{"a failed attempt without ids is not judged", verdictDir + "earlier.go", "w.Ending == EndedBadly && w.Failed != nil:", "w.Ending == EndedBadly:"},
	{"what a witness names is later_pass", verdictDir + "earlier.go", "t.LaterPass = true", ""},
	{"quarantine excuses until its deadline", "internal/policy/quarantine.go", "return deadline.IsZero() || ", "return false && "},
	{"quarantine of twins says how many", "internal/policy/quarantine.go", "|| max(entry.Twins, 1) != max(twins, 1)", ""},
	{"quarantine of twins excuses only if they were reported", verdictDir + "judge.go", `if t.Set != "" || t.Twins < 2 {`, "{"},
	{"later_pass is its own row", "internal/policy/decide.go", "later := t.LaterPass &&", "later := false && t.LaterPass &&"},
	{"quarantine excuses a failure", "internal/policy/decide.go",
		"quarantined := t.Quarantine != nil &&", "quarantined := false && t.Quarantine != nil &&"},
	{"a pass whose evidence is lost is not a pass", "internal/policy/decide.go", "return passed && !damaged && !t.Unplanned", "return passed && (!damaged || true) && !t.Unplanned"},
	{"lost evidence of blocking tests is not judged", "internal/policy/decide.go", "effect = j.lossOf(p)", "effect = e2e.Warns"},
	{"lost evidence of tests that do not block warns", "internal/policy/decide.go", "if !all || len(p.Tests) == 0 {", "if all || !all {"},
	{"a stage in which nothing passed is not judged", "internal/policy/decide.go", "case planned > 0 && passed == 0 && bad == 0:", "case false:"},
	{"failures of the environment are not judged", "internal/policy/decide.go", "t.Effect == e2e.Blocks && t.Environment != nil", "false"},
	{"a failure outweighs missing evidence", "internal/policy/decide.go",
		"case r.Effect == e2e.NotJudged && !judged:", "case r.Effect == e2e.NotJudged:"},
	{"a change that alters its judge blocks where the policy says so", "internal/policy/decide.go",
		"j.add(e2e.CodeJudgeChanged, effect,", "j.add(e2e.CodeJudgeChanged, e2e.Warns,"},
	{"a stage that does not pass blocks if it is to", "internal/policy/decide.go", "v.Blocks = j.ev.Blocks && v.State", "v.Blocks = v.State"},
	{"a smoke test that flakes blocks", "internal/policy/table.go", "t.row(RowFlaky, e2e.Blocks, e2e.Warns,", "t.row(RowFlaky, e2e.Warns, e2e.Warns,"},
	{"a flaky test does not block by default", "internal/policy/table.go",
		"t.row(RowFlaky, e2e.Blocks, e2e.Warns,", "t.row(RowFlaky, e2e.Blocks, e2e.Blocks,"},
	{"a later pass blocks", "internal/policy/table.go", "t.row(RowLaterPass, e2e.Blocks, e2e.Blocks,", "t.row(RowLaterPass, e2e.Blocks, e2e.Warns,"},
	{"a lost test is not judged", "internal/policy/table.go",
		"t.row(RowLost, e2e.NotJudged, e2e.NotJudged,", "t.row(RowLost, e2e.NotJudged, e2e.Warns,"},
	{"a failed nightly test does not block", "internal/policy/table.go",
		"t.row(RowFailed, e2e.Blocks, e2e.Blocks, e2e.Informs)", "t.row(RowFailed, e2e.Blocks, e2e.Blocks, e2e.Blocks)"},
	{"a skip behind a failure of its group is none", attemptsDir + "kept.go", "by = failed[place{group: p.Group}]", "_ = p.Group"},
	{"a skip behind a failure is one without a group", attemptsDir + "kept.go", `if p.Group != "" {`, "{"},
	{"a test of a group that was skipped in the last judged run is skipped", attemptsDir + "kept.go", `(by == "" || p.SkippedLast)`, `by == ""`},
	{"a test that the framework calls kept is no skip", attemptsDir + "kept.go", "!last.Kept && (by", "(by"},
	{"the last failure of its file kept it without a group", attemptsDir + "kept.go", "by = failed[place{file: p.File}]", "_ = p.File"},
	{"one of several tests that share an id may keep others", attemptsDir + "kept.go",
		"range executions(r.Results, u.in.RepeatedCases) {", "range [][]Result{r.Results} {"},
	{"a failure that a retry made good keeps nothing", attemptsDir + "kept.go", "if endedFailed(run) {", "if failedOnce(run) {"},
	{"a test that was only kept from running did not run", "internal/e2e/attempt.go", "case a.Kept && last == Lost:", "case false:"},
	{"a skip in the rerun of a kept test is one", "internal/e2e/attempt.go",
		"case !a.Kept && (last == Lost || last == NotRun):", "case !a.Kept && last == Lost:"},
	{"a pass in the rerun of a kept test is its first execution", attemptsDir + "rerun.go",
		"return o == e2e.Failed || o == e2e.NotRun", "return o == e2e.Failed"},
	{"a group is repeated whole, or not at all", "internal/rerun/rerun.go", `if reason == "" && refused[f.Cause] != "" &&`, `if reason == "" && false &&`},
	{"a test of a group that passed and fails in the rerun is flaky", attemptsDir + "rerun.go", "if !anyFailedFirst(now) {", "{"},
	{"the results of tests that share an id are paired in a rerun that does not decide them", attemptsDir + "rerun.go",
		"twin = before[i][0].Twin", "_ = before[i]"},
	{"a rerun record of a kept test is no contradiction", verdictDir + "accept.go", "if len(attempts) > 0 && attempts[0].Kept {", "if false {"},
	{"a test that was kept from running is not judged", "internal/policy/table.go",
		"t.row(RowNotRun, e2e.NotJudged, e2e.NotJudged,", "t.row(RowNotRun, e2e.NotJudged, e2e.Warns,"},
	{"a pass counts from a shard that stole the work", verdictDir + "merge.go", "stolen := stolenTests(d.Shard)", "stolen := map[string]bool{}"},
	{"stolen work is lost with the document of the shard that did it", verdictDir + "accept.go",
		"if by, ok := ranBy[id]; ok {", "if by, ok := ranBy[id]; ok && by < 0 {"},
	{"a gate that some tests need stops no others", "internal/policy/decide.go", "case !g.Open() && g.Scope != nil:", "case false && g.Scope != nil:"},
	{"a test that says nothing needs everything", "internal/e2e/scope.go", "if s == nil || len(t.Needs) == 0 {", "if s == nil {"},
	{"what a test does not need is no alibi", verdictDir + "alibi.go", "if len(t.Needs) == 0 {\n\t\treturn a", "{\n\t\treturn a"},
	{"a test that ran without a gate that it needs proves nothing", verdictDir + "scope.go", "len(run.Attempts) > 0 && g.Scope", "len(run.Attempts) > 9 && g.Scope"},
	{"what a change alone needs excuses nothing", verdictDir + "scope.go", "case m.in.Excusing != nil &&", "case false &&"},
	{"a dependency excuses no test that ran in an earlier attempt", verdictDir + "merge.go",
		"case len(before) > 0 || m.earlier.hasFailed(r.ID):", "case m.earlier.hasFailed(r.ID):"},
	{"a dependency that is down is not judged by default", "internal/policy/table.go",
		"t.row(RowDependencyDown, e2e.NotJudged, e2e.NotJudged,", "t.row(RowDependencyDown, e2e.Warns, e2e.Warns,"},
	{"the strictest policy blocks flakes", "internal/policy/table.go", "string(RowFlaky): blocks, ", ""},
}

// TestMutantsApply finds each mutant's text in its file, once, so that it breaks its rule.
func TestMutantsApply(t *testing.T) {
	root := gatebin.Root(t)
	for _, m := range mutants {
		data, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(m.file))) //nolint:gosec // a file of the repository
		if err != nil {
			t.Fatal(err)
		}
		if n := bytes.Count(data, []byte(m.old)); n != 1 {
			t.Errorf("%s: %s has %q %d times", m.rule, m.file, m.old, n)
		}
	}
}

// TestPower breaks each rule and wants a world to notice: a rule that no world reaches is
// not shown by the model. E2E_GATE_MODEL_POWER is a pattern of the rules; "." are all, which
// takes about fifteen minutes.
func TestPower(t *testing.T) {
	pattern := os.Getenv("E2E_GATE_MODEL_POWER")
	if pattern == "" {
		t.Skip("set E2E_GATE_MODEL_POWER=. to build and run the model for each mutant")
	}
	chosen := regexp.MustCompile(pattern)
	root, dir := gatebin.Root(t), t.TempDir()
	world := regexp.MustCompile(`(?m)(wrong green|wrong red): (.*)$`)
	killed, all := 0, 0
	var table strings.Builder
	for i, m := range mutants {
		if !chosen.MatchString(m.rule) {
			continue
		}
		all++
		source := filepath.Join(root, filepath.FromSlash(m.file))
		data, err := os.ReadFile(source) //nolint:gosec // a file of the repository
		if err != nil {
			t.Fatal(err)
		}
		if n := bytes.Count(data, []byte(m.old)); n != 1 {
			t.Errorf("%s: %s has %q %d times", m.rule, m.file, m.old, n)
			continue
		}
		changed, overlay := filepath.Join(dir, fmt.Sprintf("%d.go", i)), filepath.Join(dir, fmt.Sprintf("%d.json", i))
		text, err := json.Marshal(map[string]map[string]string{"Replace": {source: changed}})
		if err != nil {
			t.Fatal(err)
		}
		for name, content := range map[string][]byte{changed: bytes.Replace(data, []byte(m.old), []byte(m.new), 1), overlay: text} {
			if err := os.WriteFile(name, content, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		var out []byte
		for _, worlds := range []string{"60000", "1000000"} { // few mutants need many
			args := []string{"test", "-vet=off", "-overlay", overlay, "-run", "^TestNoVerdictIsWrong$", "./internal/verdict/model"}
			cmd := exec.CommandContext(t.Context(), "go", args...) //nolint:gosec // ours
			cmd.Dir = root
			cmd.Env = append(os.Environ(), "E2E_GATE_MODEL_SEED=1", "E2E_GATE_MODEL_WORLDS="+worlds)
			if out, err = cmd.CombinedOutput(); err != nil {
				break
			}
		}
		switch found := world.FindSubmatch(out); {
		case err == nil:
			t.Errorf("%s: no world notices that %s lacks it", m.rule, m.file)
		case found == nil:
			t.Errorf("%s: %v\n%s", m.rule, err, out)
		default:
			killed++
			t.Logf("killed: %s: %s", m.rule, found[1])
			fmt.Fprintf(&table, "| %s | %s | %s |\n", m.rule, found[1], found[2])
		}
	}
	t.Logf("%d of %d mutants killed by a world\n%s", killed, all, table.String())
}

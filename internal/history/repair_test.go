package history

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/org/e2e-gate/internal/e2e"
)

// lost holds the backups, by workflow run.
type lost map[string][]Found

func (l lost) Missing(_ context.Context, known func(string) bool) []Found {
	var list []Found
	for run, found := range l {
		if !known(run) {
			list = append(list, found...)
		}
	}
	return list
}

// ofWorkflow is the record of the nth run, with its bytes.
func ofWorkflow(t *testing.T, n int) (Record, Found) {
	t.Helper()
	r := main(n, float64(n+1))
	r.RunID, r.WorkflowRun = fmt.Sprintf("e2e-%013d-x", day0.UnixMilli()+int64(n)*3_600_000), fmt.Sprint(900+n)
	data, err := encode(r)
	if err != nil {
		t.Fatal(err)
	}
	return r, Found{WorkflowRun: r.WorkflowRun, Data: data}
}

// A store that was lost, or is behind, answers as if it were not, and asks no source
// for what it was given before: not even once a snapshot holds it, and newer runs have
// made it not count.
func TestRepair(t *testing.T) {
	const runs = 3 * foldFrom
	elsewhere, whole := lost{}, memory{}
	for n := range runs {
		r, found := ofWorkflow(t, n)
		elsewhere[found.WorkflowRun] = []Found{found}
		save(t, whole, r)
	}
	want, _, err := (&Log{Store: whole, Now: later}).Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, have := range []int{0, 1, runs / 2, runs - 1} {
		behind := memory{}
		for n := range have {
			r, _ := ofWorkflow(t, 2*n%runs)
			save(t, behind, r)
		}
		asked := &asking{BackupSource: elsewhere}
		log := &Log{Store: behind, Backups: asked, Now: later}
		for range 3 {
			got, skipped, err := log.Load(t.Context())
			if err != nil || len(skipped) > 0 {
				t.Fatal(skipped, err)
			}
			if diff := cmp.Diff(view(want), view(got)); diff != "" {
				t.Errorf("with %d of the runs: %s", have, diff)
			}
		}
		if asked.unknown[1] != 0 || asked.unknown[2] != 0 {
			t.Errorf("with %d of the runs: asked for %v", have, asked.unknown)
		}
	}
}

// asking counts the runs that the caller did not know, for each call.
type asking struct {
	BackupSource
	unknown []int
}

func (a *asking) Missing(ctx context.Context, known func(string) bool) []Found {
	found := a.BackupSource.Missing(ctx, known)
	a.unknown = append(a.unknown, len(found))
	return found
}

// A record from a backup is compared with the run that wrote it, and named if it does not
// count.
func TestRepairTakesNoStrangers(t *testing.T) {
	_, good := ofWorkflow(t, 1)
	_, stranger := ofWorkflow(t, 2)
	stranger.WorkflowRun = "1"
	branch := run(3, "refs/pull/1/merge", e2e.Passed, 999)
	branch.WorkflowRun = "903"
	data, err := encode(branch)
	if err != nil {
		t.Fatal(err)
	}
	future, err := encode(Record{Schema: "e2e-gate/history/v9", WorkflowRun: "904"})
	if err != nil {
		t.Fatal(err)
	}
	store := memory{}
	log := &Log{Store: store, Now: later, Backups: lost{"901": {good, good, {WorkflowRun: "901", Data: good.Data[:30]}}, "1": {stranger},
		"903": {{WorkflowRun: "903", Data: data}},
		"904": {{WorkflowRun: "904", Data: future}}, "905": {{WorkflowRun: "905", Data: nil}},
		"906": {{WorkflowRun: "906", Data: make([]byte, maxObject+1)}}}}
	stats, skipped, err := log.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if seconds, runs := stats.Estimate("t"); runs != 1 || seconds != 2 || len(store) != 1 {
		t.Errorf("%v s of %d runs, %d records in the store", seconds, runs, len(store))
	}
	slices.Sort(skipped)
	for i, why := range []string{"run 1: it names another", "run 901: it is damaged", "run 903: it is not from the default branch",
		"run 904: line 1: its schema", "run 905: it is empty", "run 906: it is larger"} {
		if i >= len(skipped) || !strings.Contains(skipped[i], why) {
			t.Errorf("nothing says %q: %q", why, skipped)
		}
	}
}

func TestCopies(t *testing.T) {
	log := &Log{Store: memory{}, Now: later, Copies: memory{}}
	r, found := ofWorkflow(t, 1)
	if err := log.Save(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	if got, err := log.Copies.Get(t.Context(), recordName(r)); err != nil || string(got) != string(found.Data) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}

// Records of subjects come back, if the workflow run has the commit of their tests.
func TestRepairOfSubjects(t *testing.T) {
	const tests, service = "1111111111111111111111111111111111111111", "2222222222222222222222222222222222222222"
	for name, tc := range map[string]struct {
		change func(*Record)
		back   bool
	}{
		"of a subject":                    {func(*Record) {}, true},
		"of the tests of another commit":  {func(r *Record) { r.TestsSHA = service }, false},
		"of no tests' commit":             {func(r *Record) { r.TestsSHA = "" }, false},
		"of no subject, and not of a run": {func(r *Record) { r.TestsSHA, r.SHA = "", tests }, false},
	} {
		r, _ := ofWorkflow(t, 1)
		r.SHA, r.TestsSHA, r.Main, r.Repository = service, tests, false, "acme/pay"
		tc.change(&r)
		data, err := encode(r)
		if err != nil {
			t.Fatal(err)
		}
		log := &Log{Store: memory{}, Backups: lost{r.WorkflowRun: {{WorkflowRun: r.WorkflowRun, SHA: tests, Data: data}}}, Now: later, Repository: "acme/pay"}
		stats, skipped, err := log.Load(t.Context())
		if err != nil || (len(stats.All()) > 0) != tc.back || (len(skipped) == 0) != tc.back {
			t.Errorf("%s: %d tests, skipped %q, %v", name, len(stats.All()), skipped, err)
		}
	}
}

package history

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/org/e2e-gate/internal/e2e"
)

// Question is about some tests in judged runs of a stage at some commits.
type Question struct {
	Repository, Stage string
	// Variant is the operating system and architecture.
	Variant string
	// Commits, the newest first.
	Commits []string
	// Tests are ids.
	Tests map[string]bool
	Now   time.Time
}

// VouchedRun is a judged run of which a trusted source says which workflow run wrote it.
type VouchedRun struct {
	RunID, WorkflowRun, SHA string
	Started                 time.Time
	// Beyond: its commit is none of those that were asked about. Such a run says only whether a test passed meanwhile.
	Beyond bool
	Tests  map[string]VouchedTest
}

// VouchedTest is the outcome of a test, and what all its failed executions say, see [ExactOf]; empty: that cannot be told.
type VouchedTest struct {
	Outcome e2e.Outcome
	Exact   string

	attempt int
}

// Vouched answers a question from records that a trusted source handed over, and from nothing else: not from the store, which a job may
// be able to write. Runs are in the order of the commits, of one commit the newest first. refused says which records do not
// count. Of several attempts of a workflow the last one that ran a test counts.
func Vouched(found []Found, q Question) (runs []VouchedRun, refused []string) {
	at := make(map[string]int, len(q.Commits))
	for i, sha := range slices.Backward(q.Commits) {
		at[sha] = i
	}
	byID := map[string]*VouchedRun{}
	log := Log{Repository: q.Repository, Now: func() time.Time { return q.Now }}
	for _, one := range found {
		if err := q.read(&log, one, at, byID); err != nil {
			refused = append(refused, fmt.Sprintf("a record of workflow run %s: %v", one.WorkflowRun, err))
		}
	}
	for _, r := range byID {
		runs = append(runs, *r)
	}
	slices.SortFunc(runs, func(a, b VouchedRun) int {
		place := func(r VouchedRun) int {
			if r.Beyond {
				return -1
			}
			return at[r.SHA]
		}
		return cmp.Or(cmp.Compare(place(a), place(b)), b.Started.Compare(a.Started), strings.Compare(b.RunID, a.RunID))
	})
	return runs, refused
}

func (q Question) read(log *Log, one Found, at map[string]int, byID map[string]*VouchedRun) error {
	u, err := log.vouched(one, false)
	if err != nil {
		return err
	}
	defer u.free()
	r := u.record
	_, among := at[r.SHA]
	judged := r.Nothing == "" && (r.Verdict == e2e.VerdictPassed || r.Verdict == e2e.VerdictFailed)
	if one.SHA == "" {
		return errors.New("the commit of its workflow run is not known")
	}
	if !judged || r.Stage != q.Stage || r.Variant != q.Variant {
		return nil
	}
	run := byID[r.RunID]
	if run == nil {
		run = &VouchedRun{RunID: r.RunID, WorkflowRun: one.WorkflowRun, SHA: r.SHA, Started: r.Started, Beyond: !among, Tests: map[string]VouchedTest{}}
		byID[r.RunID] = run
	}
	if run.SHA != r.SHA || run.WorkflowRun != one.WorkflowRun {
		return fmt.Errorf("its run id %s is that of another run", r.RunID)
	}
	for n, line := range bytes.Split(u.text, []byte("\n")) {
		if n == 0 || len(line) == 0 || bytes.HasPrefix(line, beginsDeselected) {
			continue
		}
		quick, ok := quickEntry(line)
		if ok && !q.Tests[string(quick.id)] {
			continue
		}
		var e Entry
		if err := json.Unmarshal(line, &e); err != nil {
			return err
		}
		if known, have := run.Tests[e.ID]; !q.Tests[e.ID] || e.Nothing != "" || have && known.attempt > r.Attempt {
			continue
		}
		run.Tests[e.ID] = VouchedTest{e.Outcome, e.Exact, r.Attempt}
	}
	return nil
}

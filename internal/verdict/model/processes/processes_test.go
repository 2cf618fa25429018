//go:build unix

// Package processes_test runs worlds of the generated fault model through the gate's program.
package processes_test

import (
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/org/e2e-gate/internal/testkit/gatebin"
	"github.com/org/e2e-gate/internal/testkit/model"
)

// statuses are the exit statuses of the answers on a blocking stage.
var statuses = map[model.Answer]int{model.Passed: 0, model.Failed: 1, model.NotJudged: 3}

// TestWorldsAsProcesses: plan, shard and verdict, each as a process, over files, with a real
// suite and its reports, end as the oracle says.
func TestWorldsAsProcesses(t *testing.T) {
	if testing.Short() {
		t.Skip("some thousand processes take a minute")
	}
	enough := int64(60) // a week has 300: see .ci/run
	if n, err := strconv.ParseInt(os.Getenv("E2E_GATE_MODEL_PROCESSES"), 10, 64); err == nil {
		enough = n
	}
	seed := uint64(time.Now().UnixNano()) //nolint:gosec // any seed will do
	if text := os.Getenv("E2E_GATE_MODEL_SEED"); text != "" {
		var err error
		if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("E2E_GATE_MODEL_SEED=%d", seed)
	program, dir := gatebin.Build(t), t.TempDir()
	var done, other, wrong, next atomic.Int64
	var answers [3]atomic.Int64
	var known sync.Map
	var group sync.WaitGroup
	for worker := range 2 {
		group.Go(func() {
			rng := rand.New(rand.NewPCG(seed, uint64(worker))) //nolint:gosec // not for secrets
			for done.Load() < enough && wrong.Load() < 3 {
				w := model.Draw(rng).ForProcesses()
				if _, twice := known.LoadOrStore(w.Key(), true); twice {
					continue
				}
				folder := filepath.Join(dir, strconv.FormatInt(next.Add(1), 10))
				status, output, err := w.Run(t, program, folder)
				if errors.Is(err, model.ErrOtherPlan) {
					other.Add(1)
					continue
				}
				want := w.Oracle()
				wanted := statuses[want]
				if !w.Blocks() {
					wanted = 0
				}
				if err != nil || status != wanted {
					wrong.Add(1)
					t.Errorf("%v: exit status %d, and the oracle says %s: %v\n%s", w, status, want, err, output)
				}
				answers[want].Add(1)
				done.Add(1)
				_ = os.RemoveAll(folder)
			}
		})
	}
	group.Wait()
	t.Logf("%d worlds as processes, %d wrong (%d passed, %d failed, %d not judged; %d were planned in another way)",
		done.Load(), wrong.Load(), answers[model.Passed].Load(), answers[model.Failed].Load(), answers[model.NotJudged].Load(), other.Load())
}

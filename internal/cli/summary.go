package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"

	"github.com/org/e2e-gate/internal/cluster"
	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/report"
	"github.com/org/e2e-gate/internal/safetext"
	"github.com/org/e2e-gate/internal/trigger"
)

// summary is what --summary writes: small, and the same whether a run ended or not.
type summary struct {
	Schema string `json:"schema"`
	// State is passed, failed or not_judged, or running.
	State      string `json:"state"`
	Blocks     bool   `json:"blocks"`
	ExitStatus *int   `json:"exit_status,omitempty"`
	Headline   string `json:"headline"`
	ToDo       string `json:"to_do,omitempty"`
	Run        string `json:"run"`
	Stage      string `json:"stage"`
	e2e.Subject
	URL string `json:"url,omitempty"`
}

const (
	// toConfigMap starts an address of --summary in a cluster.
	toConfigMap   = "configmap:"
	summarySchema = "e2e-gate/summary/v1"
	summaryRuns   = "running"
	// maxSummaryComment bounds the comment in a ConfigMap, in bytes.
	maxSummaryComment = 200 << 10
)

var configMapName = regexp.MustCompile(`^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$`)

// beginSummary says that a run runs, so that what an earlier one left is not taken for its verdict. Where that cannot be said, nothing
// is run.
func (s *setup) beginSummary(ctx context.Context, to string) error {
	if to == "" {
		return nil
	}
	if name, ok := strings.CutPrefix(to, toConfigMap); ok && (len(name) > 253 || !configMapName.MatchString(name)) {
		return usage("--summary: %q is not the name of a ConfigMap; it has small letters, digits, - and ., as in configmap:e2e-payment-api", name)
	}
	one := summary{Schema: summarySchema, State: summaryRuns, Blocks: s.stage.Blocking(), Headline: "e2e-gate " + s.stage.Name + ": running", Run: s.runID,
		Stage: s.stage.Name, Subject: s.subject, URL: s.trigger.URL}
	if err := s.putSummary(ctx, to, one, ""); err != nil {
		return fmt.Errorf("--summary %s: %w", to, err)
	}
	return nil
}

// writeSummary writes the verdict; it returns what could not be done.
func (s *setup) writeSummary(ctx context.Context, to string, r e2e.Result) []string {
	if to == "" {
		return nil
	}
	shown := s.forPeople(r)
	status := r.Verdict.ExitStatus()
	one := summary{Schema: summarySchema, State: string(r.Verdict.State), Blocks: r.Verdict.Blocks, ExitStatus: &status,
		Headline: report.HeadlineOf(shown).Text("-"), ToDo: report.ToDo(shown), Run: r.Run.ID, Stage: r.Run.Stage, Subject: shown.Run.Subject, URL: r.Run.URL}
	if err := s.putSummary(context.WithoutCancel(ctx), to, one, report.Markdown(shown, report.Options{MaxBytes: maxSummaryComment})); err != nil {
		s.journal.Failed(fmt.Errorf("--summary %s: %w", to, err))
		return []string{"the summary"}
	}
	return nil
}

func (s *setup) putSummary(ctx context.Context, to string, one summary, markdown string) error {
	text, err := json.MarshalIndent(one, "", "  ")
	if err != nil {
		return err
	}
	name, ok := strings.CutPrefix(to, toConfigMap)
	if !ok {
		return s.writeFile(to, append(text, '\n'))
	}
	api, err := s.openCluster(ctx, s.config.Executor.Kubernetes)
	if err != nil {
		return err
	}
	data := map[string]string{"summary.json": string(text), "state": one.State, "headline": one.Headline, "summary.md": markdown}
	if one.ExitStatus != nil {
		data["exit_status"] = strconv.Itoa(*one.ExitStatus)
	}
	return cluster.WriteSummary(ctx, api, name, data)
}

// maxTermination bounds a termination message, in bytes: Kubernetes keeps 4096.
const maxTermination = 2000

// terminationMessage says in a pod of Kubernetes how the program ended, where kubectl describe shows it. Runners of CI platforms in pods
// have messages of their own.
func (a *App) terminationMessage(text string) {
	if a.order == nil && (a.getenv("KUBERNETES_SERVICE_HOST") == "" || trigger.InCI(a.getenv)) {
		return
	}
	file := cmp.Or(a.termination, "/dev/termination-log")
	if info, err := os.Lstat(file); err != nil || !info.Mode().IsRegular() {
		return // no kubelet mounted one
	}
	_ = os.WriteFile(file, []byte(safetext.Line(text, maxTermination)+"\n"), 0o644) //nolint:gosec // a mount: it cannot be replaced, and is for people
}

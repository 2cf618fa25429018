package pipeline

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/org/e2e-gate/internal/config"
	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/gitrepo"
	"github.com/org/e2e-gate/internal/history"
	"github.com/org/e2e-gate/internal/policy"
	"github.com/org/e2e-gate/internal/runner"
	"github.com/org/e2e-gate/internal/safetext"
	"github.com/org/e2e-gate/internal/verdict"
)

// probes reports whether failed tests are run at the base too: not if what is judged is another commit than the checkout's, whose base is
// not this one.
func (s *Session) probes() bool {
	return s.opts.Config.Exonerate.Probe && s.opts.Subject == (e2e.Subject{}) && s.hasBase()
}

// maxProbed is how many of them at most.
func (s *Session) maxProbed() int {
	return cmp.Or(s.opts.Config.Exonerate.Max, config.DefaultMaxProbed)
}

// probed runs the failed tests that the base may excuse at the base, after everything of the change has been taken down. It reports
// whether the documents say more than before. A run that is stopped meanwhile stays as it was judged.
func (s *Session) probed(f *flow, env *environment, ev *evidence, r e2e.Result) bool {
	if env == nil || ev.plan == nil || ev.plan.Base == "" || !s.probes() || f.ctx.Err() != nil || len(ev.documents) == 0 {
		return false
	}
	one := &probing{s: s, plan: ev.plan, result: r, probe: e2e.Probe{SHA: ev.plan.Base}, runs: map[string][]e2e.ProbedRun{}}
	if one.failed, one.refused = s.excusable(r); len(one.failed) == 0 {
		return false
	}
	if err := safely(func() error { return one.run(f.ctx) }); err != nil {
		one.probe.Refused = err.Error()
		s.opts.Progress.Note(fmt.Sprintf("no failure was compared with a run at the base %.10s: %v", one.probe.SHA, err))
	}
	if f.ctx.Err() != nil {
		return false
	}
	ev.documents = one.filed(ev.documents)
	return true
}

// excusable are the failed tests that a failure at the base could excuse, with what the change has to do with them, by id: those are not
// run there.
func (s *Session) excusable(r e2e.Result) (list []*e2e.TestResult, touched map[string]string) {
	touched = map[string]string{}
	known := allKnown(s.opts.ChangedPaths)
	owners := s.codeowners()
	for i := range r.Tests {
		t := &r.Tests[i]
		if t.Outcome == e2e.Failed && t.Effect == e2e.Blocks && policy.Column(t.Test) == e2e.ReleaseBlocking && t.Quarantine == nil && t.BaseFails == nil &&
			verdict.OneFingerprint(t, s.fingerprints(t)) != "" {
			list = append(list, t)
			if why := s.touched(t, r.Judging, owners); known && why != "" {
				touched[t.ID] = why
			}
		}
	}
	return list, touched
}

// probing is one probe of the base.
type probing struct {
	s      *Session
	plan   *e2e.Plan
	result e2e.Result
	// failed are the tests that it is about.
	failed []*e2e.TestResult
	probe  e2e.Probe
	// refused says why what a test did does not count, runs what it did, by id.
	refused map[string]string
	runs    map[string][]e2e.ProbedRun
	// tree is where the base is checked out; head is the commit of the checkout.
	tree, head string
}

// filed are documents with what the probe says of their tests.
func (p *probing) filed(docs []verdict.Document) []verdict.Document {
	docs = slices.Clone(docs)
	for i := range docs {
		its := map[string]bool{}
		for _, t := range docs[i].Shard.Tests {
			its[t.ID] = true
		}
		own := p.probe
		own.Tests = []e2e.ProbedTest{}
		for _, t := range p.failed {
			if its[t.ID] {
				own.Tests = append(own.Tests, e2e.ProbedTest{ID: t.ID, Here: p.s.fingerprints(t)[0], Runs: p.runs[t.ID], Refused: p.refused[t.ID]})
			}
		}
		if len(own.Tests) > 0 {
			docs[i].Shard.Probe = &own
		}
	}
	return docs
}

// run is the probe. The error is why it was refused, or why it does not count.
func (p *probing) run(ctx context.Context) error {
	s, left := p.s, len(p.failed)-len(p.refused)
	if left == 0 {
		return nil
	}
	if !allKnown(s.opts.ChangedPaths) {
		return errors.New("the files of the change are not all known; check out with fetch-depth: 0")
	}
	if most := s.maxProbed(); left > most {
		return errors.New(verdict.TooManyProbed(left, most))
	}
	cfg := s.opts.Baseline.At
	if cfg == nil {
		return errors.New("the config of the base cannot be read")
	}
	place, err := placeAtBase(cfg, p.probe.SHA, s.opts.Config.Exonerate.Target, s.opts.Stage.Target)
	if err != nil {
		return err
	}
	ids, controls := p.choose()
	if len(ids) == 0 {
		return nil // each has its reason
	}
	ctx, cancel, err := p.time(ctx)
	if err != nil {
		return err
	}
	defer cancel()
	p.head = p.checkout().Head(ctx)
	remove, err := p.checkOut(ctx)
	defer remove()
	if err != nil {
		return cmp.Or(ended(ctx), err)
	}
	at, err := p.session(cfg, place)
	if err != nil {
		return err
	}
	s.opts.Progress.Note(fmt.Sprintf("%s at the base %.10s too: %s", ranToo(len(ids)), p.probe.SHA, e2e.SomeOf(ids)))
	if err := p.runAt(ctx, at, place, ids, controls); err != nil {
		return cmp.Or(ended(ctx), err)
	}
	p.probe.Product = place.product
	return nil
}

func ranToo(n int) string {
	if n == 1 {
		return "1 failed test is run"
	}
	return fmt.Sprintf("%d failed tests are run", n)
}

// ended says that a context ended, and why; nil: it did not.
func ended(ctx context.Context) error {
	switch {
	case ctx.Err() == nil:
		return nil
	case errors.Is(context.Cause(ctx), runner.ErrStageTimeout):
		return errNoTime
	}
	return context.Cause(ctx)
}

var errNoTime = errors.New("the stage had no time left for it; give it a longer timeout")

// choose are the tests that can be run there, and for each suite tests that passed here: if these pass there too, the suite can run
// there, and does not just lack what it needs.
func (p *probing) choose() (ids []string, controls map[string][]string) {
	controls = map[string][]string{}
	for _, t := range p.failed {
		control := p.control(t)
		switch {
		case p.refused[t.ID] != "":
		case t.Group != "":
			p.refused[t.ID] = "it builds on other tests, which are not run there"
		case control == "":
			p.refused[t.ID] = fmt.Sprintf("no other test of suite %s passed here, which would show that the suite can run there", t.Suite)
		default:
			ids = append(ids, t.ID)
			if !slices.Contains(controls[t.Suite], control) {
				controls[t.Suite] = append(controls[t.Suite], control)
			}
		}
	}
	return ids, controls
}

// control is the test of the suite that passed here, best of the same file and quick; empty: there is none.
func (p *probing) control(failed *e2e.TestResult) string {
	var best *e2e.TestResult
	far := func(t *e2e.TestResult) int {
		if t.File == failed.File {
			return 0
		}
		return 1
	}
	for i := range p.result.Tests {
		t := &p.result.Tests[i]
		if t.Suite != failed.Suite || t.Outcome != e2e.Passed || t.LaterPass || t.Unplanned || t.Context || t.Set != "" || t.Group != "" || len(t.Attempts) == 0 {
			continue
		}
		if best == nil || cmp.Or(cmp.Compare(far(t), far(best)), cmp.Compare(t.Attempts[0].Seconds, best.Attempts[0].Seconds)) < 0 {
			best = t
		}
	}
	if best == nil {
		return ""
	}
	return best.ID
}

// time bounds the probe: what is left of the stage, without what judging and writing once more may take.
func (p *probing) time(ctx context.Context) (context.Context, context.CancelFunc, error) {
	deadline, ok := ctx.Deadline()
	if !ok {
		ctx, cancel := context.WithCancel(ctx)
		return ctx, cancel, nil
	}
	needed := 0.0
	for _, t := range p.failed {
		for _, a := range t.Attempts {
			needed += a.Seconds
		}
	}
	deadline = deadline.Add(-reserve(p.s.opts.Stage.Timeout))
	if time.Until(deadline).Seconds() <= needed {
		return ctx, nil, errNoTime
	}
	ctx, cancel := context.WithDeadlineCause(ctx, deadline, runner.ErrStageTimeout)
	return ctx, cancel, nil
}

// checkOut writes the base into a folder of its own. It lies outside of the checkout: tools look for their config and their packages in
// the folders above, and would find those of the change.
func (p *probing) checkOut(ctx context.Context) (remove func(), err error) {
	made, err := os.MkdirTemp("", "e2e-gate-base-")
	if err != nil {
		return func() {}, err
	}
	remove = func() {
		if err := os.RemoveAll(made); err != nil {
			_ = filepath.WalkDir(made, func(path string, d os.DirEntry, err error) error { // caches are made without the right to write
				if err == nil && d.IsDir() {
					_ = os.Chmod(path, 0o700) //nolint:gosec // a folder needs the right to be entered
				}
				return nil
			})
			if err = os.RemoveAll(made); err != nil {
				p.s.opts.Progress.Note(fmt.Sprintf("the files of the base were not all removed: %v", err))
			}
		}
	}
	if p.tree, err = filepath.EvalSymlinks(made); err != nil {
		return remove, err
	}
	for _, root := range p.s.roots() {
		if rel, err := filepath.Rel(root, p.tree); err != nil || filepath.IsLocal(rel) {
			return remove, fmt.Errorf("the folder for temporary files (%s) lies in the checkout, where tools find files of the change; set TMPDIR", filepath.Dir(made))
		}
	}
	return remove, p.checkout().CheckOut(ctx, p.probe.SHA, p.tree)
}

func (p *probing) checkout() gitrepo.Checkout {
	return gitrepo.Checkout{Dir: p.s.opts.Root, Environ: p.s.opts.BaseEnv}
}

// roots are the names of the checkout's folder, the longest first.
func (s *Session) roots() []string {
	list := []string{filepath.Clean(s.opts.Root)}
	if real, err := filepath.EvalSymlinks(s.opts.Root); err == nil && real != list[0] {
		list = append(list, real)
	}
	slices.SortFunc(list, func(a, b string) int { return len(b) - len(a) })
	return list
}

// session is one for what is started from the base.
func (p *probing) session(cfg *config.Config, place atBase) (*Session, error) {
	s := p.s
	env, err := p.environ(s.opts.BaseEnv)
	if err != nil {
		return nil, err
	}
	dir, err := s.folder()
	if err != nil {
		return nil, err
	}
	err = dir.MkdirAll("base", 0o755)
	if err = errors.Join(err, dir.Close()); err != nil {
		return nil, err
	}
	t, stage := s.opts.Trigger, s.opts.Stage
	t.SHA, stage.Target = p.probe.SHA, cmp.Or(place.target, stage.Target)
	at := New(Options{
		Root: p.tree, Out: filepath.Join(s.out, "base"), Config: cfg, Stage: stage, Trigger: t, RunID: s.run.ID + "-base", Key: s.opts.Key,
		BaseEnv: env, Ports: s.opts.Ports, Redact: s.opts.Redact, Progress: muted{s.opts.Progress}, Version: s.opts.Version, Now: s.opts.Now,
	})
	if err := at.leadsElsewhere(place, s.roots()); err != nil {
		return nil, err
	}
	return at, nil
}

// ofChange are variables of CI platforms that name the change otherwise than by its commit. Addresses of previews are made of them.
var ofChange = regexp.MustCompile(`^(?:GITHUB_(?:REF|REF_NAME|HEAD_REF|EVENT_PATH)|CI_COMMIT_(?:REF|BRANCH|SHORT_SHA).*|CI_MERGE_REQUEST_.*|` +
	`CI_ENVIRONMENT_(?:NAME|SLUG)|BUILDKITE_(?:BRANCH|PULL_REQUEST).*|CIRCLE_(?:BRANCH|PR_|PULL_REQUEST).*|SYSTEM_PULLREQUEST_.*|BUILD_SOURCEBRANCH.*|` +
	`BRANCH_NAME|GIT_BRANCH|CHANGE_.*)$`)

// environ is the environment of a run of the base: what names the checkout or the commit of the change names those of the base.
func (p *probing) environ(base []string) ([]string, error) {
	var shas []string
	for _, sha := range []string{p.s.run.SHA, p.s.run.EventSHA, p.s.opts.Trigger.SHA, p.head, variable(base, "GITHUB_SHA")} {
		if len(sha) >= 40 && sha != p.probe.SHA {
			shas = append(shas, sha)
		}
	}
	var list []string
	for _, kv := range base {
		name, value, _ := strings.Cut(kv, "=")
		if ofChange.MatchString(name) {
			continue
		}
		value = p.there(value)
		for _, sha := range shas {
			if value = strings.ReplaceAll(value, sha, p.probe.SHA); strings.Contains(value, sha[:7]) {
				return nil, fmt.Errorf("the variable %s names the commit of the change, so what uses it may be of the change", name)
			}
		}
		list = append(list, name+"="+value)
	}
	return list, nil
}

// variable is the value of an environment variable.
func variable(env []string, name string) string {
	for _, kv := range env {
		if value, ok := strings.CutPrefix(kv, name+"="); ok {
			return value
		}
	}
	return ""
}

// there is a text with the folder of the base in place of the checkout's.
func (p *probing) there(text string) string {
	for _, root := range p.s.roots() {
		text = replacePath(text, root, p.tree)
	}
	return text
}

// replacePath replaces a path in a text, also where another one follows below it, but not one that only begins as it does.
func replacePath(text, from, to string) string {
	if len(from) < 2 {
		return text
	}
	var b strings.Builder
	for {
		i := strings.Index(text, from)
		if i < 0 {
			return b.String() + text
		}
		rest := text[i+len(from):]
		b.WriteString(text[:i])
		if rest == "" || !isWord(rest[0]) && rest[0] != '-' && rest[0] != '.' {
			b.WriteString(to)
		} else {
			b.WriteString(from)
		}
		text = rest
	}
}

// muted shows nothing of tests and gates, which would look like those of the change.
type muted struct{ Progress }

func (muted) Gate(e2e.Gate)           {}
func (muted) Health(string)           {}
func (muted) Started(_, _ string)     {}
func (muted) Unit(e2e.Event)          {}
func (muted) Rerun(string)            {}
func (q muted) Processes(text string) { q.Progress.Processes("for the base: " + text) }

// runAt starts what the base needs, runs the tests, and takes it all down. The error says why nothing of it counts.
func (p *probing) runAt(ctx context.Context, at *Session, place atBase, ids []string, controls map[string][]string) (err error) {
	env := &environment{Session: at, needed: e2e.NeededFor(nil, true), decided: map[string]e2e.Gate{}}
	defer func() {
		_ = env.stop(ctx)
		env.down()
	}()
	if env.make(ctx); len(env.strangers) > 0 {
		return fmt.Errorf("%s answers before anything of the base was started, so the tests may talk to what is there", env.strangers[0])
	}
	if err := env.processes.Start(ctx); err != nil {
		return fmt.Errorf("the base does not start: %w", err)
	}
	gates, problems, err := env.openGates(ctx, none{})
	if err != nil || !e2e.GatesOpen(gates) {
		return notOpen(gates, problems, err)
	}
	env.watch(ctx)
	defer func() { _ = env.watched(gates) }()
	if err := place.proven(gates); err != nil {
		return err
	}
	sh, err := p.runTests(ctx, env, ids, controls)
	if err != nil {
		return err
	}
	if bad := env.unhealthyNow(ctx).of(e2e.Test{}); bad != "" {
		return fmt.Errorf("the environment of the base was not healthy at the end: %s", bad)
	}
	for _, g := range env.watched(gates) {
		if g.Required && len(g.LostSpans()) > 0 {
			return fmt.Errorf("gate %s went down while the tests ran at the base", g.Name)
		}
	}
	p.read(at, sh, ids, controls)
	return nil
}

// notOpen says why gates did not pass.
func notOpen(gates []e2e.Gate, problems []e2e.Problem, err error) error {
	for _, g := range gates {
		if !g.Open() {
			return fmt.Errorf("the environment of the base is not healthy: gate %s: %s", g.Name, g.Observed)
		}
	}
	if len(problems) > 0 {
		return errors.New(problems[0].Text)
	}
	return err
}

// runTests runs tests at the base as often as here, and their controls once.
func (p *probing) runTests(ctx context.Context, env *environment, ids []string, controls map[string][]string) (*runner.Shard, error) {
	all := slices.Concat(append(slices.Collect(maps.Values(controls)), ids)...)
	slices.Sort(all)
	work := p.plan.Work()
	plan := &e2e.Plan{Digest: p.plan.Digest, Shards: []e2e.PlanShard{{Index: p.failed[0].Attempts[0].Shard, Name: "base", Tests: all}}}
	for _, t := range p.plan.Tests {
		if slices.Contains(all, t.ID) {
			plan.Tests = append(plan.Tests, t)
		}
	}
	x := &execution{environment: env}
	x.work.plan = plan
	cfg, err := x.config()
	if err != nil {
		return nil, fmt.Errorf("the base cannot run them: %w", err)
	}
	cfg.Whole = nil // alarms of a whole suite would be false
	r := runner.New(cfg)
	sh := r.Shard(plan.Shards[0], work)
	f := newFlow(ctx, nil)
	err = phases(ctx, r, []*runner.Shard{sh})
	env.release(ctx, f, sh)
	var again []string
	for _, t := range p.failed {
		retried := slices.ContainsFunc(t.Attempts, func(a e2e.Attempt) bool { return a.CountedRetry() })
		if slices.Contains(ids, t.ID) && !retried {
			again = append(again, t.ID)
		}
	}
	if err == nil && len(again) > 0 && ctx.Err() == nil {
		err = safely(func() error { sh.Rerun(ctx, again); return nil })
		env.release(ctx, f, sh)
	}
	return sh, cmp.Or(ended(ctx), err)
}

// read takes what the tests did from the shard.
func (p *probing) read(at *Session, sh *runner.Shard, ids []string, controls map[string][]string) {
	doc := sh.Document(nil, true)
	for _, problem := range doc.Problems {
		for _, id := range ids {
			if problem.LosesEvidence && (len(problem.Tests) == 0 || slices.Contains(problem.Tests, id)) {
				p.refused[id] = "what it did there does not count: " + problem.Text
			}
		}
	}
	for _, t := range doc.NotRun {
		p.refused[t.ID] = "it could not start there: " + t.Reason
	}
	did := map[string][]e2e.Attempt{}
	for _, t := range doc.Tests {
		did[t.ID] = t.Attempts
	}
	for _, t := range p.failed {
		if !slices.Contains(ids, t.ID) || p.refused[t.ID] != "" {
			continue
		}
		for _, control := range controls[t.Suite] {
			if e2e.OutcomeOf(did[control]) != e2e.Passed {
				p.refused[t.ID] = fmt.Sprintf("%s passed here and does not pass there, so the suite may lack there what it needs", control)
			}
		}
		for _, a := range did[t.ID] {
			if a.Uncounted != "" {
				continue
			}
			run, err := p.ran(at, a)
			if err != nil {
				p.refused[t.ID] = err.Error()
			}
			p.runs[t.ID] = append(p.runs[t.ID], run)
		}
		if len(did[t.ID]) == 0 && p.refused[t.ID] == "" {
			p.refused[t.ID] = "it was not reported there"
		}
	}
}

// ran is an execution at the base. What its failure says is compared as if it had been in the checkout.
func (p *probing) ran(at *Session, a e2e.Attempt) (run e2e.ProbedRun, err error) {
	run.Outcome = a.Outcome
	if a.Outcome != e2e.Failed {
		return run, nil
	}
	a = safetext.Redacted(p.s.opts.Redact, a)
	a.Children = slices.Clone(a.Children)
	here := func(text string) string {
		for _, root := range p.s.roots() {
			// The run's folder is the same for both.
			if outside := replacePath(text, p.s.out, ""); replacePath(outside, root, "") != outside {
				err = errors.New("its failure there names the checkout of the change, so what ran there is not the base's alone")
			}
		}
		return replacePath(text, p.tree, filepath.Clean(p.s.opts.Root))
	}
	a.Type, a.Message, a.Details = here(a.Type), here(a.Message), here(a.Details)
	for i := range a.Children {
		a.Children[i].Message = here(a.Children[i].Message)
	}
	run.Fingerprint = history.ExactOf(a, at.run.ID)
	run.Message = safetext.Line(cmp.Or(a.Message, a.Type), 300)
	return run, err
}

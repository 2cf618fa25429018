package cli

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"github.com/org/e2e-gate/internal/config"
	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/forge"
	"github.com/org/e2e-gate/internal/gitrepo"
	"github.com/org/e2e-gate/internal/pipeline"
	"github.com/org/e2e-gate/internal/policy"
)

// judging says whose config judges a run: a change cannot relax its own judge.
type judging struct {
	e2e.Judging
	// config is the judge's, as it stands in the file; nil: the run's own judges.
	config *config.Config
	// file and text are those of that config.
	file string
	text []byte
	// fragments are the files that it includes.
	fragments []config.FragmentText
	// broken: the base's config has mistakes. missing: the base has no config.
	broken  error
	missing bool
	// quarantine is the base's.
	quarantine policy.Quarantine
	problems   []e2e.Problem
	notes      []string
	// hold: no process may be started.
	hold bool
	// organization is what the judging config extends; nil: nothing.
	organization *extension
	// against is what the change is measured against, commits that commit and those before it.
	against *judging
	commits []string
	// ask asks for approvals; nil: the base's policy does not block, or does not say who may approve.
	ask func(tests bool) ([]e2e.Approval, error)
}

// whoJudges finds whose config judges the commit under test. own is the run's config as it
// stands in the file, asked the path that a flag names for it, stage the one that a flag chooses.
func (a *App) whoJudges(ctx context.Context, in inputs, own *config.Config, asked, stage string) judging {
	b := bench{app: a, in: in, pullRequest: in.trigger.PullRequest, work: gitrepo.Checkout{Dir: in.root, Environ: a.Environ}, own: own, asked: asked, stage: stage}
	if !in.trigger.CI {
		return b.extend(ctx, judging{Judging: e2e.Judging{By: e2e.JudgedByWorkingTree}}, own)
	}
	values, measured, err := b.base(ctx)
	switch {
	case errors.Is(err, errNoBase):
		return b.withoutBase()
	case err != nil:
		return b.unknown(ctx, err)
	case values == "":
		return b.extend(ctx, judging{Judging: e2e.Judging{By: e2e.JudgedByCommit}, notes: b.notes}, own)
	}
	j, err := b.judge(ctx, values)
	if err != nil {
		return b.unknown(ctx, fmt.Errorf("commit %.10s cannot be read: %w; run git fetch --depth=1 origin %s", values, err, values))
	}
	j.By, j.Commit, j.notes = e2e.JudgedByBase, values, append(b.notes, j.notes...)
	if j = b.extend(ctx, j, j.config); j.By == e2e.JudgedByNothing {
		return j
	}
	b.measure(ctx, &j, values, cmp.Or(measured, values))
	j.Changes = append(append(j.Changes, b.changes(j, *j.against)...), b.podSpecs(ctx, cmp.Or(measured, values))...)
	if b.approval(ctx, &j); j.By == e2e.JudgedByApproval {
		j.organization, j.Extends = nil, nil
		return b.extend(ctx, j, own)
	}
	return j
}

// bench looks for the judge.
type bench struct {
	app   *App
	in    inputs
	work  gitrepo.Checkout
	own   *config.Config
	asked string
	stage string
	notes []string
	// reader is the forge, opened when it is needed.
	reader connection
	// pullRequest is the open one whose head is judged; 0: none is known.
	pullRequest int
	// extensions were read.
	extensions map[config.Source]*extension
}

func (b *bench) forge() (connection, error) {
	if b.reader != nil {
		return b.reader, nil
	}
	c, err := b.app.openForge(b.in.trigger, publishTime)
	if err == nil && c == nil {
		err = errNoToken
	}
	b.reader = c
	return c, err
}

// base finds the commit whose config judges, and the one that the change is measured against,
// which was part of what is tested. values is empty where the commit under test judges itself:
// it is on a judging branch.
func (b *bench) base(ctx context.Context) (values, measured string, err error) {
	t := b.in.trigger
	head := b.work.Head(ctx)
	if strings.HasPrefix(t.Event, "pull_request") || t.Event == "merge_group" {
		if values = b.tip(ctx, t.Branch, t.BaseSHA); b.app.dir != "" { // no checkout shows the tip
			if values, err = b.tipByForge(ctx, t.Branch); err != nil {
				return "", "", err
			}
		}
		switch {
		case values == "" && t.Platform != "":
			return "", "", fmt.Errorf("%s does not name the base, and the checkout does not have branch %s of origin; fetch it (git fetch origin %s), "+
				"or check out with the whole history", t.Platform, cmp.Or(t.Branch, "(unknown)"), t.Branch)
		case values == "":
			return "", "", errNoBase
		}
		return values, b.measuredAgainst(ctx, head, values), nil
	}
	branch, ok := strings.CutPrefix(t.Ref, "refs/heads/")
	switch {
	case t.MainBranch == "" && t.Platform != "":
		return "", "", fmt.Errorf("%s does not name the default branch, and the checkout does not know it either; run git remote set-head origin --auto first",
			t.Platform)
	case t.MainBranch == "":
		b.notes = append(b.notes, "the event names no default branch, so the config of this commit judges it")
		return "", "", nil
	case t.DefaultBranch && b.in.eventSHA == "", ok && branch == t.MainBranch && b.in.eventSHA == "":
		return "", "", nil
	}
	return b.ofOther(ctx, head, branch)
}

// ofOther is base for a commit that no pull request and no merge group is about, and that is
// not the tip of the default branch.
func (b *bench) ofOther(ctx context.Context, head, branch string) (values, measured string, err error) {
	t := b.in.trigger
	target := t.MainBranch
	if onto := b.openPullRequest(ctx, branch); onto != "" {
		target = onto
	} else if judges, err := b.judges(ctx, branch); err != nil {
		return "", "", err
	} else if judges {
		return "", "", nil
	}
	if tip := b.work.Resolve(ctx, target); tip != "" && head != "" {
		switch common := b.work.MergeBase(ctx, head, tip); common {
		case "":
		case head:
			return "", "", nil // it is on the branch
		default:
			return tip, common, nil
		}
	}
	c, err := b.forge()
	if err != nil {
		return "", "", fmt.Errorf("the checkout does not show where the commit left branch %s: %w", target, err)
	}
	asked, ok := c.(forge.Branches)
	if !ok {
		return "", "", fmt.Errorf("the checkout does not show where the commit left branch %s", target)
	}
	tip, common, err := asked.Compare(ctx, target, t.SHA)
	if err != nil {
		return "", "", err
	}
	if common == t.SHA {
		return "", "", nil
	}
	return tip, common, nil
}

// openPullRequest is the branch that an open pull request of the commit is for; empty where
// there is none, or the forge does not say.
func (b *bench) openPullRequest(ctx context.Context, branch string) string {
	if branch == "" {
		return ""
	}
	c, err := b.forge()
	if err != nil {
		return ""
	}
	list, err := c.PullRequests(ctx, forge.WorkflowRun{HeadRepository: b.in.trigger.Repository, Branch: branch})
	if err != nil {
		return ""
	}
	for _, pr := range list {
		if pr.SHA == b.in.trigger.SHA {
			b.pullRequest = pr.Number
			return pr.Base
		}
	}
	return ""
}

// judges reports whether a branch is a judging branch: one that the config at the tip of the
// default branch names, and that is protected.
func (b *bench) judges(ctx context.Context, branch string) (bool, error) {
	if branch == "" || !onBranch(b.own.Judge.Branches, branch) {
		return false, nil // not even the commit's own config says so
	}
	c, err := b.forge()
	if err != nil {
		return false, fmt.Errorf("whether branch %s is protected is not known: %w", branch, err)
	}
	asked, ok := c.(forge.Branches)
	if !ok {
		return false, nil
	}
	tip := b.work.Resolve(ctx, b.in.trigger.MainBranch)
	if tip == "" {
		if tip, _, err = asked.Compare(ctx, b.in.trigger.MainBranch, b.in.trigger.SHA); err != nil {
			return false, err
		}
	}
	j, err := b.judge(ctx, tip)
	if err != nil || j.config == nil || !onBranch(j.config.Judge.Branches, branch) {
		return false, err
	}
	return asked.Protected(ctx, branch)
}

// tip is the newest commit of a base branch that is known: the event names the one of its time.
func (b *bench) tip(ctx context.Context, branch, event string) string {
	tip := ""
	if branch != "" {
		tip = b.work.Resolve(ctx, branch)
	}
	if event != "" && (tip == "" || b.work.MergeBase(ctx, tip, event) != event) {
		return event
	}
	return tip
}

// tipByForge is the newest commit of a branch as the forge knows it.
func (b *bench) tipByForge(ctx context.Context, branch string) (string, error) {
	c, err := b.forge()
	if err != nil {
		return "", err
	}
	asked, ok := c.(forge.Branches)
	if !ok {
		return "", fmt.Errorf("this forge does not show the newest commit of branch %s", branch)
	}
	tip, _, err := asked.Compare(ctx, branch, b.in.trigger.SHA)
	return tip, err
}

// measuredAgainst is the part of the base that is in what is tested: the first parent of a test
// merge, the base of a merge group, else the common ancestor.
func (b *bench) measuredAgainst(ctx context.Context, head, values string) string {
	t := b.in.trigger
	if parents := b.work.Parents(ctx, head); head != t.SHA && len(parents) > 1 && parents[0] != t.SHA {
		return parents[0]
	}
	if t.Event == "merge_group" && t.BaseSHA != "" {
		return t.BaseSHA
	}
	if common := b.work.MergeBase(ctx, head, values); common != "" {
		return common
	}
	return values
}

// judge reads the config of a commit, and its quarantine. An error means that it is unknown.
func (b *bench) judge(ctx context.Context, commit string) (judging, error) {
	read, err := b.read(ctx, commit)
	if err != nil {
		return judging{}, err
	}
	file, text, err := b.find(ctx, read)
	switch {
	case err != nil:
		return judging{}, err
	case file == "":
		return judging{missing: true}, nil
	}
	j := judging{file: file, text: text}
	if j.fragments, err = b.fragments(ctx, commit, text, read); err != nil {
		return judging{}, err
	}
	if j.config, err = config.PeekBytes(file, text, j.fragments...); err != nil {
		j.broken, j.config = errors.New("its config has mistakes: "+firstMistake(err)), nil
		return j, nil
	}
	if _, err := config.ParseSource(j.config.Extends); err != nil && j.config.Extends != "" {
		j.broken, j.config = fmt.Errorf("its config has mistakes: extends %q %w", j.config.Extends, err), nil
		return j, nil
	}
	if j.config.Quarantine == "" {
		return j, nil
	}
	text, found, err := read(ctx, filepath.ToSlash(filepath.Clean(j.config.Quarantine)))
	if err != nil {
		return judging{}, err
	}
	if found {
		if j.quarantine, err = config.ParseQuarantine(j.config.Quarantine, text); err != nil {
			j.quarantine = nil
			j.notes = append(j.notes, fmt.Sprintf("the quarantine of the base cannot be read and is ignored: %v", err))
		}
	}
	return j, nil
}

// readBase reads a file of a commit, by its path from the root.
type readBase func(ctx context.Context, path string) (text []byte, found bool, err error)

// read reads from the checkout if it has the commit or can fetch it, else through the forge.
func (b *bench) read(ctx context.Context, commit string) (readBase, error) {
	fromGit := func(ctx context.Context, path string) ([]byte, bool, error) { return b.work.File(ctx, commit, path) }
	if b.work.Has(ctx, commit) {
		return fromGit, nil
	}
	// The forge is asked first: it sends one file, and a fetch all files of the commit.
	c, forgeErr := b.forge()
	if forgeErr == nil {
		type answer struct {
			text  []byte
			found bool
		}
		known := map[string]answer{}
		ofForge := func(ctx context.Context, path string) ([]byte, bool, error) {
			if a, ok := known[path]; ok {
				return a.text, a.found, nil
			}
			text, found, err := c.File(ctx, commit, path)
			if err == nil {
				known[path] = answer{text, found}
			}
			return text, found, err
		}
		if _, _, forgeErr = ofForge(ctx, config.DefaultFiles[0]); forgeErr == nil {
			return ofForge, nil
		}
	}
	if err := b.work.Fetch(ctx, commit); err != nil {
		return nil, fmt.Errorf("the checkout does not have it (git: %w), and %w", err, forgeErr)
	}
	return fromGit, nil
}

// find reads the config of a commit: at the path that a flag names, else at the usual places,
// else where the change has its own. file is empty where the commit has none.
func (b *bench) find(ctx context.Context, read readBase) (file string, text []byte, err error) {
	own := inRepository(b.in.root, b.own.File)
	places := append(slices.Clone(config.DefaultFiles), own)
	if b.asked != "" {
		places = append([]string{own}, places...)
	}
	for _, place := range places {
		if place == "" {
			continue
		}
		text, found, err := read(ctx, place)
		if err != nil {
			return "", nil, err
		}
		if found {
			return place, text, nil
		}
	}
	return "", nil, nil
}

// fragments are the files of a commit that its config includes. Which files a commit has, only git tells.
func (b *bench) fragments(ctx context.Context, commit string, text []byte, read readBase) (list []config.FragmentText, err error) {
	c, _ := config.PeekBytes("", text)
	if c == nil || len(c.Include) == 0 {
		return nil, nil
	}
	if !b.work.Has(ctx, commit) {
		if err := b.work.Fetch(ctx, commit); err != nil {
			return nil, fmt.Errorf("its config includes other files, which only a checkout of it shows: %w", err)
		}
	}
	names, err := b.work.FilesOf(ctx, commit)
	if err != nil {
		return nil, err
	}
	for _, name := range c.Included(names) {
		text, found, err := read(ctx, name)
		switch {
		case err != nil:
			return nil, err
		case found:
			list = append(list, config.FragmentText{File: name, Text: text})
		}
	}
	return list, nil
}

// inRepository is a path from the root of a repository, with slashes, or empty outside of it.
func inRepository(root, file string) string {
	abs, err := filepath.Abs(file)
	if err != nil {
		return ""
	}
	rel, err := filepath.Rel(root, abs)
	if err != nil || !filepath.IsLocal(rel) {
		return ""
	}
	return filepath.ToSlash(rel)
}

// errNoBase says that the event's payload names no base. GitHub's always does.
var errNoBase = errors.New("the event names no base commit")

// withoutBase is the judging of a pull request of which only the event's name is known, as
// where the gate is called by hand: no value of the change decides.
func (b *bench) withoutBase() judging {
	j := judging{Judging: e2e.Judging{By: e2e.JudgedByBase}, missing: true, notes: b.notes}
	soft := slices.ContainsFunc(b.own.Stages, func(s config.Stage) bool { return !s.Blocking() })
	if soft || !b.own.Policy.BuiltIn() || b.own.Quarantine != "" {
		j.Changes = []e2e.JudgeChange{{What: "config", Text: errNoBase.Error() + ", so the built-in policy judges, without quarantine, and every stage blocks"}}
	}
	return j
}

// unknown is the judging of a change whose base cannot be read: nothing is judged.
func (b *bench) unknown(ctx context.Context, err error) judging {
	way := ". Check out with fetch-depth: 0, or give the token contents: read"
	foreign := b.work.Foreign(ctx)
	if foreign {
		err = gitrepo.ErrForeign
	}
	switch {
	case b.in.trigger.Platform != "":
		way = ""
	case foreign:
		way = ". Or give the token contents: read"
	}
	return notJudged(fmt.Sprintf("the config that judges this commit is not known: %v%s", err, way))
}

func notJudged(text string) judging {
	return judging{Judging: e2e.Judging{By: e2e.JudgedByNothing}, problems: []e2e.Problem{{Code: e2e.CodePolicyUnreadable, LosesEvidence: true, Text: text}}}
}

// maxAncestors bounds how many commits before the base are looked at for a judged run.
const maxAncestors = 200

// measure finds what the change is measured against.
func (b *bench) measure(ctx context.Context, j *judging, values, measured string) {
	against := *j
	if measured != values {
		if read, err := b.judge(ctx, measured); err == nil {
			against = read
		}
	}
	j.against, j.commits = &against, b.work.Ancestors(ctx, measured, maxAncestors)
}

// changes are what the change alters about its judge, by the names of what it alters.
func (b *bench) changes(j, against judging) []e2e.JudgeChange {
	var list []e2e.JudgeChange
	switch {
	case j.missing:
		return []e2e.JudgeChange{{What: "config", Text: "the base has no config, so the built-in policy judges, without quarantine"}}
	case j.broken != nil:
		list = append(list, e2e.JudgeChange{What: "config", Text: fmt.Sprintf(
			"the config of the base cannot be read (%v), so the strictest policy judges, without quarantine, and every gate is required", j.broken)})
	}
	if against.config == nil {
		return list
	}
	if file := inRepository(b.in.root, b.own.File); file != "" && file != against.file {
		list = append(list, e2e.JudgeChange{What: "config", Text: fmt.Sprintf("%s of the base is replaced by %s", against.file, file)})
	}
	if st, ok := j.soft(b.stage); ok && !runsOn(st, b.in.trigger) {
		text := fmt.Sprintf("is chosen by the workflow, does not block, and is not for %s", b.in.trigger.Event)
		list = append(list, e2e.JudgeChange{What: "stages." + st.Name, Text: text})
	}
	_, found := config.Judged(against.config, b.own)
	for _, d := range found {
		list = append(list, e2e.JudgeChange{What: d.Path, Text: d.Text})
	}
	if !sameQuarantine(against.quarantine, b.in, b.own) {
		list = append(list, e2e.JudgeChange{What: "quarantine", Text: "has other entries"})
	}
	return list
}

// podSpecs are the pod specs of shards that a change alters: what is in such a pod runs the gate.
func (b *bench) podSpecs(ctx context.Context, commit string) (list []e2e.JudgeChange) {
	spec := b.own.Executor.Kubernetes
	if !spec.Enabled() {
		return nil
	}
	read, err := b.read(ctx, commit)
	if err != nil {
		return nil // what is not known of the base is said already
	}
	for _, file := range spec.Files() {
		now, _ := os.ReadFile(filepath.Join(b.in.root, filepath.FromSlash(file))) // without it, nothing runs in such pods
		text, found, err := read(ctx, filepath.ToSlash(filepath.Clean(file)))
		switch {
		case err != nil || !found:
			list = append(list, e2e.JudgeChange{What: "executor.kubernetes", Text: "pod spec " + file + " is not the base's"})
		case !bytes.Equal(now, text):
			list = append(list, e2e.JudgeChange{What: "executor.kubernetes", Text: "pod spec " + file + " is changed"})
		}
	}
	return list
}

// soft is a stage of the base that does not block and says what it is for.
func (j judging) soft(name string) (config.Stage, bool) {
	if j.config == nil {
		return config.Stage{}, false
	}
	st, ok := j.config.Stage(name)
	return st, ok && !st.Blocking() && len(st.On) > 0
}

func sameQuarantine(base policy.Quarantine, in inputs, own *config.Config) bool {
	var theirs policy.Quarantine
	if own.Quarantine != "" {
		var err error
		if theirs, err = config.ReadQuarantine(in.root, filepath.Join(in.root, filepath.FromSlash(own.Quarantine))); err != nil {
			return false
		}
	}
	return len(base) == 0 && len(theirs) == 0 || reflect.DeepEqual(base, theirs)
}

// of is a config with what the judge decides: the values of the base. Where the base has no
// config, or one with mistakes, no value of the change decides.
func (j judging) of(own, base *config.Config) *config.Config {
	switch {
	case j.By != e2e.JudgedByBase && j.By != e2e.JudgedByNothing:
		return own
	case base != nil:
		merged, _ := config.Judged(base, own)
		return merged
	}
	strict := *own
	strict.Extends, strict.History.Workflow = "", ""
	strict.Policy, strict.Cells, strict.Owners, strict.Quarantine, strict.Rerun, strict.Judge = policy.Policy{}, nil, nil, "", config.Rerun{}, config.Judge{}
	strict.Exonerate = config.Exonerate{}
	strict.Stages = slices.Clone(own.Stages)
	for i := range strict.Stages {
		strict.Stages[i].Blocks, strict.Stages[i].Cells, strict.Stages[i].Rerun = nil, nil, config.Rerun{}
	}
	if j.missing {
		return &strict
	}
	strict.Policy = policy.Strictest()
	strict.Gates.Checks = slices.Clone(own.Gates.Checks)
	for i := range strict.Gates.Checks {
		check := &strict.Gates.Checks[i]
		check.Required, check.External = nil, false
		check.Stages, check.Services, check.Journeys = nil, nil, nil
	}
	strict.Processes = slices.Clone(own.Processes)
	for i := range strict.Processes {
		p := &strict.Processes[i]
		p.Stages, p.Services, p.Journeys = nil, nil, nil
	}
	strict.Isolation.Stages, strict.Isolation.Services, strict.Isolation.Journeys = nil, nil, nil
	return &strict
}

// resolved is the base's config with its variables resolved as those of the change.
func (j judging) resolved(opts config.Options) *config.Config {
	if j.config == nil {
		return nil
	}
	opts.Root, opts.Fragments = "", j.fragments
	return config.ParseBytes(j.file, j.text, opts)
}

// baseline is what tests are measured against; nil: nothing.
func (a *App) baseline(in inputs, opts config.Options, stage config.Stage) *pipeline.Baseline {
	if in.judging.against == nil {
		return nil
	}
	b := &pipeline.Baseline{Base: in.judging.against.resolved(opts), Own: in.own, Commits: in.judging.commits}
	if in.judging.By == e2e.JudgedByBase {
		b.Judge = in.judging.resolved(opts)
	}
	if len(b.Commits) > 0 && in.config.Exonerate.Probe {
		there := in
		there.subject = e2e.Subject{}
		there.trigger.SHA, stage.Target = b.Commits[0], cmp.Or(in.config.Exonerate.Target, stage.Target)
		opts.Lookup = a.lookupOf(there, stage)
		if b.At = in.judging.organization.of(in.judging.against.resolved(opts)); b.At != nil {
			b.At = b.At.For(stage.Name)
		}
	}
	return b
}

// quarantineOf is the quarantine that counts.
func (j judging) quarantineOf(in inputs) (policy.Quarantine, error) {
	if j.By == e2e.JudgedByBase || j.By == e2e.JudgedByNothing {
		return j.quarantine, nil
	}
	return in.quarantine()
}

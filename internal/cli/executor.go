package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml"

	"github.com/org/e2e-gate/internal/cluster"
	"github.com/org/e2e-gate/internal/config"
	"github.com/org/e2e-gate/internal/diag"
	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/gitrepo"
	"github.com/org/e2e-gate/internal/kube"
	"github.com/org/e2e-gate/internal/pipeline"
	"github.com/org/e2e-gate/internal/safetext"
	"github.com/org/e2e-gate/internal/trigger"
	"github.com/org/e2e-gate/internal/verdict"
)

// executed are the flags of a run whose shards run elsewhere.
type executed struct {
	Executor string `help:"Run the shards elsewhere: kubernetes, in pods of an Indexed Job, as executor.kubernetes of the config says." enum:",kubernetes" default:"" placeholder:"kubernetes"`
	DryRun   bool   `help:"With --executor: print the manifests that would be created, for kubectl apply, and run nothing."`
}

// withCluster are sections of the config, and that which says how to reach a cluster, where a run needs it.
func withCluster(sections config.Sections, executor string, p published) config.Sections {
	if executor == "" && !strings.HasPrefix(p.Summary, toConfigMap) {
		return sections
	}
	return append(slices.Clone(sections), "executor")
}

func (c executed) check() error {
	if c.DryRun && c.Executor == "" {
		return usage("--dry-run prints what --executor would create; add --executor kubernetes")
	}
	return nil
}

// order is what a pod is told of the run, beside the plan.
type order struct {
	Version string          `json:"version"`
	Trigger trigger.Trigger `json:"trigger"`
	Subject e2e.Subject     `json:"subject"`
	// Named: the subject was named by its repository; where the tests are from, if that is another commit.
	Named           bool   `json:"named,omitempty"`
	TestsRepository string `json:"tests_repository,omitempty"`
	TestsSHA        string `json:"tests_sha,omitempty"`
	EventSHA        string `json:"event_sha,omitempty"`
	Key             string `json:"key,omitempty"`
	Select          string `json:"select,omitempty"`
	Service         string `json:"service,omitempty"`
	NoRerun         bool   `json:"no_rerun,omitempty"`
	// Config is the path of the config from the root.
	Config string `json:"config"`
	// Until is when the shards have to have ended; zero: the stage has no timeout.
	Until time.Time `json:"until,omitzero"`
	// Left is how long that was when the run was planned.
	Left    time.Duration `json:"left,omitempty"`
	Earlier earlier       `json:"earlier"`
	Judge   judge         `json:"judge"`
	Results string        `json:"results,omitempty"`
}

// ends is when a shard that starts now has to have ended; zero: at any time. The clock of a pod's node may be another one. Where the time
// is over before the pod starts it is: the cluster ends the Job of a run whose time is over.
func (o order) ends(now time.Time) time.Time {
	if most := now.Add(o.Left); !o.Until.IsZero() && (!now.Before(o.Until) || most.Before(o.Until)) {
		return most
	}
	return o.Until
}

// earlier is what is known of earlier attempts of the workflow run, as far as it decides about reruns.
type earlier struct {
	Attempts   map[string][]e2e.Attempt `json:"attempts,omitempty"`
	Failed     []string                 `json:"failed,omitempty"`
	Unreadable bool                     `json:"unreadable,omitempty"`
}

// judge is whose config judges, with its texts: a pod has no git, and asks no forge.
type judge struct {
	e2e.Judging
	File       string                `json:"file,omitempty"`
	Text       []byte                `json:"text,omitempty"`
	Fragments  []config.FragmentText `json:"fragments,omitempty"`
	Broken     string                `json:"broken,omitempty"`
	Missing    bool                  `json:"missing,omitempty"`
	Hold       bool                  `json:"hold,omitempty"`
	Source     string                `json:"organization,omitempty"`
	SourceText []byte                `json:"organization_text,omitempty"`
}

func judgeOf(j judging) judge {
	out := judge{Judging: j.Judging, File: j.file, Text: j.text, Fragments: j.fragments, Missing: j.missing, Hold: j.hold}
	if j.broken != nil {
		out.Broken = j.broken.Error()
	}
	if x := j.organization; x != nil {
		out.Source, out.SourceText = x.Source, x.text
	}
	return out
}

// judging is what a pod makes of it.
func (o judge) judging() (judging, error) {
	j := judging{Judging: o.Judging, file: o.File, text: o.Text, fragments: o.Fragments, missing: o.Missing, hold: o.Hold}
	if o.Broken != "" {
		j.broken = errors.New(o.Broken)
	}
	var err error
	if o.File != "" && o.Broken == "" {
		if j.config, err = config.PeekBytes(o.File, o.Text, o.Fragments...); err != nil {
			return j, fmt.Errorf("the config of the base cannot be read: %w", err)
		}
	}
	if o.Source != "" && o.Extends != nil {
		org, err := config.ParseOrganization(o.Source, o.SourceText)
		if err != nil {
			return j, fmt.Errorf("the organisation's config cannot be read: %w", err)
		}
		j.organization = &extension{org, *o.Extends, o.SourceText}
	}
	return j, nil
}

// remoteShards runs the shards of a session in a cluster.
type remoteShards struct {
	s    *setup
	flag runCmd
	exec *cluster.Executor
}

// executor opens what a run in a cluster needs. For a dry run there is no cluster.
func (s *setup) executor(ctx context.Context, c runCmd) (*remoteShards, error) {
	spec := s.config.Executor.Kubernetes
	if !spec.Enabled() {
		return nil, usage("%s says nothing of the cluster; add executor: {kubernetes: {pod: FILE}}, see docs/kubernetes.md", s.config.File)
	}
	templates, err := podSpecs(s.root, spec)
	if err != nil {
		return nil, usageError{err}
	}
	spec.Image = cmp.Or(spec.Image, releasedImage(version()))
	if spec.Image == "" {
		return nil, usage("this gate is no released version (%s), so its image is not known; name it in executor.kubernetes.image, see docs/image.md", version())
	}
	exec := &cluster.Executor{Spec: spec, Templates: templates, Note: s.console.Note, Again: s.again(c)}
	if !c.DryRun {
		if exec.API, err = s.openCluster(ctx, spec); err != nil {
			return nil, err
		}
	}
	return &remoteShards{s: s, flag: c, exec: exec}, nil
}

// lintExecutor says what keeps --executor from running, as far as it can be known without a cluster. Variables are resolved by a run alone.
func lintExecutor(root string, c *config.Config) (found []diag.Message) {
	spec := c.Executor.Kubernetes
	if !spec.Enabled() {
		return nil
	}
	if strings.Contains(spec.SuiteImage, "${") {
		spec.SuiteImage = "registry.example.com/e2e" // some image
	}
	for suite := range spec.Pods {
		if _, ok := c.Suite(suite); !ok {
			found = append(found, diag.Message{File: c.File, Text: fmt.Sprintf("executor.kubernetes.pods: unknown suite %s", suite),
				Hint: diag.Expected(suite, suiteNames(c))})
		}
	}
	for _, file := range spec.Files() {
		if strings.Contains(file, "${") {
			continue
		}
		text, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(file)))
		if err != nil {
			found = append(found, diag.Message{File: c.File, Text: "executor.kubernetes names the pod spec " + file + ", which cannot be read"})
		} else if err := spec.CheckTemplate(file, text); err != nil {
			found = append(found, diag.Message{File: file, Text: strings.TrimPrefix(err.Error(), file+": ")})
		}
	}
	return found
}

func suiteNames(c *config.Config) (names []string) {
	for _, s := range c.Suites {
		names = append(names, s.Name)
	}
	return names
}

// podSpecs reads the files of the pod specs.
func podSpecs(root string, spec cluster.Spec) (map[string][]byte, error) {
	all := map[string][]byte{}
	for _, file := range spec.Files() {
		text, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(file)))
		if err != nil {
			return nil, fmt.Errorf("executor.kubernetes names a pod spec that cannot be read: %w", err)
		}
		if err := spec.CheckTemplate(file, text); err != nil {
			return nil, err
		}
		all[file] = text
	}
	return all, nil
}

func (s *setup) openCluster(ctx context.Context, spec cluster.Spec) (*kube.Client, error) {
	c, err := kube.Open(ctx, kube.Where{Kubeconfig: spec.Kubeconfig, Context: spec.Context, Namespace: spec.Namespace, Root: s.root, Env: s.app.Environ})
	if err != nil {
		return nil, fmt.Errorf("no login to the cluster: %w; correct kubeconfig or context of executor.kubernetes", err)
	}
	return c, nil
}

// releasedVersion is one that an image was pushed for.
var releasedVersion = regexp.MustCompile(`^v[0-9]+\.[0-9]+\.[0-9]+$`)

// releasedImage is the image of a released version; empty for any other.
func releasedImage(version string) string {
	if !releasedVersion.MatchString(version) {
		return ""
	}
	return "ghcr.io/org/e2e-gate:" + version
}

// again is the command that runs the stage again.
func (s *setup) again(c runCmd) string {
	parts := []string{"e2e-gate run --executor kubernetes --stage", s.stage.Name}
	if c.Config != "" {
		parts = append(parts, "--config", s.config.File)
	}
	if c.Service != "" {
		parts = append(parts, "--service", c.Service)
	}
	return safetext.Line(strings.Join(parts, " "), 300)
}

// Run is [pipeline.Remote].
func (r *remoteShards) Run(ctx context.Context, p *e2e.Plan, known verdict.Earlier, out string) (string, map[int]string, []e2e.Problem, error) {
	work, err := r.work(ctx, p, known, out)
	if err != nil {
		return "", nil, nil, err
	}
	if address := r.results(p); address != "" {
		if r.exec.Store, err = resultStore(address, r.s.app.getenv); err != nil {
			return "", nil, nil, err
		}
	}
	got, err := r.exec.Run(ctx, work)
	if err != nil {
		return "", nil, got.Problems, err
	}
	folder := cluster.PodsFolder(out)
	return folder, got.Absent, got.Problems, os.MkdirAll(folder, 0o755) //nolint:gosec // as the run's folder
}

// results is where the pods of a plan leave what they hand over; empty: in their logs.
func (r *remoteShards) results(p *e2e.Plan) string {
	if r.exec.Spec.Results == "" {
		return ""
	}
	return cluster.StoreOf(r.exec.Spec.Results, p.Run.ID)
}

// dryRun prints the manifests.
func (r *remoteShards) dryRun(ctx context.Context, p *e2e.Plan, out string) error {
	work, err := r.work(ctx, p, verdict.Earlier{}, out)
	if err != nil {
		return err
	}
	list, err := r.exec.Manifests(work)
	if err != nil {
		return err
	}
	for _, m := range list {
		data, err := json.Marshal(m)
		if err == nil {
			data, err = yaml.JSONToYAML(data)
		}
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintf(r.s.app.Stdout, "---\n%s", data); err != nil {
			return err
		}
	}
	return nil
}

// work is what the cluster gets: the plan as it was written, what decides about it, and what the suites consist of.
func (r *remoteShards) work(ctx context.Context, p *e2e.Plan, known verdict.Earlier, out string) (cluster.Work, error) {
	s := r.s
	plan, err := os.ReadFile(filepath.Join(out, "plan.json")) //nolint:gosec // a document of ours
	if err != nil {
		return cluster.Work{}, err
	}
	rel := inRepository(s.root, s.config.File)
	if rel == "" {
		return cluster.Work{}, fmt.Errorf("the config %s is outside of the repository, so the image cannot have it", s.config.File)
	}
	o := order{
		Version: version(), Trigger: s.trigger, Subject: s.subject, EventSHA: s.eventSHA, Named: s.named, TestsRepository: s.testsRepository, TestsSHA: s.testsSHA,
		Key: r.flag.Key, Select: r.flag.Select, Service: s.service,
		NoRerun: s.noRerun, Config: rel, Results: r.results(p), Judge: judgeOf(s.judging),
		Earlier: earlier{map[string][]e2e.Attempt{}, known.Failed, known.Unreadable},
	}
	o.Trigger.Notes = nil
	for id, list := range known.Attempts {
		for _, a := range list {
			o.Earlier.Attempts[id] = append(o.Earlier.Attempts[id], e2e.Attempt{N: a.N, Outcome: a.Outcome, Source: a.Source, WorkflowAttempt: a.WorkflowAttempt})
		}
	}
	w := cluster.Work{Plan: p, Out: out}
	w.Deadline = s.stage.Timeout
	if end, ok := ctx.Deadline(); ok {
		left := time.Until(end)
		rest := min(left/10, 30*time.Second) // for their documents to arrive
		w.Deadline, o.Until, o.Left = left, end.Add(-rest).UTC(), left-rest
	}
	text, err := json.Marshal(o)
	if err != nil {
		return w, err
	}
	files, err := s.suiteFiles(ctx, p)
	w.Input = cluster.Input{Plan: plan, Order: text, Files: files}
	return w, err
}

// suiteFiles are the files that git tracks in the directories of the plan's suites, also in submodules, and those of the config: what the
// image has to have too.
func (s *setup) suiteFiles(ctx context.Context, p *e2e.Plan) ([]cluster.File, error) {
	tracked := gitrepo.Checkout{Dir: s.root, Environ: s.app.Environ}.AllFiles(ctx)
	if len(tracked) == 0 && !slices.Contains(s.config.Executor.Kubernetes.Absent, "**") {
		return nil, errors.New("git does not tell which files the suites consist of, so it cannot be checked that the image has the same ones; run in a checkout, " +
			`or switch the check off with absent: ["**"] in executor.kubernetes`)
	}
	var dirs []string
	for _, t := range p.Work() {
		dir := filepath.ToSlash(filepath.Clean(s.suiteDir(t.Suite)))
		if slices.Contains(dirs, dir) {
			continue
		}
		dirs = append(dirs, dir)
		// Behind a link are the files that the suite consists of.
		if real, err := filepath.EvalSymlinks(filepath.Join(s.root, filepath.FromSlash(dir))); err == nil {
			if top, err := filepath.EvalSymlinks(s.root); err == nil {
				if rel, err := filepath.Rel(top, real); err == nil && filepath.IsLocal(rel) && filepath.ToSlash(rel) != dir {
					dirs = append(dirs, filepath.ToSlash(rel))
				}
			}
		}
	}
	var names []string
	for _, name := range tracked {
		if slices.ContainsFunc(dirs, func(dir string) bool { return dir == "." || name == dir || strings.HasPrefix(name, dir+"/") }) {
			names = append(names, name)
		}
	}
	names = append(names, inRepository(s.root, s.config.File))
	for _, file := range append(fragmentFiles(s.own), s.own.Quarantine) { // from the root, wherever the gate was started
		if file = filepath.Clean(filepath.FromSlash(file)); filepath.IsLocal(file) && file != "." {
			names = append(names, filepath.ToSlash(file))
		}
	}
	names = slices.DeleteFunc(names, func(name string) bool { // removed, and not yet committed
		_, err := os.Lstat(filepath.Join(s.root, filepath.FromSlash(name)))
		return errors.Is(err, os.ErrNotExist)
	})
	return cluster.SumFiles(s.root, names, s.config.Executor.Kubernetes.Absent)
}

func fragmentFiles(c *config.Config) (files []string) {
	for _, f := range c.Fragments {
		files = append(files, f.File)
	}
	return files
}

// known is [verdict.Earlier] of an order.
func (o order) known() *verdict.Earlier {
	return &verdict.Earlier{Attempts: o.Earlier.Attempts, Failed: o.Earlier.Failed, Unreadable: o.Earlier.Unreadable}
}

var _ pipeline.Remote = (*remoteShards)(nil)

package cluster

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/history"
	"github.com/org/e2e-gate/internal/kube"
	"github.com/org/e2e-gate/internal/safetext"
	"github.com/org/e2e-gate/internal/workspace"
)

// API is what the executor needs of a cluster; [kube.Client] has it.
type API interface {
	Namespace() string
	Do(ctx context.Context, method, path string, query url.Values, body, into any) error
	Create(ctx context.Context, path, name string, object, into any, ours func(found json.RawMessage) bool) error
	Follow(ctx context.Context, path string, query url.Values, each func(kind string, object json.RawMessage) error) error
	Logs(ctx context.Context, namespace, pod, container string, query url.Values) (io.ReadCloser, error)
}

// Executor runs shards in a cluster.
type Executor struct {
	Spec Spec
	// Templates are the files of the pod specs, as they were read, by name.
	Templates map[string][]byte
	API       API
	// Store is where pods leave what they hand over; nil: their logs.
	Store history.Store
	// Note is told what happens.
	Note func(text string)
	// Again is the command that runs a shard's tests again, for people.
	Again string

	// Now and the times are for tests; zero: the clock's, and the usual ones.
	Now  func() time.Time
	tick time.Duration
}

// The usual times.
const (
	// removeWithin bounds how long the Job's removal is waited for.
	removeWithin = 30 * time.Second
	// readers is how many logs are read at one time.
	readers = 16
	// readTries is how often a log is opened whose frames are not complete, and readPause the time between.
	readTries = 5
	readPause = 2 * time.Second
	// testsInLog is how many tests of a shard have a document that fits into a log, most of them passed.
	testsInLog = 100_000
	// DefaultDeadline bounds a Job of a stage without a timeout.
	DefaultDeadline = 6 * time.Hour
)

// Work is a plan that is to be run.
type Work struct {
	Plan  *e2e.Plan
	Input Input
	// Out is the run's folder: documents and evidence of each pod go below it.
	Out string
	// Deadline bounds all pods together; 0: [DefaultDeadline].
	Deadline time.Duration
}

// Outcome is what came of a run.
type Outcome struct {
	// Absent says of shards without a document, or with one that is not complete, what became of their pods. By index.
	Absent map[int]string
	// Problems are those of the run as a whole.
	Problems []e2e.Problem
}

// folderOfPods is where documents of pods go, below the run's folder.
const folderOfPods = "pods"

// PodsFolder is the folder below the run's with what each pod left.
func PodsFolder(out string) string { return filepath.Join(out, folderOfPods) }

// batches are the Jobs of a run: one for each pod spec, with the shards whose suites run in such pods.
func (x *Executor) batches(w Work) (list []batch, err error) {
	input, err := w.Input.pack()
	if err != nil {
		return nil, err
	}
	for _, file := range slices.Sorted(maps.Keys(x.Templates)) {
		t, err := parseTemplate(file, x.Templates[file], x.Spec.SuiteImage)
		if err != nil {
			return nil, err
		}
		b := batch{spec: x.Spec, file: file, tmpl: t, plan: w.Plan, input: input, deadline: w.Deadline, part: len(list)}
		if b.deadline <= 0 {
			b.deadline = DefaultDeadline
		}
		work := w.Plan.Work()
		for _, sh := range w.Plan.Shards {
			if len(sh.Tests) > 0 && x.Spec.PodOf(work[sh.Tests[0]].Suite) == file {
				b.shards = append(b.shards, sh)
			}
		}
		inOrder(b.shards, func(sh e2e.PlanShard) (bool, float64) {
			return sh.Smoke == len(sh.Tests), max(sh.Seconds, sh.High) + sh.Start
		})
		if len(b.shards) > 0 {
			list = append(list, b)
		}
	}
	if len(list) == 0 {
		return nil, errors.New("the plan has no tests")
	}
	return list, nil
}

// Manifests are the objects that a run creates, as YAML would have them, in the order in which they are created.
func (x *Executor) Manifests(w Work) (list []map[string]any, err error) {
	batches, err := x.batches(w)
	if err != nil {
		return nil, err
	}
	for _, b := range batches {
		maps, err := b.configMaps()
		if err != nil {
			return nil, err
		}
		job, err := b.job()
		if err != nil {
			return nil, err
		}
		list = append(append(list, maps...), job)
	}
	for _, o := range list {
		o["metadata"].(map[string]any)["namespace"] = x.namespace() //nolint:forcetypeassert // made above
	}
	return list, nil
}

func (x *Executor) namespace() string {
	if x.Spec.Namespace != "" || x.API == nil {
		return x.Spec.Namespace
	}
	return x.API.Namespace()
}

func (x *Executor) path(group, resource string) string {
	return group + "/namespaces/" + x.namespace() + "/" + resource
}

const (
	core   = "/api/v1"
	batch1 = "/apis/batch/v1"
)

// Run runs the shards and waits for their end. Whatever happens, nothing of the run is left in the cluster, or the outcome says what is.
// An error says that the run could not be started; then nothing ran.
func (x *Executor) Run(ctx context.Context, w Work) (outcome Outcome, err error) {
	batches, err := x.batches(w)
	if err != nil {
		return Outcome{}, err
	}
	if err := x.preflight(ctx, batches); err != nil {
		return Outcome{}, err
	}
	release, err := x.claim(ctx, batches[0])
	if err != nil {
		return Outcome{}, err
	}
	defer release()
	defer func() {
		if text := x.removeRun(ctx, batches[0].selector()); text != "" {
			outcome.Problems = append(outcome.Problems, e2e.Problem{Code: e2e.CodeToolError, Note: true, Text: text})
		}
	}()
	var all []*running
	for _, b := range batches {
		r := &running{Executor: x, batch: b, out: w.Out, ctx: ctx, pods: map[string]*podState{}, outcome: Outcome{Absent: map[int]string{}}, moved: x.now(),
			reading: make(chan struct{}, readers), changed: make(chan struct{}, 1)}
		if err := r.create(ctx); err != nil {
			return Outcome{}, err
		}
		all = append(all, r)
	}
	var group sync.WaitGroup
	for _, r := range all {
		group.Go(func() { r.follow(ctx); r.account() })
	}
	group.Wait()
	outcome.Absent = map[int]string{}
	for _, r := range all {
		maps.Copy(outcome.Absent, r.outcome.Absent)
		outcome.Problems = append(outcome.Problems, r.outcome.Problems...)
	}
	return outcome, nil
}

// running is a run while it runs.
type running struct {
	*Executor
	batch
	out string
	ctx context.Context //nolint:containedctx // of one call of Run
	uid string

	mu   sync.Mutex
	pods map[string]*podState // by uid
	job  kube.Job
	gone bool // the Job was deleted by somebody else
	// settled: the pods were listed after the Job's end was seen, so no watch that is behind hides one.
	settled bool
	// moved is when a pod was seen for the first time, or started, last; unmade says why none is created.
	moved   time.Time
	unmade  string
	lost    error
	outcome Outcome
	reading chan struct{}
	reads   sync.WaitGroup
	// changed: something happened that may end the run.
	changed chan struct{}
}

// podState is what is known of a pod.
type podState struct {
	pod   kube.Pod
	index int
	seen  time.Time
	// asked: its parcel was asked for; taken: it has arrived, or why is the reason.
	asked, taken, deleted bool
	why                   string
	// givenUp says why it was not waited for any longer.
	givenUp string
	// leaving is when it was seen for the first time that it is being deleted; stop ends the reading of its log.
	leaving time.Time
	stop    context.CancelFunc
}

// ended reports whether no more will be heard of it.
func (s *podState) ended() bool { return s.taken || s.why != "" }

func (x *Executor) now() time.Time {
	if x.Now != nil {
		return x.Now()
	}
	return time.Now()
}

// create makes the objects: the input, then the Job, which then owns the input.
func (r *running) create(ctx context.Context) error {
	inputs, err := r.configMaps()
	if err != nil {
		return err
	}
	job, err := r.batch.job()
	if err != nil {
		return err
	}
	ours := func(found json.RawMessage) bool {
		var o struct{ Metadata kube.ObjectMeta }
		return json.Unmarshal(found, &o) == nil && o.Metadata.Labels[labelRun] == label(r.plan.Run.ID)
	}
	stored := make([]kube.ConfigMap, len(inputs))
	for i, m := range inputs {
		if err := r.API.Create(ctx, r.path(core, "configmaps"), r.partName(i), m, &stored[i], ours); err != nil {
			return fmt.Errorf("the input of the pods cannot be stored: %w", err)
		}
	}
	var made kube.Job
	if err := r.API.Create(ctx, r.path(batch1, "jobs"), r.name(), job, &made, ours); err != nil {
		return fmt.Errorf("the Job cannot be created: %w", err)
	}
	r.uid = made.Metadata.UID
	for i, m := range stored {
		m.Metadata.OwnerReferences = []kube.OwnerReference{{APIVersion: "batch/v1", Kind: "Job", Name: r.name(), UID: r.uid}}
		if err := r.API.Do(ctx, http.MethodPut, r.path(core, "configmaps")+"/"+r.partName(i), nil, m, nil); err != nil {
			r.Note(fmt.Sprintf("ConfigMap %s does not belong to the Job, so it stays if this run is killed: %v", r.partName(i), err))
		}
	}
	if sh := slices.MaxFunc(r.shards, func(a, b e2e.PlanShard) int { return len(a.Tests) - len(b.Tests) }); r.Store == nil && len(sh.Tests) > testsInLog {
		r.Note(fmt.Sprintf("shard %s has %d tests, whose document may not fit into the log of its pod: then they are lost. Use more shards, or "+
			"results: s3://BUCKET/PREFIX in executor.kubernetes", sh.Name, len(sh.Tests)))
	}
	r.Note(fmt.Sprintf("Job %s in namespace %s: %d shards, %d at one time", r.name(), r.namespace(), len(r.shards), r.parallel()))
	return nil
}

// follow watches Job and pods until all shards are accounted for.
func (r *running) follow(ctx context.Context) {
	watch, stop := context.WithCancel(ctx)
	defer stop()
	var watchers sync.WaitGroup
	watchers.Go(func() {
		r.end(watch, r.API.Follow(watch, r.path(core, "pods"), url.Values{"labelSelector": {r.selector()}}, r.sawPod))
	})
	watchers.Go(func() {
		r.end(watch, r.API.Follow(watch, r.path(batch1, "jobs"), url.Values{"fieldSelector": {"metadata.name=" + r.name()}}, r.sawJob))
	})
	every := r.tick
	if every == 0 {
		every = 5 * time.Second
	}
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for !r.done() {
		select {
		case <-ctx.Done():
			stop()
			watchers.Wait()
			r.reads.Wait()
			return
		case <-r.changed:
			r.settle(ctx)
		case <-ticker.C:
			r.settle(ctx)
			r.overdue(ctx)
		}
	}
	stop()
	watchers.Wait()
	r.reads.Wait()
}

// end notes that a watch ended by itself.
func (r *running) end(ctx context.Context, err error) {
	if ctx.Err() != nil {
		return
	}
	r.mu.Lock()
	r.lost = errors.Join(r.lost, fmt.Errorf("the cluster could not be watched any longer: %w", err))
	r.mu.Unlock()
	r.poke()
}

func (r *running) poke() {
	select {
	case r.changed <- struct{}{}:
	default:
	}
}

func (r *running) sawJob(kind string, object json.RawMessage) error {
	var job kube.Job
	if err := json.Unmarshal(object, &job); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if job.Metadata.UID != r.uid {
		return nil // an earlier one of that name
	}
	r.job, r.gone = job, kind == "DELETED" || job.Metadata.DeletionTimestamp != nil
	r.poke()
	return nil
}

func (r *running) sawPod(kind string, object json.RawMessage) error {
	var p kube.Pod
	if err := json.Unmarshal(object, &p); err != nil {
		return err
	}
	owned := slices.ContainsFunc(p.Metadata.OwnerReferences, func(o kube.OwnerReference) bool { return o.UID == r.uid })
	index, err := strconv.Atoi(p.Metadata.Annotations[kube.CompletionIndex])
	if _, ok := r.shardOf(index); !owned || err != nil || !ok {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.pods[p.Metadata.UID]
	if s == nil {
		s = &podState{index: index, seen: r.now()}
		r.pods[p.Metadata.UID] = s
	}
	if finished(s.pod, r.containerName()) && !finished(p, r.containerName()) {
		p.Status = s.pod.Status // a watch that is behind what was listed: an end stays one
	}
	if s.pod.Metadata.UID == "" || started(p, r.containerName()) != started(s.pod, r.containerName()) || finished(p, r.containerName()) {
		r.moved, r.unmade = r.now(), ""
	}
	if kind == "DELETED" {
		s.deleted = true
	}
	if p.Metadata.DeletionTimestamp != nil && s.leaving.IsZero() {
		s.leaving = r.now()
	}
	if !s.deleted || p.Status.Phase != "" {
		s.pod = p
	}
	// Where a pod is being deleted, its log is gone as soon as it has ended, so it is followed until then.
	leaving := p.Metadata.DeletionTimestamp != nil && started(p, r.containerName())
	if !s.asked && (finished(p, r.containerName()) || leaving || s.deleted) {
		s.asked = true
		r.reads.Go(func() { r.collect(s) })
	}
	r.poke()
	return nil
}

func (r *running) containerName() string {
	name, _ := r.tmpl.list("containers")[r.tmpl.at]["name"].(string)
	return name
}

// done reports whether nothing more will come.
func (r *running) done() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.lost != nil {
		return true
	}
	pending := 0
	have := map[int]bool{}
	for _, s := range r.pods {
		if have[s.index] = true; !s.ended() {
			pending++
		}
	}
	switch {
	case pending > 0:
		// The Job may have ended without this pod: it was created too late to be counted, or its node does not answer.
		return (r.gone || r.ended() != "") && r.settled && !r.anyReading() && r.allOver()
	case r.gone, r.ended() != "":
		return r.settled
	}
	return len(have) == len(r.shards)
}

// settle lists the pods once the Job has ended. Job and pods are watched apart, and with thousands of pods the end of the Job may be seen
// before that of its last pods.
func (r *running) settle(ctx context.Context) {
	r.mu.Lock()
	now := (r.gone || r.ended() != "") && !r.settled
	r.mu.Unlock()
	if !now {
		return
	}
	query := url.Values{"labelSelector": {r.selector()}, "limit": {"500"}}
	for {
		var list kube.List[json.RawMessage]
		if err := r.API.Do(ctx, http.MethodGet, r.path(core, "pods"), query, nil, &list); err != nil {
			if !kube.Has(err, "Forbidden") && !kube.Has(err, "NotFound") {
				return // and again at the next tick
			}
			r.Note(fmt.Sprintf("the Job has ended, and the cluster does not list its pods: %v", err))
			break
		}
		for _, p := range list.Items {
			if err := r.sawPod("LISTED", p); err != nil {
				return
			}
		}
		if list.Metadata.Continue == "" {
			break
		}
		query.Set("continue", list.Metadata.Continue)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.settled = true
	r.poke()
}

func (r *running) anyReading() bool {
	for _, s := range r.pods {
		if s.asked && !s.ended() {
			return true
		}
	}
	return false
}

// allOver reports whether no pod of the Job runs any more, as far as the Job knows.
func (r *running) allOver() bool {
	st := r.job.Status
	return st.Active == 0 && (st.Terminating == nil || *st.Terminating == 0)
}

// ended is how the Job ended; empty: it has not.
func (r *running) ended() string {
	for _, c := range r.job.Status.Conditions {
		if (c.Type == "Complete" || c.Type == "Failed") && c.Status == "True" {
			return c.Type + behind(": ", quoted(strings.TrimSpace(c.Reason+" "+c.Message)))
		}
	}
	return ""
}

// overdue gives up pods that do not start.
func (r *running) overdue(ctx context.Context) {
	limit := r.Spec.StartTimeout
	if limit == 0 {
		limit = DefaultStart
	}
	r.unseen(ctx)
	r.unborn(ctx, limit)
	r.stuck()
	var late []*podState
	r.mu.Lock()
	for _, s := range r.pods {
		if s.givenUp != "" || s.asked || started(s.pod, r.containerName()) {
			continue
		}
		hopelessly := slices.ContainsFunc(slices.Concat(s.pod.Status.InitContainerStatuses, s.pod.Status.ContainerStatuses), func(c kube.ContainerStatus) bool {
			return c.State.Waiting != nil && hopeless[c.State.Waiting.Reason]
		})
		if waited := r.now().Sub(s.seen); waited >= limit || hopelessly {
			s.givenUp = fmt.Sprintf("%s did not start within %s: %s", on(s.pod), limit, itself(s.pod, r.containerName()))
			if hopelessly {
				s.givenUp = fmt.Sprintf("%s cannot start: %s", on(s.pod), itself(s.pod, r.containerName()))
			}
			late = append(late, s)
		}
	}
	r.mu.Unlock()
	for _, s := range late {
		events := r.events(ctx, s.pod.Metadata.UID)
		r.mu.Lock()
		s.givenUp += behind(" (", events) + map[bool]string{true: ")"}[events != ""]
		r.mu.Unlock()
		r.Note(s.givenUp)
		err := r.API.Do(ctx, http.MethodDelete, r.path(core, "pods")+"/"+s.pod.Metadata.Name, nil, nil, nil)
		if err != nil && !kube.Has(err, "NotFound") {
			r.Note(fmt.Sprintf("%s cannot be deleted, so it keeps its place: %v", on(s.pod), err))
			r.mu.Lock()
			s.asked, s.why = true, s.givenUp
			r.mu.Unlock()
			r.poke()
		}
	}
}

// leaveWithin is how long after its grace period a pod may take to go away.
const leaveWithin = 30 * time.Second

// stuck gives up pods that are being deleted and do not go: a node that is lost never says that they have ended, and the cluster waits
// for it without end.
func (r *running) stuck() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range r.pods {
		grace := 30 * time.Second
		if g := s.pod.Spec.TerminationGracePeriodSeconds; g != nil {
			grace = time.Duration(*g) * time.Second
		}
		switch {
		case s.leaving.IsZero() || s.ended() || s.givenUp != "" || s.deleted || finished(s.pod, r.containerName()):
		case r.now().Sub(s.leaving) < grace+leaveWithin:
		default:
			s.givenUp = said(s.pod, r.containerName()) + "; its node did not say within " + (grace + leaveWithin).String() + " that it has ended"
			if s.stop != nil {
				s.stop()
			}
			if !s.asked {
				s.asked, s.why = true, s.givenUp
			}
			r.poke()
		}
	}
}

// unseen asks for the Job where the watch has not shown it: it may have been deleted before the watch began.
func (r *running) unseen(ctx context.Context) {
	r.mu.Lock()
	seen := r.job.Metadata.UID != "" || r.gone
	r.mu.Unlock()
	var job kube.Job
	if seen {
		return
	}
	err := r.API.Do(ctx, http.MethodGet, r.path(batch1, "jobs")+"/"+r.name(), nil, nil, &job)
	if kube.Has(err, "NotFound") || err == nil && job.Metadata.UID != r.uid {
		r.mu.Lock()
		r.gone = true
		r.mu.Unlock()
		r.poke()
	}
}

// unborn gives up a Job that creates no pods although it may, such as for a quota.
func (r *running) unborn(ctx context.Context, limit time.Duration) {
	r.mu.Lock()
	running := 0
	for _, s := range r.pods {
		if !s.ended() {
			running++
		}
	}
	quiet, known := r.now().Sub(r.moved), r.unmade
	waits := running == 0 && len(r.pods) < len(r.shards) && r.ended() == "" && !r.gone
	r.mu.Unlock()
	if !waits {
		return
	}
	why := r.events(ctx, r.uid)
	if why != "" && why != known {
		r.Note(fmt.Sprintf("the Job creates no pods: %s", why))
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.unmade = why; quiet >= limit {
		r.lost = fmt.Errorf("the Job created no pod within %s%s", limit, behind(": ", why))
		r.poke()
	}
}

// events are the newest warnings about an object, in the words of those who report them.
func (r *running) events(ctx context.Context, uid string) string {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	var list kube.List[kube.Event]
	query := url.Values{"fieldSelector": {"involvedObject.uid=" + uid}, "limit": {"100"}}
	if err := r.API.Do(ctx, http.MethodGet, r.path(core, "events"), query, nil, &list); err != nil {
		return ""
	}
	var texts []string
	for _, e := range slices.Backward(list.Items) {
		text := quoted(e.Reason + ": " + e.Message)
		if e.Type == "Warning" && !slices.Contains(texts, text) {
			texts = append(texts, text)
		}
		if len(texts) == 2 {
			break
		}
	}
	return strings.Join(texts, "; ")
}

// collect fetches what a pod hands over.
func (r *running) collect(s *podState) {
	r.reading <- struct{}{}
	defer func() { <-r.reading }()
	ctx, stop := context.WithCancel(r.ctx)
	defer stop()
	r.mu.Lock()
	if s.stop = stop; s.givenUp != "" {
		stop()
	}
	r.mu.Unlock()
	why := r.take(ctx, s)
	p, _ := r.latest(s)
	events := ""
	if why != "" && !finished(p, r.containerName()) {
		events = r.events(context.WithoutCancel(r.ctx), p.Metadata.UID)
	}
	defer r.tell(s)
	r.mu.Lock()
	defer r.mu.Unlock()
	switch s.taken = why == ""; {
	case s.taken:
	case s.givenUp != "":
		s.why = s.givenUp
	default:
		s.why = said(p, r.containerName()) + behind("; ", events) + behind("; ", why)
	}
	r.poke()
}

// tell says that a pod has ended, and how many are done.
func (r *running) tell(s *podState) {
	r.mu.Lock()
	done := 0
	for _, other := range r.pods {
		if other.ended() {
			done++
		}
	}
	sh, _ := r.shardOf(s.index)
	text := fmt.Sprintf("%d/%d pods ended: shard %s", done, len(r.shards), sh.Name)
	if s.why != "" {
		text += " left no document: " + s.why
	}
	r.mu.Unlock()
	r.Note(text)
}

// latest is a pod as it was seen last, and whether it is known how it ended.
func (r *running) latest(s *podState) (p kube.Pod, ended bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return s.pod, s.deleted || finished(s.pod, r.containerName())
}

// take reads the parcel of a pod and files it; it returns why it does not count.
func (r *running) take(ctx context.Context, s *podState) string {
	_, ended := r.latest(s)
	files, err := r.logged(ctx, s, !ended)
	for tries := 0; !ended && tries < readTries && pause(ctx, r.rest()); tries++ {
		_, ended = r.latest(s)
	}
	p, _ := r.latest(s)
	if err != nil {
		return strings.ReplaceAll(err.Error(), "\n", "; ")
	}
	var end footer
	for _, f := range files {
		if f.name == footerName && json.Unmarshal(f.data, &end) != nil {
			return "what it handed over is damaged"
		}
	}
	status, known := exitStatus(p, r.containerName())
	suite, _ := suiteStatus(p, r.containerName())
	switch {
	case suite.RestartCount > 0: // the log is that of the last start only
		return fmt.Sprintf("its container was started %d times, so what it handed over may be a second run", suite.RestartCount+1)
	case end.Refused != "":
		return "it refused to run: " + quoted(end.Refused)
	case !known || status != end.Status:
		return fmt.Sprintf("its documents say that it ended with exit status %d, and it did not", end.Status)
	case status != e2e.ExitPassed && status != e2e.ExitBlocked && status != e2e.ExitNotJudged: // such as a crash, before which anybody could write
		return fmt.Sprintf("it ended with exit status %d, which no shard that left a document has", status)
	}
	if len(end.Stored) > 0 {
		brought, err := r.stored(ctx, p, end.Stored)
		if err != nil {
			return err.Error()
		}
		files = append(files, brought...)
	}
	if len(end.Left) > 0 {
		r.Note(fmt.Sprintf("%s left evidence that was not brought here (%s); executor.kubernetes.results: s3://BUCKET/PREFIX brings all", on(p), some(end.Left)))
	}
	if text := r.strange(s.index, files); text != "" {
		return text
	}
	if err := r.file(p, s.index, files); err != nil {
		return "its documents cannot be kept: " + err.Error()
	}
	return ""
}

// strange says which document is among the files of a pod that is not of the shard that it ran; empty: none. Where the pod of that shard
// is lost it would count. What suites leave in their own folders is never read as a document.
func (r *running) strange(index int, files []packed) string {
	own, _ := r.shardOf(index)
	for _, f := range files {
		if !documentName.MatchString(path.Base(f.name)) || strings.HasPrefix(f.name, "units/") {
			continue
		}
		var doc struct {
			Index int `json:"index"`
		}
		switch err := json.Unmarshal(f.data, &doc); {
		case err != nil:
			return "its document " + f.name + " cannot be read: " + quoted(err.Error())
		case doc.Index != own.Index:
			return fmt.Sprintf("it handed over a document of shard %d, which it did not run: something else wrote that", doc.Index)
		}
	}
	return ""
}

// documentName is how a shard's document is called.
var documentName = regexp.MustCompile(`^shard-\d+\.\d+\.json$`)

// logged reads the frames of a pod's log, again if the stream broke off.
func (r *running) logged(ctx context.Context, s *podState, follow bool) (files []packed, err error) {
	var got received
	p, _ := r.latest(s)
	query := url.Values{"limitBytes": {strconv.Itoa(maxLog)}}
	if follow {
		query.Set("follow", "true")
	}
	before := int64(-1)
	for range readTries {
		var stream io.ReadCloser
		text := counter{}
		if stream, err = r.API.Logs(ctx, r.namespace(), p.Metadata.Name, r.containerName(), query); err == nil {
			err = errors.Join(got.read(io.TeeReader(io.LimitReader(stream, maxLog), &text)), stream.Close())
		}
		_, ended := r.latest(s)
		// An API server ends a stream that broke off on the way from the node like a whole one. So a log is whole when two readings
		// after the pod's end have the same length.
		same := ended && err == nil && text.n == before
		if got.complete() || ctx.Err() != nil || kube.Has(err, "NotFound") || same {
			break
		}
		if before = -1; ended {
			before = text.n
		}
		if !pause(ctx, r.rest()) {
			break
		}
	}
	if bad := got.files(func(name string, data []byte) error {
		files = append(files, packed{name, data})
		return localName(name)
	}); bad != nil {
		text := bad.Error()
		if err != nil {
			text += " (reading it: " + quoted(err.Error()) + ")"
		}
		if last := lastOf(got.last); last != "" {
			text += "; the last line of its log: " + last
		}
		return nil, errors.New(text)
	} else if len(files) == 0 {
		return nil, errors.New("its log has no documents")
	}
	return files, nil
}

// counter counts what is written.
type counter struct{ n int64 }

func (c *counter) Write(p []byte) (int, error) {
	c.n += int64(len(p))
	return len(p), nil
}

// rest is the time between two readings.
func (x *Executor) rest() time.Duration {
	if x.tick > 0 {
		return x.tick
	}
	return readPause
}

func lastOf(lines []string) string {
	for _, line := range slices.Backward(lines) {
		if text := quoted(line); text != "" {
			return text
		}
	}
	return ""
}

// maxLog bounds what is read of a log, in bytes.
const maxLog = 64 << 20

func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// stored reads what a pod put into the store; the error is that its documents cannot be had.
func (r *running) stored(ctx context.Context, p kube.Pod, list []stored) (files []packed, err error) {
	read := func(o stored) (part []packed, err error) {
		if r.Store == nil {
			return nil, errors.New("no store of results is named here")
		}
		data, err := r.Store.Get(ctx, o.Name)
		if err != nil {
			return nil, err
		}
		if sum := sha256.Sum256(data); hex.EncodeToString(sum[:]) != o.Sum {
			return nil, errors.New("its digest does not fit: something else was put in its place")
		}
		err = unpack(bytes.NewReader(data), maxUnpacked, func(name string, data []byte) error {
			part = append(part, packed{name, data})
			return localName(name)
		})
		return part, err
	}
	for i, o := range list {
		part, err := read(o)
		switch {
		case err != nil && i == 0:
			return nil, fmt.Errorf("its documents in the store of results cannot be read: %w", err)
		case err != nil:
			r.Note(fmt.Sprintf("evidence of %s is not brought here: %v", on(p), err))
		}
		files = append(files, part...)
	}
	return files, nil
}

// file writes what a pod handed over: documents and logs into a folder of its own, evidence of batches where its document says it is,
// unless another pod of the shard has left some there.
func (r *running) file(p kube.Pod, index int, files []packed) error {
	dir, err := os.OpenRoot(r.out)
	if err != nil {
		return err
	}
	defer func() { _ = dir.Close() }()
	own := folderOfPods + "/" + safetext.FileName(p.Metadata.Name)
	sh, _ := r.shardOf(index)
	units := fmt.Sprintf("units/%d-", sh.Index)
	second := false
	r.mu.Lock()
	for _, other := range r.pods {
		second = second || other.index == index && other.taken
	}
	r.mu.Unlock()
	// Documents are last: where they are, the evidence is.
	slices.SortStableFunc(files, func(a, b packed) int { return rankOf(a.name) - rankOf(b.name) })
	for _, f := range files {
		name := own + "/" + f.name
		if strings.HasPrefix(f.name, units) && !second {
			name = f.name
		}
		if err := dir.MkdirAll(filepath.FromSlash(path.Dir(name)), 0o755); err != nil {
			return err
		}
		if err := workspace.Replace(dir, name, f.data); err != nil {
			return err
		}
	}
	return nil
}

func rankOf(name string) int {
	if documentName.MatchString(name) {
		return 1
	}
	return 0
}

// account says of each shard without a document why.
func (r *running) account() {
	r.mu.Lock()
	defer r.mu.Unlock()
	taken := map[int]int{}
	reasons := map[int][]string{}
	for _, s := range r.pods {
		switch {
		case s.taken:
			taken[s.index]++
		case s.why != "":
			reasons[s.index] = append(reasons[s.index], s.why)
		case s.givenUp != "":
			reasons[s.index] = append(reasons[s.index], s.givenUp)
		default:
			reasons[s.index] = append(reasons[s.index], said(s.pod, r.containerName()))
		}
	}
	general := "it was never started"
	switch end := r.ended(); {
	case r.ctx.Err() != nil:
		general = "the run was stopped before it ended"
	case r.lost != nil:
		general = r.lost.Error()
	case r.gone:
		general = "the Job was deleted by somebody else"
	case end != "":
		general = "no pod of it is known; the Job ended: " + end
	}
	for i, sh := range r.shards {
		list := reasons[i]
		switch slices.Sort(list); {
		case taken[i] == 0 && len(list) == 0:
			list = []string{general}
		case taken[i] == 0 && r.ctx.Err() != nil:
			list = append(list, general)
		case taken[i] == 0:
		case len(list) > 0: // a second pod, of which nothing is known, may have run the tests first
			r.outcome.Problems = append(r.outcome.Problems, e2e.Problem{Code: e2e.CodeEnvironment, Shard: sh.Index, LosesEvidence: true, Tests: sh.Tests,
				Text: fmt.Sprintf("shard %s had a second pod, of which no document arrived: %s; which of them ran first is not known", sh.Name, strings.Join(list, "; "))})
			continue
		default:
			continue
		}
		r.outcome.Absent[sh.Index] = strings.Join(list, "; ") + behind(". Run it again: ", r.Again)
	}
}

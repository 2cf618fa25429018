package kubernetes

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/org/e2e-gate/internal/kube"
)

// Why a pod is stopped.
var (
	errDeleted  = errors.New("deleted")
	errEvicted  = errors.New("evicted")
	errDeadline = errors.New("active deadline")
	errLost     = errors.New("lost") // nothing is said of it any more
)

// podSpec is what a kubelet reads of a pod.
type podSpec struct {
	NodeName       string      `json:"nodeName"`
	RestartPolicy  string      `json:"restartPolicy"`
	ServiceAccount string      `json:"serviceAccountName"`
	Deadline       *int64      `json:"activeDeadlineSeconds"`
	Grace          *int64      `json:"terminationGracePeriodSeconds"`
	Containers     []container `json:"containers"`
	Init           []container `json:"initContainers"`
	Volumes        []volume    `json:"volumes"`
	Security       security    `json:"securityContext"`
}

type container struct {
	Name          string                    `json:"name"`
	Image         string                    `json:"image"`
	Command       []string                  `json:"command"`
	Args          []string                  `json:"args"`
	WorkDir       string                    `json:"workingDir"`
	Env           []variable                `json:"env"`
	EnvFrom       []variables               `json:"envFrom"`
	Mounts        []mount                   `json:"volumeMounts"`
	Resources     kube.ResourceRequirements `json:"resources"`
	RestartPolicy string                    `json:"restartPolicy"`
	MessagePath   string                    `json:"terminationMessagePath"`
	MessagePolicy string                    `json:"terminationMessagePolicy"`
	Security      security                  `json:"securityContext"`
}

// security is what a kubelet of a test does of a security context: the rest is not checked.
type security struct {
	User     *int `json:"runAsUser"`
	ReadOnly bool `json:"readOnlyRootFilesystem"`
}

func (c container) sidecar() bool { return c.RestartPolicy == "Always" }

// pod is one that a node runs.
type pod struct {
	*Cluster
	node   *node
	meta   kube.ObjectMeta // as it was at first
	spec   podSpec
	dir    string
	ctx    context.Context // ends, with a cause, when the pod is to stop
	cancel context.CancelCauseFunc

	mu       sync.Mutex
	object   map[string]any // as last seen
	latest   kube.ObjectMeta
	grace    time.Duration
	started  time.Time
	states   map[string]*state
	reason   string // of the pod's end, where it did not end by itself
	message  string
	disrupts string
	ended    bool // no container runs any more, nor will one
	// pushing is held while the status is sent.
	pushing sync.Mutex
}

// state is that of a container.
type state struct {
	now, before kube.ContainerState
	restarts    int32
	process     *process
	log         *logFile
	killed      string // the reason of [Cluster.Kill]
}

func (c *Cluster) newPod(n *node, object json.RawMessage) (*pod, error) {
	var read struct {
		Metadata kube.ObjectMeta `json:"metadata"`
		Spec     podSpec         `json:"spec"`
	}
	if err := json.Unmarshal(object, &read); err != nil {
		return nil, err
	}
	p := &pod{Cluster: c, node: n, meta: read.Metadata, latest: read.Metadata, spec: read.Spec, started: time.Now(),
		dir: filepath.Join(c.dir, "pods", read.Metadata.UID), states: map[string]*state{}}
	p.ctx, p.cancel = context.WithCancelCause(c.ctx)
	p.grace = 30 * time.Second
	if p.spec.Grace != nil {
		p.grace = time.Duration(*p.spec.Grace) * time.Second
	}
	for _, list := range [][]container{p.spec.Init, p.spec.Containers} {
		for _, one := range list {
			p.states[one.Name] = &state{now: waiting("PodInitializing", "")}
		}
	}
	return p, os.MkdirAll(p.dir, 0o755)
}

func waiting(reason, message string) kube.ContainerState {
	return kube.ContainerState{Waiting: &kube.ContainerStateWaiting{Reason: reason, Message: message}}
}

// seen takes what the API server says of the pod.
func (p *pod) seen(object json.RawMessage, head kube.Pod, gone bool) {
	var raw map[string]any
	if json.Unmarshal(object, &raw) != nil {
		return
	}
	p.mu.Lock()
	p.object, p.latest = raw, head.Metadata
	if g, ok := raw["metadata"].(map[string]any)["deletionGracePeriodSeconds"].(float64); ok {
		p.grace = time.Duration(g) * time.Second
	}
	p.mu.Unlock()
	switch {
	case gone:
		p.cancel(errLost)
	case head.Metadata.DeletionTimestamp != nil:
		p.cancel(errDeleted)
	}
}

// log is a container's, or why there is none yet.
func (p *pod) log(container string) (*logFile, string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.states[container]
	if s == nil {
		return nil, "no such container"
	}
	if s.log == nil && s.now.Waiting != nil {
		return nil, s.now.Waiting.Reason
	}
	return s.log, "ContainerCreating"
}

// kill kills a container that runs.
func (p *pod) kill(container, reason string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.states[container]
	if s == nil || s.process == nil {
		return errors.New("it does not run")
	}
	s.killed = reason
	return s.process.signal(syscall.SIGKILL)
}

// run is the pod's life.
func (p *pod) run() {
	defer os.RemoveAll(p.dir) //nolint:errcheck,gosec // a folder of a test
	if p.spec.Deadline != nil {
		timer := time.AfterFunc(time.Duration(*p.spec.Deadline)*time.Second, func() { p.cancel(errDeadline) })
		defer timer.Stop()
	}
	p.push()
	var main, side sync.WaitGroup
	sides, endSides := context.WithCancelCause(context.WithoutCancel(p.ctx))
	failed := false
	for _, one := range p.spec.Init {
		if one.sidecar() {
			ready := make(chan struct{})
			side.Go(func() { p.keep(sides, one, "Always", ready) })
			select {
			case <-ready:
			case <-p.ctx.Done():
			}
			continue
		}
		policy := "OnFailure"
		if p.spec.RestartPolicy == "Never" {
			policy = "Never"
		}
		if p.keep(p.ctx, one, policy, nil) != 0 {
			failed = true
			break
		}
	}
	if !failed && p.ctx.Err() == nil {
		for _, one := range p.spec.Containers {
			main.Go(func() { p.keep(p.ctx, one, p.spec.RestartPolicy, nil) })
		}
	}
	main.Wait()
	endSides(errDeleted)
	side.Wait()
	p.finish()
}

// finish says how the pod ended, and lets the API server forget it if that was asked for.
func (p *pod) finish() {
	why := context.Cause(p.ctx)
	p.mu.Lock()
	switch {
	case errors.Is(why, errEvicted):
		p.reason, p.message, p.disrupts = "Evicted", "The node was low on resource: memory. ", "TerminationByKubelet"
	case errors.Is(why, errDeadline):
		p.reason, p.message = "DeadlineExceeded", "Pod was active on the node longer than the specified deadline"
	}
	for _, s := range p.states {
		if s.now.Terminated == nil && p.ctx.Err() != nil && s.now.Running == nil && s.before.Terminated != nil {
			s.now = s.before // it was to be started again
		}
	}
	p.ended = true
	p.mu.Unlock()
	if errors.Is(why, errLost) || p.Cluster.ctx.Err() != nil {
		return
	}
	p.push()
	for why == nil {
		<-p.ctx.Done()
		why = context.Cause(p.ctx)
	}
	if !errors.Is(why, errDeleted) {
		// It stays until it is deleted.
		for p.Cluster.ctx.Err() == nil && !p.deleted() && p.podOf(p.meta.Namespace, p.meta.Name) == p {
			pause(p.Cluster.ctx, 20*time.Millisecond)
		}
	}
	if p.deleted() {
		p.release()
	}
}

func (p *pod) deleted() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.latest.DeletionTimestamp != nil
}

// release removes the object, which the API server keeps until its kubelet has ended it.
func (p *pod) release() {
	err := p.Client.Do(p.Cluster.ctx, http.MethodDelete, "/api/v1/namespaces/"+p.meta.Namespace+"/pods/"+p.meta.Name, nil,
		map[string]any{"apiVersion": "v1", "kind": "DeleteOptions", "gracePeriodSeconds": 0, "preconditions": map[string]string{"uid": p.meta.UID}}, nil)
	if err != nil && !kube.Has(err, "NotFound") && !kube.Has(err, "Conflict") && p.Cluster.ctx.Err() == nil {
		p.root.Errorf("release pod %s: %v", p.meta.Name, err)
	}
}

// keep runs a container, and starts it again as the policy says. It returns the last exit
// status. ctx is when to stop; ready is closed when it runs.
func (p *pod) keep(ctx context.Context, one container, policy string, ready chan struct{}) int32 {
	for {
		code := p.once(ctx, one, ready)
		ready = nil
		if ctx.Err() != nil || policy == "Never" || policy == "OnFailure" && code == 0 {
			return code
		}
		p.mu.Lock()
		s := p.states[one.Name]
		s.before, s.now = s.now, waiting("CrashLoopBackOff", "back-off 10s restarting failed container")
		s.restarts++
		p.mu.Unlock()
		p.push()
		if !pause(ctx, 10*time.Second) {
			return code
		}
	}
}

// once runs a container to its end.
func (p *pod) once(ctx context.Context, one container, ready chan struct{}) int32 {
	l, err := p.prepare(ctx, one)
	if err != nil {
		return -1 // it never came to a start
	}
	log := newLog()
	log.breaks = int(p.breaks.Load())
	began := time.Now()
	dir, err := os.MkdirTemp(p.dir, "run-")
	if err != nil {
		p.root.Error(err)
		return -1
	}
	message := filepath.Join(dir, "message")
	if err := os.WriteFile(message, nil, 0o666); err != nil { //nolint:gosec // the container's user may be another
		p.root.Error(err)
		return -1
	}
	l.Binds = append(l.Binds, bind{Source: message, Target: one.MessagePath})
	running, err := l.start(dir, log)
	if err != nil {
		p.root.Errorf("start a container: %v", err)
		return -1
	}
	s := p.states[one.Name]
	p.mu.Lock()
	s.process, s.log, s.killed = running, log, ""
	s.now = kube.ContainerState{Running: &kube.ContainerStateRunning{StartedAt: &began}}
	p.mu.Unlock()
	p.push()
	if ready != nil {
		close(ready)
	}
	ended := make(chan struct{})
	go p.stopper(ctx, running, ended)
	code, fault := running.wait()
	close(ended)
	end := kube.ContainerStateTerminated{ExitCode: code, Reason: "Error", StartedAt: &began, FinishedAt: new(time.Now())}
	p.mu.Lock()
	s.process = nil
	switch {
	case s.killed != "":
		end.Reason = s.killed
	case fault != "":
		end.Reason, end.Message = "StartError", "failed to create containerd task: "+fault
	case code == 0:
		end.Reason = "Completed"
	}
	if data, err := os.ReadFile(message); err == nil && len(data) > 0 {
		end.Message = string(data[:min(len(data), 4096)])
	} else if code != 0 && one.MessagePolicy == "FallbackToLogsOnError" {
		end.Message = log.last(2048)
	}
	s.now = kube.ContainerState{Terminated: &end}
	lost := errors.Is(context.Cause(p.ctx), errLost)
	p.mu.Unlock()
	if !lost {
		p.push()
	}
	return code
}

// stopper asks a container to end when ctx ends, and kills it after the grace period.
func (p *pod) stopper(ctx context.Context, running *process, ended chan struct{}) {
	select {
	case <-ended:
		return
	case <-ctx.Done():
	}
	grace := time.Duration(0)
	if cause := context.Cause(ctx); errors.Is(cause, errDeleted) || errors.Is(cause, errDeadline) {
		p.mu.Lock()
		grace = p.grace
		p.mu.Unlock()
		running.signal(syscall.SIGTERM) //nolint:errcheck,gosec // it may have ended
	}
	select {
	case <-ended:
	case <-time.After(grace):
		running.signal(syscall.SIGKILL) //nolint:errcheck,gosec // it may have ended
	}
}

// prepare waits until all that a container needs is there: its image, its variables, its
// volumes. It says in the pod's status what is missing.
func (p *pod) prepare(ctx context.Context, one container) (launch, error) {
	said := ""
	for {
		image, known := p.image(one.Image)
		var l launch
		var err error
		why := "CreateContainerConfigError"
		if known {
			l, err = p.launch(ctx, one, image)
		} else {
			why, err = "ErrImagePull", fmt.Errorf("failed to pull and unpack image %q: failed to resolve reference %q: not found", one.Image, one.Image)
			if said != "" {
				why, err = "ImagePullBackOff", fmt.Errorf("Back-off pulling image %q", one.Image) //nolint:staticcheck // the kubelet's words
			}
		}
		if err == nil || ctx.Err() != nil {
			if err == nil {
				err = ctx.Err()
			}
			return l, err
		}
		if text := why + err.Error(); text != said {
			said = text
			p.mu.Lock()
			p.states[one.Name].now = waiting(why, err.Error())
			p.mu.Unlock()
			p.push()
			reason, message := "Failed", "Error: "+why
			if why == "ErrImagePull" {
				message = fmt.Sprintf("Failed to pull image %q: %v", one.Image, err)
			}
			if why == "ImagePullBackOff" {
				reason, message = "BackOff", err.Error()
			}
			p.event(one, reason, message)
		}
		if !pause(ctx, 200*time.Millisecond) {
			return l, ctx.Err()
		}
	}
}

func (p *pod) event(one container, reason, message string) {
	now := time.Now()
	err := p.Client.Do(p.Cluster.ctx, http.MethodPost, "/api/v1/namespaces/"+p.meta.Namespace+"/events", nil, kube.Event{
		Metadata:       kube.ObjectMeta{GenerateName: p.meta.Name + "."},
		InvolvedObject: kube.ObjectReference{APIVersion: "v1", Kind: "Pod", Namespace: p.meta.Namespace, Name: p.meta.Name, UID: p.meta.UID},
		Reason:         reason, Message: message, Type: "Warning", Count: 1, FirstTimestamp: &now, LastTimestamp: &now, Component: "kubelet",
	}, nil)
	if err != nil && p.Cluster.ctx.Err() == nil && !kube.Has(err, "Forbidden") && !kube.Has(err, "NotFound") {
		p.root.Errorf("event of container %s: %v", one.Name, err)
	}
}

// push sends the status to the API server. What others wrote of it stays, such as
// conditions of the scheduler and of controllers.
func (p *pod) push() {
	p.pushing.Lock()
	defer p.pushing.Unlock()
	path := "/api/v1/namespaces/" + p.meta.Namespace + "/pods/" + p.meta.Name
	p.mu.Lock()
	object := maps.Clone(p.object)
	p.mu.Unlock()
	for p.Cluster.ctx.Err() == nil && !p.node.lost.Load() {
		p.mu.Lock()
		object["status"] = p.describe(object["status"])
		p.mu.Unlock()
		var answer map[string]any
		err := p.Client.Do(p.Cluster.ctx, http.MethodPut, path+"/status", nil, object, &answer)
		if err == nil {
			p.mu.Lock()
			p.object = answer
			p.mu.Unlock()
			return
		}
		if kube.Has(err, "Conflict") {
			err = p.Client.Do(p.Cluster.ctx, http.MethodGet, path, nil, nil, &object)
			if meta, ok := object["metadata"].(map[string]any); err == nil && (!ok || meta["uid"] != p.meta.UID) {
				return // another pod of that name
			}
		}
		if kube.Has(err, "NotFound") {
			return
		}
		if err != nil && p.Cluster.ctx.Err() == nil {
			p.root.Errorf("status of pod %s: %v", p.meta.Name, err)
			return
		}
	}
}

// describe is the status, on top of the one that is there.
func (p *pod) describe(before any) map[string]any {
	status, _ := before.(map[string]any)
	status = maps.Clone(status)
	if status == nil {
		status = map[string]any{}
	}
	phase, ready := p.phase()
	status["phase"], status["hostIP"], status["podIP"], status["startTime"] = phase, "127.0.0.1", "127.0.0.1", p.started.UTC().Format(time.RFC3339)
	status["podIPs"], status["hostIPs"] = []any{map[string]string{"ip": "127.0.0.1"}}, []any{map[string]string{"ip": "127.0.0.1"}}
	status["containerStatuses"], status["initContainerStatuses"] = p.statuses(p.spec.Containers), p.statuses(p.spec.Init)
	if p.reason != "" {
		status["reason"], status["message"] = p.reason, p.message
	}
	yes := map[bool]string{true: "True", false: "False"}
	list, _ := status["conditions"].([]any)
	set := func(kind, value, reason string) {
		list = slices.Clone(list)
		fresh := map[string]any{"type": kind, "status": value, "lastTransitionTime": time.Now().UTC().Format(time.RFC3339)}
		if reason != "" {
			fresh["reason"] = reason
		}
		for i, c := range list {
			if old, ok := c.(map[string]any); ok && old["type"] == kind {
				if old["status"] != value {
					list[i] = fresh
				}
				return
			}
		}
		list = append(list, fresh)
	}
	begun := phase != "Pending"
	set("Initialized", yes[begun], "")
	set("Ready", yes[ready], map[bool]string{true: "PodCompleted"}[phase == "Succeeded"])
	set("ContainersReady", yes[ready], "")
	if p.disrupts != "" {
		set("DisruptionTarget", "True", p.disrupts)
	}
	status["conditions"] = list
	return status
}

func (p *pod) phase() (phase string, ready bool) {
	if p.reason != "" {
		return "Failed", false
	}
	ended, failed, running := 0, false, 0
	for _, one := range p.spec.Init {
		s := p.states[one.Name].now
		if !one.sidecar() && s.Terminated != nil && s.Terminated.ExitCode != 0 && p.spec.RestartPolicy == "Never" {
			return p.over("Failed"), false
		}
	}
	for _, one := range p.spec.Containers {
		switch s := p.states[one.Name]; {
		case s.now.Terminated != nil:
			ended++
			failed = failed || s.now.Terminated.ExitCode != 0
		case s.now.Running != nil:
			running++
		}
	}
	restarts := p.ctx.Err() == nil && (p.spec.RestartPolicy == "Always" || p.spec.RestartPolicy == "OnFailure" && failed)
	switch {
	case ended == len(p.spec.Containers) && !restarts && failed:
		return p.over("Failed"), false
	case ended == len(p.spec.Containers) && !restarts:
		return p.over("Succeeded"), false
	case p.ended: // deleted before all of them have run; the phase is a last one all the same
		return "Failed", false
	case ended+running > 0:
		return "Running", running == len(p.spec.Containers)
	}
	return "Pending", false
}

// over is a last phase, which comes when sidecars have ended too.
func (p *pod) over(phase string) string {
	for _, one := range p.spec.Init {
		if one.sidecar() && p.states[one.Name].now.Running != nil {
			return "Running"
		}
	}
	return phase
}

func (p *pod) statuses(list []container) []kube.ContainerStatus {
	statuses := []kube.ContainerStatus{}
	for _, one := range list {
		s := p.states[one.Name]
		running := s.now.Running != nil
		status := kube.ContainerStatus{Name: one.Name, State: s.now, LastTerminationState: s.before, Ready: running,
			Started: &running, RestartCount: s.restarts, Image: one.Image}
		if s.log != nil {
			status.ImageID = "test.invalid/" + strings.TrimPrefix(one.Image, "/") + "@sha256:" + strings.Repeat("0", 64)
		}
		statuses = append(statuses, status)
	}
	return statuses
}

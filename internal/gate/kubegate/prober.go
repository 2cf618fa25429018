package kubegate

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/org/e2e-gate/internal/gate/httpgate"
	"github.com/org/e2e-gate/internal/gate/probe"
	"github.com/org/e2e-gate/internal/kube"
	"github.com/org/e2e-gate/internal/safetext"
)

type prober struct {
	spec *Spec
	env  probe.Env
}

// serviceAccount is as [kube.Where] has it; tests have their own.
var serviceAccount string

// Probe looks at each workload and its pods.
func (p *prober) Probe(ctx context.Context) probe.Observation {
	where := kube.Where{Kubeconfig: p.spec.Kubeconfig, Context: p.spec.Context, Root: p.env.Root, Env: p.env.Base, ServiceAccount: serviceAccount}
	login, err := where.Login(ctx)
	if err != nil {
		o := probe.Broken(err.Error(), "no login to the cluster; correct kubeconfig or context, or run the gate in a pod with a service account")
		o.Word = wordLogin
		return o
	}
	s := session{Login: login, namespace: p.spec.Namespace}
	if s.namespace == "" {
		s.namespace = login.Namespace
	}
	if s.namespace == "" {
		s.namespace = "default"
	}
	options := httpgate.CallerOptions{Config: login.TLS, Timeout: p.spec.Timeout, Secrets: login.Secrets()}
	env := p.env
	env.Base = slices.Concat(env.Base, login.ProxyEnv())
	s.caller = httpgate.NewCaller(options, env)
	var seen []string
	for _, w := range p.spec.Workloads {
		o := s.look(ctx, w)
		if !o.Open() {
			o.Observed, o.Reason = s.caller.Mask(o.Observed), s.caller.Mask(o.Reason)
			return o
		}
		seen = append(seen, o.Observed)
	}
	return probe.Healthy(strings.Join(seen, ", "))
}

// session is one probe's way to the server.
type session struct {
	kube.Login
	namespace string
	caller    *httpgate.Caller
}

// get reads one object.
func (s session) get(ctx context.Context, path, what string, into any) *probe.Observation {
	headers := map[string]string{"Accept": "application/json"}
	a, fault := s.caller.Do(ctx, httpgate.Request{URL: s.Server + path, Headers: headers, Lists: s.Header})
	switch {
	case fault != nil:
		return fault
	case a.Code() == http.StatusNotFound:
		o := probe.Never("404", what+" not found in "+s.namespace,
			"the namespace has no such workload; correct its name or namespace, or add 404 to retry_on if a deployment creates it")
		return &o
	case !a.OK():
		return refused(a, what)
	case json.Unmarshal(a.Body(), into) != nil:
		o := a.NotJSON()
		return &o
	}
	return nil
}

// refused quotes the server: its message names user, verb and object.
func refused(a httpgate.Answer, what string) *probe.Observation {
	o := a.WrongStatus()
	var said struct {
		Message string `json:"message"`
	}
	if json.Unmarshal(a.Body(), &said) == nil && said.Message != "" {
		o.Observed = fmt.Sprintf("%s: HTTP %d, %s", what, a.Code(), a.Quote(said.Message))
		o.Key = what + strconv.Itoa(a.Code())
	}
	return &o
}

// look judges one workload.
func (s session) look(ctx context.Context, w Workload) probe.Observation {
	kind, name, _ := w.split()
	var found object
	if fault := s.get(ctx, "/apis/apps/v1/namespaces/"+s.namespace+"/"+plurals[kind]+"/"+name, w.Name, &found); fault != nil {
		return *fault
	}
	var pods podList
	path := "/api/v1/namespaces/" + s.namespace + "/pods?limit=100&labelSelector=" + url.QueryEscape(found.Spec.Selector.String())
	if fault := s.get(ctx, path, "pods of "+w.Name, &pods); fault != nil {
		return *fault
	}
	if reason, failed := found.failed(); failed {
		return probe.Never(wordDeadline, w.Name+": "+safetext.Plain(reason, probe.MaxQuote)+pods.trouble(),
			"the roll-out has stopped making progress; look at its pods, or add progress_deadline to retry_on")
	}
	if waits := found.waits(kind); waits != "" {
		o := probe.NotYet(w.Name+": "+waits+pods.trouble(), "the roll-out is not complete; wait, or look at its pods")
		return o
	}
	return judgeImages(w, found, pods)
}

// judgeImages: a pod that is going away may still run the old image.
func judgeImages(w Workload, found object, pods podList) probe.Observation {
	text := fmt.Sprintf("%s rolled out (%d)", w.Name, found.ready())
	if w.Image == "" {
		return probe.Healthy(text)
	}
	for _, pod := range pods.Items {
		if pod.Metadata.Deleted != nil {
			continue
		}
		if images := pod.images(strings.Contains(w.Image, "sha256:")); !slices.ContainsFunc(images, func(i string) bool { return runs(i, w.Image) }) {
			return probe.NotYet(fmt.Sprintf("%s: pod %s runs %s", w.Name, safetext.Plain(pod.Metadata.Name, probe.MaxQuote),
				safetext.Plain(strings.Join(images, ", "), probe.MaxQuote)),
				w.Image+" was expected in every pod; deploy the version under test, or correct image")
		}
	}
	return probe.Healthy(text + ", image as expected")
}

// runs reports whether an image is the wanted one, or ends like it after a slash
// or an @.
func runs(image, want string) bool {
	if i := strings.Index(want, "sha256:"); i >= 0 {
		return strings.HasSuffix(image, want[i:])
	}
	return image == want || strings.HasSuffix(image, "/"+want)
}

// Package kubegate is the kubernetes check: roll-outs are complete, pods are ready
// and run the expected image. It speaks the API itself, with a kubeconfig or from
// within a cluster: three kinds of objects do not need a client of twenty
// megabytes.
package kubegate

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/org/e2e-gate/internal/diag"
	"github.com/org/e2e-gate/internal/gate/httpgate"
	"github.com/org/e2e-gate/internal/gate/probe"
)

// Kind is the name of this kind of check in the config.
const Kind = "kubernetes"

// Spec is the kubernetes check of the config.
type Spec struct {
	Kubeconfig string        `yaml:"kubeconfig" doc:"Kubeconfig file, relative to the repository root. Default: KUBECONFIG, else the service account of the pod, else ~/.kube/config."`
	Context    string        `yaml:"context" doc:"Context of the kubeconfig. Default: its current one."`
	Namespace  string        `yaml:"namespace" doc:"Namespace. Default: that of the context, else default."`
	Workloads  []Workload    `yaml:"workloads" doc:"Workloads whose roll-out must be complete."`
	Timeout    time.Duration `yaml:"timeout" doc:"Longest time of a single probe of all workloads. Default 5s."`
}

// Workload is a deployment, stateful set or daemon set.
type Workload struct {
	Name  string `yaml:"name" doc:"deployment/api, statefulset/db or daemonset/agent."`
	Image string `yaml:"image" doc:"Image that a container of every pod must run: the end of its name, such as api:1.4.2, or the pulled digest, starting with sha256:."`
}

// The words of retry_on in addition to those of HTTP.
const (
	wordDeadline = "progress_deadline"
	wordLogin    = "login"
)

// ProbeTimeout bounds a single probe.
func (s *Spec) ProbeTimeout() time.Duration { return probe.TimeoutOr(s.Timeout) }

// RetryWords are the words of retry_on for this kind: its answers that normally end the
// wait.
func (s *Spec) RetryWords() []string {
	return append(httpgate.NeverWords(), wordLogin, wordDeadline)
}

// plurals are the kinds of workloads as the API spells them.
var plurals = map[string]string{"deployment": "deployments", "statefulset": "statefulsets", "daemonset": "daemonsets"}

var objectName = regexp.MustCompile(`^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$`)

// split splits deployment/api into kind and name.
func (w Workload) split() (kind, name string, ok bool) {
	kind, name, _ = strings.Cut(w.Name, "/")
	return kind, name, plurals[kind] != "" && objectName.MatchString(name)
}

// Validate returns what is wrong with the spec.
func (s *Spec) Validate() []diag.Mistake {
	var problems []diag.Mistake
	if len(s.Workloads) == 0 {
		problems = append(problems, diag.Mistake{Path: "workloads", Text: "the check has no workloads", Hint: "write it as workloads: [{name: deployment/api}]"})
	}
	for i, w := range s.Workloads {
		if _, _, ok := w.split(); !ok {
			problems = append(problems, diag.Mistake{
				Path: fmt.Sprintf("workloads[%d].name", i), Text: fmt.Sprintf("invalid workload %q", w.Name),
				Hint: "write it as deployment/api, statefulset/db or daemonset/agent",
			})
		}
	}
	if s.Namespace != "" && !objectName.MatchString(s.Namespace) {
		problems = append(problems, diag.Mistake{Path: "namespace", Text: fmt.Sprintf("invalid namespace %q", s.Namespace), Hint: "write it as staging"})
	}
	return append(problems, probe.CheckDuration("timeout", s.Timeout)...)
}

// New builds the probe.
func (s *Spec) New(env probe.Env) probe.Probe {
	if problems := s.Validate(); len(problems) > 0 {
		return probe.BrokenProbe(Kind, "", problems)
	}
	return &prober{spec: s, env: env}
}

func (p *prober) Kind() string { return Kind }

func (p *prober) Target() string {
	names := make([]string, len(p.spec.Workloads))
	for i, w := range p.spec.Workloads {
		names[i] = w.Name
	}
	text := strings.Join(names, ", ")
	if p.spec.Namespace != "" {
		text += " in " + p.spec.Namespace
	}
	return text
}

func (p *prober) Expected() string {
	parts := []string{"rolled out"}
	for _, w := range p.spec.Workloads {
		if w.Image != "" {
			parts = append(parts, w.Name+" with image "+w.Image)
		}
	}
	return strings.Join(parts, ", ")
}

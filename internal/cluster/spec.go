// Package cluster runs the shards of a plan as an Indexed Job of Kubernetes: an index for each shard, never run twice. It makes the
// manifests, checks before anything is created whether they can work, follows the pods, and brings the shards' documents back,
// through the pods' logs or an object store. What the documents mean is decided where they are merged.
package cluster

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/org/e2e-gate/internal/diag"
	"github.com/org/e2e-gate/internal/history"
)

// Spec is executor.kubernetes of the config.
type Spec struct {
	Pod          string            `yaml:"pod" doc:"File with a pod spec (or a Pod, or a pod template), from the repository root. It stays as written; the gate adds its command, variables and a volume to the container named suite, or to the only one. Its image holds the repository at its working directory, and all that the suites need." required:"true"`
	Pods         map[string]string `yaml:"pods" doc:"Suites whose pods are others, by name: the file of the pod spec, such as one with the image of a browser. Each file has a Job of its own, and no shard has tests of two."`
	SuiteImage   string            `yaml:"suite_image" doc:"Image of the suites, for pod specs whose container names none, such as registry.example.com/acme/e2e:${E2E_SHA}."`
	Image        string            `yaml:"image" doc:"Image of the gate, from which an init container copies the program. Default: the released image of this version."`
	Kubeconfig   string            `yaml:"kubeconfig" doc:"Kubeconfig file, from the repository root. Default: KUBECONFIG, else the service account of the pod, else ~/.kube/config."`
	Context      string            `yaml:"context" doc:"Context of the kubeconfig. Default: its current one."`
	Namespace    string            `yaml:"namespace" doc:"Namespace of the Job. Default: that of the context, else default."`
	Parallelism  int               `yaml:"parallelism" doc:"Most pods at one time. Default: all. With fewer pods than shards, a free pod takes the next shard; if shards are chosen by the gate, it cuts for that."`
	Results      string            `yaml:"results" doc:"s3://BUCKET/PREFIX, with ?endpoint= and region= as in history.store: where pods leave documents and all evidence. Default: documents, and evidence within 4 MiB for a shard, come through the logs of the pods."`
	StartTimeout time.Duration     `yaml:"start_timeout" doc:"How long a pod may take to start, such as for its image or a node: then the shard is lost, with the reason that the cluster gives. Default 10m."`
	SameKey      SameKey           `yaml:"same_key" enum:"allow,wait,refuse" doc:"What a run does while another one of the same stage and key (--key) runs in the namespace. Default allow."`
	Keep         time.Duration     `yaml:"keep" doc:"How long a Job stays after its end if the gate did not remove it (ttlSecondsAfterFinished), such as after the gate was killed. Default 1h."`
	Absent       []string          `yaml:"absent" doc:"Files of suites (globs, from the root) that the image may lack, in addition to *.md, .gitignore, .dockerignore and Dockerfiles. All other files that git tracks there must be the same in the image."`
}

// PodOf is the file of the pod spec for a suite.
func (s *Spec) PodOf(suite string) string { return cmp.Or(s.Pods[suite], s.Pod) }

// Files are those of all pod specs.
func (s *Spec) Files() []string {
	list := []string{s.Pod}
	for _, file := range s.Pods {
		list = append(list, file)
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// SameKey says what a second run of one stage and key does.
type SameKey string

// What a second run does.
const (
	AllowSame  SameKey = "allow"
	WaitSame   SameKey = "wait"
	RefuseSame SameKey = "refuse"
)

// Defaults of the config.
const (
	DefaultStart = 10 * time.Minute
	DefaultKeep  = time.Hour
)

// Enabled reports whether the config says how to run in a cluster.
func (s *Spec) Enabled() bool { return s.Pod != "" }

var (
	namespaceName = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)
	// imageName is what a registry, a repository, a tag and a digest may be made of; the cluster knows more.
	imageName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._:/-]*(@sha256:[0-9a-f]{64})?$`)
)

// Validate returns what is wrong with a resolved section. Paths start below "executor.kubernetes".
func (s *Spec) Validate() []diag.Mistake {
	var found []diag.Mistake
	add := func(path, text, hint string) { found = append(found, diag.Mistake{Path: path, Text: text, Hint: hint}) }
	if s.Namespace != "" && !namespaceName.MatchString(s.Namespace) {
		add("namespace", fmt.Sprintf("invalid namespace %q", s.Namespace), "write it as staging")
	}
	for path, image := range map[string]string{"image": s.Image, "suite_image": s.SuiteImage} {
		if image != "" && !imageName.MatchString(image) {
			add(path, fmt.Sprintf("invalid image %q", image), "write it as registry.example.com/acme/e2e:v1")
		}
	}
	if s.Parallelism < 0 {
		add("parallelism", "the number is negative", "use one from 1 on, or leave it out")
	}
	if s.Results != "" {
		if a, err := history.ParseAddress(s.Results); err != nil || a.Kind != history.KindS3 {
			add("results", fmt.Sprintf("%q is no object store", s.Results), "write it as s3://BUCKET/PREFIX")
		}
	}
	for path, d := range map[string]time.Duration{"start_timeout": s.StartTimeout, "keep": s.Keep} {
		if d < 0 {
			add(path, "the duration is negative", "use one such as 10m")
		}
	}
	for i, glob := range s.Absent {
		if !doublestar.ValidatePattern(glob) || strings.HasPrefix(glob, "/") {
			add(fmt.Sprintf("absent[%d]", i), fmt.Sprintf("invalid glob %q", glob), "write it as e2e/docs/**")
		}
	}
	return found
}

package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/big"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/org/e2e-gate/internal/kube"
)

// right is what the gate does with a resource.
type right struct {
	group, resource string
	verbs           []string
}

// rights are what a run needs in its namespace.
var rights = []right{
	{"batch", "jobs", []string{"create", "get", "list", "watch", "delete"}},
	{"", "pods", []string{"list", "watch", "delete"}},
	{"", "pods/log", []string{"get"}},
	{"", "configmaps", []string{"create", "get", "list", "update", "delete"}},
}

// asked are rights that say more where they are given: without them, something is not known, and nothing fails.
var asked = []right{
	{"", "events", []string{"list"}},
	{"", "resourcequotas", []string{"list"}},
	{"", "limitranges", []string{"list"}},
}

// Role is a Role with all rights that a run needs, as YAML, for kubectl apply.
func Role(namespace string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata: {name: e2e-gate, namespace: %s}\nrules:\n", namespace)
	for _, r := range slices.Concat(rights, asked) {
		fmt.Fprintf(&b, "  - {apiGroups: [%q], resources: [%s], verbs: [%s]}\n", r.group, r.resource, strings.Join(r.verbs, ", "))
	}
	return b.String()
}

// oldest is the first version of Kubernetes that keeps an index from running twice (1.29).
const oldest = 29

// preflight checks before anything is created whether a run can work.
func (x *Executor) preflight(ctx context.Context, batches []batch) error {
	var v kube.Version
	if err := x.API.Do(ctx, http.MethodGet, "/version", nil, nil, &v); err != nil {
		return fmt.Errorf("the cluster does not answer: %w", err)
	}
	minor, err := strconv.Atoi(strings.TrimRight(v.Minor, "+"))
	if major, err2 := strconv.Atoi(v.Major); errors.Join(err, err2) != nil || major < 1 || major == 1 && minor < oldest {
		return fmt.Errorf("the cluster has Kubernetes %s, and 1.%d or newer is needed: older ones cannot promise that no shard runs twice",
			quoted(v.GitVersion), oldest)
	}
	if err := x.allowed(ctx); err != nil {
		return err
	}
	var ns kube.Namespace
	switch err := x.API.Do(ctx, http.MethodGet, "/api/v1/namespaces/"+x.namespace(), nil, nil, &ns); {
	case kube.Has(err, "NotFound"):
		return fmt.Errorf("the namespace %s does not exist; create it, or name another one in executor.kubernetes.namespace", x.namespace())
	case err == nil && ns.Status.Phase == "Terminating":
		return fmt.Errorf("the namespace %s is being deleted", x.namespace())
	}
	for _, b := range batches {
		job, err := b.job()
		if err != nil {
			return err
		}
		if err := x.accepts(ctx, b.file, job); err != nil {
			return err
		}
		if err := x.room(ctx, b); err != nil {
			return err
		}
	}
	return nil
}

// allowed asks for each right; what is missing is named, with a Role that has it.
func (x *Executor) allowed(ctx context.Context) error {
	missing := make([][]string, len(rights))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(8)
	for i, r := range rights {
		missing[i] = make([]string, len(r.verbs))
		for j, verb := range r.verbs {
			group.Go(func() error {
				resource, sub, _ := strings.Cut(r.resource, "/")
				review := kube.SelfSubjectAccessReview{APIVersion: "authorization.k8s.io/v1", Kind: "SelfSubjectAccessReview"}
				review.Spec.ResourceAttributes = &kube.ResourceAttributes{Namespace: x.namespace(), Verb: verb, Group: r.group, Resource: resource, Subresource: sub}
				var answer kube.SelfSubjectAccessReview
				if err := x.API.Do(ctx, http.MethodPost, "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", nil, review, &answer); err != nil {
					return fmt.Errorf("the cluster does not say what may be done there: %w", err)
				}
				if !answer.Status.Allowed {
					missing[i][j] = verb + " " + r.resource
				}
				return nil
			})
		}
	}
	if err := group.Wait(); err != nil {
		return err
	}
	all := slices.DeleteFunc(slices.Concat(missing...), func(text string) bool { return text == "" })
	if len(all) == 0 {
		return nil
	}
	return fmt.Errorf("in namespace %s the gate may not: %s. Give its account this Role:\n%s", x.namespace(), strings.Join(all, ", "), Role(x.namespace()))
}

// accepts asks the cluster to check the Job without creating it, and whether it keeps what the gate relies on: a cluster in which that
// is switched off drops it silently.
func (x *Executor) accepts(ctx context.Context, file string, job map[string]any) error {
	var made kube.Job
	if err := x.API.Do(ctx, http.MethodPost, x.path(batch1, "jobs"), url.Values{"dryRun": {"All"}}, job, &made); err != nil {
		return fmt.Errorf("the cluster does not accept the Job with the pod of %s: %w", file, err)
	}
	switch spec := made.Spec; {
	case spec.BackoffLimitPerIndex == nil || *spec.BackoffLimitPerIndex != 0:
		return errors.New("the cluster does not keep backoffLimitPerIndex of a Job, so it could run a shard twice; switch that feature on (JobBackoffLimitPerIndex)")
	case spec.PodFailurePolicy == nil:
		return errors.New("the cluster does not keep podFailurePolicy of a Job, so it could run a shard twice; switch that feature on (JobPodFailurePolicy)")
	}
	return nil
}

// room compares what the pods ask for with quotas and limits. What cannot be read is left to the cluster.
func (x *Executor) room(ctx context.Context, b batch) error {
	job, err := b.job()
	if err != nil {
		return err
	}
	p, err := podOf(job)
	if err != nil {
		return err
	}
	var limits kube.List[kube.LimitRange]
	if x.API.Do(ctx, http.MethodGet, x.path(core, "limitranges"), nil, nil, &limits) == nil {
		for _, l := range limits.Items {
			if text := outside(p, l.Spec.Limits); text != "" {
				return fmt.Errorf("the LimitRange %s does not let the pods of %s be created: %s", quoted(l.Metadata.Name), b.file, text)
			}
		}
	}
	var quotas kube.List[kube.ResourceQuota]
	if x.API.Do(ctx, http.MethodGet, x.path(core, "resourcequotas"), nil, nil, &quotas) != nil {
		return nil //nolint:nilerr // it is not known, and the cluster says it when a pod is created
	}
	for _, q := range quotas.Items {
		if len(q.Spec.Scopes) > 0 || len(q.Spec.ScopeSelector) > 0 {
			continue // it may be for other pods
		}
		if text := exceeded(p, q.Status, b.parallel(), limits.Items); text != "" {
			return fmt.Errorf("the quota %s leaves no room for the pods: %s; lower executor.kubernetes.parallelism or the requests in %s, or raise the quota",
				quoted(q.Metadata.Name), text, b.file)
		}
	}
	return nil
}

// podOf is the pod of a Job as types have it.
func podOf(job map[string]any) (p kube.Pod, err error) {
	data, err := json.Marshal(job["spec"].(map[string]any)["template"]) //nolint:forcetypeassert // a Job of ours
	if err == nil {
		err = json.Unmarshal(data, &p)
	}
	return p, err
}

// outside says which container asks for less or more than the limits allow.
func outside(p kube.Pod, limits []kube.LimitRangeItem) string {
	for _, item := range limits {
		if item.Type != "Container" {
			continue
		}
		for _, c := range slices.Concat(p.Spec.InitContainers, p.Spec.Containers) {
			for _, name := range slices.Sorted(maps.Keys(item.Max)) {
				if asked := asks(c.Resources.Limits, c.Resources.Requests, name); more(asked, item.Max[name]) {
					return fmt.Sprintf("container %s asks for %s %s, and the most is %s", quoted(c.Name), asked, name, item.Max[name])
				}
			}
			for _, name := range slices.Sorted(maps.Keys(item.Min)) {
				if asked := asks(c.Resources.Requests, c.Resources.Limits, name); asked != "" && more(item.Min[name], asked) {
					return fmt.Sprintf("container %s asks for %s %s, and the least is %s", quoted(c.Name), asked, name, item.Min[name])
				}
			}
		}
	}
	return ""
}

func asks(first, second map[string]kube.Quantity, name string) kube.Quantity {
	if q, ok := first[name]; ok {
		return q
	}
	return second[name]
}

// more reports whether one quantity is more than another one, if both can be read.
func more(a, b kube.Quantity) bool {
	x, ok1 := a.Value()
	y, ok2 := b.Value()
	return ok1 && ok2 && x.Cmp(y) > 0
}

// exceeded says what of a quota one pod alone would exceed: with fewer pods than wanted a run only takes longer.
func exceeded(p kube.Pod, st kube.ResourceQuotaStatus, parallel int, defaults []kube.LimitRange) string {
	for _, name := range slices.Sorted(maps.Keys(st.Hard)) {
		need, unsaid := needOf(p, name, defaults)
		hard, ok := st.Hard[name].Value()
		if need == nil || !ok {
			continue
		}
		if unsaid != "" {
			return fmt.Sprintf("it asks that each container says its %s, and %s does not", name, quoted(unsaid))
		}
		used, ok := st.Used[name].Value()
		if !ok {
			used = new(big.Rat)
		}
		if left := new(big.Rat).Sub(hard, used); left.Cmp(need) < 0 {
			return fmt.Sprintf("one of %d asks for %s of %s, and %s of %s are left", parallel, plain(need), name, plain(left), st.Hard[name])
		}
	}
	return ""
}

func plain(r *big.Rat) string {
	return strings.TrimSuffix(strings.TrimRight(r.FloatString(3), "0"), ".")
}

// needOf is what one pod takes of a quota; nil: nothing that is known. unsaid is a container that does not say what it needs.
func needOf(p kube.Pod, name string, defaults []kube.LimitRange) (need *big.Rat, unsaid string) {
	switch name {
	case "pods", "count/pods", "count/jobs.batch":
		return big.NewRat(1, 1), ""
	}
	kind, resource, ok := strings.Cut(name, ".")
	switch {
	case !ok && (name == "cpu" || name == "memory"):
		kind, resource = "requests", name
	case !ok || kind != "requests" && kind != "limits" || resource != "cpu" && resource != "memory":
		return nil, ""
	}
	sum, most := new(big.Rat), new(big.Rat)
	of := func(c kube.Container) *big.Rat {
		q := c.Resources.Limits[resource]
		if kind == "requests" {
			q = asks(c.Resources.Requests, c.Resources.Limits, resource)
		}
		for _, l := range defaults {
			for _, item := range l.Spec.Limits {
				if q == "" && item.Type == "Container" {
					q = item.Default[resource]
					if kind == "requests" {
						q = asks(item.DefaultRequest, item.Default, resource)
					}
				}
			}
		}
		v, ok := q.Value()
		if !ok {
			unsaid = c.Name
			return new(big.Rat)
		}
		return v
	}
	for _, c := range p.Spec.InitContainers {
		if c.RestartPolicy != nil && *c.RestartPolicy == "Always" {
			sum.Add(sum, of(c))
		} else if v := of(c); v.Cmp(most) > 0 {
			most = v
		}
	}
	for _, c := range p.Spec.Containers {
		sum.Add(sum, of(c))
	}
	if most.Cmp(sum) > 0 {
		return most, unsaid
	}
	return sum, unsaid
}

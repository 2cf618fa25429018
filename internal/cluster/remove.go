package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/org/e2e-gate/internal/kube"
)

// deletion is how objects are deleted: with what they own, which goes first.
func deletion(uid string) map[string]any {
	return map[string]any{
		"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": "Foreground", "preconditions": map[string]any{"uid": uid},
	}
}

// head is what is read of objects that are to be deleted.
type head struct {
	Metadata kube.ObjectMeta `json:"metadata"`
}

// kinds are what the gate creates, in the order in which it is removed.
func (x *Executor) kinds() []string {
	return []string{x.path(batch1, "jobs"), x.path(core, "configmaps")}
}

// removeRun deletes everything of a run, and waits until it is gone, for a bounded time; it returns what may be left.
func (x *Executor) removeRun(ctx context.Context, selector string) string {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), removeWithin)
	defer cancel()
	var left []string
	for _, path := range x.kinds() {
		list, err := x.objects(ctx, path, selector)
		if err != nil {
			left = append(left, fmt.Sprintf("it is not known what is left of %s: %v", path, err))
			continue
		}
		for _, o := range list {
			if err := x.delete(ctx, path, o.Metadata); err != nil {
				left = append(left, fmt.Sprintf("%s/%s: %v", path, o.Metadata.Name, err))
			}
		}
	}
	for _, path := range x.kinds() {
		for {
			list, err := x.objects(ctx, path, selector)
			if err == nil && len(list) == 0 {
				break
			}
			if !pause(ctx, 250*time.Millisecond) {
				left = append(left, fmt.Sprintf("%d of %s are still being deleted", len(list), path))
				break
			}
		}
	}
	if len(left) == 0 {
		return ""
	}
	return "in the cluster something may be left, which e2e-gate cluster sweep removes: " + strings.Join(left, "; ")
}

// objects are those of a collection that have the gate's label and those of a selector.
func (x *Executor) objects(ctx context.Context, path, selector string) (all []head, err error) {
	query := url.Values{"labelSelector": {selector}, "limit": {"500"}}
	for {
		var list kube.List[head]
		if err := x.API.Do(ctx, http.MethodGet, path, query, nil, &list); err != nil {
			return nil, err
		}
		for _, o := range list.Items {
			if o.Metadata.Labels[labelManaged] == managedBy { // whatever a server makes of a selector
				all = append(all, o)
			}
		}
		if list.Metadata.Continue == "" {
			return all, nil
		}
		query.Set("continue", list.Metadata.Continue)
	}
}

func (x *Executor) delete(ctx context.Context, path string, o kube.ObjectMeta) error {
	if o.DeletionTimestamp != nil {
		return nil
	}
	err := x.API.Do(ctx, http.MethodDelete, path+"/"+o.Name, nil, deletion(o.UID), nil)
	if kube.Has(err, "NotFound") || kube.Has(err, "Conflict") { // gone, or another one of its name
		return nil
	}
	return err
}

// Sweep removes what runs left in the namespace that began more than an age ago: Jobs with their pods, and input. It returns the names of
// what it removed.
func (x *Executor) Sweep(ctx context.Context, older time.Duration) (removed []string, err error) {
	old := func(m kube.ObjectMeta) bool {
		return m.CreationTimestamp != nil && x.now().Sub(*m.CreationTimestamp) > older
	}
	for _, path := range x.kinds() {
		list, err := x.objects(ctx, path, labelManaged+"="+managedBy)
		if err != nil {
			return removed, err
		}
		for _, o := range list {
			claim := strings.HasPrefix(o.Metadata.Name, claimPrefix)
			if !old(o.Metadata) || claim && !x.stale(o.Metadata) || !claim && o.Metadata.Labels[labelRun] == "" {
				continue
			}
			if err := x.delete(ctx, path, o.Metadata); err != nil {
				return removed, err
			}
			removed = append(removed, path[strings.LastIndexByte(path, '/')+1:]+"/"+o.Metadata.Name)
		}
	}
	return removed, nil
}

// claimPrefix starts the names of what shows that a run of a key runs.
const claimPrefix = "e2e-gate-key-"

// noteUntil says until when a claim holds at the latest.
const noteUntil = labelPrefix + "until"

// stale reports whether a claim holds no more.
func (x *Executor) stale(m kube.ObjectMeta) bool {
	until, err := time.Parse(time.RFC3339, m.Annotations[noteUntil])
	return err != nil || x.now().After(until)
}

// errTaken says that another run of the key runs.
var errTaken = errors.New("another run of this stage and key runs in the namespace")

// claim makes sure that no other run of the key runs, if that is wanted: a ConfigMap of the key's name is there while one does, and
// ends with the run's deadline at the latest.
func (x *Executor) claim(ctx context.Context, b batch) (release func(), err error) {
	if x.Spec.SameKey != WaitSame && x.Spec.SameKey != RefuseSame {
		return func() {}, nil
	}
	name, path := claimPrefix+keyOf(b.plan.Run), x.path(core, "configmaps")
	labels := b.labels()
	delete(labels, labelRun) // the claim is not a part of the run that its end removes
	run := label(b.plan.Run.ID)
	mine := func(found json.RawMessage) bool {
		var o struct {
			head
			Data map[string]string `json:"data"`
		}
		return json.Unmarshal(found, &o) == nil && o.Data["run"] == run
	}
	said := false
	for {
		object := map[string]any{
			"apiVersion": "v1", "kind": "ConfigMap", "data": map[string]string{"run": run},
			"metadata": map[string]any{"name": name, "labels": labels,
				"annotations": map[string]string{noteUntil: x.now().Add(b.deadline + removeWithin).UTC().Format(time.RFC3339)}},
		}
		var made head
		err := x.API.Create(ctx, path, name, object, &made, mine)
		if err == nil {
			return func() {
				ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), removeWithin)
				defer cancel()
				if err := x.delete(ctx, path, made.Metadata); err != nil {
					x.Note(fmt.Sprintf("ConfigMap %s cannot be deleted, so runs of this key wait until its time is over: %v", name, err))
				}
			}, nil
		}
		if !kube.Has(err, "AlreadyExists") {
			return nil, fmt.Errorf("it cannot be noted that a run of this key runs: %w", err)
		}
		var other struct {
			head
			Data map[string]string `json:"data"`
		}
		switch err := x.API.Do(ctx, http.MethodGet, path+"/"+name, nil, nil, &other); {
		case kube.Has(err, "NotFound"):
			continue
		case err != nil:
			return nil, err
		case other.Metadata.Labels[labelManaged] != managedBy:
			return nil, fmt.Errorf("the ConfigMap %s is there and is not the gate's", name)
		case x.stale(other.Metadata):
			if err := x.delete(ctx, path, other.Metadata); err != nil {
				return nil, err
			}
		case x.Spec.SameKey == RefuseSame:
			return nil, fmt.Errorf("%w: %s (same_key: refuse); wait for its end", errTaken, quoted(other.Data["run"]))
		case !said:
			said = true
			x.Note(fmt.Sprintf("%v: %s; waiting for its end", errTaken, quoted(other.Data["run"])))
		}
		if !pause(ctx, time.Second) {
			return nil, fmt.Errorf("%w, and did not end in time: %s", errTaken, quoted(other.Data["run"]))
		}
	}
}

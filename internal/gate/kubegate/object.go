package kubegate

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/org/e2e-gate/internal/gate/probe"
	"github.com/org/e2e-gate/internal/safetext"
)

// object is what is read of a workload (API apps/v1).
type object struct {
	Metadata struct {
		Generation int64 `json:"generation"`
	} `json:"metadata"`
	Spec struct {
		Replicas *int     `json:"replicas"`
		Selector selector `json:"selector"`
		Strategy struct {
			Type          string `json:"type"`
			RollingUpdate *struct {
				Partition int `json:"partition"`
			} `json:"rollingUpdate"`
		} `json:"updateStrategy"`
	} `json:"spec"`
	Status struct {
		Observed        int64  `json:"observedGeneration"`
		Replicas        int    `json:"replicas"`
		Updated         int    `json:"updatedReplicas"`
		Ready           int    `json:"readyReplicas"`
		Available       int    `json:"availableReplicas"`
		CurrentRevision string `json:"currentRevision"`
		UpdateRevision  string `json:"updateRevision"`
		Desired         int    `json:"desiredNumberScheduled"`
		NumberUpdated   int    `json:"updatedNumberScheduled"`
		NumberAvailable int    `json:"numberAvailable"`
		Conditions      []struct {
			Type    string `json:"type"`
			Reason  string `json:"reason"`
			Message string `json:"message"`
		} `json:"conditions"`
	} `json:"status"`
}

// selector chooses pods.
type selector struct {
	Labels      map[string]string `json:"matchLabels"`
	Expressions []struct {
		Key      string   `json:"key"`
		Operator string   `json:"operator"`
		Values   []string `json:"values"`
	} `json:"matchExpressions"`
}

// String is the selector as the API takes it in a query.
func (s selector) String() string {
	var parts []string
	for _, key := range slices.Sorted(maps.Keys(s.Labels)) {
		parts = append(parts, key+"="+s.Labels[key])
	}
	for _, e := range s.Expressions {
		switch e.Operator {
		case "In", "NotIn":
			parts = append(parts, fmt.Sprintf("%s %s (%s)", e.Key, strings.ToLower(e.Operator), strings.Join(e.Values, ",")))
		case "Exists":
			parts = append(parts, e.Key)
		case "DoesNotExist":
			parts = append(parts, "!"+e.Key)
		}
	}
	return strings.Join(parts, ",")
}

func (o object) desired() int {
	if o.Spec.Replicas == nil {
		return 1
	}
	return *o.Spec.Replicas
}

// ready is how many pods serve.
func (o object) ready() int { return max(o.Status.Ready, o.Status.NumberAvailable) }

// failed reports a deployment that gave up: the only end besides success for kubectl
// rollout status.
func (o object) failed() (reason string, ok bool) {
	if o.Status.Observed < o.Metadata.Generation {
		return "", false
	}
	for _, c := range o.Status.Conditions {
		if c.Type == "Progressing" && c.Reason == "ProgressDeadlineExceeded" {
			return "progress deadline exceeded", true
		}
	}
	return "", false
}

// waits says what a roll-out is waiting for, by the rules of kubectl rollout status. It
// is empty for a complete roll-out.
func (o object) waits(kind string) string {
	if o.Status.Observed < o.Metadata.Generation {
		return "its controller has not seen the change yet"
	}
	switch kind {
	case "daemonset":
		return o.waitsDaemons()
	case "statefulset":
		return o.waitsStateful()
	}
	st, want := o.Status, o.desired()
	switch {
	case want == 0:
		return "scaled to 0"
	case st.Updated < want:
		return fmt.Sprintf("%d of %d pods updated", st.Updated, want)
	case st.Replicas > st.Updated:
		return fmt.Sprintf("%d old pods left", st.Replicas-st.Updated)
	case st.Available < st.Updated:
		return fmt.Sprintf("%d of %d pods available", st.Available, st.Updated)
	}
	return ""
}

func (o object) waitsDaemons() string {
	st := o.Status
	switch {
	case st.Desired == 0:
		return "no node accepts its pods"
	case st.NumberUpdated < st.Desired:
		return fmt.Sprintf("%d of %d pods updated", st.NumberUpdated, st.Desired)
	case st.NumberAvailable < st.Desired:
		return fmt.Sprintf("%d of %d pods available", st.NumberAvailable, st.Desired)
	}
	return ""
}

func (o object) waitsStateful() string {
	st, want := o.Status, o.desired()
	partition := 0
	if o.Spec.Strategy.RollingUpdate != nil {
		partition = o.Spec.Strategy.RollingUpdate.Partition
	}
	switch {
	case want == 0:
		return "scaled to 0"
	case st.Ready < want:
		return fmt.Sprintf("%d of %d pods ready", st.Ready, want)
	case o.Spec.Strategy.Type == "OnDelete":
		return ""
	case st.Updated < want-partition:
		return fmt.Sprintf("%d of %d pods updated", st.Updated, want-partition)
	case partition == 0 && st.UpdateRevision != st.CurrentRevision:
		return "waiting for revision " + safetext.Plain(st.UpdateRevision, probe.MaxQuote)
	}
	return ""
}

// podList is what is read of pods (API v1).
type podList struct {
	Items []pod `json:"items"`
}

type pod struct {
	Metadata struct {
		Name    string  `json:"name"`
		Deleted *string `json:"deletionTimestamp"`
	} `json:"metadata"`
	Spec struct {
		Containers []struct {
			Image string `json:"image"`
		} `json:"containers"`
	} `json:"spec"`
	Status struct {
		Conditions []struct {
			Type    string `json:"type"`
			Status  string `json:"status"`
			Reason  string `json:"reason"`
			Message string `json:"message"`
		} `json:"conditions"`
		Containers []struct {
			Name    string `json:"name"`
			ImageID string `json:"imageID"`
			State   struct {
				Waiting *struct {
					Reason string `json:"reason"`
				} `json:"waiting"`
			} `json:"state"`
		} `json:"containerStatuses"`
	} `json:"status"`
}

// images are those of a pod: as written, or the digests that were pulled.
func (p pod) images(pulled bool) []string {
	var list []string
	if !pulled {
		for _, c := range p.Spec.Containers {
			list = append(list, c.Image)
		}
		return list
	}
	for _, c := range p.Status.Containers {
		list = append(list, c.ImageID)
	}
	return list
}

// trouble names the first pod that gives a reason for not being up, and the reason.
func (l podList) trouble() string {
	for _, p := range l.Items {
		name := safetext.Plain(p.Metadata.Name, probe.MaxQuote)
		for _, c := range p.Status.Containers {
			if w := c.State.Waiting; w != nil && w.Reason != "" && w.Reason != "ContainerCreating" && w.Reason != "PodInitializing" {
				return fmt.Sprintf(", pod %s: %s", name, safetext.Plain(w.Reason, probe.MaxQuote))
			}
		}
		for _, c := range p.Status.Conditions {
			if c.Type == "PodScheduled" && c.Status == "False" {
				return fmt.Sprintf(", pod %s: %s, %s", name, safetext.Plain(c.Reason, probe.MaxQuote), probe.Quote(c.Message))
			}
		}
	}
	return ""
}

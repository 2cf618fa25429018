package cluster

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"

	"github.com/org/e2e-gate/internal/kube"
	"github.com/org/e2e-gate/internal/safetext"
)

// quoted is a text of the cluster, bounded.
func quoted(text string) string { return safetext.Line(strings.TrimSpace(text), 300) }

// behind is a text behind another one, or nothing.
func behind(separator, text string) string {
	if text == "" {
		return ""
	}
	return separator + text
}

// on names a pod with its node.
func on(p kube.Pod) string {
	return "pod " + safetext.Plain(p.Metadata.Name, 100) + behind(" on node ", safetext.Plain(p.Spec.NodeName, 100))
}

// suiteStatus is that of the container that runs the suites; false: the pod does not say.
func suiteStatus(p kube.Pod, container string) (kube.ContainerStatus, bool) {
	for _, c := range p.Status.ContainerStatuses {
		if c.Name == container {
			return c, true
		}
	}
	return kube.ContainerStatus{}, false
}

// started reports whether the suites' container runs, or has run.
func started(p kube.Pod, container string) bool {
	c, ok := suiteStatus(p, container)
	return ok && (c.State.Running != nil || c.State.Terminated != nil) || over(p)
}

// over reports whether no container of the pod runs any more.
func over(p kube.Pod) bool { return p.Status.Phase == "Succeeded" || p.Status.Phase == "Failed" }

// finished reports whether the suites' container has ended, so that its log is whole.
func finished(p kube.Pod, container string) bool {
	c, ok := suiteStatus(p, container)
	return ok && c.State.Terminated != nil || over(p)
}

// said names a pod and says what became of it.
func said(p kube.Pod, container string) string {
	text := fate(p, container)
	if strings.HasPrefix(text, "its ") {
		return on(p) + ": " + text
	}
	return on(p) + " " + text
}

// itself says what became of a pod that was named just before.
func itself(p kube.Pod, container string) string {
	text := fate(p, container)
	if strings.HasPrefix(text, "its ") {
		return text
	}
	return "it " + text
}

// fate says what became of a pod, as the cluster tells: the sentence continues one that names the pod.
func fate(p kube.Pod, container string) string {
	if r := p.Status.Reason; r != "" {
		return named(r) + behind(": ", quoted(p.Status.Message))
	}
	for _, c := range p.Status.Conditions {
		if c.Type == "DisruptionTarget" && c.Status == "True" {
			return named(c.Reason) + behind(": ", quoted(c.Message))
		}
	}
	if c, ok := suiteStatus(p, container); ok {
		text, waits := stateOf("its container "+safetext.Plain(c.Name, 60), c.State), c.State.Waiting
		if text != "" && c.State.Running == nil && (waits == nil || !idle(waits.Reason)) {
			return text
		}
	}
	for _, c := range p.Status.InitContainerStatuses {
		if t := c.State.Terminated; t != nil && t.ExitCode == 0 || c.State.Running != nil && c.Started != nil && *c.Started {
			continue
		}
		if text := stateOf("its init container "+safetext.Plain(c.Name, 60), c.State); text != "" {
			return text
		}
	}
	for _, c := range p.Status.Conditions {
		if c.Type == "PodScheduled" && c.Status == "False" {
			return "is not scheduled (" + quoted(cmp.Or(c.Reason, "no reason")) + ")" + behind(": ", quoted(c.Message))
		}
	}
	switch {
	case p.Metadata.DeletionTimestamp != nil:
		return "was deleted"
	case p.Spec.NodeName == "":
		return "has no node"
	}
	return "is " + strings.ToLower(safetext.Plain(cmp.Or(p.Status.Phase, "in an unknown phase"), 40))
}

// idle are reasons of a container that waits and has no trouble.
func idle(reason string) bool {
	return reason == "" || reason == "ContainerCreating" || reason == "PodInitializing"
}

// reasons are words of the API in plain English.
var reasons = map[string]string{
	"Evicted":                    "was evicted (Evicted)",
	"DeadlineExceeded":           "was ended by the deadline (DeadlineExceeded)",
	"NodeLost":                   "was on a node that is lost (NodeLost)",
	"NodeShutdown":               "was on a node that was shut down (NodeShutdown)",
	"Terminated":                 "was ended with its node (Terminated)",
	"Preempting":                 "gave way to a pod of higher priority (Preempting)",
	"PreemptionByScheduler":      "gave way to a pod of higher priority (PreemptionByScheduler)",
	"DeletionByTaintManager":     "was on a node that is lost or that was emptied (DeletionByTaintManager)",
	"DeletionByPodGC":            "was on a node that is gone (DeletionByPodGC)",
	"EvictionByEvictionAPI":      "was evicted, as when a node is emptied (EvictionByEvictionAPI)",
	"TerminationByKubelet":       "was ended by its node (TerminationByKubelet)",
	"UnexpectedAdmissionError":   "was refused by its node (UnexpectedAdmissionError)",
	"OutOfcpu":                   "was refused by its node (OutOfcpu)",
	"OutOfmemory":                "was refused by its node (OutOfmemory)",
	"OutOfpods":                  "was refused by its node (OutOfpods)",
	"ErrImagePull":               "cannot get its image (ErrImagePull)",
	"ImagePullBackOff":           "cannot get its image (ImagePullBackOff)",
	"InvalidImageName":           "has an image name that is not valid (InvalidImageName)",
	"ErrImageNeverPull":          "has an image that its node does not have and may not pull (ErrImageNeverPull)",
	"CreateContainerConfigError": "cannot be set up (CreateContainerConfigError)",
	"CreateContainerError":       "cannot be created (CreateContainerError)",
	"RunContainerError":          "cannot be started (RunContainerError)",
	"OOMKilled":                  "ran out of memory (OOMKilled)",
	"ContainerCannotRun":         "cannot be started (ContainerCannotRun)",
	"StartError":                 "cannot be started (StartError)",
	"ContainerStatusUnknown":     "ended in an unknown way, as when a node is lost (ContainerStatusUnknown)",
}

// hopeless are reasons of a waiting container that no time mends.
var hopeless = map[string]bool{"InvalidImageName": true, "ErrImageNeverPull": true}

func named(reason string) string {
	if text := reasons[reason]; text != "" {
		return text
	}
	return "ended (" + safetext.Plain(reason, 60) + ")"
}

// stateOf says how a container is, if that explains anything.
func stateOf(who string, s kube.ContainerState) string {
	switch t, w := s.Terminated, s.Waiting; {
	case t != nil:
		how := ""
		switch {
		case reasons[t.Reason] != "":
			how = reasons[t.Reason]
		case t.Signal > 0:
			how = "was ended by signal " + strconv.Itoa(int(t.Signal))
		case t.ExitCode > 128:
			how = "was ended by signal " + strconv.Itoa(int(t.ExitCode)-128)
		default:
			how = "ended"
		}
		return fmt.Sprintf("%s %s with exit status %d%s", who, how, t.ExitCode, behind(": ", quoted(lastLine(t.Message))))
	case w != nil:
		how := "waits (" + safetext.Plain(cmp.Or(w.Reason, "no reason"), 60) + ")"
		if reasons[w.Reason] != "" {
			how = reasons[w.Reason]
		}
		return who + " " + how + behind(": ", quoted(w.Message))
	case s.Running != nil:
		return who + " runs"
	}
	return ""
}

// lastLine is the last line of a text that says something.
func lastLine(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return lines[len(lines)-1]
}

// exitStatus is that of the suites' container; false: it was ended by something else than itself, or is not known.
func exitStatus(p kube.Pod, container string) (int, bool) {
	c, ok := suiteStatus(p, container)
	end := c.State.Terminated
	if !ok || end == nil || end.Signal != 0 || end.Reason == "OOMKilled" || end.Reason == "ContainerStatusUnknown" {
		return 0, false
	}
	return int(end.ExitCode), true
}

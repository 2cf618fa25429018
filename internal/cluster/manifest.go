package cluster

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/org/e2e-gate/internal/e2e"
)

// Labels of everything that the gate creates. Nothing without labelManaged is ever touched.
const (
	labelPrefix  = "e2e-gate/"
	labelManaged = "app.kubernetes.io/managed-by"
	managedBy    = "e2e-gate"
	labelRun     = labelPrefix + "run"
	labelStage   = labelPrefix + "stage"
	labelService = labelPrefix + "service"
	labelOwner   = labelPrefix + "owner"
	labelKey     = labelPrefix + "key"
	// noteShards says on a Job which shard each index is.
	noteShards = labelPrefix + "shards"
)

// variablePrefix is that of the variables that a pod gets of the gate.
const variablePrefix = "E2E_GATE_POD"

// Variables of a pod.
const (
	VariablePod = variablePrefix + "_NAME"
	// VariableShards has the shards of the plan by the index of the Job, separated by commas.
	VariableShards = variablePrefix + "_SHARDS"
	// VariableIndex is set by Kubernetes.
	VariableIndex = "JOB_COMPLETION_INDEX"
)

// partBytes is how much of the input one ConfigMap holds, and maxParts how many there may be: an object of Kubernetes may have a mebibyte.
const (
	partBytes = 900 << 10
	maxParts  = 16
)

// label makes a text fit for the value of a label: 63 characters of A-Z, a-z, 0-9, ".", "_" and "-".
func label(text string) string {
	keep := func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '.', r == '_', r == '-':
			return r
		}
		return '-'
	}
	text = strings.Map(keep, text)
	if len(text) > 63 {
		text = text[:63]
	}
	return strings.Trim(text, "-._")
}

// short is a digest of a text, of ten hexadecimal digits.
func short(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:5])
}

// batch is a Job of a run.
type batch struct {
	spec Spec
	// file is that of the pod spec, and part counts the Jobs of a run, from 0.
	file string
	part int
	tmpl template
	plan *e2e.Plan
	// shards are those with tests for such pods, by the index of the Job that runs them.
	shards []e2e.PlanShard
	input  []byte
	// deadline bounds all pods together.
	deadline time.Duration
}

// name is that of the Job, and the start of all others: one for each Job of a run.
func (b batch) name() string {
	stage := strings.Trim(strings.ToLower(label(b.plan.Run.Stage)), "-._")
	stage = strings.Map(func(r rune) rune {
		if r == '.' || r == '_' {
			return '-'
		}
		return r
	}, stage)
	if len(stage) > 20 {
		stage = strings.Trim(stage[:20], "-")
	}
	name := strings.TrimSuffix("e2e-gate-"+stage, "-") + "-" + short(b.plan.Run.ID)
	if b.part > 0 {
		name += "-" + strconv.Itoa(b.part)
	}
	return name
}

// keyOf tells runs of one stage and key from others.
func keyOf(run e2e.Run) string { return short(run.Repository + "\x00" + run.Stage + "\x00" + run.Key) }

func (b batch) labels() map[string]string {
	run := b.plan.Run
	l := map[string]string{labelManaged: managedBy, labelRun: label(run.ID), labelStage: label(run.Stage), labelKey: keyOf(run)}
	if run.Service != "" {
		l[labelService] = label(run.Service)
	}
	var owners []string
	for _, sh := range b.shards {
		owners = append(owners, sh.Owners...)
	}
	slices.Sort(owners)
	if owners = slices.Compact(owners); len(owners) == 1 && label(owners[0]) != "" {
		l[labelOwner] = label(owners[0])
	}
	for name, value := range l {
		if value == "" {
			delete(l, name)
		}
	}
	return l
}

func (b batch) selector() string {
	return labelManaged + "=" + managedBy + "," + labelRun + "=" + label(b.plan.Run.ID)
}

// parallel is how many pods there are at one time.
func (b batch) parallel() int {
	if p := b.spec.Parallelism; p > 0 {
		return min(p, len(b.shards))
	}
	return len(b.shards)
}

// ShardOf is the shard of the plan that the pod of an index runs, by its variables.
func ShardOf(shards, index string) (int, error) {
	list := strings.Split(shards, ",")
	at, err := strconv.Atoi(index)
	if err != nil || at < 0 || at >= len(list) {
		return 0, fmt.Errorf("%s is %q, and the Job has the indexes 0 to %d", VariableIndex, index, len(list)-1)
	}
	shard, err := strconv.Atoi(list[at])
	if err != nil {
		return 0, fmt.Errorf("%s is %q, and is to be a list of numbers", VariableShards, shards)
	}
	return shard, nil
}

// shardOf is the shard that an index runs; false: the Job has no such index.
func (b batch) shardOf(index int) (e2e.PlanShard, bool) {
	if index < 0 || index >= len(b.shards) {
		return e2e.PlanShard{}, false
	}
	return b.shards[index], true
}

// parts are the input in pieces that ConfigMaps hold.
func (b batch) parts() (list [][]byte, err error) {
	for part := range slices.Chunk(b.input, partBytes) {
		list = append(list, part)
	}
	if len(list) > maxParts {
		return nil, fmt.Errorf("the plan has %d MiB when compressed, and %d ConfigMaps hold %d MiB; split the stage by select or service",
			len(b.input)>>20, maxParts, maxParts*partBytes>>20)
	}
	return list, nil
}

// configMaps are the input of the pods. owner is the Job, once there is one.
func (b batch) configMaps() ([]map[string]any, error) {
	parts, err := b.parts()
	var list []map[string]any
	for i, part := range parts {
		list = append(list, map[string]any{
			"apiVersion": "v1", "kind": "ConfigMap", "metadata": map[string]any{"name": b.partName(i), "labels": b.labels()},
			"immutable": true, "binaryData": map[string][]byte{partFile(i): part},
		})
	}
	return list, err
}

func (b batch) partName(i int) string { return b.name() + "-in-" + strconv.Itoa(i) }

// job is the Job: no index of it ever runs a second pod, whatever ended the first one.
func (b batch) job() (map[string]any, error) {
	parts, err := b.parts()
	if err != nil {
		return nil, err
	}
	var sources []any
	for i := range parts {
		sources = append(sources, map[string]any{"configMap": map[string]any{"name": b.partName(i)}})
	}
	field := func(path string) map[string]any {
		return map[string]any{"fieldRef": map[string]any{"fieldPath": path}}
	}
	var names, indexes []string
	for i, sh := range b.shards {
		names, indexes = append(names, strconv.Itoa(i)+":"+sh.Name), append(indexes, strconv.Itoa(sh.Index))
	}
	pod := b.tmpl.with(addition{
		image: b.spec.Image, labels: b.labels(), command: []string{program, "cluster", "shard", "--in", pathInput, "--out", pathOut},
		input: map[string]any{"sources": sources},
		env: []any{
			map[string]any{"name": VariablePod, "valueFrom": field("metadata.name")}, map[string]any{"name": VariableShards, "value": strings.Join(indexes, ",")},
		},
	})
	keep := b.spec.Keep
	if keep == 0 {
		keep = DefaultKeep
	}
	anyFailure := []any{
		map[string]any{"action": "FailIndex", "onPodConditions": []any{map[string]any{"type": "DisruptionTarget", "status": "True"}}},
		map[string]any{"action": "FailIndex", "onExitCodes": map[string]any{"operator": "NotIn", "values": []int{0}}},
	}
	return map[string]any{
		"apiVersion": "batch/v1", "kind": "Job",
		"metadata": map[string]any{"name": b.name(), "labels": b.labels(), "annotations": map[string]string{noteShards: cut(strings.Join(names, ","), 4<<10)}},
		"spec": map[string]any{
			"completionMode": "Indexed", "completions": len(b.shards), "parallelism": b.parallel(),
			"backoffLimitPerIndex": 0, "podReplacementPolicy": "Failed", "podFailurePolicy": map[string]any{"rules": anyFailure},
			"activeDeadlineSeconds": int64(max(b.deadline, time.Second) / time.Second), "ttlSecondsAfterFinished": int64(keep / time.Second),
			"template": pod,
		},
	}, nil
}

// cut shortens an ASCII text.
func cut(text string, limit int) string {
	if len(text) > limit {
		return text[:limit] + "..."
	}
	return text
}

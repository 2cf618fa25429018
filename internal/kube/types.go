package kube

import (
	"encoding/json"
	"time"
)

// The types below have those fields of the API's objects that the gate reads or writes,
// under the API's own names. What it adds is ignored. A test of testkit/kubernetes
// compares them with the published types.

// ListMeta is the metadata of a list.
type ListMeta struct {
	ResourceVersion string `json:"resourceVersion,omitempty"`
	Continue        string `json:"continue,omitempty"`
}

// List is a list of objects of one kind, or a page of it.
type List[T any] struct {
	Metadata ListMeta `json:"metadata"`
	Items    []T      `json:"items"`
}

// ObjectMeta is what all objects have.
type ObjectMeta struct {
	Name              string            `json:"name,omitempty"`
	GenerateName      string            `json:"generateName,omitempty"`
	Namespace         string            `json:"namespace,omitempty"`
	UID               string            `json:"uid,omitempty"`
	ResourceVersion   string            `json:"resourceVersion,omitempty"`
	Generation        int64             `json:"generation,omitempty"`
	CreationTimestamp *time.Time        `json:"creationTimestamp,omitempty"`
	DeletionTimestamp *time.Time        `json:"deletionTimestamp,omitempty"`
	Labels            map[string]string `json:"labels,omitempty"`
	Annotations       map[string]string `json:"annotations,omitempty"`
	OwnerReferences   []OwnerReference  `json:"ownerReferences,omitempty"`
	Finalizers        []string          `json:"finalizers,omitempty"`
}

// OwnerReference names the object that another one ends with.
type OwnerReference struct {
	APIVersion         string `json:"apiVersion"`
	Kind               string `json:"kind"`
	Name               string `json:"name"`
	UID                string `json:"uid"`
	Controller         *bool  `json:"controller,omitempty"`
	BlockOwnerDeletion *bool  `json:"blockOwnerDeletion,omitempty"`
}

// Condition is one of a Job, a Pod or a Node.
type Condition struct {
	Type               string     `json:"type"`
	Status             string     `json:"status"` // "True", "False", "Unknown"
	Reason             string     `json:"reason,omitempty"`
	Message            string     `json:"message,omitempty"`
	LastTransitionTime *time.Time `json:"lastTransitionTime,omitempty"`
}

// Names of labels and annotations of the API.
const (
	// CompletionIndex is the annotation, and the label, of a pod of an Indexed Job.
	CompletionIndex = "batch.kubernetes.io/job-completion-index"
	// JobName is the label of a Job's pods.
	JobName = "batch.kubernetes.io/job-name"
	// ControllerUID is the label of a Job's pods with the Job's uid.
	ControllerUID = "batch.kubernetes.io/controller-uid"
)

// Job is batch/v1 Job.
type Job struct {
	APIVersion string     `json:"apiVersion,omitempty"`
	Kind       string     `json:"kind,omitempty"`
	Metadata   ObjectMeta `json:"metadata"`
	Spec       JobSpec    `json:"spec"`
	Status     JobStatus  `json:"status,omitzero"`
}

// JobSpec is what a Job is to do.
type JobSpec struct {
	Parallelism             *int32            `json:"parallelism,omitempty"`
	Completions             *int32            `json:"completions,omitempty"`
	CompletionMode          string            `json:"completionMode,omitempty"` // "Indexed", "NonIndexed"
	BackoffLimit            *int32            `json:"backoffLimit,omitempty"`
	BackoffLimitPerIndex    *int32            `json:"backoffLimitPerIndex,omitempty"`
	MaxFailedIndexes        *int32            `json:"maxFailedIndexes,omitempty"`
	ActiveDeadlineSeconds   *int64            `json:"activeDeadlineSeconds,omitempty"`
	TTLSecondsAfterFinished *int32            `json:"ttlSecondsAfterFinished,omitempty"`
	Suspend                 *bool             `json:"suspend,omitempty"`
	PodReplacementPolicy    string            `json:"podReplacementPolicy,omitempty"` // "Failed", "TerminatingOrFailed"
	PodFailurePolicy        *PodFailurePolicy `json:"podFailurePolicy,omitempty"`
	// Template is a PodTemplateSpec, kept as it was written.
	Template json.RawMessage `json:"template"`
}

// PodFailurePolicy says what a failed pod means; the first rule that matches counts.
type PodFailurePolicy struct {
	Rules []PodFailurePolicyRule `json:"rules"`
}

// PodFailurePolicyRule has either of its two requirements.
type PodFailurePolicyRule struct {
	Action          string                                   `json:"action"` // "FailIndex", "FailJob", "Ignore", "Count"
	OnExitCodes     *PodFailurePolicyOnExitCodesRequirement  `json:"onExitCodes,omitempty"`
	OnPodConditions []PodFailurePolicyOnPodConditionsPattern `json:"onPodConditions,omitempty"`
}

// PodFailurePolicyOnExitCodesRequirement matches exit statuses of containers.
type PodFailurePolicyOnExitCodesRequirement struct {
	ContainerName *string `json:"containerName,omitempty"`
	Operator      string  `json:"operator"` // "In", "NotIn"
	Values        []int32 `json:"values"`
}

// PodFailurePolicyOnPodConditionsPattern matches a condition of the pod.
type PodFailurePolicyOnPodConditionsPattern struct {
	Type   string `json:"type"`
	Status string `json:"status"`
}

// JobStatus is what became of a Job.
type JobStatus struct {
	Active      int32  `json:"active,omitempty"`
	Ready       *int32 `json:"ready,omitempty"`
	Terminating *int32 `json:"terminating,omitempty"`
	Succeeded   int32  `json:"succeeded,omitempty"`
	Failed      int32  `json:"failed,omitempty"`
	// CompletedIndexes and FailedIndexes are lists such as 1,3-5,7.
	CompletedIndexes string      `json:"completedIndexes,omitempty"`
	FailedIndexes    *string     `json:"failedIndexes,omitempty"`
	Conditions       []Condition `json:"conditions,omitempty"` // types "Complete", "Failed", "Suspended", "FailureTarget", "SuccessCriteriaMet"
	StartTime        *time.Time  `json:"startTime,omitempty"`
	CompletionTime   *time.Time  `json:"completionTime,omitempty"`
}

// Pod is v1 Pod.
type Pod struct {
	Metadata ObjectMeta `json:"metadata"`
	Spec     PodSpec    `json:"spec"`
	Status   PodStatus  `json:"status"`
}

// PodSpec is what the gate reads of a pod's spec.
type PodSpec struct {
	NodeName                      string      `json:"nodeName,omitempty"`
	Containers                    []Container `json:"containers"`
	InitContainers                []Container `json:"initContainers,omitempty"`
	RestartPolicy                 string      `json:"restartPolicy,omitempty"`
	ServiceAccountName            string      `json:"serviceAccountName,omitempty"`
	TerminationGracePeriodSeconds *int64      `json:"terminationGracePeriodSeconds,omitempty"`
	ActiveDeadlineSeconds         *int64      `json:"activeDeadlineSeconds,omitempty"`
	// Overhead is what the pod's runtime class adds to its requests.
	Overhead map[string]Quantity `json:"overhead,omitempty"`
}

// Container is what the gate reads of a container's spec.
type Container struct {
	Name      string               `json:"name"`
	Image     string               `json:"image,omitempty"`
	Command   []string             `json:"command,omitempty"`
	Args      []string             `json:"args,omitempty"`
	Resources ResourceRequirements `json:"resources,omitzero"`
	// RestartPolicy is "Always" for an init container that is a sidecar.
	RestartPolicy *string `json:"restartPolicy,omitempty"`
}

// ResourceRequirements are what a container asks for.
type ResourceRequirements struct {
	Limits   map[string]Quantity `json:"limits,omitempty"`
	Requests map[string]Quantity `json:"requests,omitempty"`
}

// PodStatus is what became of a pod.
type PodStatus struct {
	Phase                 string            `json:"phase,omitempty"`  // "Pending", "Running", "Succeeded", "Failed", "Unknown"
	Reason                string            `json:"reason,omitempty"` // such as "Evicted", "DeadlineExceeded", "NodeLost"
	Message               string            `json:"message,omitempty"`
	Conditions            []Condition       `json:"conditions,omitempty"` // types "PodScheduled", "DisruptionTarget", "Ready", ...
	StartTime             *time.Time        `json:"startTime,omitempty"`
	ContainerStatuses     []ContainerStatus `json:"containerStatuses,omitempty"`
	InitContainerStatuses []ContainerStatus `json:"initContainerStatuses,omitempty"`
}

// ContainerStatus is what became of a container.
type ContainerStatus struct {
	Name                 string         `json:"name"`
	State                ContainerState `json:"state,omitzero"`
	LastTerminationState ContainerState `json:"lastState,omitzero"`
	Ready                bool           `json:"ready"`
	RestartCount         int32          `json:"restartCount"`
	Image                string         `json:"image"`
	ImageID              string         `json:"imageID"`
	Started              *bool          `json:"started,omitempty"`
}

// ContainerState has at most one of its fields; none: it waits.
type ContainerState struct {
	Waiting    *ContainerStateWaiting    `json:"waiting,omitempty"`
	Running    *ContainerStateRunning    `json:"running,omitempty"`
	Terminated *ContainerStateTerminated `json:"terminated,omitempty"`
}

// ContainerStateWaiting is that of a container which has not started.
type ContainerStateWaiting struct {
	Reason  string `json:"reason,omitempty"` // such as "ImagePullBackOff", "CreateContainerConfigError"
	Message string `json:"message,omitempty"`
}

// ContainerStateRunning is that of a container which runs.
type ContainerStateRunning struct {
	StartedAt *time.Time `json:"startedAt,omitempty"`
}

// ContainerStateTerminated is that of a container which has ended.
type ContainerStateTerminated struct {
	ExitCode   int32      `json:"exitCode"`
	Signal     int32      `json:"signal,omitempty"`
	Reason     string     `json:"reason,omitempty"` // such as "Completed", "Error", "OOMKilled", "ContainerStatusUnknown"
	Message    string     `json:"message,omitempty"`
	StartedAt  *time.Time `json:"startedAt,omitempty"`
	FinishedAt *time.Time `json:"finishedAt,omitempty"`
}

// Event is v1 Event.
type Event struct {
	Metadata       ObjectMeta      `json:"metadata"`
	InvolvedObject ObjectReference `json:"involvedObject"`
	Reason         string          `json:"reason,omitempty"`
	Message        string          `json:"message,omitempty"`
	Type           string          `json:"type,omitempty"` // "Normal", "Warning"
	Count          int32           `json:"count,omitempty"`
	FirstTimestamp *time.Time      `json:"firstTimestamp,omitempty"`
	LastTimestamp  *time.Time      `json:"lastTimestamp,omitempty"`
	EventTime      *time.Time      `json:"eventTime,omitempty"`
	Series         *EventSeries    `json:"series,omitempty"`
	// Component is who reports it, such as default-scheduler or kubelet.
	Component string `json:"reportingComponent,omitempty"`
}

// EventSeries counts an event that happens again and again.
type EventSeries struct {
	Count            int32      `json:"count,omitempty"`
	LastObservedTime *time.Time `json:"lastObservedTime,omitempty"`
}

// ObjectReference names an object.
type ObjectReference struct {
	APIVersion string `json:"apiVersion,omitempty"`
	Kind       string `json:"kind,omitempty"`
	Namespace  string `json:"namespace,omitempty"`
	Name       string `json:"name,omitempty"`
	UID        string `json:"uid,omitempty"`
}

// Node is v1 Node.
type Node struct {
	Metadata ObjectMeta `json:"metadata"`
	Spec     NodeSpec   `json:"spec"`
	Status   NodeStatus `json:"status"`
}

// NodeSpec is whether a node takes pods.
type NodeSpec struct {
	Unschedulable bool    `json:"unschedulable,omitempty"`
	Taints        []Taint `json:"taints,omitempty"`
}

// Taint keeps pods away that do not tolerate it.
type Taint struct {
	Key    string `json:"key"`
	Value  string `json:"value,omitempty"`
	Effect string `json:"effect"`
}

// NodeStatus is how a node is.
type NodeStatus struct {
	Conditions  []Condition         `json:"conditions,omitempty"` // type "Ready" and others
	Allocatable map[string]Quantity `json:"allocatable,omitempty"`
}

// Namespace is v1 Namespace.
type Namespace struct {
	APIVersion string          `json:"apiVersion,omitempty"`
	Kind       string          `json:"kind,omitempty"`
	Metadata   ObjectMeta      `json:"metadata"`
	Status     NamespaceStatus `json:"status,omitzero"`
}

// NamespaceStatus is whether a namespace is being deleted.
type NamespaceStatus struct {
	Phase string `json:"phase,omitempty"` // "Active", "Terminating"
}

// ConfigMap is v1 ConfigMap.
type ConfigMap struct {
	APIVersion string            `json:"apiVersion,omitempty"`
	Kind       string            `json:"kind,omitempty"`
	Metadata   ObjectMeta        `json:"metadata"`
	Immutable  *bool             `json:"immutable,omitempty"`
	Data       map[string]string `json:"data,omitempty"`
	BinaryData map[string][]byte `json:"binaryData,omitempty"`
}

// ResourceQuota is v1 ResourceQuota.
type ResourceQuota struct {
	Metadata ObjectMeta          `json:"metadata"`
	Spec     ResourceQuotaSpec   `json:"spec"`
	Status   ResourceQuotaStatus `json:"status"`
}

// ResourceQuotaSpec is what a namespace may use, by names such as requests.cpu or
// count/jobs.batch, and of which pods it speaks.
type ResourceQuotaSpec struct {
	Hard          map[string]Quantity `json:"hard,omitempty"`
	Scopes        []string            `json:"scopes,omitempty"`
	ScopeSelector json.RawMessage     `json:"scopeSelector,omitempty"`
}

// ResourceQuotaStatus is what it uses.
type ResourceQuotaStatus struct {
	Hard map[string]Quantity `json:"hard,omitempty"`
	Used map[string]Quantity `json:"used,omitempty"`
}

// LimitRange is v1 LimitRange.
type LimitRange struct {
	Metadata ObjectMeta     `json:"metadata"`
	Spec     LimitRangeSpec `json:"spec"`
}

// LimitRangeSpec bounds what pods and containers ask for.
type LimitRangeSpec struct {
	Limits []LimitRangeItem `json:"limits"`
}

// LimitRangeItem bounds one type of things.
type LimitRangeItem struct {
	Type                 string              `json:"type"` // "Container", "Pod", "PersistentVolumeClaim"
	Max                  map[string]Quantity `json:"max,omitempty"`
	Min                  map[string]Quantity `json:"min,omitempty"`
	Default              map[string]Quantity `json:"default,omitempty"`
	DefaultRequest       map[string]Quantity `json:"defaultRequest,omitempty"`
	MaxLimitRequestRatio map[string]Quantity `json:"maxLimitRequestRatio,omitempty"`
}

// SelfSubjectAccessReview asks whether the client may do something; it is created at
// /apis/authorization.k8s.io/v1/selfsubjectaccessreviews and stored nowhere.
type SelfSubjectAccessReview struct {
	APIVersion string                      `json:"apiVersion,omitempty"`
	Kind       string                      `json:"kind,omitempty"`
	Spec       SelfSubjectAccessReviewSpec `json:"spec"`
	Status     SubjectAccessReviewStatus   `json:"status,omitzero"`
}

// SelfSubjectAccessReviewSpec is the question.
type SelfSubjectAccessReviewSpec struct {
	ResourceAttributes *ResourceAttributes `json:"resourceAttributes,omitempty"`
}

// ResourceAttributes are what is done to which resources.
type ResourceAttributes struct {
	Namespace   string `json:"namespace,omitempty"`
	Verb        string `json:"verb,omitempty"`
	Group       string `json:"group,omitempty"`
	Version     string `json:"version,omitempty"`
	Resource    string `json:"resource,omitempty"`
	Subresource string `json:"subresource,omitempty"`
	Name        string `json:"name,omitempty"`
}

// SubjectAccessReviewStatus is the answer.
type SubjectAccessReviewStatus struct {
	Allowed         bool   `json:"allowed"`
	Denied          bool   `json:"denied,omitempty"`
	Reason          string `json:"reason,omitempty"`
	EvaluationError string `json:"evaluationError,omitempty"`
}

// Version is what /version answers.
type Version struct {
	Major      string `json:"major"`
	Minor      string `json:"minor"` // such as "36" or "36+"
	GitVersion string `json:"gitVersion"`
}

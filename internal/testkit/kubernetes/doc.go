// Package kubernetes is a Kubernetes cluster for tests: a real etcd, API server,
// controller manager and scheduler, built from their modules as one program, and a small
// kubelet of our own which runs containers as processes of this machine.
//
// [Start] starts a cluster that ends with the test. [Cluster.AddImage] says what an image
// holds, [Cluster.User] makes a user with certain rights, and methods of [Cluster] make
// faults: [Cluster.Evict], [Cluster.LoseNode], [Cluster.CutLogs], [Cluster.Kill],
// [Cluster.RestartServer].
//
// A container is process 1 of namespaces of its own for mounts and processes. It sees the
// files of its image and its volumes at their paths; where an image is not from scratch,
// also the folders of this machine. It has the machine's network. So it needs Linux, and
// root or the right to make user namespaces. What is not there: cgroups (nothing ends a
// container that uses too much; [Cluster.Kill] plays that), probes, hooks, security
// contexts but runAsUser and readOnlyRootFilesystem, networks, volumes of storage. An image
// with [Image.Play] is no process: a function of the test runs instead.
//
// It is a module of its own, and so is the control plane in the folder below, whose
// modules are many. The first build of that takes five to ten minutes; the program is kept
// in the user's cache folder, by the versions that it is made of. The root's go test ./...
// runs none of this; .ci/run kube does.
package kubernetes

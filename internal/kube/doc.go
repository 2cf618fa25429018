// Package kube is a client of the Kubernetes API for what the gate asks of it: the
// kubernetes check, and the executor that runs shards as an Indexed Job. client-go
// would make the program larger by 20 MB.
//
// Every text that comes from a server is taken for hostile: what an [Error] says is on
// one bounded line, without the credentials; what is decoded is bounded in size.
package kube

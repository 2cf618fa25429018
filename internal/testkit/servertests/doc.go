// Package servertests is the top of a module of its own, for tests against servers that
// are Go libraries: an S3 gateway, an OpenID provider, a feature flag service. They bring
// about a hundred modules that the product does not have, so the root module does not
// have them either. Each folder tests the package of its name; objectstore starts the S3
// gateway. The root's go test ./... does not run them; .ci/run does:
//
//	go -C internal/testkit/servertests test ./...
package servertests

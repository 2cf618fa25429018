package history

import (
	"fmt"
	"net/url"
	"strings"
)

// Kind is the kind of store that an address names.
type Kind int

// The kinds of stores.
const (
	// KindActions is the default folder, which the Action keeps in the cache.
	KindActions Kind = iota
	// KindDir is a folder that the user names.
	KindDir
	// KindS3 is an S3-compatible object store.
	KindS3
)

// Address is the address of a store, as config and flags write it. The zero value is the
// default.
type Address struct {
	Kind Kind
	// Path is the folder of [KindDir].
	Path string
	// Bucket and Prefix of [KindS3]; the prefix is empty, or ends with a slash.
	Bucket, Prefix string
	// Endpoint is an http or https address, nil for AWS; Region may be empty.
	Endpoint  *url.URL
	Region    string
	PathStyle bool
}

// AddressError says what is wrong with an address. It does not quote the address, which
// may hold a password.
type AddressError struct{ Text, Hint string }

func (e *AddressError) Error() string { return e.Text + "; " + e.Hint }

const (
	s3Form = "expected s3://BUCKET/PREFIX, with ?endpoint=https://... for other stores than AWS"
	s3Hint = "such as s3://ci-history/my-service?region=eu-central-1"
)

// ParseAddress reads an address: empty or actions, dir:<path>, or s3://BUCKET/PREFIX with
// endpoint, region and path_style=true as query. An error is an [*AddressError].
func ParseAddress(text string) (Address, error) {
	kind, path, _ := strings.Cut(text, ":")
	switch {
	case text == "", text == "actions":
		return Address{}, nil
	case kind == "dir" && path != "":
		return Address{Kind: KindDir, Path: path}, nil
	case kind == "s3":
		return parseS3(text)
	}
	return Address{}, &AddressError{fmt.Sprintf("invalid history store %q", text), "use dir:<path>, actions, or s3://BUCKET/PREFIX"}
}

func parseS3(text string) (Address, error) {
	wrong := func(more string) error { return &AddressError{s3Form + more, s3Hint} }
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.User != nil {
		return Address{}, wrong("")
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return Address{}, wrong("")
	}
	for name := range query {
		if name != "endpoint" && name != "region" && name != "path_style" {
			return Address{}, wrong(": unknown option " + name + "; use endpoint, region or path_style")
		}
	}
	a := Address{
		Kind: KindS3, Bucket: u.Host, Prefix: strings.Trim(u.Path, "/"),
		Region: strings.TrimSpace(query.Get("region")), PathStyle: query.Get("path_style") == "true",
	}
	if a.Prefix != "" {
		a.Prefix += "/"
	}
	if endpoint := query.Get("endpoint"); endpoint != "" {
		if a.Endpoint, err = url.Parse(endpoint); err != nil || a.Endpoint.Host == "" || a.Endpoint.Scheme != "http" && a.Endpoint.Scheme != "https" {
			return Address{}, wrong(": the endpoint is not an http or https address")
		}
	}
	return a, nil
}

// String is the address for messages: without a query, which may hold a password.
func (a Address) String() string {
	switch a.Kind {
	case KindDir:
		return "dir:" + a.Path
	case KindS3:
		return "s3://" + a.Bucket + "/" + strings.TrimSuffix(a.Prefix, "/")
	case KindActions:
	default:
	}
	return "actions"
}

// Package s3gate is the s3 check: an object store that allows what the product does.
// The check uses an object of its own, which it always deletes.
package s3gate

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/org/e2e-gate/internal/diag"
	"github.com/org/e2e-gate/internal/gate/httpgate"
	"github.com/org/e2e-gate/internal/gate/probe"
	"github.com/org/e2e-gate/internal/gate/trust"
)

// Kind is the name of this kind of check in the config.
const Kind = "s3"

// Spec is the s3 check of the config.
type Spec struct {
	Endpoint     string        `yaml:"endpoint" doc:"Address of the store. Default https://s3.<region>.amazonaws.com."`
	Region       string        `yaml:"region" doc:"Region. Default us-east-1."`
	Bucket       string        `yaml:"bucket" doc:"Bucket to check."`
	Prefix       string        `yaml:"prefix" doc:"Prefix of the keys that the product uses. The gate's object is <prefix>/e2e-gate-probe/<run id>-<random>."`
	Permissions  []string      `yaml:"permissions" doc:"What must be allowed. Default all four." enum:"put,get,list,delete"`
	Key          string        `yaml:"key" doc:"Existing object to get, if put is not among the permissions."`
	PathStyle    bool          `yaml:"path_style" doc:"Use path-style addresses: the bucket is in the path instead of the host name."`
	AccessKey    string        `yaml:"access_key" doc:"Access key id. Default: AWS_ACCESS_KEY_ID and related variables, a shared credentials file, web identity or container credentials of the environment."`
	SecretKey    string        `yaml:"secret_key" doc:"Secret access key. Secret."`
	SessionToken string        `yaml:"session_token" doc:"Session token of temporary credentials. Secret."`
	Metadata     bool          `yaml:"metadata" doc:"Also ask the machine's metadata service (EC2) for credentials."`
	TLS          *trust.TLS    `yaml:"tls" doc:"TLS settings for an https endpoint."`
	Timeout      time.Duration `yaml:"timeout" doc:"Longest time of a single probe, up to four requests. Default 5s."`
}

// The words of retry_on.
const (
	wordDenied      = "denied"
	wordBucket      = "no_bucket"
	wordCredentials = "credentials"
	wordRegion      = "region"
	wordKey         = "no_key"
	wordClock       = "clock"
)

const defaultRegion = "us-east-1"

// verbs are the permissions, in the order in which they are tried.
var verbs = []string{"put", "get", "list", "delete"}

// ProbeTimeout bounds a single probe.
func (s *Spec) ProbeTimeout() time.Duration { return probe.TimeoutOr(s.Timeout) }

// RetryWords are the words of retry_on for this kind: its answers that normally end the
// wait.
func (s *Spec) RetryWords() []string {
	return []string{wordClock, wordCredentials, wordDenied, wordBucket, wordKey, wordRegion, trust.Word}
}

var bucketName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{1,253}[A-Za-z0-9]$`)

// Validate returns what is wrong with the spec.
func (s *Spec) Validate() []diag.Mistake {
	var problems []diag.Mistake
	if s.Endpoint != "" {
		problems = append(problems, checkEndpoint(s.Endpoint)...)
	}
	if !bucketName.MatchString(s.Bucket) {
		problems = append(problems, diag.Mistake{Path: "bucket", Text: "this is not a bucket name", Hint: "write it as my-bucket, without s3:// and path"})
	}
	for i, p := range s.Permissions {
		if !slices.Contains(verbs, p) {
			problems = append(problems, diag.Mistake{
				Path: fmt.Sprintf("permissions[%d]", i), Text: fmt.Sprintf("unknown permission %q", p), Hint: diag.Expected(p, verbs),
			})
		}
	}
	if s.needs("get") && !s.needs("put") && s.Key == "" {
		problems = append(problems, diag.Mistake{Path: "key", Text: "get without put needs an existing object", Hint: "name one with key, or add put"})
	}
	if (s.AccessKey == "") != (s.SecretKey == "") {
		problems = append(problems, diag.Mistake{
			Path: "secret_key", Text: "access_key and secret_key belong together", Hint: "give both, or neither to use those of the environment",
		})
	}
	problems = append(problems, probe.Under("tls", s.TLS.Validate())...)
	return append(problems, probe.CheckDuration("timeout", s.Timeout)...)
}

func checkEndpoint(text string) []diag.Mistake {
	if problems := httpgate.CheckURL("endpoint", text); len(problems) > 0 {
		return problems
	}
	if u, err := url.Parse(text); err == nil && (strings.Trim(u.Path, "/") != "" || u.User != nil || u.RawQuery != "") {
		return []diag.Mistake{
			{Path: "endpoint", Text: "the endpoint has more than a scheme and a host",
				Hint: "write it as https://s3.example.com; bucket and credentials have fields of their own"},
		}
	}
	return nil
}

func (s *Spec) needs(verb string) bool {
	return len(s.Permissions) == 0 || slices.Contains(s.Permissions, verb)
}

func (s *Spec) region() string {
	if s.Region != "" {
		return s.Region
	}
	return defaultRegion
}

func (s *Spec) endpoint() string {
	if s.Endpoint != "" {
		return s.Endpoint
	}
	return "https://s3." + s.region() + ".amazonaws.com"
}

// New builds the probe.
func (s *Spec) New(env probe.Env) probe.Probe {
	if problems := s.Validate(); len(problems) > 0 {
		return probe.BrokenProbe(Kind, "", problems)
	}
	p := &prober{spec: s, env: env, mask: env.Hide([]string{s.SecretKey, s.SessionToken})}
	p.key = s.probeKey(env.Identity["E2E_RUN_ID"])
	p.creds = credentials.New(&credentials.Chain{Providers: s.providers()})
	return p
}

// probeKey is one key per process: if deleting is denied, one object is left behind
// instead of one per probe.
func (s *Spec) probeKey(run string) string {
	var random [6]byte
	_, _ = rand.Read(random[:])
	if run == "" {
		run = "local"
	}
	key := "e2e-gate-probe/" + run + "-" + hex.EncodeToString(random[:])
	if prefix := strings.Trim(s.Prefix, "/"); prefix != "" {
		key = prefix + "/" + key
	}
	return key
}

func (s *Spec) providers() []credentials.Provider {
	if s.AccessKey != "" {
		value := credentials.Value{AccessKeyID: s.AccessKey, SecretAccessKey: s.SecretKey, SessionToken: s.SessionToken, SignerType: credentials.SignatureV4}
		return []credentials.Provider{&credentials.Static{Value: value}}
	}
	list := []credentials.Provider{&credentials.EnvAWS{}, &credentials.FileAWSCredentials{}}
	if s.Metadata || fromEnvironment() {
		list = append(list, &credentials.IAM{Region: s.region(), Client: &http.Client{Timeout: s.ProbeTimeout()}})
	}
	return list
}

func (p *prober) Kind() string { return Kind }

func (p *prober) Target() string {
	return probe.SafeURLText(p.spec.endpoint()) + "/" + p.spec.Bucket
}

func (p *prober) Expected() string {
	var allowed []string
	for _, v := range verbs {
		if p.spec.needs(v) {
			allowed = append(allowed, v)
		}
	}
	return strings.Join(allowed, ", ") + " allowed"
}

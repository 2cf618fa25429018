// Package probe holds what the kinds of health checks share: the interface of a probe,
// its answers, the interface of its config, and how its texts are kept free of secrets.
//
// Each kind is a package in the same folder: a Spec that implements [Spec] and builds a
// [Probe]. It does not loop, wait or retry; package gate does.
package probe

import (
	"context"
	"time"

	"github.com/org/e2e-gate/internal/diag"
	"github.com/org/e2e-gate/internal/e2e"
)

// DefaultTimeout bounds a single probe of a check that sets no timeout.
const DefaultTimeout = 5 * time.Second

// Probe checks one thing.
type Probe interface {
	// Kind is the word of the config: http, tcp, command.
	Kind() string
	// Target is the address that is probed, without credentials and query string.
	Target() string
	// Expected describes a healthy answer.
	Expected() string
	// Probe probes once. It returns soon after ctx ends, and never panics on what the
	// other side sends.
	Probe(ctx context.Context) Observation
}

// Observation is the result of one probe. The zero value is unknown, which is not a
// success.
type Observation struct {
	State e2e.GateState
	// Finality is empty where the state is healthy or degraded.
	Finality e2e.Finality
	// Observed says what was seen, in a few words.
	Observed string
	// Reason is one sentence: why it is not healthy, and what to try.
	Reason string
	// Word is the name of this answer in retry_on: 404, tls, redirect. Only answers
	// that are permanent failures by default have one.
	Word string
	// RetryAfter is how long the other side asked to wait before the next request.
	RetryAfter time.Duration
	// Key identifies equal answers whose texts differ, such as by a latency. If it is
	// empty, the texts are compared.
	Key string
}

// Open reports whether the observation lets suites start.
func (o Observation) Open() bool { return o.State == e2e.Healthy || o.State == e2e.Degraded }

// SameAs reports whether two probes gave the same answer.
func (o Observation) SameAs(p Observation) bool {
	return o.State == p.State && o.Finality == p.Finality && o.key() == p.key()
}

func (o Observation) key() string {
	if o.Key != "" {
		return o.Key
	}
	return o.Observed
}

// Healthy is the expected answer.
func Healthy(observed string) Observation {
	return Observation{State: e2e.Healthy, Observed: observed}
}

// Degraded is the answer of a service that works but reports a failing part.
func Degraded(observed, reason string) Observation {
	return Observation{State: e2e.Degraded, Observed: observed, Reason: reason}
}

// NotYet is a transient failure: waiting may help.
func NotYet(observed, reason string) Observation {
	return Observation{State: e2e.Unhealthy, Finality: e2e.NotYet, Observed: observed, Reason: reason}
}

// Never is a permanent failure: waiting does not help. word is its name in retry_on.
func Never(word, observed, reason string) Observation {
	return Observation{State: e2e.Unhealthy, Finality: e2e.Never, Word: word, Observed: observed, Reason: reason}
}

// Broken is a failure of the probe itself, not of the service.
func Broken(observed, reason string) Observation {
	return Observation{State: e2e.ProbeError, Finality: e2e.Never, Observed: observed, Reason: reason}
}

// Env is what a probe may use from outside.
type Env struct {
	// Root is the repository root, which relative paths in the config are under.
	Root string
	// Base is the environment in the form of os.Environ: proxies, and what command
	// checks inherit.
	Base []string
	// Identity holds the variables that command checks get in addition: E2E_RUN_ID and
	// the like.
	Identity map[string]string
	// Secrets are names of variables that command checks do not inherit.
	Secrets []string
	// Redact removes secrets from a text; nil: none. A probe applies it before it
	// shortens a quote: half a secret is a secret too.
	Redact func(string) string
}

// Hide returns a function that removes the given secrets and those that Redact
// knows.
func (e Env) Hide(secrets []string) func(string) string {
	mask := Masker(secrets)
	if e.Redact == nil {
		return mask
	}
	return func(s string) string { return e.Redact(mask(s)) }
}

// Spec is the config of one kind of check.
type Spec interface {
	// Validate returns what is wrong with the spec, in a fixed order.
	Validate() []diag.Mistake
	// New builds the probe. For a spec with problems it builds one that answers
	// with [Broken].
	New(env Env) Probe
	// ProbeTimeout bounds a single probe; always above zero.
	ProbeTimeout() time.Duration
	// RetryWords are the words of retry_on for this kind: those of its answers that are
	// permanent failures by default.
	RetryWords() []string
}

// TimeoutOr returns the given timeout, or [DefaultTimeout] where there is none.
func TimeoutOr(d time.Duration) time.Duration {
	if d <= 0 {
		return DefaultTimeout
	}
	return d
}

// CheckDuration returns a problem for a negative duration.
func CheckDuration(path string, d time.Duration) []diag.Mistake {
	if d >= 0 {
		return nil
	}
	return []diag.Mistake{{Path: path, Text: "the duration is negative", Hint: "write it as 500ms, 5s or 2m"}}
}

// Under puts the problems of a part below the path of the whole.
func Under(path string, problems []diag.Mistake) []diag.Mistake {
	for i := range problems {
		problems[i].Path = Join(path, problems[i].Path)
	}
	return problems
}

// Join joins two parts of a path.
func Join(path, rest string) string {
	if path == "" || rest == "" || rest[0] == '[' {
		return path + rest
	}
	return path + "." + rest
}

type broken struct {
	kind, target string
	problems     []diag.Mistake
}

// BrokenProbe is the probe of a spec that has problems.
func BrokenProbe(kind, target string, problems []diag.Mistake) Probe {
	return broken{kind: kind, target: target, problems: problems}
}

func (b broken) Kind() string     { return b.kind }
func (b broken) Target() string   { return b.target }
func (b broken) Expected() string { return "a valid check" }

func (b broken) Probe(context.Context) Observation {
	p := b.problems[0]
	return Broken("the check is not valid: "+p.Path+": "+p.Text, "the check cannot be set up ("+p.Text+"); correct it in the config")
}

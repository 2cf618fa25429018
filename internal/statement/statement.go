// Package statement writes a verdict as an in-toto statement of a test result, and
// checks one. The statement says that the gate passed for a commit. A signature proves who says
// so; the platform's own tools make and verify it.
//
// Source: https://github.com/in-toto/attestation/blob/main/spec/predicates/test-result.md
package statement

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/org/e2e-gate/internal/e2e"
)

// The types of in-toto, as its specification and the platform's attest action write them.
const (
	Type          = "https://in-toto.io/Statement/v1"
	PredicateType = "https://in-toto.io/attestation/test-result/v0.1"
	payloadType   = "application/vnd.in-toto+json"
)

// The results that the predicate knows.
const (
	Passed = "PASSED"
	Warned = "WARNED"
	Failed = "FAILED"
)

// Descriptor is an in-toto resource descriptor.
type Descriptor struct {
	Name        string            `json:"name,omitempty" mask:"-"`
	URI         string            `json:"uri,omitempty" mask:"-"`
	Digest      map[string]string `json:"digest,omitempty"`
	Annotations map[string]string `json:"annotations,omitempty"`
}

// Predicate is a test result.
type Predicate struct {
	Result        string       `json:"result" mask:"-"`
	Configuration []Descriptor `json:"configuration"`
	URL           string       `json:"url,omitempty" mask:"-"`
	PassedTests   []string     `json:"passedTests" mask:"-"`
	WarnedTests   []string     `json:"warnedTests" mask:"-"`
	FailedTests   []string     `json:"failedTests" mask:"-"`
}

// Statement binds a predicate to a commit.
type Statement struct {
	Type          string       `json:"_type" mask:"-"`
	Subject       []Descriptor `json:"subject"`
	PredicateType string       `json:"predicateType" mask:"-"`
	Predicate     Predicate    `json:"predicate"`
}

// The names in the configuration.
const (
	nameCommit, namePlan, namePolicy, nameRun, nameTests = "commit", "plan.json", "policy", "run", "tests"
)

// Of makes the statement of a result. policy is the SHA-256 of the effective policy and quarantine. A result
// without a full commit is an error.
func Of(r e2e.Result, policy string) (Statement, error) {
	if len(r.Run.SHA) != 40 && len(r.Run.SHA) != 64 {
		return Statement{}, errors.New("no statement: the commit under test is not known by its full hash")
	}
	commit := Descriptor{Name: nameCommit, Digest: map[string]string{"gitCommit": r.Run.SHA}, Annotations: map[string]string{"repository": r.Run.Repository}}
	run := Descriptor{Name: nameRun, Annotations: map[string]string{
		"id": r.Run.ID, "stage": r.Run.Stage, "key": r.Run.Key, "target": r.Run.Target, "environment": r.Run.Environment,
		"product_version": r.Run.ProductVersion, "workflow_run": r.Run.WorkflowRun,
		"workflow_attempt": fmt.Sprint(r.Run.WorkflowAttempt), "finished": r.Run.Finished.UTC().Format(time.RFC3339), "version": r.Run.Version,
	}}
	if slices.ContainsFunc(r.Problems, func(p e2e.Problem) bool { return p.Code == e2e.CodeNotVerified }) {
		run.Annotations["deployed_version"] = "not verified"
	}
	p := Predicate{Result: resultOf(r.Verdict), URL: r.Run.URL, PassedTests: []string{}, WarnedTests: []string{}, FailedTests: []string{},
		Configuration: []Descriptor{commit, digested(namePlan, r.Plan.Digest), digested(namePolicy, policy), run}}
	for _, t := range r.Tests {
		switch {
		case t.Outcome == e2e.Passed && t.Effect == e2e.EffectNothing:
			p.PassedTests = append(p.PassedTests, t.ID)
		case t.Effect == e2e.Warns || t.Effect == e2e.Informs:
			p.WarnedTests = append(p.WarnedTests, t.ID)
		default:
			p.FailedTests = append(p.FailedTests, t.ID)
		}
	}
	if r.Run.TestsSHA != "" {
		p.Configuration = append(p.Configuration, Descriptor{Name: nameTests, Digest: map[string]string{"gitCommit": r.Run.TestsSHA},
			Annotations: map[string]string{"repository": r.Run.TestsRepository}})
	}
	subject := Descriptor{Name: r.Run.Repository, Digest: commit.Digest}
	return Statement{Type: Type, Subject: []Descriptor{subject}, PredicateType: PredicateType, Predicate: p}, nil
}

func digested(name, sum string) Descriptor {
	return Descriptor{Name: name, Digest: map[string]string{"sha256": strings.TrimPrefix(sum, "sha256:")}}
}

// resultOf is the word for a verdict. A failure stays one, also in a stage that does not
// block.
func resultOf(v e2e.Verdict) string {
	warns := slices.ContainsFunc(v.Reasons, func(r e2e.Reason) bool { return r.Effect == e2e.Warns })
	switch {
	case v.State != e2e.VerdictPassed || v.ExitStatus() != e2e.ExitPassed:
		return Failed
	case warns:
		return Warned
	}
	return Passed
}

// envelope is what a statement may come in: DSSE, a Sigstore bundle, or an element of
// what gh attestation verify --format json prints.
type envelope struct {
	PayloadType string `json:"payloadType" mask:"-"`
	Payload     string `json:"payload" mask:"-"`
	DSSE        *struct {
		PayloadType string `json:"payloadType" mask:"-"`
		Payload     string `json:"payload" mask:"-"`
	} `json:"dsseEnvelope"`
	Attestation *struct {
		Bundle json.RawMessage `json:"bundle"`
	} `json:"attestation"`
	Type string `json:"_type" mask:"-"`
}

// maxNested bounds envelopes within envelopes: gh's element, its bundle, its payload.
const maxNested = 4

// Read finds the statements in a file: one as it is, in a DSSE envelope, in Sigstore
// bundles, one on each line, or in the list that gh prints. Those of another predicate
// are left out. No signature is verified.
func Read(data []byte) ([]Statement, error) {
	var list []Statement
	decoder := json.NewDecoder(strings.NewReader(string(data)))
	for decoder.More() {
		var raw json.RawMessage
		if err := decoder.Decode(&raw); err != nil {
			return nil, fmt.Errorf("not JSON: %w", err)
		}
		elements := []json.RawMessage{raw}
		if raw[0] == '[' {
			if err := json.Unmarshal(raw, &elements); err != nil {
				return nil, fmt.Errorf("not a JSON list: %w", err)
			}
		}
		for _, e := range elements {
			found, ok, err := open(e, maxNested)
			if err != nil {
				return nil, err
			}
			if ok {
				list = append(list, found)
			}
		}
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("no statement with the predicate %s in it", PredicateType)
	}
	return list, nil
}

func open(raw []byte, depth int) (Statement, bool, error) {
	var e envelope
	if err := json.Unmarshal(raw, &e); err != nil {
		return Statement{}, false, fmt.Errorf("neither a statement nor an envelope of one: %w", err)
	}
	switch {
	case depth == 0:
		return Statement{}, false, errors.New("too many nested envelopes")
	case e.Attestation != nil:
		return open(e.Attestation.Bundle, depth-1)
	case e.DSSE != nil:
		e.PayloadType, e.Payload = e.DSSE.PayloadType, e.DSSE.Payload
	}
	if e.Payload != "" {
		inside, err := base64.StdEncoding.DecodeString(e.Payload)
		if err != nil || e.PayloadType != payloadType {
			return Statement{}, false, errors.New("the envelope has no in-toto statement")
		}
		return open(inside, depth-1)
	}
	var head struct{ PredicateType string }
	if e.Type != Type {
		return Statement{}, false, fmt.Errorf("it has the type %q instead of %s", e.Type, Type)
	}
	if err := json.Unmarshal(raw, &head); err != nil || head.PredicateType != PredicateType {
		return Statement{}, false, err
	}
	var s Statement
	err := json.Unmarshal(raw, &s)
	return s, err == nil, err
}

// Want is what a statement must say. Empty fields are not checked.
type Want struct {
	SHA, Repository, Stage string
	MaxAge                 time.Duration
	Now                    time.Time
}

// skew is how far a clock may be ahead.
const skew = 5 * time.Minute

// About returns an error if a statement is about something else than what is wanted.
func (s Statement) About(w Want) error {
	commit, run := s.descriptor(nameCommit), s.descriptor(nameRun).Annotations
	about := []string{commit.Digest["gitCommit"]}
	for _, subject := range s.Subject {
		if sum := subject.Digest["gitCommit"]; sum != "" {
			about = append(about, sum)
		}
	}
	for _, sum := range about {
		if sum == "" || !strings.EqualFold(sum, w.SHA) {
			return fmt.Errorf("it is about the commit %.40q", sum)
		}
	}
	switch repository := commit.Annotations["repository"]; {
	case w.Repository != "" && !strings.EqualFold(repository, w.Repository):
		return fmt.Errorf("it is about the repository %.100q", repository)
	case w.Stage != "" && run["stage"] != w.Stage:
		return fmt.Errorf("it is about the stage %.100q", run["stage"])
	}
	return nil
}

// Check returns an error if a statement is not what is wanted.
func (s Statement) Check(w Want) error {
	if err := s.About(w); err != nil {
		return err
	}
	if s.Predicate.Result != Passed && s.Predicate.Result != Warned {
		return fmt.Errorf("the gate did not pass: the result is %.20q", s.Predicate.Result)
	}
	if w.MaxAge > 0 {
		return fresh(s.finished(), w)
	}
	return nil
}

// Judge checks the statements about what is wanted. Of each stage, key and target it
// takes the one whose run ended last, and all of these have to be what is wanted: a pass
// neither outlives a later failure of the same commit nor hides one of another call of
// the gate. It returns the newest; the error says why they do not count.
func Judge(list []Statement, w Want) (Statement, error) {
	why := errors.New("no statement found")
	var newest []Statement
	for _, s := range list {
		if err := s.About(w); err != nil {
			why = err
			continue
		}
		i := slices.IndexFunc(newest, func(o Statement) bool { return o.call() == s.call() })
		switch {
		case i < 0:
			newest = append(newest, s)
		case s.later(newest[i], w):
			newest[i] = s
		}
	}
	if len(newest) == 0 {
		return Statement{}, why
	}
	for _, s := range newest {
		if err := s.Check(w); err != nil {
			return Statement{}, err
		}
	}
	return slices.MaxFunc(newest, func(a, b Statement) int { return strings.Compare(a.finished(), b.finished()) }), nil
}

// call names the gate's call that a statement is of.
func (s Statement) call() [3]string {
	run := s.descriptor(nameRun).Annotations
	return [3]string{run["stage"], run["key"], run["target"]}
}

// later reports whether a statement is to be taken instead of another: its run ended
// later or, within the same second, it does not pass.
func (s Statement) later(o Statement, w Want) bool {
	if a, b := s.finished(), o.finished(); a != b {
		return a > b
	}
	return s.Check(w) != nil
}

// finished is when the run ended, as [Of] writes it: RFC 3339, UTC, whole seconds.
func (s Statement) finished() string { return s.descriptor(nameRun).Annotations["finished"] }

func fresh(finished string, w Want) error {
	at, err := time.Parse(time.RFC3339, finished)
	switch age := w.Now.Sub(at); {
	case err != nil:
		return errors.New("it does not say when the run ended")
	case age < -skew:
		return fmt.Errorf("its run ended at %s, which is in the future", finished)
	case age > w.MaxAge:
		return fmt.Errorf("its run ended at %s, longer ago than %s", finished, w.MaxAge)
	}
	return nil
}

// Summary is the statement in a line; its texts are not clean.
func (s Statement) Summary() string {
	run := s.descriptor(nameRun).Annotations
	return fmt.Sprintf("%s: stage %s, %d passed, %d warned, %d failed, run %s", s.Predicate.Result, cmp.Or(run["stage"], "?"),
		len(s.Predicate.PassedTests), len(s.Predicate.WarnedTests), len(s.Predicate.FailedTests), run["id"])
}

// descriptor is what the configuration says by a name; twice the same name is none.
func (s Statement) descriptor(name string) Descriptor {
	var found []Descriptor
	for _, d := range s.Predicate.Configuration {
		if d.Name == name {
			found = append(found, d)
		}
	}
	if len(found) != 1 {
		return Descriptor{}
	}
	return found[0]
}

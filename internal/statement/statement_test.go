package statement

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/org/e2e-gate/internal/e2e"
)

const sha = "4bf1f7f0c2b1d9a5e8c3f6a7b8d9e0f1a2b3c4d5"

var ended = time.Date(2026, 3, 14, 9, 26, 53, 0, time.UTC)

func result(state e2e.VerdictState, blocks bool, effects ...e2e.Effect) e2e.Result {
	r := e2e.Result{Run: e2e.Run{ID: "e2e-1", Stage: "release", Subject: e2e.Subject{Repository: "acme/cases", SHA: sha}, Finished: ended,
		URL: "https://github.example/run"},
		Plan: e2e.PlanSummary{Digest: strings.Repeat("1", 64)}, Verdict: e2e.Verdict{State: state, Blocks: blocks}}
	for i, effect := range effects {
		outcome := e2e.Failed
		if effect == e2e.EffectNothing {
			outcome = e2e.Passed
		}
		r.Tests = append(r.Tests, e2e.TestResult{Test: e2e.Test{ID: fmt.Sprint("t", i)}, Outcome: outcome, Effect: effect})
		r.Verdict.Reasons = append(r.Verdict.Reasons, e2e.Reason{Effect: effect})
	}
	return r
}

func made(t testing.TB, r e2e.Result) []byte {
	t.Helper()
	s, err := Of(r, strings.Repeat("2", 64))
	if err != nil {
		t.Fatal(err)
	}
	data, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// The statement is about the subject, and says which tests judged it and whether a gate verified what was deployed.
func TestSubjectOfAStatement(t *testing.T) {
	const tests = "89abcdef0123456789abcdef0123456789abcdef"
	r := result(e2e.VerdictPassed, true, e2e.EffectNothing)
	r.Verdict.Reasons = nil
	plain, err := Of(r, "")
	if err != nil || plain.descriptor(nameTests).Digest != nil || plain.descriptor(nameRun).Annotations["deployed_version"] != "" {
		t.Errorf("%+v, %v", plain, err)
	}
	r.Run.TestsSHA, r.Run.TestsRepository = tests, "acme/e2e"
	r.Problems = []e2e.Problem{{Code: e2e.CodeNotVerified, Note: true}}
	s, err := Of(r, "")
	from := s.descriptor(nameTests)
	if err != nil || s.Subject[0].Digest["gitCommit"] != sha || from.Digest["gitCommit"] != tests || from.Annotations["repository"] != "acme/e2e" ||
		s.descriptor(nameRun).Annotations["deployed_version"] != "not verified" {
		t.Errorf("%+v, %v", s, err)
	}
	if err := s.About(Want{SHA: tests}); err == nil {
		t.Error("it counts for the commit of the tests")
	}
}

// Only a verdict that passed is one here, whatever the exit status says.
func TestResults(t *testing.T) {
	for _, c := range []struct {
		r    e2e.Result
		want string
	}{
		{result(e2e.VerdictPassed, false, e2e.EffectNothing), Passed},
		{result(e2e.VerdictPassed, false, e2e.EffectNothing, e2e.Warns), Warned},
		{result(e2e.VerdictFailed, true, e2e.Blocks), Failed},
		{result(e2e.VerdictFailed, false, e2e.Informs), Failed},
		{result(e2e.VerdictNotJudged, false), Failed},
		{result(e2e.VerdictPassed, true), Failed},
		{result(e2e.VerdictUnknown, false), Failed},
		{result("PASSED", false), Failed},
	} {
		s, err := Of(c.r, "")
		if err != nil || s.Predicate.Result != c.want || len(s.Predicate.PassedTests)+len(s.Predicate.WarnedTests)+len(s.Predicate.FailedTests) != len(c.r.Tests) {
			t.Errorf("%+v: %+v, %v, want %s", c.r.Verdict, s.Predicate, err, c.want)
		}
	}
	r := result(e2e.VerdictPassed, false)
	r.Run.SHA = "main"
	if _, err := Of(r, ""); err == nil {
		t.Error("a statement about no commit")
	}
}

// The type that signers write around our predicate, and that verifiers look for, are the
// specification's: see its test-result.md and statement.md.
func TestTypesAreTheSpecifications(t *testing.T) {
	if Type != "https://in-toto.io/Statement/v1" || PredicateType != "https://in-toto.io/attestation/test-result/v0.1" {
		t.Errorf("%s, %s", Type, PredicateType)
	}
}

// Every form in which a statement travels says the same.
func TestForms(t *testing.T) {
	plain := made(t, result(e2e.VerdictPassed, false, e2e.EffectNothing))
	dsse := fmt.Sprintf(`{"payloadType": %q, "payload": %q, "signatures": [{"sig": "x"}]}`, payloadType, base64.StdEncoding.EncodeToString(plain))
	bundle := `{"mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json", "verificationMaterial": {}, "dsseEnvelope": ` + dsse + `}`
	other := fmt.Sprintf(`{"payloadType": %q, "payload": %q}`, payloadType,
		base64.StdEncoding.EncodeToString([]byte(`{"_type": "`+Type+`", "predicateType": "https://slsa.dev/provenance/v1"}`)))
	var want Statement
	if err := json.Unmarshal(plain, &want); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"statement": string(plain), "envelope": dsse, "bundle": bundle, "downloaded": `{"dsseEnvelope": ` + other + "}\n" + bundle + "\n",
		"gh verify": `[{"attestation": {"bundle": ` + bundle + `, "bundle_url": "x"}, "verificationResult": {"statement": {}}}]`,
	} {
		list, err := Read([]byte(text))
		if err != nil || len(list) != 1 {
			t.Errorf("%s: %d, %v", name, len(list), err)
			continue
		}
		if diff := cmp.Diff(want, list[0]); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	deep := string(plain)
	for range 9 {
		deep = fmt.Sprintf(`{"payloadType": %q, "payload": %q}`, payloadType, base64.StdEncoding.EncodeToString([]byte(deep)))
	}
	for _, text := range []string{"", "{}", "[]", "null", "7", "<html>", other, deep, `{"payload": "!", "payloadType": "x"}`,
		`{"payloadType": "text/plain", "payload": "e30="}`, string(plain[:len(plain)/2]), `{"_type": "` + Type + `", "predicateType": 7}`} {
		if list, err := Read([]byte(text)); err == nil {
			t.Errorf("%.60s: %+v", text, list)
		}
	}
}

func TestCheck(t *testing.T) {
	want := Want{SHA: sha, Repository: "acme/cases", Stage: "release", MaxAge: time.Hour, Now: ended.Add(time.Minute)}
	for name, c := range map[string]struct {
		change func(*Statement, *Want)
		says   string
	}{
		"all of it":       {func(*Statement, *Want) {}, ""},
		"other case":      {func(_ *Statement, w *Want) { w.SHA, w.Repository = strings.ToUpper(sha), "Acme/Cases" }, ""},
		"only the commit": {func(_ *Statement, w *Want) { *w = Want{SHA: sha} }, ""},
		"warned":          {func(s *Statement, _ *Want) { s.Predicate.Result = Warned }, ""},
		"another commit":  {func(_ *Statement, w *Want) { w.SHA = strings.Repeat("a", 40) }, "about the commit"},
		"no commit asked": {func(_ *Statement, w *Want) { w.SHA = "" }, "about the commit"},
		"another subject": {func(s *Statement, _ *Want) {
			s.Subject[0].Digest = map[string]string{"gitCommit": strings.Repeat("a", 40)}
		}, "about the commit"},
		"a file as subject": {func(s *Statement, _ *Want) { s.Subject[0].Digest = map[string]string{"sha256": "x"} }, ""},
		"no configuration":  {func(s *Statement, _ *Want) { s.Predicate.Configuration = nil }, "about the commit"},
		"two commits": {func(s *Statement, _ *Want) {
			s.Predicate.Configuration = append(s.Predicate.Configuration, Descriptor{Name: nameCommit})
		}, "about the commit"},
		"another repository": {func(_ *Statement, w *Want) { w.Repository = "acme/other" }, "about the repository"},
		"another stage":      {func(_ *Statement, w *Want) { w.Stage = "pr" }, "about the stage"},
		"failed":             {func(s *Statement, _ *Want) { s.Predicate.Result = Failed }, "did not pass"},
		"unknown result":     {func(s *Statement, _ *Want) { s.Predicate.Result = "passed" }, "did not pass"},
		"too old":            {func(_ *Statement, w *Want) { w.Now = ended.Add(2 * time.Hour) }, "longer ago"},
		"from the future":    {func(_ *Statement, w *Want) { w.Now = ended.Add(-time.Hour) }, "which is in the future"},
		"no time":            {func(s *Statement, _ *Want) { s.Predicate.Configuration[3].Annotations["finished"] = "soon" }, "does not say when"},
	} {
		var s Statement
		if err := json.Unmarshal(made(t, result(e2e.VerdictPassed, false)), &s); err != nil {
			t.Fatal(err)
		}
		w := want
		c.change(&s, &w)
		if err := s.Check(w); (err == nil) != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %q", name, err, c.says)
		}
	}
}

// judged is the statement of a run that ended some hours after the first.
func judged(t *testing.T, state e2e.VerdictState, stage, key string, hours int) Statement {
	t.Helper()
	r := result(state, state == e2e.VerdictFailed)
	r.Run.Stage, r.Run.Key, r.Run.Finished = stage, key, ended.Add(time.Duration(hours)*time.Hour)
	s, err := Of(r, "")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// A pass does not outlive a later failure of the same commit, nor hide one of another
// stage or call of the gate.
func TestNewest(t *testing.T) {
	const passed, failed = e2e.VerdictPassed, e2e.VerdictFailed
	for name, c := range map[string]struct {
		list []Statement
		want Want
		ok   bool
	}{
		"failed later":               {[]Statement{judged(t, passed, "release", "", 0), judged(t, failed, "release", "", 1)}, Want{}, false},
		"passed later":               {[]Statement{judged(t, failed, "release", "", 0), judged(t, passed, "release", "", 1)}, Want{}, true},
		"at the same second":         {[]Statement{judged(t, failed, "release", "", 0), judged(t, passed, "release", "", 0)}, Want{}, false},
		"another key passed later":   {[]Statement{judged(t, failed, "release", "api", 0), judged(t, passed, "release", "ui", 1)}, Want{Stage: "release"}, false},
		"both keys passed":           {[]Statement{judged(t, passed, "release", "api", 0), judged(t, passed, "release", "ui", 1)}, Want{Stage: "release"}, true},
		"another stage passed later": {[]Statement{judged(t, failed, "release", "", 0), judged(t, passed, "nightly", "", 1)}, Want{}, false},
		"another stage, not asked":   {[]Statement{judged(t, passed, "release", "", 0), judged(t, failed, "nightly", "", 1)}, Want{Stage: "release"}, true},
		"about another commit":       {[]Statement{judged(t, passed, "release", "", 0)}, Want{SHA: strings.Repeat("a", 40)}, false},
		"none":                       {nil, Want{}, false},
	} {
		c.want.SHA = or(c.want.SHA, sha)
		for range 2 {
			st, err := Judge(c.list, c.want)
			if (err == nil) != c.ok || c.ok && st.Type == "" {
				t.Errorf("%s: %+v, %v", name, st, err)
			}
			slices.Reverse(c.list)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add(made(f, result(e2e.VerdictPassed, false)))
	f.Add([]byte(`{"dsseEnvelope": {"payloadType": "application/vnd.in-toto+json", "payload": "e30="}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		list, err := Read(data)
		if (err == nil) != (len(list) > 0) {
			t.Errorf("%d statements, %v", len(list), err)
		}
	})
}

func or(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

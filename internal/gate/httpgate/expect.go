package httpgate

import (
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"

	"github.com/Masterminds/semver/v3"
	"github.com/theory/jsonpath"

	"github.com/org/e2e-gate/internal/diag"
	"github.com/org/e2e-gate/internal/gate/probe"
	"github.com/org/e2e-gate/internal/safetext"
)

// expectation is one requirement on the answer.
type expectation struct {
	// text says what is expected.
	text string
	// check reports whether the answer meets it. If not, it says what was observed and
	// what to try.
	check func(a answer) (ok bool, observed, hint string)
}

func headerExpectations(s *Spec) ([]expectation, []diag.Mistake) {
	var list []expectation
	var problems []diag.Mistake
	for _, name := range slices.Sorted(maps.Keys(s.ExpectHeaders)) {
		want := s.ExpectHeaders[name]
		list = append(list, headerExpectation(name, "= "+want, func(got string) bool { return got == want }))
	}
	for _, name := range slices.Sorted(maps.Keys(s.HeaderMatches)) {
		re, found := compileRegexp(keyPath("header_matches", name), s.HeaderMatches[name])
		problems = append(problems, found...)
		if re != nil {
			list = append(list, headerExpectation(name, "matches "+re.String(), re.MatchString))
		}
	}
	return list, problems
}

func headerExpectation(name, want string, ok func(string) bool) expectation {
	label := "header " + http.CanonicalHeaderKey(name)
	return expectation{text: label + " " + want, check: func(a answer) (bool, string, string) {
		values := a.header.Values(name)
		if slices.ContainsFunc(values, ok) {
			return true, "", ""
		}
		const hint = "check the expectation, and whether a proxy in between changes headers"
		if len(values) == 0 {
			return false, label + " is missing", hint
		}
		if probe.SecretName(name) {
			return false, label + " has another value", hint
		}
		return false, label + " = " + a.quote(values[0]), hint
	}}
}

func compileRegexp(path, text string) (*regexp.Regexp, []diag.Mistake) {
	re, err := regexp.Compile(text)
	if err != nil {
		return nil, []diag.Mistake{{Path: path, Text: "bad regular expression: " + safetext.Plain(err.Error(), probe.MaxQuote), Hint: "use RE2 syntax"}}
	}
	return re, nil
}

// judge compares one selected value with what is expected of it.
type judge func(value any) (ok bool, hint string)

func jsonExpectations(s *Spec) ([]expectation, []diag.Mistake) {
	var list []expectation
	var problems []diag.Mistake
	add := func(field, verb string, wants map[string]string, make func(want string) (judge, string)) {
		for _, path := range slices.Sorted(maps.Keys(wants)) {
			at := keyPath(field, path)
			selector, err := jsonpath.Parse(path)
			if err != nil {
				problems = append(problems, diag.Mistake{
					Path: at, Text: "bad JSONPath: " + safetext.Plain(err.Error(), probe.MaxQuote), Hint: "write it as $.status or $.components.db.status",
				})
				continue
			}
			test, fault := make(wants[path])
			if fault != "" {
				problems = append(problems, diag.Mistake{Path: at, Text: fault, Hint: hints[field]})
				continue
			}
			list = append(list, jsonExpectation(path, verb+wants[path], selector, test))
		}
	}
	add("json", "= ", s.JSON, equals)
	add("matches", "matches ", s.Matches, matches)
	add("semver", "in ", s.Semver, inRange)
	return list, problems
}

var hints = map[string]string{
	"matches": "use RE2 syntax",
	"semver":  "write it as ^2.0.0 or >=1.4 <3",
}

const hintWait = "wait for the roll-out to finish, or correct the expectation"

func equals(want string) (judge, string) {
	return func(value any) (bool, string) { return equalText(value, want), hintWait }, ""
}

func matches(want string) (judge, string) {
	re, err := regexp.Compile(want)
	if err != nil {
		return nil, "bad regular expression: " + safetext.Plain(err.Error(), probe.MaxQuote)
	}
	return func(value any) (bool, string) { return re.MatchString(plainText(value)), hintWait }, ""
}

func inRange(want string) (judge, string) {
	constraint, err := semver.NewConstraint(want)
	if err != nil {
		return nil, fmt.Sprintf("bad version constraint %q", safetext.Plain(want, probe.MaxQuote))
	}
	return func(value any) (bool, string) {
		version, err := semver.NewVersion(plainText(value))
		switch {
		case err != nil:
			return false, "the value is not a version of the form 1.2.3; point the path at the version, or use matches"
		case version.Prerelease() != "" && !constraint.Check(version):
			return false, "a pre-release matches only a constraint that names one, such as >=2.0.0-0; widen the constraint if it should"
		}
		return constraint.Check(version), hintWait
	}, ""
}

func jsonExpectation(path, want string, selector *jsonpath.Path, test judge) expectation {
	return expectation{text: path + " " + want, check: func(a answer) (bool, string, string) {
		nodes := selector.Select(a.doc)
		for _, node := range nodes {
			if ok, hint := test(node); !ok {
				return false, path + " = " + safetext.Plain(a.mask(jsonText(node)), probe.MaxQuote), hint
			}
		}
		if len(nodes) == 0 {
			return false, path + " is missing", "compare the path with the answer; the field may appear only when the service is ready"
		}
		return true, "", ""
	}}
}

func bodyExpectations(s *Spec) ([]expectation, []diag.Mistake) {
	if s.BodyMatches == "" {
		return nil, nil
	}
	re, problems := compileRegexp("body_matches", s.BodyMatches)
	if re == nil {
		return nil, problems
	}
	return []expectation{{text: "body matches " + s.BodyMatches, check: func(a answer) (bool, string, string) {
		return re.Match(a.body), "body " + a.quote(string(a.body[:min(len(a.body), maxQuoted)])), hintWait
	}}}, nil
}

// namesStatus reports whether one of the paths is the status of a health answer,
// in whatever notation.
func namesStatus(paths map[string]string) bool {
	for path := range paths {
		if p, err := jsonpath.Parse(path); err == nil && p.String() == `$["status"]` {
			return true
		}
	}
	return false
}

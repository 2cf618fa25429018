package pipeline

import (
	"cmp"
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/org/e2e-gate/internal/asserted"
	"github.com/org/e2e-gate/internal/e2e"
	expectation "github.com/org/e2e-gate/internal/expect"
	"github.com/org/e2e-gate/internal/fingerprint"
	"github.com/org/e2e-gate/internal/history"
	"github.com/org/e2e-gate/internal/report"
	"github.com/org/e2e-gate/internal/safetext"
	"github.com/org/e2e-gate/internal/suite"
	"github.com/org/e2e-gate/internal/triage"
	"github.com/org/e2e-gate/internal/verdict"
)

// categoriser says what kind of failure each failure is, and groups them.
type categoriser interface {
	Within(ctx context.Context, inputs []triage.Input) ([]triage.Result, []e2e.Cluster, error)
}

// explained gives every failure a category, evidence and a next step, and groups failures
// with one cause. It runs after the verdict and cannot change it: it sets only the
// explanation of tests, and the clusters. The error is that the context ended.
func (s *Session) explained(ctx context.Context, engine categoriser, r e2e.Result, stats history.Stats, docs []e2e.ShardRun) (e2e.Result, error) {
	var inputs []triage.Input
	var at []int
	about := problemsByTest(r.Problems)
	reported := reportedFiles(r.Tests)
	files, beside := map[string]int{}, map[string]int{}
	for i := range r.Tests {
		files[r.Tests[i].Keep]++
		beside[r.Tests[i].Suite]++
	}
	for i := range r.Tests {
		if i%1024 == 0 && ctx.Err() != nil {
			return r, ctx.Err()
		}
		t := &r.Tests[i]
		switch t.Outcome {
		case e2e.Failed, e2e.Flaky:
			// Triage cuts and quotes, so secrets are masked before.
			past := stats.Past(t.Stable(), s.ownOf(t))
			in := s.triageInput(t, &r, stats)
			in.Pressure = shortOf(t, docs)
			in.Company = s.company(t, past, beside[t.Suite], files[t.Keep])
			if len(inputs) >= triage.MaxRead {
				in.Details = ""
			}
			inputs = append(inputs, safetext.Redacted(s.opts.Redact, in))
			at = append(at, i)
			t.History = past
		case e2e.Lost, e2e.NotRun:
			unreported(t, about[t.ID])
			if renamed(t, about[t.ID], reported) {
				t.Cause = "other tests of its file reported, and it did not"
				t.NextStep = "if its name has something random or a time in it, make it the same whenever its file is loaded; else read the log of its batch"
			}
			s.withoutGate(t, r.Gates)
		case e2e.Passed, e2e.Skipped, e2e.OutcomeUnknown:
		}
	}
	results, clusters, err := engine.Within(ctx, inputs)
	if err != nil {
		return r, err
	}
	owners, _ := readCodeowners(s.opts.Root)
	changes := s.ownedChanges(owners)
	for n, res := range results {
		t := &r.Tests[at[n]]
		explain(t, inputs[n], res)
		addLogs(t, docs)
		s.addUnneeded(t, r.Gates)
		if t.Outcome == e2e.Failed && t.Environment == nil && t.BaseFails == nil {
			if text := s.outsideOf(t, changes, owners); text != "" {
				t.Evidence = append(t.Evidence, e2e.Evidence{Kind: e2e.EvidenceTriage, Source: "changed files", Text: text})
			}
		}
		if step := repair(t); step != "" {
			t.NextStep = step
		}
		if f := t.BaseFails; f != nil && f.Excuses {
			t.NextStep = fmt.Sprintf("nothing in this change: repair it on %s", f.Branch)
		}
	}
	s.findMisses(ctx, &r, stats)
	r.Clusters = append([]e2e.Cluster{}, clusters...)
	sameForAll(r)
	return r, nil
}

// ownOf is what this run knows of a test that it asks the history about.
func (s *Session) ownOf(t *e2e.TestResult) history.Own {
	same := 0
	if t.BaseFails != nil {
		same = len(t.BaseFails.Runs)
	}
	return history.OwnOf(s.run, same)
}

// shortOf says what the machine of a test's first failed attempt was short of while that ran; empty: nothing, or it is not known.
func shortOf(t *e2e.TestResult, docs []e2e.ShardRun) string {
	at := slices.IndexFunc(t.Attempts, func(a e2e.Attempt) bool { return a.Outcome == e2e.Failed })
	if at < 0 || t.Attempts[at].Started.IsZero() {
		return ""
	}
	a := t.Attempts[at]
	ended := a.Started.Add(time.Duration(a.Seconds * float64(time.Second)))
	var texts []string
	for _, doc := range docs {
		for _, p := range doc.Pressure {
			if doc.Index == a.Shard && !p.To.Before(a.Started) && !p.From.After(ended) && !slices.Contains(texts, p.Text) {
				texts = append(texts, p.Text)
			}
		}
	}
	return strings.Join(texts, "; ")
}

// company is how a test did beside others of its file or process: this run, and the runs of its history since its outcome
// last changed. beside is how many tests of its suite the run has, file how many its file has.
func (s *Session) company(t *e2e.TestResult, past *e2e.TestHistory, beside, file int) triage.Company {
	c := triage.Company{Differs: s.alone(t, file)}
	if t.Environment == nil && beside > 1 && t.Outcome == e2e.Flaky && past != nil && past.Failed == 0 && past.Flaky == past.Runs {
		c.Failed, c.Of = past.Flaky+1, past.Runs+1
	}
	return c
}

// alone reports whether a test failed in its file, and in another way when it was repeated alone: it needs what other
// tests of the file left behind.
func (s *Session) alone(t *e2e.TestResult, file int) bool {
	if t.Outcome != e2e.Failed || t.Keep == "" || t.Group != "" || file < 2 || t.Environment != nil {
		return false
	}
	var prints []string
	for _, a := range t.Attempts {
		if a.Outcome == e2e.Failed && (len(prints) == 0 || a.Source == e2e.SourceDiagnostic) {
			prints = append(prints, fingerprint.Of(fingerprint.Failure{
				Type: a.Type, Message: a.Message, Details: a.Details, RunValues: []string{a.Correlation, a.TestCorrelation, a.DataPrefix, s.run.ID},
			}))
		}
	}
	return len(prints) > 1 && prints[0] != "" && prints[1] != "" && !fingerprint.Same(prints[0], prints[1]) && failedDifferently(t.Attempts) != nil
}

// sameForAll gives a group of failures the category of its tests where the verdict knows the cause of all of them: the
// process under test crashed below them, they collided with another shard, or the base fails in the same way.
func sameForAll(r e2e.Result) {
	known := map[string]e2e.TestResult{}
	for i := range r.Tests {
		t := &r.Tests[i]
		crashed := slices.ContainsFunc(t.Evidence, func(ev e2e.Evidence) bool { return ev.Kind == e2e.EvidenceCrash })
		if crashed || t.Environment != nil && t.Environment.Port > 0 || t.BaseFails != nil && t.BaseFails.Excuses {
			known[t.ID] = *t
		}
	}
	for i := range r.Clusters {
		c := &r.Clusters[i]
		if len(c.Tests) == 0 || slices.ContainsFunc(c.Tests, func(id string) bool { return known[id].ID == "" }) {
			continue
		}
		t := known[c.Tests[0]]
		c.Category, c.Confidence, c.Cause, c.NextStep = t.Category, t.Confidence, t.Cause, t.NextStep
	}
}

// triageInput is what triage reads of a failed test. It uses the first failed attempt,
// because no earlier attempt could have affected it.
func (s *Session) triageInput(t *e2e.TestResult, r *e2e.Result, stats history.Stats) triage.Input {
	attempts := t.Attempts
	in := triage.Input{
		ID: t.ID, Framework: t.Framework, Test: cmp.Or(t.Name, t.ID), Owner: t.Owner, Command: report.RunCommand(*r, *t), Planned: len(r.Tests),
		Gates: e2e.GatesFor(r.Gates, &t.Test),
		Context: triage.Context{
			Rerun: triage.RerunNone, Recent: triage.Recent(stats.Recent(t.Stable())), Health: triage.HealthOK, ChangedPaths: s.opts.ChangedPaths,
		},
	}
	if len(r.Gates) == 0 {
		in.Context.Health = "" // it is not known
	}
	for _, ev := range t.Evidence {
		if ev.Kind == e2e.EvidenceCrash {
			in.Crashes = append(in.Crashes, triage.Crash{Process: ev.Source, Text: ev.Text})
		}
	}
	if env := t.Environment; env != nil && env.Port > 0 {
		in.SharedPort = &triage.SharedPort{Port: env.Port, Observed: env.Observed, Suite: t.Suite}
	}
	first := slices.IndexFunc(attempts, func(a e2e.Attempt) bool { return a.Outcome == e2e.Failed })
	if first < 0 {
		return in
	}
	a := attempts[first]
	in.Message, in.Details, in.Type, in.Error = a.Message, a.Details, a.Type, a.Error
	in.RunValues = []string{a.Correlation, a.TestCorrelation, a.DataPrefix, s.run.ID}
	in.Assertion = !a.Error && suite.TellsErrors(t.Framework)
	for _, ev := range a.Evidence {
		switch ev.Kind {
		case e2e.EvidenceExpected:
			in.Expected = ev.Text
		case e2e.EvidenceActual:
			in.Actual = ev.Text
		default:
		}
	}
	for _, later := range attempts[first+1:] {
		if later.Uncounted != "" || later.Outcome == e2e.Skipped {
			continue // it proved nothing
		}
		in.Context.Rerun, in.RerunMessage = triage.RerunFailed, later.Message
		if later.Outcome == e2e.Passed {
			in.Context.Rerun, in.RerunMessage = triage.RerunPassed, ""
		}
	}
	in.From, in.To = a.Started, a.Started.Add(time.Duration(a.Seconds*float64(time.Second)))
	if a.Started.IsZero() {
		in.From, in.To, in.Gates = time.Time{}, time.Time{}, nil
		if gates := e2e.GatesFor(r.Gates, &t.Test); len(gates) > 0 {
			in.Context.Health = overall(gates)
		}
	}
	return in
}

// TriageInputs are the failures of a result of the past, as triage reads them.
func TriageInputs(r e2e.Result) []triage.Input {
	s := &Session{run: r.Run}
	var list []triage.Input
	for i := range r.Tests {
		if t := &r.Tests[i]; t.Outcome == e2e.Failed || t.Outcome == e2e.Flaky {
			list = append(list, s.triageInput(t, &r, history.Stats{}))
		}
	}
	return list
}

// overall is the worst that required gates said while suites ran, for frameworks
// that do not say when a test ran.
func overall(gates []e2e.Gate) triage.Health {
	health := triage.HealthOK
	for _, g := range gates {
		for _, span := range g.Timeline {
			switch {
			case !span.Watch || !g.Required:
			case span.State == e2e.Unhealthy:
				return triage.HealthFailed
			case span.State == e2e.Degraded:
				health = triage.HealthDegraded
			}
		}
	}
	return health
}

// expected says which rules of e2e.expect the events of a test broke.
func expected(evidence []e2e.Evidence) []e2e.Evidence {
	const source = "e2e.expect"
	var rules, events string
	has := false
	for _, ev := range evidence {
		switch {
		case ev.Kind == e2e.EvidenceProperty && ev.Name == "expect":
			rules += ev.Text + "\n"
		case ev.Kind == e2e.EvidenceEvents:
			events, has = events+ev.Text+"\n", true
		}
	}
	if rules == "" {
		return nil
	}
	list, err := expectation.Parse(rules)
	if err != nil {
		return []e2e.Evidence{{Kind: e2e.EvidenceTriage, Text: "e2e.expect cannot be read: " + err.Error(), Source: source}}
	}
	if !has {
		return []e2e.Evidence{{Kind: e2e.EvidenceTriage, Text: "e2e.expect is not checked: the test left no e2e.events", Source: source}}
	}
	var found []e2e.Evidence
	for _, text := range expectation.Broken(list, expectation.Events(events)) {
		found = append(found, e2e.Evidence{Kind: e2e.EvidenceMissing, Text: "broken rule " + text, Source: source})
	}
	return found
}

// repair is what to do about an environment that failed beside a test, which proves nothing until then. Empty: it did not.
func repair(t *e2e.TestResult) string {
	env := t.Environment
	switch {
	case env == nil || t.Effect != e2e.NotJudged:
		return ""
	case env.Process != "":
		return fmt.Sprintf("find out why background process %s ended: look at its log, and at what else uses its port. Then run again", env.Process)
	case env.Gate != "":
		return fmt.Sprintf("find out why gate %s was %s, then run again", env.Gate, cmp.Or(env.State, e2e.Unhealthy))
	}
	return ""
}

// explain files a triage result under its test. in is what triage read, with secrets masked: what is taken out of a text must not
// cut one in two.
func explain(t *e2e.TestResult, in triage.Input, res triage.Result) {
	t.Category, t.Cause, t.Confidence, t.NextStep = res.Category, res.Cause, res.Confidence, res.NextStep
	for _, a := range t.Attempts {
		if a.Outcome == e2e.Failed {
			facts := a.Evidence
			if v, ok := asserted.Read(in.Message, in.Details); ok {
				facts = e2e.WithCompared(facts, v.Expected, v.Actual)
			}
			t.Evidence = append(append(t.Evidence, facts...), expected(a.Evidence)...)
			if a.Correlation != "" {
				t.Evidence = append(t.Evidence, e2e.Evidence{Kind: e2e.EvidenceCorrelation, Text: a.Correlation, Source: "E2E_CORRELATION_ID"})
			}
			break
		}
	}
	if other := failedDifferently(t.Attempts); other != nil {
		t.Evidence = append(t.Evidence, e2e.Evidence{Kind: e2e.EvidenceRerun, Source: fmt.Sprintf("attempt %d", other.N),
			Text: "it failed differently when it ran again: " + cmp.Or(other.Message, other.Type)})
	}
	for _, text := range res.Evidence {
		t.Evidence = append(t.Evidence, e2e.Evidence{Kind: e2e.EvidenceTriage, Text: text})
	}
}

var numbers = regexp.MustCompile(`[0-9a-fA-F]*[0-9][0-9a-fA-F-]*`)

// failedDifferently is the first later failure whose message, without its numbers, is not
// that of the first failure.
func failedDifferently(attempts []e2e.Attempt) *e2e.Attempt {
	gist := func(a e2e.Attempt) string {
		line, _, _ := strings.Cut(strings.TrimSpace(cmp.Or(a.Message, a.Type)), "\n")
		return numbers.ReplaceAllString(line, "0")
	}
	first := -1
	for i, a := range attempts {
		switch {
		case a.Outcome != e2e.Failed:
		case first < 0:
			first = i
		case gist(a) != gist(attempts[first]):
			return &attempts[i]
		}
	}
	return nil
}

// addLogs points from a failure to the logs of the background processes of its shard.
func addLogs(t *e2e.TestResult, docs []e2e.ShardRun) {
	shard := t.Attempts[len(t.Attempts)-1].Shard
	for _, doc := range docs {
		if doc.Index != shard {
			continue
		}
		for _, name := range doc.Logs {
			t.Evidence = append(t.Evidence, e2e.Evidence{Kind: e2e.EvidenceLog, Text: name, Source: "background process"})
		}
	}
}

// withoutGate explains a test that was not run because a gate failed that it needs.
func (s *Session) withoutGate(t *e2e.TestResult, gates []e2e.Gate) {
	for _, g := range gates {
		if t.Outcome != e2e.NotRun || len(t.Attempts) > 0 || g.Open() || !g.Scope.NeededBy(&t.Test) {
			continue
		}
		t.Category, t.Confidence, t.Cause = e2e.EnvironmentFailure, e2e.ConfidenceHigh, fmt.Sprintf("gate %s failed, which it needs", g.Name)
		t.NextStep = cmp.Or(g.Reason, "make the environment healthy, then run again")
		if g.Dependency {
			t.Category, t.Cause = e2e.ExternalDependency, fmt.Sprintf("%s is down, which it needs", g.Name)
			t.NextStep = s.askOwner(g.Name)
		}
		t.Evidence = append(t.Evidence, e2e.Evidence{Kind: e2e.EvidenceTriage, Source: "gate " + g.Name,
			Text: fmt.Sprintf("expected %s, observed %s", g.Expected, cmp.Or(g.Observed, "nothing"))})
		return
	}
}

// askOwner is the next step where an external dependency is down.
func (s *Session) askOwner(name string) string {
	text := "run again once it is up"
	for _, d := range s.opts.Config.Depends {
		if d.Name != name {
			continue
		}
		if d.Owner != "" {
			text = fmt.Sprintf("ask %s, and run again once it is up", d.Owner)
		}
		if d.Agreement != "" {
			text += "; what was agreed on: " + d.Agreement
		}
	}
	return text
}

// addUnneeded shows what a gate saw that a failed test does not need by the config, and whose address, or a file of whose service, the
// failure names all the same. It excuses nothing.
func (s *Session) addUnneeded(t *e2e.TestResult, gates []e2e.Gate) {
	var frames map[string]string
	for _, g := range gates {
		if g.Scope.NeededBy(&t.Test) {
			continue
		}
		services, named := s.servicesOfGate(g.Name), ""
		for _, a := range t.Attempts {
			if host := verdict.NamedBy(a, g.Target); a.Outcome == e2e.Failed && host != "" {
				named = host + ", which gate " + g.Name
				break
			}
		}
		for _, service := range services {
			if frames == nil {
				frames = s.framesOf(t)
			}
			if file := frames[service]; named == "" && file != "" {
				named = fmt.Sprintf("%s, a file of %s, which gate %s", file, service, g.Name)
			}
		}
		if named == "" {
			continue
		}
		t.Beyond = append(t.Beyond, services...)
		seen := "it was " + string(cmp.Or(g.State, "not probed")) + " before the suites"
		for _, span := range g.LostSpans() {
			seen += fmt.Sprintf(", and %s from %s to %s: %s", span.State, span.From.UTC().Format(time.TimeOnly), span.To.UTC().Format(time.TimeOnly), span.Observed)
		}
		t.Evidence = append(t.Evidence, e2e.Evidence{Kind: e2e.EvidenceTriage, Source: "gate " + g.Name, Text: fmt.Sprintf(
			"the failure names %s (%s) looks at, but the test does not need that by the config; %s. If it does need it, add it to needs of its suite, "+
				"or tag the test needs:<service>", named, g.Scope, seen)})
	}
}

// sourceFile is what looks like the path of a file, with a folder at least.
var sourceFile = regexp.MustCompile(`[\w.@+-]*(?:[/\\][\w.@+-]+)+\.[A-Za-z]{1,6}\b`)

// Bounds of the files that a failure names.
const (
	maxFrames    = 200
	maxFrameText = 16 << 10 // bytes of an attempt
)

// framesOf are files that the failure of a test names, by the service that has them in its paths. Where the product was built, they may
// lie below another folder. Files in the directory of its suite are its own.
func (s *Session) framesOf(t *e2e.TestResult) map[string]string {
	if s.places == nil {
		places := newPlaces(s.opts.Config)
		s.places = &places
	}
	spec, _ := s.opts.Config.Suite(t.Suite)
	frames := map[string]string{}
	for _, a := range t.Attempts {
		if a.Outcome != e2e.Failed || len(s.places.globs) == 0 {
			continue
		}
		text := a.Message + "\n" + a.Details
		for _, name := range sourceFile.FindAllString(text[:min(len(text), maxFrameText)], maxFrames) {
			for rest := strings.TrimLeft(strings.ReplaceAll(name, `\`, "/"), "./"); strings.Contains(rest, "/"); _, rest, _ = strings.Cut(rest, "/") {
				if within(rest, dirOf(spec)) {
					break
				}
				for _, service := range s.places.of(rest).services {
					if frames[service] == "" {
						frames[service] = rest
					}
				}
			}
		}
	}
	return frames
}

// servicesOfGate are the services that a gate names in the config, without those that need them in turn.
func (s *Session) servicesOfGate(name string) []string {
	for _, check := range s.opts.Config.Gates.Checks {
		if check.Name == name {
			return check.Services
		}
	}
	return nil
}

// problemsByTest are the problems that name each test.
func problemsByTest(problems []e2e.Problem) map[string][]*e2e.Problem {
	about := map[string][]*e2e.Problem{}
	for i := range problems {
		for _, id := range problems[i].Tests {
			if list := about[id]; len(list) == 0 || list[len(list)-1] != &problems[i] {
				about[id] = append(list, &problems[i])
			}
		}
	}
	return about
}

// suiteFile is a file of a suite.
type suiteFile struct{ suite, file string }

// reportedFiles are the files of which at least one test has reported.
func reportedFiles(tests []e2e.TestResult) map[suiteFile]bool {
	files := map[suiteFile]bool{}
	for i := range tests {
		if t := &tests[i]; len(t.Attempts) > 0 {
			files[suiteFile{t.Suite, t.File}] = true
		}
	}
	return files
}

// renamed reports whether a lost test may have had another name when it ran: nothing went wrong around it, and its file was run.
func renamed(t *e2e.TestResult, problems []*e2e.Problem, reported map[suiteFile]bool) bool {
	return t.Outcome == e2e.Lost && t.File != "" && reported[suiteFile{t.Suite, t.File}] &&
		!slices.ContainsFunc(problems, func(p *e2e.Problem) bool { return p.LosesEvidence })
}

// unreported explains a test that never ran by what went wrong around it.
func unreported(t *e2e.TestResult, problems []*e2e.Problem) {
	t.Category, t.Confidence, t.Cause = e2e.Unknown, e2e.ConfidenceLow, "it never reported"
	t.NextStep = "read the log of its batch, then run the stage again"
	if t.Outcome == e2e.NotRun {
		t.Cause, t.NextStep = "it was stopped before it could start", "run the stage again with more time, or find out what used the time up"
		if strings.Contains(t.Why, "cancelled") {
			t.NextStep = "run the stage again"
		}
		if n := len(t.Attempts); n > 0 && t.Attempts[n-1].Kept {
			t.Cause, t.NextStep = "its framework kept it from running", "find out in the log of its batch why the framework did not run it"
			if by := t.Attempts[n-1].KeptBy; by != "" {
				t.Cause, t.NextStep = by+" kept it from running", "repair "+by+" first"
			}
		}
	}
	for _, p := range problems {
		if p.Code == e2e.CodeCancelled {
			t.Cause, t.NextStep = "the run was cancelled", "run the stage again"
		}
		t.Evidence = append(t.Evidence, e2e.Evidence{Kind: e2e.EvidenceTriage, Text: p.Text, Source: p.File})
		if t.Outcome == e2e.NotRun && (p.Code == e2e.CodeEnvironment || p.Code == e2e.CodeGateLost) {
			t.Category, t.Confidence = e2e.EnvironmentFailure, e2e.ConfidenceHigh
			t.Cause, t.NextStep = "its environment was not healthy", "repair the environment as the evidence says, then run again"
		}
		if t.Outcome == e2e.Lost && p.Code == e2e.CodeEnvironment {
			t.Category, t.Confidence = e2e.EnvironmentFailure, e2e.ConfidenceMedium
			t.Cause, t.NextStep = "what its shard ran on did not last", "repair what the evidence says of its pod, then run again"
		}
		if p.Code == e2e.CodeBuildFailed {
			t.Category, t.Confidence = e2e.TestBug, e2e.ConfidenceHigh
			t.Cause, t.NextStep = "its package does not build", "make the suite compile; the first error is in the evidence"
		}
	}
}

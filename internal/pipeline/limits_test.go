package pipeline

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/org/e2e-gate/internal/config"
	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/policy"
	"github.com/org/e2e-gate/internal/report"
	"github.com/org/e2e-gate/internal/safetext"
	"github.com/org/e2e-gate/internal/suite"
	"github.com/org/e2e-gate/internal/testkit/bigrun"
	"github.com/org/e2e-gate/internal/testkit/need"
	"github.com/org/e2e-gate/internal/triage"
	"github.com/org/e2e-gate/internal/verdict"
)

// ending is a context that is cancelled when it was asked so often.
type ending struct {
	context.Context //nolint:containedctx // it is one
	left            int
	over            bool
	// after is how often it was asked when it was over.
	after int
}

func (e *ending) Err() error {
	if e.over = e.over || e.left == 0; e.over {
		e.after++
		return context.Canceled
	}
	e.left--
	return nil
}

// Wherever a run is cancelled after its suites, in merging, triage, rendering or writing, it leaves a
// result that is not judged; where there is no time to do it all again, one without tests.
func TestCancelledAfterTheSuites(t *testing.T) {
	over, cancel := context.WithCancel(t.Context())
	cancel()
	for name, tc := range map[string]struct {
		late  context.Context //nolint:containedctx // the case
		tests int
	}{"with time": {context.WithoutCancel(t.Context()), 3}, "without time": {over, 0}} {
		t.Run(name, func(t *testing.T) {
			for asked := 0; ; asked++ {
				s := verdictSession(t, 1)
				s.late = func(context.Context) (context.Context, context.CancelFunc) { return tc.late, func() {} }
				docs := []e2e.ShardRun{shardDoc(s, 0, 1, map[string][]e2e.Outcome{"s::a": {e2e.Passed}, "s::b": {e2e.Failed}}), shardDoc(s, 1, 1, pass("s::c"))}
				ctx := &ending{Context: t.Context(), left: asked}
				r := s.conclude(newFlow(ctx, nil), nil, evidence{plan: s.plan, documents: localDocuments(docs), local: true})
				if !ctx.over {
					if r.Verdict.State != e2e.VerdictFailed || asked < 10 {
						t.Errorf("nothing was cancelled, and the verdict is %s; the context was asked %d times", r.Verdict.State, asked)
					}
					return
				}
				written, err := ReadResult(filepath.Join(s.out, "result.json"), maxDocument)
				if err != nil {
					t.Fatalf("cancelled at %d: %v", asked, err)
				}
				for _, got := range []e2e.Result{r, *written} {
					cancelled := slices.ContainsFunc(got.Verdict.Reasons, func(r e2e.Reason) bool { return r.Code == e2e.CodeCancelled })
					if got.Verdict.State == e2e.VerdictPassed || !cancelled || len(got.Tests) != tc.tests || tc.tests == 0 && got.Verdict.State != e2e.VerdictNotJudged {
						t.Fatalf("cancelled at %d: %s %s with %d tests", asked, got.Verdict.State, codes(got), len(got.Tests))
					}
				}
				for _, file := range []string{"junit.xml", "summary.md", "report.html"} {
					if _, err := os.Stat(filepath.Join(s.out, file)); err != nil {
						t.Errorf("cancelled at %d: %v", asked, err)
					}
				}
			}
		})
	}
}

// stagesOf are the stages after the suites, over a run.
func stagesOf(t *testing.T, run bigrun.Run) map[string]func(context.Context) error {
	s, docs := bigSession(t, run)
	r := verdict.Of(verdict.In{Run: s.run, Plan: s.plan, Documents: localDocuments(docs), Local: true}).Result
	engine, err := triage.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	var failures []triage.Input
	for i := range r.Tests {
		failures = append(failures, triage.Input{ID: r.Tests[i].ID, Message: "x"})
	}
	dir, plans := putDocs(t, s, docs), t.TempDir()
	if err := run.Write(plans); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(plans, "plan.json")
	plan, err := ReadPlan(t.Context(), file, "test")
	if err != nil {
		t.Fatal(err)
	}
	lost := e2e.Problem{Code: e2e.CodeLost, LosesEvidence: true}
	for i := range plan.Tests {
		lost.Tests = append(lost.Tests, plan.Tests[i].ID)
	}
	return map[string]func(context.Context) error{
		"read the plan": func(ctx context.Context) error {
			_, err := ReadPlan(ctx, file, "test")
			return err
		},
		"read": func(ctx context.Context) error {
			_, bad := documents{lean: &lean{}, shared: func(context.Context, []string) {}, comes: func(string) bool { return false }}.readShards(ctx, dir)
			if len(bad) > 0 {
				return context.Canceled
			}
			return nil
		},
		"accept and merge": func(ctx context.Context) error {
			_, err := verdict.Within(ctx, verdict.In{Run: s.run, Plan: s.plan, Documents: localDocuments(docs)})
			return err
		},
		"merge": func(ctx context.Context) error {
			_, err := verdict.Within(ctx, verdict.In{Run: s.run, Plan: s.plan, Documents: localDocuments(docs), Local: true})
			return err
		},
		"decide": func(ctx context.Context) error {
			_, err := policy.DecideInPlace(ctx, policy.Evidence{Tests: slices.Clone(r.Tests), Problems: []e2e.Problem{lost}})
			return err
		},
		"triage": func(ctx context.Context) error {
			_, _, err := engine.Within(ctx, failures)
			return err
		},
		"mask": func(ctx context.Context) error {
			_, err := s.redacted(ctx, r)
			return err
		},
		"find secrets": func(ctx context.Context) error {
			if !cleanPlan(ctx, nil, *s.plan) || !cleanShard(ctx, nil, docs[0]) {
				return ctx.Err()
			}
			return nil
		},
		"copy":   func(ctx context.Context) error { return s.copyAs(ctx, "copy.json", file, plan.Sum) },
		"render": func(ctx context.Context) error { return s.render(ctx, r) },
		"write":  func(ctx context.Context) error { return s.write(ctx, "result.json", &r) },
	}
}

// Each stage after the suites stops when its context ends.
func TestStagesEnd(t *testing.T) {
	for name, stage := range stagesOf(t, bigrun.Run{Failed: 3, Passed: 3, Details: 100, Shards: 1}) {
		for asked := 0; ; asked++ {
			ctx := &ending{Context: t.Context(), left: asked}
			err := stage(ctx)
			if !ctx.over {
				if err != nil || asked == 0 {
					t.Errorf("%s: %v, and the context was asked %d times", name, err, asked)
				}
				break
			}
			if !errors.Is(err, context.Canceled) {
				t.Errorf("%s goes on after its end: %v", name, err)
				break
			}
		}
	}
}

// No stage handles many tests without a look at its context, so that a signal ends it soon, however many
// tests there are.
func TestStagesLookAtTheirContext(t *testing.T) {
	const tests, between = 8 << 10, 1 << 10
	for name, stage := range stagesOf(t, bigrun.Run{Passed: tests, Shards: 1}) {
		ctx := &ending{Context: t.Context(), left: 1 << 30}
		if err := stage(ctx); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if asked := 1<<30 - ctx.left; asked < tests/between {
			t.Errorf("%s: the context was asked %d times for %d tests", name, asked, tests)
		}
		// And what is left to do once it has ended does not grow with them.
		ended := &ending{Context: t.Context(), left: tests / between / 2}
		if err := stage(ended); !errors.Is(err, context.Canceled) {
			t.Errorf("%s goes on after its end: %v", name, err)
		}
		if ended.after > between {
			t.Errorf("%s: the context was asked %d times after its end", name, ended.after)
		}
	}
}

// A signal while the plan is read leaves a result that is not judged, and says why it has no tests.
func TestCancelledWhileThePlanIsRead(t *testing.T) {
	dir := t.TempDir()
	if err := (bigrun.Run{Passed: 50, Shards: 1}).Write(dir); err != nil {
		t.Fatal(err)
	}
	withRun := 0
	for asked := 0; ; asked++ {
		ctx := &ending{Context: t.Context(), left: asked}
		plan, err := ReadPlan(ctx, filepath.Join(dir, "plan.json"), "test")
		switch {
		case !ctx.over:
			if err != nil || withRun == 0 {
				t.Errorf("%v; stopped with a run: %d times", err, withRun)
			}
			return
		case !errors.Is(err, context.Canceled):
			t.Fatalf("stopped at %d: %v", asked, err)
		case plan == nil: // its run was not read yet
			continue
		}
		if withRun++; withRun%20 != 1 {
			continue
		}
		s := verdictSession(t, 1)
		s.run.Repository, s.run.SHA, s.run.WorkflowRun = plan.Run.Repository, plan.Run.SHA, plan.Run.WorkflowRun
		if err := s.Adopt(plan); err != nil {
			t.Fatal(err)
		}
		over, cancel := context.WithCancel(t.Context())
		cancel()
		r := s.Verdict(over, dir)
		written, err := ReadResult(filepath.Join(s.out, "result.json"), maxDocument)
		if err != nil {
			t.Fatal(err)
		}
		for _, got := range []e2e.Result{r, *written} {
			if got.Verdict.State != e2e.VerdictNotJudged || len(got.Problems) != 1 || got.Problems[0].Code != e2e.CodeCancelled || got.Run.ID != "big" {
				t.Fatalf("stopped at %d: %s %+v", asked, got.Verdict.State, got.Problems)
			}
		}
	}
}

// bigSession is a session with the plan of a generated run, and its documents.
func bigSession(t *testing.T, run bigrun.Run) (*Session, []e2e.ShardRun) {
	t.Helper()
	s := New(Options{Root: t.TempDir(), Out: t.TempDir(), Progress: &quiet{}, Now: func() time.Time { return time.Unix(1_700_000_000, 0) },
		Config: &config.Config{Suites: []suite.Spec{{Name: "s", Framework: "command"}}}, Stage: config.Stage{Name: "pr"}})
	plan := run.Plan()
	if err := s.Adopt(plan); err != nil {
		t.Fatal(err)
	}
	var docs []e2e.ShardRun
	for i := range plan.Shards {
		docs = append(docs, run.Shard(plan, i))
	}
	return s, docs
}

// bigVerdict writes a generated run and judges it.
func bigVerdict(t *testing.T, run bigrun.Run, secrets ...string) (*Session, e2e.Result) {
	t.Helper()
	dir := t.TempDir()
	if err := run.Write(dir); err != nil {
		t.Fatal(err)
	}
	s, _ := bigSession(t, run)
	s.opts.Redact = safetext.NewRedactor(secrets)
	plan, err := ReadPlan(t.Context(), filepath.Join(dir, "plan.json"), "test")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Adopt(plan); err != nil {
		t.Fatal(err)
	}
	return s, s.Verdict(t.Context(), filepath.Join(dir, "results"))
}

func written(t *testing.T, s *Session, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(s.out, name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// Up to 1,000 failures, a result holds all that was left of each. Beyond, the details stand once, in the
// document of the shard, and result and JUnit XML name it.
func TestDetailsStandOnce(t *testing.T) {
	need.NoRaceDetector(t)
	for _, failed := range []int{1000, 2000} {
		s, r := bigVerdict(t, bigrun.Run{Failed: failed, Passed: 10, Details: 2048, Shards: 2})
		if r.Verdict.State != e2e.VerdictFailed || len(r.Tests) != failed+10 {
			t.Fatalf("%s with %d tests: %s", r.Verdict.State, len(r.Tests), codes(r))
		}
		doc, xml := written(t, s, "result.json"), written(t, s, "junit.xml")
		var read e2e.Result
		if err := json.Unmarshal(doc, &read); err != nil {
			t.Fatal(err)
		}
		whole := 0
		for _, test := range read.Tests {
			for _, a := range test.Attempts {
				switch {
				case a.Outcome != e2e.Failed:
				case len(a.Details) == 2048 && a.DetailsIn == "":
					whole++
				case a.DetailsIn != fmt.Sprintf("shard-%d.1.json", a.Shard) || a.Details != "" || a.Message == "":
					t.Fatalf("%s refers to %q, with the message %q and the details %q", test.ID, a.DetailsIn, a.Message, a.Details)
				}
			}
		}
		if whole != 1000 {
			t.Errorf("%d of %d failures have their details in the result, want 1000", whole, failed)
		}
		for i := 0; i < failed; i += 97 {
			line := strings.SplitN(bigrun.Failure(i, 2048).Details, "\n", 13)[11]
			line, _, _ = strings.Cut(line, "<") // which JSON escapes
			if n := bytes.Count(doc, []byte(line)); n > 1 {
				t.Fatalf("details stand %d times in the result: %q", n, line)
			}
		}
		if got, want := bytes.Count(xml, []byte("details: shard-")), failed-1000; got != want {
			t.Errorf("%d failures of the JUnit XML name a document, want %d", got, want)
		}
		if most := 1000*2500 + 3000*len(read.Tests); len(doc) > most {
			t.Errorf("the result has %d bytes, want at most %d", len(doc), most)
		}
	}
}

// Beyond what fits into memory, details stay in the shard's document, which is copied as it is.
func TestDetailsThatAreNotRead(t *testing.T) {
	l := &lean{}
	for n, tc := range []struct {
		details int
		kept    bool
	}{{100, true}, {roomForAny, true}, {100, true}} {
		run := e2e.TestRun{Attempts: []e2e.Attempt{{Message: "m", Details: strings.Repeat("x", tc.details), DetailsIn: "forged"}}}
		l.each(&run)
		if a := run.Attempts[0]; (len(a.Details) == tc.details) != tc.kept || a.DetailsIn != "" {
			t.Errorf("%d: %d bytes of details, in %q", n, len(a.Details), a.DetailsIn)
		}
	}
	l.inAll, l.inDocument = maxRepeated, maxRepeated
	for message, want := range map[string]string{"m": "", "": "first line"} {
		run := e2e.TestRun{Attempts: []e2e.Attempt{{Message: message, Details: "first line\nsecond", Shard: 3, WorkflowAttempt: 2}}}
		l.each(&run)
		if a := run.Attempts[0]; a.Details != want || a.DetailsIn != "shard-3.2.json" || !l.left {
			t.Errorf("%+v", a)
		}
	}
	l.next()
	run := e2e.TestRun{Attempts: []e2e.Attempt{{Details: "of another document"}}}
	if l.each(&run); run.Attempts[0].Details == "" {
		t.Error("the first thousand of another document are not kept")
	}
}

// A secret in details that were not kept in memory is masked in the document that is written all the same.
func TestSecretInDetailsThatAreNotKept(t *testing.T) {
	secret := "hunter2-but-longer"
	for _, sealed := range []bool{true, false} {
		s, docs := bigSession(t, bigrun.Run{Failed: 2, Details: 100, Shards: 1})
		docs[0].Tests[1].Attempts[0].Details += secret
		dir := t.TempDir()
		data, err := s.document(docs[0])
		if err != nil {
			t.Fatal(err)
		}
		if sealed {
			if err := s.writeShards(t.Context(), docs); err != nil {
				t.Fatal(err)
			}
			data = written(t, s, "shard-0.1.json")
		}
		put(t, dir, "shard-0.1.json", data)
		s.opts.Redact = safetext.NewRedactor([]string{secret})
		d := s.ours(t.Context())
		d.origins = s.origins
		d.lean.bytes, d.lean.inAll = roomForFirst, maxRepeated
		read, bad := d.readShards(t.Context(), dir)
		if len(bad) > 0 || read[0].Shard.Tests[1].Attempts[0].Details != "" {
			t.Fatalf("%+v, %+v", bad, read)
		}
		if err := s.writeShards(t.Context(), []e2e.ShardRun{read[0].Shard}); err != nil {
			t.Fatal(err)
		}
		got := string(written(t, s, "shard-0.1.json"))
		if strings.Contains(got, secret) || !strings.Contains(got, safetext.Mask) || !strings.Contains(got, "at checkout_001_test.go") {
			t.Errorf("sealed %v: %s", sealed, got)
		}
	}
}

// A document that was read, and holds no secret, is copied byte by byte.
func TestDocumentsAreCopied(t *testing.T) {
	run := bigrun.Run{Failed: 2, Passed: 2, Details: 200, Shards: 1}
	dir := t.TempDir()
	if err := run.Write(dir); err != nil {
		t.Fatal(err)
	}
	for name, secret := range map[string]string{"no secret": "", "a secret": "was not accepted"} {
		s, _ := bigVerdict(t, run, secret)
		for file, from := range map[string]string{"plan.json": "plan.json", "shard-0.1.json": "results/shard-0.1.json"} {
			want, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(from)))
			if err != nil {
				t.Fatal(err)
			}
			got := written(t, s, file)
			if same := bytes.Equal(got, want); same != (secret == "" || file == "plan.json") || secret != "" && bytes.Contains(got, []byte(secret)) {
				t.Errorf("%s: %s is a copy: %v", name, file, same)
			}
		}
	}
}

// The attempts of a result are those of the documents, and no copies.
func TestAttemptsAreShared(t *testing.T) {
	s, docs := bigSession(t, bigrun.Run{Passed: 20, Shards: 2})
	j, err := s.judge(t.Context(), evidence{plan: s.plan, documents: localDocuments(docs), local: true}, nil)
	if err != nil {
		t.Fatal(err)
	}
	of := map[string]*e2e.Attempt{}
	for _, doc := range docs {
		for i := range doc.Tests {
			of[doc.Tests[i].ID] = &doc.Tests[i].Attempts[0]
		}
	}
	for i := range j.result.Tests {
		if test := &j.result.Tests[i]; &test.Attempts[0] != of[test.ID] {
			t.Errorf("the attempts of %s were copied", test.ID)
		}
	}
}

// Documents that are written element by element are those that JSON's own encoder makes, and are read
// back as they were.
func TestDocumentsAreJSON(t *testing.T) {
	s, docs := bigSession(t, bigrun.Run{Failed: 3, Passed: 3, Details: 300, Shards: 2})
	j, err := s.judge(t.Context(), evidence{plan: s.plan, documents: localDocuments(docs), local: true}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, doc := range map[string]any{"a plan": s.plan, "a shard": docs[0], "a result": j.result, "an empty result": e2e.Result{}, "an empty plan": &e2e.Plan{}} {
		want, err := json.MarshalIndent(doc, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		got, err := s.document(doc)
		if err != nil || string(got) != string(want)+"\n" {
			t.Errorf("%s: %v\n%s\n%s", name, err, got, want)
		}
		var compact bytes.Buffer
		want, _ = json.Marshal(doc)
		if err := encodeCompact(t.Context(), &compact, doc); err != nil || compact.String() != string(want) {
			t.Errorf("%s: %v\n%s\n%s", name, err, compact.String(), want)
		}
	}
}

// Of a list of very many elements, each is one line.
func TestLongListsAreCompact(t *testing.T) {
	r := e2e.Result{Tests: make([]e2e.TestResult, maxLaidOut+1)}
	s := &Session{}
	data, err := s.document(&r)
	var read e2e.Result
	if err != nil || json.Unmarshal(data, &read) != nil || len(read.Tests) != len(r.Tests) {
		t.Fatalf("%v, %d tests", err, len(read.Tests))
	}
	if lines := bytes.Count(data, []byte("\n")); lines > len(r.Tests)+100 {
		t.Errorf("%d lines", lines)
	}
}

// What a document of the gate never has makes it unreadable.
func TestDecodeRefuses(t *testing.T) {
	for text, want := range map[string]string{
		`{"schema":"x","tests":[]}`:            "",
		`{"tests":null}`:                       "",
		`{"tests":{}}`:                         "instead of a list",
		`{"schema":"x","schema":"x"}`:          `duplicate field "schema"`,
		`{"Schema":"x"}`:                       `unknown field "Schema"`,
		`{"tests":[{"id":"a","outcome":"x"}]}`: `unknown field "outcome"`,
		`{"schema":"x"} {}`:                    "something follows",
		`{"schema":"x"}}`:                      "something follows",
		`[]`:                                   "instead of {",
		`{"schema":"x"`:                        "EOF",
		`{"tests":[{"id":"a"}`:                 "EOF",
		`{"tests":[{"id":"a"},]}`:              "invalid character",
	} {
		var doc e2e.ShardRun
		err := decode(t.Context(), strings.NewReader(text), int64(len(text)), &doc, func(*e2e.TestRun) {})
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", text, err, want)
		}
	}
}

// A stage with too many tests is a problem of its own name, wherever that shows.
func TestTooManyTests(t *testing.T) {
	s, docs := bigSession(t, bigrun.Run{Passed: 4, Shards: 1})
	s.most = 4
	ev := evidence{plan: s.plan, documents: localDocuments(docs), local: true}
	if j, _ := s.judge(t.Context(), ev, nil); j.result.Verdict.State != e2e.VerdictPassed {
		t.Errorf("%s %s", j.result.Verdict.State, codes(j.result))
	}
	stray := e2e.TestRun{ID: "s/x", Unplanned: &e2e.Test{ID: "s/x", Suite: "s"}, Attempts: []e2e.Attempt{{N: 1, Outcome: e2e.Passed}}}
	docs[0].Tests = append(docs[0].Tests, stray)
	ev.documents = localDocuments(docs)
	j, _ := s.judge(t.Context(), ev, nil)
	if j.result.Verdict.State != e2e.VerdictNotJudged || !strings.Contains(codes(j.result), string(e2e.CodeTooManyTests)) {
		t.Errorf("%s %s", j.result.Verdict.State, codes(j.result))
	}
	tests := make([]e2e.Test, 5)
	plan, problems, err := s.makePlan(t.Context(), planning{discovered: discovered{tests: tests}})
	if plan != nil || !errors.Is(err, errStop) || len(problems) != 1 || problems[0].Code != e2e.CodeTooManyTests || !problems[0].LosesEvidence {
		t.Errorf("%v, %+v, %v", plan, problems, err)
	}
}

// BenchmarkVerdict judges, and writes, runs that are too large for a test.
func BenchmarkVerdict(b *testing.B) {
	for _, run := range []bigrun.Run{{Failed: 10_000, Details: 2048, Shards: 4}, {Passed: 50_000, Shards: 4}} {
		b.Run(fmt.Sprintf("%d-passed-%d-failed", run.Passed, run.Failed), func(b *testing.B) {
			plan := run.Plan()
			var docs []e2e.ShardRun
			for i := range plan.Shards {
				docs = append(docs, run.Shard(plan, i))
			}
			b.ReportAllocs()
			for b.Loop() {
				r := refer(verdict.Of(verdict.In{Run: plan.Run, Plan: plan, Documents: localDocuments(docs), Local: true}).Result)
				var out counter
				if err := errors.Join(encode(b.Context(), &out, nil, &r), report.WriteJUnit(&out, r)); err != nil {
					b.Fatal(err)
				}
				b.ReportMetric(float64(out)/float64(len(r.Tests)), "bytes/test")
			}
		})
	}
}

type counter int

func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}

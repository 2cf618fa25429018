package adapter_test

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/proc"
	"github.com/org/e2e-gate/internal/suite/adapter"
	"github.com/org/e2e-gate/internal/testkit/suitetest"
)

func TestEvents(t *testing.T) {
	p := suitetest.WithEvents(t, suitetest.Process(t, "a", "b", "c"),
		`{"event":"started","id":"a"}`,
		`{"event":"finished","id":"a","outcome":"failed","message":"boom",`+
			`"details":"at a.py:3","seconds":1.5,"start":1700000000000,"properties":[{"name":"e2e.expected","value":"x"},{"name":"other","value":"y"}]}`,
		`{"event":"finished","id":"a","retry":1,"outcome":"passed","seconds":0.5}`,
		`{"event":"finished","id":"b","outcome":"skipped","message":"not here"}`,
		`{"event":"finished","id":"c","outcome":"exploded"}`,
		`{"event":"finished","id":"d","name":"d","file":"d.py","outcome":"passed"}`,
		`{"event":"end"}`, "")
	rep := p.Report(proc.Exit{Ended: proc.Exited, Code: 1})
	if len(rep.Problems) > 0 {
		t.Errorf("%+v", rep.Problems)
	}
	a := rep.Tests["s/a"]
	if len(a) != 2 || e2e.OutcomeOf(a) != e2e.Flaky || a[0].Source != e2e.SourceFirst || a[1].Source != e2e.SourceFramework || a[0].Started.Year() != 2023 ||
		len(a[0].Evidence) != 1 {
		t.Errorf("%+v", a)
	}
	if e2e.OutcomeOf(rep.Tests["s/b"]) != e2e.Skipped || e2e.OutcomeOf(rep.Tests["s/c"]) != e2e.Failed {
		t.Errorf("%+v", rep.Tests)
	}
	if len(rep.Unplanned) != 1 || rep.Unplanned[0].ID != "s/d.py::d" {
		t.Errorf("%+v", rep.Unplanned)
	}
}

// An end belongs to the test that the framework says, by its key and its count of retries.
func TestEventsOfOneName(t *testing.T) {
	end := func(fields, outcome string) string {
		return `{"event":"finished","id":"a",` + fields + `"outcome":"` + outcome + `","seconds":1}`
	}
	for _, tc := range []struct {
		rule  string
		lines []string
		want  string
	}{
		{"an end without a count of retries is of another test", []string{end("", "failed"), end("", "passed")}, "#1 failed first, #2 passed first"},
		{"an end with a count of retries is of the same test", []string{end("", "failed"), end(`"retry":1,`, "passed")}, "failed first, passed framework"},
		{"keys tell tests of one name apart, in whatever order they end",
			[]string{end(`"key":"1",`, "failed"), end(`"key":"2",`, "failed"), end(`"key":"1","retry":1,`, "passed"), end(`"key":"2","retry":1,`, "failed")},
			"#1 failed first, #1 passed framework, #2 failed first, #2 failed framework"},
		{"where the key is the test's identity, each further end is a retry",
			[]string{end(`"key":"1","repeats":true,`, "failed"), end(`"key":"1","repeats":true,`, "passed")}, "failed first, passed framework"},
		{"a test that passed and is repeated with its class may fail then",
			[]string{end(`"key":"1","repeats":true,`, "passed"), end(`"key":"1","repeats":true,`, "failed")}, "passed first, failed framework"},
		{"the same name in another JVM is another test",
			[]string{end(`"key":"1","repeats":true,`, "failed"), end(`"key":"2","repeats":true,`, "passed")}, "#1 failed first, #2 passed first"},
		{"what comes after a test may change how it ended", []string{end(`"key":"1",`, "passed"), end(`"key":"1","amends":true,`, "failed")}, "failed first"},
	} {
		t.Run(tc.rule, func(t *testing.T) {
			rep := suitetest.WithEvents(t, suitetest.Process(t, "a"), append(tc.lines, `{"event":"end"}`, "")...).Report(proc.Exit{Ended: proc.Exited, Code: 1})
			var got []string
			for _, a := range rep.Tests["s/a"] {
				word := string(a.Outcome) + " " + string(a.Source)
				if a.Twin > 0 {
					word = fmt.Sprintf("#%d %s", a.Twin, word)
				}
				got = append(got, word)
			}
			if strings.Join(got, ", ") != tc.want {
				t.Errorf("%v, want %s", got, tc.want)
			}
		})
	}
}

// A framework that says it fails on flakes explains its exit status by one.
func TestEventsThatFailOnFlakes(t *testing.T) {
	for says, lost := range map[string]bool{`{"event":"end"}`: true, `{"event":"end","fails_on_flaky":true}`: false} {
		rep := suitetest.WithEvents(t, suitetest.Process(t, "a"), `{"event":"finished","id":"a","outcome":"failed"}`,
			`{"event":"finished","id":"a","retry":1,"outcome":"passed"}`, says, "").Report(proc.Exit{Ended: proc.Exited, Code: 1})
		if e2e.OutcomeOf(rep.Tests["s/a"]) != e2e.Flaky || (len(rep.Problems) == 1 && rep.Problems[0].LosesEvidence) != lost {
			t.Errorf("%s: %+v", says, rep)
		}
	}
}

func TestEventsThatEndEarly(t *testing.T) {
	killed := proc.Exit{Ended: proc.Signalled, Code: 137}
	for _, tc := range []struct {
		name  string
		lines []string
		exit  proc.Exit
		want  string
	}{
		{"crash in a test", []string{`{"event":"finished","id":"a","outcome":"passed"}`, `{"event":"started","id":"b"}`, ""}, killed, "while these ran: b"},
		{"cut line", []string{`{"event":"finished","id":"a","outcome":"passed"}`, `{"event":"finished","id":"b","outc`}, killed, "line 2 is damaged"},
		{"a line without end", []string{strings.Repeat("x", adapter.MaxEventLine+10), `{"event":"end"}`}, proc.Exit{Ended: proc.Exited}, "line 1 is damaged"},
		{"a last line without end", []string{`{"event":"end"}`, strings.Repeat("x", adapter.MaxEventLine+10)}, proc.Exit{Ended: proc.Exited}, "line 2 is damaged"},
		{
			"error outside tests", []string{`{"event":"error","message":"globalSetup: refused"}`, `{"event":"end"}`}, proc.Exit{Ended: proc.Exited, Code: 1},
			"globalSetup: refused",
		},
		{"no test ran", []string{`{"event":"end"}`}, proc.Exit{Ended: proc.Exited}, "hold no test"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			rep := suitetest.WithEvents(t, suitetest.Process(t, "a", "b"), tc.lines...).Report(tc.exit)
			at := slices.IndexFunc(rep.Problems, func(p e2e.Problem) bool { return strings.Contains(p.Text, tc.want) })
			if at < 0 || !rep.Problems[at].LosesEvidence || !slices.Contains(rep.Problems[at].Tests, "s/b") {
				t.Errorf("%+v", rep.Problems)
			}
			if len(rep.Tests["s/b"]) > 0 {
				t.Errorf("b has attempts: %+v", rep.Tests)
			}
		})
	}
	p := suitetest.Process(t, "a")
	p.Results = &adapter.EventFile{Path: filepath.Join(p.Unit.Reports, "none")}
	if rep := p.Report(proc.Exit{Ended: proc.Exited, Tail: "cannot find module"}); len(rep.Problems) != 1 ||
		!strings.Contains(rep.Problems[0].Text, "its reporter did not start; end of its output: cannot find module") {
		t.Errorf("%+v", rep.Problems)
	}
}

// Two JVMs write into one file: each has to come to its end.
func TestEventsOfTwoProcesses(t *testing.T) {
	lines := []string{
		`{"event":"begin"}`, `{"event":"finished","id":"a","outcome":"passed"}`, `{"event":"begin"}`, `{"event":"started","id":"b"}`, `{"event":"end"}`, "",
	}
	rep := suitetest.WithEvents(t, suitetest.Process(t, "a", "b"), lines...).Report(proc.Exit{Ended: proc.Exited, Code: 1})
	if len(rep.Problems) != 1 || !strings.Contains(rep.Problems[0].Text, "while these ran: b") || !slices.Equal(rep.Problems[0].Tests, []string{"s/b"}) {
		t.Errorf("%+v", rep.Problems)
	}
	if e2e.OutcomeOf(rep.Tests["s/a"]) != e2e.Passed || len(rep.Tests["s/b"]) > 0 {
		t.Errorf("%+v", rep.Tests)
	}
}

// Whatever a reporter's file holds: no panic, and no test passes that did not finish.
func FuzzEvents(f *testing.F) {
	for _, seed := range []string{
		`{"event":"finished","id":"a","outcome":"passed"}` + "\n" + `{"event":"end"}`, `{"event":"started","id":"a"}`, `{"event":"error","message":"x"}`,
		`{"event":"finished","id":"a","outcome":"failed",` +
			`"properties":[{"name":"e2e.expected","value":"x"}],"attachments":["../../x"]}`, "null\n[]\n\x00", `{"event":"finished","id":"a"`,
	} {
		f.Add([]byte(seed))
	}
	// Folders are slow to make: there is one process, which has ended with each file.
	p := suitetest.Process(f, "a", "b")
	p.Results = &adapter.EventFile{
		Path: filepath.Join(p.Unit.Reports, "events.jsonl"), Test: func(ev adapter.Event) e2e.Test { return e2e.Test{ID: "s/" + ev.ID, Name: ev.Name} },
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if err := os.WriteFile(filepath.Join(p.Unit.Reports, "events.jsonl"), data, 0o600); err != nil {
			t.Fatal(err)
		}
		rep := p.Report(proc.Exit{Ended: proc.Exited})
		for id, attempts := range rep.Tests {
			if e2e.OutcomeOf(attempts) == e2e.Passed && !strings.Contains(string(data), `"passed"`) && !strings.Contains(strings.ToLower(string(data)), `\u`) {
				t.Errorf("%s passed out of %q", id, data)
			}
		}
	})
}

// What was switched off in a part of a suite is said once, and loses nothing; a test that its
// framework kept from running is not skipped.
func TestEventsOfAPart(t *testing.T) {
	p := suitetest.WithEvents(t, suitetest.Process(t, "a"), `{"event":"finished","id":"a","outcome":"skipped","kept":true}`,
		`{"event":"unchecked","message":"the coverage thresholds"}`, `{"event":"unchecked","message":"the coverage thresholds"}`, `{"event":"end"}`)
	rep := p.Report(proc.Exit{Ended: proc.Exited})
	if o := e2e.OutcomeOf(rep.Tests["s/a"]); o != e2e.NotRun {
		t.Errorf("a is %s", o)
	}
	const want = "not checked, since suite s was split: the coverage thresholds"
	if want := (e2e.Problem{Code: e2e.CodeNotChecked, Unit: "s", Note: true, Text: want}); len(rep.Problems) != 1 || !reflect.DeepEqual(rep.Problems[0], want) {
		t.Errorf("%+v", rep.Problems)
	}
	p.Unit.Attempt = 2
	if rep = p.Report(proc.Exit{Ended: proc.Exited}); len(rep.Problems) != 0 {
		t.Errorf("a rerun says of the suite what its first run may have checked: %+v", rep.Problems)
	}
}

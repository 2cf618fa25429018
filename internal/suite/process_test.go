package suite

import (
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/proc"
)

// rig is a process whose runner has ended, in folders of its own.
func rig(t *testing.T, names ...string) *process {
	t.Helper()
	root := t.TempDir()
	u := Unit{Name: "u", Attempt: 1, Reports: filepath.Join(root, "unit", "reports"), Evidence: filepath.Join(root, "unit", "evidence")}
	for _, dir := range []string{u.Reports, u.Evidence, filepath.Join(root, "suite")} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range names {
		u.Tests = append(u.Tests, e2e.Test{ID: "s/" + name, Name: name, Suite: "s", Unit: "u"})
	}
	return &process{spec: Spec{Name: "s", Framework: "pytest"}, root: root, unit: u, command: Command{Dir: filepath.Join(root, "suite")}}
}

// withEvents has the process leave these lines.
func withEvents(t *testing.T, p *process, lines ...string) *process {
	t.Helper()
	file := filepath.Join(p.unit.Reports, "events.jsonl")
	if err := os.WriteFile(file, []byte(strings.Join(lines, "\n")), 0o600); err != nil {
		t.Fatal(err)
	}
	p.results = &eventFile{path: file, test: func(ev event) e2e.Test {
		return e2e.Test{ID: "s/" + ev.File + "::" + ev.Name, Suite: "s", Name: ev.Name, File: ev.File}
	}}
	return p
}

func TestEvents(t *testing.T) {
	p := withEvents(t, rig(t, "a", "b", "c"),
		`{"event":"started","id":"a"}`,
		`{"event":"finished","id":"a","outcome":"failed","message":"boom","details":"at a.py:3","seconds":1.5,"start":1700000000000,"properties":[{"name":"e2e.expected","value":"x"},{"name":"other","value":"y"}]}`,
		`{"event":"finished","id":"a","outcome":"passed","seconds":0.5}`,
		`{"event":"finished","id":"b","outcome":"skipped","message":"not here"}`,
		`{"event":"finished","id":"c","outcome":"exploded"}`,
		`{"event":"finished","id":"d","name":"d","file":"d.py","outcome":"passed"}`,
		`{"event":"end"}`, "")
	rep := p.Report(proc.Exit{Ended: proc.Exited, Code: 1})
	if len(rep.Problems) > 0 {
		t.Errorf("%+v", rep.Problems)
	}
	a := rep.Tests["s/a"]
	if len(a) != 2 || e2e.OutcomeOf(a) != e2e.Flaky || a[0].Source != e2e.SourceFramework || a[1].Source != e2e.SourceFirst || a[0].Started.Year() != 2023 || len(a[0].Evidence) != 1 {
		t.Errorf("%+v", a)
	}
	if e2e.OutcomeOf(rep.Tests["s/b"]) != e2e.Skipped || e2e.OutcomeOf(rep.Tests["s/c"]) != e2e.Failed {
		t.Errorf("%+v", rep.Tests)
	}
	if len(rep.Unplanned) != 1 || rep.Unplanned[0].ID != "s/d.py::d" {
		t.Errorf("%+v", rep.Unplanned)
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
		{"a line without end", []string{strings.Repeat("x", maxEventLine+10), `{"event":"end"}`}, proc.Exit{Ended: proc.Exited}, "line 1 is damaged"},
		{"a last line without end", []string{`{"event":"end"}`, strings.Repeat("x", maxEventLine+10)}, proc.Exit{Ended: proc.Exited}, "line 2 is damaged"},
		{"error outside tests", []string{`{"event":"error","message":"globalSetup: refused"}`, `{"event":"end"}`}, proc.Exit{Ended: proc.Exited, Code: 1}, "globalSetup: refused"},
		{"no test ran", []string{`{"event":"end"}`}, proc.Exit{Ended: proc.Exited}, "hold no test"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			rep := withEvents(t, rig(t, "a", "b"), tc.lines...).Report(tc.exit)
			at := slices.IndexFunc(rep.Problems, func(p e2e.Problem) bool { return strings.Contains(p.Text, tc.want) })
			if at < 0 || !rep.Problems[at].LosesEvidence || !slices.Contains(rep.Problems[at].Tests, "s/b") {
				t.Errorf("%+v", rep.Problems)
			}
			if len(rep.Tests["s/b"]) > 0 {
				t.Errorf("b has attempts: %+v", rep.Tests)
			}
		})
	}
	p := rig(t, "a")
	p.results = &eventFile{path: filepath.Join(p.unit.Reports, "none")}
	if rep := p.Report(proc.Exit{Ended: proc.Exited, Tail: "cannot find module"}); len(rep.Problems) != 1 || !strings.Contains(rep.Problems[0].Text, "its reporter did not start; end of its output: cannot find module") {
		t.Errorf("%+v", rep.Problems)
	}
}

func TestAttachmentsStayInTheRepository(t *testing.T) {
	p := rig(t, "a")
	outside := filepath.Join(t.TempDir(), "secret.txt")
	for file, text := range map[string]string{outside: "secret", filepath.Join(p.command.Dir, "shot.png"): "png", filepath.Join(p.unit.Evidence, "trace.zip"): "zip"} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(outside, filepath.Join(p.command.Dir, "link.txt")); err != nil {
		t.Skip("no symbolic links here")
	}
	k := keeper{p: p}
	got := k.keep([]string{"shot.png", "shot.png", filepath.Join(p.unit.Evidence, "trace.zip"), "link.txt", outside, "../../../../etc/passwd", "none.png", "."})
	var names []string
	for _, f := range got {
		if data, err := os.ReadFile(f); err != nil || string(data) == "secret" || !strings.HasPrefix(f, p.unit.Evidence) {
			t.Errorf("%s: %s %v", f, data, err)
		}
		names = append(names, filepath.Base(f))
	}
	if strings.Join(names, " ") != "000-shot.png 000-shot.png trace.zip" {
		t.Error(names)
	}
	if problems := k.problems(); len(problems) != 1 || !strings.HasPrefix(problems[0].Text, "5 attachments of unit u are not kept, such as link.txt: it lies outside the repository") {
		t.Errorf("%+v", problems)
	}
}

func TestEveryFrameworkIsInTheConfig(t *testing.T) {
	field, _ := reflect.TypeFor[Spec]().FieldByName("Framework")
	var names []string
	for name := range frameworks {
		names = append(names, name)
	}
	enum := strings.Split(field.Tag.Get("enum"), ",")
	slices.Sort(enum)
	slices.Sort(names)
	if !slices.Equal(enum, names) {
		t.Errorf("the config knows %v, the registry %v", enum, names)
	}
}

// Whatever a reporter's file holds: no panic, and no test that nobody finished passes.
func FuzzEvents(f *testing.F) {
	for _, seed := range []string{
		`{"event":"finished","id":"a","outcome":"passed"}` + "\n" + `{"event":"end"}`, `{"event":"started","id":"a"}`, `{"event":"error","message":"x"}`,
		`{"event":"finished","id":"a","outcome":"failed","properties":[{"name":"e2e.expected","value":"x"}],"attachments":["../../x"]}`, "null\n[]\n\x00", `{"event":"finished","id":"a"`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		p := rig(t, "a", "b")
		p.results = &eventFile{path: filepath.Join(p.unit.Reports, "events.jsonl"), test: func(ev event) e2e.Test { return e2e.Test{ID: "s/" + ev.ID, Name: ev.Name} }}
		if err := os.WriteFile(filepath.Join(p.unit.Reports, "events.jsonl"), data, 0o600); err != nil {
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

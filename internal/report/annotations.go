package report

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/safetext"
)

// Level of an annotation, in the words of workflow commands.
type Level string

// The levels, strongest first.
const (
	LevelError   Level = "error"
	LevelWarning Level = "warning"
	LevelNotice  Level = "notice"
)

// MaxAnnotations is how many annotations of one level a step may have; GitHub drops
// the others without a word.
const MaxAnnotations = 10

// Annotation is a message beside a line of source. Its texts are clean, narrow and
// bounded, and not yet escaped for a workflow command.
type Annotation struct {
	Level Level
	// File is relative to the repository root with forward slashes, or empty; Line
	// counts from 1, 0: unknown.
	File    string
	Line    int
	Title   string
	Message string
}

// AnnotationOptions say where files lie.
type AnnotationOptions struct {
	// SuiteDir returns the directory of a suite, relative to the repository root. Nil:
	// annotations name no file.
	SuiteDir func(suite string) string
	// Max is how many of a level there may be; 0 is [MaxAnnotations].
	Max int
}

// Annotations lists what stands beside the source: errors for tests that block or
// have no result, warnings for flaky tests, other failures and problems, notices
// for budgets. There are at most [MaxAnnotations] of a level, or as many as the options say; where there would be
// more, the last says how many.
func Annotations(r e2e.Result, o AnnotationOptions) []Annotation {
	a := annotator{o: o}
	tests := slices.Clone(r.Tests)
	slices.SortStableFunc(tests, func(x, y e2e.TestResult) int { return cmp.Compare(x.Effect.Rank(), y.Effect.Rank()) })
	for i := range tests {
		a.test(&tests[i])
	}
	for _, p := range r.Problems {
		level := LevelWarning
		if p.LosesEvidence && len(p.Tests) == 0 {
			level = LevelError
		}
		a.add(level, "", 0, "e2e-gate: "+string(p.Code), p.Text)
	}
	for _, b := range r.Budgets {
		if b.Over {
			a.add(LevelNotice, "", 0, "e2e-gate: over budget", cmp.Or(b.Text, fmt.Sprintf("%s %s used %s of %s", b.Scope, b.Name, seconds(b.Used), seconds(b.Limit))))
		}
	}
	return a.bounded()
}

type annotator struct {
	o    AnnotationOptions
	list []Annotation
}

func (a *annotator) test(t *e2e.TestResult) {
	level := LevelWarning
	switch {
	case t.Effect == e2e.Blocks || t.Effect == e2e.NotJudged:
		level = LevelError
	case !needsSomebody(*t) && !quarantined(*t) && t.Outcome != e2e.Flaky:
		return
	}
	what := verb(*t)
	if quarantined(*t) {
		what += " in quarantine"
	}
	var lines []string
	add := func(label, text string) {
		if text != "" {
			lines = append(lines, label+safetext.Text(text, longText, 4))
		}
	}
	add("", cmp.Or(failureMessage(t), t.Why))
	add("category: ", categoryOf(t.Category))
	add("owner: ", owner(owners(*t)))
	add("next: ", t.NextStep)
	line := t.Line
	file := a.file(t)
	if file == "" {
		line = 0
	}
	a.add(level, file, line, what+": "+t.ID, strings.Join(lines, "\n"))
}

// file is where a test stands, relative to the repository root, or "" where that
// is not known or would be outside.
func (a *annotator) file(t *e2e.TestResult) string {
	if a.o.SuiteDir == nil || t.File == "" || path.IsAbs(t.File) || strings.ContainsAny(t.File, "\\:") {
		return ""
	}
	file := path.Join(strings.ReplaceAll(a.o.SuiteDir(t.Suite), "\\", "/"), t.File)
	if path.IsAbs(file) || file == ".." || strings.HasPrefix(file, "../") || safetext.Annotation(safetext.Line(file, safetext.MaxAnnotation), safetext.MaxAnnotation) != file {
		return ""
	}
	return file
}

func (a *annotator) add(level Level, file string, line int, title, message string) {
	a.list = append(a.list, Annotation{
		Level: level, File: file, Line: max(line, 0), Title: safetext.Annotation(safetext.Line(title, safetext.MaxAnnotationTitle), safetext.MaxAnnotationTitle),
		Message: safetext.Annotation(message, safetext.MaxAnnotation),
	})
}

// bounded keeps what a step may have of each level, strongest level first.
func (a *annotator) bounded() []Annotation {
	var out []Annotation
	most := cmp.Or(a.o.Max, MaxAnnotations)
	for _, level := range []Level{LevelError, LevelWarning, LevelNotice} {
		of := slices.DeleteFunc(slices.Clone(a.list), func(x Annotation) bool { return x.Level != level })
		if n := len(of); n > most {
			left := n - most + 1
			of = append(of[:most-1], Annotation{Level: level, Title: "e2e-gate: and more", Message: fmt.Sprintf("%s of this level; the job summary and result.json have all", plural(left, "more annotation", "more annotations"))})
		}
		out = append(out, of...)
	}
	return out
}

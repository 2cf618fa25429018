package report

import (
	"cmp"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/org/e2e-gate/internal/annotation"
	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/safetext"
)

// MaxAnnotations is how many annotations of one level a step may have; GitHub silently
// drops the others.
const MaxAnnotations = 10

// AnnotationOptions of [Annotations].
type AnnotationOptions struct {
	// SuiteDir returns the directory of a suite, relative to the repository root. If nil,
	// annotations name no file.
	SuiteDir func(suite string) string
	// Exists reports whether the checkout has a file, by its path from the repository root. If
	// nil, every path counts. Reports give paths from the suite's directory, or from the root.
	Exists func(file string) bool
	// Max is how many of a level there may be; 0 is [MaxAnnotations].
	Max int
}

// Annotations lists the messages beside the source: errors for tests that block or
// have no result, warnings for flaky tests, other failures and problems, notices
// for budgets. There are at most [MaxAnnotations] of a level, or as many as the options
// say. If some are left out, the last annotation says how many.
func Annotations(r e2e.Result, o AnnotationOptions) []annotation.Annotation {
	a := annotator{o: o}
	tests := slices.Clone(r.Tests)
	slices.SortStableFunc(tests, func(x, y e2e.TestResult) int { return cmp.Compare(x.Effect.Rank(), y.Effect.Rank()) })
	for i := range tests {
		a.test(&tests[i])
	}
	for _, p := range r.Problems {
		if p.Note {
			continue
		}
		level := annotation.Warning
		if p.LosesEvidence && len(p.Tests) == 0 {
			level = annotation.Error
		}
		a.add(level, "", 0, "e2e-gate: "+string(p.Code), p.Text)
	}
	for _, b := range r.Budgets {
		if b.Over {
			a.add(annotation.Notice, "", 0, "e2e-gate: over budget",
				cmp.Or(b.Text, fmt.Sprintf("%s %s used %s of %s", b.Scope, b.Name, seconds(b.Used), seconds(b.Limit))))
		}
	}
	return a.bounded()
}

type annotator struct {
	o    AnnotationOptions
	list []annotation.Annotation
}

func (a *annotator) test(t *e2e.TestResult) {
	level := annotation.Warning
	switch {
	case t.Effect == e2e.Blocks || t.Effect == e2e.NotJudged:
		level = annotation.Error
	case !needsAttention(t) && !quarantined(*t) && t.Outcome != e2e.Flaky:
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
	said := whatFailed(t)
	add("", said)
	if message := cmp.Or(failureMessage(t), t.Why); said == "" || !strings.HasPrefix(strings.TrimSpace(message), said) {
		add("", message)
	}
	add("category: ", categoryOf(t.Category))
	add("owner: ", owner(owners(*t)))
	add("next: ", t.NextStep)
	file, line := a.place(t)
	a.add(level, file, line, what+": "+t.ID, strings.Join(lines, "\n"))
}

// withLine matches a file with a line behind it: x.php:9, x.php(9).
var withLine = regexp.MustCompile(`^(.+?)(?::(\d{1,7})(?::\d+)?|\((\d{1,7})\))$`)

// place is file and line of a failure, else of its test, relative to the repository root. Both are zero if the file
// is not known, or is not in the checkout: an annotation at a file that is not there is lost.
func (a *annotator) place(t *e2e.TestResult) (file string, line int) {
	if failed := firstFailure(t); failed != nil {
		if name, at := e2e.SplitPlace(failed.At); at > 0 {
			if file, line = a.inCheckout(t.Suite, name, at); file != "" {
				return file, line
			}
		}
	}
	return a.inCheckout(t.Suite, t.File, t.Line)
}

// inCheckout is a file as a framework named it, from the repository root.
func (a *annotator) inCheckout(suite, name string, line int) (string, int) {
	name = strings.ReplaceAll(strings.TrimPrefix(name, "file://"), "\\", "/")
	if m := withLine.FindStringSubmatch(name); m != nil {
		if name = m[1]; line == 0 {
			line, _ = strconv.Atoi(m[2] + m[3])
		}
	}
	if a.o.SuiteDir == nil || name == "" || path.IsAbs(name) || strings.Contains(name, ":") {
		return "", 0
	}
	dir := strings.ReplaceAll(a.o.SuiteDir(suite), "\\", "/")
	for _, file := range []string{path.Join(dir, name), path.Clean(name)} {
		if path.IsAbs(file) || file == ".." || strings.HasPrefix(file, "../") || !annotation.SafeFile(file) {
			continue
		}
		if a.o.Exists == nil || a.o.Exists(file) {
			return file, line
		}
	}
	return "", 0
}

func (a *annotator) add(level annotation.Level, file string, line int, title, message string) {
	a.list = append(a.list, annotation.New(level, file, line, title, message))
}

// bounded keeps as many annotations of each level as a step may have, strongest level first.
func (a *annotator) bounded() []annotation.Annotation {
	var out []annotation.Annotation
	most := cmp.Or(a.o.Max, MaxAnnotations)
	for _, level := range []annotation.Level{annotation.Error, annotation.Warning, annotation.Notice} {
		of := slices.DeleteFunc(slices.Clone(a.list), func(x annotation.Annotation) bool { return x.Level() != level })
		if n := len(of); n > most {
			left := n - most + 1
			text := plural(left, "more annotation", "more annotations") + " of this level; the job summary and result.json have all"
			of = append(of[:most-1], annotation.New(level, "", 0, "e2e-gate: and more", text))
		}
		out = append(out, of...)
	}
	return out
}

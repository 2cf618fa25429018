package adapter

import (
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/junit"
	"github.com/org/e2e-gate/internal/verdict/attempts"
)

// JUnitFiles are JUnit XML files that a runner writes.
type JUnitFiles struct {
	globs []string
	// Named is the globs as the user wrote them.
	Named  string
	before map[string]stamp
	// first is the number of the first copy of a report.
	first int
	// reported reads a test of a report in the framework's way.
	reported func(junit.Test) attempts.Reported
	// FileOf is the test file that all of a report is of, from the suite's directory; empty: the report says it. May be nil.
	FileOf func(report string) string
	// noted are the reports with oddities that lose nothing, with the first of each.
	noted []string
}

// NewJUnitFiles notes what matches the globs already: a file counts once it is written
// again. read reads a test in the framework's way.
func NewJUnitFiles(globs []string, read func(junit.Test) attempts.Reported) (*JUnitFiles, error) {
	before, err := stamps(globs)
	return &JUnitFiles{globs: globs, Named: strings.Join(globs, ", "), before: before, reported: read}, err
}

// TheseJUnitFiles are files of which it is known that the unit wrote them. first is how many
// reports of the unit were read before: it numbers their copies.
func TheseJUnitFiles(files []string, first int, read func(junit.Test) attempts.Reported) *JUnitFiles {
	globs := make([]string, len(files))
	for i, file := range files {
		globs[i] = EscapeGlob(filepath.ToSlash(file))
	}
	return &JUnitFiles{globs: globs, Named: strings.Join(files, ", "), first: first, reported: read}
}

// Collect reads the reports that the unit wrote.
func (f *JUnitFiles) Collect(p *Process, c *Collected) (string, error) {
	files, stale, err := f.fresh(p)
	if err != nil {
		return "", err
	}
	c.In.Channel.Kind = attempts.Reports
	c.In.Problems = append(c.In.Problems, f.missed(p)...)
	for _, file := range files {
		f.read(file.kept, file.original, p, c)
	}
	if n := len(f.noted); n > 0 {
		reports := "1 report"
		if n > 1 {
			reports = fmt.Sprintf("%d reports", n)
		}
		c.In.Problems = append(c.In.Problems, e2e.Problem{Code: e2e.CodeReportDamaged, Unit: p.Unit.Name, Note: true,
			Text: fmt.Sprintf("%s of batch %s could be read in full, but with oddities: %s", reports, p.Unit.Name, f.noted[0])})
	}
	if len(files) == 0 {
		return fmt.Sprintf("no new file matches %s%s", f.Named, staleText(stale)), nil
	}
	return "", nil
}

func staleText(stale []string) string {
	if len(stale) == 0 {
		return ""
	}
	return fmt.Sprintf(" (%s is from an earlier run and does not count)", strings.Join(stale[:min(len(stale), 3)], ", "))
}

// stamp identifies the state of a file, to notice that it was rewritten.
type stamp struct {
	size int64
	mod  time.Time
	sum  [sha256.Size]byte
}

const (
	// maxHashed bounds the bytes that are hashed to notice a rewrite within the clock's
	// resolution.
	maxHashed = 64 << 20
	// maxReport bounds what is copied of a report: a sparse file takes no room until it
	// is copied.
	maxReport = 1 << 30
)

// stamps notes the files that match.
func stamps(globs []string) (map[string]stamp, error) {
	files, err := Matching(globs)
	if err != nil {
		return nil, err
	}
	found := make(map[string]stamp, len(files))
	for _, file := range files {
		if s, err := stampOf(file); err == nil {
			found[file] = s
		}
	}
	return found, nil
}

func stampOf(file string) (stamp, error) {
	info, err := os.Stat(file)
	if err != nil {
		return stamp{}, err
	}
	// Opening a pipe waits for a writer, and a link to a device has no end.
	if !info.Mode().IsRegular() {
		return stamp{}, fmt.Errorf("%s is not a regular file; let the runner write its report to a file", file)
	}
	if info.Size() > maxReport {
		return stamp{}, fmt.Errorf("%s has more than %d MiB; let the runner write several reports", file, maxReport>>20)
	}
	s := stamp{size: info.Size(), mod: info.ModTime()}
	f, err := os.Open(file) //nolint:gosec // matched by the config's glob
	if err != nil {
		return stamp{}, err
	}
	defer func() { _ = f.Close() }()
	h := sha256.New()
	if _, err := io.Copy(h, io.LimitReader(f, maxHashed)); err != nil {
		return stamp{}, err
	}
	h.Sum(s.sum[:0])
	return s, nil
}

// Matching lists the files that match, sorted; not all need be regular files.
func Matching(globs []string) ([]string, error) {
	var files []string
	for _, glob := range globs {
		found, err := doublestar.FilepathGlob(filepath.FromSlash(glob), doublestar.WithFilesOnly(), doublestar.WithNoFollow())
		if err != nil {
			return nil, fmt.Errorf("glob %s: %w", glob, err)
		}
		files = append(files, found...)
	}
	slices.Sort(files)
	return slices.Compact(files), nil
}

// missed notes what looks like a report and is not read: a folder in its place, and a file that the globs
// would match in another case.
func (f *JUnitFiles) missed(p *Process) []e2e.Problem {
	read, err := Matching(f.globs)
	if err != nil {
		return nil
	}
	const most = 3
	var list []string
	for _, glob := range f.globs {
		found, _ := doublestar.FilepathGlob(filepath.FromSlash(glob), doublestar.WithNoFollow(), doublestar.WithCaseInsensitive())
		for _, file := range found {
			info, err := os.Lstat(file)
			isRead := func(name string) bool { return strings.EqualFold(name, file) } // where names have no case, it is one file
			switch named := filepath.Ext(filepath.Base(file)); {
			case err != nil || slices.ContainsFunc(read, isRead):
			case info.IsDir() && (named == "" || !strings.EqualFold(named, path.Ext(glob))): // a glob such as ** matches any
			case info.IsDir():
				list = append(list, p.relative(file)+" is a folder")
			case info.Mode().IsRegular():
				list = append(list, p.relative(file)+" differs from "+path.Base(glob)+" in upper and lower case")
			}
		}
	}
	if len(list) == 0 {
		return nil
	}
	slices.Sort(list)
	if list = slices.Compact(list); len(list) > most {
		list = append(list[:most], fmt.Sprintf("and %d more", len(list)-most))
	}
	return []e2e.Problem{{Code: e2e.CodeReportDamaged, Unit: p.Unit.Name, Note: true,
		Text: fmt.Sprintf("not read as reports of batch %s: %s", p.Unit.Name, strings.Join(list, "; "))}}
}

// EscapeGlob makes a path literal within a glob.
func EscapeGlob(s string) string {
	return strings.NewReplacer("*", `\*`, "?", `\?`, "[", `\[`, "]", `\]`, "{", `\{`, "}", `\}`).Replace(s)
}

// fresh copies the reports that the unit wrote into the unit's own folder, and names
// those that the unit did not write.
func (f *JUnitFiles) fresh(p *Process) (files []report, stale []string, err error) {
	found, err := Matching(f.globs)
	if err != nil {
		return nil, nil, err
	}
	for _, file := range found {
		now, err := stampOf(file)
		if err != nil {
			return nil, nil, err
		}
		if before, known := f.before[file]; known && before.size == now.size && before.mod.Equal(now.mod) && before.sum == now.sum {
			stale = append(stale, p.relative(file))
			continue
		}
		kept, err := p.keep(file, f.first+len(files))
		if err != nil {
			return nil, nil, err
		}
		files = append(files, report{kept, file})
	}
	return files, stale, nil
}

// report is a report file: its copy in the unit's folder, and where the runner wrote it.
type report struct{ kept, original string }

// sourceFile is the file that a report names for a test, from the suite's directory. A path
// of this or another machine becomes one within the repository, or the name alone: an id
// must not hold it.
func (p *Process) sourceFile(name string) string {
	name = strings.ReplaceAll(strings.TrimPrefix(name, "file://"), `\`, "/")
	if !path.IsAbs(name) && !windowsPath.MatchString(name) {
		return name
	}
	root, err := filepath.Abs(p.Root)
	if err != nil {
		return path.Base(name)
	}
	for _, dir := range []string{p.Start.Dir, root} {
		if rel, err := filepath.Rel(dir, filepath.FromSlash(name)); err == nil && filepath.IsLocal(rel) {
			return filepath.ToSlash(rel)
		}
	}
	return path.Base(name)
}

// buildFolder is where a module's build puts its reports.
var buildFolder = regexp.MustCompile(`(?:^|/)(?:target|build|out)(?:/.*)?$`)

// moduleOf is the folder of a report, without that of a build in it; empty where that is not
// below the suite's directory or the unit's folder of reports.
func (p *Process) moduleOf(file string) string {
	for _, dir := range []string{p.Unit.Reports, p.Start.Dir} {
		if rel, err := filepath.Rel(dir, filepath.Dir(file)); err == nil && filepath.IsLocal(rel) {
			return buildFolder.ReplaceAllString(filepath.ToSlash(rel), "")
		}
	}
	return ""
}

var windowsPath = regexp.MustCompile(`^[A-Za-z]:/`)

func (p *Process) relative(file string) string {
	if rel, err := filepath.Rel(p.Start.Dir, file); err == nil {
		return filepath.ToSlash(rel)
	}
	return file
}

// keep copies a report that lies outside the unit's folder into it.
func (p *Process) keep(file string, n int) (string, error) {
	if rel, err := filepath.Rel(p.Unit.Reports, file); err == nil && filepath.IsLocal(rel) {
		return file, nil
	}
	kept := filepath.Join(p.Unit.Reports, fmt.Sprintf("%03d-%s", n, filepath.Base(file)))
	from, err := os.Open(file) //nolint:gosec // matched by the config's glob
	if err != nil {
		return "", err
	}
	defer func() { _ = from.Close() }()
	to, err := os.Create(kept) //nolint:gosec // below our own folder
	if err != nil {
		return "", err
	}
	if _, err := io.Copy(to, from); err != nil {
		_ = to.Close()
		return "", fmt.Errorf("copy report: %w", err)
	}
	return kept, to.Close()
}

// read reads one report. Everything that is wrong with it is a problem. A problem that
// loses evidence loses that of every test of the unit, since the affected tests are
// unknown.
func (f *JUnitFiles) read(file, original string, p *Process, c *Collected) {
	var merged junit.Merger
	sum, _ := junit.ReadFile(file, junit.Options{}, merged.Add) // the callback never fails
	if sum.DecimalComma || c.wall > 0 && merged.LongestInDoubt() > c.wall {
		merged.DecimalComma()
	}
	var notes []string
	for _, found := range sum.Problems {
		if !found.LosesEvidence && !found.Warns {
			notes = append(notes, found.Message)
			continue
		}
		c.Problem(e2e.CodeReportDamaged, "report %s of batch %s, %s", filepath.Base(file), p.Unit.Name, found.Message)
		if last := &c.In.Problems[len(c.In.Problems)-1]; !found.LosesEvidence {
			last.LosesEvidence, last.Tests = false, nil
		}
	}
	if len(notes) > 0 {
		f.noted = append(f.noted, filepath.Base(file)+", "+notes[0])
	}
	of := ""
	if f.FileOf != nil {
		of = f.FileOf(original)
	}
	for _, t := range merged.Tests() {
		if t.Identity.File = p.sourceFile(t.Identity.File); of != "" {
			t.Identity.File = of
		}
		r := f.reported(t)
		r.Apart = append(r.Apart, p.moduleOf(original))
		r.Files = c.Keep(t.Attachments)
		c.Add(r)
	}
}

package suite

import (
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/junit"
	"github.com/org/e2e-gate/internal/verdict/attempts"
)

// junitFiles are JUnit XML files that a runner writes.
type junitFiles struct {
	globs []string
	// named is how the user knows the globs.
	named  string
	before map[string]stamp
	// opened is told of each report before its tests are read; it may be nil.
	opened func(file string)
	// reported reads a test of a report in the framework's way.
	reported func(junit.Test) attempts.Reported
}

func newJUnitFiles(globs []string, read func(junit.Test) attempts.Reported) (*junitFiles, error) {
	before, err := stamps(globs)
	return &junitFiles{globs: globs, named: strings.Join(globs, ", "), before: before, reported: read}, err
}

// collect reads the reports that the unit wrote.
func (f *junitFiles) collect(p *process, c *collected) (string, error) {
	files, stale, err := f.fresh(p)
	if err != nil {
		return "", err
	}
	for _, file := range files {
		f.read(file, p, c)
	}
	if len(files) == 0 {
		return fmt.Sprintf("nothing new matches %s%s", f.named, staleText(stale)), nil
	}
	return "", nil
}

func staleText(stale []string) string {
	if len(stale) == 0 {
		return ""
	}
	return fmt.Sprintf(" (%s is from an earlier run and does not count)", strings.Join(stale[:min(len(stale), 3)], ", "))
}

// stamp tells whether a file was written again.
type stamp struct {
	size int64
	mod  time.Time
	sum  [sha256.Size]byte
}

const (
	// maxHashed bounds what is hashed to notice a rewrite within the clock's grain.
	maxHashed = 64 << 20
	// maxReport bounds what is copied of a report: a sparse file takes no room until
	// somebody copies it.
	maxReport = 1 << 30
)

// stamps notes the files that match.
func stamps(globs []string) (map[string]stamp, error) {
	files, err := matching(globs)
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

// matching lists the files that match, sorted; not all need be regular files.
func matching(globs []string) ([]string, error) {
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

// escapeGlob makes a path literal within a glob.
func escapeGlob(s string) string {
	return strings.NewReplacer("*", `\*`, "?", `\?`, "[", `\[`, "]", `\]`, "{", `\{`, "}", `\}`).Replace(s)
}

// fresh copies the reports that the unit wrote into its own folder, where the
// originals are left alone, and names those that it did not touch.
func (f *junitFiles) fresh(p *process) (files, stale []string, err error) {
	found, err := matching(f.globs)
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
		kept, err := p.keep(file, len(files))
		if err != nil {
			return nil, nil, err
		}
		files = append(files, kept)
	}
	return files, stale, nil
}

func (p *process) relative(file string) string {
	if rel, err := filepath.Rel(p.command.Dir, file); err == nil {
		return filepath.ToSlash(rel)
	}
	return file
}

// keep copies a report that lies outside the unit's folder into it.
func (p *process) keep(file string, n int) (string, error) {
	if rel, err := filepath.Rel(p.unit.Reports, file); err == nil && filepath.IsLocal(rel) {
		return file, nil
	}
	kept := filepath.Join(p.unit.Reports, fmt.Sprintf("%03d-%s", n, filepath.Base(file)))
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

// read reads one report. Everything that is wrong with it is a problem; what
// loses evidence does so for every test of the unit, since nobody knows which.
func (f *junitFiles) read(file string, p *process, c *collected) {
	if f.opened != nil {
		f.opened(file)
	}
	var merged junit.Merger
	sum, _ := junit.ReadFile(file, junit.Options{}, merged.Add) // the callback never fails
	for _, found := range sum.Problems {
		c.problem(e2e.CodeReportDamaged, "report %s of unit %s, %s", filepath.Base(file), p.unit.Name, found.Message)
		if last := &c.in.Problems[len(c.in.Problems)-1]; !found.LosesEvidence {
			last.LosesEvidence, last.Tests = false, nil
		}
	}
	for _, t := range merged.Tests() {
		r := f.reported(t)
		r.Files = c.keeper.keep(t.Attachments)
		c.add(r)
	}
}

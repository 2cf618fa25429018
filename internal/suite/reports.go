package suite

import (
	"crypto/sha256"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/junit"
)

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
func (r *commandRun) fresh() (files, stale []string, err error) {
	found, err := matching(r.suite.globs(r.unit))
	if err != nil {
		return nil, nil, err
	}
	for _, file := range found {
		now, err := stampOf(file)
		if err != nil {
			return nil, nil, err
		}
		if before, known := r.before[file]; known && before.size == now.size && before.mod.Equal(now.mod) && before.sum == now.sum {
			stale = append(stale, r.relative(file))
			continue
		}
		kept, err := r.keep(file, len(files))
		if err != nil {
			return nil, nil, err
		}
		files = append(files, kept)
	}
	return files, stale, nil
}

func (r *commandRun) relative(file string) string {
	if rel, err := filepath.Rel(r.suite.dir(), file); err == nil {
		return filepath.ToSlash(rel)
	}
	return file
}

// keep copies a report that lies outside the unit's folder into it.
func (r *commandRun) keep(file string, n int) (string, error) {
	if rel, err := filepath.Rel(r.unit.Reports, file); err == nil && filepath.IsLocal(rel) {
		return file, nil
	}
	kept := filepath.Join(r.unit.Reports, fmt.Sprintf("%03d-%s", n, filepath.Base(file)))
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

// matcher assigns reported cases to the unit's tests.
type matcher struct {
	spec      Spec
	unit      Unit
	byName    map[string]string // every accepted spelling -> planned id
	attempts  map[string][]e2e.Attempt
	unplanned map[string]*e2e.TestRun
	doubles   map[string]bool // ids under which the reports hold several tests
	whole     bool
	cases     int
	anyFailed bool
}

func newMatcher(spec Spec, u Unit) *matcher {
	m := &matcher{spec: spec, unit: u, byName: map[string]string{}, attempts: map[string][]e2e.Attempt{}, unplanned: map[string]*e2e.TestRun{}, doubles: map[string]bool{}}
	for _, t := range u.Tests {
		m.byName[t.Name] = t.ID
		m.whole = m.whole || t.Whole
	}
	return m
}

// reported is a case of a report with its attempts, in order of time.
type reported struct {
	classname, name, file string
	test                  e2e.Test // owner, journey, tags, criticality of its own
	attempts              []e2e.Attempt
}

// add files a case under the planned test that it belongs to: the line that
// equals its name, classname.name, classname::name or file::name.
func (m *matcher) add(c reported) {
	m.cases++
	for _, a := range c.attempts {
		m.anyFailed = m.anyFailed || a.Outcome == e2e.Failed
	}
	for _, spelling := range []string{c.name, c.classname + "." + c.name, c.classname + "::" + c.name, c.file + "::" + c.name} {
		if id, ok := m.byName[spelling]; ok {
			m.doubles[id] = m.doubles[id] || len(m.attempts[id]) > 0
			m.attempts[id] = e2e.Doubles(m.attempts[id], c.attempts)
			return
		}
	}
	id := m.spec.Name + "/" + c.classname + "::" + c.name
	if c.classname == "" {
		id = m.spec.Name + "/" + c.file + "::" + c.name
	}
	run := m.unplanned[id]
	if run == nil {
		t := c.test
		t.ID, t.Suite, t.Framework, t.Unit, t.Name, t.Class, t.File = id, m.spec.Name, "command", m.unit.Name, c.name, c.classname, c.file
		run = &e2e.TestRun{ID: id, Unplanned: &t}
		m.unplanned[id] = run
	}
	m.doubles[id] = m.doubles[id] || len(run.Attempts) > 0
	run.Attempts = e2e.Doubles(run.Attempts, c.attempts)
}

func (m *matcher) into(rep *Report) {
	for id, attempts := range m.attempts {
		rep.Tests[id] = attempts
	}
	for _, run := range m.unplanned {
		rep.Unplanned = append(rep.Unplanned, *run)
	}
	slices.SortFunc(rep.Unplanned, func(a, b e2e.TestRun) int { return strings.Compare(a.ID, b.ID) })
	for _, id := range slices.Sorted(maps.Keys(m.doubles)) {
		if m.doubles[id] {
			rep.Problems = append(rep.Problems, e2e.Problem{Code: e2e.CodeReportDamaged, Unit: m.unit.Name, Tests: []string{id},
				Text: fmt.Sprintf("the reports of unit %s hold several tests with the id %s, so the worst of them counts; give each a name or a class of its own", m.unit.Name, id)})
		}
	}
}

// read reads one report. Everything that is wrong with it is a problem; what
// loses evidence does so for every test of the unit, since nobody knows which.
func (r *commandRun) read(file string, m *matcher, rep *Report) {
	var merged junit.Merger
	sum, _ := junit.ReadFile(file, junit.Options{}, merged.Add) // the callback never fails
	for _, p := range sum.Problems {
		rep.problem(r, e2e.CodeReportDamaged, p.LosesEvidence, "report %s of unit %s, %s", filepath.Base(file), r.unit.Name, p.Message)
		if !p.LosesEvidence {
			rep.Problems[len(rep.Problems)-1].Tests = nil
		}
	}
	for _, t := range merged.Tests() {
		meta := t.Metadata
		m.add(reported{
			classname: t.Identity.Classname, name: t.Identity.Name, file: t.Identity.File, attempts: t.Attempts,
			test: e2e.Test{Owner: meta.Owner, Journey: meta.Journey, Criticality: meta.Criticality, Tags: meta.Tags},
		})
	}
}

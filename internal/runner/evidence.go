package runner

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"
)

// tidy makes the files in a unit's folder fit for an upload, which a single odd entry
// would break: a name that artifacts refuse, a pipe without a writer, or a link, which
// uploads follow wherever it leads.
func (u *running) tidy() {
	u.moved = map[string]string{}
	dir := filepath.Join(u.s.r.cfg.Out, u.folder)
	var odd, folders []string
	_ = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		rel, relErr := filepath.Rel(dir, path)
		switch {
		case err != nil || relErr != nil:
		case !d.IsDir() && !d.Type().IsRegular():
			_ = os.Remove(path)
		case portable(rel) == rel:
		case d.IsDir():
			folders = append(folders, path)
		default:
			odd = append(odd, rel)
		}
		return nil
	})
	for i, rel := range odd {
		u.rename(dir, rel, i)
	}
	for _, folder := range slices.Backward(folders) {
		_ = os.Remove(folder) // it is empty, or else stays
	}
}

// rename gives a file a name that is valid on every system. A file that cannot be renamed
// is removed: it would break the upload of the rest.
func (u *running) rename(dir, rel string, i int) {
	from, to := filepath.Join(dir, rel), filepath.Join(dir, portable(rel))
	_, taken := os.Lstat(to)
	_ = os.MkdirAll(filepath.Dir(to), 0o755) //nolint:gosec // read by other users, as all evidence
	if taken == nil || os.Rename(from, to) != nil {
		to = filepath.Join(dir, "evidence", fmt.Sprintf("renamed-%03d%s", i, shortExt(to)))
		if os.Rename(from, to) != nil {
			_ = os.Remove(from)
			return
		}
	}
	u.moved[u.listed(from)] = u.listed(to)
}

// listed is a file's path for documents: relative to the run's folder.
func (u *running) listed(path string) string {
	rel, err := filepath.Rel(u.s.r.cfg.Out, path)
	if err != nil {
		return ""
	}
	return filepath.ToSlash(rel)
}

// shortExt is a file's extension, if it looks like one.
func shortExt(name string) string {
	if ext := filepath.Ext(name); len(ext) <= 6 {
		return ext
	}
	return ""
}

// portable replaces characters that are not valid in file names on every system.
func portable(path string) string {
	return strings.Map(func(c rune) rune {
		if c < ' ' || c == 0x7f || c == utf8.RuneError || c != filepath.Separator && strings.ContainsRune(`":<>|*?\`, c) {
			return '-'
		}
		return c
	}, path)
}

// evidence lists what the suite left, relative to the run's folder, and counts what is more than is listed. Links are left
// out: they could point anywhere.
func (u *running) evidence() []string {
	var files []string
	more := 0
	out := u.s.r.cfg.Out
	_ = filepath.WalkDir(filepath.Join(out, u.folder, "evidence"), func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return fs.SkipAll
		case !d.Type().IsRegular():
		case len(files) >= maxFiles:
			more++
		default:
			if name := u.listed(path); name != "" {
				files = append(files, name)
			}
		}
		return nil
	})
	if len(files) == 0 {
		_ = os.Remove(filepath.Join(out, u.folder, "evidence"))
	}
	u.record.Files, u.record.MoreFiles = files, more
	return files
}

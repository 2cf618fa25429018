package adapter

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/org/e2e-gate/internal/e2e"
)

const (
	// MaxKept bounds the attachments that a unit keeps.
	MaxKept = 200
	// maxKeptBytes bounds one of them: a video of minutes.
	maxKeptBytes = 256 << 20
)

// keeper copies the files that tests attached into the unit's own folder, where the
// next run does not overwrite them. A report may name any path, so only regular files
// within the repository are kept, also through links.
type keeper struct {
	p       *Process
	kept    map[string]string
	refused int
	first   string
}

// keep returns the paths of the copies, absolute.
func (k *keeper) keep(paths []string) []string {
	var list []string
	for _, path := range paths {
		to, known := k.kept[path]
		if !known {
			var err error
			if to, err = k.copy(path); err != nil {
				if k.refused++; k.first == "" {
					k.first = fmt.Sprintf("%s: %v", path, err)
				}
			}
			if k.kept == nil {
				k.kept = map[string]string{}
			}
			k.kept[path] = to
		}
		if to != "" {
			list = append(list, to)
		}
	}
	return list
}

func (k *keeper) copy(path string) (string, error) {
	if len(k.kept) >= MaxKept {
		return "", fmt.Errorf("more than %d attachments", MaxKept)
	}
	from, err := k.find(path)
	if err != nil {
		return "", err
	}
	if rel, err := filepath.Rel(k.p.Unit.Evidence, from); err == nil && filepath.IsLocal(rel) {
		return from, nil
	}
	info, err := os.Stat(from)
	switch {
	case err != nil:
		return "", errors.New("there is no such file")
	case !info.Mode().IsRegular():
		return "", errors.New("it is not a regular file")
	case info.Size() > maxKeptBytes:
		return "", fmt.Errorf("it has more than %d MiB", maxKeptBytes>>20)
	}
	return copyInto(from, filepath.Join(k.p.Unit.Evidence, fmt.Sprintf("%03d-%s", len(k.kept), filepath.Base(from))))
}

// find resolves a path as the framework may have meant it, and refuses paths outside
// the repository.
func (k *keeper) find(path string) (string, error) {
	candidates := []string{path}
	if !filepath.IsAbs(path) {
		candidates = []string{filepath.Join(k.p.Start.Dir, path), filepath.Join(k.p.Unit.Reports, path), filepath.Join(k.p.Root, path)}
	}
	for _, c := range candidates {
		real, err := filepath.EvalSymlinks(c)
		if err != nil {
			continue
		}
		for _, base := range []string{k.p.Root, filepath.Dir(k.p.Unit.Evidence)} {
			if base, err = filepath.EvalSymlinks(base); err != nil {
				continue
			}
			if rel, err := filepath.Rel(base, real); err == nil && filepath.IsLocal(rel) {
				return real, nil
			}
		}
		return "", errors.New("it lies outside the repository")
	}
	return "", errors.New("there is no such file")
}

func copyInto(from, to string) (string, error) {
	in, err := os.Open(from) //nolint:gosec // checked by find
	if err != nil {
		return "", err
	}
	defer func() { _ = in.Close() }()
	out, err := os.Create(to) //nolint:gosec // below our own folder
	if err != nil {
		return "", err
	}
	if _, err := io.Copy(out, io.LimitReader(in, maxKeptBytes)); err != nil {
		_ = out.Close()
		return "", err
	}
	return to, out.Close()
}

func (k *keeper) problems() []e2e.Problem {
	if k.refused == 0 {
		return nil
	}
	return []e2e.Problem{
		{
			Code: e2e.CodeReportDamaged, Unit: k.p.Unit.Name,
			Text: fmt.Sprintf("%d attachments of batch %s are not kept, such as %s", k.refused, k.p.Unit.Name, k.first),
		},
	}
}

// Package listing keeps what a framework listed, for as long as nothing changes that the listing was
// made of.
//
// A listing that is out of date leaves a test out, and a test that is not planned cannot fail. So a
// listing is kept only where everything that it was made of is known, and it counts only if all of it
// is the same:
//
//   - every file of the repository, by its content, whether git knows it or not, except folders that
//     only tools write ([skipped]) and those of the gate;
//   - the files of installed packages, by what the file system says of them, a change time among it;
//   - the suite's settings, the whole environment of its processes, the day, the programs that start
//     it, and the gate's own program;
//   - what the framework's process read elsewhere, as it says itself.
//
// The process also says whether the suite's own code used the network or started a program while it
// was listed. Then nothing is kept. What no one can see is a test that is made of the time of day, so
// a listing counts for [MaxAge] at most. And the gate never takes one where a run counts for others:
// in CI each listing is new.
package listing

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/org/e2e-gate/internal/proc"
)

// MaxAge is how long a listing counts.
const MaxAge = time.Hour

const (
	// maxFile bounds a kept listing, in bytes.
	maxFile = 64 << 20
	// maxReads bounds how many files outside of the repository a listing may be made of.
	maxReads = 20_000
	// format changes with what a listing is made of, or holds.
	format = 1
)

// Cache says where listings are kept on this machine.
type Cache struct {
	// Dir is a folder of the user, outside of the repository, so that a change under test cannot
	// supply a listing.
	Dir string
	// Except are files and folders in the repository that the gate writes; absolute.
	Except []string
	Now    func() time.Time
	// Told hears that the listing of a suite was taken from here, and when it was made; it may be nil.
	Told func(suite string, made time.Time)
}

type cacheKey struct{}

// With allows adapters to take listings from a cache, and to keep them there.
func With(ctx context.Context, c Cache) context.Context { return context.WithValue(ctx, cacheKey{}, c) }

// Suite is what a listing is asked for.
type Suite struct {
	// Root is the repository's, Dir the suite's folder; absolute.
	Root, Dir, Name string
	// Settings are all settings of the suite, in any form that JSON has.
	Settings any
	// Argv starts the framework; Args are the arguments of the suite and of the gate.
	Argv, Args []string
	// Interpreter is the program that runs the framework, such as node; empty: the framework's
	// process says what it is.
	Interpreter string
	// Env is the environment of the process.
	Env []string
}

// Kept is the place of one suite's listing. A nil Kept is none: nothing is read and nothing kept.
type Kept struct {
	cache Cache
	suite Suite
	file  string
	// key is what the listing is made of, as far as that was known before, and began when that was.
	key   string
	began time.Time
}

// Of is the place of a suite's listing. It is nil if ctx allows none, or if it cannot be known what
// the suite's listing is made of.
func Of(ctx context.Context, s Suite) *Kept {
	c, ok := ctx.Value(cacheKey{}).(Cache)
	if !ok {
		return nil
	}
	real, err := filepath.EvalSymlinks(s.Root)
	if err != nil {
		return nil
	}
	c.Except = slices.Clone(c.Except)
	for _, path := range append([]*string{&s.Dir}, pointers(c.Except)...) {
		if rel, err := filepath.Rel(s.Root, *path); err == nil && filepath.IsLocal(rel) {
			*path = filepath.Join(real, rel)
		}
	}
	s.Root = real
	k := &Kept{cache: c, suite: s, began: time.Now()}
	sum := sha256.Sum256(fmt.Appendf(nil, "%q %q", s.Root, s.Name))
	k.file = filepath.Join(c.Dir, fmt.Sprintf("listed-%x.jsonl", sum[:8]))
	key, err := k.digest()
	if err != nil {
		return nil
	}
	k.key = key
	return k
}

func pointers(list []string) []*string {
	var all []*string
	for i := range list {
		all = append(all, &list[i])
	}
	return all
}

// header is the first line of a kept listing. The others are the events of the reporter.
type header struct {
	Event string    `json:"event"`
	Key   string    `json:"key"`
	Made  time.Time `json:"made"`
	// Reads are files and folders outside of the repository.
	Reads []read `json:"reads"`
	// Sum is that of the lines that follow.
	Sum string `json:"sum"`
}

type read struct {
	Path   string `json:"path"`
	Digest string `json:"digest"`
}

// Lines are the events of the last listing, if it is still that of the suite. They begin with a line
// of the event "kept".
func (k *Kept) Lines() ([]byte, bool) {
	if k == nil {
		return nil, false
	}
	f, err := os.Open(k.file)
	if err != nil {
		return nil, false
	}
	defer func() { _ = f.Close() }()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() || info.Size() > maxFile {
		return nil, false
	}
	data, err := io.ReadAll(io.LimitReader(f, maxFile))
	if err != nil {
		return nil, false
	}
	first, rest, found := bytes.Cut(data, []byte("\n"))
	var h header
	if !found || json.Unmarshal(first, &h) != nil || h.Key != k.key || h.Sum != sumOf(rest) {
		return nil, false
	}
	if age := k.cache.Now().Sub(h.Made); age < 0 || age > MaxAge {
		return nil, false
	}
	for _, r := range h.Reads {
		if now, err := outside(r.Path); err != nil || now != r.Digest {
			return nil, false
		}
	}
	if k.cache.Told != nil {
		k.cache.Told(k.suite.Name, h.Made)
	}
	return data, true
}

// Keep keeps the events of a listing that was complete. reads are the files outside of the repository
// that it was made of. It keeps nothing if the repository changed meanwhile: what the framework saw is
// not known then. Where that fails, the next run lists again.
func (k *Kept) Keep(events []byte, reads []string) {
	if k == nil || len(events) > maxFile/2 || len(reads) > maxReads {
		return
	}
	h := header{Event: "kept", Key: k.key, Made: k.cache.Now().UTC(), Sum: sumOf(events)}
	for _, path := range slices.Compact(slices.Sorted(slices.Values(reads))) {
		digest, err := outside(path)
		if err != nil || k.isNew(path) {
			return
		}
		h.Reads = append(h.Reads, read{path, digest})
	}
	if key, err := k.digest(); err != nil || key != k.key {
		return
	}
	first, err := json.Marshal(h)
	if err != nil || os.MkdirAll(k.cache.Dir, 0o700) != nil {
		return
	}
	tmp, err := os.CreateTemp(k.cache.Dir, "listed-new-")
	if err != nil {
		return
	}
	_, err = tmp.Write(slices.Concat(first, []byte("\n"), events))
	if closed := tmp.Close(); err != nil || closed != nil || os.Rename(tmp.Name(), k.file) != nil {
		_ = os.Remove(tmp.Name())
	}
}

// grain is how exact the times of a file system are.
const grain = 20 * time.Millisecond

// isNew reports whether a file was written since the listing began, so that it may not be what was read.
func (k *Kept) isNew(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && !info.ModTime().Before(k.began.Add(-grain))
}

func sumOf(data []byte) string { return fmt.Sprintf("%x", sha256.Sum256(data)) }

// perRun are variables that differ in each run and say nothing of it.
var perRun = []string{"E2E_RUN_ID"}

// digest is that of all that is known before the framework starts.
func (k *Kept) digest() (string, error) {
	h := sha256.New()
	settings, err := json.Marshal(k.suite.Settings)
	if err != nil {
		return "", err
	}
	now := k.cache.Now()
	fmt.Fprintf(h, "%d %s %q %s %s %q %q\n", format, settings, k.suite.Dir, now.Format(time.DateOnly), now.UTC().Format(time.DateOnly), k.suite.Argv, k.suite.Args)
	for _, kv := range k.suite.Env {
		if name, _, _ := strings.Cut(kv, "="); !slices.Contains(perRun, name) {
			fmt.Fprintf(h, "%q\n", kv)
		}
	}
	if err := k.programs(h); err != nil {
		return "", err
	}
	if err := k.around(h); err != nil {
		return "", err
	}
	t := tree{h: h, root: k.suite.Root, except: k.cache.Except, seen: map[string]bool{}}
	if err := t.top(); err != nil {
		return "", err
	}
	return fmt.Sprintf("%x", h.Sum(nil)), nil
}

// starters are programs that start a framework from what is installed in the project or in the
// environment that they lie in. Others, such as make, a shell or docker, may list anything.
var starters = []string{
	"behave", "bun", "bunx", "jest", "mocha", "node", "npm", "npx", "playwright", "pnpm", "pytest", "py.test", "python", "python3", "robot", "uv",
	"vitest", "wdio", "yarn",
}

var errUnknown = errors.New("it is not known what the listing is made of")

// programs adds the gate's program and those that start the framework.
func (k *Kept) programs(h io.Writer) error {
	own, err := os.Executable()
	if err != nil {
		return err
	}
	if len(k.suite.Argv) == 0 {
		return errUnknown
	}
	name := strings.TrimSuffix(strings.ToLower(filepath.Base(k.suite.Argv[0])), filepath.Ext(".exe"))
	if !slices.Contains(starters, name) && !strings.HasPrefix(name, "python3.") {
		return errUnknown
	}
	names := []string{k.suite.Argv[0]}
	if k.suite.Interpreter != "" {
		names = append(names, k.suite.Interpreter)
	}
	files := []string{own}
	for _, name := range names {
		file, err := k.lookup(name)
		if err != nil {
			return err
		}
		files = append(files, file)
	}
	for _, file := range files {
		real, err := filepath.EvalSymlinks(file)
		if err != nil {
			return err
		}
		// What a shim starts is decided elsewhere, by pyenv, asdf or Volta.
		if slices.Contains(strings.Split(filepath.ToSlash(real), "/"), "shims") || strings.HasSuffix(filepath.Base(real), "-shim") {
			return errUnknown
		}
		info, err := os.Stat(real)
		if err != nil {
			return err
		}
		fmt.Fprintf(h, "program %q %q %d %d %s\n", file, real, info.Size(), info.ModTime().UnixNano(), changed(info))
	}
	return nil
}

// lookup finds a program as the suite's process would.
func (k *Kept) lookup(name string) (string, error) {
	file, err := proc.Program(name, k.suite.Dir, k.suite.Env)
	if err != nil {
		return "", errUnknown
	}
	if !filepath.IsAbs(file) {
		file = filepath.Join(k.suite.Dir, file)
	}
	return file, nil
}

// above are files that frameworks look for in the folders above a project.
var above = []string{
	".babelrc", ".babelrc.json", ".mocharc.cjs", ".mocharc.js", ".mocharc.json", ".mocharc.jsonc", ".mocharc.mjs", ".mocharc.yaml",
	".mocharc.yml", ".npmrc", ".pytest.ini", "babel.config.js", "babel.config.json", "conftest.py", "jsconfig.json", "package.json",
	"pyproject.toml", "pytest.ini", "setup.cfg", "tox.ini", "tsconfig.json",
}

// around adds what lies outside of the repository and is known to be read: such files above it, and
// those that the suite's arguments name.
func (k *Kept) around(h io.Writer) error {
	var files []string
	for dir := filepath.Dir(k.suite.Root); ; dir = filepath.Dir(dir) {
		if _, err := os.Lstat(filepath.Join(dir, "node_modules")); err == nil {
			return errUnknown
		}
		for _, name := range above {
			files = append(files, filepath.Join(dir, name))
		}
		if dir == filepath.Dir(dir) {
			break
		}
	}
	for _, arg := range slices.Concat(k.suite.Argv[min(1, len(k.suite.Argv)):], k.suite.Args) {
		for _, word := range strings.Split(arg, "=") {
			file := word
			if !filepath.IsAbs(file) {
				file = filepath.Join(k.suite.Dir, file)
			}
			info, err := os.Stat(file)
			if word == "" || err != nil || Inside(k.suite.Root, file) {
				continue
			}
			if info.IsDir() {
				return errUnknown
			}
			files = append(files, file)
		}
	}
	for _, file := range files {
		digest, err := outside(file)
		if err != nil {
			return err
		}
		fmt.Fprintf(h, "%q %s\n", file, digest)
	}
	return nil
}

// Inside reports whether a path is that of a folder or lies below it.
func Inside(folder, path string) bool {
	rel, err := filepath.Rel(folder, path)
	return err == nil && filepath.IsLocal(rel)
}

// outside is the digest of a file's content, or of the names in a folder. What does not exist has one
// as well.
func outside(path string) (string, error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return "absent", nil
	case err != nil:
		return "", err
	case info.IsDir():
		entries, err := os.ReadDir(path)
		if err != nil {
			return "", err
		}
		h := sha256.New()
		for _, e := range entries {
			if !slices.Contains(skipped, e.Name()) {
				fmt.Fprintf(h, "%q %s\n", e.Name(), e.Type())
			}
		}
		return fmt.Sprintf("%x", h.Sum(nil)), nil
	case !info.Mode().IsRegular() || info.Size() > maxContent:
		return "", errUnknown
	}
	h := sha256.New()
	if err := content(h, path); err != nil {
		return "", err
	}
	return fmt.Sprintf("%x", h.Sum(nil)), nil
}

func content(h io.Writer, path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	_, err = io.Copy(h, f)
	return err
}

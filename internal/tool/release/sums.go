package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// sumsFile is the name of the file of sums, in a release. In the tree that a tag
// names it is .github/release.sha256, by which the action knows what to download.
const sumsFile = "SHA256SUMS"

// sums is a file that sha256sum --check reads. Its comments say first the version,
// then the Go that built it.
type sums struct {
	version, tools string
	list           []entry
}

type entry struct{ sum, asset string }

var (
	versionForm = regexp.MustCompile(`^v(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z]+(\.[0-9A-Za-z]+)*)?$`)
	toolsForm   = regexp.MustCompile(`^go1\.\d+(\.\d+|rc\d+)?$`)
	entryForm   = regexp.MustCompile(`^([0-9a-f]{64})  (e2e-gate_[a-z0-9_]+(?:\.exe)?)$`)
)

func (s sums) valid() error {
	if !versionForm.MatchString(s.version) {
		return fmt.Errorf("invalid version %q; use one like v1.2.3 or v1.2.3-rc.1", s.version)
	}
	if !toolsForm.MatchString(s.tools) {
		return fmt.Errorf("%q is not a released Go version, so the build could not be repeated; use one like go1.26.8", s.tools)
	}
	return nil
}

func (s sums) write(folder string) error {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\n# %s\n", s.version, s.tools)
	for _, e := range s.list {
		fmt.Fprintf(&b, "%s  %s\n", e.sum, e.asset)
	}
	if err := os.WriteFile(filepath.Join(folder, sumsFile), []byte(b.String()), 0o644); err != nil {
		return fmt.Errorf("write the sums: %w", err)
	}
	return nil
}

func readSums(file string) (sums, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return sums{}, fmt.Errorf("read the sums: %w; they are in the tree of a release's tag", err)
	}
	lines := strings.Split(strings.TrimSuffix(strings.ReplaceAll(string(data), "\r\n", "\n"), "\n"), "\n")
	if len(lines) < 3 {
		return sums{}, fmt.Errorf("%s has %d lines; it needs a version, a Go and at least one sum", file, len(lines))
	}
	s := sums{version: strings.TrimPrefix(lines[0], "# "), tools: strings.TrimPrefix(lines[1], "# ")}
	if err := s.valid(); err != nil {
		return sums{}, fmt.Errorf("%s: %w", file, err)
	}
	for i, line := range lines[2:] {
		m := entryForm.FindStringSubmatch(line)
		if m == nil {
			return sums{}, fmt.Errorf("%s:%d: %q is not a sum and a file name; write the file with release build", file, i+3, line)
		}
		s.list = append(s.list, entry{m[1], m[2]})
	}
	return s, nil
}

package junit

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// DefaultMaxBytes bounds one report, as UTF-8.
const DefaultMaxBytes = 1 << 30

var errTooLarge = errors.New("it is larger than the limit")

// Options of a reading. The zero value is useful.
type Options struct {
	// MaxBytes bounds the report, in bytes of its text as UTF-8; what is beyond
	// it is not read, which is a problem that loses evidence. 0 means
	// DefaultMaxBytes.
	MaxBytes int64
	// Root, if set, is the folder that a file must lie in, symbolic links
	// followed; names are relative to it. Only for ReadFile and Files.
	Root string
	// Suite, if set, is called when a suite ends. An error ends the reading.
	Suite func(Suite) error
}

// Read reads a report from r and calls each for every <testcase>, in the order in
// which they end. Whatever is wrong with the report, a failing reader included, is
// a problem in the summary; the error is only ever one that each or opts.Suite
// returned. Memory is bounded whatever the input.
func Read(r io.Reader, opts Options, each func(Case) error) (Summary, error) {
	if opts.MaxBytes <= 0 {
		opts.MaxBytes = DefaultMaxBytes
	}
	p := &problems{}
	src := decode(r)
	if src.trouble != "" {
		p.add("encoding", src.loses, 1, 1, "%s", src.trouble)
	}
	s := newScanner(src, opts.MaxBytes, p)
	b := &builder{s: s, problems: p, emit: each, onSuite: opts.Suite}
	b.run()
	sum := Summary{Counts: b.sum, Problems: p.done(), DecimalComma: b.commas.decimal()}
	if sum.DecimalComma {
		sum.Seconds += b.inDoubt/1000 - b.inDoubt
	}
	if b.err == nil && !b.seen && !src.loses {
		sum.Problems = []Problem{b.noReport()}
	}
	return sum, b.err
}

// noReport describes a file without any element of a JUnit report. It replaces all
// problems that the file has as XML.
func (b *builder) noReport() Problem {
	message := "1:1: the file is not a JUnit report; nothing of it could be read"
	switch {
	case b.s.readErr != nil:
		message = fmt.Sprintf("1:1: the file cannot be read: %s", b.s.readErr)
	case b.first == "" && b.problems.total == 0:
		message = "1:1: the file is empty"
	case b.first != "":
		message = fmt.Sprintf("1:1: the file is not a JUnit report: its root element is %s; nothing of it could be read", quote(b.first))
	}
	return Problem{Message: message, LosesEvidence: true, Line: 1, Column: 1}
}

// ReadFile reads the report at path as Read does. A file that cannot be opened, a
// folder, a device or a file outside of opts.Root is a problem as well.
func ReadFile(path string, opts Options, each func(Case) error) (Summary, error) {
	f, err := open(path, opts.Root)
	if err != nil {
		return Summary{Problems: []Problem{{
			Message: fmt.Sprintf("1:1: the file cannot be read: %s", reason(err)), LosesEvidence: true, Line: 1, Column: 1,
		}}}, nil
	}
	defer func() { _ = f.Close() }()
	return Read(f, opts, each)
}

// open opens a regular file: a pipe would block, a device never ends.
func open(path, root string) (*os.File, error) {
	stat, openFile := os.Stat, os.Open
	if root != "" {
		dir, err := os.OpenRoot(root)
		if err != nil {
			return nil, err
		}
		defer func() { _ = dir.Close() }()
		stat, openFile = dir.Stat, dir.Open
	}
	info, err := stat(path)
	switch {
	case err != nil:
		return nil, err
	case info.IsDir():
		return nil, errors.New("it is a folder")
	case !info.Mode().IsRegular():
		return nil, errors.New("it is not a regular file")
	}
	return openFile(path)
}

// reason strips the path from an error: the problem stands beside it anyway.
func reason(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}

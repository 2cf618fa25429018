package pipeline

import (
	"context"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/gitrepo"
	"github.com/org/e2e-gate/internal/testfiles"
)

// Bounds of the files of tests that are read for what they show.
const (
	maxEvidenceFiles = 300
	maxEvidenceBytes = 256 << 20 // of all files together, unpacked
)

// evidenceFiles reads files that failed attempts left, each once.
type evidenceFiles struct {
	known map[string]shown
	bytes int64
}

// shown is what a file shows, and why it was not read, or not in full: no error of a console is not the same as none that is known.
type shown struct {
	facts  []e2e.Evidence
	unread string
}

// add gives each failed attempt what its own files show: traces, HARs, consoles. mask takes secrets out of a text. Files of a batch are
// not read: they may be about any test of it.
func (f *evidenceFiles) add(out string, docs []e2e.ShardRun, mask func(string) string) {
	root, err := os.OpenRoot(out)
	if err != nil {
		return
	}
	defer func() { _ = root.Close() }()
	for d := range docs {
		docs[d].Tests = slices.Clone(docs[d].Tests)
		for t := range docs[d].Tests {
			run := &docs[d].Tests[t]
			if !slices.ContainsFunc(run.Attempts, hasFiles) {
				continue
			}
			run.Attempts = slices.Clone(run.Attempts) // the shard goes on with its own
			for i := range run.Attempts {
				if a := &run.Attempts[i]; hasFiles(*a) {
					a.Evidence = append(slices.Clip(a.Evidence), f.of(root, *a, mask)...)
				}
			}
		}
	}
}

// hasFiles reports whether an attempt failed and left a file that can be read.
func hasFiles(a e2e.Attempt) bool {
	return a.Outcome == e2e.Failed && slices.ContainsFunc(a.Files, testfiles.Reads)
}

func (f *evidenceFiles) of(root *os.Root, a e2e.Attempt, mask func(string) string) []e2e.Evidence {
	var list []e2e.Evidence
	var unread []string
	for _, name := range a.Files {
		if !testfiles.Reads(name) {
			continue
		}
		found, known := f.known[name]
		if !known {
			if f.known == nil {
				f.known = map[string]shown{}
			}
			found = f.read(root, name, mask)
			f.known[name] = found
		}
		list = append(list, found.facts...)
		if found.unread != "" {
			unread = append(unread, path.Base(name)+": "+found.unread)
		}
	}
	if len(unread) > 0 {
		list = append(list, e2e.Evidence{Kind: e2e.EvidenceUnread, Text: strings.Join(unread[:min(len(unread), maxUnread)], "; "), Source: "files of the test"})
		if more := len(unread) - maxUnread; more > 0 {
			list[len(list)-1].Text += fmt.Sprintf("; and %d more", more)
		}
	}
	return list
}

// maxUnread bounds how many files of a test that were not read are named.
const maxUnread = 10

// read is what one file shows.
func (f *evidenceFiles) read(root *os.Root, name string, mask func(string) string) shown {
	file, err := root.Open(filepath.FromSlash(name))
	if err != nil {
		return shown{unread: "it cannot be opened"}
	}
	defer func() { _ = file.Close() }()
	info, err := file.Stat()
	switch {
	case err != nil || !info.Mode().IsRegular():
		return shown{unread: "it is not a regular file"}
	case len(f.known) >= maxEvidenceFiles || f.bytes > maxEvidenceBytes:
		return shown{unread: fmt.Sprintf("of one run, %d files and %d MB are read", maxEvidenceFiles, maxEvidenceBytes>>20)}
	}
	found, _ := testfiles.Read(name, file, info.Size(), mask)
	f.bytes += found.Bytes
	result := shown{unread: found.Unread}
	add := func(kind e2e.EvidenceKind, lines ...string) {
		if text := strings.Join(lines, "\n"); text != "" {
			result.facts = append(result.facts, e2e.Evidence{Kind: kind, Text: text, Source: path.Base(name)})
		}
	}
	add(e2e.EvidenceAction, found.Action)
	add(e2e.EvidenceNetwork, found.Requests...)
	add(e2e.EvidenceConsole, found.Console...)
	return result
}

// findTracked says of failed attempts whether git tracks the file in which they failed, so that a link to the forge's page of it leads
// somewhere. Outside CI there is no such page.
func (x *execution) findTracked(docs []e2e.ShardRun) {
	failed := func(a e2e.Attempt) bool { return a.Outcome == e2e.Failed && a.At != "" }
	for d := range docs {
		docs[d].Tests = slices.Clone(docs[d].Tests)
		for t := range docs[d].Tests {
			run := &docs[d].Tests[t]
			if x.run.URL == "" || !slices.ContainsFunc(run.Attempts, failed) {
				continue
			}
			if x.tracked == nil {
				x.tracked = map[string]bool{}
				for _, name := range (gitrepo.Checkout{Dir: x.opts.Root, Environ: x.opts.BaseEnv}).Files(context.Background()) {
					x.tracked[name] = true
				}
			}
			run.Attempts = slices.Clone(run.Attempts) // the shard goes on with its own
			for i := range run.Attempts {
				if a := &run.Attempts[i]; failed(*a) {
					file, _ := e2e.SplitPlace(a.At)
					a.Tracked = x.tracked[file]
				}
			}
		}
	}
}

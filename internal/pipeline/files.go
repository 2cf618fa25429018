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
	known map[string][]e2e.Evidence
	bytes int64
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
	for _, name := range a.Files {
		if !testfiles.Reads(name) {
			continue
		}
		facts, known := f.known[name]
		if !known {
			if f.known == nil {
				f.known = map[string][]e2e.Evidence{}
			}
			facts = f.read(root, name, mask)
			f.known[name] = facts
		}
		list = append(list, facts...)
	}
	return list
}

// read is what one file shows. One that is left out, or cannot be read, says so: no error of a console is not the same as none that
// is known.
func (f *evidenceFiles) read(root *os.Root, name string, mask func(string) string) []e2e.Evidence {
	unknown := func(why string) []e2e.Evidence {
		return []e2e.Evidence{{Kind: e2e.EvidenceNetwork, Text: "not read: " + why, Source: path.Base(name)}}
	}
	file, err := root.Open(filepath.FromSlash(name))
	if err != nil {
		return unknown("it cannot be opened")
	}
	defer func() { _ = file.Close() }()
	info, err := file.Stat()
	switch {
	case err != nil || !info.Mode().IsRegular():
		return unknown("it is not a regular file")
	case len(f.known) >= maxEvidenceFiles || f.bytes > maxEvidenceBytes:
		return unknown(fmt.Sprintf("of one run, %d files and %d MB are read", maxEvidenceFiles, maxEvidenceBytes>>20))
	}
	found, _ := testfiles.Read(name, file, info.Size(), mask)
	f.bytes += found.Bytes
	source := path.Base(name)
	if found.Unread != "" {
		source += "; " + found.Unread
	}
	var list []e2e.Evidence
	add := func(kind e2e.EvidenceKind, lines ...string) {
		if text := strings.Join(lines, "\n"); text != "" {
			list = append(list, e2e.Evidence{Kind: kind, Text: text, Source: source})
		}
	}
	add(e2e.EvidenceAction, found.Action)
	add(e2e.EvidenceNetwork, found.Requests...)
	add(e2e.EvidenceConsole, found.Console...)
	if len(list) == 0 && found.Unread != "" {
		return unknown(found.Unread)
	}
	return list
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

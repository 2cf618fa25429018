package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/org/e2e-gate/internal/history"
	"github.com/org/e2e-gate/internal/safetext"
)

// Parcel is what a pod hands over.
type Parcel struct {
	// Dir is the run's folder in the pod.
	Dir string
	// Documents are files of it without which nothing is proven; Evidence are others, what matters most first.
	Documents, Evidence []string
	// Status is the exit status that the program is about to end with.
	Status int
	// Refused says why nothing was run; empty: something was.
	Refused string
}

// footer is handed over beside the files.
type footer struct {
	Status  int      `json:"status"`
	Refused string   `json:"refused,omitempty"`
	Left    []string `json:"left,omitempty"`
}

const footerName = "pod.json"

// maxEvidenceFile bounds one file of evidence, and storedPart what one object of a store holds, in bytes.
const (
	maxEvidenceFile = 64 << 20
	storedPart      = 24 << 20
)

// StoreOf is a store in which each run has a place of its own, below the address of results.
func StoreOf(address, run string) string {
	base, query, found := strings.Cut(address, "?")
	base = strings.TrimSuffix(base, "/") + "/" + label(run) + "/"
	if found {
		base += "?" + query
	}
	return base
}

// Deliver hands over a parcel: into the store of the run, if there is one, else by frames at the end of the log. A document that could
// not be put into the store goes by the log.
func Deliver(ctx context.Context, log io.Writer, store history.Store, pod string, p Parcel) error {
	documents, missing := readAll(p.Dir, p.Documents)
	if len(missing) > 0 {
		return fmt.Errorf("a document cannot be read: %s", strings.Join(missing, ", "))
	}
	var trouble error
	if store != nil {
		if trouble = p.put(ctx, store, pod, documents); trouble == nil {
			return nil
		}
	}
	evidence, left := readAll(p.Dir, p.Evidence)
	end := footer{p.Status, p.Refused, nil}
	if trouble != nil {
		evidence, end.Left = nil, []string{fmt.Sprintf("all evidence: the store of results took nothing (%v)", trouble)}
	}
	// What is left out is known when the rest was written, so the archive is made once to find out.
	footing, err := json.Marshal(end)
	if err != nil {
		return err
	}
	out, err := writeFrames(io.Discard, append(slices.Clone(documents), packed{footerName, footing}), evidence)
	if err != nil {
		return err
	}
	left = append(left, out...)
	evidence = slices.DeleteFunc(evidence, func(f packed) bool { return slices.Contains(left, f.name) })
	if end.Left = append(end.Left, left[:min(len(left), maxNamed)]...); len(left) > maxNamed {
		end.Left = append(end.Left, fmt.Sprintf("and %d more", len(left)-maxNamed))
	}
	if footing, err = json.Marshal(end); err != nil {
		return err
	}
	_, err = writeFrames(log, append(documents, packed{footerName, footing}), evidence)
	return err
}

// maxNamed is how many files that were left out are named.
const maxNamed = 20

// put stores the evidence, and then the documents: where these are, all is.
func (p Parcel) put(ctx context.Context, store history.Store, pod string, documents []packed) error {
	end := footer{p.Status, p.Refused, nil}
	part, n := []packed(nil), 0
	flush := func() error {
		if len(part) == 0 {
			return nil
		}
		data, err := pack(part)
		if err == nil {
			err = store.Put(ctx, fmt.Sprintf("%s.evidence-%d.tar.gz", pod, n), data)
		}
		part, n = nil, n+1
		return err
	}
	size := 0
	for _, name := range p.Evidence {
		read, missing := readAll(p.Dir, []string{name})
		if end.Left = append(end.Left, missing...); len(read) == 0 {
			continue
		}
		if size += len(read[0].data); size > storedPart && len(part) > 0 {
			if err := flush(); err != nil {
				return err
			}
			size = len(read[0].data)
		}
		part = append(part, read[0])
	}
	if err := flush(); err != nil {
		return err
	}
	footing, err := json.Marshal(end)
	if err != nil {
		return err
	}
	data, err := pack(append(documents, packed{footerName, footing}))
	if err != nil {
		return err
	}
	return store.Put(ctx, pod+".tar.gz", data)
}

// readAll reads files of a folder. Those that are no regular files, or too large, are missing.
func readAll(dir string, names []string) (list []packed, missing []string) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, names
	}
	defer func() { _ = root.Close() }()
	for _, name := range names {
		data, err := readOne(root, name)
		if err != nil {
			missing = append(missing, name)
			continue
		}
		list = append(list, packed{filepath.ToSlash(name), data})
	}
	return list, missing
}

func readOne(root *os.Root, name string) ([]byte, error) {
	if info, err := root.Lstat(name); err != nil || !info.Mode().IsRegular() {
		return nil, errors.Join(err, fs.ErrInvalid)
	}
	f, err := root.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	data, err := io.ReadAll(io.LimitReader(f, maxEvidenceFile+1))
	if err == nil && len(data) > maxEvidenceFile {
		err = fs.ErrInvalid
	}
	return data, err
}

// EvidenceOf are the files of a run's folder beside its documents: those that first says first, then the others, small ones first.
func EvidenceOf(dir string, documents, first []string) []string {
	type file struct {
		name string
		size int64
	}
	var all []file
	_ = filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return nil //nolint:nilerr // what cannot be read is left out
		}
		rel, err := filepath.Rel(dir, path)
		info, infoErr := entry.Info()
		if rel = filepath.ToSlash(rel); err == nil && infoErr == nil && !slices.Contains(documents, rel) {
			all = append(all, file{rel, info.Size()})
		}
		return nil
	})
	rank := map[string]int{}
	for i, name := range first {
		if _, twice := rank[name]; !twice {
			rank[name] = i - len(first)
		}
	}
	slices.SortStableFunc(all, func(a, b file) int {
		if ra, rb := rank[a.name], rank[b.name]; ra != rb {
			return ra - rb
		}
		return int(min(max(a.size-b.size, -1), 1))
	})
	names := make([]string, len(all))
	for i, f := range all {
		names[i] = f.name
	}
	return names
}

// localName refuses a file of a parcel that has no a name of a file below the run's folder.
func localName(name string) error {
	if !filepath.IsLocal(filepath.FromSlash(name)) || strings.Contains(name, "\\") {
		return fmt.Errorf("it has a file %s, which is not below the run's folder", safetext.Plain(name, 100))
	}
	return nil
}

package cluster

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
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
	// Stored are the objects of the store, that with the documents first. What a test of the pod could put there in their place has another
	// digest, and what it could print contradicts this.
	Stored []stored `json:"stored,omitempty"`
}

// stored is an archive in a store.
type stored struct {
	Name string `json:"name"`
	Sum  string `json:"sha256"`
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

// Deliver hands over a parcel by frames at the end of the log. If there is a store of the run, the files go there, and the frames say
// which objects they are. Where the store takes nothing, the documents go by the log.
func Deliver(ctx context.Context, log io.Writer, store history.Store, pod string, p Parcel) error {
	documents, missing := readAll(p.Dir, p.Documents)
	if len(missing) > 0 {
		return fmt.Errorf("a document cannot be read: %s", strings.Join(missing, ", "))
	}
	end := footer{Status: p.Status, Refused: p.Refused}
	var evidence []packed
	switch list, left, err := p.put(ctx, store, pod, documents); {
	case store == nil:
		evidence, end.Left = readAll(p.Dir, p.Evidence)
	case err != nil:
		end.Left = []string{fmt.Sprintf("all evidence: the store of results did not take it (%v)", err)}
	default:
		end.Stored, end.Left, documents = list, left, nil
	}
	footing := func() ([]packed, error) {
		short := end
		if len(end.Left) > maxNamed {
			short.Left = append(slices.Clone(end.Left[:maxNamed]), fmt.Sprintf("and %d more", len(end.Left)-maxNamed))
		}
		data, err := json.Marshal(short)
		return append(slices.Clone(documents), packed{footerName, data}), err
	}
	// What is left out is known when the rest was written, so the archive is made once to find out.
	must, err := footing()
	if err != nil {
		return err
	}
	left, err := writeFrames(io.Discard, must, evidence)
	if err != nil {
		return err
	}
	evidence = slices.DeleteFunc(evidence, func(f packed) bool { return slices.Contains(left, f.name) })
	end.Left = append(end.Left, left...)
	if must, err = footing(); err != nil {
		return err
	}
	_, err = writeFrames(log, must, evidence)
	return err
}

// maxNamed is how many files that were left out are named.
const maxNamed = 20

// put stores the documents and the evidence, each archive under a random name. It returns the objects, and what was
// left out.
func (p Parcel) put(ctx context.Context, store history.Store, pod string, documents []packed) (list []stored, left []string, err error) {
	if store == nil {
		return nil, nil, nil
	}
	put := func(part []packed) error {
		data, err := pack(part)
		if err != nil || len(part) == 0 {
			return err
		}
		sum := sha256.Sum256(data)
		one := stored{fmt.Sprintf("%s.%d.%s.tar.gz", pod, len(list), strings.ToLower(rand.Text())), hex.EncodeToString(sum[:])}
		list = append(list, one)
		return store.Put(ctx, one.Name, data)
	}
	if err := put(documents); err != nil {
		return nil, nil, err
	}
	var part []packed
	size := 0
	for _, name := range p.Evidence {
		read, missing := readAll(p.Dir, []string{name})
		if left = append(left, missing...); len(read) == 0 {
			continue
		}
		if size += len(read[0].data); size > storedPart && len(part) > 0 {
			if err := put(part); err != nil {
				return nil, nil, err
			}
			part, size = nil, len(read[0].data)
		}
		part = append(part, read[0])
	}
	return list, left, put(part)
}

// readAll reads files of a folder. Those that are something else than regular files, or too large, are missing.
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

// localName refuses a file of a parcel that has no name of a file below the run's folder.
func localName(name string) error {
	if !filepath.IsLocal(filepath.FromSlash(name)) || strings.Contains(name, "\\") || path.Clean(name) != name {
		return fmt.Errorf("it has a file %s, which is not below the run's folder", safetext.Plain(name, 100))
	}
	return nil
}

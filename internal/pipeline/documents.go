package pipeline

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"sort"
	"strings"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/safetext"
	"github.com/org/e2e-gate/internal/verdict"
	"github.com/org/e2e-gate/internal/workspace"
)

// maxDocument bounds what is read of one document.
const maxDocument = 512 << 20

// Tracked says why a document that git tracks is not read.
const Tracked = "git tracks this file, so a change could have written it; run git rm -r --cached " + workspace.Name + ", and add it to .gitignore"

// folder opens the run's folder, and makes it if it is not there. Where it lies below .e2e-gate,
// that folder gets a .gitignore, so that trees stay clean.
func (s *Session) folder() (*os.Root, error) {
	dir, err := workspace.Open(s.opts.Root, s.out)
	if err != nil {
		return nil, fmt.Errorf("cannot create the run's folder: %w; choose another with --out", err)
	}
	own := filepath.Join(s.opts.Root, workspace.Name)
	if rel, err := filepath.Rel(own, s.out); err != nil || !filepath.IsLocal(rel) {
		return dir, nil
	}
	ignore := filepath.Join(own, ".gitignore")
	if _, err := os.Lstat(ignore); err == nil {
		return dir, nil
	}
	if err := workspace.ReplaceFile(ignore, []byte("*\n")); err != nil {
		_ = dir.Close()
		return nil, err
	}
	return dir, nil
}

// document renders a document without secrets.
func (s *Session) document(v any) ([]byte, error) {
	var b bytes.Buffer
	err := encode(context.Background(), &b, s.opts.Redact, v)
	return b.Bytes(), err
}

// write writes a document.
func (s *Session) write(ctx context.Context, name string, v any) error {
	return s.putBy(name, func(w io.Writer) error { return encode(ctx, w, s.opts.Redact, v) })
}

// put writes a file of the run's folder, and keeps its checksum.
func (s *Session) put(name string, data []byte) error {
	return s.putBy(name, func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	})
}

// putBy is put with what a function writes. If that fails, the file stays as it was.
func (s *Session) putBy(name string, write func(io.Writer) error) error {
	return s.putSummed(name, write, func(string) error { return nil })
}

// putSummed is putBy, unless a function refuses the SHA-256 of what would be written.
func (s *Session) putSummed(name string, write func(io.Writer) error, fits func(sum string) error) error {
	dir, err := s.folder()
	if err != nil {
		return err
	}
	defer func() { _ = dir.Close() }()
	sum := sha256.New()
	err = workspace.ReplaceBy(dir, name, func(w io.Writer) error {
		if err := write(io.MultiWriter(w, sum)); err != nil {
			return err
		}
		return fits(hex.EncodeToString(sum.Sum(nil)))
	})
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.written[name] = [sha256.Size]byte(sum.Sum(nil))
	return nil
}

// untilEnd is a writer that takes nothing any more once a context has ended.
type untilEnd struct {
	ctx context.Context //nolint:containedctx // of one call
	w   io.Writer
}

func (u untilEnd) Write(p []byte) (int, error) {
	if err := u.ctx.Err(); err != nil {
		return 0, err
	}
	return u.w.Write(p)
}

// changed finds files that the gate wrote and that are not as it wrote them. Processes of the run
// could write there, so it is asked when they have ended.
func (s *Session) changed() []e2e.Problem {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []e2e.Problem
	for _, name := range slices.Sorted(maps.Keys(s.written)) {
		if err := s.same(name); err != nil {
			list = append(list, e2e.Problem{Code: e2e.CodeDocumentChanged, LosesEvidence: true, Text: fmt.Sprintf(
				"%s was changed after the gate wrote it: %v; look for what writes to the run's folder, such as a suite that cleans up", name, err)})
		}
	}
	return list
}

// same compares a file with what was written.
func (s *Session) same(name string) error {
	dir, err := os.OpenRoot(s.out)
	if err != nil {
		return errors.New("the run's folder is gone")
	}
	defer func() { _ = dir.Close() }()
	info, err := dir.Lstat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return errors.New("it is gone")
	case err != nil:
		return err
	case !info.Mode().IsRegular():
		return errors.New("it is not a file any more")
	}
	f, err := dir.Open(name)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	sum := sha256.New()
	if _, err := io.Copy(sum, f); err != nil {
		return err
	}
	if want := s.written[name]; !bytes.Equal(sum.Sum(nil), want[:]) {
		return errors.New("its content differs")
	}
	return nil
}

// sweep clears the run's folder for its upload, when the last process of the run has ended.
func (s *Session) sweep() {
	dir, err := os.OpenRoot(s.out)
	if err != nil {
		return // there is nothing to upload
	}
	defer func() { _ = dir.Close() }()
	if text := workspace.Sweep(dir).String(); text != "" {
		s.opts.Progress.Note("in the run's folder: " + text)
	}
}

func (s *Session) writeShards(ctx context.Context, docs []e2e.ShardRun) error {
	for _, doc := range docs {
		if err := s.writeShard(ctx, doc); err != nil {
			return err
		}
	}
	return nil
}

// writeShard writes the document of a shard. One that was read, and needs no masking, is copied as it is.
func (s *Session) writeShard(ctx context.Context, doc e2e.ShardRun) error {
	name := shardFile(doc.Index, doc.Run.WorkflowAttempt)
	from, read := s.origins[name]
	if read && from.Sealed && !from.secret && cleanShard(ctx, s.opts.Redact, doc) {
		if err := s.copyAs(ctx, name, from.File, from.Sum); err == nil || ctx.Err() != nil {
			return err
		}
	}
	if read && from.lean {
		var whole e2e.ShardRun
		sum, err := readWhole(ctx, from.File, e2e.ShardSchema, &whole)
		if err == nil && sum != from.Sum {
			err = errors.New("it was changed while the verdict was made")
		}
		if err != nil {
			return fmt.Errorf("write %s: read %s again: %w", name, from.File, err)
		}
		doc.Tests = whole.Tests
	}
	doc.Checksum = noChecksum
	var b bytes.Buffer
	if err := encode(ctx, &b, s.opts.Redact, &doc); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return s.put(name, withChecksum(b.Bytes()))
}

// cleanShard reports whether [safetext.Redacted] would change nothing, and the context lasted until that was known.
func cleanShard(ctx context.Context, r *safetext.Redactor, doc e2e.ShardRun) bool {
	tests := doc.Tests
	doc.Tests = nil
	return safetext.IsClean(r, &doc) && cleanList(ctx, r, tests)
}

func cleanPlan(ctx context.Context, r *safetext.Redactor, p e2e.Plan) bool {
	tests := p.Tests
	p.Tests = nil
	return safetext.IsClean(r, &p) && cleanList(ctx, r, tests)
}

func cleanList[T any](ctx context.Context, r *safetext.Redactor, list []T) bool {
	for part := range slices.Chunk(list, 1024) {
		if ctx.Err() != nil || !safetext.IsClean(r, part) {
			return false
		}
	}
	return true
}

// copyAs copies a document that was read, if it still has that checksum, and no secret stands between
// what was read of it.
func (s *Session) copyAs(ctx context.Context, name, file, want string) error {
	f, err := os.Open(file) //nolint:gosec // it was read before
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	return s.putSummed(name, func(w io.Writer) error {
		clean := s.opts.Redact.Writer(untilEnd{ctx, w})
		_, err := io.Copy(clean, f)
		return errors.Join(err, clean.Close())
	}, func(sum string) error {
		if sum != want {
			return errors.New("it was changed, or holds a secret")
		}
		return nil
	})
}

// noChecksum stands for the checksum of a document while that is computed.
var noChecksum = strings.Repeat("0", 2*sha256.Size)

// checksumField is where a document has its checksum.
var checksumField = regexp.MustCompile(`^\{\s*"schema":\s*"[^"\\]*",\s*"checksum":\s*"([0-9a-f]{64})"`)

// withChecksum fills in the checksum of a document: that of its bytes without it.
func withChecksum(data []byte) []byte {
	if at := checksumField.FindSubmatchIndex(data); at != nil {
		sum := sha256.Sum256(data)
		hex.Encode(data[at[2]:at[3]], sum[:])
	}
	return data
}

func shardFile(index, attempt int) string { return fmt.Sprintf("shard-%d.%d.json", index, attempt) }

// read reads a document and refuses one of another kind or major version.
func read(file, schema string, into any) error {
	return readWithin(maxDocument, file, schema, into, json.Unmarshal)
}

// readWhole is read for a document that a verdict rests on: an unknown field may be
// one whose name was damaged, such as that of the problems. It returns the SHA-256 of the file.
func readWhole(ctx context.Context, file, schema string, into any) (sum string, err error) {
	return readLean(ctx, file, schema, into, func(t *e2e.TestRun) {
		for i := range t.Attempts {
			t.Attempts[i].DetailsIn = "" // that is a result's
		}
	})
}

// readLean is readWhole that gives each test of a shard to a function, which may change it.
func readLean(ctx context.Context, file, schema string, into any, each func(*e2e.TestRun)) (sum string, err error) {
	if err := fits(maxDocument, file); err != nil { // before it is opened: a pipe would wait
		return "", err
	}
	f, err := os.Open(file) //nolint:gosec // named by the user, or found in the results folder
	if err != nil {
		return "", err
	}
	defer func() { _ = f.Close() }()
	in := io.LimitReader(f, maxDocument) // files of the system claim to be empty
	all, blank := sha256.New(), newBlanked()
	size := int64(0)
	if info, err := f.Stat(); err == nil {
		size = info.Size()
	}
	err = decode(ctx, io.TeeReader(in, io.MultiWriter(all, blank)), size, into, each)
	if err == nil { // the decoder stops after the end
		_, err = io.Copy(io.MultiWriter(all, blank), in)
	}
	found := ""
	switch doc := into.(type) {
	case *e2e.ShardRun:
		found = doc.Schema
		if err == nil && doc.Checksum != "" && !blank.fits() {
			err = errors.New("it was changed after the gate wrote it (its checksum does not fit)")
		}
	case *e2e.Plan:
		found = doc.Schema
	}
	switch {
	case ctx.Err() != nil:
		return "", ctx.Err()
	case err == nil && found == schema:
		return hex.EncodeToString(all.Sum(nil)), nil
	}
	// The first thing to say is that it is another document.
	if head := readWithin(maxDocument, file, schema, nil, func([]byte, any) error { return nil }); head != nil {
		return "", head
	}
	return "", fmt.Errorf("%s is damaged: %w", file, err)
}

// blanked computes the checksum of a document: that of its bytes with zeros in its place.
type blanked struct {
	sum hash.Hash
	// head is the start of the document, until it is known where the checksum stands.
	head []byte
	done bool
	want string
}

func newBlanked() *blanked { return &blanked{sum: sha256.New()} }

// headSize is how much of a document is looked at to find its checksum.
const headSize = 1 << 10

func (b *blanked) Write(p []byte) (int, error) {
	if b.done {
		return b.sum.Write(p)
	}
	if b.head = append(b.head, p...); len(b.head) >= headSize {
		b.look()
	}
	return len(p), nil
}

// look finds the checksum.
func (b *blanked) look() {
	if at := checksumField.FindSubmatchIndex(b.head); at != nil {
		b.want = string(b.head[at[2]:at[3]])
		copy(b.head[at[2]:at[3]], noChecksum)
	}
	_, _ = b.sum.Write(b.head)
	b.head, b.done = nil, true
}

func (b *blanked) fits() bool {
	if !b.done {
		b.look()
	}
	return b.want != "" && b.want == hex.EncodeToString(b.sum.Sum(nil))
}

// fits is an error for a file that is too large to be read.
func fits(limit int64, file string) error {
	info, err := os.Stat(file)
	switch {
	case err != nil:
		return err
	case !info.Mode().IsRegular():
		return fmt.Errorf("%s is not a regular file", file)
	case info.Size() > limit:
		return fmt.Errorf("%s is larger than %d MiB", file, limit>>20)
	}
	return nil
}

// readWithin is read for a document of so many bytes at most.
func readWithin(limit int64, file, schema string, into any, decode func([]byte, any) error) error {
	data, err := readFile(limit, file)
	if err != nil {
		return err
	}
	var head struct{ Schema string }
	if err := json.Unmarshal(data, &head); err != nil {
		return fmt.Errorf("%s is not a document of the gate: %w", file, err)
	}
	if head.Schema != schema {
		return fmt.Errorf("%s has the schema %q instead of %s; use the same version of the gate for plan, shard and verdict", file, head.Schema, schema)
	}
	if err := decode(data, into); err != nil {
		return fmt.Errorf("%s is damaged: %w", file, err)
	}
	return nil
}

// readFile reads a regular file of so many bytes at most: a pipe may never be written, and a device
// has no end.
func readFile(limit int64, file string) ([]byte, error) {
	if err := fits(limit, file); err != nil {
		return nil, err
	}
	f, err := os.Open(file) //nolint:gosec // named by the user, or found in the results folder
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	// Files of the system claim to be empty.
	var data bytes.Buffer
	_, err = data.ReadFrom(io.LimitReader(f, limit+1))
	if err == nil && int64(data.Len()) > limit {
		err = fmt.Errorf("%s is larger than %d MiB", file, limit>>20)
	}
	return data.Bytes(), err
}

// madeBy is the version of the gate that made a document; empty where it does not say.
func madeBy(file string) string {
	var head struct {
		Run struct {
			Version string `json:"version"`
		} `json:"run"`
	}
	data, err := readFile(maxDocument, file)
	if err != nil || json.Unmarshal(data, &head) != nil {
		return ""
	}
	return safetext.Line(head.Run.Version, 100)
}

// ReadPlan reads plan.json for a gate of this version. It refuses one whose digest does not fit
// its content. If the context ends while it reads, the error is the cause, and the plan has only its run, or
// is nil if that was not read yet; only [Session.Verdict] accepts such a plan.
func ReadPlan(ctx context.Context, file, version string) (*e2e.Plan, error) {
	var p e2e.Plan
	sum, err := readWhole(ctx, file, e2e.PlanSchema, &p)
	made := ""
	if err == nil {
		if made, err = digestWithin(ctx, &p); err == nil && made != p.Digest {
			err = fmt.Errorf("%s was changed after it was made (its digest does not fit); plan again", file)
		}
	}
	if ctx.Err() == nil && err == nil {
		p.Sum, p.File = sum, file
		shared := idsOf(&p)
		for i := range p.Shards {
			shared(ctx, p.Shards[i].Tests)
		}
	}
	if ctx.Err() != nil {
		err = fmt.Errorf("cannot read the plan: %w", context.Cause(ctx))
		if p.Run.ID == "" {
			return nil, err
		}
		return &e2e.Plan{Schema: e2e.PlanSchema, Run: p.Run}, err
	}
	if err != nil {
		if made := madeBy(file); made != "" && made != version {
			return nil, fmt.Errorf("cannot read the plan: %s was made by version %s of the gate, and this is %s; use one version for plan, shard and verdict",
				file, made, version)
		}
		return nil, fmt.Errorf("cannot read the plan: %w; give --plan the plan.json that the plan command wrote", err)
	}
	for i, sh := range p.Shards {
		if sh.Index != i {
			return nil, fmt.Errorf("cannot read the plan: %s lists shard %d in place %d", file, sh.Index, i)
		}
	}
	return &p, nil
}

// idsOf has lists of ids use the strings of the plan, which are there once for each test, as long as a
// context lasts.
func idsOf(p *e2e.Plan) func(context.Context, []string) {
	return func(ctx context.Context, list []string) {
		for i, id := range list {
			if i%1024 == 0 && ctx.Err() != nil {
				return
			}
			if at, found := planned(p, id); found {
				list[i] = p.Tests[at].ID
			}
		}
	}
}

// planned is the place of a test in a plan, whose tests are sorted by id.
func planned(p *e2e.Plan, id string) (at int, found bool) {
	return sort.Find(len(p.Tests), func(n int) int { return strings.Compare(id, p.Tests[n].ID) })
}

// ReadResult reads a result.json of at most limit bytes. It checks only the schema and the
// fields: the author is unknown, and the content is not trusted.
func ReadResult(file string, limit int64) (*e2e.Result, error) {
	var r e2e.Result
	if err := readWithin(limit, file, e2e.ResultSchema, &r, json.Unmarshal); err != nil {
		return nil, fmt.Errorf("cannot read the result: %w", err)
	}
	return &r, nil
}

// IsDocument reports whether a file name is that of a document that later jobs read.
func IsDocument(name string) bool {
	return name == "plan.json" || name == "result.json" || shardFileName.MatchString(name)
}

var shardFileName = regexp.MustCompile(`^shard-\d+\.\d+\.json$`)

// runs is where runs leave their documents, unless the user chooses another folder.
func (s *Session) runs() string { return filepath.Join(s.opts.Root, workspace.Name, "runs") }

// documents reads documents below folders, except for those that came with the checkout.
type documents struct {
	// runs is where the runs of the checkout leave them; real is the same without links.
	runs, real string
	// comes reports whether a file below runs came with the checkout.
	comes func(name string) bool
	note  func(string)
	noted map[string]bool
	lean  *lean
	// shared is [idsOf] the plan.
	shared func(context.Context, []string)
	// origins is where to say how documents were read; nil: it does not matter.
	origins map[string]origin
}

// lean says of which attempts the details are kept when documents are read: those of 1,000 in any case,
// and beyond that as many as there is room for. The others refer to their document.
type lean struct {
	redact *safetext.Redactor
	// inAll and inDocument are attempts with details, in all documents and in the one that is read; bytes is
	// what is kept of them.
	inAll, inDocument, bytes int
	// shared is [idsOf] the plan.
	shared func(context.Context, []string)
	// left: some were left out; secret: one of those holds a secret.
	left, secret bool
}

// The room for details, in bytes. roomForFirst is for the first thousand of each document: they hold the
// thousand that a result repeats.
const roomForAny, roomForFirst = 32 << 20, 64 << 20

// each decides about a test.
func (l *lean) each(t *e2e.TestRun) {
	if l.shared != nil {
		id := []string{t.ID}
		l.shared(context.Background(), id)
		t.ID = id[0]
	}
	for i := range t.Attempts {
		a := &t.Attempts[i]
		if a.DetailsIn = ""; a.Details == "" { // that field is a result's
			continue
		}
		l.inAll++
		l.inDocument++
		if l.inAll <= maxRepeated || l.bytes < roomForAny || l.inDocument <= maxRepeated && l.bytes < roomForFirst {
			l.bytes += len(a.Details)
			continue
		}
		l.left, l.secret = true, l.secret || !safetext.IsClean(l.redact, a.Details)
		a.DetailsIn = shardFile(a.Shard, max(a.WorkflowAttempt, 1))
		a.Details = strings.Clone(essential(*a))
	}
}

// next is for the next document.
func (l *lean) next() { l.inDocument, l.left, l.secret = 0, false, false }

// origin is where a document was read. lean: details were left out; secret: one of those holds a secret.
type origin struct {
	verdict.Document
	lean, secret bool
}

// ours asks which documents came with the checkout.
func (s *Session) ours(ctx context.Context) documents {
	d := documents{runs: s.runs(), comes: func(string) bool { return false }, note: s.opts.Progress.Note, noted: map[string]bool{},
		lean: &lean{redact: s.opts.Redact}, shared: func(context.Context, []string) {}}
	if s.plan != nil {
		d.shared = idsOf(s.plan)
		d.lean.shared = d.shared
	}
	var err error
	if d.real, err = filepath.EvalSymlinks(d.runs); err != nil || s.opts.Tracked == nil {
		return d
	}
	comes, err := s.opts.Tracked(ctx)
	switch {
	case err != nil:
		s.opts.Progress.Note(fmt.Sprintf("no document below %s is read: %v", d.runs, err))
		d.comes = func(string) bool { return true }
	case comes != nil:
		d.comes = comes
	}
	return d
}

// made keeps the checksums of documents that the run is made of.
func (s *Session) made(docs ...verdict.Document) {
	for _, d := range docs {
		sum := e2e.DocumentSum{File: d.Name, SHA256: d.Sum}
		if !slices.Contains(s.read, sum) {
			s.read = append(s.read, sum)
		}
	}
}

// skips reports whether a file came with the checkout.
func (d documents) skips(file string) bool {
	tracked := func(runs string) bool {
		rel, err := filepath.Rel(runs, file)
		return err == nil && filepath.IsLocal(rel) && d.comes(filepath.ToSlash(rel))
	}
	if !tracked(d.runs) && !tracked(d.real) {
		return false
	}
	if !d.noted[file] {
		d.noted[file] = true
		d.note(fmt.Sprintf("not read: %s: %s", file, Tracked))
	}
	return true
}

// readRuns reads what the results below the folders say of their runs.
func (d documents) readRuns(dirs ...string) []e2e.Run {
	var runs []e2e.Run
	for _, dir := range dirs {
		for _, glob := range []string{"result.json", "*/result.json"} {
			files, _ := filepath.Glob(filepath.Join(dir, glob)) // the pattern is our own
			for _, file := range files {
				var doc struct{ Run e2e.Run }
				if !d.skips(file) && read(file, e2e.ResultSchema, &doc) == nil {
					runs = append(runs, doc.Run)
				}
			}
		}
	}
	return runs
}

// unreadableAt takes shard and attempt from the file's name; -1 where they are not
// numbers.
func unreadableAt(file string, err error) verdict.Unreadable {
	u := verdict.Unreadable{Index: -1, Attempt: -1, Text: strings.TrimSpace(err.Error())}
	if n, err := fmt.Sscanf(filepath.Base(file), "shard-%d.%d.json", &u.Index, &u.Attempt); n != 2 || err != nil {
		u.Index, u.Attempt = -1, -1
	}
	return u
}

// readShards reads every shard document below the folders, sorted by path. What
// cannot be read is named.
func (d documents) readShards(ctx context.Context, dirs ...string) (docs []verdict.Document, bad []verdict.Unreadable) {
	names := map[string]string{} // by file, from its folder
	for _, dir := range dirs {
		if real, err := filepath.EvalSymlinks(dir); err == nil {
			dir = real
		}
		_ = filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return nil //nolint:nilerr // what is missing shows as lost shards
			case entry.Type().IsRegular() && shardFileName.MatchString(entry.Name()):
				rel, err := filepath.Rel(dir, path)
				if err == nil && !d.skips(path) {
					names[path] = filepath.ToSlash(rel)
				}
			case entry.IsDir() && entry.Name() == "units" && path != dir:
				return fs.SkipDir // suites may leave any files in there
			}
			return nil
		})
	}
	for _, file := range slices.Sorted(maps.Keys(names)) {
		var doc e2e.ShardRun
		d.lean.next()
		sum, err := readLean(ctx, file, e2e.ShardSchema, &doc, d.lean.each)
		switch {
		case ctx.Err() != nil:
			return docs, append(bad, unreadableAt(file, ctx.Err())) // the run ends, not judged
		case err != nil:
			bad = append(bad, unreadableAt(file, err))
			continue
		}
		for _, u := range doc.Units {
			d.shared(ctx, u.Tests)
		}
		sealed := doc.Checksum != ""
		doc.Checksum = "" // it is made anew where the document is written again
		if same := slices.IndexFunc(docs, func(o verdict.Document) bool { return o.Sum == sum }); same >= 0 {
			doc = docs[same].Shard // of a copy, other details may be left out
		}
		docs = append(docs, verdict.Document{File: file, Name: names[file], Sum: sum, Sealed: sealed, Shard: doc})
		if name := shardFile(doc.Index, doc.Run.WorkflowAttempt); d.origins != nil && d.origins[name].File == "" {
			d.origins[name] = origin{verdict.Document{File: file, Sum: sum, Sealed: sealed}, d.lean.left, d.lean.secret}
		}
	}
	return docs, bad
}

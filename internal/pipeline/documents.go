package pipeline

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/safetext"
	"github.com/org/e2e-gate/internal/verdict"
)

// maxDocument bounds what is read of one document.
const maxDocument = 512 << 20

// makeOut makes the run's folder. Where it lies below .e2e-gate, that folder gets
// a .gitignore, so that trees stay clean.
func makeOut(root, out string) error {
	if err := os.MkdirAll(out, 0o755); err != nil { //nolint:gosec // for uploads by other users
		return fmt.Errorf("cannot create the run's folder: %w; choose another with --out", err)
	}
	own := filepath.Join(root, ".e2e-gate")
	if rel, err := filepath.Rel(own, out); err != nil || !filepath.IsLocal(rel) {
		return nil
	}
	ignore := filepath.Join(own, ".gitignore")
	if _, err := os.Stat(ignore); err == nil {
		return nil
	}
	return writeFile(ignore, []byte("*\n"))
}

// writeFile replaces a file as a whole: a reader, or a machine that dies, never
// sees half of it.
func writeFile(name string, data []byte) (err error) {
	tmp, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+"-*")
	if err != nil {
		return fmt.Errorf("write %s: %w", filepath.Base(name), err)
	}
	defer func() {
		if err != nil {
			_ = os.Remove(tmp.Name())
			err = fmt.Errorf("write %s: %w", filepath.Base(name), err)
		}
	}()
	_, err = tmp.Write(data)
	err = errors.Join(err, tmp.Chmod(0o644))
	if err == nil {
		err = tmp.Sync()
	}
	if err = errors.Join(err, tmp.Close()); err != nil {
		return err
	}
	return os.Rename(tmp.Name(), name)
}

// document renders a document without secrets.
func (s *Session) document(v any) ([]byte, error) {
	data, err := json.MarshalIndent(safetext.Redacted(s.opts.Redact, v), "", "  ")
	if err != nil {
		return nil, err
	}
	return append(data, '\n'), nil
}

func (s *Session) write(name string, v any) error {
	data, err := s.document(v)
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return writeFile(filepath.Join(s.out, name), data)
}

func (s *Session) writeShards(docs []e2e.ShardRun) error {
	for _, doc := range docs {
		if err := s.write(shardFile(doc.Index, doc.Run.WorkflowAttempt), doc); err != nil {
			return err
		}
	}
	return nil
}

func shardFile(index, attempt int) string { return fmt.Sprintf("shard-%d.%d.json", index, attempt) }

// read reads a document and refuses one of another kind or major version.
func read(file, schema string, into any) error {
	return readWithin(maxDocument, file, schema, into, json.Unmarshal)
}

// readWhole is read for a document that a verdict rests on: an unknown field may be
// one whose name was damaged, such as that of the problems.
func readWhole(file, schema string, into any) error {
	return readWithin(maxDocument, file, schema, into, func(data []byte, into any) error {
		dec := json.NewDecoder(bytes.NewReader(data))
		dec.DisallowUnknownFields()
		return dec.Decode(into)
	})
}

// readWithin is read for a document of so many bytes at most.
func readWithin(limit int64, file, schema string, into any, decode func([]byte, any) error) error {
	info, err := os.Stat(file)
	if err != nil {
		return err
	}
	if info.Size() > limit {
		return fmt.Errorf("%s is larger than %d MiB", file, limit>>20)
	}
	data, err := os.ReadFile(file) //nolint:gosec // named by the user, or found in the results folder
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

// madeBy is the version of the gate that made a document; empty where it does not say.
func madeBy(file string) string {
	var head struct {
		Run struct {
			Version string `json:"version"`
		} `json:"run"`
	}
	data, err := os.ReadFile(file) //nolint:gosec // named by the user
	if err != nil || json.Unmarshal(data, &head) != nil {
		return ""
	}
	return safetext.Line(head.Run.Version, 100)
}

// ReadPlan reads plan.json for a gate of this version. It refuses one whose digest does not fit
// its content.
func ReadPlan(file, version string) (*e2e.Plan, error) {
	var p e2e.Plan
	err := readWhole(file, e2e.PlanSchema, &p)
	if err == nil && digest(&p) != p.Digest {
		err = fmt.Errorf("%s was changed after it was made (its digest does not fit); plan again", file)
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

// readRuns reads what the results below the folders say of their runs.
func readRuns(dirs ...string) []e2e.Run {
	var runs []e2e.Run
	for _, dir := range dirs {
		for _, glob := range []string{"result.json", "*/result.json"} {
			files, _ := filepath.Glob(filepath.Join(dir, glob)) // the pattern is our own
			for _, file := range files {
				var doc struct{ Run e2e.Run }
				if read(file, e2e.ResultSchema, &doc) == nil {
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
func readShards(dirs ...string) (docs []verdict.Document, bad []verdict.Unreadable) {
	var files []string
	for _, dir := range dirs {
		if real, err := filepath.EvalSymlinks(dir); err == nil {
			dir = real
		}
		_ = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return nil //nolint:nilerr // what is missing shows as lost shards
			case d.Type().IsRegular() && shardFileName.MatchString(d.Name()):
				files = append(files, path)
			case d.IsDir() && d.Name() == "units" && path != dir:
				return fs.SkipDir // suites may leave any files in there
			}
			return nil
		})
	}
	slices.Sort(files)
	for _, file := range slices.Compact(files) {
		var doc e2e.ShardRun
		if err := readWhole(file, e2e.ShardSchema, &doc); err != nil {
			bad = append(bad, unreadableAt(file, err))
			continue
		}
		docs = append(docs, verdict.Document{File: file, Shard: doc})
	}
	return docs, bad
}

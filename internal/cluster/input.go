package cluster

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/org/e2e-gate/internal/safetext"
)

// Input is what the gate hands to each pod: the plan, and who judges.
type Input struct {
	// Plan is plan.json as it was written.
	Plan []byte
	// Order is what the program in the pod needs to know of the run, in JSON; the command line's own.
	Order []byte
	// Files of the checkout that the image must have too.
	Files []File
}

// File is a file that the suites consist of.
type File struct {
	// Path from the root, with slashes.
	Path string `json:"path"`
	// Sum is the SHA-256 of its content in hexadecimal digits; of a link, of its target.
	Sum string `json:"sha256"`
}

// maxInput bounds what a pod reads of its input, uncompressed, in bytes.
const maxInput = 1 << 30

const (
	planName  = "plan.json"
	orderName = "order.json"
	filesName = "files.json"
)

// pack makes one text of an input.
func (in Input) pack() ([]byte, error) {
	files, err := json.Marshal(in.Files)
	if err != nil {
		return nil, err
	}
	return pack([]packed{{planName, in.Plan}, {orderName, in.Order}, {filesName, files}})
}

// packed is a file of an archive.
type packed struct {
	name string
	data []byte
}

func pack(list []packed) ([]byte, error) {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	t := tar.NewWriter(z)
	for _, f := range list {
		if err := t.WriteHeader(&tar.Header{Name: f.name, Mode: 0o644, Size: int64(len(f.data))}); err != nil {
			return nil, err
		}
		if _, err := t.Write(f.data); err != nil {
			return nil, err
		}
	}
	err := errors.Join(t.Close(), z.Close())
	return b.Bytes(), err
}

// unpack reads an archive of at most limit bytes.
func unpack(r io.Reader, limit int64, each func(name string, data []byte) error) error {
	z, err := gzip.NewReader(r)
	if err != nil {
		return err
	}
	left := limit
	for t := tar.NewReader(io.LimitReader(z, limit+1<<20)); ; {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if h.Typeflag != tar.TypeReg || h.Size > left {
			return fmt.Errorf("its file %s is larger than %s, or not a file", safetext.Plain(h.Name, 100), safetext.Size(int(limit)))
		}
		left -= h.Size
		data, err := io.ReadAll(t)
		if err != nil {
			return err
		}
		if err := each(h.Name, data); err != nil {
			return err
		}
	}
}

func partFile(i int) string { return "part-" + strconv.Itoa(i) }

// ReadInput reads what was handed to a pod from the folder where its volume is mounted.
func ReadInput(dir string) (Input, error) {
	var all []io.Reader
	for i := range maxParts {
		f, err := os.Open(filepath.Join(dir, partFile(i))) //nolint:gosec // a name of ours
		if errors.Is(err, fs.ErrNotExist) && i > 0 {
			break
		}
		if err != nil {
			return Input{}, fmt.Errorf("the input of the pod cannot be read: %w", err)
		}
		defer func() { _ = f.Close() }()
		all = append(all, f)
	}
	var in Input
	err := unpack(io.MultiReader(all...), maxInput, func(name string, data []byte) error {
		switch name {
		case planName:
			in.Plan = data
		case orderName:
			in.Order = data
		case filesName:
			return json.Unmarshal(data, &in.Files)
		}
		return nil
	})
	if err == nil && (in.Plan == nil || in.Order == nil) {
		err = errors.New("it has no plan")
	}
	if err != nil {
		return Input{}, fmt.Errorf("the input of the pod cannot be read: %w", err)
	}
	return in, nil
}

// mayLack are files that no test depends on.
var mayLack = []string{"**/*.md", "**/.gitignore", "**/.gitattributes", "**/.dockerignore", "**/Dockerfile", "**/Dockerfile.*", "**/*.Dockerfile"}

// SumFiles are the files of a checkout, by paths from its root, with what they hold, without those that the image may lack. A folder,
// such as a submodule that is not checked out, is left out.
func SumFiles(root string, paths, absent []string) ([]File, error) {
	var list []File
	for _, path := range slices.Compact(slices.Sorted(slices.Values(paths))) {
		if slices.ContainsFunc(slices.Concat(mayLack, absent), func(glob string) bool { return doublestar.MatchUnvalidated(glob, path) }) {
			continue
		}
		sum, err := sumOf(root, path)
		switch {
		case errors.Is(err, errFolder):
			continue
		case err != nil:
			return nil, err
		}
		list = append(list, File{path, sum})
	}
	return list, nil
}

var errFolder = errors.New("is a folder")

// sumOf is the SHA-256 of a file, or of where a link leads.
func sumOf(root, path string) (string, error) {
	name := filepath.Join(root, filepath.FromSlash(path))
	info, err := os.Lstat(name)
	if err != nil {
		return "", err
	}
	h := sha256.New()
	switch {
	case info.IsDir():
		return "", errFolder
	case info.Mode()&fs.ModeSymlink != 0:
		to, err := os.Readlink(name)
		if err != nil {
			return "", err
		}
		_, _ = io.WriteString(h, to)
	case !info.Mode().IsRegular():
		return "", fmt.Errorf("%s is not a regular file", path)
	default:
		f, err := os.Open(name) //nolint:gosec // a file of the checkout
		if err != nil {
			return "", err
		}
		_, err = io.Copy(h, f)
		if err := errors.Join(err, f.Close()); err != nil {
			return "", err
		}
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// Differs says which files below root are not as they are in the checkout that the plan was made from; empty: none.
func Differs(root string, files []File) string {
	var missing, other []string
	for _, f := range files {
		switch sum, err := sumOf(root, f.Path); {
		case err != nil:
			missing = append(missing, f.Path)
		case sum != f.Sum:
			other = append(other, f.Path)
		}
	}
	var parts []string
	if len(other) > 0 {
		parts = append(parts, fmt.Sprintf("%d differ (%s)", len(other), some(other)))
	}
	if len(missing) > 0 {
		parts = append(parts, fmt.Sprintf("%d are missing (%s)", len(missing), some(missing)))
	}
	return strings.Join(parts, ", ")
}

func some(list []string) string {
	const most = 5
	text := safetext.Line(strings.Join(list[:min(most, len(list))], ", "), 400)
	if len(list) > most {
		text += ", ..."
	}
	return text
}

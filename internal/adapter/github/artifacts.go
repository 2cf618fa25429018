package github

import (
	"archive/zip"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/google/go-github/v62/github"

	"github.com/org/e2e-gate/internal/forge"
	"github.com/org/e2e-gate/internal/safetext"
)

const (
	artifactsLost  = "the list of artifacts"
	artifactsRight = "actions: read"
	// maxArtifactPages bounds how many pages of 100 are read: a job may upload 500, and a
	// run of 256 jobs far more than any real run does.
	maxArtifactPages = 50
	// maxIndex bounds the index of an artifact's files, in bytes: an entry takes about a
	// hundred, and an attacker who wants to fill memory writes millions.
	maxIndex = 16 << 20
	// downloadTime bounds one file out of one artifact.
	downloadTime = 2 * time.Minute
)

// Artifacts lists those of a workflow run that have not expired. An error is an
// [*Error].
func (c *Client) Artifacts(ctx context.Context, run int64) ([]forge.Artifact, error) {
	ctx, done := c.begin(ctx)
	defer done()
	var list []forge.Artifact
	opts := &github.ListOptions{PerPage: perPage}
	for range maxArtifactPages {
		page, resp, err := c.api.Actions.ListWorkflowRunArtifacts(ctx, c.owner, c.name, run, opts)
		if err != nil {
			return nil, c.unread(artifactsLost, artifactsRight, err)
		}
		for _, a := range page.Artifacts {
			if !a.GetExpired() {
				list = append(list, forge.Artifact{ID: a.GetID(), Name: a.GetName()})
			}
		}
		if resp.NextPage == 0 {
			return list, nil
		}
		opts.Page = resp.NextPage
	}
	return list, nil
}

// Extract takes files out of an artifact into a folder: those at its top level whose
// name is wanted. Only what is wanted is transferred, where the storage allows it, and
// never more than the limit, whatever the artifact says of itself. A file that is there
// already is replaced.
func (c *Client) Extract(ctx context.Context, a forge.Artifact, dir string, limit forge.Limit, want func(name string) bool) error {
	if err := os.MkdirAll(dir, 0o755); err != nil { //nolint:gosec // read by other users of the runner
		return c.unread("the artifact "+a.Name, "", err)
	}
	return c.open(ctx, a, 0, limit, want, func(name string, in io.Reader) error { return extractFile(in, filepath.Join(dir, name)) })
}

// open hands the wanted files of an artifact to take, one after the other. The artifact
// may have so many bytes; 0: as many as it likes, where it can be read in parts.
func (c *Client) open(ctx context.Context, a forge.Artifact, most int64, limit forge.Limit, want func(name string) bool,
	take func(name string, in io.Reader) error) error {
	where, err := c.storage(ctx, a)
	if err == nil {
		ctx, cancel := context.WithTimeout(ctx, downloadTime)
		defer cancel()
		err = c.files(&ranged{ctx: ctx, url: where.String(), client: c.plain, most: most, left: maxIndex}, limit, want, take)
	}
	if err == nil {
		return nil
	}
	return c.unread("the artifact "+a.Name, artifactsRight, err)
}

// storage is where the artifact lies: the API answers with a redirect to it.
func (c *Client) storage(ctx context.Context, a forge.Artifact) (*url.URL, error) {
	ctx, done := c.begin(ctx)
	defer done()
	where, _, err := c.api.Actions.DownloadArtifact(ctx, c.owner, c.name, a.ID, 2)
	if err != nil {
		return nil, err
	}
	if where.Scheme != "https" && where.Scheme != c.api.BaseURL.Scheme {
		return nil, errors.New("the API redirects to an address that is not https")
	}
	return where, nil
}

func (c *Client) files(at *ranged, limit forge.Limit, want func(name string) bool, take func(name string, in io.Reader) error) error {
	if err := at.open(); err != nil {
		return err
	}
	defer at.close()
	archive, err := zip.NewReader(at, at.size)
	if err != nil {
		return fmt.Errorf("not a zip file: %w", err)
	}
	at.left = limit.Total + maxIndex // packed data is hardly ever larger
	for _, f := range archive.File {
		if strings.ContainsAny(f.Name, `/\`) || !f.Mode().IsRegular() || !want(f.Name) {
			continue
		}
		n, err := takeFile(f, min(limit.File, limit.Total), take)
		if err != nil {
			return fmt.Errorf("%s: %w", safetext.Line(f.Name, 200), err)
		}
		limit.Total -= n
	}
	return nil
}

// takeFile passes a file of at most limit bytes to take, and returns how many it had. The
// size that it claims may be wrong.
func takeFile(f *zip.File, limit int64, take func(name string, in io.Reader) error) (int64, error) {
	if size := f.FileInfo().Size(); size < 0 || size > limit {
		return 0, tooLarge(limit)
	}
	in, err := f.Open()
	if err != nil {
		return 0, err
	}
	defer func() { _ = in.Close() }()
	counted := &capped{in: in, limit: limit}
	err = take(f.Name, counted)
	return counted.read, err
}

func tooLarge(limit int64) error {
	return fmt.Errorf("extracting it would exceed the limit of %s", safetext.Size(int(limit)))
}

// capped reads so many bytes, and fails where there are more.
type capped struct {
	in          io.Reader
	limit, read int64
}

func (c *capped) Read(p []byte) (int, error) {
	n, err := c.in.Read(p[:min(int64(len(p)), c.limit-c.read+1)])
	if c.read += int64(n); c.read > c.limit {
		return 0, tooLarge(c.limit)
	}
	return n, err
}

func extractFile(in io.Reader, to string) error {
	out, err := os.Create(to) //nolint:gosec // a name without separators, below our own folder
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}

// ranged reads a file over HTTP in blocks. Storage that does not support ranges sends the
// whole file, which is kept in a temporary file.
type ranged struct {
	ctx    context.Context //nolint:containedctx // io.ReaderAt has none
	url    string
	client *http.Client
	size   int64
	block  []byte
	from   int64
	whole  *os.File
	// most bounds the file, in bytes; 0: only one that cannot be read in parts is.
	most int64
	// left is how many bytes may still be read.
	left int64
}

var errTooMuch = errors.New("larger than any artifact that the gate writes")

const (
	blockSize = 256 << 10
	// maxInOne bounds what is read with one more request, in bytes: an artifact of documents.
	maxInOne = 16 << 20
	// maxWhole bounds an artifact that cannot be read in parts.
	maxWhole = 2 << 30
)

func (r *ranged) get(span string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(r.ctx, http.MethodGet, r.url, nil)
	if err != nil {
		return nil, err
	}
	// No token: the address carries its own permission, and is not the API's.
	req.Header.Set("Range", "bytes="+span)
	resp, err := r.client.Do(req)
	if err != nil {
		var location *url.Error
		if errors.As(err, &location) {
			err = location.Err // the address holds a signature
		}
		return nil, err
	}
	if resp.StatusCode != http.StatusPartialContent && resp.StatusCode != http.StatusOK {
		_ = resp.Body.Close()
		return nil, fmt.Errorf("the storage answered %d", resp.StatusCode)
	}
	return resp, nil
}

// open learns the size from the first block. The end, which holds the list of entries, would
// be the better one to start with, but the storage of artifacts (Azure Blob) knows no ranges
// that count from the end.
func (r *ranged) open() error {
	resp, err := r.get(fmt.Sprintf("0-%d", blockSize-1))
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode == http.StatusOK {
		return r.keep(resp.Body)
	}
	var first, last int64
	if _, err := fmt.Sscanf(resp.Header.Get("Content-Range"), "bytes %d-%d/%d", &first, &last, &r.size); err != nil || first != 0 ||
		last != min(blockSize, r.size)-1 {
		return errors.New("the storage answered with a range that was not requested")
	}
	if r.most > 0 && r.size > r.most {
		return fmt.Errorf("larger than %d MiB", r.most>>20)
	}
	r.block = make([]byte, last+1)
	if _, err = io.ReadFull(resp.Body, r.block); err != nil || r.size == last+1 || r.size > maxInOne {
		return err
	}
	start := r.block
	if err := r.fetch(last+1, r.size); err != nil {
		return err
	}
	r.block, r.from = append(start, r.block...), 0
	return nil
}

func (r *ranged) keep(body io.Reader) error {
	f, err := os.CreateTemp("", "e2e-gate-artifact-*")
	if err != nil {
		return err
	}
	_ = os.Remove(f.Name()) // on Unix it is gone when it is closed; elsewhere close removes it
	r.whole = f
	most := cmp.Or(r.most, maxWhole)
	r.size, err = io.Copy(f, io.LimitReader(body, most+1))
	if err == nil && r.size > most {
		err = fmt.Errorf("larger than %d MiB", most>>20)
	}
	return err
}

func (r *ranged) close() {
	if r.whole != nil {
		_ = r.whole.Close()
		_ = os.Remove(r.whole.Name())
	}
}

// ReadAt reads from the block at hand, or fetches another.
func (r *ranged) ReadAt(p []byte, off int64) (int, error) {
	if r.left -= int64(len(p)); r.left < 0 {
		return 0, errTooMuch
	}
	if r.whole != nil {
		return r.whole.ReadAt(p, off)
	}
	n := 0
	for n < len(p) {
		at := off + int64(n)
		if at >= r.size {
			return n, io.EOF
		}
		if at < r.from || at >= r.from+int64(len(r.block)) {
			if err := r.fetch(at, min(at+blockSize, r.size)); err != nil {
				return n, err
			}
		}
		n += copy(p[n:], r.block[at-r.from:])
	}
	return n, nil
}

// fetch reads the bytes from one offset up to another.
func (r *ranged) fetch(from, until int64) error {
	resp, err := r.get(fmt.Sprintf("%d-%d", from, until-1))
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	block := make([]byte, until-from)
	if resp.StatusCode != http.StatusPartialContent {
		return errors.New("the storage stopped answering with ranges")
	}
	if _, err := io.ReadFull(resp.Body, block); err != nil {
		return err
	}
	r.block, r.from = block, from
	return nil
}

package githubfake

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// The package that holds GitHub's description, and the file in it.
const (
	pinned   = "@octokit/openapi@23.0.2"
	packed   = "octokit-openapi-23.0.2.tgz"
	inside   = "package/generated/api.github.com.json"
	maxFetch = 64 << 20
	// fetchTime bounds a test that has to fetch it.
	fetchTime = 45 * time.Second
)

// fetched is the description from the package registry, trimmed. It is kept in the
// temporary directory, so that one test binary of many fetches it.
func fetched() ([]byte, error) {
	// Named after what is kept of it: a cache of other routes is no cache.
	routes := sha256.Sum256([]byte(strings.Join(templates, "\n")))
	cache := filepath.Join(os.TempDir(), fmt.Sprintf("e2e-gate-%s-%x.json", strings.TrimSuffix(packed, ".tgz"), routes[:6]))
	if data, err := os.ReadFile(cache); err == nil && json.Valid(data) {
		return data, nil
	}
	dir, err := os.MkdirTemp("", "githubfake")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	ctx, cancel := context.WithTimeout(context.Background(), fetchTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, "npm", "pack", "--silent", "--ignore-scripts", "--fetch-retries=0", pinned)
	cmd.Dir, cmd.WaitDelay = dir, time.Second
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("npm pack %s: %w", pinned, err)
	}
	data, err := unpack(filepath.Join(dir, packed))
	if err != nil {
		return nil, err
	}
	if data, err = trim(data); err != nil {
		return nil, err
	}
	_ = keep(cache, data) // the next one fetches it again
	return data, nil
}

// keep writes the cache in one piece: other test binaries may be reading it.
func keep(cache string, data []byte) error {
	f, err := os.CreateTemp(filepath.Dir(cache), "githubfake")
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Close(), os.Rename(f.Name(), cache))
}

// unpack reads the description out of the package.
func unpack(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	gz, err := gzip.NewReader(f)
	if err != nil {
		return nil, err
	}
	for archive := tar.NewReader(gz); ; {
		head, err := archive.Next()
		if err != nil {
			return nil, fmt.Errorf("%s is not in the package: %w", inside, err)
		}
		if head.Name == inside {
			return io.ReadAll(io.LimitReader(archive, maxFetch))
		}
	}
}

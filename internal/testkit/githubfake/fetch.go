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

// packed is a package of the registry, and the file in it that is wanted.
type packed struct{ pinned, archive, inside string }

// The packages that hold GitHub's descriptions.
var (
	openAPI = packed{"@octokit/openapi@23.0.2", "octokit-openapi-23.0.2.tgz", "package/generated/api.github.com.json"}
	graphQL = packed{"@octokit/graphql-schema@15.26.1", "octokit-graphql-schema-15.26.1.tgz", "package/schema.graphql"}
)

const (
	maxFetch = 64 << 20
	// fetchTime bounds a test that has to fetch it.
	fetchTime = 45 * time.Second
)

// fetched is the description of the REST API from the package registry, trimmed.
func fetched() ([]byte, error) {
	// Named after the routes that it holds, so that a cache of other routes is not
	// used.
	routes := sha256.Sum256([]byte(strings.Join(templates, "\n")))
	return openAPI.cached(fmt.Sprintf("-%x.json", routes[:6]), func(data []byte) ([]byte, error) {
		if json.Valid(data) {
			return trim(data)
		}
		return nil, errors.New("it is not JSON")
	})
}

// cached is the file of a package as made reads it. It is kept in the temporary
// directory, so that one test binary of many fetches it.
func (p packed) cached(suffix string, made func([]byte) ([]byte, error)) ([]byte, error) {
	cache := filepath.Join(os.TempDir(), "e2e-gate-"+strings.TrimSuffix(p.archive, ".tgz")+suffix)
	if data, err := os.ReadFile(cache); err == nil && len(data) > 0 {
		return data, nil
	}
	data, err := p.fetch()
	if err != nil {
		return nil, err
	}
	if data, err = made(data); err != nil {
		return nil, err
	}
	_ = keep(cache, data) // the next one fetches it again
	return data, nil
}

func (p packed) fetch() ([]byte, error) {
	dir, err := os.MkdirTemp("", "githubfake")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	ctx, cancel := context.WithTimeout(context.Background(), fetchTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, "npm", "pack", "--silent", "--ignore-scripts", "--fetch-retries=0", p.pinned)
	cmd.Dir, cmd.WaitDelay = dir, time.Second
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("npm pack %s: %w", p.pinned, err)
	}
	return unpack(filepath.Join(dir, p.archive), p.inside)
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

// unpack reads a file out of a package.
func unpack(name, inside string) ([]byte, error) {
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

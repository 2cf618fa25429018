package jvm

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/org/e2e-gate/internal/suite/adapter"
)

// listingCache keeps the last listing of a suite on this machine, for as long as
// nothing changes that decides which tests there are. It lies outside the repository,
// so that a change under test cannot supply one.
type listingCache struct{ file, key string }

// listing is what the file holds.
type listing struct {
	Key    string          `json:"key"`
	Events []adapter.Event `json:"events"`
	Starts starts          `json:"starts"`
}

// cache is that of a suite: its file belongs to the checkout and the suite, its key
// to the sources, to how they are built, and to the reporter.
func (j *jvm) cache(src sources, env []string) listingCache {
	where := sha256.New()
	_, _ = fmt.Fprintf(where, "%q %q", j.root, j.spec.Name)
	key := sha256.New()
	own, _ := reporterDigest() // its files are embedded, and can be read
	_, _ = fmt.Fprintf(key, "%s %x ", own, sha256.Sum256(initScript))
	_, _ = fmt.Fprintf(key, "%s %q %q %q %q", src.digest, j.spec.Framework, j.spec.Dir, j.spec.Run, j.spec.Args)
	for _, name := range slices.Sorted(maps.Keys(j.spec.Env)) {
		_, _ = fmt.Fprintf(key, " %q=%q", name, j.spec.Env[name])
	}
	for _, name := range []string{"PATH", "JAVA_HOME", "MAVEN_OPTS", "MAVEN_ARGS", "GRADLE_OPTS", "JAVA_TOOL_OPTIONS"} {
		_, _ = fmt.Fprintf(key, " %q", adapter.Variable(env, name))
	}
	return listingCache{
		file: filepath.Join(cacheDir(), fmt.Sprintf("listing-%x.json", where.Sum(nil)[:8])),
		key:  fmt.Sprintf("%x", key.Sum(nil)),
	}
}

// maxListing bounds the file, in bytes.
const maxListing = 256 << 20

func (c listingCache) read() (listing, bool) {
	info, err := os.Stat(c.file)
	if err != nil || !info.Mode().IsRegular() || info.Size() > maxListing {
		return listing{}, false
	}
	data, err := os.ReadFile(c.file)
	var l listing
	if err != nil || json.Unmarshal(data, &l) != nil || l.Key != c.key || len(l.Events) == 0 {
		return listing{}, false
	}
	return l, true
}

// write keeps a listing, and reports whether it could. Where that fails, the next run lists again, and batches
// start the build.
func (c listingCache) write(l listing) bool {
	l.Key = c.key
	data, err := json.Marshal(l)
	if err != nil {
		return false
	}
	tmp, err := os.CreateTemp(filepath.Dir(c.file), "listing-new-")
	if err != nil {
		return false
	}
	_, err = tmp.Write(data)
	if closed := tmp.Close(); err != nil || closed != nil || os.Rename(tmp.Name(), c.file) != nil {
		_ = os.Remove(tmp.Name())
		return false
	}
	return true
}

package triage

import (
	"fmt"
	"path"
	"strings"
	"sync"
)

// change says what kind of files the change under test touches.
type change string

const (
	// changedNothing: no files are known.
	changedNothing change = "none"
	// changedDocs: only documents and lock files, which is evidence that the change is not the cause.
	changedDocs    change = "docs"
	changedTest    change = "test"
	changedInfra   change = "infra"
	changedProduct change = "product"
)

// changes is what the changed paths say.
type changes struct {
	kind    change
	harness bool
	ui      bool
	auth    bool
	schema  bool
	// files are the changed files of tests and product, by their last element.
	files map[string][]string
	// sample is a path that decided, others how many more of its kind there are.
	sample string
	others int
}

// The lists of paths; lists.txt says what each is for.
var (
	documentPath = listed("document paths")
	testPath     = listed("test paths")
	harnessPath  = listed("harness paths")
	infraPath    = listed("infrastructure paths")
	uiPath       = listed("interface paths")
	authPath     = listed("access paths")
	dbPath       = listed("schema paths")
)

func isTestPath(p string) bool { return testPath.MatchString(p) || harnessPath.MatchString(p) }

// pathInfo is what one path says.
type pathInfo struct {
	kind                      change
	harness, ui, auth, schema bool
}

func readPath(p string) pathInfo {
	i := pathInfo{kind: kindOf(p), harness: harnessPath.MatchString(p)}
	if i.kind == changedProduct || i.kind == changedInfra {
		i.ui, i.auth, i.schema = uiPath.MatchString(p), authPath.MatchString(p), dbPath.MatchString(p)
	}
	return i
}

// maxPaths bounds how many paths are remembered.
const maxPaths = 8 << 10

// pathMemory remembers what paths say: the failures of a run share what changed,
// and that may be thousands of files. The zero value is ready to use.
type pathMemory struct {
	mu    sync.Mutex
	known map[string]pathInfo
}

func (m *pathMemory) read(p string) pathInfo {
	m.mu.Lock()
	defer m.mu.Unlock()
	info, ok := m.known[p]
	if !ok {
		info = readPath(p)
		if m.known == nil || len(m.known) >= maxPaths {
			m.known = map[string]pathInfo{}
		}
		m.known[p] = info
	}
	return info
}

// changes sorts changed paths. One product file makes it a product change.
func (m *pathMemory) changes(paths []string) changes {
	c := changes{kind: changedNothing}
	count := map[change]int{}
	for _, p := range paths {
		p = path.Clean("/" + strings.ReplaceAll(strings.TrimSpace(p), `\`, "/"))[1:]
		i := m.read(p)
		count[i.kind]++
		c.harness, c.ui, c.auth, c.schema = c.harness || i.harness, c.ui || i.ui, c.auth || i.auth, c.schema || i.schema
		if base := path.Base(p); i.kind == changedTest || i.kind == changedProduct {
			if c.files == nil {
				c.files = map[string][]string{}
			}
			c.files[base] = append(c.files[base], p)
		}
		if stronger(i.kind, c.kind) || i.kind == c.kind && p < c.sample {
			c.kind, c.sample = i.kind, p
		}
	}
	c.others = count[c.kind] - 1
	return c
}

func kindOf(p string) change {
	switch {
	case p == "":
		return changedNothing
	case isTestPath(p):
		return changedTest
	case documentPath.MatchString(p):
		return changedDocs
	case infraPath.MatchString(p):
		return changedInfra
	}
	return changedProduct
}

var changeRank = map[change]int{changedNothing: 0, changedDocs: 1, changedTest: 2, changedInfra: 3, changedProduct: 4}

func stronger(a, b change) bool { return changeRank[a] > changeRank[b] }

// String says what changed, as evidence.
func (c changes) String() string {
	what := map[change]string{
		changedDocs: "only documents or lock files changed", changedTest: "only test files changed", changedInfra: "deployment files changed",
		changedProduct: "product files changed",
	}[c.kind]
	if what == "" {
		return "no changed product or test files are known"
	}
	more := ""
	if c.others > 0 {
		more = fmt.Sprintf(" and %d more", c.others)
	}
	return fmt.Sprintf("%s (%s%s)", what, clean(c.sample, maxQuote), more)
}

var testClass = listed("test classes")

// isTestClass reports whether a class name is one of tests, steps or page objects.
func isTestClass(class string) bool { return testClass.MatchString(class) }

// holds reports whether a file of a stack trace, which may have another root, is one of the changed files, and which.
func (c changes) holds(file string) (changed string, ok bool) {
	file = strings.ReplaceAll(file, `\`, "/")
	for _, p := range c.files[path.Base(file)] {
		if file == p || strings.HasSuffix(file, "/"+p) || strings.HasSuffix(p, "/"+strings.TrimPrefix(file, "./")) {
			return p, true
		}
	}
	return "", false
}

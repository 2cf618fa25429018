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
	// changedNothing: no files are known, or only documents.
	changedNothing change = "none"
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
	// sample is a path that decided, others how many more of its kind there are.
	sample string
	others int
}

var (
	documentPath = rx(`(?i)(?:\.(?:md|adoc|rst|txt)$|(?:^|/)(?:docs?|documentation|\.github/issue_template)/|(?:^|/)(?:license|changelog|readme|codeowners|notice|authors)(?:\.\w+)?$|^\.gitignore$|^\.editorconfig$)`)
	testPath     = rx(`(?:^|/)(?:tests?|e2e|e2e-tests|spec|specs|__tests__|__mocks__|testdata|test-data|test_data|testing|cypress|playwright|acceptance|integration-tests?|fixtures|page-?objects)/` +
		`|_test\.(?:go|py|rb|exs|dart)$|(?:^|/)(?:test_[^/]*|conftest)\.py$|\.(?:test|spec|cy|e2e|steps)\.[cm]?[jt]sx?$|(?:Tests?|IT|ITCase|TestCase|Spec|Steps|StepDefs|E2E)\.(?:java|kt|groovy|scala|cs)$|_spec\.rb$|\.feature$|(?:^|/)src/(?:test|it|e2e|integrationTest|androidTest)/|\.snap$|-snapshots/`)
	harnessPath = rx(`(?:^|/)(?:playwright|cypress|jest|vitest|wdio|karma|protractor|cucumber|testcafe|nightwatch)\.(?:config|conf)[^/]*$|(?:^|/)(?:conftest\.py|pytest\.ini|tox\.ini|testng\.xml|junit-platform\.properties|testcontainers\.properties)$` +
		`|(?:^|/)(?:e2e|tests?|cypress|spec|playwright|src/test)/(?:[^/]+/)*(?:support|helpers?|harness|setup|utils?|util|common|base|fixtures|bootstrap|global-?setup[^/]*|testutil)(?:/|\.[cm]?[jt]sx?$|\.py$|\.go$|\.rb$)` +
		`|(?:Abstract\w*(?:Test|IT|E2E)|(?:Base|Test)\w*(?:Test|IT|Base|Config|Setup|Support|Harness)|\w*Harness|TestContainers?\w*)\.(?:java|kt|cs)$|(?:^|/)(?:harness|testutil|testkit|testenv)(?:_test)?(?:/|\.go$)|(?:main|setup|helpers?|support|harness|env)_test\.go$|docker-compose[^/]*(?:test|e2e|ci)[^/]*\.ya?ml$`)
	infraPath = rx(`(?i)(?:^|/)(?:\.github|\.gitlab|\.circleci|\.buildkite|helm|charts?|k8s|kubernetes|terraform|ansible|deploy(?:ment)?s?|infra(?:structure)?|ops|kustomize|manifests|environments)/|(?:^|/)(?:dockerfile[^/]*|docker-compose[^/]*\.ya?ml|compose\.ya?ml|jenkinsfile|\.gitlab-ci\.yml|skaffold\.ya?ml|tiltfile|chart\.ya?ml)$|\.tf(?:vars)?$`)
	uiPath    = rx(`(?i)\.(?:tsx|jsx|vue|svelte|html?|s?css|less|hbs|erb|ftl|jsp|cshtml|razor)$|(?:^|/)(?:ui|web|frontend|front-end|client|components?|pages|views?|templates|public|static|styles|webapp)/`)
	authPath  = rx(`(?i)auth|permission|security|rbac|acl|polic(?:y|ies)|oauth|jwt|session|login|roles?(?:/|\.|_|-)|iam|keycloak`)
	dbPath    = rx(`(?i)migrat|schema|\.sql$|liquibase|flyway|(?:^|/)(?:db|prisma|alembic|entities|entity)/|changelog[^/]*\.(?:xml|ya?ml)$|models?(?:/|\.)`)
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
		return changedNothing
	case infraPath.MatchString(p):
		return changedInfra
	}
	return changedProduct
}

var changeRank = map[change]int{changedNothing: 0, changedTest: 1, changedInfra: 2, changedProduct: 3}

func stronger(a, b change) bool { return changeRank[a] > changeRank[b] }

// String says what changed, as evidence.
func (c changes) String() string {
	what := map[change]string{changedTest: "only test files changed", changedInfra: "deployment files changed", changedProduct: "product files changed"}[c.kind]
	if what == "" {
		return "no changed product or test files are known"
	}
	more := ""
	if c.others > 0 {
		more = fmt.Sprintf(" and %d more", c.others)
	}
	return fmt.Sprintf("%s (%s%s)", what, clean(c.sample, maxQuote), more)
}

var testClass = rx(`(?:Tests?|IT|ITCase|TestCase|Spec|E2E|Steps|StepDefs|StepDefinitions|Page|PageObject)(?:\$.*)?$|(?:^|\.)Test[A-Z]|\.(?:e2e|it|test|tests|pages|steps)\.|\.Tests?\.`)

// isTestClass reports whether a class name is one of tests, steps or page objects.
func isTestClass(class string) bool { return testClass.MatchString(class) }

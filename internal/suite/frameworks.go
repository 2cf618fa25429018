package suite

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// framework is what is known of one before any suite uses it.
type framework struct {
	// adapter makes the adapter of a suite; root is the repository root.
	adapter func(s Spec, root string) Adapter
	// fields are the settings of a suite that only some frameworks have, and this
	// one does: run, list, reports, packages, args.
	fields []string
	// flags are those that the gate sets itself, without dashes.
	flags []string
	// prefix is cut off a flag before it is compared.
	prefix string
	// detect finds its suites in a repository, by signs; nil: it cannot be detected.
	detect func(t *tree) []Detected
	signs  string
}

// frameworks are the frameworks by their name in the config.
var frameworks = map[string]framework{
	"gotest": {
		adapter: func(s Spec, root string) Adapter { return &goTest{spec: s, root: root} },
		detect:  detectGoTest, signs: "a go.mod, and *_test.go behind //go:build e2e or integration",
		fields: []string{"packages", "args"},
		flags:  []string{"run", "json", "list", "skip", "bench", "fuzz", "count", "timeout", "c", "o"}, prefix: "test.",
	},
	"pytest": {
		adapter: newPytest,
		detect:  detectPytest, signs: "pytest.ini, [tool.pytest] in pyproject.toml or the like, conftest.py",
		fields: []string{"run", "args"},
		flags:  []string{"collect-only", "co", "x", "exitfirst", "maxfail", "lf", "last-failed", "sw", "stepwise", "deselect"},
	},
	"junit5-maven": {
		adapter: newMaven,
		fields:  []string{"run", "args"},
		flags: []string{"Dtest", "Dit.test", "DskipTests", "Dmaven.test.skip", "Dmaven.test.failure.ignore", "Dmaven.test.additionalClasspath", "DfailIfNoTests",
			"Dsurefire.includesFile", "Dfailsafe.includesFile"},
		detect: detectMaven, signs: "a pom.xml with tests that import org.junit.jupiter",
	},
	"junit5-gradle": {
		adapter: newGradle,
		fields:  []string{"run", "args"},
		flags:   []string{"tests", "init-script", "I", "daemon", "configuration-cache", "dry-run", "m", "test-dry-run", "fail-fast", "continuous", "t"},
		detect:  detectGradle, signs: "a build.gradle or build.gradle.kts with tests that import org.junit.jupiter",
	},
	"playwright": {
		adapter: newPlaywright,
		detect:  detectPlaywright, signs: "playwright.config.*",
		fields: []string{"run", "args"},
		flags:  []string{"list", "reporter", "add-reporter", "output", "shard", "last-failed", "test-list", "test-list-invert", "only-changed", "repeat-each", "max-failures", "x", "ui", "debug", "pass-with-no-tests"},
	},
	"vitest": {
		adapter: newVitest,
		detect:  detectVitest, signs: "vitest.config.*, or vitest in a package.json",
		fields: []string{"run", "args"},
		flags:  []string{"t", "testNamePattern", "shard", "bail", "changed", "allowOnly", "watch", "w", "ui", "passWithNoTests"},
	},
	"jest": {
		adapter: newJest,
		detect:  detectJest, signs: "jest.config.*, or jest in a package.json",
		fields: []string{"run", "args"},
		flags: []string{"t", "testNamePattern", "testRunner", "runTestsByPath", "shard", "bail", "b", "onlyChanged", "o", "changedSince",
			"onlyFailures", "f", "listTests", "watch", "watchAll", "passWithNoTests", "json", "outputFile"},
	},
	"cucumber": {
		adapter: newCucumber,
		detect:  detectCucumber, signs: "*.feature, with @cucumber/cucumber in a package.json or a cucumber.json",
		fields: []string{"run", "args", "specs"},
		flags:  []string{"tags", "t", "name", "n", "dry-run", "d", "fail-fast", "shard"},
	},
	"cypress": {
		adapter: newCypress,
		detect:  detectCypress, signs: "cypress.config.*",
		fields: []string{"run", "args", "specs"},
		flags:  []string{"spec", "s", "reporter", "r", "reporter-options", "o", "parallel", "group", "auto-cancel-after-failures"},
	},
	"command": {
		adapter: func(s Spec, root string) Adapter { return &command{spec: s, root: root} },
		fields:  []string{"run", "list", "reports"},
	},
}

// New returns the adapter of a suite. root is the repository root.
func New(s Spec, root string) (Adapter, error) {
	f, known := frameworks[s.Framework]
	if !known {
		return nil, fmt.Errorf("suite %s: unknown framework %q; use one of %s", s.Name, s.Framework, strings.Join(slices.Sorted(maps.Keys(frameworks)), ", "))
	}
	return f.adapter(s, root), nil
}

// managed returns the flag of an argument if the gate sets it itself.
func (f framework) managed(arg string) string {
	flag, _, _ := strings.Cut(arg, "=")
	bare := strings.TrimLeft(flag, "-")
	if bare == flag || !slices.Contains(f.flags, strings.TrimPrefix(bare, f.prefix)) {
		return ""
	}
	return flag
}

// ownFields are the settings that only some frameworks have, sorted.
func ownFields() []string {
	all := map[string]bool{}
	for _, f := range frameworks {
		for _, key := range f.fields {
			all[key] = true
		}
	}
	return slices.Sorted(maps.Keys(all))
}

// owners names the frameworks that have a setting.
func owners(key string) string {
	var names []string
	for _, name := range slices.Sorted(maps.Keys(frameworks)) {
		if slices.Contains(frameworks[name].fields, key) {
			names = append(names, name)
		}
	}
	return strings.Join(names, ", ")
}

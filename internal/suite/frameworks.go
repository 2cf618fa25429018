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
	// detect finds suites of the framework in a repository, for init, by signs; nil:
	// none can be told from the files.
	detect func(r repository) []Detected
	signs  string
}

// frameworks are the frameworks by their name in the config.
var frameworks = map[string]framework{
	"gotest": {
		adapter: func(s Spec, root string) Adapter { return &goTest{spec: s, root: root} },
		fields:  []string{"packages", "args"},
		flags:   []string{"run", "json", "list", "skip", "bench", "fuzz", "count", "timeout", "c", "o"}, prefix: "test.",
		detect: detectGo, signs: "*_test.go in a folder such as e2e, or with a build constraint such as //go:build e2e",
	},
	"pytest": {
		adapter: newPytest,
		fields:  []string{"run", "args"},
		flags:   []string{"collect-only", "co", "x", "exitfirst", "maxfail", "lf", "last-failed", "sw", "stepwise", "deselect"},
		detect:  detectPython, signs: "pytest in pytest.ini, pyproject.toml, setup.cfg or tox.ini, or files such as test_*.py",
	},
	"junit5-maven": {
		adapter: newMaven,
		fields:  []string{"run", "args"},
		flags: []string{"Dtest", "Dit.test", "DskipTests", "Dmaven.test.skip", "Dmaven.test.failure.ignore", "Dmaven.test.additionalClasspath", "DfailIfNoTests",
			"Dsurefire.includesFile", "Dfailsafe.includesFile"},
		detect: detectJUnit("Maven", noArguments, "pom.xml"), signs: "a pom.xml with tests that import org.junit.jupiter",
	},
	"junit5-gradle": {
		adapter: newGradle,
		fields:  []string{"run", "args"},
		flags:   []string{"tests", "init-script", "I", "daemon", "configuration-cache", "dry-run", "m", "test-dry-run", "fail-fast", "continuous", "t"},
		detect:  detectJUnit("Gradle", gradleTasks, "settings.gradle", "settings.gradle.kts", "build.gradle", "build.gradle.kts"), signs: "a build.gradle or build.gradle.kts with tests that import org.junit.jupiter",
	},
	"playwright": {
		adapter: newPlaywright,
		fields:  []string{"run", "args"},
		flags:   []string{"list", "reporter", "add-reporter", "output", "shard", "last-failed", "test-list", "test-list-invert", "only-changed", "repeat-each", "max-failures", "x", "ui", "debug", "pass-with-no-tests"},
		detect:  detectNode("@playwright/test", "playwright.config.*"), signs: "playwright.config.*, or @playwright/test in a package.json",
	},
	"vitest": {
		adapter: newVitest,
		fields:  []string{"run", "args"},
		flags:   []string{"reporter", "t", "testNamePattern", "shard", "bail", "changed", "allowOnly", "watch", "w", "ui", "passWithNoTests"},
		detect:  detectNode("vitest", "vitest.config.*"), signs: "vitest.config.*, or vitest in a package.json",
	},
	"jest": {
		adapter: newJest,
		fields:  []string{"run", "args"},
		flags: []string{"reporters", "t", "testNamePattern", "testRunner", "runTestsByPath", "shard", "bail", "b", "onlyChanged", "o", "changedSince",
			"onlyFailures", "f", "listTests", "watch", "watchAll", "passWithNoTests", "json", "outputFile"},
		detect: detectNode("jest", "jest.config.*"), signs: "jest.config.*, or jest in a package.json",
	},
	"cucumber": {
		adapter: newCucumber,
		fields:  []string{"run", "args", "specs"},
		flags:   []string{"tags", "t", "name", "n", "dry-run", "d", "fail-fast", "shard"},
		detect:  detectNode("@cucumber/cucumber", "cucumber.js", "cucumber.cjs", "cucumber.mjs", "cucumber.json", "cucumber.yaml", "cucumber.yml"), signs: "cucumber.js (or .json, .yaml), or @cucumber/cucumber in a package.json",
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

// Package playwright runs Playwright.
package playwright

import (
	"embed"
	"fmt"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/suite/adapter"
)

//go:embed e2e-gate-playwright.cjs
var files embed.FS

// Framework is Playwright.
var Framework = adapter.Framework{
	New:    newAdapter,
	Detect: detect, Signs: "playwright.config.*, or @playwright/test in a package.json and in test files",
	Fields: []string{"run", "args"},
	Flags: []string{
		"list", "reporter", "add-reporter", "output", "shard", "last-failed", "test-list", "test-list-invert", "only-changed",
		"repeat-each", "max-failures", "x", "ui", "debug", "pass-with-no-tests",
	},

	TellsErrors: true,
}

// newAdapter runs Playwright with a reporter of ours.
func newAdapter(s adapter.Spec, root string) adapter.Adapter {
	return adapter.NewReporting(s, root, adapter.LaunchSpec{
		Start:       []string{"npx", "--no-install", "playwright", "test"},
		Interpreter: "node",
		Package:     "@playwright/test",
		Files:       files,
		Arguments:   arguments,
	})
}

const reporterFile = "e2e-gate-playwright.cjs"

// needed is the oldest version that was run and is right: 1.30 finds no test by our pattern, and 1.40 says nothing of
// the tests that a failed beforeAll hook keeps from running.
const needed = "1.42"

// arguments puts file filters first, where no option can swallow them.
func arguments(l adapter.Launch) ([]string, error) {
	if err := adapter.Needs(l.Spec, l.Dir, "Playwright", "@playwright/test", needed); err != nil {
		return nil, err
	}
	reporter := l.File(reporterFile)
	version := adapter.NodePackage(l.Dir, "@playwright/test", "playwright")
	var whole []string
	if !adapter.AtLeast(version, "1.62.0") { // from there on the reporter sees to it
		whole = []string{"--shard=1/1"} // shard in a config would take tests out of the listing, and out of what a shard of ours runs
	}
	if l.Listing() {
		// A forgotten test.only would take every other test out of the listing.
		return slices.Concat([]string{"--list", "--forbid-only", "--reporter=" + reporter}, whole, l.Spec.Args), nil
	}
	var args []string
	for _, file := range l.Sources() {
		args = append(args, fileFilter(file))
	}
	args = append(append(args, whole...), "--forbid-only", "--output="+filepath.Join(l.Evidence, "playwright"))
	if adapter.AtLeast(version, "1.63.0") {
		args = append(args, "--add-reporter="+reporter)
	} else {
		args = append(args, "--reporter=list,"+reporter)
	}
	if !adapter.AtLeast(version, "1.62.0") {
		grep := grepOf(l.Tests)
		if len(grep) > adapter.MaxArguments {
			return nil, fmt.Errorf(
				"suite %s: Playwright before 1.62 takes tests by a pattern, which is too long for %d tests; update @playwright/test, or use more shards", l.Spec.Name,
				len(l.Tests),
			)
		}
		args = append(args, "--grep="+grep)
	}
	args = append(args, l.Spec.Args...)
	if l.Attempt > 1 { // the diagnostic rerun is one attempt, and one test at a time
		args = append(args, "--retries=0", "--workers=1")
	}
	return args, nil
}

// fileFilter is a pattern for the absolute path of a file, as Playwright wants it. A file
// outside of the suite's directory is known by the end of its path.
func fileFilter(file string) string {
	inside := file
	for strings.HasPrefix(inside, "../") {
		inside = inside[len("../"):]
	}
	if inside != file {
		inside = "/" + inside
	}
	return strings.ReplaceAll(regexp.QuoteMeta(inside), "/", `[\\/]`) + "$"
}

// grepOf matches exactly the tests: what Playwright matches is project,
// file and titles, joined by spaces, tags after the title that they belong to.
func grepOf(tests []e2e.Test) string {
	const tags = `(?: @\S+)*`
	var list []string
	for _, t := range tests {
		head, name, _ := strings.Cut(t.Name, "::")
		project := strings.TrimSuffix(strings.TrimSuffix(head, t.File), " ")
		project = strings.TrimSuffix(strings.TrimPrefix(project, "["), "]")
		pattern := `\s*` + regexp.QuoteMeta(project) + ` (?:\S+\/)?` + slash(t.File[strings.LastIndex(t.File, "/")+1:])
		if t.Class != "serial" || name != "(in order)" {
			for i, title := range strings.Split(name, " › ") {
				pattern += " "
				if i > 0 { // else it is part of a title
					pattern += "(?:› )?"
				}
				pattern += slash(title) + tags
			}
		}
		if t.Class == "serial" {
			pattern += ` [\s\S]*`
		}
		list = append(list, pattern)
	}
	return "/^(?:" + strings.Join(list, "|") + ")$/"
}

// slash escapes text for a regular expression between slashes, in which a line
// break has to be spelled out.
func slash(text string) string {
	return strings.NewReplacer("/", `\/`, "\n", `\n`, "\r", `\r`).Replace(regexp.QuoteMeta(text))
}

// detect looks for a config, and for the package where no config lies below it.
func detect(t *adapter.Tree) []adapter.Detected {
	files := t.Matching(adapter.Scripts("playwright.config")...)
	for _, manifest := range t.Manifests("@playwright/test") {
		dir := path.Dir(manifest)
		if len(t.Below(dir, adapter.Scripts("playwright.config")...)) == 0 && t.JSCount(dir, "@playwright/test", adapter.JSTests...) > 0 {
			files = append(files, manifest)
		}
	}
	return t.Counted(adapter.ByDir(files), "@playwright/test", adapter.JSTests...)
}

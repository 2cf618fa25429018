package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/org/e2e-gate/internal/config"
	"github.com/org/e2e-gate/internal/diag"
	"github.com/org/e2e-gate/internal/gitrepo"
	"github.com/org/e2e-gate/internal/pipeline"
	"github.com/org/e2e-gate/internal/report"
	"github.com/org/e2e-gate/internal/scaffold"
	"github.com/org/e2e-gate/internal/suite"
)

const (
	configPath   = ".github/e2e-gate.yml"
	workflowPath = ".github/workflows/e2e.yml"
	// requiredCheck is the name of the job in the first workflow, firstStage that of the stage which
	// it starts.
	requiredCheck = "e2e gate"
	firstStage    = "pr"
)

type initCmd struct {
	Dir       []string `help:"Only suites in this folder. May be repeated." placeholder:"FOLDER" sep:"none"`
	Framework []string `help:"Only suites of this framework, such as gotest or mocha. May be repeated." placeholder:"NAME" sep:"none"`
	Yes       bool     `help:"Take all suites that were found, without asking."`
	DryRun    bool     `help:"Print what would be written, without writing it."`
	Force     bool     `help:"Replace existing files."`
}

// Help is shown by init --help.
func (initCmd) Help() string {
	return "Examples:\n  e2e-gate init --dry-run\n  e2e-gate init --dir apis --framework gotest\n" +
		"Looks for test suites in the repository and writes " + configPath + " and " + workflowPath +
		", with the toolchain and the install steps that the repository's files show. Of several suites it asks which ones to take; " +
		"where it cannot ask, --dir, --framework or --yes says so. Then it checks the config and lists the tests, without running any." +
		"\nExit status: 2 if it found no suite, or several and was not told which, else 0."
}

// Run writes a first config and workflow.
func (c initCmd) Run(ctx context.Context, a *App) error {
	top, err := root()
	if err != nil {
		return err
	}
	folders, err := c.folders(top)
	if err != nil {
		return err
	}
	tree := suite.ReadTree(top, folders...)
	found := suite.Detect(tree)
	for _, note := range tree.Notes {
		_, _ = fmt.Fprintln(a.Stderr, safeLine("note: "+note))
	}
	found, err = c.chosen(a, found, folders)
	if err != nil {
		return err
	}
	git := gitrepo.Checkout{Dir: top, Environ: a.Environ}
	owners := pipeline.CodeOwners(top)
	suites := scaffold.Owners(found, owners, scaffold.Organisation(git.Remote(ctx)))
	text, err := scaffold.Config(suites)
	if err != nil {
		return err
	}
	a.printFound(found)
	plan := scaffold.Make(tree, found)
	wroteConfig, err := c.write(a, top, configIn(top), text)
	if err != nil {
		return err
	}
	if _, err = c.write(a, top, workflowPath, plan.Workflow()); err != nil {
		return err
	}
	if wroteConfig {
		return a.firstCheck(ctx, top, plan, found)
	}
	next := "e2e-gate lint, which checks the config that is there"
	if c.DryRun {
		next = "e2e-gate init, which writes these files; nothing was written now"
	}
	_, _ = fmt.Fprintf(a.Stdout, "Next: %s\n", next)
	return nil
}

// configIn is where a repository has its config, else where it gets one.
func configIn(top string) string {
	for _, name := range config.DefaultFiles {
		if _, err := os.Lstat(filepath.Join(top, filepath.FromSlash(name))); err == nil {
			return name
		}
	}
	return configPath
}

// folders are those of --dir, from the root of the repository with forward slashes.
func (c initCmd) folders(top string) ([]string, error) {
	var all []string
	for _, dir := range c.Dir {
		abs, err := filepath.Abs(dir)
		if err != nil {
			return nil, usage("--dir %s: %w", dir, err)
		}
		rel, err := filepath.Rel(top, abs)
		if err != nil || !filepath.IsLocal(rel) {
			return nil, usage("--dir %s is outside of the repository %s", dir, top)
		}
		if info, err := os.Stat(abs); err != nil || !info.IsDir() {
			return nil, usage("--dir %s: there is no such folder", dir)
		}
		all = append(all, filepath.ToSlash(rel))
	}
	return all, nil
}

// chosen are the suites to write: what the flags say, else what was found, where that is one, else
// what a person says.
func (c initCmd) chosen(a *App, found []suite.Detected, folders []string) ([]suite.Detected, error) {
	if len(found) == 0 {
		return nil, usage("no known test suite found; init looks for\n  %s\n%s", strings.Join(suite.Signs(), "\n  "), otherwise)
	}
	kept, err := c.narrowed(a, found, folders)
	if err != nil {
		return nil, err
	}
	options := optionsOf(kept)
	switch {
	case len(options) == 1 || c.Yes || c.exact(kept, options, folders):
		for i := range kept {
			kept[i].Folders = nil
		}
		return suite.Rename(kept), nil
	case !a.interactive():
		_, _ = fmt.Fprintf(a.Stderr, "%s\n", table(options))
		return nil, usage("%s", headOf(kept))
	}
	_, _ = fmt.Fprintf(a.Stdout, "%s\n%s", asked(kept), table(options))
	picked, err := ask(a.Stdin, a.Stdout, len(options))
	_, _ = fmt.Fprintln(a.Stdout)
	if err != nil {
		return nil, err
	}
	if picked == nil {
		c.Yes = true
		return c.chosen(a, kept, nil)
	}
	var list []suite.Detected
	for _, i := range picked {
		list = append(list, options[i])
	}
	return suite.Rename(list), nil
}

// exact reports whether each suite is the only one in its folder and of its framework, as far as the
// flags name these.
func (c initCmd) exact(kept, options []suite.Detected, folders []string) bool {
	if len(c.Framework)+len(folders) == 0 || len(options) > len(kept) {
		return false
	}
	seen := map[string]bool{}
	for _, d := range kept {
		key := ""
		if len(c.Framework) > 0 {
			key = d.Kind()
		}
		for _, folder := range folders {
			if _, in := suite.Narrow(d, folder); in {
				key += "\x00" + folder
			}
		}
		if seen[key] {
			return false
		}
		seen[key] = true
	}
	return true
}

// otherwise is what to do where init finds nothing.
const otherwise = "Anything that writes JUnit XML runs as framework: command; write " + configPath + " with\n" +
	"  version: 1\n  stages: {pr: {on: [pull_request]}}\n  suites:\n" +
	"    - {name: e2e, framework: command, run: [\"./run-tests.sh\", \"{report_dir}\"], reports: \"{report_dir}/*.xml\"}"

// narrowed are the suites of the frameworks and folders that flags name.
func (c initCmd) narrowed(a *App, found []suite.Detected, folders []string) ([]suite.Detected, error) {
	var kinds []string
	for _, d := range found {
		if kind := d.Kind(); !slices.Contains(kinds, kind) {
			kinds = append(kinds, kind)
		}
	}
	for _, name := range c.Framework {
		if !slices.Contains(kinds, name) && !slices.ContainsFunc(found, func(d suite.Detected) bool { return d.Spec.Framework == name }) {
			return nil, usage("--framework %s: no such suite was found; there is %s", name, strings.Join(kinds, ", "))
		}
	}
	var kept []suite.Detected
	for _, d := range found {
		if len(c.Framework) > 0 && !slices.Contains(c.Framework, d.Kind()) && !slices.Contains(c.Framework, d.Spec.Framework) {
			continue
		}
		if len(folders) == 0 {
			kept = append(kept, d)
		}
		for _, folder := range folders {
			if in, ok := suite.Narrow(d, folder); ok {
				kept = append(kept, in)
			}
		}
	}
	if len(kept) == 0 {
		_, _ = fmt.Fprintf(a.Stderr, "%s\n", table(found))
		return nil, usage("none of these suites can start in --dir %s", strings.Join(c.Dir, ", "))
	}
	return kept, nil
}

// optionsOf are what a person chooses among: suites, and the folders of one that nothing says are
// end-to-end tests, those with the most tests first.
func optionsOf(found []suite.Detected) []suite.Detected {
	var options []suite.Detected
	for _, d := range found {
		if len(d.Folders) < 2 {
			options = append(options, d)
			continue
		}
		var folders []suite.Detected
		for _, f := range d.Folders {
			folders = append(folders, suite.Only(d, f))
		}
		slices.SortStableFunc(folders, func(a, b suite.Detected) int { return b.Tests - a.Tests })
		options = append(options, folders...)
	}
	return options
}

// headOf says what was found, and how to choose where init cannot ask.
func headOf(found []suite.Detected) string {
	if len(found) == 1 {
		return "found " + looseText(found[0]) + "; nothing says which of them are end-to-end tests\n" +
			"name their folders, as in: e2e-gate init --dir " + shellWord(optionsOf(found)[0].Spec.Dir) + " --framework " + found[0].Kind() + "\nor take all with --yes"
	}
	return "several suites found; choose with --dir FOLDER and --framework NAME, or take all with --yes"
}

func asked(found []suite.Detected) string {
	if len(found) == 1 {
		return "Found " + looseText(found[0]) + ".\nNothing says which of them are end-to-end tests."
	}
	return "Found several suites."
}

// looseText names the folders with the most tests of a suite.
func looseText(d suite.Detected) string {
	const most = 5
	options := optionsOf([]suite.Detected{d})
	var names []string
	for _, o := range options[:min(len(options), most)] {
		names = append(names, fmt.Sprintf("./%s (%d)", o.Spec.Dir, o.Tests))
	}
	text := "Go tests in " + safeLine(strings.Join(names, ", "))
	if more := len(options) - most; more > 0 {
		text += fmt.Sprintf(" and %s", report.Plural(more, "more folder", "more folders"))
	}
	return text
}

var shellSafe = regexp.MustCompile(`^[\w./][\w./-]*$`)

// shellWord is a name as a shell reads it.
func shellWord(name string) string {
	if name == "" {
		return "."
	}
	if shellSafe.MatchString(name) {
		return name
	}
	if strings.HasPrefix(name, "-") {
		name = "./" + name
	}
	return safeLine("'" + strings.ReplaceAll(name, "'", `'\''`) + "'")
}

// maxOptions is how many suites a table shows.
const maxOptions = 20

// table lists suites with a number each.
func table(found []suite.Detected) string {
	var text strings.Builder
	tw := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(tw, "  \tFRAMEWORK\tDIR\tTESTS\tFOUND BY")
	for i, d := range found[:min(len(found), maxOptions)] {
		_, _ = fmt.Fprintf(tw, "  %d\t%s\t%s\t%s\t%s\n", i+1, d.Kind(), dirOf(d), about(d), scaffold.Why(d))
	}
	_ = tw.Flush()
	if more := len(found) - maxOptions; more > 0 {
		fmt.Fprintf(&text, "  and %d more\n", more)
	}
	return text.String()
}

func dirOf(d suite.Detected) string { return safeLine(path.Clean("./" + d.Spec.Dir)) }

// about is the number of a suite's tests, as its sources look.
func about(d suite.Detected) string {
	if d.Tests == 0 {
		return "-"
	}
	return fmt.Sprintf("about %d", d.Tests)
}

// write writes a file and returns true, or prints why not and what it would have written. It
// follows no link out of the repository.
func (c initCmd) write(a *App, top, name, text string) (bool, error) {
	dir, err := os.OpenRoot(top)
	if err != nil {
		return false, usage("%w", err)
	}
	defer func() { _ = dir.Close() }()
	file := filepath.FromSlash(name)
	_, err = dir.Lstat(file)
	exists := err == nil
	if c.DryRun || exists && !c.Force {
		what := "would write " + name
		if exists && !c.Force {
			what = name + " exists and is not changed; with --force it would become"
		}
		_, _ = fmt.Fprintf(a.Stdout, "%s:\n\n%s\n", what, text)
		return false, nil
	}
	if exists { // rather than write through a link
		err = dir.Remove(file)
	} else if err = dir.MkdirAll(filepath.Dir(file), 0o755); errors.Is(err, fs.ErrExist) {
		err = nil
	}
	if err == nil {
		err = dir.WriteFile(file, []byte(text), 0o644)
	}
	if err != nil {
		return false, usage("cannot write %s: %w; e2e-gate init --dry-run prints what it would be", name, reason(err))
	}
	_, _ = fmt.Fprintf(a.Stdout, "wrote %s\n", name)
	return true, nil
}

// reason is an error without the path that it is about.
func reason(err error) error {
	if at := (*fs.PathError)(nil); errors.As(err, &at) {
		return at.Err
	}
	return err
}

func (a *App) printFound(found []suite.Detected) {
	tw := tabwriter.NewWriter(a.Stdout, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(tw, "SUITE\tFRAMEWORK\tDIR\tTESTS\tFOUND BY")
	for _, d := range found {
		_, _ = fmt.Fprintf(tw, "%s\t%s\t%s\t%s\t%s\n", safeLine(d.Spec.Name), d.Spec.Framework, dirOf(d), about(d), scaffold.Why(d))
	}
	_ = tw.Flush()
	_, _ = fmt.Fprintln(a.Stdout)
}

// firstTests is how many tests init shows, listLimit how long it waits for the frameworks to list
// them: a build may download its packages first.
const (
	firstTests = 10
	listLimit  = 5 * time.Minute
)

// firstCheck runs lint on the config that was written, lists the tests of the suites that this machine
// can list, and says what to do next. Nothing of it fails init: the files are written.
func (a *App) firstCheck(ctx context.Context, top string, plan scaffold.Plan, found []suite.Detected) error {
	var todo, whole []string
	missing := map[string]bool{}
	for _, d := range found {
		switch what := plan.Missing(top, d, installed); {
		case what != "":
			missing[d.Spec.Name] = true
			todo = append(todo, fmt.Sprintf("suite %s: %s", d.Spec.Name, what))
		case d.Runner != "" && len(d.Spec.List) == 0:
			whole = append(whole, d.Spec.Name)
		}
	}
	s, err := a.prepare(ctx, staged{Stage: firstStage}, config.AllSections, "")
	if err != nil {
		_, _ = fmt.Fprintln(a.Stderr, safeLine("the config that was written cannot be checked here: "+err.Error()))
		return nil
	}
	required, findings := lintWorkflows(s.root, true)
	findings = append(append(s.own.Lint(), s.lint(s.own, a.Environ)...), findings...)
	findings = append(findings, placeholderOwner(s.own)...)
	listed := false
	here := *s.config
	s.config = &here
	here.Suites = slices.DeleteFunc(slices.Clone(s.config.Suites), func(spec suite.Spec) bool { return missing[spec.Name] })
	var ids []string
	if len(here.Suites) > 0 {
		session, err := s.session(ctx, staged{}, false, true, nil)
		if err != nil {
			return err
		}
		_, _ = fmt.Fprintln(a.Stderr, "listing the tests; none is run")
		limit := cmp.Or(a.listLimit, listLimit)
		ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("its tests were not listed within %s", limit))
		defer cancel()
		tests, more := session.List(ctx)
		for _, t := range tests {
			if !slices.Contains(whole, t.Suite) {
				ids = append(ids, t.ID)
			}
		}
		listed, findings = len(here.Suites) > len(whole), append(more, findings...)
	}
	s.console.Done()
	a.printListed(ids, listed, whole, todo)
	for _, m := range findings {
		if m.Severity == diag.Error || m.Severity == diag.Warning {
			_, _ = fmt.Fprintln(a.Stdout, safeLine("lint: "+m.String()))
		}
	}
	next := "Next: e2e-gate run"
	switch {
	case len(todo) > 0:
		next = "Next: what is missing above, then e2e-gate run"
	case listed && len(ids) == 0:
		next = "Next: what lint says above, then e2e-gate run"
		if install := plan.Commands(found[0]); len(found) == 1 && install != "" {
			next = "Next: what lint says above (its packages: " + install + "), then e2e-gate run"
		}
	}
	a.printNext(safeLine(next), required)
	return nil
}

// printListed shows the first tests, and which suites are not listed.
func (a *App) printListed(ids []string, listed bool, whole, todo []string) {
	_, _ = fmt.Fprintln(a.Stdout)
	if listed {
		_, _ = fmt.Fprintf(a.Stdout, "%s:\n", report.Plural(len(ids), "test listed, none was run", "tests listed, none was run"))
		for _, id := range ids[:min(len(ids), firstTests)] {
			_, _ = fmt.Fprintln(a.Stdout, "  "+safeLine(id))
		}
		if more := len(ids) - firstTests; more > 0 {
			_, _ = fmt.Fprintf(a.Stdout, "  and %s\n", report.Plural(more, "more", "more"))
		}
	}
	for _, name := range whole {
		text := "suite " + name + " runs as a whole, and its tests are known after the first run; with list: it has shards and single reruns"
		_, _ = fmt.Fprintln(a.Stdout, safeLine(text))
	}
	for _, what := range todo {
		_, _ = fmt.Fprintln(a.Stdout, safeLine("not listed yet: "+what))
	}
	_, _ = fmt.Fprintln(a.Stdout)
}

func (a *App) printNext(next string, required []string) {
	check := requiredCheck
	if len(required) > 0 && !slices.Contains(required, requiredCheck) {
		check = required[0]
	}
	_, _ = fmt.Fprintf(a.Stdout, "\n%s\nThen commit both files, and require the check %q in a ruleset. What the environment under test needs\n"+
		"(addresses, secrets) belongs into the workflow's last step, under env:.\n", next, safeLine(check))
}

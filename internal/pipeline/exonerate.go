package pipeline

import (
	"context"
	"fmt"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/hmarr/codeowners"

	"github.com/org/e2e-gate/internal/config"
	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/history"
	"github.com/org/e2e-gate/internal/policy"
	"github.com/org/e2e-gate/internal/suite"
	"github.com/org/e2e-gate/internal/verdict"
)

// maxExonerated bounds how many failures are compared with the base: where more fail, the base does not explain them.
const maxExonerated = 1000

// exonerated judges once more where failures of a pull request may be those of its base, by runs that the forge vouches for.
// What it cannot ask, and what it is not told, excuses nothing.
func (s *Session) exonerated(ctx context.Context, in verdict.In, out verdict.Out) (verdict.In, verdict.Out, error) {
	failed := map[string]bool{}
	for i := range out.Result.Tests {
		if t := &out.Result.Tests[i]; t.Outcome == e2e.Failed && t.Effect == e2e.Blocks && policy.Column(t.Test) == e2e.ReleaseBlocking {
			failed[t.Stable()] = true
		}
	}
	if len(failed) == 0 || len(failed) > maxExonerated || !s.exonerates() {
		return in, out, nil
	}
	if !allKnown(s.opts.ChangedPaths) {
		s.opts.Progress.Note("no failure is compared with the base, because the files of the change are not all known; check out with fetch-depth: 0")
		return in, out, nil
	}
	found, err := s.vouched(ctx)
	if err != nil && !slices.ContainsFunc(out.Counted, func(doc e2e.ShardRun) bool { return doc.Probe != nil }) {
		return in, out, nil
	}
	variant := variantOf(out.Counted)
	if variant == "" && err == nil {
		s.opts.Progress.Note("no failure is compared with earlier runs of the base, because the shards ran on several platforms")
	}
	runs, refused := history.Vouched(found, history.Question{
		Repository: s.run.Repository, Stage: s.run.Stage, Variant: variant, Commits: s.opts.Baseline.Commits, Tests: failed,
		Now: s.opts.Now(),
	})
	if len(refused) > 0 {
		s.opts.Progress.Note(fmt.Sprintf("not compared with the base: %s", e2e.SomeOf(refused)))
	}
	in.Base = verdict.Base{Branch: s.opts.Trigger.Branch, MaxAge: config.DefaultMaxAge,
		Failures: map[string]verdict.BaseFailure{}, Repaired: map[string]bool{},
		Commit: s.opts.Baseline.Commits[0]}
	if most := s.opts.Config.Exonerate.MaxAge; most != nil {
		in.Base.MaxAge = *most
	}
	if s.probes() {
		in.Base.MaxProbed = s.maxProbed()
	}
	for _, r := range runs {
		if r.Beyond {
			for id, t := range r.Tests {
				if t.Outcome == e2e.Passed && newerThanAll(r, runs) {
					in.Base.Repaired[id] = true
				}
			}
			continue
		}
		one := verdict.BaseRun{Tests: map[string]verdict.BaseTest{},
			BaseRun: e2e.BaseRun{ID: r.RunID, SHA: r.SHA, Started: r.Started, URL: s.pageOf(r.WorkflowRun)}}
		for id, t := range r.Tests {
			one.Tests[id] = verdict.BaseTest{Outcome: t.Outcome, Fingerprint: t.Exact}
		}
		in.Base.Runs = append(in.Base.Runs, one)
	}
	owners := s.codeowners()
	for i := range out.Result.Tests {
		t := &out.Result.Tests[i]
		if !failed[t.Stable()] {
			continue
		}
		in.Base.Failures[t.Stable()] = verdict.BaseFailure{Touched: s.touched(t, out.Result.Judging, owners), Fingerprints: s.fingerprints(t)}
	}
	out, err = verdict.Within(ctx, in)
	return in, out, err
}

// vouched asks the forge once: a run that is judged again, after a probe, has the same records.
func (s *Session) vouched(ctx context.Context) (found []history.Found, err error) {
	if s.asked == nil {
		found, err = s.opts.Vouched(ctx)
		if ctx.Err() != nil {
			return found, err
		}
		if err != nil {
			s.opts.Progress.Note(fmt.Sprintf("no failure is compared with earlier runs of the base: %v", err))
		}
		s.asked = func() ([]history.Found, error) { return found, err }
	}
	return s.asked()
}

// newerThanAll reports whether a run started after all runs of the base.
func newerThanAll(r history.VouchedRun, runs []history.VouchedRun) bool {
	return !slices.ContainsFunc(runs, func(o history.VouchedRun) bool { return !o.Beyond && !o.Started.Before(r.Started) })
}

// variantOf is the platform of all shards; empty: they had several, and a failure may be one of a platform.
func variantOf(docs []e2e.ShardRun) string {
	variant := runtime.GOOS + "/" + runtime.GOARCH
	for i, doc := range docs {
		switch {
		case i == 0:
			variant = doc.Platform
		case doc.Platform != variant:
			return ""
		}
	}
	return variant
}

// fingerprints are what the attempts of a test say exactly, in their order.
func (s *Session) fingerprints(t *e2e.TestResult) (list []string) {
	for _, a := range t.Attempts {
		list = append(list, history.ExactOf(a, s.run.ID))
	}
	return list
}

// exonerates reports whether the base can excuse anything.
func (s *Session) exonerates() bool { return s.opts.Vouched != nil && s.hasBase() }

// hasBase reports whether failures may be those of a base: only in a whole run of a pull request that the base judges.
func (s *Session) hasBase() bool {
	j, b := s.opts.Judging, s.opts.Baseline
	return s.run.Narrowed == nil && strings.HasPrefix(s.run.Event, "pull_request") && j != nil && j.By == e2e.JudgedByBase &&
		b != nil && len(b.Commits) > 0
}

// pageOf is the page of another workflow run of the repository.
func (s *Session) pageOf(workflowRun string) string {
	if own := s.run.WorkflowRun; own != "" && strings.HasSuffix(s.run.URL, "/"+own) {
		return strings.TrimSuffix(s.run.URL, own) + workflowRun
	}
	return ""
}

// touched says what the change has to do with a failed test: its judge, its suite's files or those beside it, a file that the
// failure names, or a file of the test's owner. Empty: nothing.
func (s *Session) touched(t *e2e.TestResult, judging *e2e.Judging, owners codeowners.Ruleset) string {
	if judging != nil && len(judging.Changes) > 0 {
		return "the change alters what judges it"
	}
	return s.touchedBy("the change", s.opts.ChangedPaths, t, owners)
}

// touchedBy says what changed files have to do with a failed test, as a sentence about who changed them. Empty: nothing.
func (s *Session) touchedBy(who string, files []string, t *e2e.TestResult, owners codeowners.Ruleset) string {
	dir := "."
	if i := slices.IndexFunc(s.opts.Config.Suites, func(one suite.Spec) bool { return one.Name == t.Suite }); i >= 0 {
		dir = path.Clean(filepath.ToSlash(s.opts.Config.Suites[i].Dir))
	}
	if dir == "." { // the whole repository; then the folder at its top in which the test lies
		top, _, below := strings.Cut(t.File, "/")
		if !below {
			return "the suite is at the root of the repository, so any change may touch its tests"
		}
		dir = top
	}
	var text strings.Builder
	for _, a := range t.Attempts {
		text.WriteString(a.Message + "\n" + a.Details + "\n")
	}
	failure := strings.ReplaceAll(text.String(), `\`, "/")
	for _, file := range files {
		switch {
		case within(file, dir):
			return fmt.Sprintf("%s touches %s, which belongs to the suite", who, file)
		case s.starts(file):
			return fmt.Sprintf("%s touches %s, which starts the suite or what it needs", who, file)
		case path.Base(file) == "CODEOWNERS":
			return fmt.Sprintf("%s touches %s, which says whose files are whose", who, file)
		case strings.HasPrefix(file, ".github/") || manifest(path.Base(file)):
			return fmt.Sprintf("%s touches %s, which may change what every test runs with", who, file)
		case namedIn(failure, file):
			return fmt.Sprintf("%s touches %s, which the failure names", who, file)
		case t.Owner != "" && s.owns(owners, file, t.Owner):
			return fmt.Sprintf("%s touches %s, which belongs to %s", who, file, t.Owner)
		}
		if name := s.serviceOf(t, file); name != "" {
			return fmt.Sprintf("%s touches %s, which belongs to the service %s that the test needs", who, file, name)
		}
	}
	return ""
}

// serviceOf is a service with a path of a file that a test needs, itself or by another one; empty: there is none.
func (s *Session) serviceOf(t *e2e.TestResult, file string) string {
	for _, name := range s.servicesOf(file) {
		if (&e2e.Scope{Services: s.opts.Config.UsersOf(name)}).NeededBy(&t.Test) {
			return name
		}
	}
	return ""
}

// servicesOf are the services with a path of a file. Each file is looked up once: there may be thousands, and as many failures.
func (s *Session) servicesOf(file string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if names, known := s.fileServices[file]; known {
		return names
	}
	var names []string
	for _, one := range s.opts.Config.Services {
		if matches(one.Paths, file) {
			names = append(names, one.Name)
		}
	}
	if s.fileServices == nil {
		s.fileServices = map[string][]string{}
	}
	s.fileServices[file] = names
	return names
}

// owned is a file of the change, and whose it is, by the paths of services and by CODEOWNERS.
type owned struct {
	file   string
	owners []string
}

// ownedChanges are the files of the change with their owners; none where they are not all known.
func (s *Session) ownedChanges(owners codeowners.Ruleset) (list []owned) {
	if !allKnown(s.opts.ChangedPaths) {
		return nil
	}
	for _, file := range s.opts.ChangedPaths {
		one, services := owned{file: file}, s.servicesOf(file)
		for _, service := range s.opts.Config.Services {
			if service.Owner != "" && slices.Contains(services, service.Name) {
				one.owners = append(one.owners, service.Owner)
			}
		}
		if owner := ownerOf(owners, file); owner != "" {
			one.owners = append(one.owners, owner)
		}
		list = append(list, one)
	}
	return list
}

// outsideOf says of a failed test that the change touches nothing of its owner, and whose files it touches instead. Empty: that is
// not known, or not so.
func (s *Session) outsideOf(t *e2e.TestResult, changes []owned, owners codeowners.Ruleset) string {
	const most = 3
	spec, ok := s.opts.Config.Suite(t.Suite)
	if t.Owner == "" || !ok || dirOf(spec) == "." || len(changes) == 0 {
		return ""
	}
	var changed []string
	known := false
	for _, one := range changes {
		if slices.Contains(one.owners, t.Owner) || within(one.file, dirOf(spec)) || len(owners) > 0 && s.owns(owners, one.file, t.Owner) {
			return ""
		}
		whose := "no team"
		if len(one.owners) > 0 {
			known, whose = true, one.owners[0]
		}
		if len(changed) < most {
			changed = append(changed, one.file+", owned by "+whose)
		}
	}
	if !known {
		return "" // whose files they are is not declared
	}
	more := ""
	if n := len(changes) - len(changed); n > 0 {
		more = fmt.Sprintf("; and %d more", n)
	}
	return fmt.Sprintf("the change touches nothing of %s; changed: %s%s", t.Owner, strings.Join(changed, "; "), more)
}

// manifests are files that decide with which packages, and with which versions of tools, everything runs.
var manifests = []string{
	"package.json", "package-lock.json", "npm-shrinkwrap.json", "pnpm-lock.yaml", "pnpm-workspace.yaml", "yarn.lock", ".yarnrc.yml", "bun.lock", "bun.lockb",
	"deno.json",
	"deno.lock", ".npmrc", ".nvmrc", ".node-version", ".tool-versions", "mise.toml", "go.mod", "go.sum", "go.work", "go.work.sum", "pom.xml", "build.gradle",
	"build.gradle.kts", "settings.gradle", "settings.gradle.kts", "gradle.properties", "gradle.lockfile", "libs.versions.toml", "pyproject.toml", "uv.lock",
	"poetry.lock",
	"Pipfile", "Pipfile.lock", ".python-version", "Gemfile", "Gemfile.lock", ".ruby-version", "composer.json", "composer.lock", "Cargo.toml", "Cargo.lock",
	"rust-toolchain.toml", "mix.exs", "mix.lock", "pubspec.yaml", "pubspec.lock", "Directory.Packages.props", "packages.lock.json", "global.json", "Dockerfile",
}

func manifest(name string) bool {
	ext := path.Ext(name)
	return slices.Contains(manifests, name) || ext == ".csproj" || ext == ".fsproj" || ext == ".txt" && strings.HasPrefix(name, "requirements")
}

// namedIn reports whether a failure names a file: by its name, or as languages do that print a class or a module in its place.
func namedIn(failure, file string) bool {
	base := path.Base(file)
	stem := strings.TrimSuffix(base, path.Ext(base))
	for _, name := range []string{base, stem} {
		for rest := failure; len(name) > 2; {
			i := strings.Index(rest, name)
			if i < 0 {
				break
			}
			end := i + len(name)
			within := i > 0 && isWord(rest[i-1]) || end < len(rest) && isWord(rest[end])
			if !within {
				return true
			}
			rest = rest[end:]
		}
	}
	return false
}

func isWord(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z'
}

// starts reports whether a file is an argument of a command of the config, as seen from the root or from the command's folder.
func (s *Session) starts(file string) bool {
	cfg := s.opts.Config
	for _, one := range cfg.Suites {
		if isArgument(file, one.Dir, one.Run, one.List, one.Args) {
			return true
		}
	}
	for _, p := range cfg.Processes {
		if isArgument(file, p.Dir, p.Run, p.Up, p.Down) {
			return true
		}
	}
	return isArgument(file, "", cfg.Isolation.Up, cfg.Isolation.Down)
}

// isArgument reports whether a file is an argument of a command, as seen from the root or from a folder.
func isArgument(file, dir string, commands ...[]string) bool {
	for _, argv := range commands {
		for _, arg := range argv {
			arg = filepath.ToSlash(arg)
			if strings.Contains(arg, path.Base(file)) && (path.Clean(arg) == file || path.Join(filepath.ToSlash(dir), arg) == file || strings.Contains(arg, " ")) {
				return true
			}
		}
	}
	return false
}

// owns reports whether CODEOWNERS gives a file to an owner of tests, by the name or by the account that the config has for it.
func (s *Session) owns(rules codeowners.Ruleset, file, owner string) bool {
	rule, err := rules.Match(file)
	if err != nil || rule == nil {
		return err != nil
	}
	plain := func(name string) string {
		name = strings.ToLower(strings.TrimPrefix(name, "@"))
		return name[strings.LastIndexByte(name, '/')+1:]
	}
	return slices.ContainsFunc(rule.Owners, func(o codeowners.Owner) bool {
		return plain(o.String()) == plain(owner) || plain(o.String()) == plain(s.opts.Config.Owners[owner])
	})
}

package config

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bmatcuk/doublestar/v4"
	tagexpressions "github.com/cucumber/tag-expressions/go/v6"

	"github.com/org/e2e-gate/internal/cluster"
	"github.com/org/e2e-gate/internal/diag"
	"github.com/org/e2e-gate/internal/history"
	"github.com/org/e2e-gate/internal/policy"
	"github.com/org/e2e-gate/internal/proc"
	"github.com/org/e2e-gate/internal/runner"
	"github.com/org/e2e-gate/internal/safetext"
	"github.com/org/e2e-gate/internal/suite"
	"github.com/org/e2e-gate/internal/triage"
	"github.com/org/e2e-gate/shards"
)

// located knows where the values of a config stand.
type located interface {
	At(path, text, hint string) diag.Message
	Has(path string) bool
}

// checker collects the mistakes in values that could be read.
type checker struct {
	c     *Config
	doc   located
	opts  Options
	found []diag.Message
}

func (k *checker) fail(path, text, hint string) {
	k.found = append(k.found, k.doc.At(path, text, hint))
}

// validate checks what the types do not express.
func (c *Config) validate(doc located, opts Options) []diag.Message {
	k := &checker{c: c, doc: doc, opts: opts}
	if !doc.Has("") {
		return nil // nothing could be read at all; that is said already
	}
	k.version()
	k.extends()
	k.stages()
	k.processes()
	k.suites()
	k.journeys()
	k.services()
	k.targets()
	k.paths()
	k.passed()
	k.rest()
	return k.found
}

func (k *checker) version() {
	switch {
	case !k.doc.Has("version"):
		k.fail("", `the key "version" is missing`, "start the file with version: 1")
	case k.c.Version != 1:
		k.fail("version", fmt.Sprintf("version %d of the config language is unknown", k.c.Version), "this e2e-gate reads version 1")
	}
}

// words reports words that the tags of a section's fields do not allow. path is that of the section.
func (k *checker) words(path string, section any) {
	v := reflect.ValueOf(section)
	for f, value := range v.Fields() {
		if f.Tag.Get("enum") == "" {
			continue
		}
		key, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		key = path + "." + key
		allowed := strings.Split(f.Tag.Get("enum"), ",")
		check := func(path, word string) {
			if word != "" && !slices.Contains(allowed, word) {
				k.fail(path, fmt.Sprintf("%q is not allowed here", word), diag.Expected(word, allowed))
			}
		}
		if value.Kind() != reflect.Slice {
			check(key, value.String())
			continue
		}
		for i := range value.Len() {
			check(indexed(k.doc, key, i), value.Index(i).String())
		}
	}
}

func (k *checker) stages() {
	if len(k.c.Stages) == 0 {
		k.fail("stages", "there are no stages", "add one: stages: {pr: {on: [pull_request], select: smoke}}")
	}
	seen := map[string]bool{}
	for _, s := range k.c.Stages {
		path := "stages." + s.Name
		if seen[s.Name] {
			k.fail(path, fmt.Sprintf("stage %q is defined twice", s.Name), "")
		}
		seen[s.Name] = true
		k.words(path, s)
		for i, glob := range s.Branches {
			if !doublestar.ValidatePattern(glob) {
				k.fail(indexed(k.doc, path+".branches", i), fmt.Sprintf("invalid glob %q", glob), "")
			}
		}
		k.expression(path+".select", s.Select)
		k.overlay(path, s)
	}
}

// indexed is the path of a list's element, or of the scalar that is written instead of
// a list.
func indexed(doc located, path string, i int) string {
	if p := fmt.Sprintf("%s[%d]", path, i); doc.Has(p) {
		return p
	}
	return path
}

func (k *checker) expression(path, text string) {
	if _, err := ParseSelect(text); err != nil && !strings.Contains(text, "${") {
		k.fail(path, err.Error(), "use tags with and, or, not and parentheses")
	}
}

// ParseSelect reads a tag expression. The library panics on some malformed ones.
func ParseSelect(text string) (expr tagexpressions.Evaluatable, err error) {
	defer func() {
		if recover() != nil {
			expr, err = nil, fmt.Errorf("invalid tag expression %q: a tag is missing", text)
		}
	}()
	expr, err = tagexpressions.Parse(text)
	if err != nil {
		_, why, _ := strings.Cut(err.Error(), "because of syntax error: ")
		return nil, fmt.Errorf("invalid tag expression %q: %s", text, strings.ToLower(strings.TrimSuffix(why, ".")))
	}
	return expr, nil
}

func (k *checker) processes() {
	seen, variables := map[string]string{}, map[string]string{}
	for i, p := range k.c.Processes {
		path := fmt.Sprintf("processes[%d]", i)
		k.named(path, p.Name, "process", seen)
		k.words(path, p)
		if p.Count != 0 && (p.Count < 1 || p.Count > runner.MaxCopies) {
			k.fail(path+".count", fmt.Sprintf("the number is not between 1 and %d", runner.MaxCopies), "")
		}
		k.copies(path, p, seen, variables)
		if (len(p.Run) == 0) == (len(p.Up) == 0) {
			k.fail(path, fmt.Sprintf("process %s needs either run or up", p.Name), "run: a process that keeps running; up (with down): a command that returns")
		}
		if len(p.Run) > 0 && len(p.Down) > 0 {
			k.fail(path+".down", "down belongs to up; a process started by run is ended by the gate", "")
		}
		k.dir(path+".dir", p.Dir)
	}
}

// copies checks the names of the copies of a process, and the variables with their ports. seen and variables are of those
// before it.
func (k *checker) copies(path string, p runner.ProcessSpec, seen, variables map[string]string) {
	for _, one := range p.Copies() {
		if _, known := seen[one.Name]; one.Index > 0 && known {
			k.fail(path+".count", fmt.Sprintf("a copy of process %s is called %s, and so is another process", p.Name, one.Name), "rename one of them")
		} else if one.Index > 0 {
			seen[one.Name] = path
		}
		if one.Port != runner.AutoPort {
			continue
		}
		variable := runner.PortVariable(one.Name)
		other, known := variables[variable]
		variables[variable] = p.Name
		switch {
		case known:
			k.fail(path+".port", fmt.Sprintf("the variable %s would have the port of process %s too", variable, other), "rename one of the processes")
		case !strings.ContainsAny(variable[:1], "ABCDEFGHIJKLMNOPQRSTUVWXYZ") || strings.HasPrefix(variable, "E2E_"):
			k.fail(path+".port", fmt.Sprintf("the port would be in the variable %s, which is not a valid name for it", variable),
				"let the name of the process begin with another word")
		case proc.Withheld(variable, k.c.Secrets):
			k.fail(path+".port", fmt.Sprintf("the port would be in the variable %s, which no child process gets, since it looks like a secret", variable),
				"rename the process")
		}
	}
}

// named checks a name. seen has the paths of those before it, by name.
func (k *checker) named(path, name, what string, seen map[string]string) {
	first, known := seen[name]
	switch {
	case name == "":
		k.fail(path, fmt.Sprintf("a %s needs a name", what), "add name:")
	case strings.ContainsAny(name, "/:\\ \t\n"):
		k.fail(path+".name", fmt.Sprintf("the name %q holds a space, slash or colon", name), "use letters, digits, dots, dashes and underscores")
	case known:
		k.fail(path+".name", fmt.Sprintf("duplicate name %q", name), "names must be unique"+k.other(first+".name", path+".name"))
	}
	if !known {
		seen[name] = path
	}
}

// other says where a path is, if that is in another file than a second one.
func (k *checker) other(path, second string) string {
	m := k.doc.At(path, "", "")
	if m.File == k.doc.At(second, "", "").File {
		return ""
	}
	return fmt.Sprintf("; the other one is at %s:%d:%d", m.File, m.Line, m.Col)
}

// dir checks that a directory exists below the root, where its path is known.
func (k *checker) dir(path, dir string) {
	if dir == "" || strings.Contains(dir, "${") || !slices.Contains(k.opts.Uses, section(path)) {
		return
	}
	if !filepath.IsLocal(dir) {
		k.fail(path, fmt.Sprintf("the directory %s is not below the repository root", dir), "give a path relative to the root, without ..")
		return
	}
	if info, err := os.Stat(filepath.Join(k.opts.Root, dir)); err != nil || !info.IsDir() {
		k.fail(path, fmt.Sprintf("there is no directory %s", dir), "paths are relative to the repository root"+k.besideConfig(dir))
	}
}

// besideConfig proposes a directory that lies beside the config, for those who expect paths to be relative to that.
func (k *checker) besideConfig(dir string) string {
	file, err := filepath.Abs(k.opts.File)
	if err != nil || k.opts.File == "" {
		return ""
	}
	beside, err := filepath.Rel(k.opts.Root, filepath.Join(filepath.Dir(file), dir))
	if err != nil || !filepath.IsLocal(beside) {
		return ""
	}
	if info, err := os.Stat(filepath.Join(k.opts.Root, beside)); err != nil || !info.IsDir() {
		return ""
	}
	return "; write " + filepath.ToSlash(beside)
}

func (k *checker) suites() {
	if len(k.c.Suites) == 0 {
		k.fail("suites", "there are no suites", "add one: suites: [{name: api, framework: gotest, dir: e2e}]")
	}
	seen := map[string]string{}
	for i, s := range k.c.Suites {
		path := fmt.Sprintf("suites[%d]", i)
		k.named(path, s.Name, "suite", seen)
		k.words(path, s)
		k.dir(path+".dir", s.Dir)
		for _, p := range suite.Validate(s, func(key string) bool { return k.doc.Has(path + "." + key) }) {
			where := path
			if p.Path != "" {
				where += "." + p.Path
			}
			if !k.doc.Has(where) {
				where = strings.TrimSuffix(where, "[0]") // a scalar written for a list
			}
			k.fail(where, p.Text, p.Hint)
		}
	}
}

// passed refuses to hand on what is the gate's own.
func (k *checker) passed() {
	for _, h := range k.c.handed() {
		for i, name := range h.names {
			if proc.Own(name) {
				k.fail(indexed(k.doc, h.path, i), fmt.Sprintf(ownText, name), ownHint)
			}
		}
	}
}

func (k *checker) journeys() {
	for _, j := range k.c.Journeys {
		k.words("journeys."+j.Name, j)
	}
}

// sameName is how a mistake names the check that has the name already.
var sameName = regexp.MustCompile(`^(checks\[\d+\]) has the same name`)

// probeNames are the kinds of evidence that a probe can find.
var probeNames = []string{"events", "audit", "logs", "state", "request"}

func (k *checker) rest() {
	if slices.Contains(k.opts.Uses, "gates") {
		for _, p := range k.c.Gates.Validate() {
			if first := sameName.FindStringSubmatch(p.Text); first != nil {
				p.Hint += k.other("gates."+first[1]+".name", "gates."+p.Path)
			}
			k.fail("gates."+p.Path, p.Text, p.Hint)
		}
	}
	if slices.Contains(k.opts.Uses, "isolation") {
		for _, p := range k.c.Isolation.Validate() {
			k.fail("isolation."+p.Path, p.Text, p.Hint)
		}
		k.dir("isolation.dir", k.c.Isolation.Dir)
	}
	if k8s := &k.c.Executor.Kubernetes; slices.Contains(k.opts.Uses, "executor") && !reflect.DeepEqual(*k8s, cluster.Spec{}) {
		for _, p := range k8s.Validate() {
			k.fail("executor.kubernetes."+p.Path, p.Text, p.Hint)
		}
		k.words("executor.kubernetes", *k8s)
	}
	if slices.Contains(k.opts.Uses, "links") {
		for _, p := range k.c.Links.Validate() {
			k.fail("links."+p.Path, p.Text, p.Hint)
		}
	}
	if slices.Contains(k.opts.Uses, "probes") {
		for _, p := range k.c.Probes.Validate() {
			k.fail("probes."+p.Path, p.Text, p.Hint)
		}
		for _, name := range slices.Sorted(maps.Keys(k.c.Probes)) {
			if !slices.Contains(probeNames, name) {
				k.fail("probes."+name, "unknown probe", diag.Expected(name, probeNames))
			}
		}
	}
	for _, p := range triage.Validate(k.c.Triage.Rules) {
		k.fail("triage."+p.Path, p.Text, p.Hint)
	}
	k.owners(k.c.Owners)
	k.history()
	k.words("judge.approve", k.c.Judge.Approve)
	k.maxAge(k.c.Exonerate.MaxAge)
	if k.c.Exonerate.Max < 0 {
		k.fail("exonerate.max", "max cannot be negative", "remove it for the default of 50")
	}
	k.rerun(k.c.Rerun)
	k.words("shards", k.c.Shards)
	k.shards()
}

// shards checks how many there may be: a matrix and one machine take fewer than pods of a cluster do. Where shards run is known when they
// are planned; here, a number that is too high wherever they run is refused.
func (k *checker) shards() {
	most, hint := shards.MaxMatrix, "more need pods of a cluster, see executor"
	text := "a GitHub matrix has at most %d jobs, and one machine as many shards; found %d"
	if !reflect.DeepEqual(k.c.Executor.Kubernetes, cluster.Spec{}) {
		most, hint, text = shards.MaxCount, "", "at most %d shards are possible, found %d"
	}
	if n := k.c.Shards.Max; n < 0 {
		k.fail("shards.max", fmt.Sprintf("the number is negative, found %d", n), "leave it out for the default of "+strconv.Itoa(shards.DefaultMax))
	}
	for path, n := range map[string]int{"shards.count": int(k.c.Shards.Count), "shards.max": k.c.Shards.Max} {
		if n > most {
			k.fail(path, fmt.Sprintf(text, most, n), hint)
		}
	}
}

func (k *checker) owners(owners map[string]string) {
	for _, name := range slices.Sorted(maps.Keys(owners)) {
		if team := owners[name]; !safetext.ValidMention(team) {
			k.fail("owners."+name, fmt.Sprintf("%q cannot be mentioned", team), "write @user or @organisation/team")
		}
	}
}

// maxAge checks how long a red base excuses.
func (k *checker) maxAge(most *time.Duration) {
	if most != nil && *most > policy.MaxQuarantine {
		k.fail("exonerate.max_age", fmt.Sprintf("a red base excuses for %d days at most", policy.MaxQuarantine/(24*time.Hour)),
			"quarantine tests that are to fail for longer, with a deadline")
	}
}

func (k *checker) rerun(r Rerun) { k.rerunAt("rerun", r) }

func (k *checker) rerunAt(path string, r Rerun) {
	if n := r.MaxFailures; n != nil && *n < 0 {
		k.fail(path+".max_failures", "max_failures cannot be negative", "0 means no reruns")
	}
}

func (k *checker) extends() {
	if k.c.Extends == "" {
		if k.doc.Has("extends") {
			k.fail("extends", "extends is empty", sourceHint)
		}
		return
	}
	if _, err := ParseSource(k.c.Extends); err != nil {
		k.fail("extends", fmt.Sprintf("%q %v", k.c.Extends, err), sourceHint)
	}
}

var workflowFile = regexp.MustCompile(`^\.github/workflows/[A-Za-z0-9_][A-Za-z0-9._-]*\.ya?ml$`)

// history checks the workflow, and the store's address where its variables are resolved.
func (k *checker) history() {
	if name := k.c.History.Workflow; name != "" && !workflowFile.MatchString(name) {
		k.fail("history.workflow", fmt.Sprintf("%q is not a workflow's file of this repository", name), "write its path, such as .github/workflows/e2e-main.yml")
	}
	if strings.Contains(k.c.History.Store, "${") {
		return
	}
	_, err := history.ParseAddress(k.c.History.Store)
	if wrong := (*history.AddressError)(nil); errors.As(err, &wrong) {
		k.fail("history.store", wrong.Text, wrong.Hint)
	}
}

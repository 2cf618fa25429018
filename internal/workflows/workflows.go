// Package workflows reads the workflows of a repository and answers, for each job that carries the gate's verdict: does a check of
// a fixed name report on every pull request and merge group, and does it report the verdict?
//
// The facts about GitHub behind the rules: a required check passes if it is skipped or neutral; a job is skipped if its condition is
// false or a job that it needs did not succeed, unless its condition is always(); a called workflow whose calling job is skipped
// reports nothing; a workflow that a filter skips leaves its checks pending (docs.github.com, "Troubleshooting required status
// checks" and "Using conditions to control job execution").
package workflows

import (
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"github.com/org/e2e-gate/internal/diag"
)

// Options are what a repository's workflows are checked for.
type Options struct {
	Root string
	// Queue says that a stage runs in a merge queue.
	Queue bool
	// Inputs are the names of the action's inputs, by which a copy under another name is known.
	Inputs []string
}

const (
	// maxFile bounds a workflow or an action that is read, in bytes.
	maxFile = 1 << 20
	// maxDepth is how deep workflows may call one another, as on GitHub, and composite actions here.
	maxDepth = 10
)

// file is a workflow, or a composite action.
type file struct {
	// name is its path in the repository, with slashes.
	name   string
	parsed *ast.File

	On          any            `yaml:"on"`
	Permissions any            `yaml:"permissions"`
	Concurrency any            `yaml:"concurrency"`
	Defaults    any            `yaml:"defaults"`
	Jobs        map[string]job `yaml:"jobs"`
	// Of an action.
	Inputs map[string]any         `yaml:"inputs"`
	Runs   struct{ Steps []step } `yaml:"runs"`
}

type job struct {
	Name            any            `yaml:"name"`
	If              any            `yaml:"if"`
	Needs           any            `yaml:"needs"`
	Uses            string         `yaml:"uses"`
	With            map[string]any `yaml:"with"`
	Secrets         any            `yaml:"secrets"`
	Env             any            `yaml:"env"`
	Strategy        map[string]any `yaml:"strategy"`
	ContinueOnError any            `yaml:"continue-on-error"`
	Concurrency     any            `yaml:"concurrency"`
	// Permissions replace those of the workflow.
	Permissions any    `yaml:"permissions"`
	Defaults    any    `yaml:"defaults"`
	RunsOn      any    `yaml:"runs-on"`
	Steps       []step `yaml:"steps"`
}

type step struct {
	If              any            `yaml:"if"`
	Uses            string         `yaml:"uses"`
	Run             string         `yaml:"run"`
	Shell           any            `yaml:"shell"`
	With            map[string]any `yaml:"with"`
	Env             any            `yaml:"env"`
	ContinueOnError any            `yaml:"continue-on-error"`
}

// repository are the workflows of a checkout.
type repository struct {
	Options
	workflows []*file
	found     []diag.Message
}

// Lint returns the names of the checks that carry the verdict on pull requests, and what prevents them from being required.
func Lint(opts Options) (required []string, found []diag.Message) {
	r := &repository{Options: opts}
	names, _ := filepath.Glob(filepath.Join(opts.Root, ".github", "workflows", "*.y*ml")) // the pattern is our own
	for _, name := range names {
		if f := r.read(path.Join(".github", "workflows", filepath.Base(name))); f != nil {
			r.workflows = append(r.workflows, f)
		}
	}
	for _, f := range r.workflows {
		for _, id := range slices.Sorted(maps.Keys(f.Jobs)) {
			r.shard(f, id)
			for _, c := range r.carriers(f, id, 0) {
				r.permissions(c)
				if f.runsOn("pull_request") {
					required = append(required, c.check)
					r.check(c)
				}
			}
		}
		if f.runsOn("pull_request") {
			r.unjudged(f)
		}
	}
	slices.Sort(required)
	return slices.Compact(required), r.found
}

// read reads a workflow or an action; nil where it is none: actionlint and GitHub say what is wrong with it.
func (r *repository) read(name string) *file {
	where := filepath.Join(r.Root, filepath.FromSlash(name))
	info, err := os.Lstat(where)
	if err != nil || !info.Mode().IsRegular() || info.Size() > maxFile {
		return nil
	}
	data, err := os.ReadFile(where) //nolint:gosec // found in the repository
	if err != nil {
		return nil
	}
	f := &file{name: name}
	if f.parsed, err = parser.ParseBytes(data, 0); err != nil || yaml.Unmarshal(data, f) != nil {
		return nil
	}
	return f
}

// at is the position of a value; 0 where it is not known.
func (f *file) at(parts ...any) (line, col int) {
	b := (&yaml.PathBuilder{}).Root()
	for _, part := range parts {
		switch p := part.(type) {
		case string:
			b = b.Child(p)
		case int:
			b = b.Index(uint(p)) //nolint:gosec // the index of a step
		}
	}
	node, err := b.Build().FilterFile(f.parsed)
	if err != nil || node == nil || node.GetToken() == nil {
		return 0, 0
	}
	pos := node.GetToken().Position
	return pos.Line, pos.Column
}

// say adds a finding about a value of a workflow.
func (r *repository) say(f *file, severity diag.Severity, text, hint string, at ...any) {
	m := diag.Message{File: f.name, Severity: severity, Text: text, Hint: hint}
	m.Line, m.Col = f.at(at...)
	if !slices.Contains(r.found, m) {
		r.found = append(r.found, m)
	}
}

// runsOn reports whether an event triggers a workflow.
func (f *file) runsOn(event string) bool {
	switch on := f.On.(type) {
	case string:
		return on == event
	case []any:
		return slices.Contains(on, any(event))
	case map[string]any:
		_, ok := on[event]
		return ok
	}
	return false
}

// carrier is a job that carries the verdict, and the jobs that call it, the outermost first.
type carrier struct {
	jobs []placed
	// check is the name of its check.
	check string
}

type placed struct {
	file *file
	id   string
	job  job
	// step is the index of the step with the verdict; -1: the job calls a workflow.
	step int
	// gate says that the job calls a workflow of the gate's own.
	gate bool
}

var (
	usesGate     = regexp.MustCompile(`^[\w.-]+/e2e-gate(?:@|/\.github/actions/(?:without-upload|gate)@)`)
	usesReusable = regexp.MustCompile(`^(?:[\w.-]+/[\w.-]+|\.)/\.github/workflows/e2e-gate(?:-by-tag|-enterprise|-oidc)?\.yml(?:@|$)`)
	// runsGate finds the program in a script, and what follows it on its line.
	runsGate = regexp.MustCompile(`(?m)(?:^|&&|\|\||;)[ \t]*(?:(?:exec|time|sudo|env|go run)[ \t]+)*(?:\w+=\S*[ \t]+)*(?:\S*[/\\])?` +
		`e2e-gate(?:\.exe)?(?:@\S+)?[ \t]+(run|verdict|plan|shard)\b((?:\\\r?\n|[^\n])*)`)
)

// carriers are the jobs with a verdict that a job is or calls.
func (r *repository) carriers(f *file, id string, depth int) []carrier {
	j := f.Jobs[id]
	own := placed{file: f, id: id, job: j, step: -1}
	switch {
	case depth > maxDepth:
		return nil
	case usesReusable.MatchString(j.Uses):
		own.gate = true
		return []carrier{{[]placed{own}, j.check(id) + " / verdict"}}
	case strings.HasPrefix(j.Uses, "./"):
		called := r.read(strings.TrimPrefix(j.Uses, "./"))
		if called == nil {
			return nil
		}
		var list []carrier
		for _, sub := range slices.Sorted(maps.Keys(called.Jobs)) {
			for _, c := range r.carriers(called, sub, depth+1) {
				list = append(list, carrier{append([]placed{own}, c.jobs...), j.check(id) + " / " + c.check})
			}
		}
		return list
	}
	for i, s := range j.Steps {
		if command := r.commandOf(s, depth); command == "run" || command == "verdict" {
			own.step = i
			return []carrier{{[]placed{own}, j.check(id)}}
		}
	}
	return nil
}

// check is the name of a job's check.
func (j job) check(id string) string {
	if j.Name != nil {
		return fmt.Sprint(j.Name)
	}
	return id
}

// commandOf is the command of the gate that a step runs; empty: none. It may run it by the action under any name, by a composite
// action of the repository, or as a program.
func (r *repository) commandOf(s step, depth int) string {
	if command, _ := program(s.Run); command != "" {
		return command
	}
	given := "run"
	if text, ok := s.With["command"].(string); ok {
		given = text
	}
	switch {
	case usesGate.MatchString(s.Uses), r.copied(s):
		return given
	case !strings.HasPrefix(s.Uses, "./") || depth > maxDepth:
		return ""
	}
	dir := path.Clean(strings.TrimPrefix(s.Uses, "./"))
	for _, name := range []string{"action.yml", "action.yaml"} {
		f := r.read(path.Join(dir, name))
		switch {
		case f == nil:
			continue
		case r.ours(f):
			return given
		}
		for _, inner := range f.Runs.Steps {
			if command := r.commandOf(inner, depth+1); command != "" {
				return command
			}
		}
		return ""
	}
	return ""
}

// program is the command of the gate that a script runs, the one with a verdict before others, and what follows it on its line.
func program(script string) (command, rest string) {
	for _, found := range runsGate.FindAllStringSubmatch(script, -1) {
		if verdict := found[1] == "run" || found[1] == "verdict"; command == "" || verdict {
			command, rest = found[1], found[2]
			if verdict {
				break
			}
		}
	}
	return command, rest
}

// ours reports whether an action is the gate's, by its inputs.
func (r *repository) ours(f *file) bool {
	n := 0
	for _, name := range r.Inputs {
		if _, ok := f.Inputs[name]; ok {
			n++
		}
	}
	return n > 10
}

// telling are inputs that no other action has together with a command of the gate's.
var telling = []string{"stage", "shards", "index", "results", "plan", "key", "select"}

// copied reports whether a step uses the gate under another name: its inputs are the gate's, and one of them tells.
func (r *repository) copied(s step) bool {
	if strings.HasPrefix(s.Uses, "./") || s.Uses == "" || len(s.With) == 0 {
		return false
	}
	told := false
	for name := range s.With {
		if !slices.Contains(r.Inputs, name) {
			return false
		}
		told = told || slices.Contains(telling, name)
	}
	command, ok := s.With["command"].(string)
	return told || ok && (command == "verdict" || command == "shard")
}

// unjudged finds a workflow that plans or runs shards on pull requests, and no job of any workflow there carries the verdict.
func (r *repository) unjudged(f *file) {
	for _, id := range slices.Sorted(maps.Keys(f.Jobs)) {
		for _, s := range f.Jobs[id].Steps {
			if command := r.commandOf(s, 0); command != "plan" && command != "shard" {
				continue
			}
			for _, other := range slices.Sorted(maps.Keys(f.Jobs)) {
				if len(r.carriers(f, other, 0)) > 0 {
					return
				}
			}
			r.say(f, diag.Error, fmt.Sprintf("job %s runs a part of the gate, and no job of this workflow has the verdict: nothing that can be required reports it", id),
				"add a job with command: verdict, as docs/sharding.md shows", "jobs", id)
			return
		}
	}
}

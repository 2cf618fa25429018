package proc

import (
	"maps"
	"path"
	"slices"
	"strings"
)

// withheld are the patterns of names that child processes do not inherit beside [own]: what
// looks like a secret.
var withheld = []string{"*TOKEN*", "*SECRET*", "*PASSWORD*", "*_KEY"}

// own are the gate's: its inputs and tokens, and what the runner of GitHub Actions gives to a step.
// No child gets them, whatever is passed on.
var (
	own         = []string{"GITHUB_TOKEN", "E2E_SUBJECT_TOKEN", "INPUT_*", "ACTIONS_*"}
	runnerFiles = []string{"GITHUB_OUTPUT", "GITHUB_ENV", "GITHUB_PATH", "GITHUB_STATE", "GITHUB_STEP_SUMMARY"}
)

// Env says what environment a process gets.
type Env struct {
	// Base is the environment to inherit from, in the form of os.Environ.
	Base []string
	// Secrets are further names to withhold.
	Secrets []string
	// Pass restores withheld names, one by one, but those that [Own] names.
	Pass []string
	// Set adds variables; it wins over Base. Later maps win over earlier ones.
	Set []map[string]string
}

// CleanEnv returns the environment of a child, sorted.
func CleanEnv(e Env) []string {
	vars := map[string]string{}
	for _, kv := range e.Base {
		name, value, ok := strings.Cut(kv, "=")
		if !ok || name == "" || Own(name) || Withheld(name, e.Secrets) && !slices.Contains(e.Pass, name) {
			continue
		}
		vars[name] = value
	}
	for _, set := range e.Set {
		maps.Copy(vars, set)
	}
	env := make([]string, 0, len(vars))
	for _, name := range slices.Sorted(maps.Keys(vars)) {
		env = append(env, name+"="+vars[name])
	}
	return env
}

// Withheld reports whether a child does not inherit the variable of that name
// unless it is passed on by name. Case does not matter, as on Windows.
func Withheld(name string, secrets []string) bool {
	return Own(name) || matches(withheld, name) || slices.ContainsFunc(secrets, func(s string) bool { return strings.EqualFold(s, name) })
}

// Own reports whether a variable is the gate's own, which no child gets.
func Own(name string) bool { return matches(own, name) || RunnerFile(name) }

// RunnerFile reports whether a variable names a file through which a step talks to its runner.
func RunnerFile(name string) bool { return matches(runnerFiles, name) }

func matches(patterns []string, name string) bool {
	name = strings.ReplaceAll(strings.ToUpper(name), "/", "_")
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		ok, _ := path.Match(pattern, name)
		return ok
	})
}

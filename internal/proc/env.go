package proc

import (
	"maps"
	"path"
	"slices"
	"strings"
)

// withheld are the patterns of names that child processes do not inherit: tokens, the
// runner's own interfaces, and what looks like a secret.
var withheld = []string{
	"GITHUB_TOKEN", "GH_TOKEN", "INPUT_*", "ACTIONS_*",
	"GITHUB_OUTPUT", "GITHUB_ENV", "GITHUB_PATH", "GITHUB_STATE", "GITHUB_STEP_SUMMARY",
	"*TOKEN*", "*SECRET*", "*PASSWORD*", "*_KEY",
}

// Env says what environment a process gets.
type Env struct {
	// Base is the environment to inherit from, in the form of os.Environ.
	Base []string
	// Secrets are further names to withhold.
	Secrets []string
	// Pass restores withheld names, one by one.
	Pass []string
	// Set adds variables; it wins over Base. Later maps win over earlier ones.
	Set []map[string]string
}

// CleanEnv returns the environment of a child, sorted.
func CleanEnv(e Env) []string {
	vars := map[string]string{}
	for _, kv := range e.Base {
		name, value, ok := strings.Cut(kv, "=")
		if !ok || name == "" || Withheld(name, e.Secrets) && !slices.Contains(e.Pass, name) {
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
	name = strings.ToUpper(name)
	for _, pattern := range withheld {
		if ok, _ := path.Match(pattern, strings.ReplaceAll(name, "/", "_")); ok {
			return true
		}
	}
	return slices.ContainsFunc(secrets, func(s string) bool { return strings.EqualFold(s, name) })
}

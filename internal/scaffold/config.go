package scaffold

import (
	_ "embed"
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"text/template"

	"github.com/org/e2e-gate/internal/safetext"
	"github.com/org/e2e-gate/internal/suite"
)

// NoOwner stands for the owner of suites that nothing in the repository names one for. Lint says so.
const NoOwner = "CHANGE-ME"

//go:embed config.yml
var configText string

var configTemplate = template.Must(template.New("config").Funcs(template.FuncMap{
	"quote": quoted, "list": list, "mapping": mapping, "why": Why, "line": func(s string) string { return safetext.LogLine(s, 400) },
}).Parse(configText))

// account is the name of a user or an organisation at a forge.
var account = regexp.MustCompile(`^[A-Za-z0-9][\w.-]*$`)

// Suite is a suite as a config has it.
type Suite struct {
	suite.Detected
	// Owner is the team that gets its failures; empty: OwnerNote says who.
	Owner, OwnerNote string
}

// Config is the text of a config of suites.
func Config(suites []Suite) (string, error) {
	var text strings.Builder
	if err := configTemplate.Execute(&text, suites); err != nil {
		return "", fmt.Errorf("write a config: %w", err)
	}
	return text.String(), nil
}

// quoted is a text in YAML, in which the config finds no variable.
func quoted(text string) string { return strings.ReplaceAll(strconv.Quote(text), "${", "$${") }

func list(texts []string) string {
	all := make([]string, len(texts))
	for i, text := range texts {
		all[i] = quoted(text)
	}
	return "[" + strings.Join(all, ", ") + "]"
}

func mapping(values map[string]string) string {
	var all []string
	for _, name := range slices.Sorted(maps.Keys(values)) {
		all = append(all, name+": "+quoted(values[name]))
	}
	return "{" + strings.Join(all, ", ") + "}"
}

// Why names the files that a suite was found by, in one line whatever they are called.
func Why(d suite.Detected) string {
	text := strings.Join(d.Files[:min(len(d.Files), 2)], ", ")
	if more := len(d.Files) - 2; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return safetext.LogLine(text, 400)
}

// Owners says who owns suites. of is the owner of a file by CODEOWNERS, and empty where it names
// none; organisation is that of the repository, or empty.
func Owners(found []suite.Detected, of func(file string) string, organisation string) []Suite {
	all := make([]Suite, len(found))
	for i, d := range found {
		all[i].Detected = d
		var names []string
		for _, file := range append(slices.Clone(d.Files), path.Join(d.Spec.Dir, "test")) {
			if name := of(file); !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
		switch {
		case len(names) > 1: // the owner of a suite would replace those of its files
			all[i].OwnerNote = "CODEOWNERS says file by file who owns the tests"
		case names[0] != "":
			all[i].Owner, all[i].OwnerNote = names[0], "by CODEOWNERS"
		case organisation != "":
			all[i].Owner, all[i].OwnerNote = organisation, "the repository's organisation; better a team"
		default:
			all[i].Owner, all[i].OwnerNote = NoOwner, "the team that gets its failures"
		}
	}
	return all
}

// Organisation is the first part of the path of a repository at a forge, by the URL of a remote;
// empty: the URL is not that of a forge.
func Organisation(remote string) string {
	rest := ""
	if _, after, ok := strings.Cut(remote, "://"); ok {
		if strings.HasPrefix(remote, "file:") {
			return ""
		}
		_, rest, _ = strings.Cut(after, "/")
	} else if host, after, ok := strings.Cut(remote, ":"); ok && !strings.Contains(host, "/") && len(host) > 1 {
		rest = after
	} else {
		return ""
	}
	name, repository, ok := strings.Cut(strings.TrimPrefix(rest, "/"), "/")
	if !ok || repository == "" || !account.MatchString(name) {
		return ""
	}
	return name
}

package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/org/e2e-gate/internal/config"
	"github.com/org/e2e-gate/internal/diag"
	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/gitrepo"
	"github.com/org/e2e-gate/internal/safetext"
	"github.com/org/e2e-gate/internal/secrets"
)

// masking is what is masked in a run, and where it comes from.
type masking struct {
	redact *safetext.Redactor
	found  secrets.Found
	// words are values that are not masked, since they are words of the run.
	words []string
}

// mask finds the secrets of a run: what the process holds decides, and not what the config mentions.
func (a *App) mask(ctx context.Context, in inputs) masking {
	named := slices.Clone(in.config.Secrets)
	if base := in.judging.config; base != nil {
		named = append(named, base.Secrets...)
	}
	m := masking{found: secrets.Find(secrets.Source{
		Environ: a.Environ, Named: named, Passed: in.own.Passed(), Values: slices.Concat(in.config.Hidden, in.own.Hidden)})}
	m.redact = redactorOf(m.found)
	m.words = m.redact.Spare(in.own.Text, in.trigger.Repository, in.root)
	if slices.ContainsFunc(m.found.Weak, func(s secrets.Secret) bool { return m.redact.Finds(s.Value) }) {
		m.words = append(m.words, m.redact.Spare(gitrepo.Checkout{Dir: in.root, Environ: a.Environ}.Files(ctx)...)...)
	}
	a.redact = m.redact
	return m
}

func redactorOf(found secrets.Found) *safetext.Redactor {
	r := safetext.NewRedactor(values(found.Named))
	r.AddUnlessWord(values(found.Weak)...)
	return r
}

func values(list []secrets.Secret) []string {
	var all []string
	for _, s := range list {
		all = append(all, s.Value)
	}
	return all
}

// masked are the secrets that are masked.
func (m masking) masked() []secrets.Secret {
	return slices.DeleteFunc(slices.Concat(m.found.Named, m.found.Weak), func(s secrets.Secret) bool { return slices.Contains(m.words, s.Value) })
}

// droppedOutput says that GitHub would drop a job's output with this value, since it holds a masked
// one; nil: it would not.
func (m masking) droppedOutput(name, value string) error {
	for _, s := range m.masked() {
		if strings.Contains(value, strings.TrimSpace(s.Value)) && strings.TrimSpace(s.Value) != "" {
			from := "a secret of the config"
			if s.Variable != "" {
				from = "the variable " + s.Variable
			}
			return fmt.Errorf("the output %s holds the value of %s, which is masked as a secret: GitHub drops such an output, and later jobs would get nothing; "+
				"rename what it is equal to, or change the secret to a value that does not appear in names", name, from)
		}
	}
	return nil
}

// lint says which secrets are not masked, and which tests inherit.
func (m masking) lint(c *config.Config, environ []string) []diag.Message {
	var found []diag.Message
	warn := func(text, hint string) {
		found = append(found, diag.Message{File: c.File, Severity: diag.Warning, Text: text, Hint: hint})
	}
	for _, name := range m.found.Short {
		warn(fmt.Sprintf("the value of %s is too short to be masked", name),
			fmt.Sprintf("a value of %d bytes or more is; name it under secrets to mask it as it is", secrets.MinWeak))
	}
	for _, s := range m.found.Weak {
		if slices.Contains(m.words, s.Value) && s.Variable != "" {
			warn(fmt.Sprintf("the value of %s is a word of this repository or of its tests, and is not masked", s.Variable),
				"change the value, or name the variable under secrets to mask the word everywhere")
		}
	}
	if names := secrets.Inherited(environ, c.Secrets); len(names) > 0 {
		warn("tests inherit variables that look like secrets: "+strings.Join(names, ", "),
			"their values are masked; name those that tests must not have under secrets")
	}
	return found
}

// forPeople is a result as people may read it.
func (m masking) forPeople(r e2e.Result) e2e.Result { return safetext.Shown(m.redact, r) }

// safe is a text without secrets. Before a config is read, what the environment shows is masked.
func (a *App) safe(text string) string {
	if a.redact == nil {
		a.redact = redactorOf(secrets.Find(secrets.Source{Environ: a.Environ}))
	}
	return a.redact.String(text)
}

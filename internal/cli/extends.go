package cli

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/org/e2e-gate/internal/config"
	"github.com/org/e2e-gate/internal/config/strictyaml"
	"github.com/org/e2e-gate/internal/diag"
	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/forge"
)

// extension is the organisation's config as it was read.
type extension struct {
	*config.Organization
	e2e.Extension
	text []byte
}

// of is a config with what the organisation says; without an organisation it is that config.
func (x *extension) of(c *config.Config) *config.Config {
	if x == nil || c == nil {
		return c
	}
	extended, _ := x.Extend(c)
	return extended
}

// extension reads the organisation's config that a config names; nil: it names none.
func (b *bench) extension(ctx context.Context, c *config.Config) (*extension, error) {
	if c == nil || c.Extends == "" {
		return nil, nil
	}
	source, err := config.ParseSource(c.Extends)
	if err != nil {
		return nil, fmt.Errorf("extends %q %w", c.Extends, err)
	}
	if known, ok := b.extensions[source]; ok {
		return known, nil
	}
	from, err := b.forgeFor(source)
	if errors.Is(err, errNoToken) && b.in.trigger.Platform != "" {
		return nil, errors.New(source.String() + " is read through GitHub's API; set GITHUB_TOKEN and E2E_GATE_API_URL, or remove extends")
	}
	if errors.Is(err, errNoToken) {
		return nil, errors.New("GITHUB_TOKEN is missing, with which " + source.String() + " is read; give the step a token")
	}
	if err != nil {
		return nil, err
	}
	asked, ok := from.(forge.Elsewhere)
	if !ok {
		return nil, fmt.Errorf("this forge cannot be asked for files of other repositories, such as %s; remove extends", source)
	}
	text, sha, err := asked.FileElsewhere(ctx, source.Repository, source.Ref, source.Path, strictyaml.MaxBytes)
	if err != nil {
		return nil, err
	}
	org, err := config.ParseOrganization(source.String(), text)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(text)
	x := &extension{org, e2e.Extension{Source: source.String(), Commit: sha, Digest: hex.EncodeToString(sum[:])}, text}
	if b.extensions == nil {
		b.extensions = map[config.Source]*extension{}
	}
	b.extensions[source] = x
	return x, nil
}

// forgeFor is the forge that has the organisation's config. Where nothing says which repository on
// GitHub the checkout is, none has to be known.
func (b *bench) forgeFor(source config.Source) (connection, error) {
	t := b.in.trigger
	if t.CI && t.Platform == "" {
		return b.forge()
	}
	t.Repository = source.Repository
	c, err := b.app.openForge(t, publishTime)
	if err == nil && c == nil {
		err = errNoToken
	}
	return c, err
}

// extend makes the organisation's config that the judging config c names count. In CI nothing is
// judged without it; elsewhere nothing is posted, and the repository's own config counts.
func (b *bench) extend(ctx context.Context, j judging, c *config.Config) judging {
	x, err := b.extension(ctx, c)
	switch {
	case err == nil && x == nil:
		return j
	case err == nil:
		used := x.Extension
		j.organization, j.Extends = x, &used
		_, weaker := x.Extend(c)
		for _, w := range weaker {
			j.notes = append(j.notes, w.String())
		}
		return j
	case !b.in.trigger.CI:
		j.notes = append(j.notes, "the organisation's config was not read, and only the repository's own counts: "+firstMistake(err))
		return j
	}
	none := notJudged(fmt.Sprintf("the organisation's config, which extends of %s names, cannot be used: %s. Until it can, nothing is judged: mend it there, "+
		"or change extends by a commit on the judging branch", extendedBy(j), firstMistake(err)))
	none.notes, none.hold = j.notes, true // its secrets could not be withheld
	return none
}

// extendedBy is whose config names the organisation's.
func extendedBy(j judging) string {
	if j.By == e2e.JudgedByBase {
		return "the base"
	}
	return "this commit"
}

// firstMistake is an error in one line; of a config with mistakes the first, and how many there are.
func firstMistake(err error) string {
	if mistakes := (diag.Errors{}); errors.As(err, &mistakes) && len(mistakes) > 1 {
		return fmt.Sprintf("%s, and %d more", mistakes[0], len(mistakes)-1)
	} else if len(mistakes) == 1 {
		return mistakes[0].String()
	}
	return err.Error()
}

// lintExtends reports what the config says about the organisation's, and mistakes in that one.
func (s *setup) lintExtends(ctx context.Context) []diag.Message {
	b := bench{app: s.app, in: s.inputs, reader: s.forge}
	x, err := b.extension(ctx, s.own)
	var found []diag.Message
	if mistakes := (diag.Errors{}); errors.As(err, &mistakes) {
		found = mistakes
	} else if err != nil {
		m := diag.Message{File: s.own.File, Text: "the organisation's config was not read: " + err.Error(), Hint: "what it says was not checked"}
		if !s.trigger.CI {
			m.Severity = diag.Warning
		}
		found = append(found, m)
	}
	if x == nil {
		return append(found, s.own.LintExtends(nil)...)
	}
	return append(found, s.own.LintExtends(x.Organization)...)
}

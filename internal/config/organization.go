package config

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/org/e2e-gate/internal/config/strictyaml"
	"github.com/org/e2e-gate/internal/diag"
	"github.com/org/e2e-gate/internal/policy"
	"github.com/org/e2e-gate/internal/safetext"
	"github.com/org/e2e-gate/internal/triage"
)

// Organization is what a config takes from a file of another repository, which its extends
// names. Nothing in it is executed, and it has no variables.
type Organization struct {
	Version   int               `yaml:"version" doc:"Version of the config language: 1." required:"true"`
	Rerun     Rerun             `yaml:"rerun" doc:"Limits for the one diagnostic rerun. A repository may only set lower ones."`
	Exonerate OrganizationAge   `yaml:"exonerate" doc:"When a failure that the base has too does not block a pull request."`
	Triage    Triage            `yaml:"triage" doc:"Rules for failure categories, tried after those of the repository."`
	Cells     policy.Override   `yaml:"policy" doc:"Changes cells of the policy table: outcome -> criticality -> block, warn, inform or not_judged. Of a cell that the repository changes too, the stricter one counts."`
	Judge     OrganizationJudge `yaml:"judge" doc:"Whose config judges a change."`
	Owners    map[string]string `yaml:"owners" doc:"GitHub account to mention for an owner of tests: @user or @organisation/team. The repository's own entry for a name replaces it."`
	Secrets   []string          `yaml:"secrets" doc:"Environment variables that are withheld from child processes and masked everywhere, with those of the repository."`

	doc *strictyaml.Document
	// source is what messages call it.
	source string
}

// OrganizationAge is what an organisation decides of [Exonerate].
type OrganizationAge struct {
	MaxAge *time.Duration `yaml:"max_age" doc:"How long the base may be red. A repository may only set a shorter time."`
}

// OrganizationJudge is what an organisation decides of [Judge].
type OrganizationJudge struct {
	Approve Approve `yaml:"approve" doc:"Who may let a change alter what judges it. A repository may only add to it, or name code-owners instead of any."`
}

// Source is where an extends points to: a file of a repository at a tag, a branch or a commit.
type Source struct{ Repository, Path, Ref string }

// Parts of an extends. They go into addresses of the API, so the characters are those of plain names.
var (
	sourceForm = regexp.MustCompile(`^([A-Za-z0-9][A-Za-z0-9-]{0,38}/[A-Za-z0-9._-]{1,100})//([A-Za-z0-9._/-]{1,200})@([A-Za-z0-9._/+-]{1,200})$`)
	fullSHA    = regexp.MustCompile(`^[0-9a-f]{40}$`)
	shortSHA   = regexp.MustCompile(`^[0-9a-f]{7,39}$`)
)

const sourceHint = "write OWNER/REPOSITORY//PATH@REF, such as acme/.github//e2e-gate.base.yml@v3, where REF is a tag, a branch or a full commit SHA"

// ParseSource reads an extends. Its error is a sentence without the text itself.
func ParseSource(text string) (Source, error) {
	parts := sourceForm.FindStringSubmatch(text)
	if parts == nil {
		switch owner, file, ok := strings.Cut(text, "//"); {
		case !ok || owner == "":
			return Source{}, errors.New("names no file of a repository")
		case !strings.Contains(file, "@"):
			return Source{}, errors.New("names no tag, branch or commit: what counts must be stated")
		}
		return Source{}, errors.New("is not OWNER/REPOSITORY//PATH@REF")
	}
	s := Source{parts[1], parts[2], parts[3]}
	name := s.Repository[strings.Index(s.Repository, "/")+1:]
	switch {
	case name == "." || name == "..":
		return Source{}, errors.New("names no repository")
	case path.Clean("/"+s.Path) != "/"+s.Path:
		return Source{}, errors.New("has a path that is not a plain one from the root of the repository")
	case path.Ext(s.Path) != ".yml" && path.Ext(s.Path) != ".yaml":
		return Source{}, errors.New("names a file that is neither .yml nor .yaml")
	case path.Clean("/"+s.Ref) != "/"+s.Ref || strings.Contains(s.Ref, "..") || strings.HasPrefix(s.Ref, "-"):
		return Source{}, errors.New("names neither a tag nor a branch nor a commit")
	case shortSHA.MatchString(s.Ref):
		return Source{}, errors.New("has an abbreviated commit SHA: write all 40 characters")
	}
	return s, nil
}

// Pinned reports whether it names a commit.
func (s Source) Pinned() bool { return fullSHA.MatchString(s.Ref) }

// String is the source as a config writes it.
func (s Source) String() string { return s.Repository + "//" + s.Path + "@" + s.Ref }

// ParseOrganization reads the file of an organisation. source names it in messages, with
// which every mistake comes, as a [diag.Errors].
func ParseOrganization(source string, data []byte) (*Organization, error) {
	o := &Organization{source: source}
	o.doc = strictyaml.Decode(data, o, strictyaml.Options{File: source})
	if o.doc.Has("") {
		o.validate()
	}
	if err := o.doc.Diags().Err(); err != nil {
		return nil, err
	}
	return o, nil
}

func (o *Organization) validate() {
	k := &checker{c: &Config{Version: o.Version}, doc: o.doc}
	k.version()
	_, wrong := policy.Compile(o.Cells)
	for _, m := range wrong {
		k.fail("policy."+m.Path, m.Text, m.Hint)
	}
	for _, p := range triage.Validate(o.Triage.Rules) {
		k.fail("triage."+p.Path, p.Text, p.Hint)
	}
	k.owners(o.Owners)
	k.words("judge.approve", o.Judge.Approve)
	k.rerun(o.Rerun)
	k.maxAge(o.Exonerate.MaxAge)
	o.doc.Diags().Add(k.found...)
}

// Weaker is a value of a config that its organisation does not let it have.
type Weaker struct {
	// Path of the field.
	Path string
	// Text says what counts instead, and where that is written.
	Text string
}

// String is path and text.
func (w Weaker) String() string { return w.Path + ": " + w.Text }

// Extend is a config with what its organisation says. The config's own values count unless they
// are weaker, which is reported. Neither is changed.
func (o *Organization) Extend(c *Config) (*Config, []Weaker) {
	e := &extending{o: o}
	out := *c
	cells, weaker := policy.Stricter(o.Cells, c.Policy.Cells())
	out.Cells = cells
	out.Policy, _ = policy.Compile(cells) // both were compiled, and it only chooses between their cells
	for _, w := range weaker {
		e.add("policy."+w.Path, w.Own, w.Bar)
	}
	out.Rerun = e.rerun(c.Rerun)
	out.Exonerate.MaxAge = e.maxAge(c.Exonerate.MaxAge)
	out.Judge.Approve = e.approve(c.Judge.Approve)
	out.Triage.Rules = slices.Concat(c.Triage.Rules, o.Triage.Rules)
	out.Owners = maps.Clone(o.Owners)
	if out.Owners == nil {
		out.Owners = c.Owners
	} else {
		maps.Copy(out.Owners, c.Owners)
	}
	out.Secrets = slices.Concat(c.Secrets, o.Secrets)
	slices.Sort(out.Secrets)
	out.Secrets = slices.Compact(out.Secrets)
	return &out, e.weaker
}

// extending collects what is weaker.
type extending struct {
	o      *Organization
	weaker []Weaker
}

func (e *extending) add(path string, own, bar any) {
	at := e.o.doc.At(path, "", "")
	e.weaker = append(e.weaker, Weaker{path, fmt.Sprintf("%v is weaker than %v of %s:%d:%d, which counts", own, bar, e.o.source, at.Line, at.Col)})
}

func (e *extending) rerun(own Rerun) Rerun {
	bar, out := e.o.Rerun, own
	switch {
	case bar.MaxFailures == nil:
	case own.MaxFailures == nil:
		out.MaxFailures = bar.MaxFailures
	case *own.MaxFailures > *bar.MaxFailures:
		out.MaxFailures = bar.MaxFailures
		e.add("rerun.max_failures", *own.MaxFailures, *bar.MaxFailures)
	}
	switch {
	case bar.MaxShare == 0:
	case own.MaxShare == 0:
		out.MaxShare = bar.MaxShare
	case own.MaxShare > bar.MaxShare:
		out.MaxShare = bar.MaxShare
		e.add("rerun.max_share", fmt.Sprintf("%g%%", own.MaxShare*100), fmt.Sprintf("%g%%", bar.MaxShare*100))
	}
	return out
}

func (e *extending) maxAge(own *time.Duration) *time.Duration {
	bar := e.o.Exonerate.MaxAge
	switch {
	case bar == nil:
		return own
	case own == nil:
		return bar
	case *own <= *bar:
		return own
	}
	e.add("exonerate.max_age", *own, *bar)
	return bar
}

func (e *extending) approve(own Approve) Approve {
	bar := e.o.Judge.Approve
	out := Approve{Label: cmp.Or(bar.Label, own.Label), Review: cmp.Or(bar.Review, own.Review)}
	if bar.Label != "" && own.Label != "" && own.Label != bar.Label {
		e.add("judge.approve.label", safetext.Line(own.Label, 60), safetext.Line(bar.Label, 60))
	}
	switch {
	case own.Review == "code-owners":
		out.Review = own.Review
	case own.Review != "" && bar.Review == "code-owners":
		e.add("judge.approve.review", own.Review, bar.Review)
	}
	return out
}

// LintExtends reports what a config says about its organisation's that a run can be started with:
// a ref that can move, and, where the organisation's was read, values that do not count.
func (c *Config) LintExtends(o *Organization) []diag.Message {
	if c.Extends == "" {
		return nil
	}
	_, doc := parse(c.File, []byte(c.Text), Options{})
	var found []diag.Message
	if s, err := ParseSource(c.Extends); err == nil && !s.Pinned() {
		m := doc.At("extends", fmt.Sprintf("extends names %s, which can be moved: what it points to judges the next run", s.Ref),
			"pin the commit: "+s.Repository+"//"+s.Path+"@<full SHA> # "+s.Ref)
		m.Severity = diag.Warning
		found = append(found, m)
	}
	if o == nil {
		return found
	}
	_, weaker := o.Extend(c)
	for _, s := range c.Stages {
		_, of := o.Extend(c.Overlay(s.Name))
		for _, w := range of {
			if w.Path = "stages." + s.Name + "." + w.Path; doc.Has(w.Path) {
				weaker = append(weaker, w)
			}
		}
	}
	for _, w := range weaker {
		found = append(found, doc.At(w.Path, w.String(), "remove it, or make it at least as strict"))
	}
	return found
}

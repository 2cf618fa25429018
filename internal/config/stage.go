package config

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/org/e2e-gate/internal/policy"
)

// Overlay is the config with what a stage sets itself in place of what holds for all stages: limits of the rerun, and
// cells of the policy table. The config is not changed.
func (c *Config) Overlay(stage string) *Config {
	s, ok := c.Stage(stage)
	if !ok || len(s.Cells) == 0 && s.Rerun == (Rerun{}) {
		return c
	}
	out := *c
	if s.Rerun.MaxFailures != nil {
		out.Rerun.MaxFailures = s.Rerun.MaxFailures
	}
	out.Rerun.MaxShare = cmp.Or(s.Rerun.MaxShare, out.Rerun.MaxShare)
	// Of a base without a policy that can be read, the strictest one counts, whose cells are not in Cells.
	cells := policy.Override{}
	for _, o := range []policy.Override{c.Policy.Cells(), s.Cells} {
		for row, of := range o {
			if cells[row] == nil {
				cells[row] = map[string]string{}
			}
			maps.Copy(cells[row], of)
		}
	}
	out.Cells = cells
	out.Policy, _ = policy.Compile(cells) // each was compiled when the config was read
	return &out
}

// withEnv is one list of variables with those of a stage, which come first.
func withEnv(own, stage map[string]string) map[string]string {
	if len(stage) == 0 {
		return own
	}
	all := maps.Clone(own)
	if all == nil {
		all = map[string]string{}
	}
	maps.Copy(all, stage)
	return all
}

// overlay checks what a stage sets itself.
func (k *checker) overlay(path string, s Stage) {
	if _, set := s.Cells[string(policy.RowJudgeChanged)]; set {
		k.fail(path+".policy."+string(policy.RowJudgeChanged), "judge_changed cannot differ from stage to stage", "set it in policy")
	}
	_, wrong := policy.Compile(s.Cells)
	for _, m := range wrong {
		k.fail(path+".policy."+m.Path, m.Text, m.Hint)
	}
	k.rerunAt(path+".rerun", s.Rerun)
}

// Describe says what a stage comes to, a line for each thing that it has: what it selects, its gates, processes and
// isolation with what they are for, and what it sets itself.
func (c *Config) Describe(stage string) []string {
	s, _ := c.Stage(stage)
	of := c.Overlay(stage).For(stage)
	var lines []string
	add := func(name, format string, args ...any) {
		lines = append(lines, name+": "+fmt.Sprintf(format, args...))
	}
	add("stage", "%s", s.Name)
	add("on", "%s", cmp.Or(strings.Join(s.On, ", "), "no event: only by --stage"))
	if len(s.Branches) > 0 {
		add("branches", "%s", strings.Join(s.Branches, ", "))
	}
	add("selects", "%s", cmp.Or(s.Select, "every test"))
	if s.Target != "" {
		add("target", "%s", s.Target)
	}
	blocks := "blocks"
	if !s.Blocking() {
		blocks = "does not block"
	}
	add("effect", "%s; budget %s, timeout %s", blocks, orNone(s.Budget.String(), s.Budget == 0), orNone(s.Timeout.String(), s.Timeout == 0))
	for _, name := range slices.Sorted(maps.Keys(s.Env)) {
		add("env", "%s", name) // without its value, which may be a secret
	}
	for _, p := range of.Processes {
		add("process", "%s, for %s", p.Name, p.Scope)
	}
	for _, g := range of.Gates.Checks {
		advisory := ""
		if !g.IsRequired() {
			advisory = ", advisory"
		}
		add("gate", "%s, for %s%s", g.Name, g.Scope, advisory)
	}
	if of.Isolation.Enabled() {
		add("isolation", "for %s", of.Isolation.Scope)
	}
	if n := of.Rerun.MaxFailures; n != nil {
		add("rerun", "max_failures %d", *n)
	}
	if share := of.Rerun.MaxShare; share > 0 {
		add("rerun", "max_share %g%%", share*100)
	}
	for _, row := range slices.Sorted(maps.Keys(of.Cells)) {
		for _, crit := range slices.Sorted(maps.Keys(of.Cells[row])) {
			from := ""
			if _, own := s.Cells[row][crit]; own {
				from = ", by the stage"
			}
			add("policy", "%s of %s tests: %s%s", row, crit, of.Cells[row][crit], from)
		}
	}
	return lines
}

func orNone(text string, none bool) string {
	if none {
		return "none"
	}
	return text
}

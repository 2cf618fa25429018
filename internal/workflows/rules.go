package workflows

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/org/e2e-gate/internal/diag"
)

// check holds a verdict on pull requests against the rules.
func (r *repository) check(c carrier) {
	top := c.jobs[0]
	r.triggers(top.file, c.check)
	r.sameName(c)
	for i, p := range c.jobs {
		called := i < len(c.jobs)-1 || p.gate
		r.condition(p, top.file, called)
		r.needs(p, called)
		r.goesOn(p)
		r.named(p)
		if p.step >= 0 {
			r.step(p)
		}
		r.concurrency(p, top.file)
		if top.file.runsOn("merge_group") {
			r.payload(p)
		}
	}
}

// triggers are about the events of the workflow.
func (r *repository) triggers(f *file, check string) {
	if r.Queue && !f.runsOn("merge_group") {
		r.say(f, diag.Warning, "a stage runs on merge_group, but the workflow has no merge_group trigger: a merge queue that requires "+check+" waits forever",
			"add merge_group: to its on:", "on")
	}
	on, _ := f.On.(map[string]any)
	filters, _ := on["pull_request"].(map[string]any)
	for _, key := range []string{"paths", "paths-ignore"} {
		if _, ok := filters[key]; ok {
			r.say(f, diag.Warning, fmt.Sprintf("on.pull_request has %s: a required check stays pending forever if the workflow is skipped", key),
				"remove the filter, and narrow the tests with the stage's select", "on", "pull_request", key)
		}
	}
	if types, ok := filters["types"]; ok {
		missing := slices.DeleteFunc([]string{"opened", "synchronize", "reopened"}, func(name string) bool { return slices.Contains(listOf(types), name) })
		if len(missing) > 0 {
			const text = "on.pull_request.types has no %s: a pull request to which that happens waits forever for a required check"
			r.say(f, diag.Warning, fmt.Sprintf(text, strings.Join(missing, ", ")), "remove types:, or add opened, synchronize and reopened to it", "on",
				"pull_request", "types")
		}
	}
}

// listOf is a YAML value that may be one text or a list of them.
func listOf(value any) (list []string) {
	switch v := value.(type) {
	case string:
		return []string{v}
	case []any:
		for _, one := range v {
			list = append(list, fmt.Sprint(one))
		}
	}
	return list
}

// bare is the text of a condition without the marks of an expression.
func bare(condition any) string {
	text := strings.TrimSpace(fmt.Sprint(condition))
	if strings.HasPrefix(text, "${{") && strings.HasSuffix(text, "}}") && strings.Count(text, "${{") == 1 {
		text = strings.TrimSuffix(strings.TrimPrefix(text, "${{"), "}}")
	}
	return strings.TrimSpace(text)
}

// condition is about the `if` of a job.
func (r *repository) condition(p placed, top *file, called bool) {
	if p.job.If == nil {
		return
	}
	for _, event := range []string{"pull_request", "merge_group"} {
		if certain, _ := holds(p.job.If, event); certain || event == "merge_group" && !top.runsOn(event) {
			continue
		}
		text := fmt.Sprintf("job %s has `if: %s`: GitHub treats a skipped required check as passed", p.id, bare(p.job.If))
		if called {
			text = fmt.Sprintf("job %s has `if: %s`: if it is skipped, the workflow that it calls reports no check, and a pull request waits forever",
				p.id, bare(p.job.If))
		}
		r.say(p.file, diag.Warning, text, "remove it, or use always() if the job judges the jobs before it", "jobs", p.id, "if")
		return
	}
}

// needs is about the jobs before a job.
func (r *repository) needs(p placed, called bool) {
	before := listOf(p.job.Needs)
	if len(before) == 0 {
		return
	}
	if _, always := holds(p.job.If, "pull_request"); !always {
		then := "and GitHub treats a skipped required check as passed"
		if called {
			then = "the workflow that it calls reports no check, and a pull request waits forever"
		}
		text := fmt.Sprintf("job %s needs %s: if that fails, the job is skipped, %s", p.id, strings.Join(before, ", "), then)
		r.say(p.file, diag.Error, text, "add if: always(), and hand needs: ${{ toJSON(needs) }} to the gate", "jobs", p.id, "needs")
		return
	}
	with, at := p.job.With, []any{"jobs", p.id, "needs"}
	if p.step >= 0 {
		with = p.job.Steps[p.step].With
		if p.job.Steps[p.step].Run != "" {
			return // its script may look at them
		}
	}
	if _, told := with["needs"]; told || called && !p.gate {
		return
	}
	if p.step >= 0 && r.ownParts(p, before) {
		return // what these jobs did is in documents, which the verdict reads
	}
	r.say(p.file, diag.Warning, fmt.Sprintf("job %s runs after %s whatever became of that, and the gate is not told", p.id, strings.Join(before, ", ")),
		"hand needs: ${{ toJSON(needs) }} to the gate: then a job that failed is not judged", at...)
}

// ownParts reports whether jobs run parts of the gate alone.
func (r *repository) ownParts(p placed, ids []string) bool {
	for _, id := range ids {
		if !slices.ContainsFunc(p.file.Jobs[id].Steps, func(s step) bool { return r.commandOf(s, 0) != "" }) {
			return false
		}
	}
	return true
}

// maybe reports whether a switch is on, or may be: it is an expression.
func maybe(value any) bool {
	return value != nil && value != false && bare(value) != "false"
}

// goesOn is about failures that are not reported.
func (r *repository) goesOn(p placed) {
	if maybe(p.job.ContinueOnError) {
		r.say(p.file, diag.Error, fmt.Sprintf("job %s has continue-on-error: whoever needs it, and the workflow, take a verdict that blocks for a success", p.id),
			"remove it", "jobs", p.id, "continue-on-error")
	}
}

// step is about the step with the verdict.
func (r *repository) step(p placed) {
	s := p.job.Steps[p.step]
	if maybe(s.ContinueOnError) {
		r.say(p.file, diag.Error, fmt.Sprintf("the gate's step in job %s has continue-on-error: the job is green, whatever the verdict is", p.id),
			"remove it; a stage with blocks: false reports without blocking", "jobs", p.id, "steps", p.step, "continue-on-error")
	}
	if certain, _ := holds(s.If, "pull_request"); !certain {
		r.say(p.file, diag.Warning, fmt.Sprintf("the gate's step in job %s has `if: %s`: where it is skipped, the job is green without a verdict", p.id, bare(s.If)),
			"remove it, or use always()", "jobs", p.id, "steps", p.step, "if")
	}
	r.script(p)
}

// Ways of a script to lose an exit status.
var (
	swallowed = regexp.MustCompile(`\|\|\s*(?:true|:|exit 0|echo|printf)(?:\s|$)`)
	piped     = regexp.MustCompile(`(?:^|[^|])\|(?:&|[^|]|$)`)
)

// script is about the exit status of the program in a script.
func (r *repository) script(p placed) {
	s := p.job.Steps[p.step]
	_, rest := program(s.Run)
	at := []any{"jobs", p.id, "steps", p.step, "run"}
	switch {
	case swallowed.MatchString(rest):
		r.say(p.file, diag.Error, fmt.Sprintf("the script of job %s goes on after the gate failed (%s): the job is green, whatever the verdict is", p.id,
			strings.TrimSpace(swallowed.FindString(rest))), "remove it; a stage with blocks: false reports without blocking", at...)
	case piped.MatchString(rest) && !strings.Contains(s.Run, "pipefail") && p.losesPipes():
		r.say(p.file, diag.Error, fmt.Sprintf("the script of job %s pipes the gate's output into another program, whose exit status counts: "+
			"the job is green, whatever the verdict is", p.id), "add shell: bash to the step, which sets pipefail", at...)
	}
}

// losesPipes reports whether the shell of the gate's step takes the exit status of a pipe from its last program. GitHub runs bash with
// pipefail where the workflow names it, and PowerShell ends with the status of the program that ran last, whatever reads its output.
func (p placed) losesPipes() bool {
	shell := p.shell()
	if shell == "" {
		return !strings.Contains(strings.ToLower(fmt.Sprint(p.job.RunsOn)), "windows")
	}
	return !strings.HasPrefix(shell, "bash") && !strings.HasPrefix(shell, "pwsh") && !strings.HasPrefix(shell, "powershell")
}

// shell is that of the gate's step; empty: the default.
func (p placed) shell() string {
	text, _ := p.job.Steps[p.step].Shell.(string)
	for _, defaults := range []any{p.job.Defaults, p.file.Defaults} {
		if text != "" {
			break
		}
		all, _ := defaults.(map[string]any)
		run, _ := all["run"].(map[string]any)
		text, _ = run["shell"].(string)
	}
	return strings.TrimSpace(text)
}

// named is about the name of the check.
func (r *repository) named(p placed) {
	if _, ok := p.job.Strategy["matrix"]; ok {
		r.say(p.file, diag.Warning, fmt.Sprintf("job %s has a matrix, so each entry has a check of another name", p.id),
			"give the verdict to one job with a fixed name: see docs/sharding.md", "jobs", p.id, "strategy", "matrix")
	}
	if name := p.job.check(p.id); strings.Contains(name, "${{") {
		r.say(p.file, diag.Warning, fmt.Sprintf("job %s has the name %q, which is not fixed: no check of one name can be required", p.id, name),
			"give the job a fixed name", "jobs", p.id, "name")
	}
}

// sameName finds other jobs whose check has the name of the verdict's.
func (r *repository) sameName(c carrier) {
	top := c.jobs[0]
	for _, f := range r.workflows {
		if !f.runsOn("pull_request") && !f.runsOn("push") && !f.runsOn("merge_group") && !f.runsOn("pull_request_target") {
			continue
		}
		for _, id := range slices.Sorted(maps.Keys(f.Jobs)) {
			j := f.Jobs[id]
			if f == top.file && id == top.id || j.Uses != "" && !strings.Contains(c.check, " / ") {
				continue
			}
			names := []string{j.check(id)}
			if j.Uses != "" {
				names = nil
				for _, other := range r.carriers(f, id, 0) {
					names = append(names, other.check)
				}
			}
			if slices.Contains(names, c.check) {
				const text = "job %s and job %s of %s report checks of the same name, %q: GitHub cannot tell which one is required"
				r.say(top.file, diag.Warning, fmt.Sprintf(text, top.id, id, f.name, c.check), "give each job a name of its own", "jobs", top.id)
			}
		}
	}
}

// Parts of expressions that name one pull request or commit, and those that are empty in a merge group.
var (
	ofOneRun    = regexp.MustCompile(`github\.(?:ref|ref_name|workflow_ref|sha|run_id|run_number|head_ref|event\.(?:number|pull_request|merge_group))\b`)
	onlyOfPulls = regexp.MustCompile(`github\.(?:head_ref|base_ref|event\.(?:number|pull_request))\b`)
	everywhere  = regexp.MustCompile(`github\.(?:ref|ref_name|workflow_ref|sha|run_id|run_number|event\.merge_group)\b`)
	marked      = regexp.MustCompile(`\$\{\{.*?\}\}`)
)

// concurrency is about groups in which one pull request's run cancels another's.
func (r *repository) concurrency(p placed, top *file) {
	for _, one := range []struct {
		value any
		at    []any
	}{{p.file.Concurrency, []any{"concurrency"}}, {p.job.Concurrency, []any{"jobs", p.id, "concurrency"}}} {
		group, _ := one.value.(string)
		if m, ok := one.value.(map[string]any); ok {
			group = fmt.Sprint(m["group"])
		}
		switch {
		case group == "":
		case !ofOneRun.MatchString(group):
			const text = "the concurrency group %q is the same for all pull requests: a new run cancels one that waits, and its required check fails"
			r.say(p.file, diag.Warning, fmt.Sprintf(text, group), "add ${{ github.ref }} to the group", one.at...)
		case top.runsOn("merge_group") && onlyOfPulls.MatchString(group) && !everywhere.MatchString(group):
			const text = "the concurrency group %q is the same for all merge groups, where the pull request is not known: they cancel one another"
			r.say(p.file, diag.Warning, fmt.Sprintf(text, group), "use ${{ github.ref }} in the group", one.at...)
		}
	}
}

// payload finds values of the pull request in a job that also runs in a merge queue, where they are empty.
func (r *repository) payload(p placed) {
	texts := []any{p.job.With, p.job.Secrets, p.job.Env}
	for _, s := range p.job.Steps {
		if condition := fmt.Sprint(s.If); !strings.Contains(condition, "event_name") && !strings.Contains(condition, "github.event.") {
			texts = append(texts, s.Env, s.Run)
			if !strings.HasPrefix(s.Uses, "actions/checkout@") { // an empty ref is the commit of the event there
				texts = append(texts, s.With)
			}
		}
	}
	named := map[string]bool{}
	for _, text := range texts {
		for _, e := range marked.FindAllString(fmt.Sprint(text), -1) {
			if name := onlyOfPulls.FindString(e); name != "" && !strings.Contains(e, "||") && !strings.Contains(e, "event_name") {
				named[name] = true
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(named)) {
		r.say(p.file, diag.Warning, fmt.Sprintf("job %s uses %s, which is empty in a merge group", p.id, name),
			"add || and a value for the merge queue, such as github.sha, or use the commit for both", "jobs", p.id)
	}
}

// permissions find a job that may not do what it has to. Where nothing is said the repository's default holds, which is not known here.
func (r *repository) permissions(c carrier) {
	p := c.jobs[0]
	granted, at := p.file.Permissions, []any{"permissions"}
	if p.job.Permissions != nil {
		granted, at = p.job.Permissions, []any{"jobs", p.id, "permissions"}
	}
	may := func(name, level string) bool {
		switch list := granted.(type) {
		case nil:
			return true
		case string:
			return list == "write-all" || list == "read-all" && level == "read"
		case map[string]any:
			return list[name] == level || list[name] == "write"
		}
		return true
	}
	if last := c.jobs[len(c.jobs)-1]; last.gate {
		wanted := [][2]string{{"contents", "read"}, {"actions", "read"}}
		if strings.Contains(last.job.Uses, "/e2e-gate-oidc.yml") {
			wanted = append(wanted, [2]string{"packages", "read"}, [2]string{"id-token", "write"})
		}
		for _, want := range wanted {
			if name, level := want[0], want[1]; !may(name, level) {
				const text = "job %s grants no permission %s: %s to the workflow that it calls: GitHub refuses to start it, and no check reports that"
				r.say(p.file, diag.Error, fmt.Sprintf(text, p.id, name, level), fmt.Sprintf("add %s: %s to its permissions:", name, level), at...)
			}
		}
		return
	}
	if !may("actions", "read") {
		const text = "job %s has no permission actions: read: after \"Re-run all jobs\" nothing shows what failed before, so the stage is not judged"
		r.say(p.file, diag.Warning, fmt.Sprintf(text, p.id), "add actions: read to its permissions:", at...)
	}
}

// shard finds a job that runs shards, and so test code, and may set commit statuses.
func (r *repository) shard(f *file, id string) {
	j := f.Jobs[id]
	granted, at := f.Permissions, []any{"permissions"}
	if j.Permissions != nil {
		granted, at = j.Permissions, []any{"jobs", id, "permissions"}
	}
	list, _ := granted.(map[string]any)
	if granted != "write-all" && list["statuses"] != "write" || !slices.ContainsFunc(j.Steps, func(s step) bool { return r.commandOf(s, 0) == "shard" }) {
		return
	}
	r.say(f, diag.Warning, fmt.Sprintf("job %s runs tests and has statuses: write: test code could set the verdict's status", id),
		"give the job permissions of its own: {contents: read, actions: read}", at...)
}

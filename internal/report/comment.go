package report

import (
	"strings"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/safetext"
)

// CommentBytes is how long a comment may be, in bytes. GitHub refuses one of more
// than 65,536 characters; the rest is for the marker that the adapter adds.
const CommentBytes = 65_000

// CommentOptions of [Comment].
type CommentOptions struct {
	// MaxBytes bounds the text; 0 is [CommentBytes].
	MaxBytes int
	// DiagramBytes bounds a Mermaid diagram; 0 is [DiagramBytes], less than 0: none.
	// Gitea and Forgejo draw [GiteaDiagramBytes].
	DiagramBytes int
	// Owners maps an owner of tests to the team to mention, @user or @org/team, from
	// the config. The comment never mentions anyone else.
	Owners map[string]string
	// Caveat stands beside the verdict in the first line, and About below it. They say what
	// a reader must know before trusting the comment, in Markdown that the caller wrote.
	Caveat, About string
}

// Comment renders a result as the comment on a pull request: the verdict and what
// to do, one row for each cluster or test that needs attention, the flakes, and
// folded below them gates, shards, budgets and attempts. It is cut between rows, and
// says what was cut; flakes keep their room whatever else there is. It holds no
// HTML comment, so that the first one found is the marker of whoever posts it.
func Comment(r e2e.Result, o CommentOptions) string {
	limit := o.MaxBytes
	if limit <= 0 {
		limit = CommentBytes
	}
	below := []Part{GroupPart(r), DeadlinesPart(r), foldedQuarantine(r), GatesPart(r), ShardsPart(r, diagramBytes(o.DiagramBytes)), BudgetsPart(r), DetailsPart(r),
		ProblemsPart(r), ReasonsPart(r), FactsPart(r)}
	reserve := 0
	for i, p := range below {
		// The important rows are already shown above.
		below[i].Head = strings.Replace(p.Head, "<details open>", "<details>", 1)
		reserve += p.size()
	}
	flakes := flakesWithin(r, limit/4)
	top := Compose(limit-len(flakes)-min(reserve, limit/4), headWithin(commentHead(r, o), r, o.Caveat, limit), FindingsPart(r))
	return top + flakes + Compose(limit-len(flakes)-len(top), below...)
}

// commentHead is the verdict, what to do, the teams to mention, and the counts.
func commentHead(r e2e.Result, o CommentOptions) Part {
	text := heading(r, o.Caveat)
	if o.About != "" {
		text += "> " + o.About + "\n\n"
	}
	text += redBaseNote(r) + whatToDo(r) + "\n\n"
	if called := Mentions(r, o.Owners); len(called) > 0 {
		text += "New blocking failures, cc " + strings.Join(called, " ") + "\n\n"
	}
	facts := commonFacts(r)
	if link := safetext.Link("workflow run", r.Run.URL, shortText); link != "workflow run" {
		facts = append(facts, link)
	}
	return Part{Head: text + strings.Join(facts, " · ") + "\n\n"}
}

// foldedQuarantine is [QuarantinePart] folded, because other parts are more urgent.
func foldedQuarantine(r e2e.Result) Part {
	p := QuarantinePart(r)
	if p.empty() {
		return p
	}
	_, head, _ := strings.Cut(p.Head, "\n\n")
	return folded("In quarantine: "+plural(len(p.Rows), "test that failed or was flaky", "tests that failed or were flaky"), p.Noun, head, false, p.Rows)
}

// whatToDo is [todoOf] as Markdown.
func whatToDo(r e2e.Result) string {
	t := todoOf(r)
	var list []string
	if t.Lead != "" {
		list = append(list, "**"+t.Lead+"**")
	}
	if t.Who != "" {
		list = append(list, "**"+inline(t.Who)+"** —")
	}
	text := t.sentence(inline, func(s string) string { return safetext.Code(s, shortText) })
	return strings.Join(append(list, text), " ") + t.More
}

// flakesWithin shows the flaky tests within limit bytes: with their attempts, else
// by name: a flake is never left out to make room for something else.
func flakesWithin(r e2e.Result, limit int) string {
	full := FlakesPart(r)
	text := full.render(limit)
	if text != "" || full.empty() {
		return text
	}
	short := Part{Head: "### Flaky: failed first, passed when run again\n\n", Foot: "\n", Noun: full.Noun}
	for _, t := range flakes(r) {
		short.Rows = append(short.Rows, "- "+safetext.Code(t.ID, shortText)+" "+inline(owner(owners(t)))+"\n")
	}
	return short.render(limit)
}

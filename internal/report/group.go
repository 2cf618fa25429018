package report

import (
	"fmt"
	"strings"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/safetext"
)

// groupTitle is the heading of the pull requests of a merge group in which tests failed.
const groupTitle = "Pull requests of the merge group"

// maxGroupTouches is how many sentences a pull request has on what it touches.
const maxGroupTouches = 2

// aloneText is how a pull request's own head was judged. What is not known is said elsewhere.
func aloneText(p e2e.GroupedPull) string {
	switch p.Alone {
	case "success":
		return "green by itself"
	case "failure":
		return "red by itself"
	case "error":
		return "not judged by itself"
	case "pending":
		return "still being judged by itself"
	}
	return ""
}

// pullText is a pull request of a merge group in a line, without its number and title. It is not escaped.
func pullText(p e2e.GroupedPull) string {
	var list []string
	if alone := aloneText(p); alone != "" {
		list = append(list, alone)
	}
	switch {
	case len(p.Touches) > 0:
		for _, t := range p.Touches[:min(len(p.Touches), maxGroupTouches)] {
			list = append(list, fmt.Sprintf("%s (%s)", t.Text, e2e.SomeOf(t.Tests)))
		}
		if more := len(p.Touches) - maxGroupTouches; more > 0 {
			list = append(list, fmt.Sprintf("and %s more", thousands(more)))
		}
	case p.FilesKnown:
		list = append(list, "it touches nothing of what failed")
	}
	if p.Unknown != "" {
		list = append(list, "not known: "+p.Unknown)
	}
	return strings.Join(list, "; ")
}

// groupNote says which pull requests were green by themselves although the group is red, and how
// many were not looked at; empty: nothing to say. write writes a number.
func groupNote(r e2e.Result, write func(int) string) string {
	var green []string
	for _, p := range r.Grouped {
		if p.Alone == "success" {
			green = append(green, write(p.Number))
		}
	}
	const why = "the base has moved, or a test fails at times."
	var list []string
	switch n := len(green); {
	case n == 0:
	case n == 1 && len(r.Run.MergeGroup) == 1:
		list = append(list, fmt.Sprintf("%s was green by itself, and the group is red: %s", green[0], why))
	case n == 1:
		list = append(list, fmt.Sprintf("%s was green by itself, and the group is red: it fails only together with the others, %s", green[0], why))
	default:
		list = append(list, fmt.Sprintf("%s were green by themselves, and the group is red: they fail only together, %s", strings.Join(green, ", "), why))
	}
	if more := len(r.Run.MergeGroup) - len(r.Grouped); more > 0 {
		list = append(list, fmt.Sprintf("And %s that merge before these, which were not looked at.", thousands(more)))
	}
	return strings.Join(list, " ")
}

// GroupPart lists the pull requests of a merge group in which tests failed.
func GroupPart(r e2e.Result) Part {
	if len(r.Grouped) == 0 {
		return Part{}
	}
	p := Part{Head: "### " + groupTitle + "\n\n", Noun: "pull requests", Foot: "\n"}
	if note := groupNote(r, func(n int) string { return pullLink(r.Run, n) }); note != "" {
		p.Foot = "\n" + note + "\n\n"
	}
	for _, pr := range r.Grouped {
		text := "- " + pullLink(r.Run, pr.Number)
		if pr.Title != "" {
			text += " " + inline(pr.Title)
		}
		p.Rows = append(p.Rows, text+": "+safetext.Inline(pullText(pr), longText)+"\n")
	}
	return p
}

// group is the same on a terminal.
func (f *final) group() {
	if len(f.r.Grouped) == 0 {
		return
	}
	f.title(yellow, strings.ToUpper(groupTitle))
	for _, pr := range f.r.Grouped {
		text := pullText(pr)
		if pr.Title != "" {
			text = safetext.Line(pr.Title, shortText) + ": " + text
		}
		f.field(pullNumber(pr.Number), f.text(text, 4))
	}
	f.field("group", f.text(groupNote(f.r, pullNumber), 3))
}

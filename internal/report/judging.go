package report

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/safetext"
)

// changesOf is what a change alters about what judges it.
func changesOf(r e2e.Result) []e2e.JudgeChange {
	if r.Judging == nil {
		return nil
	}
	return r.Judging.Changes
}

// judgeTitle is the heading of those changes.
const judgeTitle = "This change alters what judges it"

// judgeNote says what became of them.
func judgeNote(r e2e.Result) string {
	effect := "Altering it does not block by itself."
	for _, reason := range r.Verdict.Reasons {
		if reason.Code == e2e.CodeJudgeChanged && reason.Effect == e2e.Blocks {
			effect = "Altering it blocks by the base's policy."
		}
	}
	if by := r.Judging.ApprovedBy; len(by) > 0 {
		var who []string
		for _, a := range by {
			who = append(who, a.String())
		}
		return "Approved by " + strings.Join(who, " and ") + ", so it does not block, and the change's own config judges."
	}
	if r.Judging.Unknown != "" {
		effect += " " + strings.ToUpper(r.Judging.Unknown[:1]) + r.Judging.Unknown[1:] + "."
	}
	if r.Judging.Unapproved != "" {
		effect += " It is not approved: " + r.Judging.Unapproved + "."
	}
	if r.Judging.Commit == "" {
		return effect
	}
	return fmt.Sprintf("What decides was taken from the base, commit %.10s. %s", r.Judging.Commit, effect)
}

// unlock is what to do where such a change blocks.
func unlock(r e2e.Result) string {
	if r.Judging != nil && r.Judging.Unapproved != "" {
		return "have the change of what judges it approved: " + r.Judging.Unapproved
	}
	return "take back what alters the judge, or make that by a commit on the judging branch; judge.approve in its config lets people approve it"
}

// changeText is one of them in a line, with up to three tests.
func changeText(c e2e.JudgeChange) string {
	text := c.Text
	if n := len(c.Tests); n > 0 {
		text += ": " + strings.Join(c.Tests[:min(n, 3)], ", ")
		if n > 3 {
			text += fmt.Sprintf(" and %s more", thousands(n-3))
		}
	}
	return text
}

// JudgePart lists what the change alters about what judges it, before everything else.
func JudgePart(r e2e.Result) Part {
	list := changesOf(r)
	if len(list) == 0 {
		return Part{}
	}
	p := Part{Head: "### " + judgeTitle + "\n\n", Foot: "\n" + safetext.Inline(judgeNote(r), longText) + "\n\n", Noun: "changes"}
	for _, c := range list {
		p.Rows = append(p.Rows, "- "+safetext.Code(c.What, shortText)+" "+safetext.Inline(changeText(c), shortText)+"\n")
	}
	return p
}

// judgeChanges is the same on a terminal.
func (f *final) judgeChanges() {
	list := changesOf(f.r)
	if len(list) == 0 {
		return
	}
	f.title(yellow, strings.ToUpper(judgeTitle))
	for _, c := range list[:min(len(list), maxBlocks)] {
		f.field("change", f.text(c.What+" "+changeText(c), 3))
	}
	if more := len(list) - maxBlocks; more > 0 {
		f.field("more", fmt.Sprintf("%s; result.json has all", thousands(more)))
	}
	f.field("effect", f.text(judgeNote(f.r), 3))
}

// judgedBy says whose config judged, where that is worth a line.
func judgedBy(r e2e.Result) string {
	if r.Judging == nil {
		return ""
	}
	text := ownJudge(r)
	if x := r.Judging.Extends; x != nil {
		text = cmp.Or(text, "the config of this commit") + ", with " + x.String()
	}
	return text
}

// ownJudge is judgedBy without what an organisation adds.
func ownJudge(r e2e.Result) string {
	switch r.Judging.By {
	case e2e.JudgedByWorkingTree:
		return "the config of the working tree"
	case e2e.JudgedByBase:
		if r.Judging.Commit == "" {
			return "the built-in policy"
		}
		return fmt.Sprintf("the config of the base, commit %.10s", r.Judging.Commit)
	case e2e.JudgedByApproval:
		return "the config of the change, which was approved"
	case e2e.JudgedByCommit, e2e.JudgedByNothing:
	}
	return ""
}

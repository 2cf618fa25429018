package report

import (
	"cmp"
	"fmt"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/safetext"
)

// sourceText says why the i-th attempt was made, and why it decides nothing if so:
// "diagnostic rerun", "retry 2 of 2". It is empty for the planned run.
func sourceText(list []e2e.Attempt, i int) string {
	text := ""
	switch a := list[i]; a.Source {
	case e2e.SourceDiagnostic:
		text = "diagnostic rerun"
	case e2e.SourceBeside:
		text = "beside the rerun of another test"
	case e2e.SourceFramework:
		text = retryText(list, i)
	case e2e.SourceFirst:
	}
	if why := list[i].Uncounted; why != "" {
		if text != "" {
			text += "; "
		}
		text += "does not count: " + safetext.Line(why, shortText)
	}
	return text
}

// retryText is "retry 2 of 2" of the framework's own. Results of older versions call
// everything before the last attempt a retry.
func retryText(list []e2e.Attempt, i int) string {
	start := i
	for start > 0 && list[start-1].Source == e2e.SourceFramework {
		start--
	}
	if start == 0 {
		return "the framework's own retry"
	}
	end := i
	for end < len(list) && list[end].Source == e2e.SourceFramework && list[end].Twin == list[i].Twin {
		end++
	}
	return fmt.Sprintf("retry %d of %d", i-start+1, end-start)
}

// retried is "on retry 2 of 2" for a retry of the framework, else the source in brackets.
func retried(list []e2e.Attempt, i int) (on, source string) {
	source = sourceText(list, i)
	if list[i].Source == e2e.SourceFramework && list[i].Uncounted == "" {
		return " on " + source, ""
	}
	if source != "" {
		source = " (" + source + ")"
	}
	return "", source
}

// endedAs is how an attempt ended, in words: "passed", or "kept from running".
func endedAs(a e2e.Attempt) string {
	if a.Kept {
		return "kept from running"
	}
	return cmp.Or(string(a.Outcome), "unknown")
}

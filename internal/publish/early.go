package publish

import (
	"fmt"
	"strings"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/safetext"
)

// earlyWords start the description of every early failure. No verdict starts so.
const earlyWords = "failing early: "

// EarlyStatus is the commit status that says before the verdict that a stage fails, because of
// tests that fail for good. page is that of the attempt of the workflow run. Only a verdict
// replaces it, and it replaces none.
func EarlyStatus(stage, key, page string, failed []e2e.TestResult) Status {
	st := Status{Context: StatusName(stage, key), State: Failure, TargetURL: page, Description: earlyWords + "the verdict follows"}
	if len(failed) > 0 {
		text := safetext.Line(failed[0].Name, 60)
		if owner := failed[0].Owner; owner != "" {
			text += " (" + safetext.Line(owner, 30) + ")"
		}
		if more := len(failed) - 1; more > 0 {
			text += fmt.Sprintf(" and %d more", more)
		}
		st.Description = earlyWords + text + "; the verdict follows"
	}
	return st
}

// Early reports whether a status is an early failure, and no verdict's.
func (s Status) Early() bool {
	return s.State == Failure && strings.HasPrefix(s.Description, earlyWords)
}

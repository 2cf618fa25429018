package report

import (
	"fmt"
	"strings"

	"github.com/org/e2e-gate/internal/e2e"
)

// sinceOf says what earlier runs know of the tests of one finding: once where it is
// the same for all, else the two most frequent answers with how many tests each has.
func sinceOf(tests []*e2e.TestResult) string {
	var order []string
	counts := map[string]int{}
	for _, t := range tests {
		text := pastOf(*t)
		if text == "" {
			continue
		}
		if counts[text]++; counts[text] == 1 {
			order = append(order, text)
		}
	}
	if len(order) == 0 {
		return ""
	}
	if len(order) == 1 && counts[order[0]] == len(tests) {
		return order[0]
	}
	var list []string
	for range min(len(order), 2) {
		best := 0
		for i := range order {
			if counts[order[i]] > counts[order[best]] {
				best = i
			}
		}
		list = append(list, fmt.Sprintf("%s of %s: %s", thousands(counts[order[best]]), thousands(len(tests)), order[best]))
		counts[order[best]] = 0
	}
	return strings.Join(list, "; ")
}

// pastOf is what earlier runs know of a test; empty where the history was not read.
func pastOf(t e2e.TestResult) string {
	if t.History == nil {
		return ""
	}
	return firstLine(t.History.Text)
}

// failingOnMain reports whether a test fails on the default branch too, for whatever reason.
func failingOnMain(t e2e.TestResult) bool {
	return t.History != nil && t.History.State == "failing-on-main"
}

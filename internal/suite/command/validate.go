package command

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/org/e2e-gate/internal/suite/adapter"
)

// validate returns what is wrong with the settings of a suite.
func validate(s adapter.Spec, fail func(path, text, hint string)) {
	if len(s.Run) == 0 {
		fail("", fmt.Sprintf("suite %s needs run", s.Name), `run: ["./run-tests.sh", "--report", "{report_dir}"]`)
	}
	if len(s.Reports) == 0 {
		fail("", fmt.Sprintf("suite %s needs reports", s.Name), `reports: "{report_dir}/*.xml"; without a report there are no results`)
	}
	for i, glob := range s.Reports {
		if !doublestar.ValidatePattern(filepath.ToSlash(glob)) {
			fail(fmt.Sprintf("reports[%d]", i), fmt.Sprintf("invalid glob %q", glob), "")
		}
	}
	switch {
	case s.Split == adapter.SplitWhole && len(s.List) > 0:
		fail("split", "split: whole runs the suite as a whole, so list has no use", "remove list, or say what its lines are: split: file or split: test")
	case s.Split != "" && s.Split != adapter.SplitWhole && len(s.List) == 0:
		fail("split", fmt.Sprintf("split: %s needs list", s.Split), "add list:, a command that prints one "+s.Split+" per line")
	}
	if len(s.List) == 0 && slices.ContainsFunc(s.Run, holdsTests) {
		fail("run", "{tests} needs list: without it the suite runs as a whole", "add list:, a command that prints one test per line")
	}
}

func holdsTests(arg string) bool {
	return strings.Contains(arg, "{tests}") || strings.Contains(arg, "{tests_file}")
}

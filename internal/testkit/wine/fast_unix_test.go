//go:build unix

package wine

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

const module = "github.com/org/e2e-gate/"

// cannot is what does not run under Wine: tests of a package by their names, all of them without a name, each with the reason. A test
// that runs after all must be taken out: TestFastTests fails for a row without a failure.
var cannot = []struct{ pkg, tests, why string }{
	{"cmd/e2e-gate", "", "its tests start the program with signals, users and file systems of Unix; TestGate starts it here"},
	{"internal/attack", "", "its attacks use links, signals, users and mounts of Unix"},
	{"internal/cli/readme", "", "it runs what the README says in a shell"},
	{"internal/cli/stories/commands", "", "stories play suites that end by signals of Unix"},
	{"internal/cli/stories/laws", "", "stories play suites that end by signals of Unix"},
	{"internal/cli/stories/running", "", "stories play suites that end by signals of Unix"},

	{"internal/testkit/wine", "", "it runs Wine"},
	{"internal/verdict/model/processes", "", "its worlds take a shell and links"},

	{"internal/archtest", "TestModules", "needs the go command, which does not run under Wine"},
	{"internal/cli", "TestInit(WithGoTestsEverywhere|WithABrokenManifest|CannotWrite)", "needs the go command, which does not run under Wine"},
	{"internal/suite/gotest", "TestGo.*", "needs the go command, which does not run under Wine"},
	{"internal/testkit/need", "TestTool", "needs the go command, which does not run under Wine"},
	{"internal/tool/mutate", "TestBench", "needs the go command, which does not run under Wine"},
	{"internal/tool/release", "TestUsage", "needs the go command, which does not run under Wine"},
	{"internal/cli", "TestInitOwners", "needs git, which does not run under Wine"},
	{"internal/cli", "TestInitWithoutPackages", "needs Node.js, which does not run under Wine"},

	{"internal/config", "TestLinksOutOfTheCheckout", "Wine 8 says that it made a link, and makes none"},
	{"internal/history", "TestUnreadableRecordsAreSkippedAndNamed", "Wine 8 says that it made a link, and makes none"},
	{"internal/pipeline", "TestResultsOverALink", "Wine 8 says that it made a link, and makes none"},
	{"internal/suite/adapter", "TestAttachmentsStayInTheRepository", "Wine 8 says that it made a link, and makes none"},
	{"internal/suite/adapter", "TestLinkToADeviceIsNoReport", "Wine 8 says that it made a link, and makes none"},
	{"internal/workspace", "TestCheck|TestOpen", "Wine 8 says that it made a link, and makes none"},

	{"internal/gate", "TestEveryKindEndsAtTheDeadline", "Go's UDP sockets use an option that Wine 8 does not have (WSAIoctl 10045)"},
	{"internal/gate/dnsgate", "TestNames|TestServersThatFail", "Go's UDP sockets use an option that Wine 8 does not have (WSAIoctl 10045)"},

	{"internal/proc", "TestStopAsksFirst", "Wine 8 cannot send CTRL_BREAK to a process group, so a process that is stopped is killed after its grace"},

	{"internal/history", "TestFolderThatCannotBeUsed", "a folder that is read-only takes files on Windows"},
}

// event is a line of go test -json.
type event struct {
	Action, Package, Test, Output string
}

// The tests that need no more than a second each pass under Wine, but for those that cannot.
func TestFastTests(t *testing.T) {
	w := Start(t)
	ctx, cancel := context.WithTimeout(t.Context(), 40*time.Minute)
	defer cancel()
	w.packages(ctx, t)
	cmd := w.Go(ctx, "test", "-json", "-exec", "wine", "-short", "-vet=off", "-timeout", "10m", "./...")
	var problems bytes.Buffer
	cmd.Stderr = &problems
	out, err := cmd.Output()
	if err != nil && ctx.Err() != nil {
		t.Fatalf("%v\n%s", ctx.Err(), problems.String())
	}
	counts := map[string]int{}
	failed, output := map[event]bool{}, map[event]string{}
	for lines := bufio.NewScanner(bytes.NewReader(out)); lines.Scan(); {
		var e event
		if json.Unmarshal(lines.Bytes(), &e) != nil {
			continue
		}
		// A subtest's failure is its test's; its output tells more.
		at := event{Package: strings.TrimPrefix(e.Package, module)}
		at.Test, _, _ = strings.Cut(e.Test, "/")
		switch {
		case e.Action == "output" && len(output[at]) < 4000:
			output[at] += e.Output
		case e.Action == "fail":
			failed[at] = true
		}
		if e.Test != "" && !strings.Contains(e.Test, "/") {
			counts[e.Action]++
		}
	}
	t.Logf("%d tests passed, %d failed, %d skipped", counts["pass"], counts["fail"], counts["skip"])
	if counts["pass"] < 500 {
		t.Errorf("only %d tests passed\n%s\n%.4000s", counts["pass"], problems.String(), out)
	}
	judge(t, failed, output)
}

// judge compares what failed with what cannot pass.
func judge(t *testing.T, failed map[event]bool, output map[event]string) {
	t.Helper()
	excused := map[string]bool{} // packages of which a test cannot pass, so that they fail as a whole
	for _, c := range cannot {
		if c.tests == "" {
			continue
		}
		names, used := regexp.MustCompile("^("+c.tests+")$"), false
		for at := range failed {
			if at.Package == c.pkg && names.MatchString(at.Test) {
				delete(failed, at)
				used = true
			}
		}
		excused[c.pkg] = true
		if !used {
			t.Errorf("%s: %s passes now; take it out of the table", c.pkg, c.tests)
		}
	}
	for at := range failed {
		if at.Test == "" && excused[at.Package] && !strings.Contains(output[at], "panic: ") {
			delete(failed, at)
		}
	}
	for _, at := range slices.SortedFunc(maps.Keys(failed), func(a, b event) int {
		return strings.Compare(a.Package+" "+a.Test, b.Package+" "+b.Test)
	}) {
		t.Errorf("%s %s\n%s", at.Package, at.Test, output[at])
	}
}

// packages compares the packages that have tests for Linux and none for Windows with the rows of whole packages.
func (w *Wine) packages(ctx context.Context, t *testing.T) {
	t.Helper()
	with := func(system string) []string {
		cmd := exec.CommandContext(ctx, "go", "list", "-f", "{{if or .TestGoFiles .XTestGoFiles}}{{.ImportPath}}{{end}}", "./...")
		cmd.Dir = w.Root
		cmd.Env = append(cmd.Environ(), "GOOS="+system, "CGO_ENABLED=0")
		out, err := cmd.Output()
		if err != nil {
			t.Fatal(err)
		}
		return strings.Fields(string(out))
	}
	here := with("windows")
	var missing, known []string
	for _, pkg := range with("linux") {
		if !slices.Contains(here, pkg) {
			missing = append(missing, strings.TrimPrefix(pkg, module))
		}
	}
	for _, c := range cannot {
		if c.tests == "" {
			known = append(known, c.pkg)
		}
	}
	slices.Sort(known)
	if slices.Sort(missing); !slices.Equal(missing, known) {
		t.Errorf("packages without tests for Windows\n%s\nthe table has\n%s", fmt.Sprint(missing), fmt.Sprint(known))
	}
}

package robot

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/suite/adapter"
)

func TestArguments(t *testing.T) {
	tests := []e2e.Test{{Name: "a.robot::x", File: "a.robot"}}
	dir := t.TempDir()
	for name, text := range map[string]string{
		"options.txt":   "\uFEFF# what all runs have\n--name    My Product\r\n--variable X:a=b\n--splitlog\n\n-A more.txt\ntests\n",
		"more.txt":      "--exclude=wip",
		"variables.txt": "# expandvars: yes\n--include ${TAG}\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, tc := range []struct {
		args  []string
		tests []e2e.Test
		want  string
	}{
		{[]string{"--output", "o.xml", "-v", "X:1", "--xunit=x.xml", "tests"}, nil,
			"--listener e2e_gate_robot.First --dryrun --output NONE --log NONE --report NONE -v X:1 --listener e2e_gate_robot.Last --outputdir R/output tests"},
		{[]string{"--listener", "Own", "--exitonerror", "a b", "c"}, tests,
			"--listener e2e_gate_robot.First --listener Own --exitonerror --listener e2e_gate_robot.Last --outputdir E/robot a b c"},
		{[]string{"--include=smoke"}, tests, "--listener e2e_gate_robot.First --include=smoke --listener e2e_gate_robot.Last --outputdir E/robot ."},
		{[]string{"--include", "smoke"}, tests, "--listener e2e_gate_robot.First --include smoke --listener e2e_gate_robot.Last --outputdir E/robot ."},
		{nil, tests, "--listener e2e_gate_robot.First --listener e2e_gate_robot.Last --outputdir E/robot ."},
		{[]string{"--include"}, tests, "--listener e2e_gate_robot.First --include --listener e2e_gate_robot.Last --outputdir E/robot ."},
		{[]string{"--TimeStampOutputs", "-T", "--no-status-rc", "-vX:1", "tests"}, tests,
			"--listener e2e_gate_robot.First --TimeStampOutputs -T --no-status-rc -vX:1 --listener e2e_gate_robot.Last --outputdir E/robot tests"},
		{[]string{"-A", "options.txt"}, tests,
			"--listener e2e_gate_robot.First --name My Product --variable X:a=b --splitlog --exclude wip --listener e2e_gate_robot.Last --outputdir E/robot tests"},
		{[]string{"--argument-file=more.txt", "-Anone.txt", "api"}, tests,
			"--listener e2e_gate_robot.First --exclude wip -Anone.txt --listener e2e_gate_robot.Last --outputdir E/robot api"},
		{[]string{"-A", "variables.txt"}, tests, "--listener e2e_gate_robot.First -A variables.txt --listener e2e_gate_robot.Last --outputdir E/robot ."},
	} {
		args, err := arguments(adapter.Launch{Dir: dir, Spec: adapter.Spec{Args: tc.args}, Reporter: "R", Evidence: "E", Tests: tc.tests})
		if got := filepath.ToSlash(strings.Join(args, " ")); err != nil || got != tc.want {
			t.Errorf("%v\ngot  %s\nwant %s", err, got, tc.want)
		}
	}
}

// TestArgumentsOfEarlierRuns refuses what takes its tests from an earlier run, where only a file of arguments has it.
func TestArgumentsOfEarlierRuns(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "a.txt"), []byte("--Rerun-Failed output.xml\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := arguments(adapter.Launch{Dir: dir, Spec: adapter.Spec{Name: "s", Args: []string{"-A", "a.txt"}}, Reporter: "R"})
	if err == nil || !strings.Contains(err.Error(), "suite s: --rerunfailed in a file of arguments") {
		t.Error(err)
	}
}

func TestValidate(t *testing.T) {
	var said []string
	fail := func(path, text, hint string) { said = append(said, path+": "+text) }
	validate(adapter.Spec{Run: []string{"uv", "run", "/venv/bin/pabot", "--processes", "2"}}, fail)
	validate(adapter.Spec{Run: []string{"uv", "run", "robot"}}, fail)
	if len(said) != 1 || said[0] != "run: pabot is not supported" {
		t.Errorf("%q", said)
	}
}

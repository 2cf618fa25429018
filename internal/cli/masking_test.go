//go:build unix

package cli

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// onRunner runs a command in a checkout with a suite of one listed test, as a step of a workflow does.
// It returns the outputs as a job hands them on: the runner drops, silently, each that holds a masked value.
func onRunner(t *testing.T, config string, environ []string, args ...string) (status int, log string, outputs map[string]string) {
	t.Helper()
	dir := t.TempDir()
	writeFiles(t, dir, map[string]string{"e2e-gate.yml": config, "output.txt": "", ".git/keep": ""})
	t.Chdir(dir)
	var out, progress bytes.Buffer
	app := App{Stdout: &out, Stderr: &progress, Environ: append([]string{"PATH=" + os.Getenv("PATH"), "GITHUB_ACTIONS=true", "GITHUB_REPOSITORY=acme/cases",
		"GITHUB_OUTPUT=" + filepath.Join(dir, "output.txt")}, environ...)}
	status = app.Main(t.Context(), args)
	log = progress.String() + out.String()
	outputs = map[string]string{}
	data, err := os.ReadFile(filepath.Join(dir, "output.txt"))
	if err != nil {
		t.Fatal(err)
	}
	var masked []string
	for _, m := range regexp.MustCompile(`(?m)^::add-mask::(.*)$`).FindAllStringSubmatch(log, -1) {
		masked = append(masked, strings.NewReplacer("%25", "%", "%0D", "\r", "%0A", "\n").Replace(m[1]))
	}
	for _, m := range regexp.MustCompile(`(?m)^([\w-]+)<<(\S+)\n(.*)\n(\S+)$`).FindAllStringSubmatch(string(data), -1) {
		outputs[m[1]] = m[3]
		for _, secret := range masked {
			if strings.Contains(m[3], secret) {
				delete(outputs, m[1])
			}
		}
	}
	return status, log, outputs
}

const twoOwners = `version: 1
stages: {pr: {}}
suites:
  - {name: a, framework: command, list: [echo, one], run: [sh, -c, "exit 1"], reports: "{report_dir}/*.xml", owner: OWNER}
  - {name: b, framework: command, list: [echo, two], run: [sh, -c, "exit 1"], reports: "{report_dir}/*.xml", owner: others}
`

// The matrix reaches the jobs of the shards, whatever teams are called: GitHub drops an output that holds
// a masked value.
func TestTheMatrixIsNotDropped(t *testing.T) {
	config := strings.Replace(twoOwners, "OWNER", "payments-team", 1)
	status, log, outputs := onRunner(t, config, []string{"TEAM_PASSWORD=payments-team", "SIGNING_PASS=0-payments"}, "plan", "--shards", "2")
	if status != 0 {
		t.Fatal(log)
	}
	var matrix struct {
		Include []struct {
			Index int
			Name  string
		}
	}
	if err := json.Unmarshal([]byte(outputs["matrix"]), &matrix); err != nil || len(matrix.Include) != 2 {
		t.Fatalf("%v: %q\n%s", err, outputs, log)
	}
	for i, entry := range matrix.Include {
		if entry.Index != i || entry.Name != []string{"shard 0", "shard 1"}[i] {
			t.Errorf("%+v", entry)
		}
	}
	if outputs["plan"] == "" {
		t.Errorf("%q", outputs)
	}
}

func TestAnOutputThatWouldBeDroppedIsAnError(t *testing.T) {
	config := "secrets: [WORD]\n" + strings.Replace(twoOwners, "OWNER", "x", 1)
	status, log, outputs := onRunner(t, config, []string{"WORD=include"}, "plan")
	if status == 0 || !strings.Contains(unmasked(log), "the output matrix holds the value of the variable WORD") || outputs["matrix"] != "" {
		t.Errorf("exit status %d, %q\n%s", status, outputs, log)
	}
}

// Each secret is masked in the log of the job before anything else is printed.
func TestMasksComeFirst(t *testing.T) {
	const config = "secrets: [NAMED]\n" + twoOwners
	environ := []string{"NAMED=x1y", "DATABASE_URL=postgres://u:in-an-address@h/x", "DB_PASSWD=two\nlines-of-it", "SHORT_PASS=abc", "OTHER=visible-value",
		"GITHUB_TOKEN=ghs_0123456789", "ACTIONS_RUNTIME_TOKEN=eyJ.runtime", "TEAM_TOKEN=others", "ACTIONS_RESULTS_URL=https://results.example/"}
	_, log, _ := onRunner(t, config, environ, "plan")
	lines := strings.Split(log, "\n")
	last := 0
	for i, line := range lines {
		if strings.HasPrefix(line, "::add-mask::") {
			last = i
		}
	}
	if first := strings.Join(lines[:last+1], "\n"); strings.Count(first, "::add-mask::") != last+1 {
		t.Errorf("something is printed before a mask:\n%s", first)
	}
	for _, secret := range []string{"x1y", "in-an-address", "lines-of-it", "ghs_0123456789", "eyJ.runtime"} {
		if !strings.Contains(log, "::add-mask::"+secret+"\n") {
			t.Errorf("%s is not masked", secret)
		}
	}
	for _, word := range []string{"abc", "visible-value", "others", "https://results.example/"} {
		if strings.Contains(log, "::add-mask::"+word) {
			t.Errorf("%s is masked", word)
		}
	}
}

func TestLintOfSecrets(t *testing.T) {
	config := "secrets: [NAMED]\n" + strings.Replace(twoOwners, "reports:", "pass_env: [PIN], reports:", 1)
	environ := []string{"NAMED=ab", "PIN=1234", "MY_PASSWD=casework-2", "REDIS_AUTH=echoecho", "APIKEY=framework", "DATABASE_URL=postgres://u:secret-of-db@h/x", "LANG=C"}
	status, log, _ := onRunner(t, strings.Replace(config, "OWNER", "framework", 1), environ, "lint")
	if status != 0 {
		t.Error(log)
	}
	for _, want := range []string{
		"tests inherit variables that look like secrets: APIKEY, DATABASE_URL, MY_PASSWD, REDIS_AUTH",
		"the value of PIN is too short to be masked",
		"the value of APIKEY is a word of this repository or of its tests, and is not masked",
	} {
		if !strings.Contains(log, want) {
			t.Errorf("no %q in\n%s", want, log)
		}
	}
	if strings.Contains(log, "REDIS_AUTH is a word") || strings.Contains(unmasked(log), "secret-of-db") {
		t.Error(log)
	}
}

// An error that ends a command before the config is read shows no secret either.
func TestErrorsShowNoSecret(t *testing.T) {
	_, log, _ := onRunner(t, twoOwners, []string{"API_TOKEN=tok-0123456789"}, "plan", "--config", "tok-0123456789.yml")
	if strings.Contains(unmasked(log), "tok-0123456789") || !strings.Contains(log, "***.yml") {
		t.Error(log)
	}
}

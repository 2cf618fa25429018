// Triageset makes internal/triage/testdata/own.jsonl: failures that real frameworks report of the faults of a service,
// each with the contexts of clauses.go and the category that it has there. It is run by hand, once for a new framework
// or fault, and its result is committed:
//
//	go run ./internal/tool/triageset internal/triage/testdata/own.jsonl
//
// It needs the frameworks that it runs: go, pytest with requests, node, rspec, bats with jq, prove, cargo, Maven and npm. It
// leaves out those that are not there, and says so.
package main

import (
	"context"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/org/e2e-gate/internal/junit"
	"github.com/org/e2e-gate/internal/triage"
)

//go:embed suites
var suites embed.FS

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "triageset:", err)
		os.Exit(1)
	}
}

func run() error {
	if len(os.Args) == 4 && os.Args[1] == "serve" {
		return serve(os.Args[2], os.Args[3] == "safe")
	}
	if len(os.Args) != 2 {
		return errors.New("give it the file to write: triageset FILE")
	}
	dir, err := os.MkdirTemp("", "triageset")
	if err != nil {
		return fmt.Errorf("make a folder: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	out, err := os.Create(os.Args[1])
	if err != nil {
		return fmt.Errorf("write the set: %w", err)
	}
	rows := 0
	for _, f := range frameworks {
		reports, err := f.play(dir)
		if err != nil {
			fmt.Fprintf(os.Stderr, "%s is left out: %v\n", f.name, err)
			continue
		}
		for _, r := range rowsOf(f, reports) {
			line, err := json.Marshal(r)
			if err != nil {
				return fmt.Errorf("write a row: %w", err)
			}
			if _, err := fmt.Fprintf(out, "%s\n", line); err != nil {
				return fmt.Errorf("write the set: %w", err)
			}
			rows++
		}
	}
	fmt.Printf("%d rows\n", rows)
	return out.Close() //nolint:wrapcheck // says what it did
}

// labelled is a row of the set.
type labelled struct {
	triage.Input
	Label string `json:"label"`
	Why   string `json:"why"`
}

func rowsOf(f framework, reports map[string]report) []labelled {
	var list []labelled
	for i, c := range clauses {
		r, ok := reports[c.fault]
		if !ok {
			continue
		}
		paths := slices.Clone(c.paths)
		if len(paths) == 1 && paths[0] == "SUITE" {
			paths[0] = f.file
		}
		in := triage.Input{ID: fmt.Sprintf("%s-%s-%d", f.name, c.fault, i), Framework: f.name, Test: c.fault, Message: r.message, Details: r.details, Type: r.kind,
			Context: triage.Context{Health: c.health, Rerun: c.rerun, Recent: c.recent, ChangedPaths: paths}}
		list = append(list, labelled{in, c.label, c.why})
	}
	return list
}

// report is what a framework says of one failed test.
type report struct{ message, details, kind string }

// framework is one whose reports the set holds.
type framework struct {
	name string
	// folder of suites, and file of the suite in its repository.
	folder, file string
	// needs are the programs that it needs.
	needs []string
	// prepare runs in the suite's folder before anything else.
	prepare []string
	// command runs the suite; CASE in it is the one test, where tests are run one by one.
	command []string
	// read reads what it left and wrote.
	read func(dir string, output []byte) map[string]report
	// single: one command for each fault of this list.
	single []string
}

var all = []string{"value", "lag", "more", "fewer", "server", "gateway", "conflict", "missing", "denied", "limited", "reset", "slow", "refused", "name", "null",
	"unset", "port"}

var frameworks = []framework{
	{name: "gotest", folder: "gotest", file: "e2e/cases/cases_test.go", needs: []string{"go"}, command: []string{"go", "test", "-v", "."}, read: readGo},
	{name: "pytest", folder: "pytest", file: "e2e/test_cases.py", needs: []string{"pytest"},
		command: []string{"pytest", "-q", "--junitxml=out.xml"}, read: readJUnit},
	{name: "nodetest", folder: "nodetest", file: "e2e/cases.test.mjs", needs: []string{"node"},
		command: []string{"node", "--test", "--test-reporter=junit", "--test-reporter-destination=out.xml", "cases.test.mjs"}, read: readJUnit},
	{name: "vitest", folder: "vitest", file: "e2e/cases.test.mjs", needs: []string{"npm"},
		prepare: []string{"npm", "install", "--no-audit", "--no-fund", "vitest@3"},
		command: []string{"npx", "vitest", "run", "--reporter=junit", "--outputFile=out.xml"}, read: readJUnit},
	{name: "rspec", folder: "rspec", file: "e2e/cases_spec.rb", needs: []string{"rspec"},
		command: []string{"rspec", "-f", "json", "-o", "out.json", "cases_spec.rb"},
		read:    readRSpec},
	{name: "bats", folder: "bats", file: "e2e/cases.bats", needs: []string{"bats", "jq", "curl"},
		command: []string{"bats", "-F", "junit", "cases.bats"}, read: readBats},
	{name: "prove", folder: "prove", file: "e2e/cases.t", needs: []string{"perl"}, command: []string{"perl", "cases.t"}, single: all, read: readTAP},
	{name: "cargo", folder: "cargo", file: "tests/cases.rs", needs: []string{"cargo"}, command: []string{"cargo", "test", "--offline", "-q"}, read: readCargo},
	{name: "junit5", folder: "junit5", file: "src/test/java/acme/CasesIT.java", needs: []string{"mvn"},
		command: []string{"mvn", "-q", "-B", "test", "-Dtest=CasesIT", "-DtrimStackTrace=false"}, read: readJUnit},
}

// play runs a framework's suite against the service and reads what it reports. The report of the crash has the
// service's own output behind what the framework says.
func (f framework) play(top string) (map[string]report, error) {
	for _, program := range f.needs {
		if _, err := exec.LookPath(program); err != nil {
			return nil, fmt.Errorf("%s is not installed", program)
		}
	}
	dir := filepath.Join(top, f.name, "e2e")
	if err := f.lay(dir); err != nil {
		return nil, err
	}
	if len(f.prepare) > 0 {
		if out, err := start(dir, nil, f.prepare...); err != nil {
			return nil, fmt.Errorf("%w\n%s", err, out)
		}
	}
	shown := func(text string) string { return elsewhere(text, top) }
	reports, _, err := f.against("safe", dir, f.single)
	if err != nil {
		return nil, err
	}
	// The service of the second run dies, so only the test of that counts.
	only := f.single
	if only != nil {
		only = []string{"crash"}
	}
	again, log, err := f.against("", dir, only)
	if err != nil {
		return nil, err
	}
	delete(reports, "crash")
	if r, ok := again["crash"]; ok {
		if !strings.Contains(log, "panic") {
			return nil, errors.New("the service did not crash")
		}
		r.details += "\n--- case-api stderr ---\n" + log
		reports["crash"] = r
	}
	for name, r := range reports {
		reports[name] = report{shortened(shown(r.message)), shortened(shown(r.details)), r.kind}
	}
	return reports, nil
}

// maxFirst and maxLast are how much of a text is kept at its beginning and its end, in bytes.
const (
	maxFirst = 2 << 10
	maxLast  = 1 << 10
)

func shortened(text string) string {
	if len(text) <= maxFirst+maxLast {
		return text
	}
	return strings.ToValidUTF8(text[:maxFirst], "") + "\n...\n" + strings.ToValidUTF8(text[len(text)-maxLast:], "")
}

// environment is how pytest shows the variables of this machine.
var environment = regexp.MustCompile(`environ\(\{.*`)

// sources is where this program's own code was when it was built.
var sources = regexp.MustCompile(`\S*/internal/tool/triageset/service\.go`)

// elsewhere takes the paths of this machine out of a text, and calls the service's code what a project would.
func elsewhere(text, top string) string {
	text = environment.ReplaceAllString(text, "environ({...})")
	text = sources.ReplaceAllString(text, "/src/case-api/internal/cases/state.go")
	text = strings.ReplaceAll(text, top, "/home/runner/work")
	if home, err := os.UserHomeDir(); err == nil && len(home) > 1 {
		text = strings.ReplaceAll(text, home, "/home/runner")
	}
	return text
}

// against runs the suite against a service and returns the service's own output too.
func (f framework) against(mode, dir string, runs []string) (map[string]report, string, error) {
	s, err := launch(mode)
	if err != nil {
		return nil, "", err
	}
	defer s.stop()
	reports := map[string]report{}
	if runs == nil {
		runs = []string{""}
	}
	for _, one := range runs {
		out, _ := start(dir, append(s.env(), "CASE="+one), f.command...)
		for name, r := range f.read(dir, out) {
			if one != "" {
				name = one
			}
			if r.message+r.details != "" {
				reports[name] = r
			}
		}
	}
	return reports, s.log(), nil
}

// lay writes the suite into a folder.
func (f framework) lay(dir string) error {
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return fmt.Errorf("make a folder: %w", err)
	}
	files := map[string]string{"cases_test.go.txt": "cases_test.go", "CasesIT.java": "src/test/java/acme/CasesIT.java", "cases.rs": "tests/cases.rs"}
	return fs.WalkDir(suites, "suites/"+f.folder, func(path string, d fs.DirEntry, err error) error { //nolint:wrapcheck // names the file
		if err != nil || d.IsDir() {
			return err
		}
		text, err := suites.ReadFile(path)
		if err != nil {
			return err //nolint:wrapcheck // names the file
		}
		name := filepath.Base(path)
		if to := files[name]; to != "" {
			name = to
		}
		if name = strings.TrimSuffix(name, ".txt"); filepath.Dir(name) != "." {
			if err := os.MkdirAll(filepath.Join(dir, filepath.Dir(name)), 0o750); err != nil {
				return err //nolint:wrapcheck // names the file
			}
		}
		return os.WriteFile(filepath.Join(dir, name), text, 0o600) //nolint:wrapcheck // names the file
	})
}

func start(dir string, env []string, command ...string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, command[0], command[1:]...) //nolint:gosec // the commands of this file
	cmd.Dir, cmd.Env = dir, append(os.Environ(), env...)
	return cmd.CombinedOutput() //nolint:wrapcheck // the caller shows the output
}

// running is the service, and two addresses beside it: one where no server listens, one that is taken.
type running struct {
	address, nobody string
	taken           net.Listener
	cmd             *exec.Cmd
	output          *os.File
}

func launch(mode string) (*running, error) {
	s := &running{}
	free, err := freePorts(3)
	if err != nil {
		return nil, err
	}
	s.address, s.nobody = free[0], free[1]
	if s.taken, err = net.Listen("tcp", free[2]); err != nil {
		return nil, fmt.Errorf("take a port: %w", err)
	}
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program: %w", err)
	}
	if s.output, err = os.CreateTemp("", "service"); err != nil {
		return nil, fmt.Errorf("keep the service's output: %w", err)
	}
	s.cmd = exec.Command(self, "serve", s.address, mode) //nolint:gosec // this program
	s.cmd.Stderr = s.output
	if err := s.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start the service: %w", err)
	}
	for range 200 {
		if conn, err := net.Dial("tcp", s.address); err == nil {
			return s, conn.Close() //nolint:wrapcheck // of a test connection
		}
		time.Sleep(25 * time.Millisecond)
	}
	return nil, errors.New("the service does not answer")
}

// freePorts finds ports below those that the system hands out: those are of servers that a test itself starts.
func freePorts(n int) (list []string, err error) {
	for port := 18080; port < 18400 && len(list) < n; port++ {
		at := fmt.Sprintf("127.0.0.1:%d", port)
		l, err := net.Listen("tcp", at)
		if err != nil {
			continue
		}
		_ = l.Close()
		list = append(list, at)
	}
	if len(list) < n {
		return nil, errors.New("there are no free ports from 18080 to 18399")
	}
	return list, nil
}

func (s *running) env() []string {
	return []string{"CASE_API=http://" + s.address, "UNUSED_PORT=http://" + s.nobody, "TAKEN=" + s.taken.Addr().String()}
}

func (s *running) log() string {
	text, _ := os.ReadFile(s.output.Name())
	return string(text)
}

func (s *running) stop() {
	_ = s.cmd.Process.Kill()
	_ = s.cmd.Wait()
	_ = s.taken.Close()
	_ = os.Remove(s.output.Name())
}

// named maps what a framework calls a test to its fault.
func named(test string) string {
	test = strings.ToLower(strings.TrimSpace(test))
	for _, prefix := range []string{"test_", "test", "cases "} {
		test = strings.TrimPrefix(test, prefix)
	}
	switch test = strings.TrimSuffix(test, "()"); test {
	case "nullowner":
		return "null"
	case "waits":
		return "wait"
	}
	return test
}

// readJUnit reads the reports of a framework that writes them.
func readJUnit(dir string, _ []byte) map[string]report {
	reports := map[string]report{}
	files, _ := filepath.Glob(filepath.Join(dir, "out.xml"))
	more, _ := filepath.Glob(filepath.Join(dir, "target/surefire-reports/*.xml"))
	for _, file := range append(files, more...) {
		_, _ = junit.ReadFile(file, junit.Options{}, func(c junit.Case) error { // a damaged report gives what it holds
			for _, a := range c.Attempts() {
				if a.Message+a.Details != "" {
					reports[named(c.Name)] = report{a.Message, a.Details, a.Type}
				}
			}
			return nil
		})
	}
	return reports
}

func readBats(dir string, output []byte) map[string]report {
	if err := os.WriteFile(filepath.Join(dir, "out.xml"), output, 0o600); err != nil {
		return nil
	}
	return readJUnit(dir, nil)
}

func readRSpec(dir string, _ []byte) map[string]report {
	text, _ := os.ReadFile(filepath.Join(dir, "out.json"))
	var doc struct {
		Examples []struct {
			Description string
			Exception   struct {
				Class, Message string
				Backtrace      []string
			}
		}
	}
	reports := map[string]report{}
	if json.Unmarshal(text, &doc) != nil {
		return nil
	}
	for _, e := range doc.Examples {
		x := e.Exception
		reports[named(e.Description)] = report{x.Message, strings.Join(x.Backtrace[:min(len(x.Backtrace), 12)], "\n"), x.Class}
	}
	return reports
}

var goFailure = regexp.MustCompile(`(?m)^=== RUN +Test(\w+)\n((?s:.*?))^--- FAIL: Test\w+.*$`)

func readGo(_ string, output []byte) map[string]report {
	reports := map[string]report{}
	for _, m := range goFailure.FindAllSubmatch(output, -1) {
		text := strings.TrimSpace(string(m[2]))
		first, _, _ := strings.Cut(text, "\n")
		reports[named(string(m[1]))] = report{message: first, details: text}
	}
	if m := goPanic.FindSubmatch(output); m != nil {
		text := strings.TrimSpace(string(m[2]))
		first, _, _ := strings.Cut(text, "\n")
		reports[named(string(m[1]))] = report{message: first, details: text}
	}
	return reports
}

var goPanic = regexp.MustCompile(`(?ms)^--- FAIL: Test(\w+) \S+\n(panic: .*)`)

var cargoFailure = regexp.MustCompile(`(?ms)^---- (\w+) stdout ----\n(.*?)(?:\n\n)`)

func readCargo(_ string, output []byte) map[string]report {
	reports := map[string]report{}
	for _, m := range cargoFailure.FindAllSubmatch(append(output, "\n\n"...), -1) {
		text := strings.TrimSpace(string(m[2]))
		first, _, _ := strings.Cut(text, "\n\n")
		reports[named(string(m[1]))] = report{message: first, details: text}
	}
	return reports
}

func readTAP(_ string, output []byte) map[string]report {
	var words []string
	for line := range strings.Lines(string(output)) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "1..") && !strings.HasPrefix(line, "ok ") {
			words = append(words, line)
		}
	}
	return map[string]report{"": {message: strings.Join(words, "\n"), details: string(output)}}
}

//go:build unix

package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/runner"
	"github.com/org/e2e-gate/internal/testkit/githubfake"
	"github.com/org/e2e-gate/internal/testkit/servers"
)

// TestProbeHelper is the product and the suite of the tests below, in processes of their own: the product answers with what is in src
// below its folder, and the suite reports what it answers.
func TestProbeHelper(t *testing.T) {
	read := func(name string) string { data, _ := os.ReadFile(name); return strings.TrimSpace(string(data)) }
	switch os.Getenv("PROBE_HELPER") {
	case "":
		t.Skip("it is a helper")
	case "serve":
		if read("src/crash") != "" {
			fmt.Fprintln(os.Stderr, "no migration")
			os.Exit(1)
		}
		handler := func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/" && read("src/slow") != "" {
				w.WriteHeader(http.StatusServiceUnavailable)
			}
			fmt.Fprintf(w, "%s|%s|%s", read("src/state"), read("src/refunds"), read("src/more"))
		}
		fmt.Fprintln(os.Stderr, http.ListenAndServe("127.0.0.1:"+os.Getenv("PROBE_PORT"), http.HandlerFunc(handler))) //nolint:gosec // on loopback
		os.Exit(1)
	case "suite":
		resp, err := http.Get(os.Getenv("APP") + "/state") //nolint:noctx // of a test
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = resp.Body.Close() }()
		body, _ := io.ReadAll(resp.Body)
		said := strings.SplitN(string(body), "|", 3)
		report, failed := "<testsuite><testcase name=\"lists\"/>", false
		wd, _ := os.Getwd()
		for i, name := range []string{"pays", "refunds"} {
			if said[i] == "ok" || said[i] == "" {
				report += fmt.Sprintf("<testcase name=%q/>", name)
				continue
			}
			failed = true
			report += fmt.Sprintf("<testcase name=%q><failure message=\"expected accepted, got %s\">at %s/%s.go:12\n%s</failure></testcase>", name, said[i], wd, name, said[2])
		}
		if err := os.WriteFile(filepath.Join(os.Getenv("E2E_REPORT_DIR"), "r.xml"), []byte(report+"</testsuite>"), 0o600); err != nil {
			t.Fatal(err)
		}
		if failed {
			os.Exit(1)
		}
	}
}

// probeConfig has a product that the gate starts. more are lines of the config.
func probeConfig(t *testing.T, port int, more string) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf(`version: 1
stages: {pr: {on: [pull_request, push]}}
processes:
  - {name: app, run: [%[1]q, -test.run=^TestProbeHelper$], env: {PROBE_HELPER: serve, PROBE_PORT: "%[2]d"}}
gates:
  interval: 20ms
  timeout: 20s
  checks:
    - {name: app, http: {url: "http://127.0.0.1:%[2]d/"}}
suites:
  - {name: s, framework: command, dir: e2e, list: [printf, '%%s\n', pays, refunds, lists], run: [%[1]q, -test.run=^TestProbeHelper$],
     env: {PROBE_HELPER: suite, GORACE: atexit_sleep_ms=0, APP: "http://127.0.0.1:%[2]d"}, reports: "{report_dir}/*.xml", owner: payments}
%[3]s`, self, port, more)
}

// probeOf is what a result says that the test pays did at the base.
func probeOf(t *testing.T, out string) (r e2e.Result, pays e2e.TestResult) {
	t.Helper()
	if err := json.Unmarshal([]byte(out), &r); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, one := range r.Tests {
		if one.ID == "s::pays" {
			return r, one
		}
	}
	t.Fatalf("no test pays in\n%s", out)
	return r, pays
}

// TestAFailureIsRunAtTheBaseToo plays pull requests whose failure is run at the base. Only a failure of the same kind in what the base
// itself made excuses anything.
func TestAFailureIsRunAtTheBaseToo(t *testing.T) {
	const probe = "exonerate: {probe: true}\n"
	for name, tc := range map[string]struct {
		runs int
		// more is in the config of the base, replace in pairs what is different in all of it.
		more    string
		replace []string
		// base is done to the base, change to the branch.
		base, change func(r tree)
		status       int
		// refused, why and other are parts of what the result says; passed and same are counts.
		refused, why, other string
		noted               string
		passed, same        int
		none                bool
	}{
		"it fails there in the same way": {more: probe, same: 2},
		"one red run is known beside it": {runs: 1, more: probe, same: 2},
		"three red runs are enough":      {runs: 3, more: probe, none: true},
		"not asked for":                  {status: e2e.ExitBlocked, none: true},
		"the change asks for it":         {status: e2e.ExitBlocked, none: true, change: func(r tree) { writeMore(r, probe) }},
		"the change raises how many": {status: e2e.ExitBlocked, more: "exonerate: {probe: true, max: 7}\n", refused: "the change alters what judges it",
			change: func(r tree) { writeMore(r, "exonerate: {probe: true, max: 9}\n") }},
		"the change touches the suite": {status: e2e.ExitBlocked, more: probe, change: func(r tree) { r.Write("e2e/more.sh", "") },
			refused: "the change touches e2e/more.sh, which belongs to the suite"},
		"the change broke it": {status: e2e.ExitBlocked, more: probe, base: func(r tree) { r.Write("src/state", "ok") },
			change: func(r tree) { r.Write("src/state", "lost") }, passed: 2},
		"it fails there in another way": {status: e2e.ExitBlocked, more: probe, change: func(r tree) { r.Write("src/state", "lost") },
			other: "expected accepted, got draft"},
		"it says one thing more": {status: e2e.ExitBlocked, more: probe, change: func(r tree) { r.Write("src/more", "money was lost") },
			other: "expected accepted, got draft"},
		"red for too long": {status: e2e.ExitBlocked, more: "exonerate: {probe: true, max_age: 1ms}\n", same: 2,
			why: "so it may have been red for longer than the 1ms"},
		"a store of its own": {status: e2e.ExitBlocked, more: probe, same: 2, why: "no run of main is known in which it passed",
			base: func(r tree) { writeMore(r, probe+"history: {store: \"dir:.e2e-gate/history\"}\n") }, noted: "history.store is not that of GitHub Actions"},
		"more than may be run there": {status: e2e.ExitBlocked, more: "exonerate: {probe: true, max: 1}\n",
			base: func(r tree) { r.Write("src/refunds", "draft") }, refused: "2 failed tests would have to be run there, more than exonerate.max: 1"},
		"as many as may be run there": {more: "exonerate: {probe: true, max: 2}\n", base: func(r tree) { r.Write("src/refunds", "draft") }, same: 2},
		"the base does not start": {status: e2e.ExitBlocked, more: probe, base: func(r tree) { r.Write("src/crash", "1") },
			change: func(r tree) { r.Write("src/crash", "") }, refused: "no migration"},
		"the base has a link out of it": {status: e2e.ExitBlocked, more: probe, base: func(r tree) { link(r, "/etc", "src/conf") },
			refused: "has the link src/conf, which leads out of it"},
		"the base has contents elsewhere": {status: e2e.ExitBlocked, more: probe, base: func(r tree) { r.Write(".gitattributes", "*.png filter=lfs\n") },
			refused: "names a filter, such as Git LFS"},
		"a shallow checkout": {status: e2e.ExitBlocked, more: probe, change: func(r tree) {
			r.Commit("last")
			r.Write(".git/shallow", r.Git("rev-parse", "HEAD")+"\n")
		}, refused: "check out with fetch-depth: 0"},
		"an address of a deployment": {status: e2e.ExitBlocked,
			more: probe, replace: []string{"PROBE_HELPER: suite,", "PROBE_HELPER: suite, PAY_API: 'https://pr-42.example.com/api',"},
			refused: "the variable PAY_API of suite s leads to pr-42.example.com:443, which is not known to run the base"},
	} {
		t.Run(name, func(t *testing.T) {
			text := strings.NewReplacer(append([]string{"\r", ""}, tc.replace...)...).Replace(probeConfig(t, servers.FreePort(t), tc.more))
			r, fake, base, _ := redBaseOf(t, tc.runs, text, tc.base)
			t.Setenv("TMPDIR", t.TempDir())
			hook(r, "post-checkout", "touch '"+filepath.Join(os.Getenv("TMPDIR"), "hooked")+"'")
			if tc.change != nil {
				tc.change(r)
			}
			head := r.Commit("more")
			r.ref = "refs/pull/42/merge"
			status, out, stderr := r.run(fake, "pull_request", head, proposedTo(head, base), "run")
			result, pays := probeOf(t, out)
			if status != tc.status {
				t.Errorf("exit status %d, want %d\n%s\n%s", status, tc.status, out, stderr)
			}
			if tc.noted != "" && strings.Count(stderr, tc.noted) != 1 {
				t.Errorf("%q is not said once in\n%s", tc.noted, stderr)
			}
			if excused := pays.BaseFails != nil && pays.BaseFails.Excuses; excused != (tc.status == 0) || tc.why != "" && !strings.Contains(pays.BaseFails.Why, tc.why) {
				t.Errorf("%+v\n%s", pays.BaseFails, stderr)
			}
			switch p := pays.Probe; {
			case p == nil || tc.none:
				if p != nil || !tc.none {
					t.Errorf("%+v\n%s", p, stderr)
				}
			case p.SHA != base, !strings.Contains(p.Refused, tc.refused), (p.Refused == "") != (tc.refused == ""), p.Passed != tc.passed, p.Same != tc.same,
				!strings.Contains(p.Other, tc.other):
				t.Errorf("%+v\n%s", p, stderr)
			}
			if left, _ := os.ReadDir(os.Getenv("TMPDIR")); len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
			if kept, _ := filepath.Glob(filepath.Join(r.Dir, ".e2e-gate", "history", result.Run.ID+"*")); len(kept) == 0 {
				t.Error("the run is not in the history")
			}
			if len(result.Problems) > 0 {
				t.Errorf("%+v", result.Problems)
			}
		})
	}
}

func writeMore(r tree, more string) {
	text, _ := os.ReadFile(filepath.Join(r.Dir, "e2e-gate.yml"))
	before, _, _ := strings.Cut(string(text), "exonerate:")
	r.Write("e2e-gate.yml", before+more)
}

func hook(r tree, name, command string) {
	r.Write(".git/hooks/"+name, "#!/bin/sh\n"+command+"\n")
	if err := os.Chmod(filepath.Join(r.Dir, ".git", "hooks", name), 0o755); err != nil {
		r.t.Fatal(err)
	}
}

func link(r tree, to, name string) {
	if err := os.Symlink(to, filepath.Join(r.Dir, name)); err != nil {
		r.t.Fatal(err)
	}
}

// TestAPortThatIsStillTaken: what answers before the base is started may be the change's.
func TestAPortThatIsStillTaken(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	text := strings.Replace(probeConfig(t, servers.FreePort(t), "exonerate: {probe: true}\n"), "checks:\n",
		fmt.Sprintf("checks:\n    - {name: db, tcp: {address: %q}}\n", l.Addr()), 1)
	r, fake, base, head := redBaseOf(t, 0, text, nil)
	r.ref = "refs/pull/42/merge"
	status, out, stderr := r.run(fake, "pull_request", head, proposedTo(head, base), "run")
	want := l.Addr().String() + " answers before anything of the base was started"
	if _, pays := probeOf(t, out); status != e2e.ExitBlocked || pays.Probe == nil || !strings.Contains(pays.Probe.Refused, want) {
		t.Errorf("exit status %d, %+v\n%s", status, pays.Probe, stderr)
	}
}

// TestARegressionInADeployedProduct: the tests are unchanged, and the deployment of the change fails whatever is checked out. No probe
// excuses it. Only an environment that proves by its version that it runs the base says something.
func TestARegressionInADeployedProduct(t *testing.T) {
	versions, states := map[string]string{}, map[string]string{}
	deployed := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		environment, what, _ := strings.Cut(strings.Trim(r.URL.Path, "/"), "/")
		switch what {
		case "version":
			_ = json.NewEncoder(w).Encode(map[string]string{"version": versions[environment]})
		case "state":
			fmt.Fprint(w, states[environment]+"||")
		}
	}))
	defer deployed.Close()
	self, _ := os.Executable()
	const health, proves, semver, both = `{name: app, http: {url: "URL/"}}`, `{name: version, timeout: 2s, version: {url: "URL/version", sha: "${E2E_SHA}"}}`,
		`{name: version, version: {url: "URL/version", semver: ">=1.0.0"}}`, `{name: version, version: {url: "URL/version", sha: "${E2E_SHA}"}}, {name: pay, tcp: {address: "OTHER"}}`
	const probe, target = "exonerate: {probe: true}", "exonerate: {probe: true, target: staging}"
	for name, tc := range map[string]struct {
		gates, more string
		// staging is what runs there: the commit, and what it answers.
		staging [2]string
		refused string
		passed  int
		same    int
	}{
		"nothing that the gate starts": {gates: health, more: probe,
			refused: "the config starts no processes, so the tests run against a deployment of the change"},
		"a target without a version gate":    {gates: health, more: target, refused: "no required version gate proves that environment staging runs the base"},
		"a version that is none of a commit": {gates: semver, more: target, refused: "no required version gate proves"},
		"a target that runs the change": {gates: proves, more: target, staging: [2]string{"change", "lost"},
			refused: "the environment of the base is not healthy: gate version"},
		"a target with another service": {gates: both, more: target, staging: [2]string{"base", "lost"},
			refused: "gate pay looks at OTHER, of which no version gate proves"},
		"a target that runs the base, and fails": {gates: proves, more: target, staging: [2]string{"base", "lost"}, same: 2},
		"a target that runs the base":            {gates: proves, more: target, staging: [2]string{"base", "ok"}, passed: 2},
	} {
		t.Run(name, func(t *testing.T) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = l.Close() }()
			urls := strings.NewReplacer("URL", deployed.URL+"/${E2E_TARGET}", "OTHER", l.Addr().String())
			r := newTree(t)
			r.Write("e2e-gate.yml", urls.Replace("version: 1\nstages: {pr: {on: [pull_request, push], target: preview}}\n"+
				"gates: {interval: 20ms, checks: ["+tc.gates+"]}\nsuites:\n"+
				"  - {name: s, framework: command, dir: e2e, list: [printf, '%s\\n', pays, lists], run: ["+self+", -test.run=^TestProbeHelper$],\n"+
				"     env: {PROBE_HELPER: suite, GORACE: atexit_sleep_ms=0, APP: \"URL\"}, reports: \"{report_dir}/*.xml\"}\n"+tc.more+"\n"))
			r.Write("e2e/keep", "")
			r.Write("src/other", "1")
			base := r.Commit("base")
			r.Git("update-ref", "refs/remotes/origin/main", base)
			r.Git("checkout", "-qb", "change")
			r.Write("src/other", "2")
			head := r.Commit("change")
			commits := map[string]string{"base": base, "change": head}
			versions["preview"], versions["staging"] = head, commits[tc.staging[0]]
			if tc.gates == semver {
				versions["preview"], versions["staging"] = "1.2.3", "1.2.3"
			}
			states["preview"], states["staging"] = "lost", tc.staging[1]
			r.ref = "refs/pull/42/merge"
			status, out, stderr := r.run(githubfake.New(t), "pull_request", head, proposedTo(head, base), "run")
			_, pays := probeOf(t, out)
			p := pays.Probe
			if status != e2e.ExitBlocked || p == nil || !strings.Contains(p.Refused, urls.Replace(tc.refused)) || (p.Refused == "") != (tc.refused == "") ||
				p.Passed != tc.passed ||
				p.Same != tc.same || pays.BaseFails != nil && pays.BaseFails.Excuses {
				t.Errorf("exit status %d, %+v, %+v\n%s", status, p, pays.BaseFails, stderr)
			}
		})
	}
}

// TestAProbeOnManyMachines: the shards probe, and the verdict decides as a run on one machine does.
func TestAProbeOnManyMachines(t *testing.T) {
	r, fake, base, head := redBaseOf(t, 0, probeConfig(t, servers.FreePort(t), "exonerate: {probe: true}\n"), nil)
	r.ref = "refs/pull/42/merge"
	payload := proposedTo(head, base)
	out := t.TempDir()
	if status, _, stderr := r.run(fake, "pull_request", head, payload, "plan", "--out", filepath.Join(out, "plan"), "--shards", "1"); status != 0 {
		t.Fatalf("exit status %d\n%s", status, stderr)
	}
	plan := filepath.Join(out, "plan", "plan.json")
	text, err := os.ReadFile(plan)
	if err != nil || !strings.Contains(string(text), `"base": "`+base+`"`) {
		t.Fatalf("the plan does not name the base: %v", err)
	}
	results := filepath.Join(out, "results")
	if status, _, stderr := r.run(fake, "pull_request", head, payload, "shard", "--plan", plan, "--index", "0", "--out", results); status != e2e.ExitBlocked {
		t.Fatalf("exit status %d\n%s", status, stderr)
	}
	status, said, _ := r.run(fake, "pull_request", head, payload, "verdict", "--plan", plan, "--results", results, "--out", t.TempDir())
	_, pays := probeOf(t, said)
	if status != 0 || pays.Probe == nil || pays.Probe.Same != 2 || pays.BaseFails == nil || !pays.BaseFails.Excuses {
		t.Errorf("exit status %d, %+v, %+v", status, pays.Probe, pays.BaseFails)
	}
}

// TestASignalEndsTheProbe: what was judged before it stays, and nothing is left behind.
func TestASignalEndsTheProbe(t *testing.T) {
	text := probeConfig(t, servers.FreePort(t), "exonerate: {probe: true}\n")
	r, fake, base, _ := redBaseOf(t, 0, text, func(r tree) { r.Write("src/slow", "1") })
	r.Write("src/slow", "")
	head := r.Commit("it starts")
	r.ref = "refs/pull/42/merge"
	t.Setenv("TMPDIR", t.TempDir())
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	r.stderr = &trap{text: "is run at the base", spring: func() { cancel(runner.ErrCancelled) }}
	r.ctx = ctx
	status, out, stderr := r.run(fake, "pull_request", head, proposedTo(head, base), "run")
	result, pays := probeOf(t, out)
	if ctx.Err() == nil || status != e2e.ExitBlocked || result.Verdict.State != e2e.VerdictFailed || pays.Probe != nil {
		t.Errorf("exit status %d, %s, %+v\n%s", status, result.Verdict.State, pays.Probe, stderr)
	}
	if left, _ := os.ReadDir(os.Getenv("TMPDIR")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// trap springs when a text is written.
type trap struct {
	bytes.Buffer
	text   string
	spring func()
}

func (w *trap) Write(p []byte) (int, error) {
	n, err := w.Buffer.Write(p)
	if strings.Contains(w.String(), w.text) {
		w.spring()
	}
	return n, err
}

//go:build unix

package pipeline

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/org/e2e-gate/internal/config"
	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/gate"
	"github.com/org/e2e-gate/internal/gate/versiongate"
	"github.com/org/e2e-gate/internal/isolation"
	"github.com/org/e2e-gate/internal/runner"
	"github.com/org/e2e-gate/internal/suite"
	"github.com/org/e2e-gate/internal/trigger"
)

const probedSHA = "4bf1f7a000000000000000000000000000000abc"

// TestPlaceAtBase says against what the tests of a config run at the base. In doubt that is not known.
func TestPlaceAtBase(t *testing.T) {
	tcp := func(name, address string) gate.Check {
		return gate.Check{Name: name, TCP: &gate.TCPSpec{Address: address}}
	}
	version := func(sha string, urls ...string) gate.Check {
		return gate.Check{Name: "version", Version: &versiongate.Spec{URL: urls, SHA: sha}}
	}
	no, app := false, []runner.ProcessSpec{{Name: "app", Run: []string{"./start.sh"}}}
	for name, tc := range map[string]struct {
		processes     []runner.ProcessSpec
		checks        []gate.Check
		isolation     isolation.Spec
		target, stage string
		want          string
	}{
		"processes behind a gate": {processes: app, checks: []gate.Check{tcp("app", "127.0.0.1:8080")}},
		"a stage that is local":   {processes: app, checks: []gate.Check{tcp("app", "localhost:8080")}, stage: "local"},
		"a stage at an address":   {processes: app, checks: []gate.Check{tcp("app", "localhost:8080")}, stage: "http://localhost:8080"},
		"no processes":            {checks: []gate.Check{tcp("app", "127.0.0.1:8080")}, want: "starts no processes"},
		"nothing at all":          {want: "starts no processes"},
		"no gate":                 {processes: app, want: "no required gate"},
		"an advisory gate": {processes: app, checks: []gate.Check{{Name: "app", TCP: &gate.TCPSpec{Address: "127.0.0.1:8080"}, Required: &no}},
			want: "no required gate"},
		"a gate elsewhere": {processes: app, checks: []gate.Check{tcp("app", "127.0.0.1:8080"), tcp("db", "db.example.com:5432")},
			want: "gate db looks at db.example.com:5432"},
		"a gate without an address": {processes: app,
			checks: []gate.Check{tcp("app", "127.0.0.1:8080"), {Name: "cli", Command: &gate.CommandSpec{Run: []string{"true"}}}}, want: "gate cli looks at"},
		"a stage of a deployment": {processes: app, checks: []gate.Check{tcp("app", "127.0.0.1:8080")}, stage: "preview", want: "environment preview"},
		"a stage at a host": {processes: app, checks: []gate.Check{tcp("app", "127.0.0.1:8080")}, stage: "https://pr-7.example.com",
			want: "environment https://pr-7"},
		"docker": {processes: []runner.ProcessSpec{{Name: "app", Up: []string{"docker", "compose", "up", "-d"}}},
			checks: []gate.Check{tcp("app", "127.0.0.1:8080")}, want: "uses docker"},
		"docker in a shell": {processes: []runner.ProcessSpec{{Name: "app", Run: []string{"sh", "-c", "exec /usr/bin/podman run app"}}},
			checks: []gate.Check{tcp("app", "127.0.0.1:8080")}, want: "uses podman"},
		"docker in isolation": {processes: app, checks: []gate.Check{tcp("app", "127.0.0.1:8080")},
			isolation: isolation.Spec{Up: []string{"docker-compose", "up"}}, want: "isolation.up uses docker-compose"},
		"a folder called docker": {processes: []runner.ProcessSpec{{Name: "app", Run: []string{"sh", "docker/start.sh"}}},
			checks: []gate.Check{tcp("app", "127.0.0.1:8080")}},
		"a database from before": {processes: app, checks: []gate.Check{tcp("app", "127.0.0.1:8080")},
			isolation: isolation.Spec{Postgres: &isolation.Postgres{DSN: "postgres://app@127.0.0.1:5432/app", Template: "x"}}, want: "isolation.postgres"},
		"a database behind a gate": {processes: app, checks: []gate.Check{tcp("app", "127.0.0.1:8080"), tcp("db", "localhost:5432")},
			isolation: isolation.Spec{Postgres: &isolation.Postgres{DSN: "host=127.0.0.1 port=5432 user=app dbname=app", Template: "x"}}},
		"a database elsewhere, at that port": {processes: app, checks: []gate.Check{tcp("db", "localhost:5432")},
			isolation: isolation.Spec{Postgres: &isolation.Postgres{DSN: "postgres://app@db.example.com:5432/app", Template: "x"}}, want: "isolation.postgres"},

		"a target that proves its version": {target: "staging", checks: []gate.Check{version(probedSHA, "https://staging.example.com/info")}},
		"a target, and a gate beside it": {target: "staging",
			checks: []gate.Check{version(probedSHA, "https://staging.example.com/info"), tcp("db", "staging.example.com:5432")}},
		"a target, and something of others": {target: "staging", checks: []gate.Check{version(probedSHA, "https://staging.example.com/info"),
			{Name: "bank", External: true, TCP: &gate.TCPSpec{Address: "bank.example.org:443"}}}},
		"a target, and another host": {target: "staging",
			checks: []gate.Check{version(probedSHA, "https://staging.example.com/info"), tcp("db", "db.example.com:5432")}, want: "gate db looks at"},
		"a target, and a port here": {target: "staging",
			checks: []gate.Check{version(probedSHA, "https://staging.example.com/info"), tcp("app", "127.0.0.1:8080")}, want: "gate app looks at"},
		"a target, and a process": {target: "staging", processes: app,
			checks: []gate.Check{version(probedSHA, "https://staging.example.com/info"), tcp("app", "127.0.0.1:8080")}},
		"a target without a version": {target: "staging", checks: []gate.Check{tcp("app", "staging.example.com:443")}, want: "no required version gate proves"},
		"another commit": {target: "staging", checks: []gate.Check{version(strings.Repeat("1", 40), "https://staging.example.com/info")},
			want: "no required version gate"},
		"a part of the commit": {target: "staging", checks: []gate.Check{version(probedSHA[:7], "https://staging.example.com/info")},
			want: "no required version gate"},
		"an advisory version": {target: "staging",
			checks: []gate.Check{{Name: "version", Required: &no, Version: &versiongate.Spec{URL: []string{"https://staging.example.com"}, SHA: probedSHA}}},
			want:   "no required version gate"},
	} {
		cfg := &config.Config{Processes: tc.processes, Gates: gate.Spec{Checks: tc.checks}, Isolation: tc.isolation}
		place, err := placeAtBase(cfg, probedSHA, tc.target, tc.stage)
		if (err == nil) != (tc.want == "") || err != nil && !strings.Contains(err.Error(), tc.want) || place.target != tc.target {
			t.Errorf("%s: %v, want %q", name, err, tc.want)
		}
	}
	place := atBase{versions: []string{"version"}}
	for state, proves := range map[e2e.GateState]bool{e2e.Healthy: true, e2e.Degraded: false, e2e.Unhealthy: false, e2e.GateUnknown: false} {
		if err := place.proven([]e2e.Gate{{Name: "version", State: state}}); (err == nil) != proves {
			t.Errorf("%s: %v", state, err)
		}
	}
	if place.proven(nil) == nil {
		t.Error("nothing proves nothing")
	}
}

// TestWhatLeadsElsewhere has commands and variables that lead the tests away from the base.
func TestWhatLeadsElsewhere(t *testing.T) {
	place := atBase{hosts: []string{"staging.example.com"}, ports: []string{"8080", "443"}}
	roots := []string{"/home/me/repo"}
	for _, tc := range []struct {
		variable, text string
		leads          bool
	}{
		{"APP", "http://127.0.0.1:8080/api", false}, {"APP", "http://localhost:8080", false}, {"APP", "https://staging.example.com/", false}, {"APP",
			"http://[::1]:8080", false},
		{"APP", "http://127.0.0.1:3000", true}, {"APP", "http://localhost", true}, {"APP", "https://localhost", false}, {"APP", "https://pr-42.example.com", true},
		{"APP", "wss://user:pass@pr-42.example.com:8080/x", true}, {"APP", "https://staging.example.com.evil.org", true}, {"APP",
			"https://staging.example.com@evil.org/", true},
		{"", "--base-url=https://pr-42.example.com", true}, {"", "--base-url=http://127.0.0.1:8080", false},
		{"DATABASE_URL", "postgres://u:p@127.0.0.1:5432/x", true}, {"API_HOST", "pr-42.example.com", true}, {"API_HOST", "staging.example.com:8443", false},
		{"API_HOST", "127.0.0.1", false},
		{"API_HOST", "localhost:3000", true}, {"API_ADDR", "127.0.0.1:8080", false}, {"API_ADDR", "0.0.0.0:8080", false}, {"NAME", "pr-42.example.com", false},
		{"REPORT", "a.b/c", false},
		{"DB_HOST", "postgres", true}, {"DB_HOST", "shop-pr-42", true}, {"REDIS_ADDR", "redis:6379", true}, {"KAFKA_BROKERS", "127.0.0.1:8080,kafka:9092", true},
		{"KAFKA_BROKERS", "localhost:8080, 127.0.0.1:443", false}, {"API_HOST", "[2001:db8::1]:8080", true}, {"API_HOST", "[::1]:8080", false}, {"HOST",
			"localhost", false},
		{"SERVER", "true", false}, {"TARGET", "chromium", false}, {"SGX_AESM_ADDR", "1", false}, {"NODE", "node", false}, {"NODE", "20.11", false}, {"TARGET",
			"v1.2.3", false}, {"TARGET", "10.0.0.5", true}, {"NODE", "/usr/bin/node", false},
		{"DB", "u:p@tcp(db.example.com:3306)/x", true}, {"DB", "u:p@tcp(127.0.0.1:8080)/x", false}, {"DB", "host=db.example.com port=5432", true},
		{"DB", "Server=db;Database=x", true}, {"DB", "host=localhost user=x", false}, {"", "--api=pr-42.example.com:8080", true}, {"", "--api", false},
		{"", "--api=127.0.0.1:8080", false}, {"", "--shard=1/2", false}, {"IMAGE", "registry.example.com/app:12", false}, {"AT", "e2e/pay.spec.ts:12", false},
		{"GITHUB_API_URL", "https://api.github.com", false}, {"HTTPS_PROXY", "http://proxy.example.com:3128", false}, {"GOPROXY", "https://proxy.example.com", false},
		{"CI_SERVER_URL", "https://gitlab.example.com", false}, {"CI_ENVIRONMENT_URL", "https://pr-42.example.com", true}, {"JENKINS_URL",
			"https://ci.example.com", false},
		{"RUNTIME_API_URL", "https://pr-42.example.com", true}, {"RUN_ARTIFACTS_DISPLAY_URL", "https://ci.example.com", false},
		{"DOCKER_HOST", "unix:///var/run/docker.sock", false}, {"CONF", "file:///etc/conf", false},
		{"BIN", "/home/me/repo/bin/app", true}, {"PATH", "/usr/bin:/home/me/repo/node_modules/.bin", true}, {"", "/home/me/repo", true}, {"GITHUB_WORKSPACE",
			"/home/me/repo", true},
		{"BIN", "/home/me/repository/bin", false}, {"BIN", "/home/me/repo-2/bin", false}, {"BIN", "/home/me", false},
	} {
		if got := place.leads(tc.variable, tc.text, roots); (got != "") != tc.leads {
			t.Errorf("%s=%s: %q", tc.variable, tc.text, got)
		}
	}
}

// TestFilesThatLeadElsewhere has files of the base by which a suite finds a deployment although its variables say nothing of it.
func TestFilesThatLeadElsewhere(t *testing.T) {
	place := atBase{ports: []string{"8080"}}
	env := []string{"BASE_URL=http://127.0.0.1:8080"}
	for _, tc := range []struct {
		file, text, want string
	}{
		{"e2e/playwright.config.ts", "export default defineConfig({ use: { baseURL: 'https://pr-42.example.com', trace: 'on' } })",
			"baseURL in the file playwright.config.ts leads to"},
		{"e2e/playwright.config.ts", "  use: {\n    baseURL: \"http://localhost:3000\",\n  },", "leads to localhost:3000"},
		{"e2e/playwright.config.ts", "  baseURL: process.env.OTHER_URL ?? 'https://pr-42.example.com',", "leads to pr-42.example.com"},
		{"e2e/playwright.config.ts", "  baseURL: process.env.BASE_URL ?? 'https://pr-42.example.com',", ""},
		{"e2e/playwright.config.ts", "  baseURL: process.env['BASE_URL'] || 'https://pr-42.example.com',", ""},
		{"e2e/playwright.config.ts", "  // baseURL: 'https://pr-42.example.com',\n /* See https://playwright.dev/docs/test-configuration. */\n * url: 'http://localhost:3000'", ""},
		{"e2e/playwright.config.ts", "  baseURL: process.env.SHOP,\n  host: config.host,\n  webServer: { url: 'http://127.0.0.1:8080' },", ""},
		{"e2e/cypress.json", "{\"baseUrl\": \"https://pr-42.example.com\"}", "baseUrl in the file cypress.json"},
		{"e2e/.env", "API_HOST=shop-pr-42\n", "API_HOST in the file .env leads to shop-pr-42"}, {".env.test", "export API_URL=\"https://pr-42.example.com\"",
			"API_URL in the file .env.test"},
		{".env", "BASE_URL=https://pr-42.example.com\nNAME=x", ""}, {".env.example", "API_URL=https://pr-42.example.com", ""}, {"e2e/README.md",
			"url: https://pr-42.example.com", ""},
		{"e2e/pytest.ini", "[pytest]\nbase_url = https://pr-42.example.com", "base_url in the file pytest.ini"}, {"e2e/.env", strings.Repeat("x", 2<<20),
			"too large"},
	} {
		root := t.TempDir()
		if err := os.MkdirAll(filepath.Join(root, "e2e"), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(root, tc.file), []byte(tc.text), 0o600); err != nil {
			t.Fatal(err)
		}
		s := New(Options{Root: root, Config: &config.Config{Suites: []suite.Spec{{Name: "s", Dir: "e2e"}}}, BaseEnv: env})
		err := s.leadsElsewhere(place, []string{"/home/me/repo"})
		if (err == nil) != (tc.want == "") || err != nil && !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %.80q: %v, want %q", tc.file, tc.text, err, tc.want)
		}
	}
}

func probingIn(t *testing.T, opts Options) *probing {
	t.Helper()
	if opts.Config == nil {
		opts.Config = &config.Config{}
	}
	s := New(opts)
	return &probing{s: s, tree: "/tmp/e2e-gate-base-1", probe: e2e.Probe{SHA: probedSHA}, refused: map[string]string{}, runs: map[string][]e2e.ProbedRun{}}
}

// TestEnvironAtBase: what names the change names the base there, or is refused.
func TestEnvironAtBase(t *testing.T) {
	change, merge, head := "c0ffee0"+strings.Repeat("1", 33), "deadbee"+strings.Repeat("2", 33), "badcafe"+strings.Repeat("3", 33)
	p := probingIn(t, Options{Root: "/home/me/repo", Trigger: trigger.Trigger{SHA: change}})
	p.head = head
	got, err := p.environ([]string{"GITHUB_SHA=" + merge, "PATH=/bin:/home/me/repo/bin:/home/me/repo-2/bin", "GITHUB_WORKSPACE=/home/me/repo",
		"IMAGE=app:" + change,
		"GITHUB_REF=refs/pull/42/merge", "GITHUB_HEAD_REF=x", "CI_COMMIT_REF_SLUG=pr-42", "EMPTY=", "CI_COMMIT_SHA=" + head})
	want := []string{"GITHUB_SHA=" + probedSHA, "PATH=/bin:/tmp/e2e-gate-base-1/bin:/home/me/repo-2/bin", "GITHUB_WORKSPACE=/tmp/e2e-gate-base-1",
		"IMAGE=app:" + probedSHA, "EMPTY=",
		"CI_COMMIT_SHA=" + probedSHA}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("%q, %v", got, err)
	}
	for _, tag := range []string{change[:7], merge[:10]} {
		if _, err := p.environ([]string{"GITHUB_SHA=" + merge, "TAG=app-" + tag}); err == nil || !strings.Contains(err.Error(),
			"variable TAG names the commit of the change") {
			t.Errorf("%s: %v", tag, err)
		}
	}
}

// TestFailuresOfTwoFolders: where the base is checked out makes no difference, and hides none.
func TestFailuresOfTwoFolders(t *testing.T) {
	p := probingIn(t, Options{Root: "/home/me/repo", RunID: "e2e-1-x"})
	at := New(Options{RunID: "e2e-1-x-base", Config: &config.Config{}})
	print := func(details string) (string, error) {
		run, err := p.ran(at, e2e.Attempt{Outcome: e2e.Failed, Message: "boom", Details: details, Correlation: "e2e-1-x-base-s0-a1",
			Children: []e2e.Child{{Name: "part", Outcome: e2e.Failed, Message: details}}})
		return run.Fingerprint, err
	}
	const said = "at /home/me/repo/e2e/pay.go:12 for e2e-1-x-s0-a2"
	here := p.s.fingerprints(&e2e.TestResult{Attempts: []e2e.Attempt{{Outcome: e2e.Failed, Message: "boom", Details: said,
		Correlation: "e2e-1-x-s0-a2", Children: []e2e.Child{{Name: "part", Outcome: e2e.Failed, Message: said}}}}})[0]
	for details, same := range map[string]bool{
		"at /tmp/e2e-gate-base-1/e2e/pay.go:12 for e2e-1-x-base-s0-a1": true,
		"at /tmp/e2e-gate-base-1/e2e/pay.go:13 for e2e-1-x-base-s0-a1": false,
		"at /tmp/e2e-gate-base-1/e2e/due.go:12 for e2e-1-x-base-s0-a1": false,
		"at /tmp/e2e-gate-base-2/e2e/pay.go:12 for e2e-1-x-base-s0-a1": false,
	} {
		if got, err := print(details); err != nil || (got == here) != same {
			t.Errorf("%s: %s, here %s, %v", details, got, here, err)
		}
	}
	if _, err := print("at /home/me/repo/src/pay.go:12"); err == nil || !strings.Contains(err.Error(), "names the checkout of the change") {
		t.Error(err)
	}
	if _, err := print("see " + filepath.Join(p.s.out, "base", "units", "x.png")); err != nil {
		t.Error(err)
	}
}

// TestControl: a test that passed here has to pass there, best one of the same file.
func TestControl(t *testing.T) {
	one := func(id, file string, outcome e2e.Outcome, seconds float64) e2e.TestResult {
		return e2e.TestResult{Test: e2e.Test{ID: id, Suite: "s", File: file}, Outcome: outcome, Attempts: []e2e.Attempt{{Outcome: outcome, Seconds: seconds}}}
	}
	other, group := one("other", "a", e2e.Passed, 0), one("group", "a", e2e.Passed, 0)
	other.Suite, group.Group = "o", "g"
	p := probingIn(t, Options{})
	for want, tests := range map[string][]e2e.TestResult{
		"near": {one("far", "b", e2e.Passed, 1), one("near", "a", e2e.Passed, 9), one("slow", "a", e2e.Passed, 10)},
		"quick": {one("slow", "b", e2e.Passed, 10), one("quick", "c", e2e.Passed, 9),
			one("failed", "a", e2e.Failed, 1), one("flaky", "a", e2e.Flaky, 1), other, group},
		"": {one("skipped", "a", e2e.Skipped, 1), other, group},
	} {
		failed := one("f", "a", e2e.Failed, 1)
		p.result, p.failed = e2e.Result{Tests: tests}, []*e2e.TestResult{&failed}
		if got := p.control(&failed); got != want {
			t.Errorf("%q, want %q", got, want)
		}
		clear(p.refused)
		if ids, _ := p.choose(); (len(ids) > 0) != (want != "") || want == "" && !strings.Contains(p.refused["f"], "no other test of suite s passed here") {
			t.Errorf("%v, %v", ids, p.refused)
		}
		failed.Group = "g"
		clear(p.refused)
		if ids, _ := p.choose(); len(ids) > 0 || !strings.Contains(p.refused["f"], "builds on other tests") {
			t.Errorf("%v, %v", ids, p.refused)
		}
	}
}

// TestTimeForAProbe: judging and writing once more need a part of what is left.
func TestTimeForAProbe(t *testing.T) {
	p := probingIn(t, Options{Stage: config.Stage{Timeout: time.Hour}, Config: &config.Config{Suites: []suite.Spec{{Name: "s"}}}})
	p.failed = []*e2e.TestResult{{Attempts: []e2e.Attempt{{Seconds: 60}, {Seconds: 60}}}}
	for left, enough := range map[time.Duration]bool{2 * time.Minute: false, 59 * time.Second: false, -time.Second: false, 10 * time.Minute: true} {
		ctx, cancel := context.WithTimeout(t.Context(), left)
		got, end, err := p.time(ctx)
		if enough != (err == nil) || err != nil && !errors.Is(err, errNoTime) {
			t.Errorf("%v: %v", left, err)
		}
		if err == nil {
			whole, _ := ctx.Deadline()
			if part, ok := got.Deadline(); !ok || whole.Sub(part) != time.Minute {
				t.Errorf("it may go on until %v of %v", part, whole)
			}
			end()
		}
		cancel()
	}
	got, end, err := p.time(t.Context())
	if _, bounded := got.Deadline(); err != nil || bounded {
		t.Errorf("%v", err)
	}
	end()
	late, cancel := context.WithDeadlineCause(t.Context(), time.Now().Add(-time.Second), runner.ErrStageTimeout)
	defer cancel()
	if err := ended(late); !errors.Is(err, errNoTime) {
		t.Error(err)
	}
}

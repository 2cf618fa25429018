package config

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/org/e2e-gate/internal/diag"
	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/policy"
)

// load reads a config from text, in a root that has the folder e2e.
func load(t *testing.T, text string, uses Sections, env map[string]string) (*Config, error) {
	t.Helper()
	root := t.TempDir()
	if err := os.MkdirAll(filepath.Join(root, "e2e"), 0o755); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(root, "e2e-gate.yml")
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return Load(Options{Root: root, Uses: uses, Lookup: func(name string) (string, bool) { v, ok := env[name]; return v, ok }})
}

const minimal = `version: 1
stages: {pr: {on: [pull_request]}}
suites: [{name: s, framework: gotest, dir: e2e}]
`

func TestMinimal(t *testing.T) {
	c, err := load(t, minimal, AllSections, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Stages) != 1 || c.Stages[0].Name != "pr" || !c.Stages[0].Blocking() || c.Suites[0].Dir != "e2e" {
		t.Errorf("%+v", c)
	}
}

func TestEverything(t *testing.T) {
	c, err := load(t, `version: 1
stages:
  main: {on: push, branches: [main, "release/**"], select: "smoke or api", budget: 8m, target: staging}
  nightly: {on: [schedule], cron: "0 2 * * *", budget: 90m, blocks: false}
processes:
  - {name: api, run: [go, run, .], env: {PORT: "8080"}}
  - {name: env, up: [docker, compose, up, -d], down: [docker, compose, down], logs: [docker, compose, logs], timeout: 10m}
gates:
  timeout: 2m
  interval: 2s
  stable_for: 2
  checks:
    - {name: api, http: {url: "${API:-http://127.0.0.1:8080}/health", json: {"$.status": UP}}}
    - {name: port, tcp: {address: "127.0.0.1:9092"}, required: false}
    - {name: ready, command: {run: ["./ready.sh"]}, needs: [api], retry_on: [not_found]}
suites:
  - {name: go, framework: gotest, dir: e2e, args: ["-tags=e2e"], env: {A: "${A}"}, pass_env: [PW], owner: t, criticality: release-blocking, services: [x], timeout: 10m, locks: [db], tags: [owner:y, "@smoke", e2e:api]}
  - {name: any, framework: command, run: ["./run.sh", "{report_dir}"], reports: "{report_dir}/*.xml"}
journeys:
  submission: {owner: t, max_runtime: 60s, flake_threshold: 2%, targets: [staging]}
shards: {count: auto, max: 8, overhead: 20s}
rerun: {max_failures: 10, max_share: 20%}
triage:
  rules: [{category: EXTERNAL_DEPENDENCY, when: {message: "sandbox\\.pay"}, why: "sandbox"}]
policy: {flaky: {release-blocking: block}}
quarantine: q.yml
history: {store: "dir:.e2e-gate/history"}
secrets: [DB_URL]
`, AllSections, map[string]string{"A": "a-value", "DB_URL": "postgres://u:hunter22@db/x"})
	if err != nil {
		t.Fatal(err)
	}
	if c.Stages[0].On[0] != "push" || c.Stages[1].Blocking() || c.Shards.Count != 0 || c.Rerun.MaxShare != 0.2 || *c.Rerun.MaxFailures != 10 {
		t.Errorf("%+v", c)
	}
	if diff := cmp.Diff([]string{"owner:y", "@smoke", "e2e:api"}, c.Suites[0].Tags); diff != "" {
		t.Error(diff)
	}
	if c.Suites[0].Env["A"] != "a-value" || c.Gates.Checks[0].HTTP.URL != "http://127.0.0.1:8080/health" || c.Journeys[0].MaxRuntime != time.Minute {
		t.Errorf("%+v", c.Suites[0])
	}
	if diff := cmp.Diff([]string{"DB_URL"}, c.Secrets) + cmp.Diff([]string{"PW"}, c.Passed()); diff != "" {
		t.Error(diff)
	}
}

func TestMistakes(t *testing.T) {
	for _, tc := range []struct{ name, text, want string }{
		{"five at once", `version: 2
stages:
  pr: {on: [push], selekt: x}
suites:
  - {name: s, framework: gotets, dir: e2e}
  - {name: s, framework: gotest, dir: ../up, timeout: soon}
`, `e2e-gate.yml:1:10: version 2 of the config language is unknown; this e2e-gate reads version 1
e2e-gate.yml:3:20: unknown key "selekt" in stages.pr; did you mean "select"?
e2e-gate.yml:5:26: "gotets" is not allowed here; did you mean "gotest"?
e2e-gate.yml:6:12: duplicate name "s"; names must be unique
e2e-gate.yml:6:39: the directory ../up is not below the repository root; give a path relative to the root, without ..
e2e-gate.yml:6:55: expected a duration such as 90s, 3m or 1h30m, found "soon"`},
		{"empty", ``, `e2e-gate.yml: the file is empty`},
		{"nothing in it", `{}`, `e2e-gate.yml:1:1: the key "version" is missing; start the file with version: 1
e2e-gate.yml:1:1: there are no stages; add one: stages: {pr: {on: [pull_request], select: smoke}}
e2e-gate.yml:1:1: there are no suites; add one: suites: [{name: api, framework: gotest, dir: e2e}]`},
		{"gates", minimal + `gates:
  checks:
    - {name: a, http: {url: "ftp://x"}}
    - {name: b, needs: [c], tcp: {address: "127.0.0.1:1"}}
`, `6:29: the url has the scheme "ftp"`},
		{"policy", minimal + `policy: {flaky: {release-blocking: pass}, lost: {release-blocking: warn}}
`, `e2e-gate.yml:4:36: unknown effect "pass"; expected one of: block, inform, not_judged, warn
e2e-gate.yml:4:68: a release-blocking test that is lost cannot count as less than not_judged: without evidence a stage cannot pass; use block or not_judged, or lower the test's criticality`},
		{"triage", minimal + `triage:
  rules: [{category: FLAKE, when: {message: "("}}]
`, `5:22`},
		{"commands", `version: 1
stages: {pr: {}}
processes: [{name: p}, {name: q, run: [a], down: [b]}]
suites:
  - {name: c, framework: command, packages: ["./..."]}
  - {name: g, framework: gotest, args: [-run=X], run: [y]}
`, `e2e-gate.yml:3:13: process p needs either run or up; run: a process that keeps running; up (with down): a command that returns
e2e-gate.yml:3:44: down belongs to up; a process started by run is ended by the gate
e2e-gate.yml:5:5: suite c needs reports; reports: "{report_dir}/*.xml"; without a report there are no results
e2e-gate.yml:5:5: suite c needs run; run: ["./run-tests.sh", "--report", "{report_dir}"]
e2e-gate.yml:5:35: packages belongs to framework gotest, not to command
e2e-gate.yml:6:41: the gate sets -run itself; choose tests with select, limits with timeout and unit_timeout
e2e-gate.yml:6:50: run belongs to framework behave, command, cucumber, cypress, jest, junit5-gradle, junit5-maven, mocha, nodetest, phpunit, playwright, pytest, robot, rspec, vitest, webdriverio, not to gotest`},
		{"rest", minimal + `history: {store: "s3:x"}
rerun: {max_failures: -1, max_share: 20}
exonerate: {max_age: 721h, max: -1}
shards: {count: many, max: 300, queue: fast}
`, `e2e-gate.yml:4:18: expected s3://BUCKET/PREFIX, with ?endpoint=https://... for other stores than AWS; such as s3://ci-history/my-service?region=eu-central-1
e2e-gate.yml:5:23: max_failures cannot be negative; 0 means no reruns
e2e-gate.yml:5:38: expected a percentage from 0% to 100%, found "20"
e2e-gate.yml:6:22: a red base excuses for 30 days at most; quarantine tests that are to fail for longer, with a deadline
e2e-gate.yml:6:33: max cannot be negative; remove it for the default of 50
e2e-gate.yml:7:17: expected auto or a number from 1 to 5000, found "many"
e2e-gate.yml:7:28: a GitHub matrix has at most 256 jobs, and one machine as many shards; found 300; more need pods of a cluster, see executor
e2e-gate.yml:7:40: "fast" is not allowed here; expected one of: units, batches, off`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := load(t, tc.text, AllSections, nil)
			if err == nil {
				t.Fatal("no error")
			}
			got := cleanPaths(err)
			if strings.Contains(tc.want, "e2e-gate.yml") {
				if diff := cmp.Diff(tc.want, got); diff != "" {
					t.Error(diff)
				}
			} else if !strings.Contains(got, tc.want) {
				t.Errorf("%q is not in %s", tc.want, got)
			}
		})
	}
}

// cleanPaths shows messages as from the folder of the config.
func cleanPaths(err error) string {
	lines := strings.Split(err.Error(), "\n")
	for i, line := range lines {
		if at := strings.Index(line, "e2e-gate.yml"); at >= 0 {
			lines[i] = line[at:]
		}
	}
	return strings.Join(lines, "\n")
}

func TestVariablesOnlyWhereTheyAreUsed(t *testing.T) {
	text := minimal + `gates: {timeout: "${T}", checks: [{name: a, tcp: {address: "${HOST}:1"}}]}
`
	if _, err := load(t, text, JudgeSections, nil); err != nil {
		t.Errorf("verdict does not use gates: %v", err)
	}
	_, err := load(t, text, AllSections, nil)
	if err == nil || !strings.Contains(err.Error(), "variable T is not set") || !strings.Contains(err.Error(), "variable HOST is not set") {
		t.Errorf("%v", err)
	}
	c, err := load(t, text, AllSections, map[string]string{"T": "5s", "HOST": "127.0.0.1"})
	if err != nil || c.Gates.Timeout != 5*time.Second {
		t.Error(err)
	}
}

// The gate's own variables are not passed on, whichever field asks for them.
func TestOwnVariablesGoNowhere(t *testing.T) {
	const text = `version: 1
stages: {pr: {}}
isolation: {up: [a], pass_env: [actions_runtime_token]}
processes: [{name: p, run: [x], pass_env: [GITHUB_OUTPUT]}]
gates: {checks: [{name: g, command: {run: [x], pass_env: [DB_PASSWORD, INPUT_TOKEN]}}, {name: h, http: {url: "http://h/${GITHUB_TOKEN:-x}"}}]}
suites: [{name: s, framework: gotest, dir: e2e, pass_env: GITHUB_TOKEN, env: {A: "${INPUT_TOKEN}", B: "${NPM_TOKEN}"}}]
`
	_, err := load(t, text, AllSections, map[string]string{"INPUT_TOKEN": "t", "GITHUB_TOKEN": "t", "NPM_TOKEN": "t"})
	var mistakes diag.Errors
	if !errors.As(err, &mistakes) {
		t.Fatal(err)
	}
	var got []string
	for _, m := range mistakes {
		got = append(got, fmt.Sprintf("%d:%d %s", m.Line, m.Col, m.Text))
		if !strings.Contains(m.Hint, "NODE_AUTH_TOKEN") {
			t.Errorf("no hint: %v", m)
		}
	}
	want := []string{
		"3:33 actions_runtime_token is the gate's own, and is not passed on",
		"4:44 GITHUB_OUTPUT is the gate's own, and is not passed on",
		"5:72 INPUT_TOKEN is the gate's own, and is not passed on",
		"5:110 variable GITHUB_TOKEN is the gate's own, and is not passed on",
		"6:59 GITHUB_TOKEN is the gate's own, and is not passed on",
		"6:82 variable INPUT_TOKEN is the gate's own, and is not passed on",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestPassedAndHidden(t *testing.T) {
	c, err := load(t, `version: 1
stages: {pr: {}}
isolation: {up: [a], down: [b], pass_env: [B]}
processes: [{name: p, run: [x], pass_env: [A]}]
gates: {checks: [{name: g, command: {run: [x], pass_env: [C, A]}}, {name: r, redis: {address: "h:1", password: "${PW}"}}]}
suites: [{name: s, framework: gotest, dir: e2e, pass_env: D, env: {A: "${OPEN}"}}]
`, AllSections, map[string]string{"PW": "in-a-field", "OPEN": "visible"})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"A", "B", "C", "D"}, c.Passed()) + cmp.Diff([]string{"in-a-field"}, c.Hidden); diff != "" {
		t.Error(diff)
	}
}

func TestFiles(t *testing.T) {
	_, err := Load(Options{Root: t.TempDir()})
	if err == nil || !strings.Contains(err.Error(), "neither .github/e2e-gate.yml nor e2e-gate.yml exists") {
		t.Error(err)
	}
	if _, err := Load(Options{File: filepath.Join(t.TempDir(), "x.yml")}); err == nil || !strings.Contains(err.Error(), "--config") {
		t.Error(err)
	}
}

// A link that came with the checkout leads to no other file: messages show parts of the text.
func TestLinksOutOfTheCheckout(t *testing.T) {
	root, outside := t.TempDir(), filepath.Join(t.TempDir(), "secret.yml")
	for name, text := range map[string]string{outside: "hunter22 is not a config",
		filepath.Join(root, "real.yml"): "version: 1\nstages: {pr: {}}\nsuites: [{name: s, framework: gotest}]\n"} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	link := filepath.Join(root, "e2e-gate.yml")
	if err := os.Symlink(outside, link); err != nil {
		t.Skip(err) // Windows lets few users do that
	}
	const want = "a link must not lead out of the checkout"
	if _, err := Load(Options{Root: root}); err == nil || !strings.Contains(err.Error(), "e2e-gate.yml: "+want) || strings.Contains(err.Error(), "hunter22") ||
		strings.Contains(err.Error(), "statat") {
		t.Error(err)
	}
	if _, err := ReadQuarantine(root, link); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter22") {
		t.Error(err)
	}
	// One that the user names, and one within the checkout, are followed.
	if _, err := Load(Options{Root: root, File: link}); err == nil || !strings.Contains(err.Error(), "hunter22") {
		t.Error(err)
	}
	if err := errors.Join(os.Remove(link), os.Symlink("real.yml", link)); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(Options{Root: root}); err != nil {
		t.Error(err)
	}
	// A folder of that name says what it is.
	if err := errors.Join(os.Remove(link), os.Mkdir(link, 0o755)); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(Options{Root: root}); err == nil || !strings.Contains(err.Error(), "e2e-gate.yml is not a regular file") {
		t.Error(err)
	}
}

func TestQuarantine(t *testing.T) {
	q, err := ParseQuarantine("q.yml", []byte(`- {test: "a::*", owner: t, reason: r, quarantined_at: 2026-01-02, fix_deadline: 2026-02-03, removal_if_not_fixed: true, last_seen_failure: 2026-01-01, issue: "#7"}
`))
	if err != nil || len(q) != 1 || q[0].Deadline.Format(time.DateOnly) != "2026-02-03" || !q[0].Remove || q[0].Issue != "#7" {
		t.Errorf("%+v %v", q, err)
	}
	if q, err := ParseQuarantine("q.yml", []byte("[]\n")); err != nil || len(q) != 0 {
		t.Errorf("%+v %v", q, err)
	}
	_, err = ParseQuarantine("q.yml", []byte(`- {owner: t, reason: r, quarantined_at: 2026-01-02}
- {test: a, owner: t, reason: r, quarantined_at: 2026-03-02, fix_deadline: 2026-02-03}
- {test: a, owner: t, reason: r, quarantined_at: tomorrow, fix_deadline: 2026-13-40, why: x}
`))
	want := `q.yml:1:3: the quarantine entry lacks fix_deadline; without a deadline it would stay forever; give the date, YYYY-MM-DD
q.yml:1:3: the quarantine entry lacks test; give a test's id or a glob
q.yml:2:76: the deadline is before the day of quarantine; swap the dates?
q.yml:3:50: expected a date such as 2026-11-30, found "tomorrow"
q.yml:3:74: expected a date such as 2026-11-30, found "2026-13-40"
q.yml:3:86: unknown key "why" in [2]; expected one of: test, owner`
	if err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Error(cmp.Diff(want, err.Error()))
	}
	if _, err := ReadQuarantine("", filepath.Join(t.TempDir(), "none.yml")); err == nil || !strings.Contains(err.Error(), "create it with the content []") {
		t.Error(err)
	}
}

func TestParseSelect(t *testing.T) {
	for _, bad := range []string{"a and", "or", "(a", "a b", "not", "a and (b or", ")"} {
		if _, err := ParseSelect(bad); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
	e, err := ParseSelect("(smoke or owner:a) and not slow")
	if err != nil || !e.Evaluate([]string{"owner:a"}) || e.Evaluate([]string{"smoke", "slow"}) {
		t.Error(err)
	}
}

func FuzzLoad(f *testing.F) {
	f.Add(minimal)
	f.Add("version: 1\nstages: {pr: {select: \"a and\"}}\nsuites: []\n")
	f.Fuzz(func(t *testing.T, text string) {
		c, doc := parse("x.yml", []byte(text), Options{Uses: AllSections, Lookup: func(string) (string, bool) { return "1", true }})
		for _, m := range c.validate(doc, Options{Uses: AllSections}) {
			if m.Text == "" {
				t.Error("a message without text")
			}
		}
		_ = c.Lint()
	})
}

// Only valid GitHub mentions are accepted.
func TestOwners(t *testing.T) {
	c, err := load(t, minimal+"owners: {case-platform: \"@acme/case-platform\", me: \"@me\"}\n", AllSections, nil)
	if err != nil || c.Owners["case-platform"] != "@acme/case-platform" {
		t.Fatalf("%v, %v", c, err)
	}
	_, err = load(t, minimal+"owners: {b: \"@acme/x @all\", a: acme/x}\n", AllSections, nil)
	want := "e2e-gate.yml:4:13: \"@acme/x @all\" cannot be mentioned; write @user or @organisation/team\n" +
		"e2e-gate.yml:4:32: \"acme/x\" cannot be mentioned; write @user or @organisation/team"
	if err == nil || cleanPaths(err) != want {
		t.Errorf("%v\nwant\n%s", err, want)
	}
}

// TestPeekSaysMistakes: code that reads another config only for its policy or store must
// not mistake the readable rest of a broken config for all of it.
func TestPeekSaysMistakes(t *testing.T) {
	for _, tc := range []struct{ name, text, want string }{
		{"syntax", minimal + "policy: {flaky: [", "e2e-gate.yml:"},
		{"a key that does not exist", minimal + "polcy: {}", `"polcy"`},
		{"a cell that does not exist", minimal + "policy: {failed: {release-blocking: ignore}}", `unknown effect "ignore"`},
	} {
		c, err := PeekBytes("e2e-gate.yml", []byte(tc.text))
		if err == nil || !strings.Contains(err.Error(), tc.want) || !c.Policy.BuiltIn() {
			t.Errorf("%s: the mistake is %v, want %q; the policy is %v", tc.name, err, tc.want, c.Policy.Cells())
		}
	}
	c, err := PeekBytes("e2e-gate.yml", []byte(minimal+"policy: {flaky: {release-blocking: block}}\nhistory: {store: 's3://${BUCKET}/x'}"))
	if err != nil || c.Policy.Table().Effect(policy.RowFlaky, e2e.ReleaseBlocking) != e2e.Blocks || c.History.Store != "s3://${BUCKET}/x" {
		t.Errorf("peeked %+v, %v", c, err)
	}
	if _, err := Peek(Options{Root: t.TempDir()}); !errors.Is(err, ErrNone) {
		t.Errorf("without a config: %v, want %v", err, ErrNone)
	}
}

// Probes have names that evidence has, and addresses that can be asked.
func TestProbesAreChecked(t *testing.T) {
	for probes, want := range map[string]string{
		`{audit: "https://x.example/a?c={correlation_id}"}`: "",
		`{audits: "https://x.example/a"}`:                   `unknown probe`,
		`{audit: "file:///etc/passwd"}`:                     "absolute http or https URL",
		`{audit: "https://x.example/{who}"}`:                "unknown placeholder {who}",
	} {
		root := t.TempDir()
		text := "version: 1\nstages: {pr: {}}\nprobes: " + probes + "\nsuites: [{name: s, framework: gotest}]\n"
		if err := os.WriteFile(filepath.Join(root, "e2e-gate.yml"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := Load(Options{Root: root, Uses: AllSections})
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v", probes, err)
		}
	}
}

// How many shards there may be depends on where they run.
func TestMostShards(t *testing.T) {
	const pods = "executor: {kubernetes: {pod: '${POD}'}}\n"
	for text, want := range map[string]string{
		"shards: {count: 256, max: 256}\n":          "",
		"shards: {count: 257}\n":                    "has at most 256 jobs, and one machine as many shards; found 257; more need pods of a cluster, see executor",
		"shards: {max: -1}\n":                       "the number is negative, found -1; leave it out for the default of 8",
		"shards: {count: 5000, max: 5000}\n" + pods: "",
		"shards: {max: 5001}\n" + pods:              "at most 5000 shards are possible, found 5001",
		"shards: {count: 5001}\n" + pods:            `expected auto or a number from 1 to 5000, found "5001"`,
	} {
		_, err := load(t, minimal+text, AllSections, nil) // which do not resolve executor
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

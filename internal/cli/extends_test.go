//go:build unix

package cli

import (
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/testkit/githubfake"
)

const (
	extending  = "extends: acme/.github//gate.yml@main\n"
	orgBlocks  = "version: 1\npolicy: {failed: {nightly: block}}\n"
	orgRelaxed = "version: 1\npolicy: {failed: {nightly: inform}}\n"
	benchTwo   = `version: 1
stages: {pr: {on: [pull_request, push]}}
suites:
  - {name: s, framework: command, list: [printf, "a\nb\n"], run: [sh, ./run.sh], reports: "{report_dir}/*.xml", criticality: nightly}
`
	redAndGreen = `echo "<testsuite><testcase name=\"a\"><failure message=\"x\"/></testcase><testcase name=\"b\"/></testsuite>" > "$E2E_REPORT_DIR/r.xml"; exit 1`
)

var orgHead = strings.Repeat("1", 40)

// organised is a fake whose organisation has a config.
func organised(t *testing.T, text string) *githubfake.Server {
	fake := githubfake.New(t)
	fake.Others = map[string]*githubfake.Repo{"acme/.github": {
		Refs: map[string]string{"heads/main": orgHead}, Files: map[string]map[string]string{orgHead: {"gate.yml": text}},
	}}
	return fake
}

// proposing is a repository whose main has a config, and whose branch change has another one.
func proposing(t *testing.T, main, change string) (r tree, base, head string) {
	t.Helper()
	r = newTree(t)
	r.Write("e2e-gate.yml", benchTwo+main)
	r.Write("run.sh", redAndGreen)
	base = r.Commit("base")
	r.Git("update-ref", "refs/remotes/origin/main", base)
	r.Git("checkout", "-qb", "change")
	r.Write("e2e-gate.yml", benchTwo+change)
	return r, base, r.Commit("change")
}

// The organisation's config that counts is the one that the judging config names.
func TestExtendsOfTheJudge(t *testing.T) {
	const other = "extends: acme/.github//other.yml@main\n"
	for _, tc := range []struct {
		name, main, change, org string
		status                  int
		// source is empty where no organisation's config counts.
		source  string
		changes []string
	}{
		{"both name it", extending, extending + "links: {}\n", orgBlocks, e2e.ExitBlocked, "acme/.github//gate.yml@main", nil},
		{"the change removes it", extending, "", orgBlocks, e2e.ExitBlocked, "acme/.github//gate.yml@main", []string{"extends is changed"}},
		{"the change names another", extending, other, orgBlocks, e2e.ExitBlocked, "acme/.github//gate.yml@main", []string{"extends is changed"}},
		{"the change names one at first", "", extending, orgBlocks, 0, "", []string{"extends is changed"}},
		{"the change weakens a cell", extending, extending + "policy: {failed: {nightly: warn}}\n", orgBlocks, e2e.ExitBlocked, "acme/.github//gate.yml@main",
			[]string{"policy is changed"}},
		{"the base weakens a cell", extending + "policy: {failed: {nightly: warn}}\n", extending + "policy: {failed: {nightly: warn}}\nlinks: {}\n", orgBlocks,
			e2e.ExitBlocked, "acme/.github//gate.yml@main", nil},
		{"the base is stricter", extending + "policy: {failed: {nightly: block}}\n", extending + "policy: {failed: {nightly: block}}\nlinks: {}\n", orgRelaxed,
			e2e.ExitBlocked, "acme/.github//gate.yml@main", nil},
		{"the base names nothing that can be read so", "extends: acme/.github//gate.yml\n", extending, orgBlocks, 0, "", []string{"config"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r, base, head := proposing(t, tc.main, tc.change)
			status, result := r.judged(organised(t, tc.org), "pull_request", "refs/pull/42/merge", head, pullRequest(head, base))
			var changes []string
			for _, c := range result.Judging.Changes {
				if changes = append(changes, c.What+" "+c.Text); c.What == "config" {
					changes[len(changes)-1] = c.What
				}
			}
			if status != tc.status || result.Judging.By != e2e.JudgedByBase {
				t.Errorf("exit status %d, %+v", status, result.Judging)
			}
			if diff := cmp.Diff(tc.changes, changes); diff != "" {
				t.Error(diff)
			}
			switch x := result.Judging.Extends; {
			case tc.source == "":
				if x != nil {
					t.Errorf("%+v", x)
				}
			case x == nil || x.Source != tc.source || x.Commit != orgHead || len(x.Digest) != 64:
				t.Errorf("%+v", x)
			}
		})
	}
}

// On the default branch the commit's own counts.
func TestExtendsOfTheDefaultBranch(t *testing.T) {
	r, _, head := proposing(t, "", extending)
	status, result := r.judged(organised(t, orgBlocks), "push", "refs/heads/main", head, mainBranch(nil))
	if status != e2e.ExitBlocked || result.Judging.By != e2e.JudgedByCommit || result.Judging.Extends == nil {
		t.Errorf("exit status %d, %+v", status, result.Judging)
	}
}

// In CI nothing is judged, and no process started, if the organisation's config cannot be used.
func TestAnOrganizationThatCannotBeRead(t *testing.T) {
	for name, tc := range map[string]struct {
		extends string
		prepare func(fake *githubfake.Server)
		says    string
	}{
		"a private repository": {"", func(fake *githubfake.Server) { fake.Others["acme/.github"].Private = true },
			"give the input token an App's token with contents: read on acme/.github"},
		"an unknown repository": {"extends: acme/unknown//gate.yml@main\n", nil, "the token does not see repository acme/unknown"},
		"a ref that is gone":    {"extends: acme/.github//gate.yml@v9\n", nil, "neither a tag nor a branch v9"},
		"a missing file":        {"extends: acme/.github//none.yml@main\n", nil, "has no such file at commit 1111111111"},
		"an API fault": {"", func(fake *githubfake.Server) {
			fault := githubfake.Answers(http.MethodGet, http.StatusInternalServerError, "boom")
			fault.Path = "/acme/.github/"
			fake.Fail(fault)
		}, "the API answered 500"},
		"mistakes": {"", func(fake *githubfake.Server) {
			fake.Others["acme/.github"].Files[orgHead]["gate.yml"] = "version: 1\nsuites: []\nextends: x\n"
		}, "acme/.github//gate.yml@main:2:1: unknown key \"suites\""},
		"a large file": {"", func(fake *githubfake.Server) {
			fake.Others["acme/.github"].Files[orgHead]["gate.yml"] = strings.Repeat("#", 2<<20)
		}, "larger than"},
		"a page": {"", func(fake *githubfake.Server) {
			fake.Others["acme/.github"].Files[orgHead]["gate.yml"] = "<script>::error::x</script>\n@acme/all\n"
		}, "gate.yml@main:1:1"},
	} {
		t.Run(name, func(t *testing.T) {
			text := extending
			if tc.extends != "" {
				text = tc.extends
			}
			r, base, head := proposing(t, text, "")
			fake := organised(t, orgBlocks)
			if tc.prepare != nil {
				tc.prepare(fake)
			}
			status, result := r.judged(fake, "pull_request", "refs/pull/42/merge", head, pullRequest(head, base))
			if status != e2e.ExitNotJudged || result.Judging.By != e2e.JudgedByNothing || len(result.Tests) > 0 {
				t.Errorf("exit status %d, %+v, %d tests", status, result.Judging, len(result.Tests))
			}
			if len(result.Problems) != 1 || result.Problems[0].Code != e2e.CodePolicyUnreadable || !strings.Contains(result.Problems[0].Text, tc.says) ||
				!strings.Contains(result.Problems[0].Text, "by a commit on the judging branch") {
				t.Errorf("%+v", result.Problems)
			}
		})
	}
}

// An App's token reads a private one.
func TestAnAppReadsAPrivateOrganization(t *testing.T) {
	r, base, head := proposing(t, extending, "")
	fake := organised(t, orgBlocks)
	fake.Others["acme/.github"].Private = true
	fake.AddToken(githubfake.JobToken, githubfake.App)
	if status, result := r.judged(fake, "pull_request", "refs/pull/42/merge", head, pullRequest(head, base)); status != e2e.ExitBlocked {
		t.Errorf("exit status %d, %+v", status, result.Problems)
	}
}

// What blocks by the organisation's policy is lifted by the approvals that it names; then the
// change's own config judges, with the organisation's that it names.
func TestAnOrganizationSaysWhoApproves(t *testing.T) {
	org := "version: 1\npolicy: {judge_changed: {nightly: block}, failed: {nightly: block}}\njudge: {approve: {review: any}}\n"
	for name, tc := range map[string]struct {
		own     string
		reviews bool
		by      e2e.JudgedBy
		status  int
	}{
		"not approved":                        {"", false, e2e.JudgedByBase, e2e.ExitBlocked},
		"approved":                            {"", true, e2e.JudgedByApproval, 0},
		"the repository asks for a label too": {"judge: {approve: {label: ok}}\n", true, e2e.JudgedByBase, e2e.ExitBlocked},
	} {
		t.Run(name, func(t *testing.T) {
			r, base, head := proposing(t, extending+tc.own, "")
			fake := organised(t, org)
			proposed(fake, head)
			if tc.reviews {
				fake.Pulls[0].Reviews = []githubfake.Review{{User: alice, State: "APPROVED", SHA: head}}
			}
			status, result := r.judged(fake, "pull_request", "refs/pull/42/merge", head, pullRequest(head, base))
			if status != tc.status || result.Judging.By != tc.by || (result.Judging.Extends == nil) != (tc.by == e2e.JudgedByApproval) {
				t.Errorf("exit status %d, %+v", status, result.Judging)
			}
		})
	}
}

// Names of secrets are withheld and masked, whatever the change says.
func TestSecretsOfAnOrganization(t *testing.T) {
	r, base, _ := proposing(t, extending, "")
	r.Write("run.sh", strings.Replace(redAndGreen, `\"x\"`, `\"got ${PLAIN_NAME:-nothing} and hunter2hunter2\"`, 1))
	head := r.Commit("print it")
	r.env = []string{"PLAIN_NAME=hunter2hunter2"}
	_, result := r.judged(organised(t, "version: 1\nsecrets: [PLAIN_NAME]\n"), "pull_request", "refs/pull/42/merge", head, pullRequest(head, base))
	text := fmt.Sprintf("%+v", result)
	if !strings.Contains(text, "got nothing and ***") || strings.Contains(text, "hunter2") {
		t.Error(text)
	}
}

// Outside of CI the repository's own config counts if the organisation's cannot be read, and a note says so.
func TestExtendsOnALaptop(t *testing.T) {
	r, _, _ := proposing(t, extending, extending)
	status, out, stderr := r.run(nil, "", "", nil, "run")
	if status != 0 || !strings.Contains(stderr, "the organisation's config was not read, and only the repository's own counts: GITHUB_TOKEN is missing") {
		t.Errorf("exit status %d\n%s\n%s", status, out, stderr)
	}
	status, out, _ = r.run(nil, "", "", nil, "lint")
	if status != 0 || !strings.Contains(out, "the organisation's config was not read: GITHUB_TOKEN is missing") ||
		!strings.Contains(out, "extends names main, which can be moved") {
		t.Errorf("exit status %d\n%s", status, out)
	}
}

// With a token, it counts there too.
func TestExtendsOnALaptopWithAToken(t *testing.T) {
	r, _, _ := proposing(t, extending, extending)
	r.Git("remote", "add", "origin", "https://github.com/acme/cases.git")
	fake := organised(t, orgBlocks)
	r.env = []string{"GITHUB_TOKEN=" + githubfake.PersonToken, "GITHUB_API_URL=" + fake.Listen()}
	status, out, stderr := r.run(nil, "", "", nil, "run")
	if status != e2e.ExitBlocked || !strings.Contains(out, `"by": "working_tree"`) || !strings.Contains(out, orgHead) {
		t.Errorf("exit status %d\n%s\n%s", status, out, stderr)
	}
	fake.Others["acme/.github"].Private = true
	if status, _, stderr = r.run(nil, "", "", nil, "run"); status != 0 || !strings.Contains(stderr, "was not read, and only the repository's own counts") {
		t.Errorf("exit status %d\n%s", status, stderr)
	}
}

// On another platform than GitHub, GITHUB_TOKEN alone is not asked with.
func TestExtendsOnAnotherPlatform(t *testing.T) {
	r, _, head := proposing(t, extending, extending)
	r.Git("symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/main")
	r.env = []string{"BUILDKITE=true", "BUILDKITE_REPO=git@x:acme/cases.git", "BUILDKITE_COMMIT=" + head, "BUILDKITE_BRANCH=change", "BUILDKITE_BUILD_ID=b",
		"BUILDKITE_PULL_REQUEST=5", "BUILDKITE_PULL_REQUEST_BASE_BRANCH=main", "BUILDKITE_PIPELINE_DEFAULT_BRANCH=main", "GITHUB_TOKEN=of-something-else"}
	status, out, stderr := r.run(nil, "", "", nil, "run")
	if status != e2e.ExitNotJudged || !strings.Contains(out, "set GITHUB_TOKEN and E2E_GATE_API_URL") {
		t.Errorf("exit status %d\n%s\n%s", status, out, stderr)
	}
}

// Lint names both places of a cell that is weaker, and the mistakes of the organisation's config.
func TestLintOfExtends(t *testing.T) {
	weaker := extending + "policy: {failed: {nightly: warn}}\n"
	for name, tc := range map[string]struct{ org, says string }{
		"a weaker cell": {orgBlocks, "policy.failed.nightly: warn is weaker than block of acme/.github//gate.yml@main:2:28, which counts"},
		"mistakes":      {"version: 1\nrerun: {max_failures: -2}\n", "acme/.github//gate.yml@main"},
	} {
		t.Run(name, func(t *testing.T) {
			r, _, head := proposing(t, weaker, weaker+"links: {}\n")
			r.ref = "refs/heads/main"
			status, out, _ := r.run(organised(t, tc.org), "push", head, mainBranch(nil), "lint")
			if status != e2e.ExitUsage || !strings.Contains(out, tc.says) {
				t.Errorf("exit status %d\n%s", status, out)
			}
		})
	}
}

// The plan says what it was made by, its digest covers that, and a verdict of another state says so.
func TestPlanOfExtends(t *testing.T) {
	r, base, head := proposing(t, extending, extending+"links: {}\n")
	fake := organised(t, orgBlocks)
	r.ref = "refs/pull/42/merge"
	status, out, stderr := r.run(fake, "pull_request", head, pullRequest(head, base), "plan", "--out", "plan")
	if status != 0 || !strings.Contains(out, `"commit": "`+orgHead+`"`) || !strings.Contains(out, `"source": "acme/.github//gate.yml@main"`) {
		t.Fatalf("exit status %d\n%s\n%s", status, out, stderr)
	}
	moved := strings.Repeat("2", 40)
	fake.Change(func(s *githubfake.Server) {
		there := s.Others["acme/.github"]
		there.Refs["heads/main"], there.Files[moved] = moved, map[string]string{"gate.yml": orgRelaxed}
	})
	_, _, stderr = r.run(fake, "pull_request", head, pullRequest(head, base), "shard", "--plan", "plan/plan.json", "--index", "0", "--out", "shard")
	if !strings.Contains(stderr, "the organisation's config changed since the plan") {
		t.Error(stderr)
	}
	plan, err := os.ReadFile("plan/plan.json")
	if err != nil {
		t.Fatal(err)
	}
	r.Write("plan/plan.json", strings.Replace(string(plan), orgHead, moved, 1))
	status, _, stderr = r.run(fake, "pull_request", head, pullRequest(head, base), "shard", "--plan", "plan/plan.json", "--index", "0", "--out", "shard")
	if status == 0 || !strings.Contains(stderr, "was changed after it was made") {
		t.Errorf("exit status %d\n%s", status, stderr)
	}
}

// Pinned by its SHA, it costs one request a job; a branch three.
func TestRequestsOfExtends(t *testing.T) {
	for ref, want := range map[string]int{"main": 3, orgHead: 1} {
		r, base, head := proposing(t, "extends: acme/.github//gate.yml@"+ref+"\n", "")
		fake := organised(t, orgBlocks)
		r.judged(fake, "pull_request", "refs/pull/42/merge", head, pullRequest(head, base))
		n := 0
		for _, q := range fake.Requests() {
			if strings.Contains(q.Path, "/acme/.github/") {
				n++
			}
		}
		if n != want {
			t.Errorf("%s: %d requests", ref, n)
		}
	}
}

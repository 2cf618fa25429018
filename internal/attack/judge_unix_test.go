//go:build unix

package attack

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/org/e2e-gate/internal/e2e"
)

// strict is the config of a base that lets no flake pass.
var strict = config(command, "policy: {flaky: {release-blocking: block}}")

// flakes fails once and passes the rerun.
const flakes = `if test "$E2E_ATTEMPT" = 2; then ` + passes + "else " + fails + "fi\n"

// changed runs the gate in a pull request that changes its own judge. on is called in the change, before
// it is committed; hidden after it, with the base's commit.
func changed(base, script string, exit int, on func(w *world), hidden func(w *world, base string), says ...string) func(t *testing.T) {
	return func(t *testing.T) {
		w := newWorld(t, map[string]string{"e2e-gate.yml": base, "suite.sh": passes})
		baseSHA := w.Commit("base")
		w.Git("checkout", "-qb", "change")
		w.Write("suite.sh", script)
		if on != nil {
			on(w)
		}
		head := w.Commit("change")
		if hidden != nil {
			hidden(w, baseSHA)
		}
		write(t, filepath.Join(w.side, "event.json"),
			fmt.Sprintf(`{"number": 42, "pull_request": {"number": 42, "head": {"sha": %q, "ref": "change", "repo": {"full_name": "acme/cases"}},
			"base": {"ref": "main", "sha": %q, "repo": {"full_name": "acme/cases"}}}, "repository": {"default_branch": "main"}}`, head, baseSHA))
		w.env = append(w.env, "GITHUB_REF=refs/pull/42/merge", "GITHUB_SHA="+head)
		o := w.gate("run", "--out", "out").wants(exit, says...)
		if exit == 0 && o.result.Verdict.State != e2e.VerdictPassed {
			t.Errorf("%+v", o.result.Verdict)
		}
	}
}

// relaxed replaces a text of the change's config.
func relaxed(old, with string) func(w *world) {
	return func(w *world) {
		text := read(w.t, filepath.Join(w.Dir, "e2e-gate.yml"))
		if !strings.Contains(text, old) {
			w.t.Fatalf("the config has no %q", old)
		}
		w.Write("e2e-gate.yml", strings.Replace(text, old, with, 1))
	}
}

// withoutObject removes the base's config from the objects, as in a clone without blobs.
func withoutObject(w *world, base string) {
	id := w.Git("rev-parse", base+":e2e-gate.yml")
	if err := os.Remove(filepath.Join(w.Dir, ".git", "objects", id[:2], id[2:])); err != nil {
		w.t.Fatal(err)
	}
}

// replaced has git show a lax config in place of the base's.
func replaced(w *world, base string) {
	lax := w.Git("hash-object", "-w", "lax.yml")
	w.Git("replace", w.Git("rev-parse", base+":e2e-gate.yml"), lax)
}

func judgeAttacks() []attack {
	const s, blocked, lax = "who judges", "blocks, as the base's config says", "policy: {failed: {release-blocking: inform}, flaky: {release-blocking: inform}}"
	put := func(name, text string) func(w *world) { return func(w *world) { w.Write(name, text) } }
	now := time.Now().UTC()
	entry := fmt.Sprintf("- {test: \"s::one\", owner: t, reason: r, quarantined_at: %s, fix_deadline: %s}\n", now.Format(time.DateOnly), now.AddDate(0, 0,
		10).Format(time.DateOnly))
	return []attack{
		{attack: "none, and the test passes", surface: s, expected: "passes: what follows blocks for its reason", try: changed(strict, passes, 0, nil, nil)},
		{attack: "none, and the test is flaky", surface: s, expected: blocked, try: changed(strict, flakes, 1, nil, nil)},
		{attack: "the policy is relaxed", surface: s, expected: blocked, try: changed(config(command), fails, 1, put("e2e-gate.yml", config(command, lax)), nil)},
		elsewhere(s, "the organisation's config is not extended any more, or another one is", "the base's counts", "internal/cli TestExtendsOfTheJudge"),
		elsewhere(s, "the organisation's config cannot be read, or is hostile", "not judged, nothing started", "internal/cli TestAnOrganizationThatCannotBeRead"),
		elsewhere(s, "the API sends the reader of the organisation's config elsewhere", "not followed", "internal/adapter/github TestFileElsewhereFaults"),
		elsewhere(s, "the workflow is named whose records are vouched for", "the base's counts", "internal/cli TestTrustedRunsOfARequiredWorkflow"),
		{attack: "the test is put into quarantine", surface: s, expected: blocked, try: changed(config(command), fails, 1, func(w *world) {
			w.Write("q.yml", entry)
			w.Write("e2e-gate.yml", config(command, "quarantine: q.yml"))
		}, nil)},
		{attack: "the stage stops blocking", surface: s, expected: blocked, try: changed(config(command), fails, 1, relaxed("push]", "push], blocks: false"), nil)},
		{attack: "the suite gets less critical", surface: s, expected: blocked,
			try: changed(config(command), fails, 1, relaxed("owner: team-a", "owner: team-a, criticality: nightly"), nil)},
		{attack: "a required gate is made optional", surface: s, expected: "not judged, as the base's config says",
			try: changed(config(command, "gates: {timeout: 1s, interval: 100ms, checks: [{name: g, tcp: {address: \"127.0.0.1:1\"}}]}"), passes, 3,
				relaxed(`127.0.0.1:1"}`, `127.0.0.1:1"}, required: false`), nil)},
		{attack: "the config moves", surface: s, expected: blocked, try: changed(strict, flakes, 1, func(w *world) {
			w.Write(".github/e2e-gate.yml", config(command))
			w.Git("rm", "-q", "e2e-gate.yml")
		}, nil)},
		{attack: "another config shadows it", surface: s, expected: blocked,
			try: changed(strict, flakes, 1, put(".github/e2e-gate.yml", config(command, lax)), nil)},
		{attack: "a replaced object", surface: s, expected: blocked, try: changed(strict, flakes, 1, put("lax.yml", config(command, lax)), replaced)},
		{attack: "a base whose config cannot be read", surface: s, expected: "not judged or blocked: not read is not absent",
			try: changed(strict, passes, 3, nil, withoutObject)},
		{attack: "a base whose config has mistakes", surface: s, expected: "the strictest policy judges",
			try: changed(strict+"polcy: {}\n", flakes, 1, put("e2e-gate.yml", config(command)), nil)},
		elsewhere(s, "the base is in no clone", "not judged; the text names the command", "internal/cli TestABaseThatCannotBeRead"),
		elsewhere(s, "another event for the same commit", "judged by the base", "internal/cli TestEveryEventIsJudgedByTheBase"),
		elsewhere(s, "tests are deleted, deselected or skipped", "listed, and as the policy says", "internal/cli TestEffectsOfAChange"),
		elsewhere(s, "tags in the source make a test less critical", "as critical as in the base", "internal/cli TestEffectsOfTagsInTheSource"),
		elsewhere(s, "programs, attributes and hooks that the checkout configures for git", "not run", "internal/gitrepo TestNothingInTheCheckoutIsTrusted"),
		elsewhere(s, "another commit is checked out than the event names", "nothing is posted for the event's",
			"internal/cli TestTheJudgedCommitIsTheOneThatIsCheckedOut"),
		elsewhere(s, "the code of a fork in a run with rights", "refused", "internal/cli TestForeignCode"),
		elsewhere(s, "a payload names no, an odd or a contradictory subject", "refused; nothing is posted elsewhere", "internal/cli TestTheSubjectOfAPayload"),
		elsewhere(s, "a payload of an event that has none", "counts for nothing", "internal/cli TestAPayloadOfAnotherEvent"),
		elsewhere(s, "a change of the tests judges the commit of a service", "nothing is posted or signed",
			"internal/cli TestAChangeOfTheTestsDecidesAboutNothingElse"),
		elsewhere(s, "the tests of one service judge another one's commit", "refused", "internal/cli TestTheServiceOfASubject"),
		elsewhere(s, "another version is deployed than the subject", "not judged; unknown is said", "internal/cli TestTheDeployedVersion"),
		elsewhere(s, "a process looks for the token of the subject", "it does not have it", "internal/cli TestChildrenGetTheSubjectAndNotItsToken"),
		elsewhere(s, "an approval of an author, or of an older commit", "does not count", "internal/cli TestWhoApproved"),
		elsewhere(s, "a quarantine without end", "30 days at most", "internal/policy TestHowLongAnEntryCounts"),
	}
}

// answers has a required gate ask a service, and wants the exit status within bounds; where that is not
// 0, no suite starts.
func answers(check string, exit int, handler http.HandlerFunc) func(t *testing.T) {
	return func(t *testing.T) {
		ended := make(chan struct{})
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			select {
			case <-ended:
			default:
				handler(w, r)
			}
		}))
		defer server.Close()
		defer close(ended)
		w := newWorld(t, map[string]string{"suite.sh": "touch started; " + passes,
			"e2e-gate.yml": config(command, "gates: {timeout: 1s, interval: 100ms, checks: [{name: g, http: {url: \""+server.URL+"\""+check+", timeout: 600ms}}]}")})
		bounded(t, func() { onlyText(t, w, w.run().wants(exit).without("root:x:")) })
		if _, err := os.Stat(filepath.Join(w.Dir, "started")); (err == nil) != (exit == 0) {
			t.Errorf("exit status %d, and a suite was started: %t", exit, err == nil)
		}
	}
}

// answer is a handler of one answer.
func answer(body string, headers ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i+1 < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		if w.Header().Get("Location") != "" {
			w.WriteHeader(http.StatusFound)
		}
		_, _ = w.Write([]byte(body))
	}
}

// endless writes until the other side hangs up.
func endless(first, next string, pause time.Duration) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write([]byte(first))
		for {
			if _, err := w.Write([]byte(next)); err != nil {
				return
			}
			_ = http.NewResponseController(w).Flush()
			select {
			case <-r.Context().Done():
				return
			case <-time.After(pause):
			}
		}
	}
}

func gateAttacks() []attack {
	const s, shut, up = "answers to gates", "the gate fails within its time, in bounded memory; no suite starts", `, json: {"$.status": UP}`
	return []attack{
		{attack: "none", surface: s, expected: "passes: what follows fails for its reason", try: answers(up, 0, answer(`{"status":"UP"}`))},
		{attack: "a body without end", surface: s, expected: shut, try: answers(up, 3, endless(`{"status":"UP","x":"`, strings.Repeat("x", 1<<16), 0))},
		{attack: "a byte now and then", surface: s, expected: shut, try: answers(up, 3, endless(`{"status":"UP","x":"`, "x", 200*time.Millisecond))},
		{attack: "a gzip bomb", surface: s, expected: shut,
			try: answers(up, 3, answer(strings.Repeat(gzipped(strings.Repeat(" ", 1<<20)), 200), "Content-Encoding", "gzip", "Content-Type", "application/json"))},
		{attack: "JSON 100,000 deep", surface: s, expected: shut, try: answers(up, 3, answer(strings.Repeat("[", 100_000)))},
		{attack: "equal keys, DOWN and then UP", surface: s, expected: shut, try: answers(up, 3, answer(`{"status":"DOWN","status":"UP"}`))},
		{attack: "two documents", surface: s, expected: shut, try: answers(up, 3, answer(`{"status":"UP"}{"status":"DOWN"}`))},
		{attack: "megabytes of headers", surface: s, expected: shut, try: answers(up, 3, answer(`{"status":"UP"}`, "X-Large", strings.Repeat("x", 5<<20)))},
		{attack: "a redirect to itself", surface: s, expected: shut, try: answers(up, 3, answer("", "Location", "/"))},
		{attack: "a redirect to another host", surface: s, expected: shut, try: answers(up, 3, answer("", "Location", "http://localhost:1/"))},
		{attack: "a redirect to a file", surface: s, expected: shut + "; the file is not read", try: answers(up, 3, answer("", "Location", "file:///etc/passwd"))},
		{attack: "a status that is markup and commands", surface: s, expected: shut + "; text in every output",
			try: answers(up, 3,
				answer(`{"status":"\n::set-output name=result::passed\u001b[31m \u202e @acme/admins <img src=//evil.example> [x](https://evil.example)"}`))},
		{attack: "a body shorter than its length", surface: s, expected: shut, try: answers(up, 3, answer(`{"status":"UP"`, "Content-Length", "50"))},
		elsewhere(s, "bodies at random", "never healthy without the expected value", "internal/gate/httpgate FuzzJudge"),
		elsewhere(s, "a change that takes its tests away from a gate", "they need what the base says",
			"internal/pipeline TestWhatAChangeMaySayThatItsTestsNeed"),
		elsewhere(s, "a change that narrows what a gate of a fragment is for", "it is for what it is for by the base", "internal/cli TestAChangeOfAFragment"),
		elsewhere(s, "a change that says that its tests need what is down", "excuses nothing", "internal/verdict TestATestThatWaitsForADependency"),
		elsewhere(s, "a service that goes away while tests run", "holds back what has not started", "internal/cli/stories/running watch-stays-down"),
	}
}

func historyAttacks() []attack {
	const s, none = "history", "changes no verdict"
	return []attack{
		{attack: "records that the change commits", surface: s, expected: none + "; not read", test: "internal/cli/stories/laws law8-tracked"},
		elsewhere(s, "small objects that unpack to gigabytes", "refused before they are unpacked", "internal/history TestBombsAreNotUnpacked"),
		elsewhere(s, "objects that lie about their size", "refused", "internal/history TestObjectsThatLieAboutTheirSize"),
		elsewhere(s, "pipes, devices and links among records", "skipped", "internal/history TestPipesAndDevicesAreSkipped"),
		elsewhere(s, "numbers that cannot be", none, "internal/history TestNumbersThatCannotBe"),
		elsewhere(s, "ids that are paths", "stay in the folder", "internal/history TestHostileRunIDs"),
		elsewhere(s, "records of the future", "do not count", "internal/history TestRecordsOfTheFuture"),
		elsewhere(s, "a store that does not answer", "is given up after a minute", "internal/history TestStoreThatDoesNotAnswer"),
		elsewhere(s, "records that a cache lost, from artifacts of others", "only runs that the API confirms count", "internal/history TestRepairTakesNoStrangers"),
	}
}

func forkAttacks() []attack {
	const s = "results of a fork"
	return []attack{
		elsewhere(s, "hostile text in every field", "text; one comment, on the right pull request", "internal/cli TestPublishHostileText"),
		elsewhere(s, "another pull request, stage, key or commit", "what the API says is posted", "internal/cli TestPublishOwnLies"),
		elsewhere(s, "damaged and foreign documents", "nothing is posted; exit status 3", "internal/cli TestPublishRefusesForeignDocuments"),
		elsewhere(s, "thousands of failures", "bounded", "internal/cli TestPublishBounds"),
		elsewhere("statements", "files at random", "no panic, nothing verified", "internal/statement FuzzRead"),
		elsewhere("comment", "marks of the gate in a comment of somebody else", "left alone", "internal/adapter/github TestOthersCommentsAreLeftAlone"),
	}
}

//go:build unix

package attack

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/org/e2e-gate/internal/e2e"
)

// madeOf has the plan and the shard's document of each script, which all rows start from.
var madeOf = map[string][2]string{}

// between runs plan and shard, has the documents changed in between as an artifact could be, and wants
// an exit status of verdict that says nothing better than the truth: one test failed, or passed.
func between(script string, exit int, change func(t *testing.T, plan, shard string)) func(t *testing.T) {
	return func(t *testing.T) {
		w := newWorld(t, map[string]string{"e2e-gate.yml": config(strings.Replace(command, "echo, one", "cat, tests", 1), "rerun: {max_failures: 0}"),
			"tests":    "one\ntwo\n",
			"suite.sh": script})
		plan, shard := filepath.Join(w.Dir, "plan", "plan.json"), filepath.Join(w.Dir, "results", "shard-0.1.json")
		if made, known := madeOf[script]; known { // as another job would get them
			write(t, plan, made[0])
			write(t, shard, made[1])
		} else {
			w.gate("plan", "--shards", "1", "--out", "plan").wants(0)
			w.gate("shard", "--plan", "plan/plan.json", "--index", "0", "--out", "results")
			madeOf[script] = [2]string{read(t, plan), read(t, shard)}
		}
		change(t, plan, shard)
		bounded(t, func() {
			o := w.gate("verdict", "--plan", "plan/plan.json", "--results", "results", "--out", "out")
			o.wants(exit).without("root:x:")
		})
	}
}

const (
	bothPass = `echo '<testsuite><testcase name="one"/><testcase name="two"/></testsuite>' > "$E2E_REPORT_DIR/r.xml"`
	oneFails = `echo '<testsuite><testcase name="one"><failure/></testcase><testcase name="two"/></testsuite>' > "$E2E_REPORT_DIR/r.xml"; exit 1`
)

// signed writes a document with the checksum that fits, as who forges it would.
func signed(t *testing.T, file string, change func(d *e2e.ShardRun)) {
	t.Helper()
	var d e2e.ShardRun
	if err := json.Unmarshal([]byte(read(t, file)), &d); err != nil {
		t.Fatal(err)
	}
	change(&d)
	blank := strings.Repeat("0", 2*sha256.Size)
	d.Checksum = blank
	data, err := json.MarshalIndent(d, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(append(data, '\n'))
	write(t, file, strings.Replace(string(data), blank, hex.EncodeToString(sum[:]), 1)+"\n")
}

// forged changes the shard's document and gives it the checksum that fits.
func forged(change func(d *e2e.ShardRun)) func(t *testing.T, plan, shard string) {
	return func(t *testing.T, _, shard string) { t.Helper(); signed(t, shard, change) }
}

// inText replaces a text of the shard's document, and leaves its checksum.
func inText(old, with string) func(t *testing.T, plan, shard string) {
	return func(t *testing.T, _, shard string) { t.Helper(); replaceText(t, shard, old, with) }
}

// inPlan does the same in the plan.
func inPlan(old, with string) func(t *testing.T, plan, shard string) {
	return func(t *testing.T, plan, _ string) { t.Helper(); replaceText(t, plan, old, with) }
}

func replaceText(t *testing.T, file, old, with string) {
	t.Helper()
	text := read(t, file)
	changed := regexp.MustCompile(old).ReplaceAllString(text, with)
	if changed == text {
		t.Fatalf("%s has no %q:\n%s", file, old, text)
	}
	write(t, file, changed)
}

// instead puts something else in the shard document's place.
func instead(put func(file string) error) func(t *testing.T, plan, shard string) {
	return func(t *testing.T, _, shard string) {
		t.Helper()
		if err := os.Remove(shard); err != nil {
			t.Fatal(err)
		}
		if err := put(shard); err != nil {
			t.Fatal(err)
		}
	}
}

func content(text string) func(t *testing.T, plan, shard string) {
	return instead(func(file string) error { return os.WriteFile(file, []byte(text), 0o600) })
}

func documentAttacks() []attack {
	const s, p, none = "shard document", "plan", "not judged"
	return []attack{
		{attack: "none", surface: s, expected: "passes: what follows is not refused for another reason",
			try: between(bothPass, 0, func(*testing.T, string, string) {})},
		{attack: "a failure made a pass", surface: s, expected: none + ": the checksum does not fit",
			try: between(oneFails, 3, inText(`"outcome": "failed"`, `"outcome": "passed"`))},
		{attack: "white space added", surface: s, expected: none + ": the checksum does not fit",
			try: between(bothPass, 3, inText(`"complete": true`, `"complete":  true`))},
		{attack: "a checksum taken away, a failure made a pass", surface: s, expected: none + ": the process ended badly",
			try: between(oneFails, 3, func(t *testing.T, _, shard string) {
				replaceText(t, shard, `"checksum": "[0-9a-f]+",`, ``)
				replaceText(t, shard, `"outcome": "failed"`, `"outcome": "passed"`)
			})},
		{attack: "a failure made a pass, and signed", surface: s, expected: "blocks: its rerun failed, too",
			try: between(oneFails, 1, forged(func(d *e2e.ShardRun) { d.Tests[0].Attempts[0].Outcome = e2e.Passed }))},
		{attack: "a test removed, and signed", surface: s, expected: none + ": the plan has it",
			try: between(bothPass, 3, forged(func(d *e2e.ShardRun) { d.Tests = d.Tests[1:] }))},
		{attack: "all tests skipped, and signed", surface: s, expected: "never passes", try: between(bothPass, 3, forged(func(d *e2e.ShardRun) {
			for i := range d.Tests {
				d.Tests[i].Attempts[0].Outcome = e2e.Skipped
			}
		}))},
		{attack: "an id with a zero width space, and signed", surface: s, expected: none,
			try: between(bothPass, 3, forged(func(d *e2e.ShardRun) { d.Tests[0].ID += "\u200b" }))},
		{attack: "another commit, and signed", surface: s, expected: none,
			try: between(bothPass, 3, forged(func(d *e2e.ShardRun) { d.Run.SHA = strings.Repeat("5", 40) }))},
		{attack: "another run, and signed", surface: s, expected: none, try: between(bothPass, 3, forged(func(d *e2e.ShardRun) { d.Run.WorkflowRun = "8" }))},
		{attack: "another plan, and signed", surface: s, expected: none,
			try: between(bothPass, 3, forged(func(d *e2e.ShardRun) { d.Digest = strings.Repeat("0", 64) }))},
		{attack: "not complete, and signed", surface: s, expected: none, try: between(bothPass, 3, forged(func(d *e2e.ShardRun) { d.Complete = false }))},
		{attack: "gone", surface: s, expected: none, try: between(bothPass, 3, instead(func(string) error { return nil }))},
		{attack: "empty", surface: s, expected: none, try: between(bothPass, 3, content(""))},
		{attack: "null", surface: s, expected: none, try: between(bothPass, 3, content("null"))},
		{attack: "cut", surface: s, expected: none, try: between(bothPass, 3, func(t *testing.T, _, shard string) {
			t.Helper()
			text := read(t, shard)
			write(t, shard, text[:len(text)/2])
		})},
		{attack: "two documents in one file", surface: s, expected: none,
			try: between(bothPass, 3, func(t *testing.T, _, shard string) { t.Helper(); text := read(t, shard); write(t, shard, text+text) })},
		{attack: "3 MB of brackets", surface: s, expected: none, try: between(bothPass, 3, content(strings.Repeat("[", 3<<20)))},
		{attack: "a link to /etc/passwd", surface: s, expected: none + ", not shown",
			try: between(bothPass, 3, instead(func(file string) error { return os.Symlink("/etc/passwd", file) }))},
		{attack: "a link to a device without end", surface: s, expected: none,
			try: between(bothPass, 3, instead(func(file string) error { return os.Symlink("/dev/zero", file) }))},
		{attack: "a link to itself", surface: s, expected: none, try: between(bothPass, 3, instead(func(file string) error { return os.Symlink(file, file) }))},
		{attack: "a pipe that is never written", surface: s, expected: none, try: between(bothPass, 3, instead(mkfifo))},
		{attack: "a folder", surface: s, expected: none, try: between(bothPass, 3, instead(func(file string) error { return os.Mkdir(file, 0o755) }))},
		{attack: "blocks made false, with a failure", surface: p, expected: "refused: its digest does not fit",
			try: between(oneFails, 3, inPlan(`"blocks": true`, `"blocks": false`))},
		{attack: "a criticality lowered, with a failure", surface: p, expected: none,
			try: between(oneFails, 3, inPlan(`"criticality": "release-blocking"`, `"criticality": "nightly"`))},
		{attack: "a failing test taken out", surface: p, expected: none, try: between(oneFails, 3, inPlan(`"s::one",\s*`, ``))},
		{attack: "cut", surface: p, expected: "never passes", try: between(bothPass, 3, func(t *testing.T, plan, _ string) {
			t.Helper()
			text := read(t, plan)
			write(t, plan, text[:len(text)/2])
		})},
		{attack: "null", surface: p, expected: "never passes",
			try: between(bothPass, 3, func(t *testing.T, plan, _ string) { t.Helper(); write(t, plan, "null") })},
		{attack: "a link to a device without end", surface: p, expected: "never passes", try: between(bothPass, 3, func(t *testing.T, plan, _ string) {
			t.Helper()
			if err := errors.Join(os.Remove(plan), os.Symlink("/dev/zero", plan)); err != nil {
				t.Fatal(err)
			}
		})},
		{attack: "a link to a device without end among the shards' documents", surface: "result", expected: "not read; what else is there counts",
			try: between(bothPass, 0, func(t *testing.T, _, shard string) {
				t.Helper()
				if err := os.Symlink("/dev/zero", filepath.Join(filepath.Dir(shard), "result.json")); err != nil {
					t.Fatal(err)
				}
			})},
		elsewhere(s, "a lie of any kind, drawn at random", "never green", "internal/pipeline TestNoLieMakesAVerdictGreen"),
		elsewhere(s, "a bit flipped anywhere", "nothing greener", "internal/pipeline TestAFlippedBitMakesNothingGreener"),
		elsewhere(s, "cut anywhere", "never green", "internal/pipeline TestADocumentThatIsCutIsNeverGreen"),
		elsewhere(s, "a newer document that cannot be fetched", "an older green one does not stand in", "internal/cli TestANewerDocumentThatCannotBeFetched"),
		elsewhere("result", "documents that git tracks", "not read", "internal/cli/stories/laws law6-workspace"),
		elsewhere("result", "a million made-up workflow runs", "each is judged as an oracle judges it", "internal/verdict/model TestNoVerdictIsWrong"),
	}
}

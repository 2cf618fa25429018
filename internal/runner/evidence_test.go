//go:build unix

package runner

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/org/e2e-gate/internal/e2e"
)

// A unit's folder must not have entries that uploads refuse, follow or wait for.
func TestAUnitsFolderCanBeUploaded(t *testing.T) {
	s, tests := script(t, `cd "$E2E_EVIDENCE_DIR"
i=0; while [ $i -lt 250 ]; do echo $i > "file:$i"; i=$((i+1)); done
long=$(printf 'y%.0s' $(seq 250)); echo kept > "$long-"; echo also > "$long:"
mkfifo pipe; ln -s / root; ln -s /etc/passwd words; mkdir -p "only:folders/a::b" sub; ln -s ../.. sub/up
echo x > "$E2E_REPORT_DIR/odd?.txt"
`+passes, "a")
	r := newRig(t, s, tests)
	r.phase(t.Context(), false)
	doc := r.shard.Document(nil, true)
	if len(doc.Tests) != 1 {
		t.Fatalf("%+v", doc)
	}
	dir, files := filepath.Join(r.out, filepath.Dir(doc.Units[0].Log)), 0
	if u := doc.Units[0]; len(u.Files) != maxFiles || u.MoreFiles != 52 {
		t.Errorf("%d files are listed, and %d are said to be more", len(u.Files), u.MoreFiles)
	}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		rel, _ := filepath.Rel(dir, path)
		if err != nil || !d.IsDir() && !d.Type().IsRegular() || strings.ContainsAny(rel, "\":<>|*?") {
			t.Errorf("%s (%s) cannot be uploaded: %v", rel, d.Type(), err)
		}
		if strings.HasPrefix(rel, "evidence") && d.Type().IsRegular() {
			files++
		}
		return nil
	})
	if err != nil || files != 252 {
		t.Errorf("%d files are left: %v", files, err)
	}
}

// A file that a test attached is found under the name that it got.
func TestAnAttachmentKeepsItsTest(t *testing.T) {
	s, tests := script(t, `echo shot > "$E2E_EVIDENCE_DIR/a::b.png"
echo "<testsuite><testcase name='a'><system-out>[[ATTACHMENT|$E2E_EVIDENCE_DIR/a::b.png]]</system-out></testcase></testsuite>" > "$E2E_REPORT_DIR/r.xml"`, "a")
	r := newRig(t, s, tests)
	r.phase(t.Context(), false)
	files := r.shard.Document(nil, true).Tests[0].Attempts[0].Files
	if len(files) != 1 {
		t.Fatalf("%v", files)
	}
	if _, err := os.Stat(filepath.Join(r.out, files[0])); err != nil {
		t.Error(err)
	}
}

// The folder that a reporter of ours, or a test itself, names after a test is that test's; of two tests of one own name it is neither's.
func TestFoldersOfTests(t *testing.T) {
	one := e2e.Test{ID: "s/a.js::pays", Name: "a.js::pays", Framework: "mocha"}
	two := e2e.Test{ID: "s/b.js::pays", Name: "b.js::pays", Framework: "mocha"}
	other := e2e.Test{ID: "s/b.js::sums", Name: "b.js::sums", Framework: "mocha"}
	digits := e2e.NameDigits("pays")
	files := []string{"units/1/evidence/" + digits + "/a.png", "units/1/evidence/" + e2e.CorrelationOf("e2e-7", 1, "pays") + "/b.png",
		"units/1/evidence/" + e2e.CorrelationOf("e2e-7", 2, "pays") + "/of-the-rerun.png", "units/1/evidence/" + digits + "x/c.png", "units/1/evidence/d.png"}
	s := &Shard{r: &Runner{cfg: Config{Run: e2e.Run{ID: "e2e-7"}}}}
	for _, c := range []struct {
		tests []e2e.Test
		of    e2e.Test
		want  []string
	}{
		{[]e2e.Test{one, other}, one, files[:2]},
		{[]e2e.Test{one, other}, other, nil},
		{[]e2e.Test{one, two}, one, nil},
		{[]e2e.Test{{ID: one.ID, Name: one.Name, Framework: "mocha", Twins: 2}}, one, nil},
	} {
		u := &running{s: s, tests: c.tests, attempt: 1}
		if got := u.filesOf(c.of, files); !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", c.of.ID, got, c.want)
		}
	}
}

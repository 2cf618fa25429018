//go:build unix

package runner

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
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

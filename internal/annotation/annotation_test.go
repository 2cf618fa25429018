package annotation

import (
	"strings"
	"testing"

	"github.com/org/e2e-gate/internal/safetext"
)

// TestNew: whatever goes in, one line comes out where one is promised, within its bound,
// and a second cleaning changes nothing.
func TestNew(t *testing.T) {
	hostile := "\x1b[31m::error::x\r\n##[add-mask]y\u202e\U0001F600\x00" + strings.Repeat("\xff", 9000)
	a := New(Error, hostile, 7, hostile, hostile)
	if a.Level() != Error || a.Line() != 7 {
		t.Errorf("level %q, line %d", a.Level(), a.Line())
	}
	for name, c := range map[string]struct {
		text  string
		limit int
	}{"file": {a.File(), safetext.MaxAnnotation}, "title": {a.Title(), safetext.MaxAnnotationTitle}, "message": {a.Message(), safetext.MaxAnnotation}} {
		bad := strings.ContainsAny(c.text, "\x1b\r\x00\u202e\U0001F600") || strings.Contains(c.text, "::error::")
		if len(c.text) > c.limit || bad || name != "message" && strings.Contains(c.text, "\n") {
			t.Errorf("%s is %q, want it clean and within %d bytes", name, c.text, c.limit)
		}
	}
	if b := New(a.Level(), a.File(), a.Line(), a.Title(), a.Message()); a != b {
		t.Errorf("cleaned twice it is %+v, cleaned once %+v", b, a)
	}
	if SafeFile("a\nb") || !SafeFile("e2e/a,b:c_test.go") {
		t.Error("SafeFile takes a line break, or refuses an ordinary name")
	}
	if a := New(Notice, "", 7, "", "m"); a.Line() != 0 {
		t.Errorf("line %d without a file", a.Line())
	}
}

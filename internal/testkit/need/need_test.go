package need

import (
	"strings"
	"testing"
)

// recorder is a testing.TB that remembers how it was ended.
type recorder struct {
	testing.TB
	ended string
}

func (*recorder) Helper() {}

func (r *recorder) Skip(args ...any) { r.ended = "skip: " + args[0].(string) }

func (r *recorder) Fatalf(string, ...any) { r.ended = "fatal" }

func TestTool(t *testing.T) {
	const tool = "no-such-tool-of-the-gate"
	for all, want := range map[string]string{"": "skip: " + tool + " is not installed; install it", "1": "fatal"} {
		t.Setenv(EnvAll, all)
		r := &recorder{TB: t}
		if Tool(r, tool, "install it"); r.ended != want {
			t.Errorf("%s=%q: %s", EnvAll, all, r.ended)
		}
	}
	t.Setenv(EnvAll, "") // whatever came last above: without go, it skips
	if path := Tool(t, "go", "install Go"); !strings.Contains(path, "go") {
		t.Error(path)
	}
}

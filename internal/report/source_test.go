package report

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/org/e2e-gate/internal/e2e"
)

func TestSourceLink(t *testing.T) {
	const sha = "0123456789abcdef0123456789abcdef01234567"
	run := func(url, forge string) e2e.Run {
		return e2e.Run{URL: url, Forge: forge, Subject: e2e.Subject{SHA: sha}}
	}
	at := func(place string) *e2e.Attempt { return &e2e.Attempt{At: place, Tracked: true} }
	github := run("https://github.com/acme/cases/actions/runs/7", "")
	for name, c := range map[string]struct {
		run  e2e.Run
		a    *e2e.Attempt
		want string
	}{
		"GitHub": {github, at("e2e/cart.spec.ts:48"), "https://github.com/acme/cases/blob/" + sha + "/e2e/cart.spec.ts#L48"},
		"a server of one's own": {run("https://git.acme.example/a/b/actions/runs/7/attempts/2", ""), at("x.go:1"),
			"https://git.acme.example/a/b/blob/" + sha + "/x.go#L1"},
		"Gitea":          {run("https://gitea.example/a/b/actions/runs/7", "Gitea"), at("x.go:1"), "https://gitea.example/a/b/src/commit/" + sha + "/x.go#L1"},
		"GitLab":         {run("https://gitlab.example/g/s/b/-/pipelines/7", ""), at("x.go:1"), "https://gitlab.example/g/s/b/-/blob/" + sha + "/x.go#L1"},
		"without a line": {github, at("x.go"), "https://github.com/acme/cases/blob/" + sha + "/x.go"},
		"odd names":      {github, at("a b/#?%[x](y).js:3"), "https://github.com/acme/cases/blob/" + sha + "/a%20b/%23%3F%25%5Bx%5D%28y%29.js#L3"},
		"not tracked":    {github, &e2e.Attempt{At: "x.go:1"}, ""},
		"no attempt":     {github, nil, ""},
		"outside":        {github, at("../x.go:1"), ""},
		"absolute":       {github, at("/etc/passwd:1"), ""},
		"not clean":      {github, at("a/./x.go:1"), ""},
		"another system": {run("https://circleci.example/x", ""), at("x.go:1"), ""},
		"no address":     {run("", ""), at("x.go:1"), ""},
		"no web address": {run("javascript:alert(1)//actions/runs/7", ""), at("x.go:1"), ""},
		"an odd commit":  {e2e.Run{URL: github.URL, Subject: e2e.Subject{SHA: "main) x"}}, at("x.go:1"), ""},
	} {
		if got := sourceLink(c.run, c.a); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

// TestTerminalLinks: a text without its links is what is shown without them, and nothing that a name holds leads elsewhere.
func TestTerminalLinks(t *testing.T) {
	root := t.TempDir()
	for name, r := range results() {
		plain := Final(r, FinalOptions{Width: 100, Out: "out"})
		linked := Final(r, FinalOptions{Width: 100, Out: "out", Links: &TerminalLinks{Root: root, Out: filepath.Join(root, "out")}})
		var b strings.Builder
		for rest := linked; ; {
			before, after, found := strings.Cut(rest, "\x1b]8;;")
			b.WriteString(before)
			if !found {
				break
			}
			target, text, closed := strings.Cut(after, "\x1b\\")
			below := strings.HasPrefix(target, "file:///"+strings.TrimPrefix(filepath.ToSlash(root), "/")+"/")
			if !closed || target != "" && !below || strings.ContainsAny(target, "\x00\x07\x1b\n\\ ") {
				t.Fatalf("%s: a link to %q", name, target)
			}
			rest = text
		}
		if b.String() != plain {
			t.Errorf("%s: the text is not the same with links", name)
		}
		if name == "blocked" && !strings.Contains(linked, "\x1b]8;;file://") {
			t.Error("there is no link")
		}
	}
}

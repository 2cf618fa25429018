package shipping

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	fenced   = regexp.MustCompile("(?ms)^```.*?^```$")
	link     = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading  = regexp.MustCompile(`(?m)^#{1,6} +(.+?) *$`)
	notInURL = regexp.MustCompile(`[^\p{L}\p{N}_ -]`)
)

// anchors are the names that GitHub gives the headings of a page.
func anchors(page string) map[string]bool {
	list := map[string]bool{}
	for _, m := range heading.FindAllStringSubmatch(fenced.ReplaceAllString(page, ""), -1) {
		list[strings.ReplaceAll(notInURL.ReplaceAllString(strings.ToLower(m[1]), ""), " ", "-")] = true
	}
	return list
}

// TestDocLinks follows every link of the docs to a file, and to a heading in it.
func TestDocLinks(t *testing.T) {
	seen := 0
	for _, doc := range glob(t, "*.md", "docs/*.md", "examples/*/*.md") {
		for _, m := range link.FindAllStringSubmatch(fenced.ReplaceAllString(read(t, doc), ""), -1) {
			if strings.Contains(m[1], "://") || strings.HasPrefix(m[1], "mailto:") {
				continue
			}
			seen++
			file, anchor, _ := strings.Cut(m[1], "#")
			to := doc
			if file != "" {
				to = filepath.Join(filepath.Dir(doc), filepath.FromSlash(file))
			}
			if found, _ := filepath.Glob(to); len(found) == 0 {
				t.Errorf("%s links to %s, which does not exist", doc, m[1])
			} else if anchor != "" && !anchors(read(t, to))[anchor] {
				t.Errorf("%s links to %s, and there is no such heading", doc, m[1])
			}
		}
	}
	if seen < 50 {
		t.Errorf("only %d links were found", seen)
	}
}

// TestTroubleshootingKnowsEveryCode holds that whoever meets a reason code finds out
// what to do.
func TestTroubleshootingKnowsEveryCode(t *testing.T) {
	page := read(t, filepath.Join(root, "docs", "troubleshooting.md"))
	codes := regexp.MustCompile(`Code = "(\w+)"`).FindAllStringSubmatch(read(t, filepath.Join(root, "internal", "e2e", "run.go")), -1)
	if len(codes) < 20 {
		t.Fatalf("only %d codes were found", len(codes))
	}
	for _, m := range codes {
		if !strings.Contains(page, "| `"+m[1]+"`") {
			t.Errorf("docs/troubleshooting.md says nothing of %s", m[1])
		}
	}
}

package report

import (
	"html/template"
	"regexp"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"
	"pgregory.net/rapid"

	"github.com/org/e2e-gate/internal/e2e"
)

// pageAddress is where links of the page may lead.
var pageAddress = regexp.MustCompile(`^(https://|\./|#t-\d+$)`)

var pageLinks = regexp.MustCompile(`(?i)^(src|href|action|on\w+|srcset|data|style)$`)

func TestHTML(t *testing.T) {
	for name, r := range results() {
		t.Run(name, func(t *testing.T) {
			got := string(HTML(r, PageOptions{}))
			if name == "blocked" || name == "zero" {
				compare(t, name+".html", got)
			}
			if strings.Contains(got, "could not be made") || !strings.HasSuffix(got, "</html>\n") {
				t.Fatalf("no page:\n%.2000s", got[max(0, len(got)-2000):])
			}
			checkPage(t, got)
		})
	}
}

// ownPicture is the source of the pictures that tests embed; there may be no other.
const ownPicture = "data:image/png;base64,eA=="

// checkPage parses a page and fails where it holds elements or attributes that the
// template does not, or loads anything.
func checkPage(t rapid.TB, page string) {
	t.Helper()
	if strings.Contains(page, "<!--") || len(page) > 4<<20 {
		t.Errorf("a comment, or %d bytes", len(page))
	}
	z := html.NewTokenizer(strings.NewReader(page))
	for z.Next() != html.ErrorToken {
		token := z.Token()
		if token.Type != html.StartTagToken && token.Type != html.SelfClosingTagToken {
			continue
		}
		switch token.Data {
		case "script":
			// html/template must leave our own script as the policy knows it.
			if z.Next(); string(z.Raw()) != "\n"+pageScript || len(token.Attr) > 0 {
				t.Errorf("another script: %.200s", z.Raw())
			}
		case "iframe", "link", "object", "embed", "form", "base":
			t.Errorf("<%s> in the page", token.Data)
		}
		for _, a := range token.Attr {
			if pageLinks.MatchString(a.Key) && (token.Data != "a" || !pageAddress.MatchString(a.Val)) && (token.Data != "img" || a.Key != "src" || a.Val != ownPicture) {
				t.Errorf("<%s %s=%q> in the page", token.Data, a.Key, a.Val)
			}
		}
	}
}

// A file of the run's folder is a link, and no other name is.
func TestFileAddress(t *testing.T) {
	for name, want := range map[string]template.URL{
		"units/0-001-s-1/evidence/shot.png": "./units/0-001-s-1/evidence/shot.png",
		"units/a b/ü#?%2e.png":              "./units/a%20b/%C3%BC%23%3F%252e.png",
		"javascript:alert(1)":               "./javascript:alert%281%29",
		"":                                  "", "/etc/passwd": "", "../other": "", "a/../../b": "", "a\nb": "",
	} {
		if got := fileAddress(name); got != want {
			t.Errorf("%q leads to %q, want %q", name, got, want)
		}
	}
}

func TestHTMLHasNoHostileTimeline(t *testing.T) {
	r := blockedWithClusters()
	r.Gates[0].Timeline = append(r.Gates[0].Timeline, e2e.Span{From: began.Add(-time.Hour), To: time.Time{}})
	r.Shards[0].Units = append(r.Shards[0].Units, e2e.UnitRun{Offset: -5, Seconds: -1})
	c := newChart(r)
	for _, row := range c.Rows {
		for _, bar := range row.Bars {
			if bar.X < chartLabel || bar.W < 3 || bar.X+bar.W > chartWidth {
				t.Errorf("a bar outside: %+v", bar)
			}
		}
	}
	if len(c.Ticks) < 3 || len(c.Ticks) > 9 {
		t.Errorf("%d ticks", len(c.Ticks))
	}
}

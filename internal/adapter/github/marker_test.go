package github

import (
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/org/e2e-gate/internal/publish"
)

var oneMarker = regexp.MustCompile(`^<!-- e2e-gate:v1 key=[\w.%]* run=\d* attempt=-?\d+ hash=[0-9a-f]{32} stage=[\w.%]* sha=[\w.%]* -->$`)

// Whatever is in a stamp, the marker is one line that says it, and nothing in it ends
// the comment.
func TestMarkerHoldsAnything(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"", "-->", "--!>", "a b", "x=y", "\n", "\r\n<!--", strings.Repeat("ü", 500)}))
		s := publish.Stamp{Key: text.Draw(t, "key"), Stage: text.Draw(t, "stage"), SHA: text.Draw(t, "sha"),
			WorkflowRun: rapid.StringMatching(`[0-9]{0,20}`).Draw(t, "run"), Attempt: rapid.IntRange(0, 99).Draw(t, "attempt")}
		body := rapid.String().Draw(t, "body")
		text2 := mark(s, body)
		line, rest, _ := strings.Cut(text2, "\n")
		if !oneMarker.MatchString(line) || len(line) > 500 || rest != body {
			t.Fatalf("%q", line)
		}
		m, got, ok := readMarker(text2)
		if !ok || got != body || !m.of(s) || m.compare(s) != 0 || m.hash != hash(body) {
			t.Fatalf("%+v", m)
		}
	})
}

// Keys that differ anywhere make different words.
func TestMarkerTellsKeysApart(t *testing.T) {
	seen := map[string]string{}
	for _, key := range []string{"", "a", "A", "a b", "a%20b", "a+b", "a_b", "a.b", strings.Repeat("x", 100), strings.Repeat("x", 101), strings.Repeat("x", 102)} {
		if other, ok := seen[word(key)]; ok {
			t.Errorf("%q and %q are both %s", key, other, word(key))
		}
		seen[word(key)] = key
	}
}

func TestMarkerWrittenByHand(t *testing.T) {
	for line, ok := range map[string]bool{
		"<!-- e2e-gate:v1 key=pr run=x attempt=y hash= stage=pr -->": true, "<!-- e2e-gate:v1  -->": true,
		"<!-- e2e-gate:v1 -->": false, "<!-- e2e-gate:v1 key=pr": false, "": false, " <!-- e2e-gate:v1 key=pr -->": false,
	} {
		m, _, got := readMarker(line)
		if got != ok || m.compare(publish.Stamp{}) != 0 {
			t.Errorf("%q: %v, %+v", line, got, m)
		}
	}
}

func FuzzMarker(f *testing.F) {
	f.Add(mark(stamp("7001", 1), plain))
	f.Add("<!-- e2e-gate:v1 key=a=b run=- attempt=99999999999999999999 -->\r\nx")
	f.Fuzz(func(t *testing.T, text string) {
		m, body, ok := readMarker(text)
		if ok && (len(body) > len(text) || checkStamp(m.Stamp) != nil) {
			t.Errorf("%+v %q", m, body)
		}
	})
}

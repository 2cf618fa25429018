package report

import (
	"bytes"
	"encoding/json"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/org/e2e-gate/internal/e2e"
)

func slackOf(t testing.TB, r e2e.Result) []byte {
	t.Helper()
	data, err := Slack(r, SlackOptions{Channels: map[string]string{"case-submission": "#case-platform-ci", hostileText: hostileText}})
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestSlack(t *testing.T) {
	for name, r := range results() {
		t.Run(name, func(t *testing.T) {
			got := slackOf(t, r)
			slackTakes(t, got)
			compare(t, name+".slack.json", string(got))
		})
	}
}

// What of the markup is ours: links, code spans, bold words.
var slackLinks = regexp.MustCompile(`<https?://[^<>|\s]+\|[^<>|\n]*>`)

// failer is a test or a property.
type failer interface {
	Helper()
	Errorf(format string, args ...any)
	Fatal(args ...any)
}

// slackTakes holds a message against what Slack takes, by its own published limits.
func slackTakes(t failer, data []byte) {
	t.Helper()
	var m slackPayload
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&m); err != nil || !utf8.Valid(data) {
		t.Fatal(err)
	}
	if len(m.Blocks) == 0 || len(m.Blocks) > 50 || m.Text == "" || utf8.RuneCountInString(m.Text) > 4000 {
		t.Errorf("%d blocks, text %q", len(m.Blocks), m.Text)
	}
	total := 0
	for _, b := range m.Blocks {
		texts := b.Elements
		if b.Text != nil {
			texts = append(texts, *b.Text)
		}
		if (b.Type == "section") != (b.Text != nil) || (b.Type == "context") != (len(b.Elements) > 0) || len(b.Elements) > 10 {
			t.Errorf("%+v", b)
		}
		for _, text := range texts {
			total += utf8.RuneCountInString(text.Text)
			plain := slackLinks.ReplaceAllString(text.Text, "")
			if n := utf8.RuneCountInString(text.Text); n == 0 || n > 3000 || text.Type != "mrkdwn" || !text.Verbatim || strings.ContainsAny(plain, "<>") ||
				strings.Count(plain, "`")%2 != 0 {
				t.Errorf("%d characters: %s", n, text.Text)
			}
		}
	}
	if total > 13_000 {
		t.Errorf("%d characters in all", total)
	}
}

// The verdict comes first, the flakes stand beside 500 failures, and what is left out is
// counted.
func TestSlackSaysWhatMatters(t *testing.T) {
	f := fixture{manyFailures()}
	flake(f.test("TestEscalation", "case-risk", e2e.ReleaseBlocking, e2e.Flaky, 0.7))
	got := string(slackOf(t, f.Result))
	for _, want := range []string{"❌ *e2e-gate pr: blocked*", "*Do now:*", "TestEscalation", "rows are not shown here; the run has all",
		"<https://github.com/acme/cases/pull/42|acme/cases#42>", "#case-platform-ci"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not in\n%s", want, got)
		}
	}
	slackTakes(t, []byte(got))
}

// Whatever is in a result, Slack takes the message.
func TestSlackTakesAnything(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{hostileText, strings.Repeat("&", 5000), strings.Repeat("<!channel>", 300), "`", ""}))
		f := newFixture()
		for range rapid.IntRange(0, 30).Draw(t, "tests") {
			one := f.test(text.Draw(t, "name"), text.Draw(t, "owner"), e2e.ReleaseBlocking,
				rapid.SampledFrom([]e2e.Outcome{e2e.Failed, e2e.Flaky, e2e.Passed}).Draw(t, "outcome"), 1)
			fail(one, e2e.Category(text.Draw(t, "category")), text.Draw(t, "message"))
			one.NextStep, one.Journey = text.Draw(t, "next"), text.Draw(t, "journey")
		}
		f.Verdict.State = rapid.SampledFrom([]e2e.VerdictState{e2e.VerdictFailed, e2e.VerdictPassed, e2e.VerdictNotJudged}).Draw(t, "state")
		f.Run.Stage, f.Run.Target, f.Run.URL, f.Run.SHA = text.Draw(t, "stage"), text.Draw(t, "target"), text.Draw(t, "url"), text.Draw(t, "sha")
		data, err := Slack(f.Result, SlackOptions{})
		if err != nil {
			t.Fatal(err)
		}
		slackTakes(t, data)
	})
}

package safetext

import (
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

func TestSlack(t *testing.T) {
	for in, want := range map[string]string{
		"<!channel> help":              "&lt;!channel&gt; help",
		"<@U024BE7LH> <#C1|x> a&b":     "&lt;＠U024BE7LH&gt; &lt;#C1|x&gt; a&amp;b",
		"@here and a@b.example":        "＠here and a@b.example",
		"*bold* _it_ ~gone~ `code`":    "∗bold∗ ＿it＿ ∼gone∼ ˋcodeˋ",
		"test_submit_low 2*3 a~b":      "test_submit_low 2*3 a~b",
		"```block```":                  "ˋˋˋblockˋˋˋ",
		"> quoted > not":               "› quoted &gt; not",
		":skull: s/A::one 12:30:45 x:": "∶skull: s/A::one 12∶30:45 x:",
		"two\nlines\x00\x1b[31mred":    "two lines␀red",
		"\u202eevil":                   "[U+202E]evil",
		"":                             "",
	} {
		if got := Slack(in, 300); got != want {
			t.Errorf("%q is\n%q, want\n%q", in, got, want)
		}
	}
	for in, want := range map[string]string{"a`b": "`aˋb`", "<!here>&": "`&lt;!here&gt;&amp;`", "": "", "test_*x*": "`test_*x*`"} {
		if got := SlackCode(in, 300); got != want {
			t.Errorf("%q is %q, want %q", in, got, want)
		}
	}
	for target, want := range map[string]string{
		"https://x.example/a?b=1&c=<!here>|x": "<https://x.example/a?b=1&amp;c=%3C%21here%3E%7Cx|te&gt;xt>", "javascript:x": "te&gt;xt", "": "te&gt;xt",
	} {
		if got := SlackLink("te>xt", target, 300); got != want {
			t.Errorf("%q is %q, want %q", target, got, want)
		}
	}
}

var (
	slackMarkup = regexp.MustCompile("[<`\n]|^&gt;|(^|[^A-Za-z0-9])[*_~@]|[*_~]($|[^A-Za-z0-9])|&($|[^alg])")
	slackEmoji  = regexp.MustCompile(`:[a-z0-9_+'-]{1,99}:`)
)

// Whatever goes in, nothing that comes out means anything to Slack, and it is bounded.
func TestSlackHoldsAnything(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		parts := rapid.SliceOf(rapid.OneOf(rapid.String(),
			rapid.SampledFrom([]string{"<!channel>", "<@U1>", "*", "_", "~", "`", "@", ":", "smile", ">", "&", "\n", "é", "🎉"}))).Draw(t, "parts")
		in := strings.Join(parts, "")
		got := Slack(in, 200)
		if m := slackMarkup.FindString(got); m != "" || slackEmoji.MatchString(got) || !utf8.ValidString(got) || len(got) > 5*200 {
			t.Fatalf("%q is %q: %q means something", in, got, m)
		}
		if code := SlackCode(in, 200); strings.Count(code, "`") > 2 || strings.ContainsAny(code, "<>\n") {
			t.Fatalf("%q is %q", in, code)
		}
	})
}

package safetext

import (
	"strings"
	"unicode/utf8"
)

// Slack's mrkdwn knows no way to escape what formats, so characters that would stand
// where they format are replaced by others that look like them.
const slackBacktick, slackColon, slackBar = "ˋ", "∶", "∣"

var slackLike = map[rune]string{'*': "∗", '~': "∼", '_': "＿", '@': "＠"}

// Slack returns s as text within a line of a mrkdwn text object of Slack. Nothing in it
// is a mention (<!channel>, <@U1>, @here), a link, an emoji or formatting. Characters
// that would format where they stand become ones that look alike; those within words,
// as in test_submit, stay. Use it with verbatim true, else Slack looks for links by
// itself. limit is in bytes before escaping.
func Slack(s string, limit int) string {
	s = Line(s, limit)
	var b strings.Builder
	b.Grow(len(s) + len(s)/8)
	for i, r := range s {
		b.WriteString(slackRune(s, i, r))
	}
	return b.String()
}

func slackRune(s string, i int, r rune) string {
	after := s[i+utf8.RuneLen(r):]
	border := i == 0 || after == "" || !alnum(s[i-1]) || !alnum(after[0])
	switch r {
	case '&':
		return "&amp;"
	case '<':
		return "&lt;"
	case '>':
		if i == 0 {
			return "›" // Slack quotes at &gt;, too
		}
		return "&gt;"
	case '`':
		return slackBacktick
	case ':':
		if emoji(after) {
			return slackColon
		}
	}
	if like := slackLike[r]; like != "" && border {
		return like
	}
	return string(r)
}

// emoji reports whether the text after a colon makes it an emoji: its name and another
// colon.
func emoji(after string) bool {
	name, _, ok := strings.Cut(after[:min(len(after), 100)], ":")
	return ok && name != "" && strings.Trim(strings.ToLower(name), "abcdefghijklmnopqrstuvwxyz0123456789_+'-") == ""
}

// SlackCode returns s as a code span of mrkdwn, in which nothing but its end means
// anything. Empty text is empty. limit is in bytes before escaping.
func SlackCode(s string, limit int) string {
	text := Line(s, limit)
	if text == "" {
		return ""
	}
	return "`" + strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "`", slackBacktick).Replace(text) + "`"
}

// SlackLink returns a link of mrkdwn with s as its text, or the text alone where target
// is not an absolute http or https URL. limit is in bytes of the text before escaping.
func SlackLink(s, target string, limit int) string {
	text, page := Slack(s, limit), URL(target)
	if page == "" || text == "" {
		return text
	}
	// The first bar starts the text; of another one Slack says nothing.
	return "<" + strings.ReplaceAll(page, "&", "&amp;") + "|" + strings.ReplaceAll(text, "|", slackBar) + ">"
}

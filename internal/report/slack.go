package report

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/safetext"
)

// Limits of a Slack message. Slack documents those of a text and of the list of blocks.
// The limit for the texts of all blocks together, about 13,000 characters, is not
// documented: Slack refuses longer messages (msg_blocks_too_long).
const (
	slackBlocks  = 50
	slackText    = 3000
	slackMessage = 10_000
	// slackFindings and slackFlakes bound what a message shows, since a channel is read
	// quickly; the run has all of them.
	slackFindings, slackFlakes = 8, 8
)

// SlackOptions of [Slack].
type SlackOptions struct {
	// Channels are where teams discuss the failures of their journeys, by journey. They are
	// only named: nothing is sent there.
	Channels map[string]string
}

type slackPayload struct {
	// Text is what a notification shows.
	Text        string       `json:"text"`
	Blocks      []slackBlock `json:"blocks"`
	UnfurlLinks bool         `json:"unfurl_links"`
}

type slackBlock struct {
	Type     string        `json:"type"`
	Text     *slackMrkdwn  `json:"text,omitempty"`
	Elements []slackMrkdwn `json:"elements,omitempty"`
}

// slackMrkdwn is text in Slack's own markup. With Verbatim, Slack does not look
// for links and names in it.
type slackMrkdwn struct {
	Type     string `json:"type"`
	Text     string `json:"text"`
	Verbatim bool   `json:"verbatim"`
}

// Slack renders a result as a message of Slack's Block Kit, as JSON for a webhook or
// chat.postMessage: the verdict, what to do, what needs attention with owner and
// channel, the flakes, the run. It keeps to Slack's limits and says what it left out. It
// never @-mentions anyone.
func Slack(r e2e.Result, o SlackOptions) ([]byte, error) {
	m := &slackWriter{room: slackMessage}
	if r.Alert != nil {
		m.section("*" + safetext.Slack(r.Alert.String(), shortText) + "*")
	}
	m.section(slackHead(r)...)
	m.context(slackFacts(r))
	flaky := slackFlaky(r)
	m.room -= len(strings.Join(flaky, "\n"))
	list := Findings(r)
	shown := 0
	for _, f := range list[:min(len(list), slackFindings)] {
		if !m.section(slackFinding(r, f, o)...) {
			break
		}
		shown++
	}
	m.room += len(strings.Join(flaky, "\n"))
	if left := len(list) - shown; left > 0 {
		m.context(fmt.Sprintf("%s not shown here; the run has all.", plural(left, "more row is", "more rows are")))
	}
	m.section(flaky...)
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	err := enc.Encode(slackPayload{Text: safetext.Slack(HeadlineOf(r).Text("—"), shortText), Blocks: m.blocks})
	return b.Bytes(), err
}

// slackWriter collects blocks within the limits.
type slackWriter struct {
	blocks []slackBlock
	room   int
}

// slackReserve is for the sentence on what was left out.
const slackReserve = 200

// section adds a block of lines, as many as fit, and reports whether the first did.
func (m *slackWriter) section(lines ...string) bool {
	text := ""
	for _, l := range lines {
		if len(text)+1+len(l) > min(slackText, m.room-slackReserve) {
			break
		}
		text += l + "\n"
	}
	if text = strings.TrimSuffix(text, "\n"); text == "" || len(m.blocks) == slackBlocks-1 {
		return false
	}
	m.room -= len(text)
	m.blocks = append(m.blocks, slackBlock{Type: "section", Text: &slackMrkdwn{"mrkdwn", text, true}})
	return true
}

// context adds a line in small print.
func (m *slackWriter) context(text string) {
	m.room -= len(text)
	m.blocks = append(m.blocks, slackBlock{Type: "context", Elements: []slackMrkdwn{{"mrkdwn", text, true}}})
}

// slackHead is the verdict and what to do.
func slackHead(r e2e.Result) []string {
	h := HeadlineOf(r)
	head := h.Mark + " *" + safetext.Slack(h.Subject, shortText) + ": " + h.Word + "*" + h.tail("—", safetext.Slack(h.Why, shortText))
	t := todoOf(r)
	var do []string
	if t.Lead != "" {
		do = append(do, "*"+t.Lead+"*")
	}
	if t.Who != "" {
		do = append(do, "*"+safetext.Slack(t.Who, shortText)+"* —")
	}
	text := t.sentence(func(s string) string { return safetext.Slack(s, shortText) }, func(s string) string { return safetext.SlackCode(s, shortText) })
	return []string{head, strings.Join(append(do, text), " ") + t.More}
}

// slackFacts are the counts, the pull request or merge group, the commit and the run.
func slackFacts(r e2e.Result) string {
	repository, _, _ := strings.Cut(r.Run.URL, "/actions/runs/")
	facts := []string{CountsOf(r).String()}
	if d := duration(r.Run); d > 0 {
		facts = append(facts, seconds(d))
	}
	if r.Run.Target != "" {
		facts = append(facts, "on "+safetext.Slack(r.Run.Target, 100))
	}
	if n := r.Run.PullRequest; n > 0 {
		facts = append(facts, safetext.SlackLink(fmt.Sprintf("%s#%d", r.Run.Repository, n), fmt.Sprintf("%s/pull/%d", repository, n), 100))
	}
	if group := MergeGroup(r.Run); group != "" {
		facts = append(facts, group)
	}
	code := func(sha string) string {
		short, _ := safetext.Cut(sha, 10)
		return safetext.SlackCode(short, 20)
	}
	facts = append(facts, judgedFacts(r.Run, func(s string) string { return safetext.Slack(s, 100) }, code(r.Run.SHA), code(r.Run.TestsSHA))...)
	if r.Run.URL != "" {
		facts = append(facts, safetext.SlackLink("workflow run", r.Run.URL, shortText))
	}
	return strings.Join(facts, " · ")
}

// slackFinding is a finding in lines: what, which tests, who, what next.
func slackFinding(r e2e.Result, f Finding, o SlackOptions) []string {
	head := effectMark(f.Effect) + " *" + safetext.Slack(f.Category, 60) + "* " + effectWord(f.Effect)
	if f.Title != "" {
		head += " — " + safetext.Slack(f.Title, shortText)
	}
	lines := []string{head}
	if tests := slackTests(f.Tests); tests != "" {
		lines = append(lines, tests)
	}
	if len(f.Evidence) > 0 && f.Evidence[0] != "" {
		lines = append(lines, safetext.Slack(f.Evidence[0], shortText))
	}
	who := []string{}
	if !f.Gate {
		who = append(who, "Owner: *"+safetext.Slack(owner(f.Owners), shortText)+"*")
	}
	for _, c := range channels(r, f, o.Channels) {
		who = append(who, safetext.Slack(c, 80))
	}
	if f.Since != "" {
		who = append(who, safetext.Slack(f.Since, shortText))
	}
	if len(who) > 0 {
		lines = append(lines, strings.Join(who, " · "))
	}
	return append(lines, "Next: "+safetext.Slack(f.Next, shortText))
}

// slackTests names the first few tests.
func slackTests(ids []string) string {
	var names []string
	for _, id := range ids[:min(len(ids), shownTests)] {
		names = append(names, safetext.SlackCode(id, 200))
	}
	if left := len(ids) - len(names); left > 0 {
		names = append(names, "and "+thousands(left)+" more")
	}
	return strings.Join(names, ", ")
}

// maxChannels bounds how many channels a finding names.
const maxChannels = 3

// channels are where the failures of a finding's journeys are discussed.
func channels(r e2e.Result, f Finding, byJourney map[string]string) []string {
	var list []string
	for _, t := range r.Tests {
		c := byJourney[t.Journey]
		if c != "" && len(list) < maxChannels && slices.Contains(f.Tests, t.ID) && !slices.Contains(list, c) {
			list = append(list, c)
		}
	}
	return list
}

// slackFlaky lists the flaky tests; none where there are none.
func slackFlaky(r e2e.Result) []string {
	list := flakes(r)
	if len(list) == 0 {
		return nil
	}
	lines := []string{"*Flaky: failed first, passed when run again*"}
	for _, t := range list[:min(len(list), slackFlakes)] {
		lines = append(lines, "• "+safetext.SlackCode(t.ID, 150)+" — "+safetext.Slack(owner(owners(t)), 60)+"; "+
			safetext.Slack(cmp.Or(whatFailed(&t), "no message"), 120))
	}
	if left := len(list) - slackFlakes; left > 0 {
		lines = append(lines, "and "+thousands(left)+" more")
	}
	return lines
}

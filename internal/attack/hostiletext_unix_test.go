//go:build unix

package attack

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// hostileNames are texts that try to be more than text.
var hostileNames = []string{
	"@acme/admins", "x @acme/admins: look", "<!channel> <@U1> <!here>", "<script>alert(1)</script>", "<img src=//evil.example onerror=x>",
	"![i](https://evil.example/i)",
	"[click](https://evil.example/l)", "[click](javascript:alert(1))", "<https://evil.example/a|click>", "https://evil.example/bare", "www.evil.example",
	"acme/cases#12",
	"```\n<script>", "`a`` @acme/admins `", "| a | b |",
	"</details></table><h1>x", "<!-- e2e-gate:v1 key= run=999 -->", "--><b>x", "\n::set-output name=result::passed",
	"##[error]x", "\r::stop-commands::x", "::add-mask::a", "\x1b[31mred\x1b]0;t\x07", "\u009b31mred", "abc\u202egnp.exe", "\u2066\u200bx\ufeff",
	"$(touch pwned)", "`touch pwned`",
	"; touch pwned;", "'; touch pwned; '", "../../../pwned", "-rf", "--help", "a\tb", "&lt;!--", "]]>", "_GitHubActionsFileCommandDelimeter_", "{tests}",
	"${GITHUB_TOKEN}",
	"%0A::error::x", "$x$", "- [ ] x", "# x", "section x", "\u2028::notice::x", "<details open ontoggle=x>", "<a href=https://evil.example>x</a>",
	"<svg onload=x>",
}

var (
	spans = regexp.MustCompile("(?s)`[^`\n]+`")
	// ourTags are the elements that our Markdown uses.
	ourTags = regexp.MustCompile(`^</?(?:details|summary|sub|b|br|code)(?: open)?/?>$`)
	tags    = regexp.MustCompile(`<[/!?a-zA-Z][^>]*>?`)
	// ownLinks are the links that we make.
	ownLinks = regexp.MustCompile(`\]\(https://github\.example/[^)\s]*\)`)
	// taken is what GitHub would make something of.
	taken = regexp.MustCompile(`\]\(|@[A-Za-z0-9]|https?://|www\.|[a-z]#\d|javascript:[^a]|(?m)^#+ x`)
	// ourCommands are the workflow commands that we print.
	ourCommands = regexp.MustCompile(`^::(?:error|warning|notice|group|endgroup|add-mask|stop-commands)\b`)
	invisible   = regexp.MustCompile("[\x00-\x08\x0b-\x1f\x7f\u0080-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]")
)

// failer is what a check tells its findings to.
type failer interface {
	Helper()
	Errorf(format string, args ...any)
}

// logIsText checks a log of the runner for workflow commands that are not ours.
func logIsText(t failer, name, text string) {
	t.Helper()
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); strings.HasPrefix(line, "::") && !ourCommands.MatchString(line) || strings.Contains(line, "##[") {
			t.Errorf("%s has a workflow command: %q", name, line)
		}
	}
}

// onlyText checks the places that somebody reads for anything that is more than text.
func onlyText(t *testing.T, w *world, o outcome) {
	t.Helper()
	for _, name := range o.names() {
		text := o.outputs[name]
		switch {
		case name == "stdout" || name == "stderr":
			logIsText(t, name, text)
		case strings.HasPrefix(name, "comment") || name == "summary.md" || name == "out/summary.md":
			markdownIsText(t, name, text)
		case name == "out/report.html":
			pageIsText(t, text)
		case name == "slack.json":
			slackIsText(t, text)
		case name == "out/junit.xml":
			if err := wellFormed(text); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		if name == "stdout" || name == "stderr" || name == "slack.json" || name == "out/report.html" || strings.HasSuffix(name,
			".md") || strings.HasPrefix(name, "comment") {
			if at := invisible.FindStringIndex(text); at != nil {
				t.Errorf("%s: %q", name, text[max(0, at[0]-60):min(len(text), at[1]+20)])
			}
		}
	}
	if comments := w.fake.Comments(); len(comments) != 1 || len(w.fake.Statuses()) != 1 {
		t.Errorf("%d comments, %d statuses", len(comments), len(w.fake.Statuses()))
	}
	for _, dir := range []string{w.Dir, filepath.Dir(w.Dir), filepath.Dir(filepath.Dir(w.Dir))} {
		if _, err := os.Lstat(filepath.Join(dir, "pwned")); err == nil {
			t.Errorf("a command ran, or a path was followed: %s has the file pwned", dir)
		}
	}
	if got := strings.Join(keys(t, o.outputs["output.txt"]), " "); got != strings.Join(ordinaryKeys, " ") {
		t.Errorf("the step has the outputs %s", got)
	}
}

// ordinaryKeys are the outputs that a run sets.
var ordinaryKeys = []string{"artifact", "blocks", "failed", "flaky", "folder", "lost", "passed", "result", "verdict"}

func markdownIsText(t failer, name, text string) {
	t.Helper()
	// The comment starts with a mark of our own.
	if strings.HasPrefix(name, "comment") {
		_, text, _ = strings.Cut(text, "-->\n")
	}
	rest := ownLinks.ReplaceAllString(spans.ReplaceAllString(unfenced(t, name, text), "·"), "]")
	for _, tag := range tags.FindAllString(rest, -1) {
		if !ourTags.MatchString(tag) {
			at := strings.Index(rest, tag)
			t.Errorf("%s has the element %q: %q", name, tag, rest[max(0, at-300):min(len(rest), at+60)])
		}
	}
	if at := taken.FindStringIndex(rest); at != nil {
		t.Errorf("%s: %q is not text", name, rest[max(0, at[0]-80):min(len(rest), at[1]+40)])
	}
}

// unfenced is Markdown without its blocks of code, which a longer or equal fence ends.
func unfenced(t failer, name, text string) string {
	t.Helper()
	var rest []string
	fence := ""
	for line := range strings.SplitSeq(text, "\n") {
		marks := line[:len(line)-len(strings.TrimLeft(line, "`"))]
		switch {
		case fence == "" && len(marks) >= 3:
			fence = marks
		case fence == "":
			rest = append(rest, line)
		case len(marks) >= len(fence) && marks == strings.TrimSpace(line):
			fence = ""
		}
	}
	if fence != "" {
		t.Errorf("%s has a block of code without end", name)
	}
	return strings.Join(rest, "\n")
}

// pageScript is the only script that a page may have. It is read before a test changes the working directory.
var pageScript = func() string {
	own, _ := os.ReadFile("../report/page.js") // empty is found below
	return string(own)
}()

func pageIsText(t failer, page string) {
	t.Helper()
	for z := html.NewTokenizer(strings.NewReader(page)); z.Next() != html.ErrorToken; {
		token := z.Token()
		if token.Data == "script" && token.Type == html.StartTagToken && len(token.Attr) == 0 {
			if z.Next(); pageScript == "" || string(z.Raw()) != "\n"+pageScript {
				t.Errorf("the page has another script: %.200s", z.Raw())
			}
			z.Next() // its end
			continue
		}
		if slices.Contains([]string{"script", "img", "iframe", "link", "object", "embed", "form", "base"}, token.Data) && token.Type != html.TextToken {
			t.Errorf("the page has <%s>", token.Data)
		}
		for _, a := range token.Attr {
			if strings.HasPrefix(a.Key, "on") || slices.Contains([]string{"href", "src", "action"}, a.Key) && !strings.HasPrefix(a.Val,
				"https://github.example/") && !strings.HasPrefix(a.Val, "#") && !strings.HasPrefix(a.Val, "./units/") {
				t.Errorf("the page has <%s %s=%q>", token.Data, a.Key, a.Val)
			}
		}
	}
}

func slackIsText(t failer, message string) {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(message), &v); err != nil {
		t.Errorf("Slack's message: %v", err)
	}
	var look func(any)
	look = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			for _, e := range v {
				look(e)
			}
		case []any:
			for _, e := range v {
				look(e)
			}
		case string:
			if rest := regexp.MustCompile(`<https://github\.example/[^|>]*\|`).ReplaceAllString(v, ""); regexp.MustCompile(`<[!@#]|<[a-z]`).MatchString(rest) {
				t.Errorf("Slack would make a link or a mention of %q", v)
			}
		}
	}
	look(v)
}

func wellFormed(text string) error {
	for dec := xml.NewDecoder(bytes.NewReader([]byte(text))); ; {
		if _, err := dec.Token(); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
	}
}

// keys are the outputs that the runner would read out of a file of outputs.
func keys(t failer, text string) []string {
	t.Helper()
	var list []string
	end := ""
	for line := range strings.SplitSeq(strings.TrimSuffix(text, "\n"), "\n") {
		switch key, delimiter, several := strings.Cut(line, "<<"); {
		case end != "":
			if line == end {
				end = ""
			}
		case several && !strings.Contains(key, "="):
			list, end = append(list, key), delimiter
		default:
			name, _, is := strings.Cut(line, "=")
			if !is {
				t.Errorf("%q is not an output", line)
			}
			list = append(list, name)
		}
	}
	slices.Sort(list)
	return list
}

// findings counts what a check found.
type findings int

func (*findings) Helper() {}

func (f *findings) Errorf(string, ...any) { *f++ }

// TestOnlyTextIsChecked holds that the checks of texts find what is more than text.
func TestOnlyTextIsChecked(t *testing.T) {
	checks := map[string]func(t failer, text string){
		"log": func(t failer, text string) { logIsText(t, "log", text) }, "Markdown": func(t failer, text string) { markdownIsText(t, "md", text) },
		"page": pageIsText, "Slack": func(t failer, text string) {
			data, _ := json.Marshal(map[string]any{"blocks": []any{map[string]string{"text": text}}})
			slackIsText(t, string(data))
		},
		"outputs": func(t failer, text string) {
			if slices.Contains(keys(t, text), "result") {
				t.Errorf("result is set")
			}
		},
	}
	const ours = "::error title=x::y\n::group::z\n"
	for name, texts := range map[string]map[string]bool{
		"log": {"\n::set-output name=a::b": true, "x ##[error]y": true, "\x1b[0m": false, ours: false},
		"Markdown": {"@acme/admins": true, "[click](https://evil.example)": true, "![i](/x)": true, "https://evil.example": true, "<img src=x>": true,
			"<script>": true, "<!-- x": true, "x#12": true, "```\nopen": true, "`@acme/admins`": false, "```text\n<script>\n```": false,
			"````text\n```\n<script>\n````": false, "<details><summary>x</summary>": false, "[`1`](https://github.example/acme/cases)": false},
		"page": {"<script>x</script>": true, "<img src=x>": true, "<a href=https://evil.example>": true, "<b onclick=x>": true, "<form>": true,
			"<a href=https://github.example/x>&lt;script&gt;": false},
		"Slack":   {"<!channel>": true, "<@U1>": true, "<https://evil.example|x>": true, "&lt;!channel&gt;": false, "<https://github.example/x|y>": false},
		"outputs": {"key<<d\na\nd\nresult=passed": true, "key<<d\na\nresult=passed\nd\n": false, "nothing": true},
	} {
		for text, bad := range texts {
			var found findings
			if checks[name](&found, text); (found > 0) != bad {
				t.Errorf("%s: %q has %d findings", name, text, found)
			}
		}
	}
	if !invisible.MatchString("a\u202eb") || !invisible.MatchString("\x1b[0m") || invisible.MatchString("a\tb\nä") {
		t.Error("hidden characters are not told apart")
	}
}

// namedByReport has every hostile text everywhere in a report.
func namedByReport(t *testing.T) {
	var b strings.Builder
	for _, s := range hostileNames {
		e := inXML(s)
		b.WriteString(`<testcase name="` + e + `" classname="` + e + `" file="` + e + `"><properties><property name="e2e.request" value="` + e + `"/>` +
			`<property name="owner" value="` + e + `"/></properties><failure type="` + e + `" message="` + e + `">` + e + `</failure><system-out>` + e + `</system-out></testcase>` + "\n")
	}
	w := newWorld(t, map[string]string{"e2e-gate.yml": config(whole), "r.xml": suiteOf(b.String()),
		"suite.sh": "cat r.xml; cp r.xml $E2E_REPORT_DIR/; exit 1\n"})
	onlyText(t, w, w.run().wants(1))
}

// namedByList has a suite list tests of these names, and hands them to its command in each way there is.
func namedByList(t *testing.T) {
	lines := slices.DeleteFunc(slices.Clone(hostileNames), func(s string) bool { return strings.ContainsAny(s, "\r\n\x00\u2028") })
	w := newWorld(t, map[string]string{"tests": strings.Join(lines, "\n"), "suite.sh": `printf '%s\n' "$@" > given.$$; exit 1` + "\n",
		"e2e-gate.yml": config(strings.ReplaceAll(command, "[echo, one]", "[cat, tests]"), "rerun: {max_failures: 0}")})
	o := w.run().wants(3) // its tests are lost, and so shown everywhere
	onlyText(t, w, o)
	var given []string
	files, _ := filepath.Glob(filepath.Join(w.Dir, "given.*")) // batches run at once
	for _, file := range files {
		given = append(given, strings.Split(strings.TrimSuffix(read(t, file), "\n"), "\n")...)
	}
	for _, name := range given {
		if !slices.Contains(lines, name) {
			t.Errorf("the suite was given %q, which it did not list", name)
		}
	}
	if len(given) < len(lines) {
		t.Errorf("the suite was given %d tests", len(given))
	}
}

// printed has a child print workflow commands, to both of its outputs and through a background process.
func printed(t *testing.T) {
	const commands = "::set-output name=result::passed\n::stop-commands::x\n::add-mask::e2e\n::error file=a::b\n##[error]x\n\x1b[31m::warning::x\n\r::debug::x\n"
	w := newWorld(t, map[string]string{"printed": commands, "suite.sh": "cat printed; cat printed >&2; " + fails,
		"e2e-gate.yml": config(command, "processes: [{name: p, up: [sh, -c, 'cat printed; exit 1']}]")})
	onlyText(t, w, w.run().wants(3))
	w = newWorld(t, map[string]string{"printed": commands, "suite.sh": "cat printed; cat printed >&2; " + fails, "e2e-gate.yml": config(command)})
	onlyText(t, w, w.run().wants(1))
}

// outputsOf tries to set an output of the step by a flag.
func outputsOf(args ...string) func(t *testing.T) {
	return func(t *testing.T) {
		w := newWorld(t, map[string]string{"e2e-gate.yml": config(command), "suite.sh": fails})
		o := w.gate(append([]string{"run"}, args...)...)
		if o.status == 0 {
			t.Error("it passed")
		}
		for line := range strings.Lines(o.outputs["output.txt"]) {
			if strings.TrimSpace(line) == "result=passed" {
				t.Errorf("an output of the step was set:\n%s", o.outputs["output.txt"])
			}
		}
	}
}

func textAttacks() []attack {
	const s, text = "text of others",
		"text, in terminal, annotations, comment, summary, page, JUnit and Slack: no link, image, mention, script, element, command, escape or hidden character"
	return []attack{
		{attack: "names, messages, properties and outputs that are markup", surface: s, expected: text, try: namedByReport},
		{attack: "listed names that are markup, options or shell", surface: s, expected: text + "; the suite gets them as arguments, no shell reads them",
			try: namedByList},
		{attack: "workflow commands in a child's output", surface: s, expected: "no line of the log is one of them", try: printed},
		{attack: "line feeds in --key", surface: "outputs of the step", expected: "refused or kept within its value",
			try: outputsOf("--out", "out", "--key", "a\nresult=passed")},
		{attack: "the delimiter of outputs in --key", surface: "outputs of the step", expected: "refused or kept within its value",
			try: outputsOf("--out", "out", "--key", "a\n_GitHubActionsFileCommandDelimeter_\nresult=passed")},
		{attack: "line feeds in --out", surface: "outputs of the step", expected: "refused or kept within its value",
			try: outputsOf("--out", "out\nresult=passed\n")},
		elsewhere(s, "hostile text in every field of a result", text, "internal/report TestEveryFieldIsHostile"),
		elsewhere(s, "owners that are mentions", "no one is mentioned but by owners", "internal/report TestMentionsOfHostileOwners"),
		elsewhere(s, "secrets in any form at any place", "masked in every output", "internal/attack TestNoSecretInAnyOutput"),
		elsewhere(s, "names of files and folders when a config is written", "a valid config", "internal/cli TestInitWithHostileNames"),
		elsewhere("outputs of the step", "values with the runner's delimiter and line ends", "refused", "internal/adapter/actions TestOutputsRefuse"),
	}
}

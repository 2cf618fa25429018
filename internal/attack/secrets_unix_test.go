//go:build unix

package attack

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"html"
	"io"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/org/e2e-gate/internal/cli"
	"github.com/org/e2e-gate/internal/testkit/githubfake"
)

// marker is in every secret, so that any part of one that shows it is found.
const marker = "Zq7pX"

// secret makes a secret with characters that forms escape. It has no white space at its ends, which
// nothing that prints it would keep.
func secret(r *rand.Rand) string {
	const letters = `abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWYZ0123456789`
	const odd = letters + `!#$%&()*+,-./:;<=>?@[]^_{|}~"'\ ` + "äß€"
	pick := func(n int) string {
		var b strings.Builder
		all := []rune(odd)
		for range n {
			b.WriteRune(all[r.IntN(len(all))])
		}
		return b.String()
	}
	s := string(letters[r.IntN(len(letters))]) + pick(r.IntN(8)) + marker + pick(r.IntN(10)) + string(letters[r.IntN(len(letters))])
	return s + strings.Repeat("x", max(0, 8-len(s)))
}

// forms are the ways in which a secret is printed. They are written without the code under test.
func forms() map[string]func(r *rand.Rand, s string) string {
	quoted := func(s string) string {
		data, _ := json.Marshal(s)
		return string(data[1 : len(data)-1])
	}
	each := func(s, format string) string {
		var b strings.Builder
		for _, c := range []byte(s) {
			fmt.Fprintf(&b, format, c)
		}
		return b.String()
	}
	inXML := func(s string) string {
		var b bytes.Buffer
		_ = xml.EscapeText(&b, []byte(s))
		return b.String()
	}
	split := func(r *rand.Rand, s string, by ...string) string {
		var b strings.Builder
		once := 1 + r.IntN(utf8.RuneCountInString(s)-1)
		for i, c := range []rune(s) {
			if i == once || i > 0 && r.IntN(8) == 0 {
				b.WriteString(by[r.IntN(len(by))])
			}
			b.WriteRune(c)
		}
		return b.String()
	}
	base := func(e *base64.Encoding) func(*rand.Rand, string) string {
		return func(r *rand.Rand, s string) string {
			return e.EncodeToString([]byte(strings.Repeat("u", r.IntN(4)) + ":" + s))
		}
	}
	return map[string]func(*rand.Rand, string) string{
		"as it is":          func(_ *rand.Rand, s string) string { return s },
		"base64":            func(_ *rand.Rand, s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) },
		"user:pass, base64": base(base64.StdEncoding),
		"base64 of URLs":    base(base64.RawURLEncoding),
		"query":             func(_ *rand.Rand, s string) string { return url.QueryEscape(s) },
		"query, lower case": func(_ *rand.Rand, s string) string {
			return percent.ReplaceAllStringFunc(url.QueryEscape(s), strings.ToLower)
		},
		"path":               func(_ *rand.Rand, s string) string { return url.PathEscape(s) },
		"encodeURIComponent": func(_ *rand.Rand, s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") },
		"every byte":         func(_ *rand.Rand, s string) string { return each(s, "%%%02X") },
		"XML":                func(_ *rand.Rand, s string) string { return inXML(s) },
		"XML twice":          func(_ *rand.Rand, s string) string { return inXML(inXML(s)) },
		"HTML":               func(_ *rand.Rand, s string) string { return html.EscapeString(s) },
		"HTML twice":         func(_ *rand.Rand, s string) string { return html.EscapeString(html.EscapeString(s)) },
		"JSON":               func(_ *rand.Rand, s string) string { return quoted(s) },
		"JSON twice":         func(_ *rand.Rand, s string) string { return quoted(quoted(s)) },
		"ASCII JSON":         func(_ *rand.Rand, s string) string { q := strconv.QuoteToASCII(s); return q[1 : len(q)-1] },
		"hex":                func(_ *rand.Rand, s string) string { return hex.EncodeToString([]byte(s)) },
		"HEX":                func(_ *rand.Rand, s string) string { return strings.ToUpper(hex.EncodeToString([]byte(s))) },
		"colours": func(r *rand.Rand, s string) string {
			return split(r, s, "\x1b[7m", "\x1b[0m", "\x1b[38;5;196m", "\x1b[K")
		},
		"line ends": func(r *rand.Rand, s string) string { return split(r, s, "\n", "\r\n", "\n    ") },
		"wrapped base64": func(r *rand.Rand, s string) string {
			return split(r, base64.StdEncoding.EncodeToString([]byte(s)), "\n", "\r\n")
		},
	}
}

var percent = regexp.MustCompile(`%..`)

// shown are the texts that a person or a program could read out of an output.
func shown(text string) []string {
	ansi := regexp.MustCompile("\x1b\\[[0-9;]*[A-Za-z]")
	lines := regexp.MustCompile(`[\r\n]+[ \t]*`)
	flat := func(s string) string { return lines.ReplaceAllString(ansi.ReplaceAllString(s, ""), "") }
	undo := []func(string) string{
		html.UnescapeString,
		func(s string) string {
			return percent.ReplaceAllStringFunc(s, func(m string) string {
				if data, err := hex.DecodeString(m[1:]); err == nil {
					return string(data)
				}
				return m
			})
		},
		func(s string) string {
			return regexp.MustCompile(`\\(u[0-9a-fA-F]{4}|["\\/])`).ReplaceAllStringFunc(s, func(m string) string {
				if code, err := strconv.ParseUint(m[2:], 16, 32); m[1] == 'u' && err == nil {
					return string(rune(code)) //nolint:gosec // four digits
				}
				return m[1:]
			})
		},
	}
	all := []string{flat(text)}
	for range 2 {
		for _, s := range slices.Clone(all) {
			for _, u := range undo {
				if t := flat(u(s)); t != s {
					all = append(all, t)
				}
			}
		}
	}
	flatText := flat(text)
	for _, run := range regexp.MustCompile(`[A-Za-z0-9+/_-]{8,}`).FindAllString(flatText, -1) {
		run = strings.NewReplacer("-", "+", "_", "/").Replace(run)
		for skip := range 4 {
			part := run[min(skip, len(run)):]
			if len(part)%4 == 1 {
				part = part[:len(part)-1]
			}
			data, _ := base64.RawStdEncoding.DecodeString(part)
			all = append(all, string(data))
		}
		for skip := range 2 {
			part := run[skip:]
			data, _ := hex.DecodeString(part[:len(part)/2*2])
			all = append(all, string(data))
		}
	}
	return all
}

// TestShownFindsEveryForm holds that the search of this test would see each form.
func TestShownFindsEveryForm(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for name, form := range forms() {
		for range 50 {
			s := secret(r)
			if text := form(r, s); !slices.ContainsFunc(shown("a "+text+" b"), func(t string) bool { return strings.Contains(t, marker) }) {
				t.Errorf("%s: %q is not seen in %q", name, s, text)
			}
		}
	}
}

// placed is where a secret was put, to say what leaked.
type placed struct{ secret, form, place, text string }

// TestNoSecretInAnyOutput puts random secrets of the environment, in random forms, at random places of
// what tests, processes and services hand over, and looks for them in every output. 1,000 of them in
// each run of the gate; E2E_GATE_SECRETS is how many in all, 10,000 in CI.
func TestNoSecretInAnyOutput(t *testing.T) {
	total := 300
	if n, err := strconv.Atoi(os.Getenv("E2E_GATE_SECRETS")); err == nil {
		total = n
	}
	seed := uint64(time.Now().UnixNano()) //nolint:gosec // any number
	if n, err := strconv.ParseUint(os.Getenv("E2E_GATE_SEED"), 10, 64); err == nil {
		seed = n
	}
	t.Logf("E2E_GATE_SEED=%d, %d secrets", seed, total)
	for n := 0; n < total; n += 1000 {
		leaks(t, rand.New(rand.NewPCG(seed, uint64(n))), min(1000, total-n)) //nolint:gosec // small
	}
}

func leaks(t *testing.T, r *rand.Rand, count int) {
	t.Helper()
	all := forms()
	names := make([]string, 0, len(all))
	for name := range all {
		names = append(names, name)
	}
	slices.Sort(names)
	var environ, printed []string
	var put []placed
	var cases, answer strings.Builder
	files := map[string]string{}
	fill := func(n int) string { return strings.Repeat("lorem ipsum ", r.IntN(n)) }
	escaped := func(s string) string {
		var b bytes.Buffer
		_ = xml.EscapeText(&b, []byte(s))
		// XML has no escapes of terminals.
		return strings.ReplaceAll(b.String(), "\uFFFD", "")
	}
	for i := range count {
		s := secret(r)
		form := names[r.IntN(len(names))]
		text := fill(3) + all[form](r, s) + " " + fill(3)
		if r.IntN(8) == 0 {
			text = strings.Repeat("y", r.IntN(260)) + text // a cut may fall into it
		}
		environ = append(environ, fmt.Sprintf("S%d_%s=%s", i, []string{"TOKEN", "PASSWD", "API_KEY", "CREDENTIALS", "PAT", "pwd"}[i%6], s))
		place := []string{"message", "details", "output", "property", "type", "console", "answer", "name", "har", "browser", "compared"}[r.IntN(11)]
		if place == "name" && strings.IndexFunc(s, func(c rune) bool { return !unicode.IsLetter(c) && !unicode.IsDigit(c) }) < 0 {
			continue // a word of an id is not masked
		}
		put = append(put, placed{s, form, place, text})
		// What XML cannot hold comes out of the test's own output.
		if strings.ContainsRune(text, 0x1b) && place != "answer" {
			place = "console"
		}
		switch place {
		case "har":
			data, _ := json.Marshal(map[string]any{"log": map[string]any{"entries": []any{map[string]any{
				"request":  map[string]string{"method": "GET", "url": "https://a.example/" + url.PathEscape(text) + "/" + text},
				"response": map[string]any{"status": 500, "statusText": text}}}}})
			files[fmt.Sprintf("suite/%d.har", i)] = string(data)
			fmt.Fprintf(&cases, "<testcase classname=\"c\" name=\"t%d\"><failure message=\"x\"/><system-out>[[ATTACHMENT|suite/%d.har]]</system-out></testcase>\n", i, i)
		case "browser":
			files[fmt.Sprintf("suite/%d-console.log", i)] = "[error] " + text + "\n"
			fmt.Fprintf(&cases, "<testcase classname=\"c\" name=\"t%d\"><failure message=\"x\"/><system-out>[[ATTACHMENT|suite/%d-console.log]]</system-out></testcase>\n", i, i)
		case "compared":
			fmt.Fprintf(&cases, "<testcase classname=\"c\" name=\"t%d\"><failure message=\"expected: &lt;%s&gt; but was: &lt;%sx&gt;\"/></testcase>\n",
				i, escaped(text), escaped(text))
		case "console":
			printed = append(printed, text)
		case "answer":
			answer.WriteString(text)
		default:
			at := map[string]string{place: escaped(text)}
			fmt.Fprintf(&cases, "<testcase classname=\"c\" name=\"t%d%s\"><properties><property name=\"e2e.request\" value=\"%s\"/></properties>"+
				"<failure message=\"%s\" type=\"%s\">%s</failure><system-out>%s</system-out></testcase>\n",
				i, at["name"], at["property"], at["message"], at["type"], at["details"], at["output"])
		}
	}
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(map[string]string{"status": answer.String()})
	}))
	defer service.Close()
	fake := githubfake.New(t)
	dir := t.TempDir()
	for name, content := range map[string]string{
		"event.json": fmt.Sprintf(`{"number": %d, "pull_request": {"number": %d, "head": {"sha": %q, "repo": {"full_name": "acme/cases"}},
			"base": {"ref": "main", "repo": {"full_name": "acme/cases"}}}}`, fake.PR, fake.PR, strings.Repeat("4", 40)),
		"output.txt": "", "summary.md": "",
		"suite/r.xml":       "<testsuite>" + cases.String() + "</testsuite>",
		"suite/printed.txt": strings.Join(printed, "\n"),
		"e2e-gate.yml": `version: 1
stages: {pr: {on: [pull_request]}}
gates: {timeout: 1s, interval: 100ms, checks: [{name: g, required: false, http: {url: "` + service.URL + `", json: {"$.status": UP}}}]}
processes: [{name: p, run: [sh, -c, "cat suite/printed.txt; sleep 60"]}]
suites: [{name: s, framework: command, run: [sh, -c, "cat suite/printed.txt; cp suite/r.xml $E2E_REPORT_DIR/; exit 1"], reports: "{report_dir}/*.xml", owner: t}]
`,
	} {
		write(t, filepath.Join(dir, name), content)
	}
	for name, content := range files {
		write(t, filepath.Join(dir, name), content)
	}
	t.Chdir(dir)
	var stdout, stderr bytes.Buffer
	app := cli.App{Stdout: &stdout, Stderr: &stderr, Environ: slices.Concat([]string{"PATH=" + os.Getenv("PATH"), "GITHUB_ACTIONS=true",
		"GITHUB_EVENT_NAME=pull_request", "GITHUB_EVENT_PATH=" + filepath.Join(dir, "event.json"), "GITHUB_REPOSITORY=acme/cases",
		"GITHUB_SHA=" + strings.Repeat("0", 40), "GITHUB_RUN_ID=7", "GITHUB_OUTPUT=" + filepath.Join(dir, "output.txt"),
		"GITHUB_STEP_SUMMARY=" + filepath.Join(dir, "summary.md"), "GITHUB_SERVER_URL=https://github.example", "GITHUB_API_URL=" + fake.Listen(),
		"GITHUB_TOKEN=" + githubfake.JobToken}, environ)}
	if status := app.Main(t.Context(), []string{"run", "--out", "out", "--comment", "--check", "--slack", "slack.json", "--statement", "statement.json"}); status == 0 {
		t.Fatalf("the run passed\n%s\n%s", &stdout, &stderr)
	} else if status == 2 {
		t.Fatalf("the run did not start\n%s", &stderr)
	}
	log := regexp.MustCompile(`(?m)^::add-mask::.*$`).ReplaceAllString(stderr.String(), "")
	outputs := map[string]string{"stdout": stdout.String(), "stderr": log, "comment": fmt.Sprintf("%+v", fake.Comments()), "statuses": fmt.Sprintf("%+v", fake.Statuses())}
	for _, request := range fake.Requests() {
		outputs["requests"] += fmt.Sprintf("%+v\n", request)
	}
	for _, name := range []string{"output.txt", "summary.md", "slack.json", "statement.json"} {
		outputs[name] = read(t, filepath.Join(dir, name))
	}
	for _, top := range []string{"out", ".e2e-gate"} {
		_ = filepath.WalkDir(filepath.Join(dir, top), func(path string, entry fs.DirEntry, err error) error {
			// The report and the attachments are what the suite wrote itself; they are kept as they are.
			own := entry != nil && (entry.Name() == "r.xml" || strings.HasSuffix(entry.Name(), ".har") || strings.HasSuffix(entry.Name(), "-console.log"))
			if err == nil && entry.Type().IsRegular() && !own {
				outputs[path[len(dir)+1:]] = read(t, path)
			}
			return nil
		})
	}
	for _, wanted := range []string{"out/result.json", "out/report.html", "out/junit.xml", "out/summary.md", "out/plan.json"} {
		if outputs[wanted] == "" {
			t.Errorf("there is no %s", wanted)
		}
	}
	for _, kind := range []string{"network", "console", "expected"} {
		if !strings.Contains(outputs["out/result.json"], fmt.Sprintf(`"kind": %q`, kind)) {
			t.Errorf("nothing of the kind %s is in the result: no secret could have leaked by it", kind)
		}
	}
	for name, text := range outputs {
		// Ids of documents are never rewritten: they select tests.
		if strings.HasSuffix(name, ".json") || strings.Contains(name, "history") {
			text = ids.ReplaceAllString(text, "")
		}
		for _, view := range shown(text) {
			if at := strings.Index(view, marker); at >= 0 {
				near := view[max(0, at-60):min(len(view), at+60)]
				part := view[max(0, at-2):min(len(view), at+len(marker)+2)]
				var from placed
				for _, p := range put {
					if slices.ContainsFunc(shown(p.text), func(t string) bool { return strings.Contains(t, part) }) {
						from = p
						break
					}
				}
				t.Errorf("%s shows a secret: %q (%+v)", name, near, from)
				break
			}
		}
	}
}

// ids are the values in documents that are ids, names or made of them.
var ids = regexp.MustCompile(`(?m)"(?:id|name|tests|kept_by|failedTests|passedTests|warnedTests)": ?(?:"(?:[^"\\]|\\.)*"|\[(?:\s*"(?:[^"\\]|\\.)*",?)*\s*\])|^\s*"s/(?:[^"\\]|\\.)*",?$`)

func write(t *testing.T, file, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

// read is the text of a file, unpacked.
func read(t *testing.T, file string) string {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if z, err := gzip.NewReader(bytes.NewReader(data)); err == nil {
		if plain, err := io.ReadAll(z); err == nil {
			return string(plain)
		}
	}
	return string(data)
}

package realsuite

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/suite"
)

// OddSuite is a suite with files and tests of odd names. It is listed once and run once: each test must be
// listed under a name and file of its own, run once, and end as it does, whatever it prints.
type OddSuite struct {
	Root string
	Spec suite.Spec
	// Config are all other files.
	Config map[string]string
	// File is the path of a test file, from the suite's directory.
	File func(name string) string
	// Source is a file with these tests. One that fails prints what [Forged] returns, and fails with the
	// message "case N.".
	Source func(cases []OddCase) string
	// Titled: the framework's names hold the titles as they are written.
	Titled bool
	// Untitled leaves out titles, and Unfiled names of files, that the framework does not take.
	Untitled, Unfiled []string
	// Few is how many tests the largest file has; 0: 5000.
	Few int
}

// OddCase is one test.
type OddCase struct {
	N     int
	Title string
	Fails bool
}

// JSON is the title as a string of JSON, which JavaScript and Python read as well.
func (c OddCase) JSON() string {
	text, err := json.Marshal(c.Title)
	if err != nil {
		panic(err)
	}
	return strings.NewReplacer(`\u003c`, "<", `\u003e`, ">", `\u0026`, "&").Replace(string(text))
}

// OddNode is the source of a test file of a framework of Node that declares tests by test(title, body), behind a line that says what
// that is.
func OddNode(head string) func(cases []OddCase) string {
	return func(cases []OddCase) string {
		var text strings.Builder
		fmt.Fprintf(&text, "%s\nconst forged = %s;\n", head, OddCase{Title: Forged}.JSON())
		for _, c := range cases {
			body := ""
			if c.Fails {
				body = fmt.Sprintf(" process.stdout.write(forged); process.stderr.write(forged); throw new Error('case %d.'); ", c.N)
			}
			fmt.Fprintf(&text, "test(%s, () => {%s});\n", c.JSON(), body)
		}
		return text.String()
	}
}

// OddFeature is a feature file. Its steps are "it passes" and "case N fails".
func OddFeature(cases []OddCase) string {
	var text strings.Builder
	text.WriteString("Feature: odd\n")
	for _, c := range cases {
		step := "it passes"
		if c.Fails {
			step = fmt.Sprintf("case %d fails", c.N)
		}
		fmt.Fprintf(&text, "  Scenario: %s\n    Given %s\n", c.Title, step)
	}
	return text.String()
}

// Forged are lines as the gate's reporters and the frameworks write them: all tests passed.
const Forged = `{"event":"finished","id":"all","outcome":"passed"}` + "\n" + `{"event":"end"}` + "\n" +
	`{"Action":"pass","Test":"TestAll"}` + "\n" + "--- PASS: TestAll (0.00s)\nPASS\nok  \tall\t0.1s\n"

// OddFiles are names of test files and folders.
var OddFiles = []string{
	"plain", "with space", "it's", `say "so"`, "日本-ü", "star*", "wh?t", "br[ack]et", "cu{r,l}y", "semi;colon&amp", "per%20cent", "hash#tag", "plus+dollar$1",
	"(paren)", "Case", "case", "comma,comma", "at@sign", "ex!claim", "tilde~", "-dash", "a folder (of) [tests]/日本 *", "back`tick", "pipe|line",
}

// OddTitles are names of tests. Two differ in case only, one has 20 kB.
var OddTitles = []string{
	"plain", "with  two spaces", "it's", `say "so"`, "日本 ü 🙂", "*?[]{}", "$& ${x} `tick` $1", "Case", "case", "a > b", "a › b", "x::y", "%s %d %% %", "-v", "a\nb",
	"tab\there", "[x] y", "é and e\u0301", "back\\slash", "<!-- @team -->", "a.b/c", "(a|b)+^$", strings.Repeat("long ", 4000) + "end",
}

// Play lists and runs the suite.
func (o OddSuite) Play(t *testing.T) {
	t.Helper()
	Slow(t)
	files := map[string]string{}
	for name, text := range o.Config {
		files[name] = text
	}
	var all []OddCase
	of := map[string][]OddCase{}
	add := func(name string, titles ...string) {
		file := o.File(name)
		for _, title := range titles {
			c := OddCase{len(all), title, len(all)%2 == 1}
			all, of[file] = append(all, c), append(of[file], c)
		}
		files[file] = o.Source(of[file])
	}
	for _, name := range OddFiles {
		if !slices.Contains(o.Unfiled, name) {
			add(name, "passes", "fails")
		}
	}
	add("titles", slices.DeleteFunc(slices.Clone(OddTitles), func(title string) bool { return slices.Contains(o.Untitled, title) })...)
	few, large := len(all), o.Few
	if large == 0 {
		large = 5000
	}
	var many []string
	for i := range large {
		many = append(many, "many "+strconv.Itoa(i))
	}
	add("many", many...)

	tc := Trick{Root: o.Root, Files: files, Spec: o.Spec}
	if tc.Root == "" {
		tc.Root = t.TempDir()
	}
	a, tests, problems, err := tc.ListIn(t)
	if err != nil || len(problems) > 0 || len(tests) != len(all) {
		t.Fatalf("%d tests are listed, not %d: %v %+v", len(tests), len(all), err, problems)
	}
	ids := map[string]bool{}
	listed := map[string]int{}
	for _, test := range tests {
		ids[test.ID] = true
		listed[test.File]++
	}
	if len(ids) != len(all) {
		t.Errorf("%d ids of %d tests", len(ids), len(all))
	}
	for file, cases := range of {
		if listed[file] != len(cases) {
			t.Errorf("%d tests of %q are listed, not %d", listed[file], file, len(cases))
		}
	}
	// Of the large file only three run.
	tests = slices.DeleteFunc(tests, func(test e2e.Test) bool {
		return test.File == o.File("many") && !slices.ContainsFunc([]int{0, large / 2, large - 1}, func(n int) bool { return isNamed(test.Name, many[n]) })
	})
	rep := tc.Run(t, a, tests, os.Environ())
	// Playwright puts the attachments of tests with similar titles into one folder.
	if slices.ContainsFunc(rep.Problems, func(p e2e.Problem) bool { return p.LosesEvidence }) || len(rep.Unplanned) > 0 || len(tests) != few+3 {
		t.Errorf("%d tests: %+v, unplanned %+v", len(tests), rep.Problems, rep.Unplanned)
	}
	seen := map[int]bool{}
	for _, test := range tests {
		o.check(t, test, rep.Tests[test.ID], of[test.File], seen)
	}
}

// isNamed reports whether a name ends with a title, as a whole word.
func isNamed(name, title string) bool {
	return slices.ContainsFunc([]string{title, strings.ReplaceAll(title, " ", "_"), title + "]", title + `"`}, func(end string) bool {
		return strings.HasSuffix(name, end)
	})
}

var caseNumber = regexp.MustCompile(`case (\d+)\.`)

// check compares what became of a test with the case that it is of.
func (o OddSuite) check(t *testing.T, test e2e.Test, attempts []e2e.Attempt, cases []OddCase, seen map[int]bool) {
	t.Helper()
	name := fmt.Sprintf("%.100q", test.Name)
	if len(attempts) != 1 {
		t.Errorf("%s has %d attempts", name, len(attempts))
		return
	}
	if attempts[0].Outcome != e2e.Failed {
		passing := func(c OddCase) bool { return !c.Fails && (!o.Titled || strings.Contains(test.Name, c.Title)) }
		if attempts[0].Outcome != e2e.Passed || !slices.ContainsFunc(cases, passing) {
			t.Errorf("%s is %s", name, attempts[0].Outcome)
		}
		return
	}
	m := caseNumber.FindStringSubmatch(attempts[0].Message + attempts[0].Details)
	if m == nil {
		t.Errorf("%s: %+v", name, attempts[0])
		return
	}
	n, err := strconv.Atoi(m[1])
	at := slices.IndexFunc(cases, func(c OddCase) bool { return c.N == n })
	if err != nil || at < 0 || !cases[at].Fails || seen[n] || o.Titled && !strings.Contains(test.Name, cases[at].Title) {
		t.Errorf("%s has the failure of case %d", name, n)
	}
	seen[n] = true
}

// Refused wants a listing that fails, and says all of these words.
func Refused(t *testing.T, tc Trick, env []string, words ...string) {
	t.Helper()
	Slow(t)
	if tc.Root == "" {
		tc.Root = t.TempDir()
	}
	tc.write(t)
	a, err := tc.adapter()
	if err != nil {
		t.Fatal(err)
	}
	tests, problems, err := a.Discover(t.Context(), append(os.Environ(), env...))
	text := fmt.Sprint(err)
	for _, p := range problems {
		text += "\n" + p.Text
	}
	for _, word := range words {
		if !strings.Contains(text, word) {
			t.Errorf("%q is not said of %d tests: %s", word, len(tests), text)
		}
	}
	if err == nil && !slices.ContainsFunc(problems, func(p e2e.Problem) bool { return p.LosesEvidence }) {
		t.Errorf("nothing is lost: %+v", problems)
	}
}

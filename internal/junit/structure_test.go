package junit

import (
	"bytes"
	"encoding/xml"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/net/html/charset"
)

// structured are small reports in the way of several producers. Reports of real ones are
// added where they lie beside the repository.
var structured = []string{
	`<testsuites><testsuite name="s" tests="3" failures="1" errors="1" skipped="1"><properties><property name="p" value="x"/></properties>` +
		`<testcase name="a" classname="c" time="1"><failure message="m" type="T">x</failure><system-out>o</system-out></testcase>` +
		`<testcase name="b" classname="c"><error message="e">boom</error></testcase><testcase name="k" classname="c"><skipped message="later"/></testcase></testsuite></testsuites>`,
	`<testsuite name="s" tests="2" failures="1"><testcase name="a"><flakyFailure message="1">t<stackTrace>s</stackTrace></flakyFailure></testcase>` +
		`<testcase name="b"><failure message="1"/><rerunFailure message="2"><stackTrace>s</stackTrace></rerunFailure></testcase></testsuite>`,
	`<testsuites failures="1"><testsuite name="outer"><testsuite name="inner" tests="2" failures="1"><testcase name="a"/><testcase name="b"><failure/></testcase>` +
		`<system-err>e</system-err></testsuite><testsuite name="other" tests="1"><testcase name="a"/></testsuite></testsuite></testsuites>`,
	`<testsuite name="pytest" tests="2" errors="1"><testcase classname="t.m" name="x"><error message="set-up"/></testcase><testcase classname="t.m" name="y">` +
		`<properties><property name="e2e.journey" value="j"/></properties></testcase></testsuite>`,
}

// element is an element of a report with its text in front of its children.
type element struct {
	name     string
	attrs    []xml.Attr
	text     string
	children []*element
}

// parse reads a well-formed report; nil for any other.
func parse(data []byte) *element {
	d := xml.NewDecoder(bytes.NewReader(data))
	d.CharsetReader = charset.NewReaderLabel
	root := &element{}
	stack := []*element{root}
	for {
		token, err := d.Token()
		if err != nil {
			break
		}
		top := stack[len(stack)-1]
		switch token := token.(type) {
		case xml.StartElement:
			named := func(a xml.Attr) bool { return a.Name.Space != "" || a.Name.Local == "xmlns" }
			e := &element{name: token.Name.Local, attrs: slices.DeleteFunc(token.Copy().Attr, named)}
			top.children = append(top.children, e)
			stack = append(stack, e)
		case xml.EndElement:
			stack = stack[:len(stack)-1]
		case xml.CharData:
			top.text += string(token)
		}
	}
	if len(root.children) != 1 || len(stack) != 1 {
		return nil
	}
	return root.children[0]
}

func (e *element) write(b *bytes.Buffer) {
	b.WriteString("<" + e.name)
	for _, a := range e.attrs {
		b.WriteString(" " + a.Name.Local + `="`)
		_ = xml.EscapeText(b, []byte(a.Value))
		b.WriteString(`"`)
	}
	b.WriteString(">")
	_ = xml.EscapeText(b, []byte(e.text))
	for _, c := range e.children {
		c.write(b)
	}
	b.WriteString("</" + e.name + ">")
}

func (e *element) clone() *element {
	c := &element{e.name, e.attrs, e.text, nil}
	for _, child := range e.children {
		c.children = append(c.children, child.clone())
	}
	return c
}

// all are the element and those below it.
func (e *element) all() []*element {
	list := []*element{e}
	for _, c := range e.children {
		list = append(list, c.all()...)
	}
	return list
}

func (e *element) count(names ...string) (n int) {
	for _, c := range e.all() {
		if slices.Contains(names, c.name) {
			n++
		}
	}
	return n
}

// red reports whether the element or one below it is a failure. What stands in the output of
// a test is what the test printed.
func (e *element) red() bool {
	switch e.name {
	case "system-out", "system-err":
		return false
	case "failure", "error":
		return true
	}
	return slices.ContainsFunc(e.children, (*element).red)
}

// disturb duplicates, moves, nests or removes an element below the root, and says what it did.
func (e *element) disturb(rng *rand.Rand) string {
	list := slices.DeleteFunc(e.all(), func(x *element) bool { return len(x.children) == 0 })
	if len(list) == 0 {
		return "nothing"
	}
	parent := list[rng.IntN(len(list))]
	i := rng.IntN(len(parent.children))
	child := parent.children[i]
	switch rng.IntN(4) {
	case 0:
		parent.children = slices.Insert(parent.children, rng.IntN(len(parent.children)+1), child.clone())
		return "duplicate " + child.name
	case 1:
		parent.children = slices.Delete(parent.children, i, i+1)
		places := e.all()
		to := places[rng.IntN(len(places))]
		to.children = slices.Insert(to.children, rng.IntN(len(to.children)+1), child)
		return "move " + child.name + " into " + to.name
	case 2:
		if len(parent.children) < 2 {
			return "nothing"
		}
		parent.children = slices.Delete(parent.children, i, i+1)
		to := parent.children[rng.IntN(len(parent.children))]
		to.children = append(to.children, child)
		return "nest " + child.name + " in " + to.name
	default:
		parent.children = slices.Delete(parent.children, i, i+1)
		return "remove " + child.name
	}
}

// reports are the reports that are disturbed.
func reports(tb testing.TB) []*element {
	tb.Helper()
	var list []*element
	for _, text := range structured {
		list = append(list, parse([]byte(text)))
	}
	_ = filepath.WalkDir(corpora, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".xml") {
			return nil //nolint:nilerr // the corpora need not be there
		}
		const small = 32 << 10
		if data, err := os.ReadFile(path); err == nil && len(data) < small {
			if e := parse(data); e != nil && e.count("testcase") > 0 {
				list = append(list, e)
			}
		}
		return nil
	})
	return list
}

// checkDisturbed disturbs a report some times and reads it: nothing that is red in it is
// read as green, and no case is lost without a word.
func checkDisturbed(t *testing.T, report *element, seed uint64) {
	t.Helper()
	rng := rand.New(rand.NewPCG(seed, 1)) //nolint:gosec // not for secrets
	report = report.clone()
	var done []string
	for range 1 + rng.IntN(4) {
		done = append(done, report.disturb(rng))
	}
	var data bytes.Buffer
	report.write(&data)
	m := &Merger{}
	sum, err := Read(bytes.NewReader(data.Bytes()), Options{}, m.Add)
	if err != nil {
		t.Fatal(err)
	}
	said := slices.ContainsFunc(sum.Problems, func(p Problem) bool { return p.LosesEvidence || p.Warns })
	fail := func(what string) {
		t.Errorf("seed %d: %s: %s\n%+v\n%s\n%s", seed, strings.Join(done, ", "), what, sum.Counts, messages(sum.Problems), data.String())
	}
	if report.red() && sum.Failed+sum.Errors == 0 && !said {
		fail("what is red in the report is read as green")
	}
	if n := report.count("testcase"); n != sum.Tests && !said {
		fail("of " + strconv.Itoa(n) + " cases " + strconv.Itoa(sum.Tests) + " were read, and nothing is said of the others")
	}
	// A suite may have failures that were never those of a case, so that only more than all count.
	kinds := []string{"failure", "error", "flakyFailure", "flakyError", "rerunFailure", "rerunError"}
	for _, e := range report.all() {
		declared := 0
		for _, a := range e.attrs {
			if n, err := strconv.Atoi(a.Value); err == nil && n > 0 && (a.Name.Local == "failures" || a.Name.Local == "errors") {
				declared += n
			}
		}
		if e.name == "testsuite" && e.count("testsuite") == 1 && declared > e.count(kinds...) && !sum.LosesEvidence() {
			fail("a suite declares more failures than it has, and no evidence is lost")
		}
	}
}

func TestDisturbedReports(t *testing.T) {
	list := reports(t)
	n := uint64(6000)
	if testing.Short() {
		n = 1000
	}
	for seed := uint64(0); seed < n && !t.Failed(); seed++ {
		checkDisturbed(t, list[seed%uint64(len(list))], seed)
	}
	t.Logf("%d reports, disturbed %d times", len(list), n)
}

func FuzzDisturbedReports(f *testing.F) {
	list := reports(f)
	for i := range list {
		f.Add(uint64(i), uint64(i)) //nolint:gosec // small
	}
	f.Fuzz(func(t *testing.T, i, seed uint64) { checkDisturbed(t, list[i%uint64(len(list))], seed) })
}

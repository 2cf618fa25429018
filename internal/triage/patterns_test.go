package triage

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/org/e2e-gate/internal/testkit/need"
)

// find is what [document.signals] does with one pattern and one line.
func (p *pattern) find(text string) (from int, ok bool) {
	newScanner(newPatternTable([]pattern{*p})).scan(text, func(*pattern) bool { return true }, func(_ *pattern, at int) int {
		from, ok = at, true
		return 0
	}, func(_, at int) { from = min(from, at) })
	return from, ok
}

// without is the pattern as if one of its rows were not there.
func (p *pattern) without(i int) pattern {
	other := pattern{family: p.family, cause: p.cause, rows: slices.Delete(slices.Clone(p.rows), i, i+1)}
	if err := other.compile(); err != nil {
		return pattern{family: p.family}
	}
	return other
}

// casesOf are lines that a row may be needed for: its own text or example; for a look
// and a then, together with the other.
func (p *pattern) casesOf(r tableRow) []string {
	lines := r.examples()
	for _, own := range lines {
		for _, o := range p.rows {
			if r.kind == "look" || o.kind == "look" || o.kind == "phrase" {
				for _, other := range o.examples() {
					lines = append(lines, own+" "+other, other+" "+own)
				}
			}
		}
	}
	return lines
}

func (r tableRow) examples() []string {
	if r.kind == "expr" || r.kind == "exact" {
		return slices.Clone(r.like)
	}
	return []string{r.text}
}

// Each row of the table makes a difference: there is a line that is found, or quoted,
// in another way without it. A row that makes none cannot be reviewed.
func TestEachPatternRowIsReached(t *testing.T) {
	need.NoRaceDetector(t)
	for _, p := range signalTable().patterns {
		for i, r := range p.rows {
			for _, like := range r.like {
				if !regexp.MustCompile("(?i)" + r.expr()).MatchString(like) {
					t.Errorf("line %d: the example %q is not what %q finds", r.line, like, r.text)
				}
			}
			less := p.without(i)
			reached := slices.ContainsFunc(p.casesOf(r), func(line string) bool {
				from, ok := p.find(line)
				was, found := less.find(line)
				return ok && (!found || from != was) && slices.ContainsFunc(read(Input{Message: line}).signals(), func(g signal) bool {
					return g.family == p.family && g.cause == p.cause && g.from == from
				})
			})
			if !reached {
				t.Errorf("line %d: %s %q of %q makes no difference", r.line, r.kind, r.text, p.cause)
			}
		}
	}
}

func TestPatternTableIsWellKept(t *testing.T) {
	derived := map[family]bool{famNone: true, famExternal: true, famEvent: true, famEnded: true, famPlain: true}
	seen := map[family]map[string]int{}
	causes := map[string]bool{}
	for _, p := range signalTable().patterns {
		if seen[p.family] == nil {
			seen[p.family] = map[string]int{}
		}
		if name := fmt.Sprint(p.family, p.cause); causes[name] {
			t.Errorf("%s has two blocks", p.cause)
		} else {
			causes[name] = true
		}
		for _, w := range p.words {
			if len(w.text) < minLiteral {
				t.Errorf("%s: %q is too short to keep expressions off lines", p.cause, w.text)
			}
		}
		for _, r := range p.rows {
			text := lowerASCII(r.text)
			if r.source == "" || (r.kind == "expr" || r.kind == "exact") != (len(r.like) > 0) {
				t.Errorf("line %d: a row has a source, an expression has an example, and no other has one", r.line)
			}
			if r.kind == "look" {
				continue // one block may look for what another finds
			}
			if before := seen[p.family][text]; before > 0 {
				t.Errorf("line %d: %q stands in line %d, too", r.line, r.text, before)
			}
			seen[p.family][text] = r.line
		}
	}
	for f := famNone; f < families; f++ {
		if (seen[f] == nil) != derived[f] {
			t.Errorf("family %d: %d rows", f, len(seen[f]))
		}
	}
	if len(familyNames) != int(families) {
		t.Errorf("%d of %d families have a name", len(familyNames), families)
	}
	for i, line := range strings.Split(patternText, "\n") {
		if len([]rune(line)) > 160 || line != strings.TrimRight(line, " \t") {
			t.Errorf("line %d is longer than 160 columns or ends with a blank", i+1)
		}
	}
}

func TestFaultsOfAPatternTable(t *testing.T) {
	for text, want := range map[string]string{
		"phrase | a | text":                          "line 1 belongs to no block; write [name] text above it",
		"[trust]":                                    "line 1 has no text behind its name; write it as [name] text",
		"# x\n\n[trust] x\nphrase | text":            "line 4 has no three columns; write it as kind | source | text",
		"[trust] x\nphrase | a |":                    "line 2 has no text; write it as kind | source | text",
		"[trust] x\nlike | | text":                   "line 2 is an example of nothing; write it below a row",
		"[odd] x\nphrase | a | text":                 `unknown family "odd"; see family.go`,
		"[trust] x\nword | a | text":                 `line 2: unknown kind "word"; use phrase, look, then, expr or exact`,
		"[trust] x\nlook | a | text":                 "x: the block finds nothing; give it a phrase, or a look and a then",
		"[trust] x\nthen | a | text":                 "x: the block finds nothing; give it a phrase, or a look and a then",
		"[trust] x\nphrase | a | t\n[reset] empty":   "empty: the block finds nothing; give it a phrase, or a look and a then",
		"[trust] x\nphrase | a | \"kept blanks | \"": "",
	} {
		list, err := readPatterns(text)
		if got := fmt.Sprint(err); want != "" && got != want || want == "" && err != nil {
			t.Errorf("%q: got %v, want %s", text, err, want)
		}
		if want == "" && list[0].words[0].text != "kept blanks | " {
			t.Errorf("got %v", list[0].words)
		}
	}
}

package triage

import (
	_ "embed"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// patternText is the table of wordings; its first lines say how it is written.
//
//go:embed patterns.txt
var patternText string

// pattern finds one signal: a block of patterns.txt. One of the selectors must occur in
// a line (in lower case; ASCII case does not matter). Then the expression decides, or,
// where there is none, the first of the phrases that occurs. The selectors keep 100
// regular expressions off lines that they cannot match.
type pattern struct {
	family family
	// cause names the specifics, in a few words.
	cause     string
	selectors []string
	phrases   []string
	compiled  *expr
	rows      []tableRow
}

// tableRow is one row of a table.
type tableRow struct {
	kind, source, text string
	// like are examples of what an expression finds.
	like []string
	// line is its line in the table, from 1.
	line int
}

// expr is the row as a regular expression.
func (r tableRow) expr() string {
	switch r.kind {
	case "expr":
		return r.text
	case "exact":
		return "(?-i:" + r.text + ")"
	}
	return regexp.QuoteMeta(r.text)
}

// block is a head with its rows.
type block struct {
	name, rest string
	rows       []tableRow
}

// readTable reads a table: blocks of a head "[name] rest" and rows "kind | source | text".
// Lines that begin with # and blank lines are left out.
func readTable(text string) ([]block, error) {
	var blocks []block
	n := 0
	for line := range strings.Lines(text) {
		n++
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		if head, ok := strings.CutPrefix(line, "["); ok {
			name, rest, ok := strings.Cut(head, "] ")
			if !ok {
				return nil, fmt.Errorf("line %d has no text behind its name; write it as [name] text", n)
			}
			blocks = append(blocks, block{name: name, rest: rest})
			continue
		}
		if len(blocks) == 0 {
			return nil, fmt.Errorf("line %d belongs to no block; write [name] text above it", n)
		}
		b := &blocks[len(blocks)-1]
		r, err := readRow(line, n)
		if err != nil {
			return nil, err
		}
		if r.kind != "like" {
			b.rows = append(b.rows, r)
			continue
		}
		if len(b.rows) == 0 {
			return nil, fmt.Errorf("line %d is an example of nothing; write it below a row", n)
		}
		last := &b.rows[len(b.rows)-1]
		last.like = append(last.like, r.text)
	}
	return blocks, nil
}

func readRow(line string, n int) (tableRow, error) {
	parts := strings.SplitN(line, "|", 3)
	if len(parts) != 3 {
		return tableRow{}, fmt.Errorf("line %d has no three columns; write it as kind | source | text", n)
	}
	r := tableRow{kind: strings.TrimSpace(parts[0]), source: strings.TrimSpace(parts[1]), text: strings.TrimSpace(parts[2]), line: n}
	if len(r.text) > 2 && r.text[0] == '"' && r.text[len(r.text)-1] == '"' {
		r.text = r.text[1 : len(r.text)-1]
	}
	if r.text == "" {
		return tableRow{}, fmt.Errorf("line %d has no text; write it as kind | source | text", n)
	}
	return r, nil
}

// readPatterns reads patterns.txt, in the order of the table.
func readPatterns(text string) ([]pattern, error) {
	blocks, err := readTable(text)
	if err != nil {
		return nil, err
	}
	var list []pattern
	for _, b := range blocks {
		f, ok := familyNames[b.name]
		if !ok {
			return nil, fmt.Errorf("unknown family %q; see family.go", b.name)
		}
		p := pattern{family: f, cause: b.rest, rows: b.rows}
		if err := p.compile(); err != nil {
			return nil, err
		}
		list = append(list, p)
	}
	return list, nil
}

// compile makes selectors, phrases and expression of the rows.
func (p *pattern) compile() error {
	var exprs, selectors []string
	plain := true
	for _, r := range p.rows {
		switch r.kind {
		case "phrase":
			selectors, exprs, p.phrases = append(selectors, lowerASCII(r.text)), append(exprs, r.expr()), append(p.phrases, lowerASCII(r.text))
		case "look":
			selectors, plain = append(selectors, lowerASCII(r.text)), false
		case "expr", "exact":
			list := literalsOf("(?i)" + r.expr())
			selectors, exprs, plain = append(selectors, list...), append(exprs, r.expr()), false
		case "then":
			exprs, plain = append(exprs, r.expr()), false
		default:
			return fmt.Errorf("line %d: unknown kind %q; use phrase, look, then, expr or exact", r.line, r.kind)
		}
	}
	if len(selectors) == 0 || len(exprs) == 0 {
		return fmt.Errorf("%s: the block finds nothing; give it a phrase, or a look and a then", p.cause)
	}
	for _, s := range selectors {
		// Where a shorter one is in it, that one is enough.
		shorter := func(o string) bool { return o != s && strings.Contains(s, o) }
		if !slices.ContainsFunc(selectors, shorter) && !slices.Contains(p.selectors, s) {
			p.selectors = append(p.selectors, s)
		}
	}
	if !plain {
		p.phrases, p.compiled = nil, &expr{text: "(?i)" + strings.Join(exprs, "|")}
	}
	return nil
}

// lowerASCII makes a text what [newMatcher] takes.
func lowerASCII(s string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			r += 'a' - 'A'
		}
		return r
	}, s)
}

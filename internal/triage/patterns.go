package triage

import (
	_ "embed"
	"fmt"
	"regexp"
	"strings"
)

// patternText is the table of wordings; its first lines say how it is written.
//
//go:embed patterns.txt
var patternText string

// pattern finds one signal: a block of patterns.txt. It is in a line where one of its rows is: a phrase where the line
// holds it, an expression where the line holds a text that it needs and it matches, a then where the line holds a look
// or phrase of the block too. ASCII case does not matter.
type pattern struct {
	family family
	// cause names the specifics, in a few words.
	cause string
	rows  []tableRow
	// words are the texts that make a row worth a try, and which row; -1: those of behind.
	words []rowWord
	// behind are the rows that are tried where a look or a phrase is in a line.
	behind []int
}

// rowWord is a text in lower case and the row that is tried where it is.
type rowWord struct {
	text string
	row  int
}

// tableRow is one row of a table.
type tableRow struct {
	kind, source, text string
	// like are examples of what an expression finds.
	like []string
	// line is its line in the table, from 1.
	line int
	// re is the row as an expression; nil for a phrase, a look and a then.
	re *expr
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

// compile prepares the rows.
func (p *pattern) compile() error {
	var looks []string
	finds := false
	for i := range p.rows {
		r := &p.rows[i]
		text := lowerASCII(r.text)
		switch r.kind {
		case "phrase":
			p.words, looks, finds = append(p.words, rowWord{text, i}), append(looks, text), true
		case "look":
			looks = append(looks, text)
		case "expr", "exact":
			r.re = &expr{text: "(?i)" + r.expr()}
			list := literalsOf(r.re.text)
			for _, literal := range list {
				p.words = append(p.words, rowWord{literal, i})
			}
			if finds = true; len(list) == 0 {
				p.behind = append(p.behind, i)
			}
		case "then":
			p.behind, finds = append(p.behind, i), true
		default:
			return fmt.Errorf("line %d: unknown kind %q; use phrase, look, then, expr or exact", r.line, r.kind)
		}
	}
	if len(p.behind) > 0 {
		for _, text := range looks {
			p.words = append(p.words, rowWord{text, -1})
		}
	}
	if len(p.words) == 0 || !finds {
		return fmt.Errorf("%s: the block finds nothing; give it a phrase, or a look and a then", p.cause)
	}
	return nil
}

// try says where in a text a row is, in bytes. end is where the row's word ends in it.
func (r *tableRow) try(text string, end int) (from int, ok bool) {
	switch {
	case r.re != nil:
		m := r.re.FindStringIndex(text)
		if m == nil {
			return 0, false
		}
		return m[0], true
	case r.kind == "phrase":
		return end - len(r.text), true
	}
	from = strings.Index(lowerASCII(text), lowerASCII(r.text))
	return from, from >= 0
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

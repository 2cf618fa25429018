package triage

import (
	_ "embed"
	"fmt"
	"strings"
	"sync"
)

// listText is the table of names and words; its first lines say how it is written.
//
//go:embed lists.txt
var listText string

// listKind says what a kind of row looks for, as a regular expression around its text.
type listKind struct {
	before, after string
	// star is what a star in the text stands for; empty: a star.
	star string
}

const (
	anyName  = `[^/]*`
	anyLabel = `\w*`
	// publicSuffixes are those that the services of the list have.
	publicSuffixes = `com|net|org|io|co|dev|app|eu|de|uk|gov\.uk|gov|us|ai|is|me|ly`
)

// listKinds are the kinds of rows, without expr and port.
var listKinds = map[string]listKind{
	"part":   {star: anyName},
	"end":    {after: `$`, star: anyName},
	"whole":  {before: `^`, after: `$`},
	"word":   {before: `\b`, after: `\b`},
	"label":  {before: `(?:^|[.-])`, after: `(?:[.-]|$)`, star: anyLabel},
	"brand":  {before: `(?:^|\.)`, after: `\.(?:` + publicSuffixes + `)$`, star: anyLabel},
	"folder": {before: `(?:^|/)`, after: `/`},
	"file":   {before: `(?:^|/)`, after: `$`, star: anyName},
	"stem":   {before: `(?:^|/)`, after: `(?:\.\w+)?$`},
	"top":    {before: `^`, after: `$`},
	"class":  {after: `\.(?:java|kt|groovy|scala|cs)$`},
	"script": {before: `\.`, after: `\.[cm]?[jt]sx?$`},
	"config": {before: `(?:^|/)`, after: `\.(?:config|conf)[^/]*$`},
	"shared": {
		before: `(?:^|/)(?:e2e|tests?|cypress|spec|playwright|src/test)/(?:[^/]+/)*`,
		after:  `(?:/|\.[cm]?[jt]sx?$|\.py$|\.go$|\.rb$)`,
		star:   anyName,
	},
	"name":  {after: `(?:\$.*)?$`},
	"value": {before: `^\W*`, after: `\W*$`},
}

// readLists reads lists.txt, by name.
func readLists(text string) (map[string]block, error) {
	blocks, err := readTable(text)
	if err != nil {
		return nil, err
	}
	lists := map[string]block{}
	for _, b := range blocks {
		if _, ok := lists[b.name]; ok {
			return nil, fmt.Errorf("there are two lists %q; put their rows into one", b.name)
		}
		lists[b.name] = b
	}
	return lists, nil
}

// listTable is read when the first list is needed. A fault in the table is a fault of
// this package; a test finds it.
var listTable = sync.OnceValue(func() map[string]block {
	lists, err := readLists(listText)
	if err != nil {
		panic("triage: lists.txt: " + err.Error())
	}
	return lists
})

// listed is the expression that finds what a list names.
func listed(name string) *expr {
	e := &expr{made: func() string {
		text, err := listTable()[name].expr()
		if err != nil {
			panic("triage: lists.txt: " + name + ": " + err.Error())
		}
		return text
	}}
	exprs = append(exprs, e)
	return e
}

// texts are the texts of a list, in its order.
func texts(name string) []string {
	var list []string
	for _, r := range listTable()[name].rows {
		list = append(list, r.text)
	}
	return list
}

// expr is a list as one regular expression: what all rows of a kind share stands in it
// once.
func (b block) expr() (string, error) {
	fold, err := b.fold()
	if err != nil {
		return "", err
	}
	var alternatives, kinds []string
	of := map[string][]string{}
	for _, r := range b.rows {
		if r.kind == "expr" {
			alternatives = append(alternatives, r.text)
			continue
		}
		kind, ok := listKinds[r.kind]
		if !ok {
			return "", fmt.Errorf("line %d: unknown kind %q; the first lines of the table name the kinds", r.line, r.kind)
		}
		text := r.expr()
		if kind.star != "" {
			text = strings.ReplaceAll(text, `\*`, kind.star)
		}
		if of[r.kind] == nil {
			kinds = append(kinds, r.kind)
		}
		of[r.kind] = append(of[r.kind], text)
	}
	for _, kind := range kinds {
		k := listKinds[kind]
		alternatives = append(alternatives, k.before+"(?:"+strings.Join(of[kind], "|")+")"+k.after)
	}
	if len(alternatives) == 0 {
		return "", fmt.Errorf("there is no list %q; its name is another one in lists.txt", b.name)
	}
	return fold + strings.Join(alternatives, "|"), nil
}

// fold is the flag for the list's case rule.
func (b block) fold() (string, error) {
	switch rule, _, _ := strings.Cut(b.rest, ":"); rule {
	case "any case":
		return "(?i)", nil
	case "exact case":
		return "", nil
	default:
		return "", fmt.Errorf("unknown case rule %q; use any case or exact case", rule)
	}
}

package triage

import (
	"regexp"
	"sync"
)

// expr is a regular expression that is compiled when it is first needed: some
// hundred of them would cost every start of the program tens of milliseconds.
type expr struct {
	text string
	// made makes the text, where a table holds it.
	made func() string
	once sync.Once
	re   *regexp.Regexp
}

// exprs are all expressions of the package, for the test that compiles them.
var exprs []*expr

// rx is called for variables of the package only, before anything runs.
func rx(text string) *expr {
	e := &expr{text: text}
	exprs = append(exprs, e)
	return e
}

func (e *expr) get() *regexp.Regexp {
	e.once.Do(func() {
		if e.made != nil {
			e.text = e.made()
		}
		e.re = regexp.MustCompile(e.text)
	})
	return e.re
}

func (e *expr) MatchString(s string) bool              { return e.get().MatchString(s) }
func (e *expr) FindString(s string) string             { return e.get().FindString(s) }
func (e *expr) FindStringIndex(s string) []int         { return e.get().FindStringIndex(s) }
func (e *expr) FindStringSubmatch(s string) []string   { return e.get().FindStringSubmatch(s) }
func (e *expr) FindStringSubmatchIndex(s string) []int { return e.get().FindStringSubmatchIndex(s) }
func (e *expr) ReplaceAllString(s, with string) string { return e.get().ReplaceAllString(s, with) }
func (e *expr) FindAllStringSubmatch(s string, n int) [][]string {
	return e.get().FindAllStringSubmatch(s, n)
}

func (e *expr) ReplaceAllStringFunc(s string, with func(string) string) string {
	return e.get().ReplaceAllStringFunc(s, with)
}

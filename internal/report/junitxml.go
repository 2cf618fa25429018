package report

import (
	"bufio"
	"cmp"
	"io"
	"strconv"
	"unicode/utf8"
)

// xmlWriter writes the elements of JUnit XML as encoding/xml does, which a test compares. With
// encoding/xml, a million cases take four times as long.
type xmlWriter struct {
	out *bufio.Writer
	err error
}

func newXMLWriter(w io.Writer) *xmlWriter { return &xmlWriter{out: bufio.NewWriterSize(w, 64<<10)} }

// close writes what is left, and returns the first error.
func (x *xmlWriter) close() error { return cmp.Or(x.err, x.out.Flush()) }

func (x *xmlWriter) raw(s string) {
	if _, err := x.out.WriteString(s); err != nil {
		x.err = err
	}
}

func (x *xmlWriter) attr(name, value string) {
	x.raw(" ")
	x.raw(name)
	x.raw(`="`)
	x.text(value)
	x.raw(`"`)
}

// some is attr for an attribute that is left out if it is empty.
func (x *xmlWriter) some(name, value string) {
	if value != "" {
		x.attr(name, value)
	}
}

// suite writes the start of a suite.
func (x *xmlWriter) suite(s *xmlSuite) {
	x.raw("\n  <testsuite")
	x.attr("name", s.name)
	x.attr("tests", strconv.Itoa(len(s.tests)))
	x.attr("failures", strconv.Itoa(s.failures))
	x.attr("errors", strconv.Itoa(s.errors))
	x.attr("skipped", strconv.Itoa(s.skipped))
	x.attr("time", xmlSeconds(s.seconds))
	x.some("timestamp", s.timestamp)
	x.raw(">")
}

func (x *xmlWriter) test(c *xmlCase) {
	x.raw("\n    <testcase")
	x.attr("classname", c.Classname)
	x.attr("name", c.Name)
	x.some("file", c.File)
	if c.Line != 0 {
		x.attr("line", strconv.Itoa(c.Line))
	}
	x.attr("time", c.Time)
	x.raw(">")
	empty := len(c.Properties) == 0
	if !empty {
		x.raw("\n      <properties>")
		for i := range c.Properties {
			x.raw("\n        <property")
			x.attr("name", c.Properties[i].Name)
			x.attr("value", c.Properties[i].Value)
			x.raw("></property>")
		}
		x.raw("\n      </properties>")
	}
	result := func(name string, r *xmlResult) {
		if r == nil {
			return
		}
		empty = false
		x.raw("\n      <")
		x.raw(name)
		x.some("message", r.Message)
		x.some("type", r.Type)
		x.raw(">")
		x.text(r.Text)
		x.raw("</")
		x.raw(name)
		x.raw(">")
	}
	result("skipped", c.Skipped)
	result("failure", c.Failure)
	result("error", c.Error)
	for i := range c.Reruns {
		result("rerunFailure", &c.Reruns[i])
	}
	for i := range c.Flaky {
		result("flakyFailure", &c.Flaky[i])
	}
	if !empty {
		x.raw("\n    ")
	}
	x.raw("</testcase>")
}

// xmlEscapes are the escapes of ASCII characters; empty: a character stands for itself. Those that XML forbids
// become the replacement character.
var xmlEscapes = func() (escapes [utf8.RuneSelf]string) {
	for c := range ' ' {
		escapes[c] = "\uFFFD"
	}
	for c, escape := range map[byte]string{
		'"': "&#34;", '\'': "&#39;", '&': "&amp;", '<': "&lt;", '>': "&gt;", '\t': "&#x9;", '\n': "&#xA;", '\r': "&#xD;",
	} {
		escapes[c] = escape
	}
	return escapes
}()

// text writes a text or the value of an attribute.
func (x *xmlWriter) text(s string) {
	done := 0
	put := func(from, to int, escape string) {
		x.raw(s[done:from])
		x.raw(escape)
		done = to
	}
	for i := 0; i < len(s); {
		if c := s[i]; c < utf8.RuneSelf {
			i++
			if xmlEscapes[c] != "" {
				put(i-1, i, xmlEscapes[c])
			}
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		i += size
		if r == utf8.RuneError && size == 1 || r == 0xFFFE || r == 0xFFFF {
			put(i-size, i, "\uFFFD")
		}
	}
	x.raw(s[done:])
}

package safetext

import (
	"bytes"
	"regexp"
	"strings"
)

// A secret of a service under test is not in the gate's environment, so no value of it is known: a token in an answer,
// a private key in a log. Such secrets are known by their shape.

// keys are private keys; one without an end goes to the end of the text.
var keys = regexp.MustCompile(`-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----(?s:.*?)(?:-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----|\z)`)

// tokens are JSON Web Tokens, and tokens whose issuers give them a prefix so that they can be found. They and [keys] begin
// with one of [shapeStarts].
var tokens = regexp.MustCompile(`\beyJ[\w-]{8,}\.eyJ[\w-]{4,}\.[\w-]*|\beyJ[\w-]{8,}\.[\w-]*\.[\w-]{4,}\.[\w-]{8,}\.[\w-]{8,}|` + // signed; encrypted
	`\bgh[pousr]_[A-Za-z0-9]{36,}|\bgithub_pat_\w{22,}|\bglpat-[\w.-]{20,}|` +
	`\b(?:AKIA|ASIA)[A-Z0-9]{16}\b|\bAIza[\w-]{35}|\bya29\.[\w-]{20,}|` +
	`\bxox[abeoprs]-[A-Za-z0-9-]{10,}|\bxapp-[A-Za-z0-9-]{10,}|hooks\.slack\.com/services/[A-Za-z0-9/_-]{20,}|` +
	`\b[rs]k_(?:live|test)_[A-Za-z0-9]{16,}|\bsk-(?:proj-|ant-)[\w-]{20,}|\bSG\.[\w-]{16,}\.[\w-]{16,}|` +
	`\b(?:eyJ|gh[pousr]_|github_pat_|glpat-|xox[abeoprs]-|[rs]k_(?:live|test)_|npm_|pypi-)[\w.-]{8,}(?:…|\.{3})|` + // cut
	`\bnpm_[A-Za-z0-9]{36,}|\bpypi-[\w-]{50,}|` +
	`(?i:\bbearer +)[\w.~+/-]{20,}=*|(?i:\bauthorization"?'?: *"?'?basic +)[A-Za-z0-9+/]{8,}=*`)

// shapeStarts are what a shape begins with, in lower case. Each has at least three bytes.
var shapeStarts = []string{"-----begin ", "eyj", "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "glpat-", "akia", "asia", "aiza", "ya29.", "xox",
	"xapp-", "hooks.slack.com/", "rk_", "sk_", "sk-", "sg.", "npm_", "pypi-", "bearer ", "authorization"}

// shapePairs has a bit for the first two bytes of each start, in either case.
var shapePairs = func() (pairs [256][4]uint64) {
	for _, start := range shapeStarts {
		for _, a := range []string{start[:1], strings.ToUpper(start[:1])} {
			for _, b := range []string{start[1:2], strings.ToUpper(start[1:2])} {
				pairs[a[0]][b[0]>>6] |= 1 << (b[0] & 63)
			}
		}
	}
	return pairs
}()

// startsBy are the starts by their first byte, in either case.
var startsBy = func() (by [256][]string) {
	for _, start := range shapeStarts {
		by[start[0]] = append(by[start[0]], start)
		if upper := strings.ToUpper(start)[0]; upper != start[0] {
			by[upper] = append(by[upper], start)
		}
	}
	return by
}()

// begins reports whether a text begins with a start, or is the start of one.
func begins[T string | []byte](s T, start string) bool {
	for i := range min(len(s), len(start)) {
		c := s[i]
		if c >= 'A' && c <= 'Z' {
			c |= 0x20
		}
		if c != start[i] {
			return false
		}
	}
	return true
}

// shapeAt is where the first shape of a text may begin, from an offset on; -1: there is none. A start that the end of
// the text cuts counts.
func shapeAt[T string | []byte](s T, from int) int {
	for i := from; i < len(s); i++ {
		if i+1 < len(s) && shapePairs[s[i]][s[i+1]>>6]>>(s[i+1]&63)&1 == 0 {
			continue
		}
		for _, start := range startsBy[s[i]] {
			if begins(s[i:], start) {
				return i
			}
		}
	}
	return -1
}

// maskShapes is a text without secrets by shape.
func maskShapes(s string) string {
	const shortest = 14 // bytes of eyJ, eight characters and a cut
	at := shapeAt(s, 0)
	if len(s) < minShape || at < 0 || len(s)-at < shortest {
		return s
	}
	// What is before is not searched, but for the byte that says whether a word begins here: many texts end in the
	// start of a shape, and the expressions take a hundred times as long. A token may end in hyphens, so keys go first.
	from := max(at-1, 0)
	return s[:from] + tokens.ReplaceAllLiteralString(keys.ReplaceAllLiteralString(s[from:], Mask), Mask)
}

const (
	// minShape is shorter than any shape, in bytes.
	minShape = 16
	// maxShape bounds what of a stream is held back because a shape may go on.
	maxShape = 64 << 10
)

// shapeFilter masks secrets by shape in a stream. It holds back no more than a line in which one may have begun, or a private
// key whose end is still to come.
type shapeFilter struct {
	held []byte
	// last is the last byte that was emitted, since a shape begins where a word does; 0: none was.
	last byte
}

// write emits what is sure.
func (f *shapeFilter) write(out *bytes.Buffer, p []byte) {
	seen := max(len(f.held)-len("github_pat_")-minShape, 0)
	f.held = append(f.held, p...)
	line := bytes.LastIndexByte(f.held, '\n') + 1
	if len(f.held)-line > maxShape { // as long a line is masked in parts
		line = len(f.held)
	}
	if line == 0 && seen > 0 && shapeAt(f.held[:seen], 0) >= 0 {
		return // its line goes on
	}
	until := line
	if shapeAt(f.held[line:], 0) < 0 {
		until = len(f.held)
	}
	if key := openKey(f.held[:until]); key >= 0 && len(f.held)-key < maxShape {
		until = key
	}
	f.emit(out, until)
}

func (f *shapeFilter) emit(out *bytes.Buffer, until int) {
	if until == 0 {
		return
	}
	context := 0
	text := f.held[:until]
	if f.last != 0 {
		context, text = 1, append([]byte{f.last}, text...)
	}
	f.last = f.held[until-1]
	if shapeAt(text, 0) >= 0 {
		text = []byte(maskShapes(string(text)))
	}
	out.Write(text[context:])
	f.held = append(f.held[:0], f.held[until:]...)
}

func (f *shapeFilter) flush(out *bytes.Buffer) { f.emit(out, len(f.held)) }

var (
	keyBegin = regexp.MustCompile(`-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----`)
	keyEnd   = regexp.MustCompile(`-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----`)
)

// openKey is where a private key begins that does not end; -1: none does.
func openKey(s []byte) int {
	for at := 0; ; {
		if i := bytes.Index(s[at:], []byte("-----BEGIN ")); i < 0 {
			return -1
		}
		begin := keyBegin.FindIndex(s[at:])
		if begin == nil {
			return -1
		}
		end := keyEnd.FindIndex(s[at+begin[1]:])
		if end == nil {
			return at + begin[0]
		}
		at += begin[1] + end[1]
	}
}

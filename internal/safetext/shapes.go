package safetext

import (
	"bytes"
	"strings"
)

// A secret of a service under test is not in the gate's environment, so no value of it is known: a token in an answer,
// a private key in a log. Such secrets are known by their shape. A text and a stream go through the same filter, and
// every bound counts from where a shape begins, so that a stream shows the same however it is cut.

const (
	// maxShape bounds what of a stream is held back, in bytes. A longer token is masked until it ends; of a private key
	// without a start so much before its end is.
	maxShape = 16 << 10
	// maxContext is how much of what was passed on says whether a word begins, in bytes.
	maxContext = 16
	// maxKey bounds a private key without an end, and maxQuiet what in one is not of a key, such as the prefixes of a log: a
	// mark without a key must not hide the rest of a log.
	maxKey, maxQuiet = 1 << 20, 1 << 10
	// maxKeyGap is how far apart the lines of a key are at most, without prefixes maxKeyEnd.
	maxKeyGap, maxKeyEnd = 160, 8
	// keyLine is shorter than a line of a key; a part of one has minKeyPart bytes.
	keyLine, minKeyPart = 32, 8
	// minCutToken is how much of a token before a cut says that it is one, in bytes.
	minCutToken = 8
)

// bytesOf are sets of bytes.
type bytesOf [256]bool

func setOf(ranges ...string) *bytesOf {
	var set bytesOf
	for _, r := range ranges {
		if len(r) == 3 && r[1] == '-' && r[0] < r[2] {
			for c := int(r[0]); c <= int(r[2]); c++ {
				set[c] = true
			}
			continue
		}
		for i := range len(r) {
			set[r[i]] = true
		}
	}
	return &set
}

var (
	letters  = setOf("a-z", "A-Z", "0-9")
	capitals = setOf("A-Z", "0-9")
	hyphened = setOf("a-z", "A-Z", "0-9", "-")
	words    = setOf("a-z", "A-Z", "0-9", "_")
	url64    = setOf("a-z", "A-Z", "0-9", "_-")
	dotted   = setOf("a-z", "A-Z", "0-9", "_-.")
	paths    = setOf("a-z", "A-Z", "0-9", "_-/")
	token68  = setOf("a-z", "A-Z", "0-9", "_-.~+/")
	anyToken = setOf("a-z", "A-Z", "0-9", "_-.~+/=")
	std64    = setOf("a-z", "A-Z", "0-9", "+/_-")
	// keyText is base64, also with the escapes of URLs and JSON.
	keyText = setOf("a-z", "A-Z", "0-9", `+/=%\`)
)

// shape is one kind of secret. Where match is nil it is a word and at least so many bytes of a set.
type shape struct {
	start string // in lower case, at least three bytes
	word  string // as it is written
	body  *bytesOf
	least int
	// exact: it has as many bytes as the least.
	exact bool
	// cut: a shorter one is masked too if a mark says that it was cut.
	cut bool
	// border says whether one may begin behind a text; nil: anywhere.
	border func(before []byte) bool
	match  func(c *cursor) bool
	kind   kind
}

type kind int

const (
	aToken kind = iota
	aKeyBegin
	aKeyEnd
)

var shapes = func() (all []shape) {
	prefixed := func(body *bytesOf, least int, border func([]byte) bool, cut bool, words ...string) {
		for _, word := range words {
			all = append(all, shape{start: strings.ToLower(word), word: word, body: body, least: least, border: border, cut: cut})
		}
	}
	// These have a start that no other word holds.
	prefixed(letters, 36, nil, true, "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "npm_")
	prefixed(words, 22, nil, true, "github_pat_")
	prefixed(dotted, 20, nil, true, "glpat-")
	prefixed(hyphened, 10, nil, true, "xoxa-", "xoxb-", "xoxe-", "xoxo-", "xoxp-", "xoxr-", "xoxs-")
	prefixed(paths, 20, nil, false, "hooks.slack.com/services/")
	// These do not: task_live_, disk-proj-, linuxapp-, and base64 holds any four letters.
	prefixed(letters, 16, wordBegins, true, "sk_live_", "sk_test_", "rk_live_", "rk_test_")
	prefixed(url64, 20, wordBegins, false, "sk-proj-", "sk-ant-", "ya29.")
	prefixed(url64, 50, wordBegins, true, "pypi-")
	prefixed(url64, 35, wordBegins, false, "AIza")
	prefixed(hyphened, 10, wordBegins, false, "xapp-")
	for _, word := range []string{"AKIA", "ASIA"} {
		all = append(all, shape{start: strings.ToLower(word), word: word, body: capitals, least: 16, exact: true, border: capitalsBegin})
	}
	return append(all, shape{start: "eyj", match: jsonWebToken}, shape{start: "sg.", match: sendGrid, border: wordBegins},
		shape{start: "bearer", match: bearer, border: wordBegins}, shape{start: "authorization", match: authorization},
		shape{start: "-----begin", match: func(c *cursor) bool { return c.keyMark("BEGIN") }, kind: aKeyBegin},
		shape{start: "-----end", match: func(c *cursor) bool { return c.keyMark("END") }, kind: aKeyEnd})
}()

// shapePairs has a bit for the first two bytes of each start, in either case. A colour may stand behind the first.
var shapePairs = func() (pairs [256][4]uint64) {
	for _, s := range shapes {
		for _, a := range []string{s.start[:1], strings.ToUpper(s.start[:1])} {
			for _, b := range []string{s.start[1:2], strings.ToUpper(s.start[1:2]), "\x1b"} {
				pairs[a[0]][b[0]>>6] |= 1 << (b[0] & 63)
			}
		}
	}
	return pairs
}()

// shapesBy are the shapes by their first byte, in either case.
var shapesBy = func() (by [256][]*shape) {
	for i := range shapes {
		s := &shapes[i]
		by[s.start[0]] = append(by[s.start[0]], s)
		if upper := strings.ToUpper(s.start)[0]; upper != s.start[0] {
			by[upper] = append(by[upper], s)
		}
	}
	return by
}()

// begins reports whether a text may begin with a start: a colour or its end may cut it.
func begins[T string | []byte](s T, start string) bool {
	for i := range min(len(s), len(start)) {
		c := s[i]
		if c == escape {
			return i > 0
		}
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
		for _, shape := range shapesBy[s[i]] {
			if begins(s[i:], shape.start) {
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
	if at < 0 || len(s)-at < shortest {
		return s
	}
	f := shapeFilter{held: []byte(s), scanned: at}
	var out bytes.Buffer
	if f.flush(&out); !f.masked {
		return s
	}
	return out.String()
}

// cursor reads a text without its colours, up to where a shape has to end.
type cursor struct {
	s  []byte
	at int
	// ended: it read to the end, so more text may change what it found.
	ended bool
	// failed is where the first part of a JSON Web Token ended that is none: none begins before.
	failed int
}

// peek is the next byte; false: there is none.
func (c *cursor) peek() (byte, bool) {
	for c.at < len(c.s) && c.s[c.at] == escape {
		n, whole := colourAt(c.s[c.at:])
		if !whole {
			c.ended = true
			return 0, false
		}
		if n == 0 {
			break
		}
		c.at += n
	}
	if c.at >= len(c.s) {
		c.ended = true
		return 0, false
	}
	return c.s[c.at], true
}

// maxColour bounds a colour sequence, in bytes.
const maxColour = 32

// colourAt is the length of the control sequence at the start of s; 0: there is none. Not whole: its end is to come.
func colourAt(s []byte) (n int, whole bool) {
	for i := 1; i < maxColour; i++ {
		switch {
		case i == len(s):
			return 0, false
		case i == 1:
			if s[i] != '[' {
				return 0, true
			}
		case s[i] >= 0x40 && s[i] <= 0x7e:
			return i + 1, true
		case s[i] < 0x20 || s[i] > 0x3f:
			return 0, true
		}
	}
	return 0, true
}

// take reads bytes of a set, so many at most, and returns how many. It stops before the mark of a private key: a token may
// end in hyphens.
func (c *cursor) take(set *bytesOf, most int) (n int) {
	mark, hyphens := 0, 0
	for ; n < most; n++ {
		b, ok := c.peek()
		if !ok || !set[b] {
			break
		}
		if b != '-' {
			hyphens = 0
		} else if hyphens++; hyphens == 1 {
			mark = c.at
		} else if hyphens == keyHyphens {
			c.at = mark
			return n - keyHyphens + 1
		}
		c.at++
	}
	return n
}

// keyHyphens begin and end the mark of a private key.
const keyHyphens = 5

func (c *cursor) byte(want byte) bool {
	if b, ok := c.peek(); !ok || b != want {
		return false
	}
	c.at++
	return true
}

func (c *cursor) one(set *bytesOf) bool { return c.take(set, 1) == 1 }

// any reads one of the words, or nothing.
func (c *cursor) any(words ...string) bool {
	for _, w := range words {
		if c.word(w) {
			return true
		}
	}
	return false
}

// word reads a word, or nothing.
func (c *cursor) word(w string) bool {
	from := c.at
	for i := range len(w) {
		if !c.byte(w[i]) {
			c.at = from
			return false
		}
	}
	return true
}

// fold reads a word of lower case in any case, or nothing.
func (c *cursor) fold(w string) bool {
	from := c.at
	for i := range len(w) {
		if b, ok := c.peek(); !ok || b|0x20 != w[i] {
			c.at = from
			return false
		}
		c.at++
	}
	return true
}

// cutMark reads the mark of a cut, if none of it was taken as a part of a token.
func (c *cursor) cutMark() bool {
	return bytes.HasSuffix(c.s[:c.at], []byte("...")) || c.any("…", "...", `\u2026`)
}

// spaces reads what parts a scheme from its credentials, also escaped.
func (c *cursor) spaces() bool {
	n := 0
	for ; n < 8; n++ {
		if !c.one(blanks) && !c.any("%20", "%09", `\t`, `\u0020`, "&nbsp;") {
			break
		}
	}
	return n > 0
}

func (c *cursor) credentials(set *bytesOf, least int) bool {
	if !c.spaces() || c.take(set, maxShape) < least {
		return false
	}
	c.take(padding, maxShape)
	return true
}

var blanks, padding = setOf(" \t+"), setOf("=")

// jsonWebToken matches one: signed, encrypted, or cut.
func jsonWebToken(c *cursor) bool {
	if c.at < c.failed || !c.word("eyJ") {
		return false
	}
	body := c.at
	n := c.take(url64, maxShape)
	second := c.at
	if n < minCutToken {
		return false
	}
	if c.byte('.') {
		third := c.at
		if c.word("eyJ") && c.take(url64, maxShape) >= 4 && c.byte('.') {
			c.take(url64, maxShape)
			return true
		}
		c.at = third
		c.take(url64, maxShape)
		if c.byte('.') && c.take(url64, maxShape) >= 4 && c.byte('.') && c.take(url64, maxShape) >= 8 && c.byte('.') && c.take(url64, maxShape) >= 8 {
			return true
		}
	}
	c.at = body
	if c.take(dotted, maxShape) >= minCutToken && c.cutMark() {
		return true
	}
	c.failed = second
	return false
}

func sendGrid(c *cursor) bool {
	return c.word("SG.") && c.take(url64, 128) >= 16 && c.byte('.') && c.take(url64, maxShape) >= 16
}

func bearer(c *cursor) bool { return c.fold("bearer") && c.credentials(token68, 20) }

// authorization matches a header, as it is sent or as JSON, Go, Python and the like print it.
func authorization(c *cursor) bool {
	if !c.fold("authorization") {
		return false
	}
	quoted, parted := false, false
	for range 24 {
		switch {
		case c.one(quotes) || c.any("&quot;", "&#34;", "&#39;", `\u0022`, "%22"):
			quoted = true
		case c.one(parting) || c.any("%3A", "%3a", "%3D", "%3d", `\u003d`) || quoted && c.byte(','):
			parted = true
		case c.one(filling) || c.any("%20", `\n`, `\r`, `\t`, "b'", `b"`) || c.byte('\\'):
		case c.fold("basic"):
			return parted && c.credentials(std64, 8)
		case c.fold("token"):
			return parted && c.credentials(url64, 20)
		default:
			return false
		}
	}
	return false
}

// What stands between the name of a header and its value.
var quotes, parting, filling = setOf(`"'`), setOf(":="), setOf(" [+\t\r\n")

// keyMark matches the first or the last line of a private key. The last one may be cut.
func (c *cursor) keyMark(which string) bool {
	if !c.word("-----") || !c.word(which) {
		return false
	}
	var label []byte
	for len(label) < 64 {
		if c.word("%20") || c.byte(' ') || c.byte('+') || c.byte('_') {
			label = append(label, ' ')
			continue
		}
		b, ok := c.peek()
		if !ok || !capitals[b] {
			break
		}
		label = append(label, b)
		c.at++
	}
	is := bytes.HasSuffix(label, []byte(" PRIVATE KEY")) || bytes.HasSuffix(label, []byte(" PRIVATE KEY BLOCK"))
	if which == "BEGIN" {
		return is && c.word("-----")
	}
	if !is {
		_, goesOn := c.peek()
		return len(label) > 0 && !bytes.HasPrefix(label, []byte(" C")) && !bytes.HasPrefix(label, []byte(" PU")) && (!goesOn || c.cutMark())
	}
	for range 5 {
		c.byte('-')
	}
	return true
}

// wordBegins reports whether a word begins behind a text: an underscore and the end of an escape end a word.
func wordBegins(before []byte) bool {
	n := len(before)
	if n == 0 || !letters[before[n-1]] {
		return true
	}
	behind := func(mark string, digits int) bool {
		from := n - digits - len(mark)
		if from < 0 || string(before[from:n-digits]) != mark {
			return false
		}
		for _, b := range before[n-digits:] {
			if b|0x20 < 'a' && (b < '0' || b > '9') || b|0x20 > 'f' {
				return false
			}
		}
		return true
	}
	if behind("%", 2) || behind(`\x`, 2) || behind(`\u`, 4) || behind(`\`, 3) {
		return true
	}
	if n > 1 && before[n-2] == '\\' && strings.IndexByte("nrtbfv", before[n-1]) >= 0 {
		return true
	}
	i := n - 2 // a colour, also an escaped one
	for i >= 0 && (before[i] >= '0' && before[i] <= '9' || before[i] == ';') {
		i--
	}
	return i >= 0 && before[i] == '['
}

func capitalsBegin(before []byte) bool {
	return len(before) == 0 || !capitals[before[len(before)-1]] || wordBegins(before)
}

// matches matches at the cursor.
func (s *shape) matches(c *cursor) bool {
	if s.border != nil && !s.border(c.s[max(0, c.at-maxContext):c.at]) {
		return false
	}
	if s.match != nil {
		return s.match(c)
	}
	if !c.word(s.word) {
		return false
	}
	if s.exact {
		if n := c.take(s.body, s.least); n < s.least {
			return n >= minCutToken && c.cutMark()
		}
		b, ok := c.peek()
		return !ok || !letters[b]
	}
	n := c.take(s.body, maxShape)
	return n >= s.least || s.cut && n >= minCutToken && c.cutMark()
}

// shapeFilter masks secrets by shape in a stream. It holds back no more than what may be the start of one, or lines of a private
// key of which only the end is known.
type shapeFilter struct {
	// held is context, which was passed on (done), what has no shape but may be the rest of a key (scanned), and what is new.
	held          []byte
	done, scanned int
	// rest is where the rest of a key may begin that ends behind what was looked at.
	rest, looked int
	// long: within a token that is longer than what is held back. key: within a private key.
	long, key bool
	// run is how many bytes of base64 were read of a line of the key, quiet how many since its last line, total all.
	run, quiet, total int
	masked            bool
}

// write emits what is sure.
func (f *shapeFilter) write(out *bytes.Buffer, p []byte) {
	f.held = append(f.held, p...)
	f.emit(out, false)
}

func (f *shapeFilter) flush(out *bytes.Buffer) { f.emit(out, true) }

func (f *shapeFilter) emit(out *bytes.Buffer, final bool) {
	s := f.held
	at, from, failed := f.scanned, f.done, 0
	until := len(s)
scan:
	for at < len(s) {
		if f.long || f.key {
			at = f.skip(s, at, final)
			if from = at; f.long || f.key {
				break
			}
			continue
		}
		next := shapeAt(s, at)
		if next < 0 {
			at = len(s)
			break
		}
		end, found, sure := match(s, next, &failed, final)
		switch {
		case !sure:
			at = next
			until = min(next, keyRest(s, from, next, true))
			break scan
		case found == nil:
			at = next + 1
			continue
		}
		start := next
		if found.kind == aKeyEnd {
			if start = keyRest(s, from, next, false); start == next {
				at = end
				continue
			}
		}
		out.Write(s[from:start])
		out.WriteString(Mask)
		f.masked = true
		f.long = found.kind != aKeyEnd && end-next == maxShape
		f.key = found.kind == aKeyBegin
		f.run, f.quiet, f.total = 0, 0, 0
		at, from = end, end
	}
	switch {
	case final:
		until = len(s)
	case f.long || f.key:
		until = from
	default:
		f.rest = f.restFrom(s, from)
		until = min(until, f.rest)
	}
	if final && f.key {
		from = len(s)
	}
	out.Write(s[from:until])
	kept := max(0, until-maxContext)
	f.done, f.scanned = until-kept, max(at, until)-kept
	f.rest, f.looked = f.rest-kept, len(s)-kept
	f.held = append(f.held[:0], s[kept:]...)
}

// restFrom is where the rest of a key may begin that goes on behind what is held. What was looked at before is not again:
// small pieces of much base64 would take long.
func (f *shapeFilter) restFrom(s []byte, from int) int {
	const again = 4 * maxKeyGap
	low := max(from, f.looked-again)
	start := keyRest(s, low, len(s), true)
	if low > from && start-low <= again/2 {
		start = min(start, max(f.rest, from, len(s)-maxShape))
	}
	return start
}

// match finds the shape at an offset, and its end. It is not sure where more text may change that.
func match(s []byte, at int, failed *int, final bool) (end int, found *shape, sure bool) {
	limit := min(len(s), at+maxShape)
	for _, shape := range shapesBy[s[at]] {
		if !begins(s[at:], shape.start) {
			continue
		}
		c := cursor{s: s[:limit], at: at, failed: *failed}
		is := shape.matches(&c)
		*failed = c.failed
		switch {
		case c.ended && limit == at+maxShape:
			return limit, shape, true
		case c.ended && !final:
			return 0, nil, false
		case is:
			return c.at, shape, true
		}
	}
	return 0, nil, true
}

// skip reads on in a long token or in a private key, up to its end or where it may have one.
func (f *shapeFilter) skip(s []byte, at int, final bool) int {
	if f.long {
		c := cursor{s: s, at: at}
		c.take(anyToken, len(s))
		if f.long = c.ended && !final; f.long {
			for c.at > at && s[c.at-1] == '-' { // a mark may begin
				c.at--
			}
		}
		return c.at
	}
	for at < len(s) {
		if s[at] == '-' && (begins(s[at:], "-----end") || begins(s[at:], "-----begin")) {
			failed := 0
			switch end, found, sure := match(s, at, &failed, final); {
			case !sure:
				return at
			case found != nil && found.kind == aKeyEnd:
				f.key = false
				return end
			case found != nil: // one more
				f.run, f.quiet, f.total = 0, 0, 0
				at = end
				continue
			}
		}
		if f.run++; !keyText[s[at]] {
			f.run = 0
		}
		if f.quiet++; f.run >= keyLine {
			f.quiet = 0
		}
		f.total++
		at++
		if f.quiet > maxQuiet || f.total > maxKey {
			f.key = false
			return at
		}
	}
	return at
}

// keyRest is where the base64 lines of a private key begin that may end at an offset: the text was cut behind the start of
// the key. It does not look before from. Open: the last line may go on.
func keyRest(s []byte, from, end int, open bool) int {
	from = max(from, end-maxShape)
	start := end
	for at := end; at > from && start-at <= maxKeyGap; {
		to := at
		for at > from && keyText[s[at-1]] {
			at--
		}
		if at == to {
			at--
			continue
		}
		line := to-at >= keyLine || to-at >= minKeyPart && start-to <= maxKeyEnd
		if open && to == end || line && mixed(s[at:to]) {
			start = at
		}
	}
	return start
}

// mixed reports whether a word has capitals within and small letters, as base64 has, and words and paths have not.
func mixed(s []byte) bool {
	upper, lower := false, false
	for i, c := range s {
		upper = upper || i > 0 && c >= 'A' && c <= 'Z'
		lower = lower || c >= 'a' && c <= 'z'
	}
	return upper && lower
}

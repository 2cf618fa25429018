package safetext

import (
	"bytes"
	"html"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// sink is what a filter writes to; its writes do not fail.
type sink interface {
	Write(p []byte) (int, error)
	WriteString(s string) (int, error)
}

// region is a part of a text that a secret covers, in bytes from its start.
type region struct{ from, to int }

// filter masks secrets in a stream.
type filter struct {
	a    *automaton
	main *scan
	// inner scans what stands in a sequence such as a hyperlink, which splits what is around it.
	inner *scan
	// raw scans what follows the start of a sequence as if none had started: what a terminal does not
	// show is still in a file. It is nil until it is needed first; inRaw says that it is in use.
	raw   *scan
	inRaw bool
	seq   sequences
	// held are bytes that may turn out to be part of a secret, from offset base of the stream;
	// regions are the parts of them that are one already, in order and apart.
	held    []byte
	base    int
	regions []region
	masked  bool
}

func newFilter(a *automaton) *filter { return &filter{a: a, main: newScan(a)} }

func (f *filter) write(out sink, p []byte) {
	at := f.base + len(f.held)
	f.held = append(f.held, p...)
	for i := 0; i < len(p); i++ {
		if f.idle() {
			if i += clear(f.a, p[i:]); i == len(p) {
				break
			}
		}
		f.step(p[i], at+i)
	}
	until := min(f.main.open(), f.seq.open(), f.inner.open(), at+len(p))
	if f.inRaw {
		until = min(until, f.raw.open())
	}
	f.pass(out, until)
}

// idle reports whether nothing has begun that may be a secret.
func (f *filter) idle() bool {
	if f.seq.in != 0 || f.seq.began || f.inRaw && !f.raw.idle() || !f.main.idle() {
		return false
	}
	f.inRaw = false
	return true
}

// clear is how many bytes at the start of a text cannot be a part of a secret: no two of them
// begin one, and none of them may be skipped or be an escape. The last byte may always be a part.
func clear[T string | []byte](a *automaton, s T) int {
	for i := 0; i+1 < len(s); i++ {
		if a.pairs[s[i]][s[i+1]>>6]>>(s[i+1]&63)&1 != 0 {
			return i
		}
	}
	return max(len(s)-1, 0)
}

// special are bytes that are no text as they stand.
const special = "%&\\+\x1b\xc2"

// step takes one byte of the stream.
func (f *filter) step(b byte, at int) {
	f.stepRaw(b, at)
	switch f.seq.step(b, at) {
	case opened:
		f.inner = newScan(f.a)
	case closed:
		f.inner.end(f.found)
		f.inner = nil
	case broken: // what looked like a sequence was text
		f.main.end(f.found)
		f.main, f.inner = f.inner, nil
		f.main.step(piece{b, at, at + 1}, f.found)
	case asText:
		if f.seq.held { // a byte that only began as a sequence does
			f.main.step(piece{0xC2, at - 1, at}, f.found)
		}
		f.main.step(piece{b, at, at + 1}, f.found)
	case asContent:
		f.inner.step(piece{b, at, at + 1}, f.found)
	case asNothing:
	}
}

// stepRaw takes one byte of the stream as it is. A secret that begins before a sequence and goes on
// behind it is the other scan's.
func (f *filter) stepRaw(b byte, at int) {
	switch {
	case b == escape || f.seq.began && b >= 0x80 && b <= 0x9f:
		if f.raw == nil {
			f.raw = newScan(f.a)
		}
		if f.inRaw {
			f.raw.end(f.found)
		}
		f.raw.reset()
		f.inRaw = true
	case f.inRaw:
		f.raw.step(piece{b, at, at + 1}, f.found)
	}
}

// found notes a secret, as one with those that it overlaps or touches from within.
func (f *filter) found(r region) {
	at := len(f.regions)
	for at > 0 && f.regions[at-1].from > r.from {
		at--
	}
	// Those from first to last overlap.
	first, last := at, at
	for first > 0 && f.regions[first-1].to > r.from {
		first--
	}
	for last < len(f.regions) && f.regions[last].from < r.to {
		last++
	}
	for _, o := range f.regions[first:last] {
		r = region{min(r.from, o.from), max(r.to, o.to)}
	}
	f.regions = append(f.regions[:first], append([]region{r}, f.regions[last:]...)...)
}

// pass emits what lies before the given offset, except a secret that may go on.
func (f *filter) pass(out sink, until int) {
	done, n := f.base, 0
	for n < len(f.regions) && f.regions[n].to <= until {
		_, _ = out.Write(f.held[done-f.base : max(f.regions[n].from, done)-f.base])
		_, _ = out.WriteString(Mask)
		f.masked = true
		done = f.regions[n].to
		n++
	}
	f.regions = append(f.regions[:0], f.regions[n:]...)
	if len(f.regions) > 0 {
		until = min(until, f.regions[0].from)
	}
	if until > done {
		_, _ = out.Write(f.held[done-f.base : until-f.base])
		done = until
	}
	f.held = append(f.held[:0], f.held[done-f.base:]...)
	f.base = done
}

func (f *filter) flush(out sink) {
	end := f.base + len(f.held)
	if f.seq.began {
		f.main.step(piece{0xC2, end - 1, end}, f.found)
	}
	f.main.end(f.found)
	f.inner.end(f.found)
	if f.inRaw {
		f.raw.end(f.found)
	}
	f.pass(out, end)
	*f = filter{a: f.a, main: newScan(f.a), masked: f.masked}
}

// meaning is what a byte is to [sequences].
type meaning int

const (
	asText meaning = iota
	// asContent is text in a sequence that holds some; opened and closed are its ends.
	asContent
	opened
	closed
	broken
	asNothing
)

// sequences tells escape sequences, which a terminal does not show, from text.
type sequences struct {
	in    byte // 0: text, else what it is in: escape, '[' or ']'
	size  int
	start int
	// began: the last byte may be the first of a C1 control; held: it was none.
	began, held bool
	// escaped: the last byte in ']' was an escape.
	escaped bool
}

const (
	// maxSequence bounds a sequence, in bytes; maxString one with text of its own.
	maxSequence, maxString = 64, 4096
	// maxBlank bounds the white space within a secret.
	maxBlank = 256
)

func (s *sequences) open() int {
	if s.in == 0 && !s.began {
		return int(^uint(0) >> 1)
	}
	return s.start
}

func (s *sequences) step(b byte, at int) meaning {
	s.held = false
	if s.began {
		s.began = false
		if b >= 0x80 && b <= 0x9f {
			return s.introduce(b - 0x40)
		}
		s.held = true
	}
	s.size++
	switch s.in {
	case escape:
		s.in = 0
		if b >= 0x20 && b <= 0x2f && s.size < maxSequence {
			s.in = escape
			return asNothing
		}
		return s.introduce(b)
	case '[':
		if b >= 0x20 && b <= 0x3f && s.size < maxSequence {
			return asNothing
		}
		s.in = 0
		if b >= 0x40 && b <= 0x7e {
			return asNothing
		}
	case ']':
		switch {
		case b == 0x07, s.escaped && b == '\\':
			s.in, s.escaped = 0, false
			return closed
		case b == '\n', s.escaped, s.size >= maxString:
			s.in, s.escaped = 0, false
			return broken
		case b == escape:
			s.escaped = true
			return asNothing
		}
		return asContent
	}
	switch b {
	case escape:
		s.in, s.size, s.start = escape, 1, at
		return asNothing
	case 0xC2:
		s.began = true
		if !s.held {
			s.start = at
		}
		return asNothing
	}
	return asText
}

// introduce takes the byte after an escape.
func (s *sequences) introduce(b byte) meaning {
	switch b {
	case escape, '[':
		s.in = b
	case ']', 'P', 'X', '^', '_':
		s.in = ']'
		return opened
	}
	return asNothing
}

// skips takes a byte of a text whose sequences are no text, but what they hold is.
func (s *sequences) skips(b byte, at int) bool {
	if s.in == 0 && b != escape {
		return false
	}
	if m := s.step(b, at); m == asText || m == broken {
		return false
	}
	if s.in == ']' {
		*s = sequences{}
	}
	return true
}

// piece is a byte that a scan reads, and where it stands in the stream.
type piece struct {
	b        byte
	from, to int
}

// levels are how a scan reads a text: as it is, with its escapes undone once, twice, and once more for what quotes it.
const levels = 4

// scan looks for secrets at all levels at once. A nil scan has nothing open.
type scan struct {
	at [levels]level
	// forked: there was an escape, so the levels differ. Until then only the first one is kept.
	forked bool
	// halves are parts of secrets that end in half of an escape, before what may be a cut, of
	// which so many bytes were seen.
	halves []region
	seen   int
}

// level is the scan of one level.
type level struct {
	a     *automaton
	state int32
	// starts are where the last bytes began, as a ring; n is how many there were. gaps say what white
	// space was before them.
	starts []int
	gaps   []gap
	n      int
	// pending are bytes of the level before that may be an escape.
	pending []piece
	// gap is the white space since the last byte, of so many bytes.
	gap     gap
	skipped int
	seq     sequences
	mark    mark
}

// gap is white space between two bytes. An end of a line may be anywhere in a secret that is printed, and
// so may a space, which may have been one; but not in a secret of letters, or "change it" would be "changeit".
type gap byte

const (
	noGap gap = iota
	spaces
	lineEnd
)

// mark recognises a cut.
type mark struct {
	seen  int // bytes of "…"
	state int32
	at    region
}

func newScan(a *automaton) *scan {
	s := &scan{}
	for i := range s.at {
		s.at[i] = level{a: a, starts: make([]int, a.longest+1), gaps: make([]gap, a.longest+1)}
	}
	return s
}

// reset forgets what was read.
func (s *scan) reset() {
	for i := range s.at {
		l := &s.at[i]
		*l = level{a: l.a, starts: l.starts, gaps: l.gaps, pending: l.pending[:0]}
	}
	s.forked, s.halves, s.seen = false, s.halves[:0], 0
}

// used are the levels that are kept.
func (s *scan) used() []level {
	if s.forked {
		return s.at[:]
	}
	return s.at[:1]
}

// idle reports whether no secret has begun. Then all levels are alike again.
func (s *scan) idle() bool {
	for i := range s.used() {
		if l := &s.at[i]; l.state != 0 || len(l.pending) > 0 || l.seq.in != 0 || l.mark.seen > 0 {
			return false
		}
	}
	if len(s.halves) > 0 {
		return false
	}
	s.forked = false
	return true
}

// fork makes the other levels what the first one is.
func (s *scan) fork() {
	s.forked = true
	from := &s.at[0]
	depth := int(from.a.nodes[from.state].depth)
	for i := 1; i < levels; i++ {
		l := &s.at[i]
		*l = level{a: l.a, starts: l.starts, gaps: l.gaps, pending: l.pending[:0], state: from.state, n: depth, gap: from.gap, skipped: from.skipped,
			seq: from.seq, mark: from.mark}
		for k := range depth {
			at := (from.n - depth + k) % len(from.starts)
			l.starts[k], l.gaps[k] = from.starts[at], from.gaps[at]
		}
	}
}

// open is where the first secret begins that may not have ended yet.
func (s *scan) open() int {
	first := int(^uint(0) >> 1)
	if s == nil {
		return first
	}
	for i := range s.used() {
		l := &s.at[i]
		if depth := int(l.a.nodes[l.state].depth); depth > 0 {
			first = min(first, l.start(depth))
		}
		if len(l.pending) > 0 {
			first = min(first, l.pending[0].from)
		}
		if l.mark.seen > 0 {
			first = min(first, l.mark.at.from)
		}
	}
	for _, r := range s.halves {
		first = min(first, r.from)
	}
	return first
}

// step takes a byte of the text.
func (s *scan) step(p piece, found func(region)) {
	if !s.forked {
		if !escapes(p.b) {
			s.at[0].take(p, found)
			return
		}
		s.fork()
	}
	s.half(p, found)
	s.read(0, p, found)
}

// half masks the part of a secret that a cut within an escape left.
func (s *scan) half(p piece, found func(region)) {
	switch {
	case p.b == cutMark[0]:
		s.halves, s.seen = s.halves[:0], 1
		for i := 1; i < levels; i++ {
			l := &s.at[i]
			if depth := int(l.a.nodes[l.state].depth); depth >= minPart && len(l.pending) > 0 {
				s.halves = append(s.halves, region{l.start(depth), p.from})
			}
		}
	case s.seen > 0 && p.b == cutMark[s.seen]:
		if s.seen++; s.seen == len(cutMark) {
			for _, r := range s.halves {
				found(r)
			}
			s.halves, s.seen = s.halves[:0], 0
		}
	default:
		s.halves, s.seen = s.halves[:0], 0
	}
}

// read takes a byte at a level and at those above it.
func (s *scan) read(i int, p piece, found func(region)) {
	s.at[i].take(p, found)
	if i+1 == levels {
		return
	}
	// What this level skips as a sequence is still text of the next one: the secret O:\e&y, escaped, is
	// O:\e&amp;y, and a sequence would have eaten the start of "&amp;".
	up := &s.at[i+1]
	if len(up.pending) == 0 && !escapes(p.b) {
		s.read(i+1, p, found)
		return
	}
	up.pending = append(up.pending, p)
	s.settle(i+1, false, found)
}

// settle reads what the pending bytes of a level are by now. last: no more will come.
func (s *scan) settle(i int, last bool, found func(region)) {
	l := &s.at[i]
	for len(l.pending) > 0 {
		var buf [maxEscape]byte
		head := buf[:0]
		for _, p := range l.pending[:min(len(l.pending), maxEscape)] {
			head = append(head, p.b)
		}
		out, used, more := undo(head, last)
		if more {
			return
		}
		from, to := l.pending[0].from, l.pending[used-1].to
		l.pending = append(l.pending[:0], l.pending[used:]...)
		for k := range len(out) {
			s.read(i, piece{out[k], from, to}, found)
		}
	}
}

// end says that no more text will come.
func (s *scan) end(found func(region)) {
	if s == nil || !s.forked {
		return
	}
	for i := 1; i < levels; i++ {
		s.settle(i, true, found)
	}
}

func (l *level) start(depth int) int { return l.starts[(l.n-depth)%len(l.starts)] }

// take follows one byte.
func (l *level) take(p piece, found func(region)) {
	// Escape sequences of the stream are gone already; undoing escapes may show others.
	if l.seq.skips(p.b, p.from) {
		return
	}
	if strings.IndexByte(whiteSpace, p.b) >= 0 {
		l.gap = max(l.gap, spaces)
		if p.b == '\n' || p.b == '\r' {
			l.gap = lineEnd
		}
		if l.skipped++; l.skipped > maxBlank {
			l.state = 0
		}
		return
	}
	l.cut(p, found)
	l.starts[l.n%len(l.starts)], l.gaps[l.n%len(l.gaps)] = p.from, l.gap
	l.gap, l.skipped = noGap, 0
	l.n++
	l.state = l.a.next(l.state, p.b)
	for at := l.state; l.a.nodes[at].match > 0; at = l.a.nodes[at].fail {
		if n := int(l.a.nodes[at].match); n < int(l.a.nodes[at].depth) {
			continue // a shorter one, which a later node is
		} else if l.fits(at, n) {
			found(region{l.start(n), p.to})
			break
		}
	}
}

// fits reports whether the white space in a text that ends here may be in a pattern of n bytes.
func (l *level) fits(node int32, n int) bool {
	blanks := l.a.blanks[node]
	for i := 1; i < n; i++ {
		own := never
		if blanks != nil {
			own = blanks[i]
		}
		if gap := l.gaps[(l.n-n+i)%len(l.gaps)]; gap == spaces && own == never && l.a.nodes[node].word || gap == noGap && own == always {
			return false
		}
	}
	return true
}

const cutMark = "…"

// cut masks the part of a secret that a cut left.
func (l *level) cut(p piece, found func(region)) {
	switch {
	case p.b == cutMark[0]:
		l.mark = mark{}
		if depth := int(l.a.nodes[l.state].depth); depth >= minPart {
			l.mark = mark{1, l.state, region{l.start(depth), p.from}}
		}
	case l.mark.seen > 0 && p.b == cutMark[l.mark.seen]:
		if l.mark.seen++; l.mark.seen == len(cutMark) {
			found(l.mark.at)
			l.mark = mark{}
		}
	default:
		l.mark = mark{}
	}
}

// afterCuts masks what is left of the end of a secret directly after a cut.
func (a *automaton) afterCuts(s string) string {
	if !strings.Contains(s, cutMark) {
		return s
	}
	var out strings.Builder
	for {
		i := strings.Index(s, cutMark)
		if i < 0 {
			break
		}
		i += len(cutMark)
		out.WriteString(s[:i])
		s = s[i:]
		space := len(s) - len(strings.TrimLeft(s, "\r\n"))
		if n := a.tail(s[space:]); n > 0 {
			out.WriteString(s[:space] + Mask)
			s = s[space+n:]
		}
	}
	out.WriteString(s)
	return out.String()
}

// tail is the length of the longest end of a secret that a text begins with.
func (a *automaton) tail(s string) (longest int) {
	if len(s) < minPart {
		return 0
	}
	for _, p := range a.plain {
		for from := 1; from <= len(p)-max(minPart, longest+1); {
			i := strings.Index(p[from:], s[:minPart])
			if i < 0 {
				break
			}
			from += i
			if n := len(p) - from; n > longest && strings.HasPrefix(s, p[from:]) {
				longest = n
			}
			from++
		}
	}
	return longest
}

// withoutSequences is a text without escape sequences, as a level reads it.
func withoutSequences(s string) string {
	if strings.IndexByte(s, escape) < 0 {
		return s
	}
	var b strings.Builder
	var seq sequences
	for i := range len(s) {
		if !seq.skips(s[i], i) {
			b.WriteByte(s[i])
		}
	}
	return b.String()
}

// maxEscape is more than any escape has bytes.
const maxEscape = 40

// escapes reports whether a byte may begin an escape, of allKinds.
func escapes(b byte) bool { return b == '%' || b == '&' || b == '\\' || b == '+' }

const allKinds = `%&\+`

// seen lists how a scan sees a pattern at its levels. Undoing the escapes of a text also undoes what
// looks like an escape in the secret itself, but not what the text escapes.
func seen(pattern string) []string {
	all := map[string]bool{joined(pattern): true}
	for range levels - 1 {
		for _, p := range slices.Collect(maps.Keys(all)) {
			for subset := range 1 << len(allKinds) {
				var kinds []byte
				for i := range len(allKinds) {
					if subset>>i&1 == 1 && strings.IndexByte(p, allKinds[i]) >= 0 {
						kinds = append(kinds, allKinds[i])
					}
				}
				q := joined(undone(p, string(kinds)))
				all[q], all[withoutSequences(q)] = true, true
			}
		}
	}
	return slices.Collect(maps.Keys(all))
}

// undone is s with the escapes that begin with one of the characters undone once.
func undone(s, kinds string) string {
	if !strings.ContainsAny(s, kinds) {
		return s
	}
	var b strings.Builder
	for len(s) > 0 {
		if strings.IndexByte(kinds, s[0]) < 0 {
			b.WriteByte(s[0])
			s = s[1:]
			continue
		}
		out, used, _ := undo([]byte(s[:min(len(s), maxEscape)]), true)
		b.WriteString(out)
		s = s[used:]
	}
	return b.String()
}

// undo undoes the escape that p begins with; what is none stands for itself. more: it depends
// on bytes that are still to come, unless these are the last.
func undo(p []byte, last bool) (out string, used int, more bool) {
	literal := string(p[:1])
	wait := func(whole bool) (string, int, bool) {
		if !last && !whole {
			return "", 0, true
		}
		return literal, 1, false
	}
	switch p[0] {
	case '+':
		return " ", 1, false
	case '%':
		if v, n, ok := hexadecimal(p[1:], 2); ok {
			return string([]byte{byte(v)}), 3, false //nolint:gosec // two digits
		} else if n == len(p)-1 {
			return wait(n == 2)
		}
	case '&':
		end := bytes.IndexByte(p, ';')
		if end > 0 {
			if s := string(p[:end+1]); html.UnescapeString(s) != s {
				return html.UnescapeString(s), end + 1, false
			}
			return literal, 1, false
		}
		for _, c := range p[1:] {
			if !alnum(c) && c != '#' {
				return literal, 1, false
			}
		}
		return wait(len(p) >= maxEscape)
	case '\\':
		return undoBackslash(p, wait)
	}
	return literal, 1, false
}

func undoBackslash(p []byte, wait func(bool) (string, int, bool)) (string, int, bool) {
	if len(p) == 1 {
		return wait(false)
	}
	switch c := p[1]; {
	case c == 'u':
		v, n, ok := hexadecimal(p[2:], 4)
		switch {
		case !ok && n == len(p)-2:
			return wait(false)
		case !ok:
			return literally(p)
		case !utf16.IsSurrogate(rune(v)): //nolint:gosec // four digits
			return string(utf8.AppendRune(nil, rune(v))), 6, false //nolint:gosec // four digits
		}
		if len(p) < 12 && strings.HasPrefix(`\u`, string(p[6:min(len(p), 8)])) {
			return wait(false)
		}
		if len(p) >= 12 && p[6] == '\\' && p[7] == 'u' {
			if low, _, ok := hexadecimal(p[8:], 4); ok {
				return string(utf16.DecodeRune(rune(v), rune(low))), 12, false //nolint:gosec // four digits each
			}
		}
		return string(utf8.RuneError), 6, false
	case c == 'x':
		v, n, ok := hexadecimal(p[2:], 2)
		if !ok && n == len(p)-2 {
			return wait(false)
		} else if !ok {
			return literally(p)
		}
		return string([]byte{byte(v)}), 4, false //nolint:gosec // two digits
	case c == '0' && len(p) < 4:
		return wait(false)
	case c == '0' && p[2] == '3' && p[3] == '3':
		return "\x1b", 4, false
	case c == 'e':
		return "\x1b", 2, false
	case c == 'n' || c == 'r':
		return "\n", 2, false
	case c == 't':
		return "\t", 2, false
	case c == 'b':
		return "\b", 2, false
	case c == 'f':
		return "\f", 2, false
	case c == '\\' || c == '"' || c == '\'' || c == '/':
		return string(p[1:2]), 2, false
	}
	return literally(p)
}

func literally(p []byte) (string, int, bool) { return string(p[:1]), 1, false }

// hexadecimal reads so many digits; n is how many there are.
func hexadecimal(p []byte, digits int) (v uint64, n int, ok bool) {
	for n < digits && n < len(p) && (digit(p[n]) || p[n]|0x20 >= 'a' && p[n]|0x20 <= 'f') {
		n++
	}
	if n < digits {
		return 0, n, false
	}
	v, err := strconv.ParseUint(string(p[:n]), 16, 32)
	return v, n, err == nil
}

package triage

import "sync"

// signal is a pattern that matched a line.
type signal struct {
	family family
	cause  string
	line   int // index into the document's lines; -1: none
	weight weight
	// from is where in the line, in bytes.
	from int
	// excluded: the other end is a third party by exclusion alone.
	excluded bool
}

// patternTable finds patterns in lines.
type patternTable struct {
	patterns []pattern
	words    *matcher
	// of lists, for each word, the rows that it makes worth a try.
	of [][]patternRow
}

// patternRow is a row of a pattern; -1: those behind a look.
type patternRow struct{ pattern, row int }

// signalTable is read when the first failure is. A fault in the table is a fault of
// this package; a test finds it.
var signalTable = sync.OnceValue(func() *patternTable {
	list, err := readPatterns(patternText)
	if err != nil {
		panic("triage: patterns.txt: " + err.Error())
	}
	return newPatternTable(list)
})

func newPatternTable(list []pattern) *patternTable {
	t := &patternTable{patterns: list}
	ids := map[string]int{}
	var words []string
	for i := range list {
		for _, w := range list[i].words {
			id, known := ids[w.text]
			if !known {
				id = len(words)
				ids[w.text], words, t.of = id, append(words, w.text), append(t.of, nil)
			}
			t.of[id] = append(t.of[id], patternRow{i, w.row})
		}
	}
	t.words = newMatcher(words)
	return t
}

// scanner remembers what was tried of a line.
type scanner struct {
	table *patternTable
	line  int
	// tried is the last line in which a row was tried, by pattern and row + 1.
	tried [][]int
	// found is, for the patterns of this line, the index of their signal; -1: none.
	found []int
}

func newScanner(t *patternTable) *scanner {
	s := &scanner{table: t, tried: make([][]int, len(t.patterns)), found: make([]int, len(t.patterns))}
	return s
}

// scan calls found for each pattern of a line that passes, in the order in which they show, with where the first of its
// rows is.
func (s *scanner) scan(text string, passes func(p *pattern) bool, emit func(p *pattern, from int) int, move func(at, from int)) {
	s.line++
	s.table.words.scan(text, func(word, end int) {
		for _, at := range s.table.of[word] {
			p := &s.table.patterns[at.pattern]
			if s.tried[at.pattern] == nil {
				s.tried[at.pattern] = make([]int, len(p.rows)+2)
			}
			tried := s.tried[at.pattern]
			if tried[at.row+1] == s.line || !passes(p) {
				continue
			}
			tried[at.row+1] = s.line
			rows := p.behind
			if at.row >= 0 {
				rows = []int{at.row}
			}
			for _, row := range rows {
				from, ok := p.rows[row].try(text, end)
				if !ok {
					continue
				}
				// The last cell is the line in which the pattern was found.
				if last := len(tried) - 1; tried[last] != s.line {
					tried[last] = s.line
					s.found[at.pattern] = emit(p, from)
				} else {
					move(s.found[at.pattern], from)
				}
			}
		}
	})
}

// maxLine bounds what is read of one line.
const maxLine = 4 << 10

// signals finds what the lines of a document say, in their order.
func (d *document) signals() []signal {
	var found []signal
	s := newScanner(signalTable())
	for i := range d.lines {
		l := &d.lines[i]
		if l.weight >= mute {
			continue
		}
		s.scan(l.read[:min(len(l.read), maxLine)], func(p *pattern) bool {
			return l.weight <= head || p.family < famAppCode // of output only causes count, see believed
		}, func(p *pattern, from int) int {
			found = append(found, signal{family: p.family, cause: p.cause, line: i, weight: l.weight, from: from})
			return len(found) - 1
		}, func(at, from int) { found[at].from = min(found[at].from, from) })
	}
	return found
}

// statusSignal is what an asserted HTTP status says.
func (a *assertion) statusSignal(lines []line) (signal, bool) {
	s := signal{line: a.line, weight: head}
	if a.line >= 0 {
		s.weight = lines[a.line].weight
	}
	switch got := a.actualStatus; {
	case got == 0 || a.expectedStatus >= 500:
		return s, false
	case got >= 502 && got <= 504:
		s.family, s.cause = famGateway, "no healthy service behind the gateway"
	case got >= 500:
		s.family, s.cause = famServer, "server error"
	case a.expectedStatus >= 400:
		return s, false
	case got == 429:
		s.family, s.cause = famLimit, "too many requests"
	case got == 409 && !a.unordered:
		s.family, s.cause = famConflict, "conflict"
	case got == 401 || got == 403:
		s.family, s.cause = famDenied, "access denied"
	case got == 404:
		s.family, s.cause = famMissing, "not found"
	default:
		return s, false
	}
	return s, true
}

// outward are families that mean something else where a third party is at the
// other end.
var outward = map[family]family{
	famTrust: famOutside, famNames: famOutside, famNetwork: famOutside, famReset: famOutside, famSlow: famOutside,
	famLimit: famExternal, famGateway: famExternal, famServer: famExternal, famDenied: famExternal,
}

// situation is everything that a table's conditions ask about.
type situation struct {
	health  Health
	rerun   Rerun
	recent  string
	changes changes
	marks   mark
	// pressure says what the machine was short of.
	pressure string
}

func (s *situation) holds(c condition) bool {
	var ok bool
	switch c.subject {
	case "health":
		ok = allowed(string(s.health), c.allowed)
	case "rerun":
		ok = allowed(string(s.rerun), c.allowed)
	case "recent":
		ok = allowed(s.recent, c.allowed)
	case "change":
		ok = allowed(string(s.changes.kind), c.allowed)
	case "is":
		ok = s.marks&c.mark != 0
	}
	return ok != c.negated
}

func (s *situation) bad() bool { return s.health == HealthFailed || s.health == HealthDegraded }

// marksOf gathers what is known besides the words.
func marksOf(in Input, d *document, c changes) mark {
	var m mark
	set := func(on bool, bit mark) {
		if on {
			m |= bit
		}
	}
	set(d.assertion.lags(), markLag)
	set(creates.MatchString(in.Test), markCreates)
	set(c.auth, markAuth)
	set(c.ui, markUI)
	set(c.schema, markSchema)
	set(c.harness, markHarness)
	m |= frameMarks(d.frames.owned, d.frames.found, c)
	set(d.frames.testLib && !d.frames.found, markTestLib)
	set(d.assertion.more(), markMore)
	set(d.killed(), markKilled)
	set(in.Pressure != "", markPressure)
	set(d.frames.runnerOnly, markRunnerOnly)
	set(d.assertion.actualStatus != 0, markStatus)
	set(in.Assertion, markFramed)
	set(len(d.lines) > 0, markTexted)
	return m
}

var creates = rx(`(?i)creat|regist|sign[-_ ]?up|submi|add|new|import|insert|upload|open`)

// frameMarks says whose code the innermost own frame is. A file of the change says it for sure.
func frameMarks(f frame, found bool, c changes) mark {
	if !found {
		return 0
	}
	inTest, m := f.test(), mark(0)
	if p, ok := c.holds(f.source()); ok {
		inTest, m = isTestPath(p), markChangedFrame
	}
	if inTest {
		return m | markTestFrame
	}
	return m | markProductFrame
}

// killed reports whether the kernel says that it ended a process.
func (d *document) killed() bool {
	for _, text := range []string{d.message, d.details} {
		if killLiterals.in(text) && kernelKill.MatchString(text) {
			return true
		}
	}
	return false
}

var (
	killLiterals = newMatcher([]string{"oomkilled", "oom-kill", "oom_kill", "out of memory: kill"})
	kernelKill   = rx(`(?i)\boom[-_]?kill(?:ed|er)?\b|out of memory: kill(?:ed)? process`)
)

package triage

import (
	"fmt"
	"slices"
	"strings"

	"github.com/org/e2e-gate/internal/e2e"
)

// failure is one failure on its way to a result.
type failure struct {
	in     Input
	doc    *document
	sit    situation
	choice choice
}

// propose finds the family that the failure's words propose.
func propose(in Input, c changes) *failure {
	f := &failure{in: in, doc: read(in)}
	f.sit = situation{health: f.doc.health, rerun: rerunOf(in), recent: string(in.Context.Recent), changes: c}
	if f.sit.recent == "" {
		f.sit.recent = "unset"
	}
	f.sit.marks = marksOf(in, f.doc, c)
	f.choice = choose(in, f.doc, &f.sit)
	if f.sit.rerun == RerunFailed && in.RerunMessage != "" && f.differs(propose(Input{Framework: in.Framework, Message: in.RerunMessage, Hosts: in.Hosts}, c)) {
		f.sit.marks |= markDiffers
	}
	return f
}

// differs reports whether the rerun failed in another way: one of the two is about
// what is beside the product and the other is not. Other differences do not count,
// since each attempt has data of its own in its words.
func (f *failure) differs(rerun *failure) bool {
	a, b := f.choice.cause.family, rerun.choice.cause.family
	return a != famNone && b != famNone && a.beside() != b.beside()
}

// beside reports whether a family is about what is beside the product.
func (f family) beside() bool {
	return f == famPackages || f == famPlatform || f >= famExternal && f <= famGateway
}

// decide finds the row of the family's table that the context chooses.
func (f *failure) decide() Result {
	return f.choice.result(f.in, f.doc, &f.sit, rowFor(f.choice.cause.family, &f.sit))
}

func rowFor(f family, s *situation) row {
	for _, r := range parsed[f] {
		if !slices.ContainsFunc(r.conditions, func(c condition) bool { return !s.holds(c) }) {
			return r
		}
	}
	// Every table ends with a row without conditions; a test holds that.
	return row{category: unknown, confidence: low}
}

// choice is what a failure's words come down to.
type choice struct {
	cause signal
	// symptom is what the failure itself said, where the cause stands elsewhere.
	symptom signal
	// passedOver is a cause that stands in the output and was not believed.
	passedOver signal
}

// choose picks the cause: the most telling signal at the root of the chain, else
// in the failure's own words. Where those are only a symptom, as a missing text
// is, the output is asked too.
func choose(in Input, d *document, s *situation) choice {
	signals := d.signals()
	if extra, ok := d.assertion.statusSignal(d.lines); ok {
		signals = append(signals, extra)
	}
	for i := range signals {
		d.place(&signals[i])
	}
	own := best(signals, func(g signal) bool { return g.weight == root && g.family < famElement })
	if own.family == famNone {
		own = best(signals, func(g signal) bool { return g.weight <= head })
	}
	own = d.refine(in, own)
	c := choice{cause: own}
	if !symptoms[own.family] {
		s.marks |= d.lineMarks(own)
		return c
	}
	other := best(signals, func(g signal) bool {
		return (g.family < own.family || own.family == famNone) && g.family < famAppCode && believed(g, own, s)
	})
	switch {
	case other.family != famNone:
		c.cause, c.symptom = other, own
	default:
		c.passedOver = best(signals, func(g signal) bool { return g.family < famGateway && g.weight == trace })
	}
	s.marks |= d.lineMarks(c.cause)
	return c
}

// best returns the most telling of the signals that pass, the first where there
// are several.
func best(signals []signal, pass func(signal) bool) signal {
	found := signal{line: -1}
	for _, g := range signals {
		if g.family != famNone && pass(g) && (found.family == famNone || g.family < found.family || g.family == found.family && g.weight < found.weight) {
			found = g
		}
	}
	return found
}

// symptoms are families that say how a failure showed, and not why.
var symptoms = map[family]bool{
	famNone: true, famCrash: true, famCompile: true, famGateway: true, famServer: true, famMissing: true, famElement: true, famSelector: true,
	famEvent: true, famWait: true,
	famTestTimeout: true, famVisual: true, famOutcome: true, famWords: true,
}

// believed reports whether what stands in the output may be the cause of a
// symptom. A wrong value that a change of the product brought about twice stays
// one, whatever a log complains of.
func believed(g, own signal, s *situation) bool {
	switch own.family {
	case famNone, famCrash:
		return true
	case famOutcome, famEvent, famWords, famVisual, famMissing:
		if !s.bad() && s.rerun != RerunPassed && s.changes.kind == changedProduct {
			return false
		}
	default:
	}
	return g.weight <= trace || s.bad()
}

// refine looks at the best signal once more with everything that is known.
func (d *document) refine(in Input, own signal) signal {
	a := &d.assertion
	switch own.family {
	case famNone:
		switch {
		case in.Expected != "" && in.Actual != "":
			own.family, own.cause = famOutcome, "wrong outcome"
		case in.Assertion:
			own.family, own.cause = famWords, "wrong outcome"
		}
	case famWords:
		if in.Error {
			return signal{line: -1}
		}
	case famWait, famTestTimeout:
		if a.found && a.line >= 0 && !elementState(a.actual) {
			own.family, own.cause = famEvent, "expected state not reached in time"
		}
	case famOutcome:
		if a.byClock() {
			own.family, own.cause = famClock, "dates differ"
		}
	default:
	}
	return own
}

// elementState reports whether an actual value says that an element is not there
// yet, rather than what it holds.
func elementState(actual string) bool {
	actual = strings.ToLower(actual)
	return strings.Contains(actual, "element(s) not found") || strings.Contains(actual, "hidden") || strings.Contains(actual, "detached") ||
		strings.Contains(actual, "not visible")
}

// place changes a signal's family where a third party is at the other end.
func (d *document) place(g *signal) {
	to, may := outward[g.family]
	if !may || g.line < 0 {
		return
	}
	if d.partyAt(g.line) == partyThird {
		g.family, g.cause = to, "third party: "+g.cause
	}
}

// partyAt says whose fault a line reports: by the hosts it names, the services it
// names, or else the one host that the failure's own words name.
func (d *document) partyAt(at int) party {
	here := parties(d.targetsAt(at), d.own)
	if here == partyUnknown && thirdWords.MatchString(d.lines[at].text) {
		return partyThird
	}
	if here != partyUnknown || len(d.targetsAt(at)) > 0 {
		return here
	}
	for i := range d.lines {
		if d.lines[i].weight <= head {
			if p := parties(d.targetsAt(i), d.own); p != partyUnknown {
				return p
			}
		}
	}
	return d.onlyParty()
}

// onlyParty says whose the one host is that URLs in the output name; several could
// be anybody's.
func (d *document) onlyParty() party {
	only := ""
	for i := range d.lines {
		if d.lines[i].weight != trace || !strings.Contains(d.lines[i].text, "://") {
			continue
		}
		for _, t := range d.targetsAt(i) {
			if partyOf(t.host, d.own) != partyThird || only != "" && only != t.host {
				return partyUnknown
			}
			only = t.host
		}
	}
	if only == "" {
		return partyUnknown
	}
	return partyThird
}

func parties(targets []target, own map[string]bool) party {
	found := partyUnknown
	for _, t := range targets {
		switch partyOf(t.host, own) {
		case partyThird:
			return partyThird
		case partyOwn:
			found = partyOwn
		case partyUnknown:
		}
	}
	return found
}

// lineMarks says what the line of a signal tells about the other end.
func (d *document) lineMarks(g signal) mark {
	if g.line < 0 || g.family < famExternal || g.family > famGateway {
		return 0
	}
	var m mark
	text := d.lines[g.line].text
	for _, t := range d.targetsAt(g.line) {
		if t.service() {
			m |= markService
		}
		if (t.host == "localhost" || strings.HasPrefix(t.host, "127.") || t.host == "::1") && t.ephemeral() {
			m |= markOwnPort
		}
	}
	if g.family == famExternal && refusedRequest.MatchString(text) {
		m |= markFourxx
	}
	return m
}

// result puts the answer into words.
func (c choice) result(in Input, d *document, s *situation, r row) Result {
	confidence := r.confidence
	if c.cause.family == famWords && s.marks&markFramed == 0 {
		confidence = lower(confidence)
	}
	res := Result{ID: in.ID, Category: r.category, Confidence: confidence, RunnerUp: r.next, Cause: causeOf(r.category, c.cause)}
	if c.passedOver.family != famNone && r.category == product {
		if other := rowFor(c.passedOver.family, s).category; other != product && other != unknown {
			res.RunnerUp = other
		}
	}
	res.Evidence = c.evidence(in, d, s, r)
	res.NextStep = nextStep(r.category, causeWord(res.Cause), stepHint(c.cause.family))
	return res
}

func lower(c e2e.Confidence) e2e.Confidence {
	if c == high {
		return medium
	}
	return low
}

// evidence quotes the words and names the context that decided.
func (c choice) evidence(in Input, d *document, s *situation, r row) []string {
	var list []string
	for _, g := range []signal{c.cause, c.symptom} {
		if g.family != famNone {
			list = append(list, d.quoteSignal(in, g))
		}
	}
	for _, subject := range []string{"rerun", "health", "recent", "change", "is"} {
		i := slices.IndexFunc(r.conditions, func(c condition) bool { return c.subject == subject })
		if i >= 0 || subject == "rerun" && s.rerun != RerunNone || subject == "health" && s.bad() {
			list = append(list, s.describe(subject, d, r)...)
		}
	}
	if c.passedOver.family != famNone {
		list = append(list, "not taken for the cause: "+d.quoteSignal(in, c.passedOver))
	}
	if r.category == unknown {
		list = append(list, s.missing(c, r))
	}
	return list
}

func (d *document) quoteSignal(in Input, g signal) string {
	if g.line < 0 {
		if in.Expected != "" && in.Actual != "" {
			return fmt.Sprintf("evidence of the test: expected %s, actual %s", quote(in.Expected), quote(in.Actual))
		}
		return "the framework reports a failed assertion"
	}
	l := &d.lines[g.line]
	text := l.text
	// Keep the match in sight where the line is long.
	if g.from > maxQuote/2 {
		text = "…" + strings.ToValidUTF8(text[g.from-maxQuote/4:], "")
	}
	return l.String() + ": " + quote(text)
}

func (s *situation) describe(subject string, d *document, r row) []string {
	switch subject {
	case "rerun":
		return []string{map[Rerun]string{RerunPassed: "rerun: passed on the same build", RerunFailed: "rerun: failed again",
			RerunNone: "rerun: there was none"}[s.rerun]}
	case "health":
		if len(d.healthWhy) > 0 {
			return d.healthWhy
		}
		return []string{"health: " + string(s.health) + " while the test ran"}
	case "recent":
		return []string{map[string]string{
			"stable": "history: stable until now", "flaky": "history: flaky", "new": "history: a new test",
			"failing-on-main": "history: fails on the default branch too", "unset": "history: none, or too little to tell",
		}[s.recent]}
	case "change":
		return []string{"change: " + s.changes.String()}
	}
	return s.describeMarks(r)
}

var markTexts = map[string]string{
	"lag": "the actual value is an earlier state", "creates": "the test is about creating it", "auth": "the change touches access rights",
	"ui":     "the change touches the user interface",
	"schema": "the change touches the database schema", "harness": "the change touches what the tests stand on", "many": "many tests failed in this way",
	"ownport": "the port was opened by the test itself",
	"service": "the other end is infrastructure", "testframe": "the innermost own frame is test code", "productframe": "the innermost own frame is product code",
	"runneronly": "all frames are of the runner", "differs": "the rerun failed in another way", "4xx": "the third party refuses the request itself",
	"words": "the failure's own words tell nothing",
}

func (s *situation) describeMarks(r row) []string {
	var list []string
	for _, c := range r.conditions {
		if c.subject == "is" && !c.negated {
			for _, word := range c.allowed {
				list = append(list, markTexts[word])
			}
		}
	}
	return list
}

// missing says what would decide an UNKNOWN.
func (s *situation) missing(c choice, r row) string {
	var lacks []string
	if s.rerun == RerunNone {
		lacks = append(lacks, "a diagnostic rerun")
	}
	if s.recent == "unset" {
		lacks = append(lacks, "history")
	}
	if s.changes.kind == changedNothing {
		lacks = append(lacks, "the changed files")
	}
	if len(lacks) == 0 {
		lacks = append(lacks, "the service's log of that moment")
	}
	if c.cause.family == famNone {
		return "nothing in the failure says why; missing: a failure message"
	}
	between := string(r.next)
	if r.second != "" {
		between += " or " + string(r.second)
	}
	return "could be " + between + "; missing: " + strings.Join(lacks, ", ")
}

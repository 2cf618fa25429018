package triage

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

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
	f.sit = situation{health: f.doc.health, rerun: rerunOf(in), recent: string(in.Context.Recent), changes: c, pressure: in.Pressure}
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
	return a.known() && b.known() && a.beside() != b.beside()
}

// known reports whether a rule knows the words.
func (f family) known() bool { return f != famNone && f != famPlain }

// beside reports whether a family is about what is beside the product.
func (f family) beside() bool {
	return f == famPackages || f == famPlatform || f >= famOutside && f <= famGateway && f != famEnded
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
	if d.headline {
		// Where the message says nothing, what the details say of the same kind goes first.
		slices.SortStableFunc(signals, func(a, b signal) int { return d.bare(a) - d.bare(b) })
	}
	signals = slices.DeleteFunc(signals, func(g signal) bool { return d.compared(g) })
	for i := range signals {
		d.place(in, &signals[i])
	}
	own := best(signals, func(g signal) bool { return g.weight == root && g.family < famElement })
	if own.family == famNone {
		own = best(signals, func(g signal) bool { return g.weight <= head })
	}
	own = d.refine(in, own)
	c := choice{cause: own}
	if end, ok := d.endedBy(signals, own); ok {
		c.cause, c.symptom = end, own
		s.marks |= d.lineMarks(end)
		if end.family == famEnded {
			// Its own innermost frame counts, and not the test's.
			s.marks &^= markTestFrame | markProductFrame | markChangedFrame | markTestLib
			s.marks |= frameMarks(d.endedFrame, d.endedFrame.place != "", s.changes)
		}
		return c
	}
	if !symptoms[own.family] {
		s.marks |= d.lineMarks(own)
		return c
	}
	other := best(signals, func(g signal) bool {
		if g.ofTest() && d.lines[g.line].beside {
			return false
		}
		return (g.family < own.family || own.family == famNone) && g.family < famAppCode && believed(g, own, s)
	})
	switch {
	case other.family != famNone:
		c.cause, c.symptom = other, own
	default:
		c.passedOver = best(signals, func(g signal) bool { return g.family < famGateway && g.weight == trace })
	}
	if c.cause.family == famNone {
		c.cause = d.plain()
	}
	s.marks |= d.lineMarks(c.cause)
	return c
}

// bare is 1 for a signal of a line that is no more than a headline, else 0.
func (d *document) bare(g signal) int {
	if g.line >= 0 && isHeadline(d.lines[g.line].text) {
		return 1
	}
	return 0
}

// ofTest reports whether a signal speaks of the test's own code and framework.
func (g signal) ofTest() bool { return g.family >= famMisuse && g.family <= famLink && g.line >= 0 }

// compared reports whether a signal is a word inside a value that the test compared with a text of its own: a page
// that shows "connection refused" in place of a name is no refused connection. What somebody else's data would say
// of itself, "already exists", stays a sign.
func (d *document) compared(g signal) bool {
	a := &d.assertion
	if !a.found || g.line < 0 || g.line != a.line || g.family == famCatalog || g.family == famCollision || g.family >= famGateway {
		return false
	}
	if n := len(a.actual); n == 0 || a.actualStatus != 0 || !ownText.MatchString(a.expected) || noFault.MatchString(a.expected) {
		return false
	}
	at := strings.Index(d.lines[g.line].text, a.actual)
	return at >= 0 && at <= g.from && g.from < at+len(a.actual)
}

var (
	ownText = rx(`\pL{3}`)
	noFault = rx(`(?i)\b(?:nil|null|none|undefined|no error|no exception|success(?:ful)?|succeed|true|ok|nothing|not to (?:have )?(?:throw|occur|fail))\b`)
)

// plain is the line that a failure begins with where no rule knows its words.
func (d *document) plain() signal {
	first := -1
	for i := range d.lines {
		l := &d.lines[i]
		if l.beside || l.weight > trace || l.weight == trace && !d.headline || d.headline && l.from == fromMessage {
			continue
		}
		if isHeadline(l.text) || !ownText.MatchString(l.text) {
			continue
		}
		if first < 0 || isCause(l.text) && !isCause(d.lines[first].text) {
			first = i
		}
	}
	if first < 0 {
		return signal{line: -1}
	}
	g := signal{family: famPlain, cause: "no rule knows these words", line: first, weight: head}
	if d.vendorError(first) {
		g.family, g.cause = famExternal, "third party: an error of its own client"
	}
	return g
}

// vendorError reports whether a line begins with an error class of a third party's client: Stripe::CardError.
func (d *document) vendorError(at int) bool {
	class, _, _ := strings.Cut(strings.TrimSpace(d.lines[at].text), " ")
	return len(class) < 200 && (strings.Contains(class, "::") || strings.Contains(class, ".")) && errorClass.MatchString(class) && thirdWords.MatchString(class)
}

var errorClass = rx(`(?:Error|Exception|Failure|Fault)\b`)

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
	famTestTimeout: true, famVisual: true, famOutcome: true, famWords: true, famPlain: true,
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
		case a.found && a.line >= 0:
			own.family, own.cause, own.line, own.weight = famOutcome, "wrong outcome", a.line, head
		case in.Assertion:
			own.family, own.cause, own.line = famWords, "wrong outcome", d.plain().line
		}
	case famWords:
		if d.vendorError(own.line) {
			own.family, own.cause = famExternal, "third party: an error of its own client"
			break
		}
		if in.Error {
			return signal{line: -1}
		}
	case famElement, famSelector, famWait, famTestTimeout:
		if own.family == famWait && own.line >= 0 && clientWords().in(d.lines[own.line].text) && vendorClients().MatchString(d.lines[own.line].text) {
			own.family, own.cause = famOutside, "third party: "+own.cause
			break
		}
		if a.found && a.line >= 0 && !elementState(a.actual) || own.family == famWait && own.line >= 0 && lastState.MatchString(d.lines[own.line].text) {
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

// lastState is how messages name the state that was there instead of the one that was waited for.
var lastState = rx(`(?i)\blast (?:seen |known |observed )?(?:state|status|value|phase|result)\b`)

// elementState reports whether an actual value says that an element is not there
// yet, rather than what it holds.
func elementState(actual string) bool {
	actual = strings.ToLower(actual)
	return strings.Contains(actual, "element(s) not found") || strings.Contains(actual, "hidden") || strings.Contains(actual, "detached") ||
		strings.Contains(actual, "not visible")
}

// place changes a signal's family where a third party is at the other end.
func (d *document) place(in Input, g *signal) {
	to, may := outward[g.family]
	if !may || g.line < 0 {
		return
	}
	whose, asked := d.whose[g.line]
	if !asked {
		whose = d.partyAt(g.line)
		if d.whose == nil {
			d.whose = map[int]party{}
		}
		d.whose[g.line] = whose
	}
	switch {
	case whose != partyUnknown:
	case g.family == famLimit && d.calledVendor():
		whose = partyThird
	case d.excluded(in, *g):
		// A name and a certificate are no work of the product, whoever owns the host.
		whose, g.excluded = partyThird, g.family != famNames && g.family != famTrust
	}
	if whose == partyThird {
		g.family, g.cause = to, "third party: "+g.cause
	}
}

// excluded reports whether the other end is a third party by exclusion: it has a public name, the environment is
// known to be healthy, and it is none of its hosts. What an application answered, and what a browser was sent to,
// is judged so only where the environment's hosts are known: it may be the one under test, by its public name.
func (d *document) excluded(in Input, g signal) bool {
	if d.health != HealthOK || in.Context.Health != HealthOK && len(in.Gates) == 0 {
		return false
	}
	if len(d.own) == 0 && (g.family == famServer || g.family == famDenied || navigation.MatchString(d.lines[g.line].text)) {
		return false
	}
	at, targets := g.line, d.targetsAt(g.line)
	if len(targets) == 0 {
		if at = d.addressLine(); at >= 0 {
			targets = d.targetsAt(at)
		}
	}
	if len(targets) == 0 || len(d.own) == 0 && navigation.MatchString(d.lines[at].text) {
		return false
	}
	for _, t := range targets {
		if !t.public() {
			return false
		}
	}
	return true
}

// addressLine is the first line that names an address, in the message, the output or the test's own code; -1: none does.
func (d *document) addressLine() int {
	if d.address == 0 {
		d.address = -1
		library := false
		for i := range d.lines {
			l := &d.lines[i]
			// Behind the first step of a trace, code is that of libraries, which name hosts as examples.
			library = library || l.weight == mute && isFrame(l.text)
			if strings.Contains(l.text, "://") && (l.weight <= trace && !l.beside || codeLine(l) && !library) && len(d.targetsAt(i)) > 0 {
				d.address = i + 1
				break
			}
		}
	}
	return max(d.address, 0) - 1
}

// codeLine reports whether a line is source code, and not a step of a stack trace.
func codeLine(l *line) bool { return l.weight == mute && !isFrame(l.text) }

// navigation is a browser on its way to a page.
var navigation = rx(`(?i)\bnet::ERR_|page\.goto|navigating to|cy\.visit|\bvisit\b|driver\.get\b|NS_ERROR_`)

// calledVendor reports whether the failing code is the client of a third party: Stripe::Charge.create, GitHubServiceClient.
func (d *document) calledVendor() bool {
	if !d.vendorAsked {
		d.vendorAsked, d.vendor = true, d.findVendor()
	}
	return d.vendor
}

func (d *document) findVendor() bool {
	for i := range d.lines {
		l := &d.lines[i]
		if l.beside || l.weight != mute && l.weight > head && !strings.HasPrefix(strings.TrimSpace(l.text), "Failure/Error:") {
			continue
		}
		if clientWords().in(l.text) && vendorClients().MatchString(l.text) {
			return true
		}
	}
	return false
}

// clientWords must occur in a line for it to name a client.
var clientWords = sync.OnceValue(func() *matcher { return newMatcher(append(texts("vendor libraries"), "client", "api", "sdk", "::")) })

// vendorClients finds a third party's name in the name of a client.
var vendorClients = sync.OnceValue(func() *regexp.Regexp {
	var names []string
	for _, name := range texts("third parties") {
		if len(name) >= 5 && !strings.Contains(name, "*") {
			names = append(names, regexp.QuoteMeta(name))
		}
	}
	all := "(?:" + strings.Join(names, "|") + ")"
	libraries := strings.Join(texts("vendor libraries"), "|")
	return regexp.MustCompile(`(?i)` + all + `\w*[ _-]?(?:client|api|sdk)\b|\b` + all + `::|\b(?:` + libraries + `)\b`)
})

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
	if !d.elsewhereAsked {
		d.elsewhereAsked, d.elsewhere = true, d.partyElsewhere()
	}
	return d.elsewhere
}

// partyElsewhere is whose fault a line without hosts reports: that of the one host that the failure's own words name, or the output.
func (d *document) partyElsewhere() party {
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
		if d.lines[i].weight != trace && !codeLine(&d.lines[i]) || !strings.Contains(d.lines[i].text, "://") {
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
	if g.line < 0 || g.family < famOutside || g.family > famGateway || g.family == famEnded {
		return 0
	}
	var m mark
	if g.excluded {
		m = markExcluded
	}
	text := d.lines[g.line].text
	for _, t := range d.targetsAt(g.line) {
		if t.service() {
			m |= markService
		}
		if (t.host == "localhost" || strings.HasPrefix(t.host, "127.") || t.host == "::1") && t.ephemeral() {
			m |= markOwnPort
		}
	}
	if p := namedPort.FindStringSubmatch(text); p != nil {
		if n, err := strconv.Atoi(p[1]); err == nil && servicePorts()[n] {
			m |= markService
		}
	}
	if g.family == famExternal && refusedRequest.MatchString(text) {
		m |= markFourxx
	}
	return m
}

// namedPort is a port that stands in words: "db" (10.0.0.4), port 5432.
var namedPort = rx(`\bport (\d{2,5})\b`)

// result puts the answer into words.
func (c choice) result(in Input, d *document, s *situation, r row) Result {
	confidence := r.confidence
	if c.cause.family == famWords && s.marks&markFramed == 0 || c.cause.family == famPlain {
		confidence = lower(confidence)
	}
	confidence = s.proven(r.category, confidence)
	res := Result{ID: in.ID, Category: r.category, Confidence: confidence, RunnerUp: r.next, Cause: causeOf(r.category, c.cause)}
	if r.category == env && r.asks("pressure") {
		res.Cause = "resource saturation: " + c.cause.cause
	}
	if c.passedOver.family != famNone && r.category == product {
		if other := rowFor(c.passedOver.family, s); other.category == unknown {
			res.RunnerUp = other.notProduct()
		} else if other.category != product {
			res.RunnerUp = other.category
		}
	}
	res.Evidence = c.evidence(in, d, s, r)
	if c.cause.line >= 0 {
		res.Line = strings.TrimSpace(d.lines[c.cause.line].text)
	}
	res.NextStep = nextStep(r.category, causeWord(res.Cause), stepHint(c.cause.family))
	// Where it is not clear which of two it is, the next step is what decides between them.
	a, b := res.Category, res.RunnerUp
	if a == unknown {
		a, b = r.next, r.second
	}
	if step := between(a, b, commandOf(in)); step != "" && confidence == low && in.ID != "" {
		res.NextStep = step
	}
	return res
}

// asks reports whether a condition of the row asks for a mark.
func (r row) asks(word string) bool {
	return slices.ContainsFunc(r.conditions, func(c condition) bool { return c.subject == "is" && !c.negated && slices.Contains(c.allowed, word) })
}

// notProduct is the candidate of an UNKNOWN row that is beside the product.
func (r row) notProduct() e2e.Category {
	if r.next == product {
		return r.second
	}
	return r.next
}

// proven bounds the confidence by the evidence that there is beyond the failure's own words, for categories that
// excuse the product: a bad gate, many tests, a process that the kernel ended, or pressure that was measured allow any;
// a rerun that passed, or a change that touches no product file, allow medium; words alone are low.
func (s *situation) proven(c e2e.Category, stated e2e.Confidence) e2e.Confidence {
	if c != env && c != external && c != data {
		return stated
	}
	switch {
	case s.bad(), s.marks&(markMany|markKilled|markPressure) != 0, s.rerun == RerunPassed && (c == data || s.changes.kind != changedProduct):
		return stated
	case s.rerun == RerunPassed, s.rerun == RerunFailed && s.changes.kind != changedProduct:
		if stated == high {
			return medium
		}
		return stated
	}
	return low
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
	"words": "the failure's own words tell nothing", "more": "the actual value holds more than the expected one",
	"changedframe": "the innermost own frame is in a changed file", "testlib": "the innermost frame is of the test framework",
	"excluded": "its host is public and no gate's, so it may be yours by its public name",
	"killed":   "the kernel ended a process", "pressure": "the machine was short of resources",
}

func (s *situation) describeMarks(r row) []string {
	var list []string
	for _, c := range r.conditions {
		if c.subject == "is" && !c.negated {
			for _, word := range c.allowed {
				if word == "pressure" && s.pressure != "" {
					list = append(list, "the machine: "+clean(s.pressure, maxQuote))
					continue
				}
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
	if r.next == "" && r.second == "" {
		return "no rule knows these words; missing: " + strings.Join(lacks, ", ")
	}
	between := string(r.next)
	if r.second != "" {
		between += " or " + string(r.second)
	}
	return "could be " + between + "; missing: " + strings.Join(lacks, ", ")
}

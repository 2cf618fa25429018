package triage

import (
	"strings"
)

// The lists of words about processes; lists.txt says what each is for.
var (
	outputHeads = listed("heads of a process's output")
	endWords    = listed("ends of a process")
)

// endLiterals and headLiterals keep the expressions off lines that cannot match.
var (
	endLiterals = newMatcher([]string{
		"panic", "fatal", "failed to start", "run failed", "exception in thread", "nhandled", "uncaught", "abort", "terminat", "segmentation", "sigsegv", "sanitizer",
		"exited", "exit code", "exit status", "could not start", "failed to boot", "unable to load", "crashloop", "back-off", "<module>", "asgi", "worker failed",
	})
	headLiterals = newMatcher([]string{"log", "stderr", "stdout", "output", " |", "webserver]"})
)

// ending is a process beside the test that ended by itself, as its output shows.
type ending struct {
	found bool
	// line says so, frame is its innermost frame that is neither library nor framework.
	line  int
	frame frame
	owned bool
}

// sections says which lines are the output of a process beside the test: those below a head such as
// "--- container log: api ---", and those of a program that puts a process's name before each line.
func (d *document) sections() {
	inside := false
	if !headLiterals.in(d.details) {
		return
	}
	for i := range d.lines {
		l := &d.lines[i]
		if l.from == fromMessage || len(l.text) > 1 && l.text[0] == '\t' {
			continue
		}
		text := l.text[:min(len(l.text), 200)]
		switch {
		case testOutput.MatchString(text):
			inside = false
		case headLiterals.in(text) && outputHeads.MatchString(text):
			inside = true
		}
		l.beside = inside
	}
}

// testOutput begins what the test's own process wrote, or the next part of a report.
var testOutput = rx(`(?i)^\W*(?:captured (?:std|log)|test (?:output|log)|FAIL(?:ED)?\b|--- FAIL|short test summary)`)

// ended finds a process beside the test that ended by itself. A line counts where it stands in the
// output of such a process, or where it cannot be the test's own: its words are not in the message.
func (d *document) ended() ending {
	e := ending{line: -1}
	for i := range d.lines {
		l := &d.lines[i]
		if e.found {
			// Its own trace follows. Go on while no other process speaks.
			if f, ok := frameOf(l.text); ok && (!e.owned || f.innermostLast) && !isForeign(f.place) {
				e.frame, e.owned = f, true
			} else if f, ok := sourceAt(l.text); ok && !e.owned && !isForeign(f.place) {
				e.frame, e.owned = f, true
			}
			continue
		}
		if l.from == fromMessage || !endLiterals.in(l.text) {
			continue
		}
		text := l.text[:min(len(l.text), maxLine)]
		if !endWords.MatchString(text) || !l.beside && (d.repeated(text) || d.style.pytest || exitStatus.MatchString(text)) {
			continue
		}
		e.found, e.line = true, i
		// Python names the place first: File "...", line 14, in <module>.
		if f, ok := frameOf(text); ok && !isForeign(f.place) {
			e.frame, e.owned = f, true
		} else if f, ok := sourceAt(text); ok && !isForeign(f.place) {
			e.frame, e.owned = f, true
		}
	}
	return e
}

// reason is the signal that names why a process ended where that is beside the product: no disk, no
// database, a value that is not set. What a compiler or loader says of the process is the product's own.
func (e ending) reason(signals []signal, d *document) signal {
	return best(signals, func(g signal) bool {
		if g.line < e.line && !d.lines[max(g.line, 0)].beside || g.line < 0 || d.lines[g.line].from == fromMessage {
			return false
		}
		switch g.family {
		case famSaturated, famConfig, famCredentials, famDatabase, famBroker, famNames, famNetwork, famTrust, famExternal, famOutside:
			return true
		default:
			return false
		}
	})
}

// transport are families of what a client sees when the other end is gone.
var transport = map[family]bool{
	famNetwork: true, famReset: true, famSlow: true, famGateway: true, famServer: true, famNone: true, famCrash: true, famPlatform: true,
}

// endedBy is the signal of a process that ended, where it explains what the failure itself says.
func (d *document) endedBy(signals []signal, own signal) (signal, bool) {
	explains := transport[own.family] || symptoms[own.family] || own.line >= 0 && d.lines[own.line].beside
	if !explains || own.family == famOutcome || own.family == famVisual {
		return signal{}, false
	}
	e := d.ended()
	if !e.found {
		// A process that cannot listen or lacks a value says so without an end.
		g := best(signals, func(g signal) bool {
			return g.line >= 0 && d.lines[g.line].beside && (g.family == famSaturated || g.family == famConfig)
		})
		return g, g.family != famNone && own.family.known()
	}
	if r := e.reason(signals, d); r.family != famNone {
		return r, true
	}
	// "exit status 1" and a roll-out that gave up name no cause without a place of the process's own.
	if text := d.lines[e.line].text; !e.owned && (exitStatus.MatchString(text) || restarted.MatchString(text)) {
		return signal{}, false
	}
	d.endedFrame = e.frame
	return signal{family: famEnded, cause: "a process under test exited", line: e.line, weight: trace}, true
}

var (
	exitStatus = rx(`(?i)exit(?:ed)?(?: with)? (?:code|status)`)
	restarted  = rx(`(?i)back-off|crashloop`)
)

// sourceAt finds a place in source code that is written into a sentence, as compilers, test programs of C++,
// Rust, Elixir, Swift and others do: tests/orders.rs:41:5.
func sourceAt(text string) (frame, bool) {
	if !hasPlace(text) {
		return frame{}, false
	}
	m := sourcePlace.FindStringSubmatch(text[:min(len(text), 400)])
	if m == nil {
		return frame{}, false
	}
	file := strings.TrimPrefix(m[1], "file://")
	return frame{place: file, file: file}, true
}

// hasPlace reports whether a dot stands before a colon, a bracket or the word line.
func hasPlace(text string) bool {
	return strings.IndexByte(text, '.') >= 0 && (strings.IndexByte(text, ':') >= 0 || strings.IndexByte(text, '(') >= 0 || strings.Contains(text, " line "))
}

var sourcePlace = rx(`((?:file://)?[\w./\\@-]*[\w-]\.(?:exs?|erl|rs|cc|cpp|cxx|hs|php|lua|swift|dart|clj[cs]?|pl|t|R|bats|robot|feature|hurl` +
	`|kts?|scala|fs|vb|groovy|[cm]?[jt]sx?|py|rb|go|java|cs|sh|sql|vue|razor|cshtml))(?::|\(|:line |", line |, line | line )\d+`)

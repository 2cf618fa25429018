package verdict

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/org/e2e-gate/internal/e2e"
)

// slack widens the time of a failure: probes are seconds apart, and a failure appears
// some time after its cause.
const slack = 5 * time.Second

// alibis know what the environment did, and when. An alibi comes from what gates and
// background processes did, never from the words of a failure alone.
type alibis struct {
	gates []e2e.Gate
	ends  []end
	// shards tell when the process of an attempt ran, for frameworks that do not say
	// when a test did.
	shards []e2e.ShardRun
}

// needed is what the environment did of which a test needs a part. What it does not need is no alibi.
func (a alibis) needed(t *e2e.Test) alibis {
	if len(t.Needs) == 0 {
		return a
	}
	if slices.ContainsFunc(a.gates, func(g e2e.Gate) bool { return !g.Scope.NeededBy(t) }) {
		a.gates = slices.DeleteFunc(slices.Clone(a.gates), func(g e2e.Gate) bool { return !g.Scope.NeededBy(t) })
	}
	if slices.ContainsFunc(a.ends, func(e end) bool { return !e.Scope.NeededBy(t) }) {
		a.ends = slices.DeleteFunc(slices.Clone(a.ends), func(e end) bool { return !e.Scope.NeededBy(t) })
	}
	return a
}

// end is a background process that ended by itself, on the machine of a shard in a workflow
// attempt. It says nothing of what ran elsewhere. here: on this machine, where all shards ran.
type end struct {
	e2e.ProcessEnd
	here           bool
	shard, attempt int
}

// concerns reports whether an attempt ran beside the process.
func (e end) concerns(at e2e.Attempt) bool {
	return e.here || e.shard == at.Shard && e.attempt == at.WorkflowAttempt
}

// of returns the alibi of a failed test, or nil if nothing shows that the environment was
// at fault. Every failed attempt needs its own alibi: an attempt that failed in a healthy
// environment is a failure. It returns the first attempt's alibi, which names an address, and
// excuses, only if that of every attempt does.
func (a alibis) of(attempts []e2e.Attempt) *e2e.Environment {
	var first *e2e.Environment
	for _, at := range attempts {
		if at.Outcome != e2e.Failed {
			continue
		}
		env := a.ofAttempt(at)
		switch {
		case env == nil:
			return nil
		case first == nil:
			first = env
		default:
			first.Excuses = first.Excuses && env.Excuses
			if env.NamedBy == "" {
				first.NamedBy = ""
			}
		}
	}
	return first
}

// ofAttempt prefers an alibi that excuses to one that the failure names, and that to any other.
//
// An alibi excuses a later pass if the gate was bad when the test started: what went bad while
// the test ran, the test may have broken. Of something external that does not matter.
func (a alibis) ofAttempt(at e2e.Attempt) *e2e.Environment {
	from, to, known := a.timeOf(at)
	if !known {
		return nil
	}
	var named, unnamed *e2e.Environment
	for _, g := range a.gates {
		env := badGate(g, from, to)
		if env == nil || g.Local() && a.crashedBy(at, env.From) {
			continue
		}
		// Another build is a reason not to judge this attempt. It was not bad, so that
		// naming it proves nothing of an earlier failure.
		if env.State == e2e.Unhealthy {
			env.NamedBy = NamedBy(at, g.Target)
		}
		if env.NamedBy != "" {
			if env.Excuses = g.External || badAt(g, from); env.Excuses {
				return env
			}
			if named == nil {
				named = env
			}
			continue
		}
		if unnamed == nil && g.Required {
			unnamed = env // an advisory gate explains only a failure that names it
		}
	}
	switch {
	case named != nil:
		return named
	case unnamed == nil:
		return a.endedProcess(at, to)
	}
	return unnamed
}

// badAt reports whether a gate was seen unhealthy before a time and still at or after it.
func badAt(g e2e.Gate, at time.Time) bool {
	return slices.ContainsFunc(g.Timeline, func(s e2e.Span) bool {
		return s.Watch && s.State == e2e.Unhealthy && !s.From.After(at) && !s.To.Before(at)
	})
}

// timeOf is when an attempt ran: as the framework says, else while its process ran.
func (a alibis) timeOf(at e2e.Attempt) (from, to time.Time, known bool) {
	if !at.Started.IsZero() {
		return at.Started, at.Started.Add(seconds(max(at.Seconds, 0))), true
	}
	for _, sh := range a.shards {
		if sh.Index != at.Shard || sh.Run.WorkflowAttempt != at.WorkflowAttempt || sh.Run.Started.IsZero() {
			continue
		}
		for _, u := range sh.Units {
			if u.Log != "" && slices.Contains(at.Files, u.Log) {
				from = sh.Run.Started.Add(seconds(u.Offset))
				return from, from.Add(seconds(max(u.Seconds, 0))), true
			}
		}
	}
	return from, to, false
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

// badGate is the first span in which a gate was bad at a time: unhealthy while the
// suites ran, or, for a gate of the kind version, another build than before.
func badGate(g e2e.Gate, from, to time.Time) *e2e.Environment {
	before := ""
	for _, s := range g.Timeline {
		bad := s.State == e2e.Unhealthy || redeployed(g, s, before)
		if s.State == e2e.Healthy {
			before = s.Observed
		}
		if bad && s.Watch && !s.To.Before(from.Add(-slack)) && !s.From.After(to.Add(slack)) {
			return &e2e.Environment{Gate: g.Name, From: s.From, To: s.To, State: s.State, Observed: s.Observed}
		}
	}
	return nil
}

// redeployed reports whether a span begins with another build than the one that a
// version gate saw before. Both may be accepted; a test that ran across the change
// tested neither.
func redeployed(g e2e.Gate, s e2e.Span, before string) bool {
	return g.Kind == "version" && s.State == e2e.Healthy && before != "" && s.Observed != before
}

// crashedBy reports whether a background process beside an attempt had crashed by a time. A gate on this machine
// that is bad from then on is what the crash did.
func (a alibis) crashedBy(at e2e.Attempt, by time.Time) bool {
	return slices.ContainsFunc(a.ends, func(e end) bool { return e.Crashed && e.concerns(at) && !e.At.After(by.Add(slack)) })
}

// crashes are the background processes that had crashed when a failed attempt ended: what is
// under test broke, and that is evidence of the failure and no excuse.
func (a alibis) crashes(attempts []e2e.Attempt) []e2e.Evidence {
	var list []e2e.Evidence
	for _, e := range a.ends {
		if e.Crashed && slices.ContainsFunc(attempts, func(at e2e.Attempt) bool {
			_, to, known := a.timeOf(at)
			return at.Outcome == e2e.Failed && known && e.concerns(at) && !e.At.After(to.Add(slack))
		}) {
			list = append(list, e2e.Evidence{Kind: e2e.EvidenceCrash, Source: "background process " + e.Name,
				Text: fmt.Sprintf("background process %s crashed before the test ended, at %s (%s)", e.Name, e.At.UTC().Format(time.TimeOnly), e.Text)})
		}
	}
	return list
}

// endedProcess is the first background process beside an attempt that had ended by itself by a
// time, and did not crash.
func (a alibis) endedProcess(at e2e.Attempt, by time.Time) *e2e.Environment {
	for _, e := range a.ends {
		if !e.Crashed && e.concerns(at) && !e.At.IsZero() && !e.At.After(by.Add(slack)) {
			return &e2e.Environment{Process: e.Name, From: e.At, To: e.At, Observed: e.Text}
		}
	}
	return nil
}

// NamedBy is the address of a gate's target as a failure names it; empty where it does
// not. Other output of the test does not count, because it names whatever the test talks to.
func NamedBy(at e2e.Attempt, target string) string {
	host, port := e2e.Gate{Target: target}.Address()
	if host == "" {
		return ""
	}
	text := at.Type + "\n" + at.Message + "\n" + withoutOutput(at.Details)
	hosts := []string{host}
	if e2e.IsLoopback(host) {
		hosts = e2e.Loopback()
	}
	for _, h := range hosts {
		if named := findAddress(text, h, port); named != "" {
			return named
		}
	}
	return ""
}

// printed begins what a test printed, in the details of its failure: a mark of JUnit reports, or of one of our reporters.
var printed = regexp.MustCompile(`(?m)^--- (?:system-out|system-err|stdout|stderr|(?:output|log|Captured .*) ---)\s*$`)

// withoutOutput cuts the output of a test off the details of its failure.
func withoutOutput(details string) string {
	if at := printed.FindStringIndex(details); at != nil {
		return details[:at[0]]
	}
	return details
}

// findAddress finds a host in a text as a word of its own, and returns it with the port
// that stands behind it. Another port is another server; on loopback, so is none.
func findAddress(text, host, port string) string {
	lower := strings.ToLower(text)
	for at := 0; ; {
		i := strings.Index(lower[at:], host)
		if i < 0 {
			return ""
		}
		start, end := at+i, at+i+len(host)
		at = end
		if start > 0 && isHostByte(lower[start-1]) || end < len(lower) && isHostByte(lower[end]) && !endsSentence(lower[end:]) {
			continue
		}
		rest := strings.TrimPrefix(lower[end:], "]") // [::1]:8080
		digits := portOf(rest)
		switch {
		case digits == "" && e2e.IsLoopback(host):
			continue
		case digits == "":
			return lower[start:end]
		case port == "" || digits == port:
			return lower[start:end] + ":" + digits
		}
	}
}

// portOf is the number behind a colon at the start of a text.
func portOf(text string) string {
	rest, ok := strings.CutPrefix(text, ":")
	n := 0
	for n < len(rest) && rest[n] >= '0' && rest[n] <= '9' {
		n++
	}
	if !ok || n == 0 {
		return ""
	}
	if p, err := strconv.Atoi(rest[:n]); err != nil || p < 1 || p > 65535 {
		return ""
	}
	return rest[:n]
}

// isHostByte reports whether a byte may be part of a host name.
func isHostByte(c byte) bool {
	return c == '-' || c == '.' || c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z'
}

// endsSentence reports whether a full stop, and no further label, follows a host.
func endsSentence(rest string) bool {
	return rest[0] == '.' && (len(rest) == 1 || !isHostByte(rest[1]))
}

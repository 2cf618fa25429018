package report

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/org/e2e-gate/internal/e2e"
)

// reply is the answer to a question about a failure.
type reply string

const (
	replyYes     reply = "yes"
	replyNo      reply = "no"
	replyUnknown reply = "unknown"
)

// question is one that triage asks about a failure, in the order of the domain, with its answer and where that is from.
type question struct {
	ask    string
	reply  reply
	source string
}

func (q question) String() string {
	text := q.ask + ": " + string(q.reply)
	if q.source != "" {
		text += " (" + q.source + ")"
	}
	return text
}

// questionsOf answers the questions about a failed test from what the result holds of it: gates, evidence, attempts,
// category. What nothing tells is unknown.
func questionsOf(r e2e.Result, t *e2e.TestResult) []question {
	if t.Category == "" {
		return nil
	}
	return []question{
		healthyThen(r, t), signedIn(r, t), answered(t), stated(t, "asynchronous work started", e2e.EvidenceEvents), expectedEvent(t), shown(t),
		reproducible(t),
		ofCategory(t, "data collision", e2e.DataCollision), ofCategory(t, "known external dependency", e2e.ExternalDependency), whose(t),
	}
}

// healthyThen says whether the gates were healthy while the first failed attempt ran.
func healthyThen(r e2e.Result, t *e2e.TestResult) question {
	q := question{ask: "environment healthy", reply: replyUnknown, source: "no gate watched it"}
	if env := t.Environment; env != nil && env.Gate != "" {
		return question{q.ask, replyNo, "gate " + env.Gate}
	}
	from, to, known := failedFrom(t)
	var healthy []string
	for _, g := range r.Gates {
		if !g.Required {
			continue
		}
		watched := false
		for _, s := range g.Timeline {
			overlaps := !known || !s.To.Before(from) && !s.From.After(to)
			switch {
			case !s.Watch || !overlaps:
			case s.State == e2e.Unhealthy || s.State == e2e.Degraded:
				return question{q.ask, replyNo, "gate " + g.Name}
			case s.State == e2e.Healthy:
				watched = true
			}
		}
		if watched {
			healthy = append(healthy, g.Name)
		}
	}
	if len(healthy) > 0 {
		q.reply, q.source = replyYes, "gates "+e2e.SomeOf(healthy)
		if len(healthy) == 1 {
			q.source = "gate " + healthy[0]
		}
	}
	return q
}

// failedFrom is when the first failed attempt ran; known is false where its framework does not say.
func failedFrom(t *e2e.TestResult) (from, to time.Time, known bool) {
	for _, a := range t.Attempts {
		if a.Outcome == e2e.Failed {
			return a.Started, a.Started.Add(time.Duration(a.Seconds * float64(time.Second))), !a.Started.IsZero()
		}
	}
	return from, to, false
}

// causeHas reports whether the cause that triage found is one of some words.
func causeHas(t *e2e.TestResult, words ...string) bool {
	return slices.ContainsFunc(words, func(w string) bool { return strings.Contains(t.Cause, w) })
}

func signedIn(r e2e.Result, t *e2e.TestResult) question {
	q := question{ask: "authentication and set-up", reply: replyUnknown}
	switch {
	case causeHas(t, "credentials", "access denied"):
		return question{q.ask, replyNo, "cause " + t.Cause}
	case causeHas(t, "not set up", "fixture not found", "cannot be initialised"):
		return question{q.ask, replyNo, "cause " + t.Cause}
	}
	for _, g := range r.Gates {
		if g.Kind == "oidc" && g.Open() {
			q.reply, q.source = replyYes, "gate "+g.Name
		}
	}
	return q
}

// answered says whether the request of the test was sent and answered.
func answered(t *e2e.TestResult) question {
	const ask = "request sent and answered"
	switch {
	case causeHas(t, "connection refused", "no connection", "host name not found", "certificate", "closed in the middle", "no answer in time"):
		return question{ask, replyNo, "cause " + t.Cause}
	case causeHas(t, "server error", "gateway", "conflict", ": not found", "access denied", "too many requests"):
		return question{ask, replyYes, "cause " + t.Cause}
	}
	return stated(t, ask, e2e.EvidenceRequest)
}

// stated is yes where the test itself left evidence of a kind.
func stated(t *e2e.TestResult, ask string, kinds ...e2e.EvidenceKind) question {
	for _, e := range t.Evidence {
		if slices.Contains(kinds, e.Kind) {
			return question{ask, replyYes, e.Source}
		}
	}
	return question{ask: ask, reply: replyUnknown}
}

func expectedEvent(t *e2e.TestResult) question {
	const ask = "expected event or audit entry"
	if q := stated(t, ask, e2e.EvidenceMissing); q.reply == replyYes {
		return question{ask, replyNo, q.source}
	}
	return stated(t, ask, e2e.EvidenceAudit)
}

// shown says whether the projection or the interface showed what the test waited for.
func shown(t *e2e.TestResult) question {
	const ask = "projection or UI updated"
	if causeHas(t, "element", "not reached in time", "not met in time", "picture differs") {
		return question{ask, replyNo, "cause " + t.Cause}
	}
	if q := stated(t, ask, e2e.EvidenceActual); q.reply == replyYes {
		return question{ask, replyNo, q.source + ", which is not what was expected"}
	}
	return question{ask: ask, reply: replyUnknown}
}

func reproducible(t *e2e.TestResult) question {
	q := question{ask: "reproducible", reply: replyUnknown, source: "it did not run again"}
	first := true
	for _, a := range t.Attempts {
		switch {
		case a.Outcome == e2e.Failed && first:
			first = false
		case first || a.Uncounted != "":
		case a.Outcome == e2e.Failed:
			q.reply, q.source = replyYes, fmt.Sprintf("attempt %d failed too", a.N)
		case a.Outcome == e2e.Passed:
			return question{q.ask, replyNo, fmt.Sprintf("attempt %d passed", a.N)}
		}
	}
	return q
}

func ofCategory(t *e2e.TestResult, ask string, c e2e.Category) question {
	switch t.Category {
	case c:
		return question{ask, replyYes, "triage, " + string(t.Confidence) + " confidence"}
	case e2e.Unknown:
		return question{ask: ask, reply: replyUnknown}
	default:
		return question{ask, replyNo, "triage, " + string(t.Confidence) + " confidence"}
	}
}

// whose is the last question: it has a name for an answer where there is one.
func whose(t *e2e.TestResult) question {
	q := question{ask: "product, environment or test", reply: replyUnknown}
	word := map[e2e.Category]string{
		e2e.ProductRegression: "product", e2e.TestBug: "test", e2e.EnvironmentFailure: "environment", e2e.DataCollision: "test data",
		e2e.FlakyTiming: "test, its timing", e2e.ExternalDependency: "third party",
	}[t.Category]
	if word != "" {
		q.reply, q.source = reply(word), "triage, "+string(t.Confidence)+" confidence"
	}
	return q
}

// explainQuestions is the triage sequence as it was asked.
func explainQuestions(r e2e.Result, t *e2e.TestResult) Step {
	s := Step{Step: "triage", Answer: "not asked: nothing failed"}
	list := questionsOf(r, t)
	if len(list) == 0 {
		return s
	}
	known := 0
	for _, q := range list {
		if q.reply != replyUnknown {
			known++
		}
		s.Because = append(s.Because, q.String())
	}
	s.Answer = fmt.Sprintf("%d of %d questions have an answer", known, len(list))
	return s
}

package junit

import (
	"fmt"
	"slices"
	"strings"

	"github.com/org/e2e-gate/internal/e2e"
)

// Bounds of an attempt's texts, in bytes.
const (
	messageBytes = 4 << 10
	detailsBytes = 64 << 10
)

// Attempts makes attempts of a case, in order of time: what the framework retried
// by itself, then the last one. Flaky results came before the case's own outcome; rerun
// results came after its failure, or before its pass. A case that says it failed and
// shows no failure is a failed attempt, never a pass. One that was cut off before any
// failure has no attempt: how it ended is not known.
// Number and source are left to internal/verdict/attempts.
func (c *Case) Attempts() []e2e.Attempt {
	if c.Incomplete && len(c.final()) == 0 {
		return nil
	}
	var list []e2e.Attempt
	for _, r := range c.executions() {
		if r == nil {
			list = append(list, c.own())
		} else {
			list = append(list, retried(r))
		}
	}
	list[len(list)-1].Evidence = c.evidence()
	return list
}

// executions are the results of the framework's own retries in order of time, and nil for
// the execution that the case's own outcome describes.
func (c *Case) executions() []*Result {
	var before, after []*Result
	red := c.red()
	for i := range c.Results {
		r := &c.Results[i]
		switch {
		case r.Kind.Rerun() && red:
			after = append(after, r)
		case r.Kind.Rerun(), r.Kind.Flaky():
			before = append(before, r)
		}
	}
	return append(append(before, nil), after...)
}

func (c *Case) red() bool {
	return c.Status != StatusPassed && c.Status != StatusSkipped || c.Incomplete ||
		c.Status == StatusPassed && claimsFailure(c.Claim)
}

// own is the attempt that the case's own outcome describes.
func (c *Case) own() e2e.Attempt {
	a := e2e.Attempt{Started: c.Started, Seconds: c.Seconds}
	switch {
	case c.red():
		a.Outcome, a.Error = e2e.Failed, c.Status == StatusError
		c.explain(&a)
	case c.Status == StatusSkipped:
		a.Outcome, a.Message = e2e.Skipped, shorten(c.Skipped, messageBytes)
	case c.Status == StatusPassed:
		a.Outcome = e2e.Passed
	}
	return a
}

// final are the failures of the case's own outcome.
func (c *Case) final() []*Result {
	var final []*Result
	for i := range c.Results {
		if r := &c.Results[i]; !r.Kind.Flaky() && !r.Kind.Rerun() {
			final = append(final, r)
		}
	}
	return final
}

// explain sets type, message and details from the case's final failures.
func (c *Case) explain(a *e2e.Attempt) {
	final := c.final()
	if len(final) > 0 {
		a.Type, a.Message = final[0].Type, final[0].headline()
	}
	switch {
	case c.Incomplete:
		a.Message = strings.TrimSpace("the report does not hold the end of this test case\n" + a.Message)
	case a.Message == "" && c.Claim != "":
		a.Message = "the report gives the status " + quote(c.Claim) + " but no failure"
	}
	a.Message = shorten(a.Message, messageBytes)
	a.Details = details(final, c.SystemOut, c.SystemErr)
}

// headline is the message of a result, else the first line of its text.
func (r *Result) headline() string {
	if strings.TrimSpace(r.Message) != "" {
		return r.Message
	}
	first, _, _ := strings.Cut(strings.TrimSpace(r.Text.Value), "\n")
	return strings.TrimSpace(first)
}

func retried(r *Result) e2e.Attempt {
	return e2e.Attempt{
		Outcome: e2e.Failed, Error: r.Kind.Error(), Started: r.Started, Seconds: r.Seconds,
		Type: r.Type, Message: shorten(r.headline(), messageBytes),
		Details: details([]*Result{r}, r.SystemOut, r.SystemErr),
	}
}

// details joins the texts of results and the outputs, half of the room for the
// former and a quarter for each of the latter.
func details(results []*Result, out, err Text) string {
	var b strings.Builder
	for i, r := range results {
		if len(results) > 1 {
			fmt.Fprintf(&b, "--- %s %d of %d: %s %s\n", r.Kind, i+1, len(results), r.Type, shorten(r.Message, messageBytes))
		}
		b.WriteString(r.Text.Value)
		b.WriteString("\n")
	}
	parts := []string{shorten(strings.TrimRight(b.String(), "\n"), detailsBytes/2)}
	if strings.TrimSpace(out.Value) != "" {
		parts = append(parts, "--- system-out\n"+shorten(out.Value, detailsBytes/4))
	}
	if strings.TrimSpace(err.Value) != "" {
		parts = append(parts, "--- system-err\n"+shorten(err.Value, detailsBytes/4))
	}
	return shorten(strings.TrimPrefix(strings.Join(parts, "\n"), "\n"), detailsBytes)
}

// evidence are the e2e.* properties of the case, then those of its suites.
func (c *Case) evidence() []e2e.Evidence {
	var list []e2e.Property
	add := func(properties []Property, source string) {
		for _, p := range properties {
			list = append(list, e2e.Property{Name: p.Name, Value: shorten(p.Value, e2e.StatedBytes), Source: source})
		}
	}
	add(c.Properties, "property of the test case")
	add(c.SuiteProperties, "property of its suite")
	return e2e.StatedEvidence(list)
}

// Metadata is what properties say about a test, the case's before its suites'.
type Metadata struct {
	Owner       string
	Journey     string
	Criticality e2e.Criticality
	// Tags are sorted and unique.
	Tags []string
}

// Metadata reads owner, journey, criticality and tag properties.
// Words that the domain does not know are left out.
func (c *Case) Metadata() Metadata {
	var m Metadata
	for _, p := range c.Properties {
		m.take(p)
	}
	for i := len(c.SuiteProperties) - 1; i >= 0; i-- {
		m.take(c.SuiteProperties[i])
	}
	slices.Sort(m.Tags)
	m.Tags = slices.Compact(m.Tags)
	return m
}

// take copies a property; a value that is already set stays.
func (m *Metadata) take(p Property) {
	value := strings.TrimSpace(p.Value)
	if value == "" {
		return
	}
	switch p.Name {
	case "owner":
		setOnce(&m.Owner, value)
	case "journey":
		setOnce(&m.Journey, value)
	case "tag":
		m.Tags = append(m.Tags, value)
	case "criticality":
		if slices.Contains(e2e.Criticalities(), e2e.Criticality(value)) {
			setOnce(&m.Criticality, e2e.Criticality(value))
		}
	}
}

func setOnce[T ~string](at *T, value T) {
	if *at == "" {
		*at = value
	}
}

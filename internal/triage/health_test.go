package triage

import (
	"strings"
	"testing"
	"time"

	"github.com/org/e2e-gate/internal/e2e"
)

// Another build that the gate accepts, too, is evidence for failures at that time,
// and at no other.
func TestDeploymentThatChangesUnderTheTest(t *testing.T) {
	start := time.Unix(1_000_000, 0)
	at := func(seconds int) time.Time { return start.Add(time.Duration(seconds) * time.Second) }
	gate := e2e.Gate{Name: "build", Kind: "version", Required: true, State: e2e.Healthy, Timeline: []e2e.Span{
		{From: at(0), To: at(0), State: e2e.Healthy, Observed: "4.2.0"}, {From: at(2), To: at(60), State: e2e.Healthy, Observed: "4.2.0", Watch: true},
		{From: at(62), To: at(90), State: e2e.Healthy, Observed: "4.2.1", Watch: true},
	}}
	for _, c := range []struct {
		from, to int
		kind     string
		want     Health
	}{
		{50, 70, "version", HealthDegraded}, {66, 80, "version", HealthDegraded}, {10, 40, "version", HealthOK}, {70, 80, "version", HealthOK},
		{50, 70, "http", HealthOK},
	} {
		g := gate
		g.Kind = c.kind
		got, why := healthOf(Input{Gates: []e2e.Gate{g}, From: at(c.from), To: at(c.to)}, &document{})
		if got != c.want || (got != HealthOK) != (len(why) == 1 && strings.Contains(why[0], "from 4.2.0 to 4.2.1")) {
			t.Errorf("%+v: %s %q", c, got, why)
		}
	}
}

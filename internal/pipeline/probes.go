package pipeline

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/org/e2e-gate/internal/e2e"
)

// The bounds of what is asked about failures: a suite of which all fails must not end much later for it.
const (
	probedTests = 20
	probeTime   = 2 * time.Second
	allProbes   = 30 * time.Second
	probeBytes  = 8 << 10
)

// askProbes asks the system under test about failed tests, while it still runs: events, audit entries, logs of the
// correlation id. The answers are evidence of the first failed attempt. It only reads.
func (s *Session) askProbes(ctx context.Context, docs []e2e.ShardRun) {
	if len(s.opts.Config.Probes) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, allProbes)
	defer cancel()
	// A redirect may lead to a host that the config does not name.
	client := &http.Client{Timeout: probeTime, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	asked := 0
	for d := range docs {
		docs[d].Tests = slices.Clone(docs[d].Tests)
		for t := range docs[d].Tests {
			run := &docs[d].Tests[t]
			at := slices.IndexFunc(run.Attempts, func(a e2e.Attempt) bool { return a.Outcome == e2e.Failed })
			if at < 0 || asked == probedTests || ctx.Err() != nil {
				continue
			}
			asked++
			run.Attempts = slices.Clone(run.Attempts) // the shard goes on with its own
			a := &run.Attempts[at]
			a.Evidence = slices.Clip(a.Evidence)
			for _, link := range s.opts.Config.Probes.Of(s.run, run.ID, *a) {
				a.Evidence = append(a.Evidence, probe(ctx, client, link))
			}
		}
	}
}

// probe asks one address.
func probe(ctx context.Context, client *http.Client, link e2e.Link) e2e.Evidence {
	source := "probe " + link.Name
	failed := func(format string, args ...any) e2e.Evidence {
		return e2e.Evidence{Kind: e2e.EvidenceTriage, Text: source + " says nothing: " + fmt.Sprintf(format, args...), Source: source}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, link.URL, nil)
	if err != nil {
		return failed("the address cannot be used")
	}
	res, err := client.Do(req)
	if err != nil {
		return failed("no answer")
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusOK {
		return failed("status %d", res.StatusCode)
	}
	body, err := io.ReadAll(io.LimitReader(res.Body, probeBytes+1))
	if err != nil {
		return failed("the answer broke off")
	}
	more := len(body) > probeBytes
	text := strings.TrimSpace(strings.ToValidUTF8(string(body[:min(len(body), probeBytes)]), ""))
	switch {
	case !more && !utf8.Valid(body):
		return failed("the answer is no text")
	case text == "" || text == "[]" || text == "{}" || text == "null":
		return e2e.Evidence{Kind: e2e.EvidenceMissing, Text: "no " + link.Name + " for this test", Source: source}
	case more:
		text += "\n(more follows)"
	}
	return e2e.Evidence{Kind: e2e.EvidenceKind(link.Name), Text: text, Source: source}
}

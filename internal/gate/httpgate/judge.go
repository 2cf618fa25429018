package httpgate

import (
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/org/e2e-gate/internal/gate/probe"
	"github.com/org/e2e-gate/internal/safetext"
)

// judge compares an answer with everything that is expected, outermost first.
func (p *prober) judge(a answer) probe.Observation {
	if !p.rules.status.has(a.code) {
		return wrongStatus(a)
	}
	if o, ok := p.spec.TLS.CheckDays(a.tls); ok {
		return o
	}
	if len(p.rules.json) > 0 && !a.isJSON {
		return notJSON(a)
	}
	if a.twice != nil {
		return ambiguous(a)
	}
	if o, ok := p.wrongContent(a); ok {
		return o
	}
	if o, ok := p.saysOtherwise(a); ok {
		return o
	}
	if limit := p.spec.MaxLatency; limit > 0 && a.latency > limit {
		o := probe.NotYet(fmt.Sprintf("%s after %s", a, a.latency.Round(time.Millisecond)),
			fmt.Sprintf("the answer took longer than %s; the service may be warming up, else look at its load or raise max_latency", limit))
		o.Key = "slow"
		return o
	}
	return probe.Healthy(a.String())
}

// String says what came back: HTTP 503, status DOWN, failing: worker.
func (a answer) String() string {
	text := fmt.Sprintf("HTTP %d", a.code)
	if h := a.health.String(); h != "" {
		text += ", " + h
	}
	return text
}

// neverCodes are the answers of a service that is up and will keep refusing this
// request (permanent failures): the path, the method, the credentials or the request is
// wrong. Every other status may pass: 5xx, 408, 421, 423, 425, 429 while a service or
// its ingress comes up, and codes that a service made up for "not ready".
var neverCodes = map[int]string{
	400: "the service does not accept the request; check url, method and headers",
	401: "the service asks for credentials; send them with headers, or use an address that needs none",
	403: "the service refuses access; check the credentials in headers and what they may do",
	404: "there is nothing at this path; check the path, and that the right version is deployed",
	405: "the path exists but does not accept this method; set method",
	406: "the service cannot answer in an accepted format; set the header Accept",
	407: "the proxy asks for a login; put it into HTTP_PROXY, or the host into NO_PROXY",
	410: "the path was removed; use the address that replaced it",
	414: "the address is too long for the service; shorten the query",
	415: "the service demands another content type; set the header Content-Type",
	431: "the headers are too large for the service; send fewer",
	451: "the service may not answer for legal reasons; use another address",
}

func statusWordOf(code int) string { return strconv.Itoa(code) }

func wrongStatus(a answer) probe.Observation {
	observed := a.String() + bodyText(a)
	if a.code >= 300 && a.code < 400 {
		to := "nowhere"
		if location := a.header.Get("Location"); location != "" {
			to = relativeOrSafe(location)
		}
		return probe.Never(wordRedirect, fmt.Sprintf("%s, redirect to %s", a, to),
			"the address redirects; use the address that it redirects to, set redirects, or expect this status")
	}
	if why, ok := neverCodes[a.code]; ok {
		o := probe.Never(statusWordOf(a.code), observed, fmt.Sprintf("%s; or add %d to retry_on if roll-outs answer like this", why, a.code))
		o.Key = a.String()
		return o
	}
	o := probe.NotYet(observed, whyNotYet(a))
	o.Key, o.RetryAfter = a.String(), retryAfter(a.header, time.Now())
	return o
}

func whyNotYet(a answer) string {
	switch {
	case len(a.health.failing) > 0:
		return fmt.Sprintf("the service is up but reports that a part of it fails (%s); look at that part", strings.Join(a.health.failing, ", "))
	case a.code == http.StatusTooManyRequests:
		return "the service limits requests; raise its limit for the gate, or raise interval"
	case a.code == http.StatusBadGateway, a.code == http.StatusServiceUnavailable, a.code == http.StatusGatewayTimeout:
		return "the server that answers has no healthy service behind it; check that the service was started, and look at its log"
	case a.code >= 500:
		return "the service fails; look at its log"
	default:
		return "the status is not the expected one; check the service, or set status"
	}
}

// retryAfter reads a Retry-After header, in seconds or as a date.
func retryAfter(h http.Header, now time.Time) time.Duration {
	value := h.Get("Retry-After")
	if seconds, err := strconv.ParseUint(value, 10, 31); err == nil {
		return time.Duration(seconds) * time.Second
	}
	if at, err := http.ParseTime(value); err == nil {
		return max(at.Sub(now), 0)
	}
	return 0
}

// relativeOrSafe shows where a redirect leads, without its query string.
func relativeOrSafe(location string) string {
	location, _, _ = strings.Cut(location, "?")
	location, _, _ = strings.Cut(location, "#")
	if strings.HasPrefix(location, "/") && !strings.HasPrefix(location, "//") {
		return safetext.Plain(location, probe.MaxQuote)
	}
	return probe.SafeURLText(location)
}

// maxQuoted is how much of a body is searched for text to show, in bytes.
const maxQuoted = 8 << 10

var title = regexp.MustCompile(`(?is)<title[^>]*>(.*?)</title>`)

// bodyText quotes a body that has no health summary: the title of a page, or the start
// of anything else.
func bodyText(a answer) string {
	if a.health.String() != "" || len(a.body) == 0 {
		return ""
	}
	head := a.body[:min(len(a.body), maxQuoted)]
	if m := title.FindSubmatch(head); m != nil {
		return ", page " + a.quote(string(m[1]))
	}
	return ", body " + a.quote(string(head))
}

func notJSON(a answer) probe.Observation {
	observed, why := fmt.Sprintf("%s, not JSON%s", a, bodyText(a)), "the answer is not JSON"
	if a.cut {
		observed, why = fmt.Sprintf("%s, more than %d bytes", a, maxBody), "the answer is too long to be read as JSON"
	}
	o := probe.Never(wordNotJSON, observed, why+"; use an address that answers with a short JSON document, or body_matches; or add not_json to retry_on "+
		"if roll-outs answer like this")
	o.Key = "not JSON"
	return o
}

// ambiguous is a JSON document that two readers may understand in two ways.
func ambiguous(a answer) probe.Observation {
	key := a.quote(*a.twice)
	o := probe.Never(wordNotJSON, fmt.Sprintf("HTTP %d, duplicate key %s in the JSON", a.code, key),
		fmt.Sprintf("an object of the answer has the key %s twice, so what it says is not clear; have the service write each key once", key))
	o.Key = "duplicate key"
	return o
}

// wrongContent names everything in headers and body that is not as expected.
func (p *prober) wrongContent(a answer) (probe.Observation, bool) {
	var wrong []string
	var hint string
	for _, list := range [][]expectation{p.rules.headers, p.rules.json, p.rules.body} {
		for _, e := range list {
			if ok, observed, try := e.check(a); !ok {
				wrong = append(wrong, observed)
				if hint == "" {
					hint = e.text + " was expected; " + try
				}
			}
		}
	}
	if len(wrong) == 0 {
		return probe.Observation{}, false
	}
	o := probe.NotYet(a.String()+", "+strings.Join(wrong, ", "), "the answer is not the expected one: "+hint)
	o.RetryAfter = retryAfter(a.header, time.Now())
	return o, true
}

// saysOtherwise trusts a health answer more than a 2xx, unless the config sets its own
// expectation of $.status.
func (p *prober) saysOtherwise(a answer) (probe.Observation, bool) {
	if p.rules.ownStatus || a.code >= 300 {
		return probe.Observation{}, false
	}
	what := "the service"
	if len(a.health.failing) > 0 {
		what = strings.Join(a.health.failing, ", ")
	}
	switch a.health.verdict {
	case warn:
		return probe.Degraded(a.String(), fmt.Sprintf("the service works, but reports %s for %s; look at that part, or expect it with json", a.health.word,
			what)), true
	case fail, starting:
		return probe.NotYet(a.String(), fmt.Sprintf("the status code is fine, but the body says %s for %s; look at that part, or expect it with json",
			a.health.word, what)), true
	case silent, pass:
	}
	return probe.Observation{}, false
}

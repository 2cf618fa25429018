package fingerprint

import (
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"strings"
	"sync"
)

// exactVersion is that of [Exact]. Any change of what it is made of needs a new one.
const exactVersion = "x1:"

// Exact makes a digest of everything that a failure says, with its numbers, lines and frames: two faults must not
// look alike. Only what is new in each run is taken out: values of the run, times, addresses, random ids, temporary files and ports
// on this machine. parts are what its failed parts say. Empty: it cannot be told, because the text is cut or says nothing, or because
// something took too long, which has any number of causes.
func Exact(f Failure, parts []string) string {
	text := strings.Join(append([]string{f.Type, f.Message, withoutOutput(f.Details)}, parts...), "\x00")
	e := exact()
	if strings.Trim(text, "\x00 \n\t") == "" || e.cut.MatchString(text) || e.slow.MatchString(text) {
		return ""
	}
	text = f.withoutRun(text)
	text = expressions().temporary.ReplaceAllString(text, "<tmp>")
	text = e.ports.ReplaceAllString(text, "$1")
	for _, r := range []*regexp.Regexp{e.stamp, e.clock, e.span, e.uuid, e.hex, e.address, e.routine} {
		text = r.ReplaceAllString(text, "<new>")
	}
	sum := sha256.Sum256([]byte(text))
	return exactVersion + hex.EncodeToString(sum[:12])
}

// withoutOutput cuts what a test printed off the details of its failure.
func withoutOutput(details string) string {
	for _, mark := range []string{"--- system-out\n", "--- system-err\n"} {
		if i := strings.Index("\n"+details, "\n"+mark); i >= 0 {
			details = details[:i]
		}
	}
	return details
}

var exact = sync.OnceValue(func() (e struct{ cut, slow, ports, stamp, clock, span, uuid, hex, address, routine *regexp.Regexp }) {
	e.cut = regexp.MustCompile(`…|\d+ bytes (?:cut|more)|\.\.\. \(`)
	e.slow = regexp.MustCompile(`(?i)stalled|time[ds]?[ -]?out|deadline exceeded|took too long|not .{0,60}within`)
	e.ports = regexp.MustCompile(`\b(localhost|127\.\d+\.\d+\.\d+|\[::1\]):\d{2,5}\b`)
	e.stamp = regexp.MustCompile(`\b\d{4}[-/]\d\d[-/]\d\d[T ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?(?:Z|[+-]\d\d:?\d\d)?`)
	e.clock = regexp.MustCompile(`\b\d\d:\d\d:\d\d(?:[.,]\d+)?\b`)
	e.span = regexp.MustCompile(`\b\d+(?:\.\d+)? ?(?:ns|us|µs|ms|s|seconds?|milliseconds?)\b`)
	e.uuid = regexp.MustCompile(`(?i)\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b`)
	e.hex = regexp.MustCompile(`\b[0-9a-f]{16,}\b`)
	e.address = regexp.MustCompile(`\b0x[0-9a-fA-F]+\??`)
	e.routine = regexp.MustCompile(`\bgoroutine \d+`)
	return e
})

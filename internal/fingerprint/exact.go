package fingerprint

import (
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"
)

// exactVersion is that of [Exact]. Any change of what it is made of needs a new one.
const exactVersion = "x2:"

// Exact makes a digest of everything that a failure says, with its numbers, lines and frames: two faults must not
// look alike. Only what is new in each run is taken out: values of the run, times near it, durations, addresses, random ids, temporary
// files and random ports on this machine. parts are what its failed parts say, after the name of each and a NUL. Empty: it
// cannot be told, because the text is cut or says nothing, or because something took too long, which has any number of causes.
func Exact(f Failure, parts []string) string {
	e := exact()
	says := []string{f.Message, withoutOutput(f.Details)}
	for _, part := range parts {
		says = append(says, part[strings.IndexByte(part, 0)+1:]) // the name of a part alone says no more than that it failed
	}
	text := strings.Join(append([]string{f.Type, f.Message, withoutOutput(f.Details)}, parts...), "\n\x00")
	if strings.TrimSpace(e.nothing.ReplaceAllString(strings.Join(says, "\n"), "")) == "" || e.cut.MatchString(text) || e.slow.MatchString(text) {
		return ""
	}
	text = f.withoutRun(text)
	text = expressions().temporary.ReplaceAllString(text, "<tmp>")
	text = e.ports.ReplaceAllStringFunc(text, func(at string) string {
		colon := strings.LastIndexByte(at, ':')
		if n, err := strconv.Atoi(at[colon+1:]); err != nil || n < firstRandomPort {
			return at // a fixed one, which tells services apart
		}
		return at[:colon]
	})
	text = e.stamp.ReplaceAllStringFunc(text, func(at string) string {
		day, err := time.Parse(time.DateOnly, strings.ReplaceAll(at[:len(time.DateOnly)], "/", "-"))
		if err != nil || f.At.IsZero() || day.Sub(f.At).Abs() > near {
			return at // of the data, not of the run
		}
		return "<new>"
	})
	for _, r := range []*regexp.Regexp{e.clock, e.span} {
		text = r.ReplaceAllString(text, "$1<new>")
	}
	for _, r := range []*regexp.Regexp{e.measured, e.uuid, e.hex, e.address, e.routine} {
		text = r.ReplaceAllString(text, "<new>")
	}
	sum := sha256.Sum256([]byte(text))
	return exactVersion + hex.EncodeToString(sum[:12])
}

const (
	// firstRandomPort is the lowest that Linux gives to whoever asks for any; other systems begin higher.
	firstRandomPort = 32768
	// near is how far the day of a time may be from a run that it is of, in any time zone.
	near = 48 * time.Hour
)

// withoutOutput cuts what a test printed off the details of its failure, as JUnit reports have it. What our own reporters mark as output
// stays, unlike in the alibis of the verdict: two faults must not look alike.
func withoutOutput(details string) string {
	for _, mark := range []string{"--- system-out\n", "--- system-err\n"} {
		if i := strings.Index("\n"+details, "\n"+mark); i >= 0 {
			details = details[:i]
		}
	}
	return details
}

var exact = sync.OnceValue(func() (e struct{ nothing, cut, slow, ports, stamp, clock, span, measured, uuid, hex, address, routine *regexp.Regexp }) {
	// nothing are lines that only say that something failed.
	e.nothing = regexp.MustCompile(`(?mi)^\s*(?:--- FAIL: .*|(?:the )?(?:test|case|assertion)?[ _]?(?:not ok|failed|failure|fail|error|assertionerror)[.!]?` +
		`(?:\t.*)?|(?:command )?(?:failed with |exited with )?(?:exit )?(?:status|code):? \d+)\s*$`)
	// Frameworks cut as well: pytest has 'aaa...zzz' and "Full output truncated", Node has "... 3 more items".
	e.cut = regexp.MustCompile(`…|\.\.\. \(|\w\.\.\.\w|[,\[({] ?\.\.\. ?[\])}]|(?i:\d+ (?:bytes (?:cut|more)|(?:more )?lines? hidden|` +
		`more (?:bytes|items?|lines?|characters?|chars|elements?|keys?))|\btruncated\b|skipping \d+ identical)`)
	e.slow = regexp.MustCompile(`(?i)stalled|time[ds]?[ -]?out|deadline exceeded|took too long|not .{0,60}within`)
	e.ports = regexp.MustCompile(`(?:\blocalhost|\b127\.\d+\.\d+\.\d+|\[::1\]):\d{2,5}\b`)
	e.stamp = regexp.MustCompile(`\b\d{4}[-/]\d\d[-/]\d\d[T ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?(?:Z|[+-]\d\d:?\d\d)?`)
	// Elsewhere in a line a time of the day, or a duration in whole units, may be what was expected; with a fraction it was measured.
	e.clock = regexp.MustCompile(`(?m)^([\W\x00]*(?:[A-Z]{3,8}\W+)?)\d\d:\d\d:\d\d(?:[.,]\d+)?\b`)
	e.span = regexp.MustCompile(`(\(|\b(?i:after|in|took|for|elapsed|waited|duration|time)\b\W{0,3})\d+(?:\.\d+)? ?(?:ns|us|µs|ms|s|seconds?|milliseconds?)\b`)
	e.measured = regexp.MustCompile(`\b\d+\.\d+ ?(?:ns|us|µs|ms|s|seconds?|milliseconds?)\b`)
	e.uuid = regexp.MustCompile(`(?i)\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b`)
	e.hex = regexp.MustCompile(`\b[0-9a-f]{16,}\b`)
	// Addresses in memory are longer than codes of errors, such as 0x80070005; an offset in a frame is one of the build.
	e.address = regexp.MustCompile(`\b0x[0-9a-fA-F]{9,}\??|(?m: \+0x[0-9a-f]+$)`)
	e.routine = regexp.MustCompile(`\bgoroutine \d+`)
	return e
})

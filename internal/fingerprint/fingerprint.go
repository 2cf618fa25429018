// Package fingerprint tells whether two failures, of whatever runs, are the same one. It is
// pure. A fingerprint is a digest, so it can be kept where the text of a failure must not.
package fingerprint

import (
	"crypto/sha256"
	"encoding/hex"
	"net/netip"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/org/e2e-gate/internal/triage"
)

// version is that of the algorithm, which starts each fingerprint. Any change of what a
// fingerprint is made of needs a new one.
const version = "f2:"

// Failure is the text of a failed attempt.
type Failure struct {
	// Type is the exception class, Message and Details what the framework reported.
	Type, Message, Details string
	// RunValues are values of the run that the text may hold: its id, the correlation id,
	// the prefix of its data.
	RunValues []string
	// At is when the run was, for [Exact]; zero: not known, so no time is one of the run.
	At time.Time
}

// Of makes the fingerprint of a failure: from its message without the values of this run,
// from the first frame of the suite's own code without line numbers, and from the host that
// the message names. It is empty for a failure without any text.
func Of(f Failure) string {
	f.Message, f.Details = f.withoutRun(f.Message), f.withoutRun(f.Details)
	essence := triage.EssenceOf(triage.Input{Type: f.Type, Message: f.Message, Details: f.Details})
	var parts []string
	for _, line := range essence.Lines {
		if line = normalise(line); line != "" {
			parts = append(parts, line)
		}
	}
	if len(parts) == 0 && essence.Place == "" {
		return ""
	}
	parts = append(parts, "at "+place(essence.Place), "host "+host(essence.Host))
	sum := sha256.Sum256([]byte(strings.Join(parts, "\n")))
	return version + hex.EncodeToString(sum[:8])
}

// Same reports whether two fingerprints are of the same failure. Those of two versions of
// the algorithm are not comparable, so they are never the same; nor is an empty one.
func Same(a, b string) bool {
	of, digest, ok := strings.Cut(a, ":")
	return ok && of != "" && digest != "" && a == b
}

// shortest is the length from which a value of the run is taken out: a shorter one may be
// part of any word.
const shortest = 6

func (f Failure) withoutRun(text string) string {
	for _, v := range f.RunValues {
		if len(v) >= shortest {
			text = strings.ReplaceAll(text, v, "#")
		}
	}
	return text
}

// expressions are compiled when the first failure is seen.
var expressions = sync.OnceValue(func() (e struct{ temporary, ports, random, numbered, status *regexp.Regexp }) {
	// Folders for temporary files, with all that follows: names below them are made up.
	e.temporary = regexp.MustCompile(`(?:/private)?(?:/tmp|/var/tmp|/var/folders|/dev/shm)/[^\s"'` + "`" + `,;:)\]]*` +
		`|(?i:[a-z]:\\(?:[^\s"'\\]+\\)*te?mp\\[^\s"',;)\]]*)`)
	e.ports = regexp.MustCompile(`(localhost|[A-Za-z][\w-]*(?:\.[\w-]+)+):\d{2,5}\b`)
	// The status of an answer is a number that tells failures apart.
	e.status = regexp.MustCompile(`(?i)\b(?:status(?: code)?|http(?:/\d(?:\.\d)?)?|code)(?:[^\w\n]{1,5}|\W{1,3}(?:is|was|of|got)\W{1,3})[1-5]\d\d\b`)
	// A function that the compiler named: func1.2, lambda$run$0, $1.
	e.numbered = regexp.MustCompile(`(?:\.func|\$(?:[\w]+\$)?)\d+(?:\.\d+)*|lambda\$\w+\$\d+|<anonymous>`)
	e.random = regexp.MustCompile(`\b(?:run|trace|request|session|correlation|build)[ _-]?id[=: ]+[^\s,;)\]]+`)
	return e
})

// normalise is [triage.Normalise] that also takes out temporary files, and ids by their
// names.
func normalise(line string) string {
	e := expressions()
	line = e.status.ReplaceAllStringFunc(line, func(text string) string {
		head, digits := text[:len(text)-3], text[len(text)-3:]
		// Letters, which are not taken out.
		return head + "status-" + strings.Map(func(r rune) rune { return r - '0' + 'a' }, digits)
	})
	line = e.temporary.ReplaceAllString(line, "<tmp>")
	line = e.random.ReplaceAllString(line, "<id>")
	line = e.ports.ReplaceAllString(line, "$1")
	return triage.Normalise(line)
}

// place is a frame without what a machine or a compiler puts into it: the folder of the
// checkout, and numbers of closures.
func place(frame string) string {
	frame = expressions().numbered.ReplaceAllString(strings.ReplaceAll(frame, `\`, "/"), "")
	const kept = 2 // a file with its folder
	segments := strings.Split(frame, "/")
	return strings.Join(segments[max(0, len(segments)-kept):], "/")
}

// host is the host of an address; one that is an IP address, other than of this machine,
// may be new in each run.
func host(name string) string {
	if ip, err := netip.ParseAddr(name); err == nil && !ip.IsLoopback() {
		return "<ip>"
	}
	return name
}

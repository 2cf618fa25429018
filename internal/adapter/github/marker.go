package github

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/org/e2e-gate/internal/publish"
)

func checkStamp(s publish.Stamp) error {
	if strings.Trim(s.WorkflowRun, "0123456789") != "" {
		return errors.New("the workflow run is not a number; look at GITHUB_RUN_ID")
	}
	return nil
}

// compareStamps orders stamps by run, then by attempt. Run ids are numbers of any length.
func compareStamps(s, o publish.Stamp) int {
	a, b := strings.TrimLeft(s.WorkflowRun, "0"), strings.TrimLeft(o.WorkflowRun, "0")
	return cmp.Or(cmp.Compare(len(a), len(b)), strings.Compare(a, b), cmp.Compare(s.Attempt, o.Attempt))
}

// The marker is the first line of a comment of ours. It is 1,200 bytes at most.
const (
	markerHead = "<!-- e2e-gate:v1 "
	markerTail = " -->"
)

// mark puts the marker before a body.
func mark(s publish.Stamp, body string) string {
	return fmt.Sprintf("%skey=%s run=%s attempt=%d hash=%s stage=%s sha=%s%s%s\n%s",
		markerHead, word(s.Key), word(s.WorkflowRun), s.Attempt, hash(body), word(s.Stage), word(s.SHA), failedField(s.Failed), markerTail, body)
}

// maxFailed bounds how many failed tests the marker names. If more failed, it says so and names
// none: part of them would make the others look as if they had passed.
const maxFailed = 60

const (
	noneFailed    = "none"
	tooManyFailed = "many"
)

var digestOfID = regexp.MustCompile(`^[0-9a-f]{10}$`)

func failedField(digests []string) string {
	switch {
	case digests == nil:
		return "" // nothing was judged
	case len(digests) == 0:
		return " failed=" + noneFailed
	case len(digests) > maxFailed || slices.ContainsFunc(digests, func(d string) bool { return !digestOfID.MatchString(d) }):
		return " failed=" + tooManyFailed
	}
	return " failed=" + strings.Join(digests, ",")
}

// readFailed reads that field. It is nil if the marker does not say which tests failed.
func readFailed(value string) []string {
	if value == noneFailed {
		return []string{}
	}
	list := strings.Split(value, ",")
	if len(list) > maxFailed || slices.ContainsFunc(list, func(d string) bool { return !digestOfID.MatchString(d) }) {
		return nil
	}
	return list
}

// marker is what a first line says.
type marker struct {
	publish.Stamp
	hash string
}

func (m marker) compare(o publish.Stamp) int { return compareStamps(m.Stamp, o) }

// readMarker reads the marker in a comment's first line; ok is false where there is
// none. Key and Stage are as the marker has them, which is not decoded.
func readMarker(text string) (m marker, body string, ok bool) {
	line, body, _ := strings.Cut(text, "\n")
	fields, head := strings.CutPrefix(strings.TrimRight(line, " \r"), markerHead)
	fields, tail := strings.CutSuffix(fields, markerTail)
	if !head || !tail {
		return marker{}, "", false
	}
	for field := range strings.FieldsSeq(fields) {
		name, value, _ := strings.Cut(field, "=")
		switch name {
		case "key":
			m.Key = value
		case "stage":
			m.Stage = value
		case "run":
			m.WorkflowRun = value
		case "attempt":
			m.Attempt, _ = strconv.Atoi(value)
		case "hash":
			m.hash = value
		case "sha":
			m.SHA = value
		case "failed":
			m.Failed = readFailed(value)
		default: // of a later version
		}
	}
	// A run that is not a number was written by hand: it counts as the oldest.
	if checkStamp(m.Stamp) != nil {
		m.WorkflowRun = ""
	}
	return m, body, true
}

// of reports whether a marker is of the comment that a stamp names.
func (m marker) of(s publish.Stamp) bool { return m.Key == word(s.Key) && m.Stage == word(s.Stage) }

// maxWord bounds a value in the marker, in bytes.
const maxWord = 100

// word writes a value so that it can neither end the comment nor the value: letters,
// digits, "." and "_" as they are, every other byte as %XX. A long one ends with a
// hash instead.
func word(s string) string {
	var b strings.Builder
	for _, c := range []byte(s) {
		if c == '.' || c == '_' || c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z' {
			b.WriteByte(c)
			continue
		}
		fmt.Fprintf(&b, "%%%02X", c)
	}
	if b.Len() <= maxWord {
		return b.String()
	}
	return b.String()[:maxWord-17] + "_" + hash(s)[:16]
}

// hash is of a body as it is shown: line ends and spaces around it do not count,
// which servers change.
func hash(body string) string {
	sum := sha256.Sum256([]byte(strings.TrimSpace(strings.ReplaceAll(body, "\r\n", "\n"))))
	return hex.EncodeToString(sum[:16])
}

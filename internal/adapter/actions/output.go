package actions

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/sethvargo/go-githubactions"
)

// delimiter is the line with which the library ends a value.
const delimiter = "_GitHubActionsFileCommandDelimeter_"

// MaxOutput bounds one output, in bytes. GitHub keeps 1 MB for all outputs of a
// job and counts two bytes for a character.
const MaxOutput = 500_000

// ErrTooLarge is returned for what GitHub would drop as a whole.
var ErrTooLarge = errors.New("larger than GitHub's limit; pass it on as an artifact")

var (
	outputName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_-]*$`)
	outputWord = regexp.MustCompile(`^[A-Za-z0-9_.-]*$`)
)

// SetWord sets an output to a word of an enumeration: letters, digits and "_.-".
func (r *Runner) SetWord(name, word string) error {
	if !outputWord.MatchString(word) {
		return fmt.Errorf("output %s: %q must consist of letters, digits and _.-", name, word)
	}
	return r.set(name, word)
}

// SetNumber sets an output to a number.
func (r *Runner) SetNumber(name string, n int) error { return r.set(name, strconv.Itoa(n)) }

// SetBool sets an output to true or false.
func (r *Runner) SetBool(name string, b bool) error { return r.set(name, strconv.FormatBool(b)) }

// SetLine sets an output to one line of text, such as a path or an address. A value
// with a line end, a control character or the library's delimiter is refused.
func (r *Runner) SetLine(name, line string) error { return r.set(name, line) }

// SetJSON sets an output to a value as JSON on one line.
func (r *Runner) SetJSON(name string, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("output %s: %w", name, err)
	}
	// The same JSON, without the library's delimiter in it.
	return r.set(name, strings.ReplaceAll(string(data), delimiter, `\u005f`+delimiter[1:]))
}

func (r *Runner) set(name, value string) error {
	switch {
	case !outputName.MatchString(name):
		return fmt.Errorf("invalid output name %q", name)
	case !utf8.ValidString(value) || strings.ContainsFunc(value, unicode.IsControl) || strings.ContainsAny(value, "\u2028\u2029"):
		return fmt.Errorf("output %s: the value is not a single line of text", name)
	case strings.Contains(value, delimiter):
		return fmt.Errorf("output %s: the value contains the delimiter of values", name)
	case len(value) > MaxOutput:
		return fmt.Errorf("output %s: %d bytes: %w", name, len(value), ErrTooLarge)
	case r.getenv("GITHUB_OUTPUT") == "":
		return fmt.Errorf("output %s: GITHUB_OUTPUT names no file", name)
	}
	return r.do("set output "+name, func(a *githubactions.Action) { a.SetOutput(name, value) })
}

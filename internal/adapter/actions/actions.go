// Package actions talks to the runner of GitHub Actions: folded groups,
// annotations, masks, outputs and the job summary.
//
// It hides github.com/sethvargo/go-githubactions v1.3.1, which panics when a write
// fails and writes outputs with a constant delimiter: a value with that line in it would
// open a second output. Here a failed write is an error, outputs are
// words, numbers, one line, or JSON on one line, and every text goes through
// safetext.
package actions

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"

	"github.com/sethvargo/go-githubactions"

	"github.com/org/e2e-gate/internal/annotation"
	"github.com/org/e2e-gate/internal/safetext"
)

// ErrNotActions is returned outside of a runner: workflow commands would only be
// noise there, and a mask would print the secret.
var ErrNotActions = errors.New("not running on a GitHub Actions runner")

// Runner is the runner that started this process. It is safe for concurrent use.
type Runner struct {
	mu     sync.Mutex
	lib    *githubactions.Action
	getenv func(string) string
}

// New returns the runner behind an environment, to which commands go through out,
// the log of the step. Gitea and Forgejo set the same variables.
func New(out io.Writer, getenv func(string) string) *Runner {
	return &Runner{lib: githubactions.New(githubactions.WithWriter(out), githubactions.WithGetenv(getenv)), getenv: getenv}
}

// Detect reports whether the process runs on a GitHub Actions runner, or one that
// says so.
func Detect(getenv func(string) string) bool { return getenv("GITHUB_ACTIONS") == "true" }

// do calls the library, whose panics are errors here. One at a time, so that no
// two commands share a line.
func (r *Runner) do(what string, call func(*githubactions.Action)) (err error) {
	if !Detect(r.getenv) {
		return ErrNotActions
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%s: %v", what, p)
		}
	}()
	call(r.lib)
	return nil
}

// Group starts a group that the log viewer folds.
func (r *Runner) Group(title string) error {
	return r.do("start a group", func(a *githubactions.Action) { a.Group(safetext.Annotation(safetext.Line(title, 200), 200)) })
}

// EndGroup ends the group.
func (r *Runner) EndGroup() error {
	return r.do("end a group", func(a *githubactions.Action) { a.EndGroup() })
}

// Annotate shows an annotation; GitHub shows 10 of each level for a step. An unknown
// level is an error.
func (r *Runner) Annotate(n annotation.Annotation) error {
	fields := map[string]string{}
	set := func(name, value string) {
		if value != "" {
			fields[name] = value
		}
	}
	set("file", n.File())
	set("title", n.Title())
	if n.Line() > 0 {
		set("line", strconv.Itoa(n.Line()))
	}
	return r.do("annotate", func(a *githubactions.Action) {
		a = a.WithFieldsMap(fields)
		switch n.Level() {
		case annotation.Error:
			a.Errorf("%s", n.Message())
		case annotation.Warning:
			a.Warningf("%s", n.Message())
		case annotation.Notice:
			a.Noticef("%s", n.Message())
		default:
			panic(fmt.Sprintf("unknown annotation level %q", n.Level()))
		}
	})
}

// minMask is the length in bytes below which a line is not masked: the runner would
// replace it in every word of the log.
const minMask = 3

// AddMask has the runner replace a secret in the log, line by line, because the
// runner masks lines. Lines under 3 bytes are left.
func (r *Runner) AddMask(secret string) error {
	return r.do("mask a secret", func(a *githubactions.Action) {
		for line := range strings.SplitSeq(strings.ReplaceAll(secret, "\r", "\n"), "\n") {
			if len(strings.TrimSpace(line)) >= minMask {
				a.AddMask(line)
			}
		}
	})
}

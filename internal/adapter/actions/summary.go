package actions

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/sethvargo/go-githubactions"

	"github.com/org/e2e-gate/internal/safetext"
)

// MaxSummary is what GitHub keeps of one step's summary, in bytes; one more and the
// whole of it is lost, while the step stays green.
const MaxSummary = 1 << 20

// minSummary is the room, in bytes, below which a summary would say nothing.
const minSummary = 1000

// ErrSummaryFull is returned where earlier commands of the step left no room.
var ErrSummaryFull = errors.New("the step's summary is full")

// HasSummary reports whether the runner shows summaries.
func (r *Runner) HasSummary() bool {
	return Detect(r.getenv) && r.getenv("GITHUB_STEP_SUMMARY") != ""
}

// AppendSummary adds Markdown to the step's summary, in one write. render is told
// how many bytes are left; text beyond that is cut at a line end, and says so.
func (r *Runner) AppendSummary(render func(limit int) string) error {
	name := r.getenv("GITHUB_STEP_SUMMARY")
	if name == "" {
		return errors.New("job summary: GITHUB_STEP_SUMMARY names no file")
	}
	size, ends, err := tail(name)
	if err != nil {
		return fmt.Errorf("job summary: %w", err)
	}
	// The library ends the line, on Windows with two bytes; a line feed may be needed before the text.
	limit := MaxSummary - int(min(size, MaxSummary)) - 3
	if limit < minSummary {
		return fmt.Errorf("job summary: %w: it has %s", ErrSummaryFull, safetext.Size(int(size)))
	}
	text := cutLines(render(limit), limit)
	if !ends {
		text = "\n" + text
	}
	return r.do("job summary", func(a *githubactions.Action) { a.AddStepSummary(text) })
}

// tail returns the size of a file and whether it ends with a line feed; a missing
// or empty one does.
func tail(name string) (size int64, ends bool, err error) {
	f, err := os.Open(name) //nolint:gosec // the runner names the file
	if errors.Is(err, fs.ErrNotExist) {
		return 0, true, nil
	}
	if err != nil {
		return 0, false, err
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	switch {
	case err != nil:
		return 0, false, err
	case !info.Mode().IsRegular():
		return 0, false, fmt.Errorf("%s is not a regular file", name)
	case info.Size() == 0:
		return 0, true, nil
	}
	last := make([]byte, 1)
	if _, err := f.ReadAt(last, info.Size()-1); err != nil && !errors.Is(err, io.EOF) {
		return 0, false, err
	}
	return info.Size(), last[0] == '\n', nil
}

const cutNote = "\n_The summary is cut here: it exceeds GitHub's limit._\n"

// cutLines keeps whole lines within limit bytes.
func cutLines(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	head, _ := safetext.Cut(text, limit-len(cutNote))
	return head[:strings.LastIndexByte(head, '\n')+1] + cutNote
}

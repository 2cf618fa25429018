package triage

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/org/e2e-gate/internal/diag"
)

// maxJSONLine bounds one line of the JSON lines interface, in bytes. A longer one
// is an error for that line; the next is read again.
const maxJSONLine = 16 << 20

// maxReported bounds the errors that are kept; the rest is counted.
const maxReported = 100

// answer is a line that goes out: a type of its own, since it is a contract. A line that comes in is an [Input].
type answer struct {
	ID         string   `json:"id"`
	Category   string   `json:"category"`
	Cause      string   `json:"cause"`
	Confidence string   `json:"confidence"`
	Evidence   []string `json:"evidence"`
	NextStep   string   `json:"next_step"`
	RunnerUp   string   `json:"runner_up,omitempty"`
}

// Serve answers failures given as JSON lines, in their order, each on its own. Lines
// that cannot be read get no answer; they are named in the error, which is a
// [diag.Errors] with line numbers, after all others were answered. Any other error
// is one of r or w. Blank lines are skipped.
func (t *Triager) Serve(r io.Reader, w io.Writer) error {
	in, out := bufio.NewReaderSize(r, 64<<10), bufio.NewWriter(w)
	faults := faults{file: "stdin"}
	var batch []Input
	for n := 1; ; n++ {
		line, tooLong, err := readLine(in)
		line = bytes.TrimSpace(line)
		if err != nil && !errors.Is(err, io.EOF) {
			return errors.Join(fmt.Errorf("read failures: %w", err), out.Flush())
		}
		switch {
		case tooLong:
			faults.add(n, "the line is longer than 16 MiB", "shorten its details")
		case len(line) > 0:
			input, text, hint := parseRequest(line)
			if text != "" {
				faults.add(n, text, hint)
			} else {
				batch = append(batch, input)
			}
		}
		last := err != nil
		// Whoever waits for an answer before sending the next failure gets it.
		waits := in.Buffered() == 0
		if len(batch) == maxBatch || waits || last {
			if err := t.answers(batch, out); err != nil {
				return fmt.Errorf("write answers: %w", err)
			}
			batch = batch[:0]
		}
		if waits || last {
			if err := out.Flush(); err != nil {
				return fmt.Errorf("write answers: %w", err)
			}
		}
		if last {
			break
		}
	}
	return faults.err()
}

// maxBatch is how many failures are read before they are answered.
const maxBatch = 64

// answers answers failures, in their order, on all processors.
func (t *Triager) answers(batch []Input, w io.Writer) error {
	results := make([]Result, len(batch))
	var next atomic.Int64
	var group sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(batch)) {
		group.Go(func() {
			for i := int(next.Add(1)) - 1; i < len(batch); i = int(next.Add(1)) - 1 {
				results[i] = t.Triage(batch[i])
			}
		})
	}
	group.Wait()
	for _, res := range results {
		if err := answerTo(res, w); err != nil {
			return err
		}
	}
	return nil
}

func answerTo(res Result, w io.Writer) error {
	data, err := json.Marshal(answer{
		ID: res.ID, Category: string(res.Category), Cause: res.Cause, Confidence: string(res.Confidence),
		Evidence: append([]string{}, res.Evidence...), NextStep: res.NextStep, RunnerUp: string(res.RunnerUp),
	})
	if err != nil {
		return fmt.Errorf("encode answer: %w", err)
	}
	_, err = w.Write(append(data, '\n'))
	return err //nolint:wrapcheck // Serve adds what was done
}

// parseRequest reads one line. text says what is wrong with it.
func parseRequest(line []byte) (in Input, text, hint string) {
	if err := json.Unmarshal(line, &in); err != nil {
		return Input{}, "the line is no failure in JSON: " + jsonFault(err),
			`write it as {"id": "1", "message": "...", "details": "...", "context": {"rerun": "failed"}}`
	}
	if in.ID == "" {
		return in, "the failure has no id", "give each line an id of its own"
	}
	for _, f := range []struct {
		name, word string
		allowed    []string
	}{{"health", string(in.Context.Health), healthWords}, {"rerun", string(in.Context.Rerun), rerunWords}, {"recent", string(in.Context.Recent), recentWords}} {
		if f.word != "" && !allowed(f.word, f.allowed) {
			return in, fmt.Sprintf("unknown word %s in context.%s", quote(f.word), f.name), diag.Expected(f.word, f.allowed)
		}
	}
	return in, "", ""
}

// jsonFault says what is wrong without naming Go's types.
func jsonFault(err error) string {
	var typ *json.UnmarshalTypeError
	var syntax *json.SyntaxError
	switch {
	case errors.As(err, &typ) && typ.Field != "":
		return fmt.Sprintf("%s cannot be of type %s", typ.Field, typ.Value)
	case errors.As(err, &typ):
		return "it is of type " + typ.Value
	case errors.As(err, &syntax):
		return fmt.Sprintf("%s at byte %d", clean(syntax.Error(), maxQuote), syntax.Offset)
	default:
		return clean(err.Error(), maxQuote)
	}
}

// readLine reads to the next line end, or skips what is too long and goes on
// behind it. err is io.EOF with the last line.
func readLine(r *bufio.Reader) (line []byte, tooLong bool, err error) {
	for {
		part, err := r.ReadSlice('\n')
		if !tooLong && len(line)+len(part) > maxJSONLine {
			line, tooLong = nil, true
		}
		if !tooLong {
			line = append(line, part...)
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return line, tooLong, err //nolint:wrapcheck // the caller tells io.EOF
		}
	}
}

// faults collects what was wrong with lines.
type faults struct {
	file string
	list diag.List
	n    int
}

func (f *faults) add(line int, text, hint string) {
	if f.n++; f.n <= maxReported {
		f.list.Add(diag.Message{File: f.file, Line: line, Text: text, Hint: hint})
	}
}

func (f *faults) err() error {
	if more := f.n - maxReported; more > 0 {
		f.list.Add(diag.Message{File: f.file, Text: fmt.Sprintf("%d more lines could not be read", more), Hint: "correct the first ones"})
	}
	return f.list.Err()
}

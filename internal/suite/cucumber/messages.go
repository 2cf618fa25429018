package cucumber

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	messages "github.com/cucumber/messages/go/v28"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/suite/adapter"
	"github.com/org/e2e-gate/internal/verdict/attempts"
)

// messageFile are the messages that Cucumber's formatter of that name writes while
// it runs, as the results of a process.
type messageFile struct {
	path  string
	suite *cucumber

	tail adapter.Tail
	seen *cucumberRun // what is told while it runs
}

// maxMessage bounds one message: attachments are part of them.
const maxMessage = 64 << 20

// Collect takes every finished test case. Attempts at one test case are results of one
// test; two test cases of one name are two tests.
func (f *messageFile) Collect(p *adapter.Process, c *adapter.Collected) (string, error) {
	r := f.run(p, c)
	damaged, err := r.read(f.path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return "its message formatter wrote nothing", nil
	case err != nil:
		return "", err
	case damaged > 0:
		c.Problem(e2e.CodeReportDamaged, "%d of the messages of batch %s are damaged", damaged, p.Unit.Name)
	}
	for _, id := range r.order {
		t := r.tests[id]
		for i := range r.results[id] {
			r.results[id][i].Attempt.Line = t.Line
		}
		c.Add(attempts.Reported{Spellings: []attempts.Spelling{{Name: t.Name}}, Unplanned: t, Results: r.results[id]})
	}
	f.workers(p, c)
	for _, id := range slices.Sorted(maps.Keys(r.running)) {
		r.channel.Running = append(r.channel.Running, r.running[id].name)
	}
	c.In.Channel = r.channel
	return "", nil
}

// workers tells of parallel workers that ended badly.
func (f *messageFile) workers(p *adapter.Process, c *adapter.Collected) {
	data, err := os.ReadFile(filepath.Join(filepath.Dir(f.path), exitsFile))
	if err != nil {
		return // none did
	}
	for line := range strings.Lines(string(data[:min(len(data), 1000)])) {
		worker, code, _ := strings.Cut(strings.TrimSpace(line), " ")
		c.Problem(e2e.CodeRunnerExit, "batch %s: worker %s of cucumber-js ended with status %s; an AfterAll hook may have failed in it, see its output",
			p.Unit.Name, adapter.Clip(worker, 20), adapter.Clip(code, 20))
	}
}

func (f *messageFile) run(p *adapter.Process, c *adapter.Collected) *cucumberRun {
	return &cucumberRun{
		file: f, p: p, c: c, docs: map[string]names{}, pickles: map[string]*messages.Pickle{}, cases: map[string]string{}, running: map[string]*testCase{},
		results: map[string][]attempts.Result{}, tests: map[string]e2e.Test{}, channel: attempts.Channel{Kind: attempts.Events},
	}
}

// Follow tells of the test cases that started and ended since the last call.
func (f *messageFile) Follow(p *adapter.Process) {
	if f.seen == nil {
		f.seen = f.run(p, nil)
	}
	f.tail.Lines(f.path, maxMessage, func(line []byte) {
		var env messages.Envelope
		if json.Unmarshal(line, &env) == nil {
			f.seen.tell(&env)
		}
	})
}

// tell reports a message that is read while Cucumber runs. It keeps nothing of attachments, and no results.
func (r *cucumberRun) tell(env *messages.Envelope) {
	switch {
	case env.TestCaseFinished != nil:
		ended := r.running[env.TestCaseFinished.TestCaseStartedId]
		if ended == nil {
			return
		}
		delete(r.running, env.TestCaseFinished.TestCaseStartedId)
		a := ended.ended(env.TestCaseFinished)
		told := adapter.Progress{Test: ended.name, Outcome: a.Outcome, Message: a.Message, Details: a.Details, Seconds: a.Seconds}
		if a.Outcome == e2e.Failed {
			told.File, told.Line = ended.test.File, ended.test.Line
		}
		r.p.Unit.Tell(told)
	case env.TestCaseStarted != nil:
		r.start(env.TestCaseStarted)
		if c := r.running[env.TestCaseStarted.Id]; c != nil {
			r.p.Unit.Tell(adapter.Progress{Test: c.name})
		}
	case env.GherkinDocument != nil, env.Pickle != nil, env.TestCase != nil, env.TestStepFinished != nil:
		r.message(env)
	}
}

// cucumberRun follows the messages of one run.
type cucumberRun struct {
	file    *messageFile
	p       *adapter.Process
	c       *adapter.Collected
	docs    map[string]names
	pickles map[string]*messages.Pickle
	cases   map[string]string // test case -> pickle
	running map[string]*testCase
	// results, tests and order are by Cucumber's id of the test case.
	results map[string][]attempts.Result
	tests   map[string]e2e.Test
	order   []string
	channel attempts.Channel
	saved   int
}

// testCase is one attempt at a scenario while it runs.
type testCase struct {
	id      string // Cucumber's, which all attempts at the test case share
	name    string
	test    e2e.Test
	started *messages.Timestamp
	worker  string
	repeats bool // Cucumber says that it runs the scenario again
	tells   bool // it is cucumber-js, in which what was not run took no time
	steps   int
	// ran: a step or hook was run, or skipped the others.
	ran     bool
	worst   messages.TestStepResult
	files   []string
	printed strings.Builder
}

func (r *cucumberRun) read(file string) (damaged int, err error) {
	f, err := os.Open(file) //nolint:gosec // our own folder
	if err != nil {
		return 0, err
	}
	defer func() { _ = f.Close() }()
	in := bufio.NewReaderSize(f, 64<<10)
	for n := 0; n <= adapter.MaxEventLines; n++ {
		line, err := adapter.BoundedLine(in, maxMessage)
		if errors.Is(err, io.EOF) {
			return damaged, nil
		}
		var env messages.Envelope
		if err == nil && len(line) == 0 {
			continue
		}
		if err == nil {
			err = json.Unmarshal(line, &env)
		}
		if err != nil {
			damaged++
			continue
		}
		r.message(&env)
	}
	return damaged + 1, nil
}

func (r *cucumberRun) message(env *messages.Envelope) {
	switch {
	case env.GherkinDocument != nil:
		r.docs[env.GherkinDocument.Uri] = newNames(env.GherkinDocument)
	case env.Pickle != nil:
		r.pickles[env.Pickle.Id] = env.Pickle
	case env.TestCase != nil:
		r.cases[env.TestCase.Id] = env.TestCase.PickleId
	case env.TestCaseStarted != nil:
		r.start(env.TestCaseStarted)
	case env.TestStepFinished != nil:
		if c := r.running[env.TestStepFinished.TestCaseStartedId]; c != nil {
			c.step(env.TestStepFinished.TestStepResult)
		}
	case env.Attachment != nil:
		if c := r.running[env.Attachment.TestCaseStartedId]; c != nil {
			r.attach(c, env.Attachment)
		}
	case env.TestCaseFinished != nil:
		r.finish(env.TestCaseFinished)
	default:
		r.around(env)
	}
}

// around reads events outside of test cases.
func (r *cucumberRun) around(env *messages.Envelope) {
	text := ""
	switch {
	case env.ParseError != nil:
		text = env.ParseError.Message
	case env.TestRunHookFinished != nil && env.TestRunHookFinished.Result != nil && env.TestRunHookFinished.Result.Status == messages.TestStepResultStatus_FAILED:
		text = "a hook of the run failed: " + env.TestRunHookFinished.Result.Message
	case env.TestRunFinished != nil:
		r.channel.Ended = 1
		if e := env.TestRunFinished.Exception; e != nil {
			text = e.Message
		}
	}
	if text != "" {
		r.c.Problem(e2e.CodeRunnerExit, "batch %s: an error outside any test: %s", r.p.Unit.Name, adapter.FirstLines(text, 4))
	}
}

func (r *cucumberRun) start(s *messages.TestCaseStarted) {
	pickle := r.pickles[r.cases[s.TestCaseId]]
	if pickle == nil {
		return
	}
	t := r.file.suite.test(r.source(pickle.Uri), r.docs[pickle.Uri], pickle)
	r.running[s.Id] = &testCase{
		id: s.TestCaseId, name: t.Name, test: t, started: s.Timestamp, worker: s.WorkerId, repeats: s.Attempt > 0, tells: !r.file.suite.places(),
	}
}

// source is the path of a feature file as it was listed. Cucumber-JVM names it by
// its place on the class path, or by an absolute path that may go through a link.
func (r *cucumberRun) source(uri string) string {
	path, onClassPath := strings.CutPrefix(uri, "classpath:")
	path = strings.ReplaceAll(strings.TrimPrefix(path, "file:"), `\`, "/")
	for _, t := range r.p.Unit.Tests {
		switch {
		case t.File == path:
			return t.File
		case onClassPath && strings.HasSuffix("/"+t.File, "/"+path), strings.HasPrefix(path, "/") && strings.HasSuffix(path, "/"+t.File):
			return t.File
		}
	}
	return path
}

// badness orders the statuses of steps; an unknown one is worst.
var badness = map[messages.TestStepResultStatus]int{
	messages.TestStepResultStatus_PASSED: 1, messages.TestStepResultStatus_SKIPPED: 2, messages.TestStepResultStatus_PENDING: 3,
	messages.TestStepResultStatus_UNDEFINED: 4, messages.TestStepResultStatus_AMBIGUOUS: 5, messages.TestStepResultStatus_FAILED: 6,
}

func rankOf(s messages.TestStepResultStatus) int {
	if rank, ok := badness[s]; ok {
		return rank
	}
	return 7
}

func (c *testCase) step(result *messages.TestStepResult) {
	if result == nil {
		result = &messages.TestStepResult{}
	}
	took := result.Duration != nil && *result.Duration != (messages.Duration{})
	c.ran = c.ran || took || result.Status != messages.TestStepResultStatus_SKIPPED
	if c.steps++; c.steps == 1 || rankOf(result.Status) > rankOf(c.worst.Status) {
		c.worst = *result
	}
}

func (r *cucumberRun) finish(f *messages.TestCaseFinished) {
	c := r.running[f.TestCaseStartedId]
	if c == nil {
		return
	}
	delete(r.running, f.TestCaseStartedId)
	a := c.ended(f)
	if _, known := r.tests[c.id]; !known {
		r.order, r.tests[c.id] = append(r.order, c.id), c.test
	}
	r.results[c.id] = append(r.results[c.id], attempts.Result{Attempt: a, Retry: c.repeats})
}

// ended is the attempt at a test case that has ended.
func (c *testCase) ended(f *messages.TestCaseFinished) e2e.Attempt {
	a := c.attempt()
	if c.started != nil && f.Timestamp != nil {
		a.Started = messages.TimestampToGoTime(*c.started).UTC()
		a.Seconds = max(0, messages.TimestampToGoTime(*f.Timestamp).UTC().Sub(a.Started).Seconds())
	}
	return a
}

// attempt makes the result of a test case from its worst step.
func (c *testCase) attempt() e2e.Attempt {
	a := e2e.Attempt{Outcome: e2e.Failed, Files: c.files, Worker: adapter.Clip(c.worker, 100)}
	switch {
	case c.steps == 0:
		a.Outcome, a.Message = e2e.Skipped, "it has no steps"
		return a
	case c.worst.Status == messages.TestStepResultStatus_PASSED:
		a.Outcome = e2e.Passed
		return a
	case c.worst.Status == messages.TestStepResultStatus_SKIPPED:
		a.Outcome, a.Message = e2e.Skipped, adapter.Clip(c.worst.Message, adapter.MessageBytes)
		// A step that skips its scenario takes some time. cucumber-js reports the scenarios that it does not run as well.
		if a.Kept = c.tells && !c.ran; a.Kept {
			a.Message = "cucumber-js ran no step of it, as failFast and dryRun of its configuration have it; remove them"
		}
		return a
	case c.worst.Status != messages.TestStepResultStatus_FAILED:
		a.Message = "a step is " + strings.ToLower(string(c.worst.Status))
	}
	details := c.worst.Message
	if e := c.worst.Exception; e != nil {
		a.Type, a.Message = adapter.Clip(e.Type, 200), e.Message
		details += "\n" + e.StackTrace
	}
	if a.Message == "" {
		a.Message = trace.Split(c.worst.Message, 2)[0]
		if m := named.FindStringSubmatch(a.Message); m != nil { // cucumber-js 8 tells the type only so
			a.Type, a.Message = m[1], m[2]
		}
	}
	a.Message = adapter.Clip(strings.TrimSpace(a.Message), adapter.MessageBytes)
	a.Error = a.Type != "" && !strings.Contains(a.Type, "Assertion")
	if c.printed.Len() > 0 {
		details += "\n--- output ---\n" + c.printed.String()
	}
	a.Details = adapter.Clip(strings.TrimSpace(details), adapter.DetailsBytes)
	return a
}

// trace is where the stack begins in the message of a step.
var trace = regexp.MustCompile(`\n\s+at |\n\s+\+ expected - actual`)

// named is a message with the type of its error.
var named = regexp.MustCompile(`^(\w+(?:Error|Exception))(?: \[\w+\])?: ([\s\S]+)`)

// attach keeps an attachment: text as part of the details, all else as a file.
func (r *cucumberRun) attach(c *testCase, a *messages.Attachment) {
	text := a.ContentEncoding != messages.AttachmentContentEncoding_BASE64
	if text && (a.MediaType == "text/plain" || strings.HasPrefix(a.MediaType, "text/x.cucumber.log")) && a.FileName == "" {
		if c.printed.Len() < adapter.DetailsBytes {
			c.printed.WriteString(adapter.Clip(a.Body, adapter.DetailsBytes) + "\n")
		}
		return
	}
	data := []byte(a.Body)
	if !text {
		var err error
		if data, err = base64.StdEncoding.DecodeString(a.Body); err != nil {
			return
		}
	}
	if r.saved++; r.saved > adapter.MaxKept {
		return
	}
	name := filepath.Base(filepath.FromSlash(strings.ReplaceAll(a.FileName, `\`, "/")))
	if a.FileName == "" || name == "." || name == string(filepath.Separator) {
		name = "attachment" + extension(a.MediaType)
	}
	to := filepath.Join(r.p.Unit.Evidence, fmt.Sprintf("%03d-%s", r.saved, name))
	if os.WriteFile(to, data, 0o644) == nil {
		c.files = append(c.files, to)
	}
}

func extension(mediaType string) string {
	if known, err := mime.ExtensionsByType(mediaType); err == nil && len(known) > 0 {
		return known[len(known)-1]
	}
	return ".bin"
}

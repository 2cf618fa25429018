package triage

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/org/e2e-gate/internal/diag"
)

// serve answers with the built-in rules only.
func serve(r io.Reader, w io.Writer) error { return (&Triager{}).Serve(r, w) }

func TestServeIsTheContract(t *testing.T) {
	in := `{"id":"1","framework":"junit5","test":"CaseIT.x","message":"expected: <A> but was: <B>","details":"","context":{"health":"ok","rerun":"failed","recent":"stable","changed_paths":["src/a.go"]}}` + "\n\r\n" +
		`{"id":"2","message":"connect ECONNREFUSED 10.0.0.1:5432","unknown_field":1}`
	var out strings.Builder
	if err := serve(strings.NewReader(in), &out); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
	if len(lines) != 2 {
		t.Fatalf("got %d lines: %s", len(lines), out.String())
	}
	for i, want := range []string{"PRODUCT_REGRESSION", "ENVIRONMENT_FAILURE"} {
		var m map[string]any
		if err := json.Unmarshal([]byte(lines[i]), &m); err != nil {
			t.Fatal(err)
		}
		if m["category"] != want || m["id"] != fmt.Sprint(i+1) || len(m) != 6 || m["next_step"] == "" || len(m["evidence"].([]any)) == 0 {
			t.Errorf("got %s", lines[i])
		}
	}
	if !strings.Contains(lines[0], `"evidence":["message: \"expected`) {
		t.Errorf("got %s", lines[0])
	}
}

func TestServeNamesUnreadableLines(t *testing.T) {
	good := func(id string) string { return fmt.Sprintf(`{"id":%q,"message":"x"}`, id) }
	in := strings.Join([]string{
		good("a"), "{", "[]", `{"message":"no id"}`, `{"id":7}`, `{"id":"c","context":{"health":"green"}}`, `{"id":"d","context":{"rerun":"pased"}}`,
		`{"id":"e","context":{"recent":"old"}}`, `{"id":"f","context":[]}`, `{"id":"g"} {"id":"h"}`, good("z"),
	}, "\n")
	var out strings.Builder
	err := serve(strings.NewReader(in), &out)
	if n := strings.Count(out.String(), "\n"); n != 2 {
		t.Errorf("%d answers: %s", n, out.String())
	}
	want := []string{
		"stdin:2: the line is no failure in JSON: unexpected end of JSON input at byte 1",
		"stdin:3: the line is no failure in JSON: it is of type array",
		"stdin:4: the failure has no id",
		"stdin:5: the line is no failure in JSON: id cannot be of type number",
		`stdin:6: unknown word "green" in context.health; expected one of: ok, degraded, failed`,
		`stdin:7: unknown word "pased" in context.rerun; did you mean "passed"?`,
		`stdin:8: unknown word "old" in context.recent`,
		"stdin:9: the line is no failure in JSON: context cannot be of type array",
		"stdin:10: the line is no failure in JSON: invalid character '{' after top-level value at byte 12",
	}
	got := strings.Split(fmt.Sprint(err), "\n")
	if len(got) != len(want) {
		t.Fatalf("got %q", got)
	}
	for i := range want {
		if !strings.HasPrefix(got[i], want[i]) || !strings.Contains(got[i], "; ") {
			t.Errorf("got %q, want %q", got[i], want[i])
		}
	}
	var positioned diag.Errors
	if !errors.As(err, &positioned) || positioned[0].Line != 2 {
		t.Errorf("got %T", err)
	}
}

func TestServeSkipsALineThatIsTooLong(t *testing.T) {
	in := io.MultiReader(
		strings.NewReader(`{"id":"a","message":"x"}`+"\n"+`{"id":"long","message":"`),
		io.LimitReader(endless{}, maxJSONLine), strings.NewReader(`"}`+"\n"+`{"id":"b","message":"x"}`),
	)
	var out strings.Builder
	err := serve(in, &out)
	if want := "stdin:2: the line is longer than 16 MiB; shorten its details"; fmt.Sprint(err) != want {
		t.Errorf("got %v", err)
	}
	if got := out.String(); !strings.Contains(got, `{"id":"a"`) || !strings.Contains(got, `{"id":"b"`) || strings.Contains(got, "long") {
		t.Errorf("got %s", got)
	}
}

type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	return len(p), nil
}

func TestServeAnswersBeforeTheNextQuestion(t *testing.T) {
	questions, ask := io.Pipe()
	answers, say := io.Pipe()
	done := make(chan error, 1)
	go func() {
		done <- serve(questions, say)
		_ = say.Close()
	}()
	dec := json.NewDecoder(answers)
	for _, id := range []string{"1", "2"} {
		if _, err := fmt.Fprintf(ask, `{"id":%q,"message":"x"}`+"\n", id); err != nil {
			t.Fatal(err)
		}
		var a answer
		if err := dec.Decode(&a); err != nil || a.ID != id {
			t.Fatalf("got %+v, %v", a, err)
		}
	}
	_ = ask.Close()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestServeBoundsItsErrors(t *testing.T) {
	err := serve(strings.NewReader(strings.Repeat("{\n", 250)), io.Discard)
	if lines := strings.Split(fmt.Sprint(err), "\n"); len(lines) != maxReported+1 ||
		lines[0] != "stdin: 150 more lines could not be read; correct the first ones" {
		t.Errorf("got %d lines, %q", len(lines), lines[0])
	}
}

type full struct{}

var errFull = errors.New("disk full")

func (full) Write([]byte) (int, error) { return 0, errFull }

func TestServeReportsBrokenStreams(t *testing.T) {
	if err := serve(strings.NewReader(`{"id":"a"}`), full{}); !errors.Is(err, errFull) {
		t.Errorf("got %v", err)
	}
	if err := serve(strings.NewReader(strings.Repeat(`{"id":"a","message":"x"}`+"\n", 1000)), full{}); !errors.Is(err, errFull) {
		t.Errorf("got %v", err)
	}
	if err := serve(iotest.ErrReader(io.ErrClosedPipe), io.Discard); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("got %v", err)
	}
}

func FuzzServe(f *testing.F) {
	f.Add([]byte(`{"id":"1","message":"a","context":{"rerun":"failed"}}`))
	f.Add([]byte("{\"id\":\"1\",\"details\":\"Caused by: x\\n\\tat a.B.c(D.java:1)\"}\n\n{"))
	f.Fuzz(func(t *testing.T, data []byte) {
		var out bytes.Buffer
		err := serve(bytes.NewReader(data), &out)
		asked := 0
		for line := range bytes.SplitSeq(data, []byte("\n")) {
			if len(bytes.TrimSpace(line)) > 0 {
				asked++
			}
		}
		answers := bytes.Count(out.Bytes(), []byte("\n"))
		if answers > asked || err == nil && answers != asked {
			t.Fatalf("%d answers to %d lines, error %v", answers, asked, err)
		}
		dec := json.NewDecoder(&out)
		for range answers {
			var a answer
			if err := dec.Decode(&a); err != nil || a.Category == "" || a.Evidence == nil {
				t.Fatalf("%+v, %v", a, err)
			}
		}
	})
}

package cluster

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// Frames survive what happens to logs: other lines between them, parts that come twice, streams that end anywhere.
func TestFramesSurvive(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		files := map[string]string{}
		var must []packed
		for i := range rapid.IntRange(1, 4).Draw(t, "files") {
			data := make([]byte, rapid.IntRange(0, 15_000).Draw(t, "size"))
			_, _ = rand.Read(data)
			name := fmt.Sprintf("shard-%d.1.json", i)
			files[name], must = string(data), append(must, packed{name, data})
		}
		var log bytes.Buffer
		if _, err := writeFrames(&log, must, nil); err != nil {
			t.Fatal(err)
		}
		lines := strings.SplitAfter(log.String(), "\n")
		var b strings.Builder
		for _, line := range lines {
			if rapid.Bool().Draw(t, "chatter") {
				b.WriteString(rapid.SampledFrom([]string{"e2e-gate-frame:1 x\n", "[0:01] 2/2 ended\n", "e2e-gate-frame:1 1 0 00000000 !!!!\n", strings.Repeat("x", 70_000) + "\n"}).Draw(t, "line"))
			}
			b.WriteString(line)
		}
		whole := b.String()
		var r received
		cut := rapid.IntRange(0, len(whole)).Draw(t, "cut")
		if err := r.read(strings.NewReader(whole[:cut])); err != nil {
			t.Fatal(err)
		}
		_ = r.complete()
		if err := r.read(strings.NewReader(whole)); err != nil || !r.complete() {
			t.Fatalf("%v, complete %v", err, r.complete())
		}
		if err := r.files(func(name string, data []byte) error {
			if files[name] != string(data) {
				t.Errorf("%s differs", name)
			}
			delete(files, name)
			return nil
		}); err != nil || len(files) > 0 {
			t.Errorf("%v, missing %d", err, len(files))
		}
	})
}

// Nothing but the whole is taken: each byte of the log matters.
func TestDamagedFrames(t *testing.T) {
	var log bytes.Buffer
	if _, err := writeFrames(&log, []packed{{"shard-0.1.json", bytes.Repeat([]byte("{}"), 10)}}, nil); err != nil {
		t.Fatal(err)
	}
	text := log.String()
	for i := range len(text) {
		if text[i] == ' ' || text[i] == '\n' {
			continue
		}
		var r received
		_ = r.read(strings.NewReader(text[:i] + string(text[i]^1) + text[i+1:]))
		if r.files(func(string, []byte) error { return nil }) == nil {
			t.Fatalf("byte %d changed, and it was read", i)
		}
	}
}

func TestWhatDoesNotFitIsNamed(t *testing.T) {
	big := make([]byte, MaxLogged)
	_, _ = rand.Read(big)
	var log bytes.Buffer
	left, err := writeFrames(&log, []packed{{"shard-0.1.json", []byte("{}")}}, []packed{{"units/0-001-a-1/small.log", []byte("x")}, {"units/0-001-a-1/video.webm", big}})
	if err != nil || len(left) != 1 || left[0] != "units/0-001-a-1/video.webm" {
		t.Errorf("%v: left %v", err, left)
	}
	if log.Len() > 10<<20-MaxChatter {
		t.Errorf("%d bytes", log.Len())
	}
	if _, err := writeFrames(&log, []packed{{"shard-0.1.json", append(big, big[:1000]...)}}, nil); !errors.Is(err, ErrTooLarge) {
		t.Errorf("a document that is too large: %v", err)
	}
}

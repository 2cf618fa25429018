package safetext

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

type word string

type leaf struct {
	Text  string
	Word  word
	Times []time.Time
}

type tree struct {
	Text     string
	List     []leaf
	Pointer  *leaf
	Map      map[string]leaf
	Bytes    []byte
	Number   int
	Nothing  *leaf
	Nil      []string
	NilMap   map[string]string
	Children []tree
	ID       string   `mask:"-"`
	IDs      []string `mask:"-"`
	Any      any
}

func TestRedactedMasksEveryStringOfAValue(t *testing.T) {
	const secret = "s3cret"
	one := leaf{Text: "a " + secret, Word: secret, Times: []time.Time{time.Unix(1, 0).UTC()}}
	v := tree{
		Text: "x\xff" + secret, List: []leaf{one}, Pointer: &one, Map: map[string]leaf{"key " + secret: one}, Bytes: []byte("kept"), Number: 7,
		Children: []tree{{Text: secret}}, ID: secret + "\xff", IDs: []string{secret}, Any: secret,
	}
	before, _ := json.Marshal(v)
	masked := leaf{Text: "a ***", Word: secret, Times: one.Times}
	want := tree{
		Text: "x\uFFFD***", List: []leaf{masked}, Pointer: &masked, Map: map[string]leaf{"key " + secret: masked}, Bytes: []byte("kept"), Number: 7,
		Children: []tree{{Text: "***"}}, ID: secret + "\uFFFD", IDs: []string{secret}, Any: "***",
	}
	if diff := cmp.Diff(want, Redacted(NewRedactor([]string{secret}), v)); diff != "" {
		t.Error(diff)
	}
	if after, _ := json.Marshal(v); string(after) != string(before) || one.Text != "a "+secret {
		t.Error("the value itself was changed")
	}
	if got := Redacted(nil, v); got.Text != "x\uFFFD"+secret || got.List[0].Text != one.Text {
		t.Errorf("without secrets: %+v", got)
	}
}

// A message that is the first line of its details is masked as that line: its end may split a secret.
func TestRedactedFirstLine(t *testing.T) {
	type failure struct {
		Message string `mask:"line of Details"`
		Details string
	}
	r := NewRedactor([]string{"hunter22-horse"})
	for in, want := range map[failure]failure{
		{"got hunter22-", "got hunter22-\nhorse in a stack"}: {"got *** in a stack", "got *** in a stack"},
		{"got hunter22-", "\n got hunter22-\r\n  horse"}:     {"got ***", "\n got ***"},
		{"got hunter22-", "got hunter22-\nwith a stack"}:     {"got hunter22-", "got hunter22-\nwith a stack"},
		{"other", "got hunter22-\nhorse"}:                    {"other", "got ***"},
		{"", "hunter22-\nhorse"}:                             {"", "***"},
	} {
		if got := Redacted(r, in); got != want {
			t.Errorf("%+v: %+v", in, got)
		}
	}
}

// What needs no change is not copied: a result of a million tests is in memory once.
func TestRedactedSharesWhatStays(t *testing.T) {
	v := tree{List: []leaf{{Text: "a"}, {Text: "b"}}, Pointer: &leaf{}, Children: []tree{{Text: "hunter22"}, {}}}
	got := Redacted(NewRedactor([]string{"hunter22"}), v)
	if &got.List[0] != &v.List[0] || got.Pointer != v.Pointer || &got.Children[0] == &v.Children[0] || got.Children[0].Text != Mask {
		t.Errorf("%+v", got)
	}
	if n := testing.AllocsPerRun(10, func() { _ = Redacted(NewRedactor(nil), v) }); n > 40 {
		t.Errorf("%v allocations", n)
	}
}

package safetext

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
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
}

func TestRedactedMasksEveryStringOfAValue(t *testing.T) {
	const secret = "s3cret"
	one := leaf{Text: "a " + secret, Word: secret, Times: []time.Time{time.Unix(1, 0).UTC()}}
	v := tree{
		Text: "x\xff" + secret, List: []leaf{one}, Pointer: &one, Map: map[string]leaf{"key " + secret: one}, Bytes: []byte("kept"), Number: 7,
		Children: []tree{{Text: secret}},
	}
	before, _ := json.Marshal(v)
	masked := leaf{Text: "a ***", Word: "***", Times: one.Times}
	want := tree{
		Text: "x\uFFFD***", List: []leaf{masked}, Pointer: &masked, Map: map[string]leaf{"key ***": masked}, Bytes: []byte("kept"), Number: 7,
		Children: []tree{{Text: "***"}},
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

// What is cleaned as a value, and what is masked as its JSON, say the same.
func TestRedactedSaysWhatTheDocumentSays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := NewRedactor(secrets().Draw(t, "secrets"))
		v := leaf{Text: rapid.String().Draw(t, "text"), Word: word(rapid.String().Draw(t, "word"))}
		data, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		clean, err := json.Marshal(Redacted(r, v))
		if err != nil {
			t.Fatal(err)
		}
		// A document masks a secret in its escaped form too; a second pass over the clean
		// value finds nothing that the first left.
		if again := r.JSON(clean); string(r.JSON(data)) != string(again) {
			t.Errorf("value: %s\ndocument: %s", again, r.JSON(data))
		}
	})
}

package report

import "testing"

// TestColumns: what people see as one character has one width, and is never cut in the middle.
func TestColumns(t *testing.T) {
	for text, want := range map[string]int{"abc": 3, "日本": 4, "é": 1, "e\u0301": 1, "👨‍👩‍👧": 2, "🇩🇪": 2, "": 0} {
		if got := columns(text); got != want {
			t.Errorf("%q takes %d columns, want %d", text, got, want)
		}
	}
	for _, tc := range []struct {
		text  string
		width int
		want  string
	}{{"日本", 3, "日"}, {"日本", 1, "日"}, {"a👨‍👩‍👧b", 2, "a"}, {"a👨‍👩‍👧b", 3, "a👨‍👩‍👧"}, {"e\u0301e\u0301", 1, "e\u0301"}, {"abc", 5, "abc"}} {
		if got := prefix(tc.text, tc.width); got != tc.want {
			t.Errorf("%d columns of %q: %q, want %q", tc.width, tc.text, got, tc.want)
		}
	}
}

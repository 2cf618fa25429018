package gotest

import (
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

const (
	// plainPattern is up to how many bytes a pattern is a list of names, as a person would write it.
	plainPattern = 24 << 10
	// maxPattern bounds a pattern, in bytes: Linux allows 128 KiB for an argument.
	maxPattern = 120 << 10
)

// patternOf matches exactly the names: ^A|B$ would run more than A and B. Many names share what they begin with.
func patternOf(names []string) string {
	names = slices.Compact(slices.Sorted(slices.Values(names)))
	quoted := make([]string, len(names))
	for i, name := range names {
		quoted[i] = regexp.QuoteMeta(name)
	}
	if pattern := "^(" + strings.Join(quoted, "|") + ")$"; len(pattern) <= plainPattern {
		return pattern
	}
	return "^(" + shared(names) + ")$"
}

// shared is the alternatives of sorted names, each beginning that several have in common once.
func shared(names []string) string {
	var list []string
	for len(names) > 0 {
		first, size := utf8.DecodeRuneInString(names[0])
		if size == 0 {
			list, names = append(list, ""), names[1:]
			continue
		}
		n := 1
		for n < len(names) && strings.HasPrefix(names[n], names[0][:size]) {
			n++
		}
		if n == 1 {
			list, names = append(list, regexp.QuoteMeta(names[0])), names[1:]
			continue
		}
		head := string(first)
		for same := true; same; { // as much as all of them have
			_, more := utf8.DecodeRuneInString(names[0][len(head):])
			same = more > 0 && !slices.ContainsFunc(names[:n], func(name string) bool { return !strings.HasPrefix(name, names[0][:len(head)+more]) })
			if same {
				head = names[0][:len(head)+more]
			}
		}
		rest := make([]string, n)
		for i, name := range names[:n] {
			rest[i] = name[len(head):]
		}
		list, names = append(list, regexp.QuoteMeta(head)+"(?:"+shared(rest)+")"), names[n:]
	}
	return strings.Join(list, "|")
}

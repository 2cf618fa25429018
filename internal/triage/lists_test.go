package triage

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// caseOf is a text that a row of a list finds.
func (r tableRow) caseOf() string {
	text := strings.ReplaceAll(r.text, "*", "x")
	switch r.kind {
	case "brand":
		return "api." + text + ".com"
	case "folder":
		return "a/" + text + "/b"
	case "class":
		return text + ".java"
	case "script":
		return "case." + text + ".ts"
	case "config":
		return text + ".config.ts"
	case "shared":
		return "e2e/" + text + ".ts"
	case "end", "name":
		return "case" + text
	default:
		return text
	}
}

// Each row of a list makes a difference: there is a text that is not in it without the
// row.
func TestEachListRowIsReached(t *testing.T) {
	for name, list := range listTable() {
		if name == "service ports" {
			continue // read as numbers, below
		}
		whole, err := list.expr()
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for i, r := range list.rows {
			less := list
			less.rows = slices.Delete(slices.Clone(list.rows), i, i+1)
			rest, err := less.expr()
			if err != nil {
				t.Fatal(err)
			}
			with, without := regexp.MustCompile(whole), regexp.MustCompile(rest)
			cases := []string{r.caseOf()}
			if r.kind == "expr" {
				cases = r.like
			}
			if len(cases) == 0 {
				t.Errorf("line %d: the expression has no example", r.line)
			}
			for _, text := range cases {
				if !with.MatchString(text) || without.MatchString(text) {
					t.Errorf("line %d: %s %q of %s makes no difference to %q", r.line, r.kind, r.text, name, text)
				}
			}
		}
	}
}

func TestServicePortsAreListed(t *testing.T) {
	list := listTable()["service ports"]
	ports := servicePorts()
	if len(ports) != len(list.rows) {
		t.Errorf("%d ports in %d rows", len(ports), len(list.rows))
	}
	if !slices.IsSortedFunc(list.rows, func(a, b tableRow) int { return cmp.Compare(len(a.text), len(b.text))*10 + cmp.Compare(a.text, b.text) }) {
		t.Error("the ports are not in the order of their numbers")
	}
	for port, ok := range ports {
		if !ok || port < 1 || port > 65535 {
			t.Errorf("port %d", port)
		}
	}
	for _, r := range list.rows {
		if r.kind != "port" {
			t.Errorf("line %d is not a port", r.line)
		}
	}
}

func TestListTableIsWellKept(t *testing.T) {
	for name, list := range listTable() {
		var groups []string
		seen := map[string]bool{}
		for _, r := range list.rows {
			if id := r.kind + " " + r.text; seen[id] || r.source == "" {
				t.Errorf("line %d: a row stands there once, and with a source", r.line)
			} else {
				seen[id] = true
			}
			if (len(r.like) > 0) != (r.kind == "expr") {
				t.Errorf("line %d: an expression has an example, and no other row has one", r.line)
			}
			if group := r.kind + " of " + r.source; len(groups) == 0 || groups[len(groups)-1] != group {
				if slices.Contains(groups, group) && r.kind != "port" {
					t.Errorf("line %d: the rows of %s in %s do not stand together", r.line, group, name)
				}
				groups = append(groups, group)
			}
		}
	}
	for i, line := range strings.Split(listText, "\n") {
		if len([]rune(line)) > 160 || line != strings.TrimRight(line, " \t") {
			t.Errorf("line %d is longer than 160 columns or ends with a blank", i+1)
		}
	}
}

func TestFaultsOfAList(t *testing.T) {
	for text, want := range map[string]string{
		"[a] any case: x\nodd | b | c":                                `line 2: unknown kind "odd"; the first lines of the table name the kinds`,
		"[a] some case: x\npart | b | c":                              `unknown case rule "some case"; use any case or exact case`,
		"[b] any case: x\npart | b | c":                               `unknown case rule ""; use any case or exact case`,
		"[a] any case: x":                                             `there is no list "a"; its name is another one in lists.txt`,
		"[a] any case: x\npart | b | c\n[a] any case: y\nend | b | c": `there are two lists "a"; put their rows into one`,
		"part | b | c":                                                "line 1 belongs to no block; write [name] text above it",
	} {
		lists, err := readLists(text)
		if err == nil {
			_, err = lists["a"].expr()
		}
		if fmt.Sprint(err) != want {
			t.Errorf("%q: got %v, want %s", text, err, want)
		}
	}
}

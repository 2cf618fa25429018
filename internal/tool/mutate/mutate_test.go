package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const source = `package p

import "errors"

const bound = 1

var limit = 3

// Small reports whether n is small and not odd.
func Small(n int, odd bool) bool {
	if n < limit && !odd {
		return true
	}
	for n > 100 {
		n--
	}
	switch n {
	case 7, 8:
		limit = 4
	}
	if odd == true {
		return false
	}
	return errors.Is(nil, nil) == false
}
`

func TestMutantsOfAFile(t *testing.T) {
	list, err := mutate("p.go", []byte(source))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, m := range list {
		got = append(got, m.String())
		if bytes.Equal(m.text, []byte(source)) {
			t.Errorf("%s changes nothing", m)
		}
		if !strings.Contains(string(m.text), "const bound = 1") {
			t.Errorf("%s touches a constant", m)
		}
	}
	all := strings.Join(got, "\n")
	for _, want := range []string{
		"p.go:7: 4 instead of 3", "p.go:11: || instead of &&", "p.go:11: the left side of && is left out", "p.go:11: the right side of && is left out",
		"p.go:11: <= instead of <", "p.go:11: >= instead of <", "p.go:11: not is left out", "p.go:11: the condition is turned around",
		"p.go:11: the body of an if is left out", "p.go:12: false instead of true", "p.go:14: the body of a loop is left out", "p.go:15: a statement is left out",
		"p.go:18: the body of a case is left out", "p.go:18: one value of a case is left out", "p.go:18: 8 instead of 7", "p.go:19: a statement is left out",
		"p.go:21: != instead of ==",
	} {
		if !strings.Contains(all, want) {
			t.Errorf("%q is missing in\n%s", want, all)
		}
	}
	// The tree is as it was after each: no mutant holds the change of another.
	for _, m := range list {
		if n := strings.Count(string(m.text), "limit = 4"); n > 1 && !strings.Contains(m.what, "4 instead of 3") {
			t.Errorf("%s holds another change:\n%s", m, m.text)
		}
	}
	if _, err := mutate("p.go", []byte("package")); err == nil {
		t.Error("a file that does not parse has mutants")
	}
}

// One mutant for each result, with the real go command.
func TestBench(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	for name, text := range map[string]string{
		"go.mod": "module p\n\ngo 1.26\n", "p/p.go": "package p\n\nfunc Small(n int) bool { return n < 3 }\n",
		"p/p_test.go": "package p\n\nimport \"testing\"\n\nfunc TestSmall(t *testing.T) {\n\tif !Small(1) {\n\t\tt.Error(1)\n\t}\n}\n",
	} {
		if err := os.MkdirAll(filepath.Dir(name), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var stdout bytes.Buffer
	r, err := target{dir: "p", min: 0.5}.try(t.Context(), options{share: 1, workers: 1, timeout: time.Minute}, &stdout)
	if err != nil {
		t.Fatal(err)
	}
	// n >= 3 is noticed; n <= 3 and n < 4 are not.
	if r.killed != 1 || r.survived != 2 || r.invalid != 0 || !strings.Contains(stdout.String(), "survived: p/p.go:3: <= instead of <") {
		t.Errorf("%+v\n%s", r, stdout.String())
	}
	if status := table(&stdout, []target{{dir: "p", min: 0.5}}, []result{r}); status != 1 || !strings.Contains(stdout.String(), "33.3%") {
		t.Errorf("status %d\n%s", status, stdout.String())
	}
	bench, err := newBench("p", time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	defer bench.close()
	if fate, err := bench.try(t.Context(), mutant{file: "p/p.go", text: []byte("package p\n")}); fate != invalid || err != nil {
		t.Errorf("what does not compile: %v, %v", fate, err)
	}
	if err := os.WriteFile("p/p.go", []byte("package p\n\nfunc Small(int) bool { return false }\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := (target{dir: "p"}).try(t.Context(), options{share: 1, workers: 1, timeout: time.Minute}, &stdout); err == nil {
		t.Error("tests that fail by themselves are taken")
	}
}

func TestUsage(t *testing.T) {
	for _, args := range [][]string{{"-share", "0"}, {"-share", "1.5"}, {"-workers", "0"}, {"nowhere"}, {"-nope"}} {
		var stderr bytes.Buffer
		if status := run(t.Context(), args, &bytes.Buffer{}, &stderr); status != 2 || stderr.Len() == 0 {
			t.Errorf("%v: status %d, %s", args, status, stderr.String())
		}
	}
	if list, err := choose([]string{"internal/rerun"}); err != nil || len(list) != 1 || list[0].min != 0.95 {
		t.Errorf("%+v, %v", list, err)
	}
}

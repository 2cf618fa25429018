package realsuite

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/suite"
	"github.com/org/e2e-gate/internal/suite/adapter/listing"
)

// Kept checks when a listing is taken from the one before. The suite lies in e2e and makes a test of each
// line of data/cases.txt in the repository and of the file that the variable CASES names. With ASKS=HOST:PORT
// it opens a connection while it is listed, with ASKS=program it starts one. Where its files name {{outside}}, a folder
// outside of the repository, they import more.mjs or more.cjs there, which exports names of further tests.
func Kept(t *testing.T, root string, spec suite.Spec, files map[string]string) {
	t.Helper()
	Slow(t)
	out := t.TempDir()
	k := &keptSuite{t: t, root: root, cases: filepath.Join(out, "cases.txt"), cache: t.TempDir()}
	k.env = append(os.Environ(), "CASES="+k.cases, "E2E_RUN_ID=1")
	spec.Name, spec.Dir = "s", "e2e"
	imports := false
	for name, text := range files {
		imports = imports || strings.Contains(text, outsideMark)
		files[name] = strings.ReplaceAll(text, outsideMark, filepath.ToSlash(out))
	}
	k.more(out, "")
	Trick{Root: root, Files: files}.write(t)
	if len(spec.Run) == 0 {
		spec.Run = direct(spec.Framework, root)
	}
	var err error
	if k.adapter, err = suite.New(spec, root); err != nil {
		t.Fatal(err)
	}
	k.write(filepath.Join(root, "data", "cases.txt"), "a")
	k.write(k.cases, "x")

	k.lists("at first", "a x", false)
	k.env[len(k.env)-1] = "E2E_RUN_ID=2"
	k.lists("again", "a x", true)
	k.write(filepath.Join(root, "data", "cases.txt"), "a b")
	k.lists("after a change in the repository, beside the suite", "a b x", false)
	k.write(k.cases, "x y")
	k.lists("after a change outside of the repository", "a b x y", false)
	k.lists("again", "a b x y", true)
	if imports {
		k.more(out, "z")
		k.lists("after a change of a module outside of the repository", "a b x y z", false)
		k.more(out, "")
		k.lists("after it was changed back", "a b x y", false)
	}

	server, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = server.Close() }()
	go func() {
		for c, err := server.Accept(); err == nil; c, err = server.Accept() {
			_ = c.Close()
		}
	}()
	for _, asks := range []string{server.Addr().String(), "program"} {
		before := k.files()
		k.env = append(k.env, "ASKS="+asks)
		k.lists("while it asks "+asks, "a b x y", false)
		if after := k.files(); before != after {
			t.Errorf("a listing was kept that asked %s", asks)
		}
	}
}

// KeptText checks when a listing is taken from the one before, where the names of tests stand in one file: source writes a file of tests that have these
// names. It returns a function that lists again, with a suite of other settings.
func KeptText(t *testing.T, root string, spec suite.Spec, files map[string]string, file string, source func(names []string) string,
	env ...string) func(when string, args, env []string, kept bool) {
	t.Helper()
	Slow(t)
	Trick{Root: root, Files: files}.write(t)
	k := &keptSuite{t: t, root: root, cache: t.TempDir(), env: append(os.Environ(), env...)}
	spec.Name, spec.Dir = "s", "e2e"
	lists := func(when string, spec suite.Spec, names []string, kept bool) {
		t.Helper()
		var err error
		if k.adapter, err = suite.New(spec, root); err != nil {
			t.Fatal(err)
		}
		k.lists(when, strings.Join(names, " "), kept)
	}
	tests := func(names ...string) []string {
		text := source(names)
		if err := os.WriteFile(filepath.Join(root, "e2e", file), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return names
	}
	names := tests("a")
	lists("at first", spec, names, false)
	lists("again", spec, names, true)
	names = tests("a", "b")
	lists("after a change", spec, names, false)
	lists("again", spec, names, true)
	return func(when string, args, env []string, kept bool) {
		t.Helper()
		k.env = append(k.env, env...)
		spec := spec
		spec.Args = args
		lists(when+", at first", spec, names, false)
		lists(when+", again", spec, names, kept)
	}
}

// outsideMark stands for a folder outside of the repository.
const outsideMark = "{{outside}}"

// more writes the modules outside of the repository, which export a name or none.
func (k *keptSuite) more(out, name string) {
	k.t.Helper()
	if name != "" {
		name = "'" + name + "'"
	}
	k.write(filepath.Join(out, "more.mjs"), "export const more=["+name+"];")
	k.write(filepath.Join(out, "more.cjs"), "exports.more=["+name+"];")
}

type keptSuite struct {
	t                  *testing.T
	root, cases, cache string
	env                []string
	adapter            suite.Adapter
}

// write writes the words of a text as lines, long ago: a file that is as new as the listing is not trusted.
func (k *keptSuite) write(file, words string) {
	k.t.Helper()
	old := time.Now().Add(-time.Hour)
	err := os.MkdirAll(filepath.Dir(file), 0o755)
	if err == nil {
		err = os.WriteFile(file, []byte(strings.Join(strings.Fields(words), "\n")+"\n"), 0o644)
	}
	if err == nil {
		err = os.Chtimes(file, old, old)
	}
	if err != nil {
		k.t.Fatal(err)
	}
}

func (k *keptSuite) lists(when, want string, kept bool) {
	k.t.Helper()
	told := false
	ctx := listing.With(context.Background(), listing.Cache{Dir: k.cache, Now: time.Now, Told: func(string, time.Time) { told = true }})
	tests, problems, err := k.adapter.Discover(ctx, k.env)
	var names []string
	for _, test := range tests {
		name := test.Name[strings.LastIndex(test.Name, "::")+2:]
		names = append(names, strings.Trim(strings.TrimPrefix(name, "test_case"), "[]"))
	}
	slices.Sort(names)
	if got := strings.Join(names, " "); err != nil || len(problems) > 0 || got != want || told != kept {
		k.t.Fatalf("%s: got %q, kept %t (%v, %+v), want %q, %t", when, got, told, err, problems, want, kept)
	}
	if slices.ContainsFunc(tests, func(test e2e.Test) bool { return test.File == "" || test.Line == 0 }) {
		k.t.Errorf("%s: %+v", when, tests)
	}
}

// files are those in the cache, with their content.
func (k *keptSuite) files() string {
	k.t.Helper()
	entries, err := os.ReadDir(k.cache)
	if err != nil {
		k.t.Fatal(err)
	}
	var all strings.Builder
	for _, e := range entries {
		data, err := os.ReadFile(filepath.Join(k.cache, e.Name()))
		if err != nil {
			k.t.Fatal(err)
		}
		fmt.Fprintf(&all, "%s\n%s\n", e.Name(), data)
	}
	return all.String()
}

// KeptNode is a test file of a framework of Node for [Kept], behind lines that name fs, net, childProcess, test and
// what is imported from outside.
func KeptNode(head string) string {
	return head + `
const lines = (file) => fs.readFileSync(file, 'utf8').trim().split('\n');
if (process.env.ASKS === 'program') childProcess.execFileSync('true');
else if (process.env.ASKS) net.connect(Number(process.env.ASKS.split(':').pop()), '127.0.0.1').on('error', () => {}).end();
for (const name of [...lines('../data/cases.txt'), ...lines(process.env.CASES), ...more]) test(name, () => {});
`
}

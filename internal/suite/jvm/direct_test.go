package jvm

import (
	"encoding/json"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/org/e2e-gate/internal/suite/adapter"
)

// A JVM that is started again does not end itself because the build of the listing has ended; properties of the batch
// count, and the rerun is one attempt.
func TestFilesOfAJVM(t *testing.T) {
	root := t.TempDir()
	one := startedJVM{
		ID: "1", Java: "/jdk/bin/java", Arguments: []string{"-Xmx1g", "-Da=b c"}, Folder: filepath.Join(root, "target", "surefire"), Dump: "d", Directory: root,
		Jar: []byte("jar"), Setup: []byte("#surefire\npluginPid=17\nrerunFailingTestsCount=2\nforkNumber=1\n"), Properties: []byte("basedir=/r\n"),
		Set: []string{"A=1"}, Unset: []string{"B"},
	}
	b := jvmRun{folder: filepath.Join(root, "batch"), classes: "/classes", dir: root, attempt: 2}
	cmd, made, err := withoutBuild(b, []startedJVM{one})
	if err != nil || len(made) != 3 || cmd.Argv[0] != one.Java || cmd.Argv[len(cmd.Argv)-1] != filepath.Join(b.folder, "jvm-1") {
		t.Fatal(err, made, cmd)
	}
	read := func(file string) string {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	argv := strings.Split(read(filepath.Join(b.folder, "jvm-1", "argv")), "\x00")
	want := []string{one.Java, "-Xmx1g", "-Da=b c", "-jar", made[0], one.Folder, argv[6], filepath.Base(made[1]), filepath.Base(made[2]), ""}
	if !slices.Equal(argv, want) {
		t.Errorf("%q", argv)
	}
	if got := read(made[1]); got != "#surefire\nrerunFailingTestsCount=2\nforkNumber=1\n\n"+
		"rerunFailingTestsCount=0\njunit.vintage.execution.parallel.enabled=false\ntestng.parallel=none\n" {
		t.Error(got)
	}
	if got := read(made[2]); !strings.HasPrefix(got, "basedir=/r\n") || !strings.Contains(got, "\njunit.jupiter.execution.parallel.enabled=false\n") {
		t.Error(got)
	}
	if got := read(filepath.Join(b.folder, "jvm-1", "set")) + read(filepath.Join(b.folder, "jvm-1", "unset")); got != "A=1\x00B\x00" {
		t.Errorf("%q", got)
	}
	remove(made)
	if left, err := os.ReadDir(one.Folder); err != nil || len(left) > 0 {
		t.Error(left, err)
	}
}

// The environment of the listing may hold secrets: only what the build changed in it is kept.
func TestWhatABuildChanges(t *testing.T) {
	given := []string{"A=old", "A=1", "SECRET=s", "GONE=x", "E2E_GATE_EVENTS=a"}
	set, unset := changed(given, []string{"A=2", "SECRET=s", "NEW=a=b", "E2E_GATE_EVENTS=b"})
	if !slices.Equal(set, []string{"A=2", "NEW=a=b"}) || !slices.Equal(unset, []string{"GONE"}) {
		t.Error(set, unset)
	}
}

// A secret that the build hands on by a property would lie in the user's cache.
func TestSecretsAreNotKept(t *testing.T) {
	j := newMaven(adapter.Spec{PassEnv: []string{"DB_LOGIN"}}, t.TempDir()).(*jvm)
	given := []string{"DB_LOGIN=s3:cret", "API_TOKEN=abcdef", "HOME=/home/me", "MY_KEY=1"}
	for want, one := range map[string]startedJVM{
		"DB_LOGIN":  {Properties: []byte(`db.login=s3\:cret`)},
		"API_TOKEN": {Arguments: []string{"-Dtoken=abcdef"}},
		"":          {Set: []string{"PLACE=/home/me", "ONE=1"}},
	} {
		if got := j.secretIn(one, given); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// What a JVM is made of is known by its content; of libraries and data, by size and time.
func TestStateOfAClassPath(t *testing.T) {
	root := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		file := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	touch := func(name string) {
		t.Helper()
		if err := os.Chtimes(filepath.Join(root, name), time.Unix(9, 0), time.Unix(9, 0)); err != nil {
			t.Fatal(err)
		}
	}
	write("classes/A.class", "a")
	write("lib.jar", "lib")
	write("src/A.java", "a")
	write("own/Reporter.class", "r")
	at := func(name string) string { return filepath.Join(root, name) }
	path := []string{at("classes"), at("lib.jar"), at("own")}
	s := starts{Inputs: []string{at("src"), at("none")}, Outputs: []string{at("target")}, JVMs: []startedJVM{{ClassPath: path}}}
	state := func() string {
		t.Helper()
		digest, newest, err := s.state(at("own"))
		if err != nil || newest.IsZero() {
			t.Fatal(err, newest)
		}
		return digest
	}
	for _, c := range []struct {
		name    string
		change  func()
		differs bool
	}{
		{"nothing", func() {}, false},
		{"a class of the same content", func() { touch("classes/A.class") }, false},
		{"a class", func() { write("classes/A.class", "b") }, true},
		{"a class more", func() { write("classes/B.class", "b") }, true},
		{"a library", func() { touch("lib.jar") }, true},
		{"a source", func() { write("src/A.java", "b") }, true},
		{"a folder that was not there", func() { write("none/x", "") }, true},
		{"the gate's own classes", func() { write("own/Reporter.class", "s") }, false},
		{"an archive", func() { write("target/a.jar", "") }, true},
		{"what the tests wrote", func() { write("target/report.txt", "") }, false},
		{"what was built is gone", func() { _ = os.RemoveAll(at("classes")) }, true},
	} {
		before := state()
		if c.change(); (state() != before) != c.differs {
			t.Errorf("%s: want a difference: %t", c.name, c.differs)
		}
	}
}

// Every reason for the build's own start is kept, and without one there is none.
func TestReasonsForTheBuild(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("JVMs tell how they were started on Linux only")
	}
	listed := []adapter.Event{{Event: "listed", ID: "A::m()", Recording: "1"}}
	for _, c := range []struct{ name, told, recorded, want string }{
		{"the build says so", `{"event":"apart","message":"it starts a server"}`, `{"id":"1"}`, "it starts a server"},
		{"a variable of the batch", `{"event":"reads","name":"E2E_SHARD"}`, `{"id":"1"}`, "the build reads E2E_SHARD, which each batch has for itself"},
		{"a variable that is dropped", `{"event":"drops","name":"E2E_SHARD"}`, `{"id":"1"}`, "the build keeps E2E_SHARD from the tests"},
		{"a debugger", "", `{"id":"1","arguments":["-agentlib:jdwp=address=5005"]}`, "an argument of the JVM is for one at a time (jdwp)"},
		{"another kind of start", "", `{"id":"1","message":"it is not started with a jar"}`, "it is not started with a jar"},
		{"not recorded", "", "", "the JVM of A::m() did not tell how it was started"},
		{"a recording that is cut", "", `{"id":`, "how its JVMs were started cannot be read (unexpected end of JSON input)"},
		{"it cannot be started", "", `{"id":"1","java":"/no/such/java"}`, "without the build, the JVM of  does not list its tests"},
	} {
		t.Run(c.name, func(t *testing.T) {
			j := newMaven(adapter.Spec{Name: "s", Framework: "junit5-maven"}, t.TempDir()).(*jvm)
			b := jvmRun{folder: t.TempDir(), dir: j.root, listing: true}
			if c.recorded != "" {
				folder, err := json.Marshal(t.TempDir())
				if err != nil {
					t.Fatal(err)
				}
				c.recorded = strings.Replace(c.recorded, `"id":"1"`, `"id":"1","folder":`+string(folder), 1)
			}
			for file, text := range map[string]string{b.tool(): c.told, b.recordings(): c.recorded} {
				if text == "" {
					continue
				}
				if err := os.WriteFile(file, []byte(text+"\n"), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			s := j.record(t.Context(), b, listed, []string{"PATH=/bin"}, time.Now())
			if len(s.Apart) == 0 || !strings.HasPrefix(s.Apart[0], c.want) || len(s.JVMs) > 0 {
				t.Errorf("%q %+v", s.Apart, s.JVMs)
			}
			if cost := j.costOf(s); !strings.HasPrefix(cost, "each batch of suite s starts mvn, which builds again: "+s.Apart[0]) {
				t.Error(cost)
			}
		})
	}
	for name, spec := range map[string]adapter.Spec{"its own start": {Run: []string{"./all.sh"}}, "Maven itself": {Run: []string{"./mvnw", "-q"}}} {
		j := newMaven(spec, t.TempDir()).(*jvm)
		if able, why := j.records(); able != (name == "Maven itself") || (why == "") != able {
			t.Errorf("%s: %t %s", name, able, why)
		}
	}
}

// A build that may resolve other libraries the next time is started in each run of the gate.
func TestLibrariesThatMove(t *testing.T) {
	j := newMaven(adapter.Spec{Name: "moves"}, t.TempDir()).(*jvm)
	for path, moves := range map[string]bool{
		"/m2/com/acme/a/1-SNAPSHOT/a-1-20260101.101010-1.jar": true, "/m2/com/acme/a/1/a-1.jar": false,
		filepath.Join(j.root, "target", "a-1-SNAPSHOT.jar"): false,
	} {
		if got := j.moves([]string{"/m2/x.jar", path}); got != moves {
			t.Errorf("%s: %t", path, got)
		}
	}
	s := starts{Moves: true, Values: valuesOf(nil, nil)}
	s.State, _, _ = s.state("")
	if why := j.stale(s, "", nil); !strings.Contains(why, "a snapshot") {
		t.Error(why)
	}
	builtHere.Store(j.root+"\x00"+j.spec.Name, true)
	if why := j.stale(s, "", nil); why != "" {
		t.Error(why)
	}
	s.Reads = []string{"PORT"}
	if why := j.stale(s, "", []string{"PORT=1"}); !strings.HasSuffix(why, ": PORT") {
		t.Error(why)
	}
}

// Settings that differ are named, and their values are not: they may be secrets.
func TestDifferences(t *testing.T) {
	build := recorded{startedJVM: startedJVM{Module: "/r/a"}, Settings: map[string]string{"locale": "de", "variable TOKEN": "s3cret", "same": "x", "gone": ""}}
	again := recorded{Settings: map[string]string{"locale": "en", "variable TOKEN": "other", "same": "x", "more": ""}}
	const want = "without the build, the JVM of /r/a would differ: gone, locale, more, and 1 more"
	if got := differences(build, again); got != want {
		t.Error(got)
	}
	if got := differences(build, build); got != "" {
		t.Error(got)
	}
	if got := differences(recorded{}, recorded{}); got == "" {
		t.Error("JVMs that tell nothing are taken for equal")
	}
}

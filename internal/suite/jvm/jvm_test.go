package jvm

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/proc"
	"github.com/org/e2e-gate/internal/suite/adapter"
	"github.com/org/e2e-gate/internal/testkit/suitetest"
)

func TestMavenArguments(t *testing.T) {
	failsafe := []buildFile{{"", "<artifactId>maven-failsafe-plugin</artifactId>"}}
	run := strings.NewReplacer("-Dmaven.test.failure.ignore=true -Dmaven.test.additionalClasspath=/c -DfailIfNoTests=false "+
		"-Dmaven.ext.class.path="+extension("/c"), "CLASSES",
		"-Djunit.platform.output.capture.stdout=true -Djunit.platform.output.capture.stderr=true", "RUN",
		"-Dsurefire.rerunFailingTestsCount=0 -Dfailsafe.rerunFailingTestsCount=0 -Djunit.jupiter.execution.parallel.enabled=false", "ONCE")
	for _, tc := range []struct {
		name    string
		args    []string
		poms    []buildFile
		listing bool
		attempt int
		want    string
	}{
		{"Surefire alone", nil, []buildFile{{"", "<project/>"}}, false, 1, "--fail-at-end CLASSES RUN test"},
		{"with Failsafe", []string{"-Pe2e", "-o"}, failsafe, false, 1, "-Pe2e -o --fail-at-end CLASSES RUN verify"},
		{"own phase", []string{"-pl", "e2e", "-am", "integration-test"}, failsafe, false, 1, "-pl e2e -am integration-test --fail-at-end CLASSES RUN"},
		{"value of an option", []string{"-pl", "e2e", "-am"}, failsafe, false, 1, "-pl e2e -am --fail-at-end CLASSES RUN verify"},
		{"a listing", nil, failsafe, true, 0, "--fail-at-end CLASSES verify"},
		{
			"the rerun is one attempt", []string{"-Dsurefire.rerunFailingTestsCount=3"}, nil, false, 2,
			"-Dsurefire.rerunFailingTestsCount=3 --fail-at-end CLASSES RUN ONCE test",
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			args, err := mavenArguments(jvmRun{spec: adapter.Spec{Args: tc.args}, classes: "/c", listing: tc.listing, attempt: tc.attempt, buildFiles: tc.poms})
			if got := run.Replace(strings.Join(args, " ")); err != nil || got != "-B -Dstyle.color=never "+tc.want {
				t.Errorf("%v: %s", err, got)
			}
		})
	}
	if _, err := mavenArguments(jvmRun{classes: "/a,b"}); err == nil || !strings.Contains(err.Error(), "comma") {
		t.Error(err)
	}
}

func TestGradleArguments(t *testing.T) {
	for _, tc := range []struct {
		args []string
		want string
	}{
		{nil, "test"},
		{[]string{"-x", "lint", "--offline"}, "-x lint --offline test"},
		{[]string{":app:e2eTest", "-Pstage=pr"}, ":app:e2eTest -Pstage=pr"},
	} {
		b := jvmRun{spec: adapter.Spec{Args: tc.args}, folder: t.TempDir()}
		args, err := gradleArguments(b)
		if err != nil || !strings.HasSuffix(strings.Join(args, " "), "false "+tc.want) {
			t.Errorf("%v %q", err, args)
		}
		if _, err := os.Stat(filepath.Join(b.folder, "init.gradle")); err != nil {
			t.Error(err)
		}
	}
}

// The project's wrapper is preferred, wherever above the suite it is; builds that share
// their folders share a lock.
func TestBuildOfASuite(t *testing.T) {
	root := suitetest.Files(t, map[string]string{"shop/mvnw": "", "shop/mvnw.cmd": "", "shop/pom.xml": "", "shop/e2e/pom.xml": "", "other/pom.xml": ""})
	for dir, want := range map[string][2]string{
		"shop/e2e": {filepath.Join(root, "shop", "mvnw"), "build in shop"},
		"shop":     {filepath.Join(root, "shop", "mvnw"), "build in shop"},
		"other":    {"mvn", "build in other"},
		"":         {"mvn", "build in ."},
	} {
		j := newMaven(adapter.Spec{Dir: dir}, root).(*jvm)
		if got := strings.TrimSuffix(j.program(), ".cmd"); got != want[0] || j.lock() != want[1] {
			t.Errorf("%s: %s %s", dir, got, j.lock())
		}
	}
}

// Failsafe's notes of a run that crashed do not count for the next run.
func TestSummariesOfEarlierRuns(t *testing.T) {
	const summary = "target/failsafe-reports/failsafe-summary.xml"
	root := suitetest.Files(t, map[string]string{
		"shop/pom.xml": "", "shop/a/pom.xml": "", "shop/a/" + summary: "", "shop/" + summary: "", "other/" + summary: "",
	})
	files, err := buildFiles(newMaven(adapter.Spec{Dir: "shop"}, root).(*jvm).upwards(), []string{"pom.xml"})
	if err != nil || len(files) != 2 {
		t.Fatal(err, files)
	}
	clearSummaries(jvmRun{buildFiles: files})
	left, err := filepath.Glob(filepath.Join(root, "*", "target", "*", "*"))
	if err != nil || len(left) != 1 || !strings.HasPrefix(left[0], filepath.Join(root, "other")) {
		t.Error(err, left)
	}
}

func TestFoundNothing(t *testing.T) {
	for _, tc := range []struct {
		found      func(string) (string, bool)
		output     string
		want       string
		isUnusable bool
	}{
		{mavenFound, "[INFO] --- maven-surefire-plugin:2.12.4:test (default-test) @ x ---", "maven-surefire-plugin 2.12.4 found, 3.0 or later needed", true},
		{
			mavenFound, "[INFO] --- surefire:3.2.5:test (default-test) @ x ---\n[INFO] --- failsafe:2.19:integration-test (it) @ x ---",
			"maven-failsafe-plugin 2.19 found", true,
		},
		{mavenFound, "[INFO] --- maven-surefire-plugin:2.22.2:test (default-test) @ x ---", "maven-surefire-plugin 2.22.2 found", true},
		{mavenFound, "[INFO] --- surefire:3.0.0-M5:test (default-test) @ x ---", "look at their patterns", false},
		{mavenFound, "[INFO] --- compiler:3.2.5:compile (x) @ x ---", "neither Surefire nor Failsafe", false},
		{gradleFound, "e2e-gate: Gradle 4.4.1", "Gradle 4.4.1 found, 4.6 or later needed", true},
		{gradleFound, "e2e-gate: Gradle 9.1.0", "give args the task", false},
		{gradleFound, "e2e-gate: Gradle 9.2-20251101", "give args the task", false},
		{gradleFound, "", "did not read the gate's init script", true},
	} {
		if text, unusable := tc.found(tc.output); !strings.Contains(text, tc.want) || unusable != tc.isUnusable {
			t.Errorf("%q: %s %v", tc.output, text, unusable)
		}
	}
}

func TestBuildOutput(t *testing.T) {
	for _, tc := range []struct{ name, output, compile, last string }{
		{"javac in Maven", "[INFO] x\n[ERROR] COMPILATION ERROR : \n[ERROR] /r/src/A.java:[6,47] cannot find symbol\n  symbol: x\n[ERROR] /r/src/A.java:[6,47] " +
			"cannot find symbol\n[ERROR] -> [Help 1]\n",
			"/r/src/A.java:[6,47] cannot find symbol", ""},
		{"kotlinc in Maven", "[ERROR] /r/src/A.kt: (4, 9) Unresolved reference: x\n", "/r/src/A.kt: (4, 9) Unresolved reference: x", ""},
		{"javac in Gradle", "/r/src/A.java:5: error: ';' expected\nint\n   ^\n1 error\n", "/r/src/A.java:5: error: ';' expected", ""},
		{"kotlinc in Gradle", "e: file:///r/src/A.kt:4:9 Unresolved reference 'x'.\n", "file:///r/src/A.kt:4:9 Unresolved reference 'x'.", ""},
		{
			"Gradle",
			"FAILURE: Build failed with an exception.\n\n* What went wrong:\nCould not resolve x:y:1.\n> No cached version\n\n* Try:\n> Run with --stacktrace\n", "",
			"Could not resolve x:y:1.; No cached version",
		},
		{
			"Maven", "[ERROR] [ERROR] Some problems\n[FATAL] Non-resolvable parent POM\n[ERROR] The build could not read 1 project\n", "",
			"Non-resolvable parent POM; Some problems; The build could not read 1 project",
		},
		{"a test prints an error", "A.java is fine: error: none\n", "", "end of its output: A.java is fine: error: none"},
		{"nothing", "", "", "it printed nothing"},
		{"a long line", strings.Repeat("x", 1<<20) + "\n[ERROR] last\n", "", "last"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			for _, size := range []int{1, 7, 1 << 21} {
				out := &buildOutput{}
				for part := range slices.Chunk([]byte(tc.output), size) {
					if _, err := out.Write(part); err != nil {
						t.Fatal(err)
					}
				}
				if got := out.compileErrors(); got != tc.compile {
					t.Errorf("compile errors: %q", got)
				}
				if got := out.outputTail(proc.Exit{Tail: out.tail()}); tc.compile == "" && got != tc.last {
					t.Errorf("last words: %q", got)
				}
			}
		})
	}
}

// The goals or tasks that failed explain an exit status better than the end of the output.
func TestFailedGoals(t *testing.T) {
	for output, want := range map[string]string{
		"[ERROR] Failed to execute goal x:y:1:check (rules) on project a: Coverage checks have not been met. -> [Help 1]\n[ERROR]   mvn -rf :a\n": "x:y:1:check " +
			"(rules) on project a: Coverage checks have not been met.",
		"* What went wrong:\nExecution failed for task ':app:rules'.\n> Rule violated for bundle app\n\n* Try:\n> Run with --stacktrace\n": "Execution failed for " +
			"task ':app:rules'.; Rule violated for bundle app",
	} {
		p := suitetest.WithEvents(t, suitetest.Process(t, "a"), `{"event":"begin"}`, `{"event":"finished","id":"a","outcome":"passed"}`, `{"event":"end"}`, "")
		out, events := &buildOutput{}, p.Results
		p.Results = &jvmResults{events: events.(*adapter.EventFile), out: out}
		_, _ = out.Write([]byte(output))
		rep := (&jvmInvocation{Process: p, out: out}).Report(proc.Exit{Ended: proc.Exited, Code: 1})
		if len(rep.Problems) != 1 || !strings.HasSuffix(rep.Problems[0].Text, "although no test failed; the build failed: "+want) {
			t.Errorf("%+v", rep.Problems)
		}
	}
}

func TestSourceOfATest(t *testing.T) {
	root := suitetest.Files(t, map[string]string{
		"shop/a/src/test/java/com/acme/SameTest.java":  "class SameTest {\n    @Test\n    void m() {}\n}\n",
		"shop/b/src/test/java/com/acme/SameTest.java":  "\n\n\n@Test void m() {}\n",
		"lib/src/main/java/com/acme/Contract.java":     "\n@Test\npublic void holds() throws Exception {\n",
		"shop/a/src/test/kotlin/com/acme/SpecTest.kt":  "class SpecTest {\n  @Test fun `it works (at last)`() {\n",
		"shop/a/target/generated/com/acme/SpecTest.kt": "fun `it works (at last)`() {\n",
		"shop/a/src/test/java/com/acme/OverTest.java": `
    // void over(String s) in a comment
    void caller() { over("x"); return; }
    @Test void over() {}
    @ParameterizedTest void over(String risk) {}
    @ParameterizedTest
    void over(String risk, final java.util.Map<String, String> map) {}
`,
	})
	src, err := scanSources(root)
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		module, class, declaring, name, id, file string
		line                                     int
	}{
		{"a", "com.acme.SameTest", "com.acme.SameTest", "m", "m()", "a/src/test/java/com/acme/SameTest.java", 3},
		{"b", "com.acme.SameTest", "com.acme.SameTest", "m", "m()", "b/src/test/java/com/acme/SameTest.java", 4},
		{"a", "com.acme.SameTest$Inner", "com.acme.Contract", "holds", "holds()", "../lib/src/main/java/com/acme/Contract.java", 3},
		{"a", "com.acme.SameTest", "com.of.a.Library", "m", "m()", "a/src/test/java/com/acme/SameTest.java", 3},
		{"a", "com.acme.SpecTest", "com.acme.SpecTest", "it works (at last)", "it works (at last)()", "a/src/test/kotlin/com/acme/SpecTest.kt", 2},
		{"a", "com.acme.OverTest", "com.acme.OverTest", "over", "over()", "a/src/test/java/com/acme/OverTest.java", 4},
		{"a", "com.acme.OverTest", "com.acme.OverTest", "over", "over(String)", "a/src/test/java/com/acme/OverTest.java", 5},
		{"a", "com.acme.OverTest", "com.acme.OverTest", "over", "over(java.lang.String, java.util.Map)", "a/src/test/java/com/acme/OverTest.java", 7},
		{"a", "com.acme.OverTest", "com.acme.OverTest", "none", "none()", "a/src/test/java/com/acme/OverTest.java", 0},
		{"a", "com.acme.Nowhere", "", "m", "m()", "", 0},
	} {
		file, line := src.find(filepath.Join(root, "shop"), adapter.Event{
			Module: tc.module, Class: tc.class, Declaring: tc.declaring, Name: tc.name, ID: tc.class + "::" + tc.id,
		})
		if file != tc.file || line != tc.line {
			t.Errorf("%s %s: %s:%d", tc.class, tc.id, file, line)
		}
	}
}

// The key of a listing changes with all that decides which tests there are.
func TestListingCache(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	files := map[string]string{"pom.xml": "<project/>", "src/test/java/ATest.java": "class ATest {}", "target/x.java": "", "README.md": ""}
	root := suitetest.Files(t, files)
	spec, env := adapter.Spec{Name: "s", Framework: "junit5-maven"}, []string{"PATH=/bin"}
	cache := func(s adapter.Spec, env []string) listingCache {
		t.Helper()
		src, err := scanSources(root)
		if err != nil {
			t.Fatal(err)
		}
		return newMaven(s, root).(*jvm).cache(src, env)
	}
	c := cache(spec, env)
	if err := os.MkdirAll(filepath.Dir(c.file), 0o755); err != nil {
		t.Fatal(err)
	}
	c.write(listing{Events: []adapter.Event{{Event: "listed", ID: "a"}}})
	if got, ok := c.read(); !ok || len(got.Events) != 1 || got.Events[0].ID != "a" {
		t.Fatal(got, ok)
	}
	for name, other := range map[string]func() listingCache{
		"arguments":   func() listingCache { s := spec; s.Args = []string{"-Pe2e"}; return cache(s, env) },
		"environment": func() listingCache { s := spec; s.Env = map[string]string{"A": "b"}; return cache(s, env) },
		"gate": func() listingCache {
			before := initScript
			defer func() { initScript = before }()
			initScript = []byte("println 'newer'")
			return cache(spec, env)
		},
		"JDK": func() listingCache { return cache(spec, append(env, "JAVA_HOME=/jdk")) },
		"source": func() listingCache {
			if err := os.WriteFile(filepath.Join(root, "src/test/java/ATest.java"), []byte("class BTest {}"), 0o644); err != nil {
				t.Fatal(err)
			}
			return cache(spec, env)
		},
	} {
		if _, ok := other().read(); ok {
			t.Errorf("another %s, and the listing is taken all the same", name)
		}
	}
	if err := os.WriteFile(c.file, []byte("{"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, ok := c.read(); ok {
		t.Error("a damaged listing counts")
	}
}

func TestNearestTag(t *testing.T) {
	got := nearest([]string{"smoke", "owner:intake", "owner:platform", "e2e:journey:a", "journey:b", "lock:x", "lock:y"})
	if strings.Join(got, " ") != "smoke owner:intake e2e:journey:a lock:x lock:y" {
		t.Error(got)
	}
}

// Classes of one name in two modules, a class that two plugins run, and two tests of
// one name.
func TestListedTests(t *testing.T) {
	j := newMaven(adapter.Spec{Name: "s", Framework: "junit5-maven"}, t.TempDir()).(*jvm)
	list := j.tests(listing{Events: []adapter.Event{
		{ID: "A::m()", Module: "a"}, {ID: "A::m()", Module: "b"}, {ID: "B::m()", Module: "b"}, {ID: "B::m()", Module: "b"},
		{ID: "C::m[x]", UniqueID: "1"}, {ID: "C::m[x]", UniqueID: "2"},
	}}, sources{})
	var ids []string
	for _, found := range list {
		ids = append(ids, found.ID)
	}
	if strings.Join(ids, " ") != "s/[a] A::m() s/[b] A::m() s/B::m() s/C::m[x] s/C::m[x]" {
		t.Error(ids)
	}
}

// A module that does not build loses its own tests, and says why.
func TestBuildFailsInOneModule(t *testing.T) {
	p := suitetest.WithEvents(t, suitetest.Process(t, "a", "b"), `{"event":"begin"}`, `{"event":"finished","id":"a","outcome":"passed"}`, `{"event":"end"}`, "")
	out := &buildOutput{}
	p.Results = &jvmResults{events: p.Results.(*adapter.EventFile), out: out}
	_, _ = out.Write([]byte("[ERROR] /r/B.java:[1,2] cannot find symbol\n"))
	rep := (&jvmInvocation{Process: p, out: out}).Report(proc.Exit{Ended: proc.Exited, Code: 1})
	if !rep.BuildFailed || len(rep.Problems) != 1 || rep.Problems[0].Code != e2e.CodeBuildFailed || !slices.Equal(rep.Problems[0].Tests, []string{"s/b"}) {
		t.Errorf("%+v", rep)
	}
}

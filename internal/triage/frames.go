package triage

import "strings"

// Frames are read by hand and not with regular expressions: a failure has dozens,
// and they were nine tenths of the time.

// frame is one step of a stack trace.
type frame struct {
	// place is what stays the same from run to run: file or class, and function,
	// without line numbers. file is the source file, where it has one of its own.
	place, file string
	// suffix ends the source file of a class: .java, .kt.
	suffix string
	// class: place is a dotted name, as in Java and .NET.
	class bool
	// innermostLast: the trace ends with the innermost frame, as in Python.
	innermostLast bool
}

// source is the frame's file; of a class the file that it would have.
func (f frame) source() string {
	if f.file != "" || !f.class {
		return f.file
	}
	class, _, _ := strings.Cut(f.place[:max(strings.LastIndexByte(f.place, '.'), 0)], "$")
	return strings.ReplaceAll(class, ".", "/") + f.suffix
}

func (f frame) test() bool {
	return f.class && isTestClass(strings.TrimSuffix(f.place[:max(strings.LastIndexByte(f.place, '.'), 0)], ".")) || f.file != "" && isTestPath(f.file)
}

// frames is what the stack traces of a failure say.
type frames struct {
	// owned is the innermost frame that is neither library nor framework; found
	// tells whether there is one, test whether it is in test code.
	owned       frame
	found, test bool
	// testLib: the innermost frame is of a framework or library of tests.
	testLib bool
	// runnerOnly: there are frames and all of them are of Cypress itself.
	runnerOnly bool
}

// readFrames finds the frame that the user can do something about.
func readFrames(lines []line) frames {
	var f frames
	cypress, other := 0, 0
	for i := range lines {
		if lines[i].beside || lines[i].weight != mute && !strings.Contains(lines[i].text, ".go:") {
			continue
		}
		fr, ok := frameOf(lines[i].text)
		if !ok {
			continue
		}
		if strings.Contains(fr.place, "cypress_runner") {
			cypress++
			continue
		}
		other++
		if other == 1 {
			f.testLib = fr.class && testLibraries.MatchString(fr.place)
		}
		if f.found && !fr.innermostLast || isForeign(fr.place) {
			continue
		}
		f.owned, f.found = fr, true
	}
	for i := 0; i < len(lines) && !f.found && other == 0; i++ {
		if fr, ok := sourceAt(lines[i].text); ok && !lines[i].beside && !isForeign(fr.place) {
			f.owned, f.found = fr, true
		}
	}
	f.test = f.found && f.owned.test()
	f.runnerOnly = cypress > 0 && other == 0
	return f
}

// isFrame reports whether a line is a step of a stack trace and nothing else. Go's
// "file.go:12: text" is one that carries the message, so it is none here.
func isFrame(t string) bool {
	f, ok := frameOf(t)
	return ok && (!strings.HasSuffix(f.file, ".go") || !goMessage(t))
}

// frameOf reads one line as a frame.
func frameOf(t string) (frame, bool) {
	s := strings.TrimLeft(t, " \t#")
	switch {
	case strings.HasPrefix(s, "at "):
		return atFrame(s[len("at "):])
	case strings.HasPrefix(s, "@ "):
		return atFrame(s[len("@ "):])
	case strings.HasPrefix(s, `File "`):
		return pythonFrame(s[len(`File "`):])
	case strings.Contains(s, ".go:"):
		return goFrame(s)
	case strings.Contains(s, ".py:"):
		return pytestFrame(s)
	case strings.Contains(s, ".rb:"):
		return rubyFrame(s)
	}
	return frame{}, false
}

// atFrame reads what follows "at": Java's class.method(File.java:1), .NET's
// Name.Method() in file:line 1, and JavaScript's function (file:1:2) or file:1:2.
func atFrame(s string) (frame, bool) {
	s = strings.TrimRight(s, " \r")
	if name, place, ok := strings.Cut(s, ") in "); ok {
		if file, _, ok := strings.Cut(place, ":line "); ok {
			name, _, _ = strings.Cut(name, "(")
			return frame{place: name, file: file, class: true}, true
		}
	}
	open := strings.LastIndexByte(s, '(')
	if open < 0 || !strings.HasSuffix(s, ")") {
		file, ok := cutLine(s)
		return frame{place: file, file: file}, ok && strings.ContainsAny(file, `./\`) && !strings.ContainsAny(file, " \t")
	}
	name, inner := strings.TrimSpace(s[:open]), s[open+1:len(s)-1]
	file, hasLine := cutLine(inner)
	switch {
	case isJavaSource(inner) && strings.Contains(name, ".") && !strings.Contains(name, " "):
		if i := strings.LastIndexByte(name, '/'); i >= 0 {
			name = name[i+1:] // app//com.acme.Class
		}
		return frame{place: name, class: true, suffix: suffixOf(file)}, true
	case hasLine:
		return frame{place: file + ":" + strings.TrimPrefix(name, "async "), file: file}, true
	case strings.Contains(name, ".") && !strings.Contains(name, " ") && (inner == "" || strings.Contains(inner, " ")):
		return frame{place: name, class: true}, true // .NET without file
	}
	return frame{}, false
}

func suffixOf(file string) string {
	if i := strings.LastIndexByte(file, '.'); i >= 0 {
		return file[i:]
	}
	return ""
}

// testLibraries are packages of frameworks and libraries of tests.
var testLibraries = rx(`^(?:org\.(?:junit|testng|mockito|assertj|hamcrest|opentest4j|awaitility|spockframework|testcontainers)|junit` +
	`|io\.(?:cucumber|restassured|kotest)|org\.springframework\.(?:test|boot\.test)` +
	`|org\.apache\.maven\.surefire|Xunit|NUnit|Microsoft\.VisualStudio\.TestPlatform|cypress)\b`)

func isJavaSource(s string) bool {
	return s == "Native Method" || s == "Unknown Source" || strings.Contains(s, ".java") || strings.Contains(s, ".kt") || strings.Contains(s, ".groovy") ||
		strings.Contains(s, ".scala")
}

// cutLine cuts :12 or :12:34 off a file name.
func cutLine(s string) (file string, ok bool) {
	for range 2 {
		i := strings.LastIndexByte(s, ':')
		if i <= 0 || i == len(s)-1 || strings.Trim(s[i+1:], "0123456789") != "" {
			break
		}
		s, ok = s[:i], true
	}
	return s, ok
}

// pythonFrame reads what follows File ".
func pythonFrame(s string) (frame, bool) {
	file, rest, ok := strings.Cut(s, `", line `)
	_, function, found := strings.Cut(rest, ", in ")
	if !ok {
		return frame{}, false
	}
	place := file
	if found {
		place += ":" + strings.TrimSpace(function)
	}
	return frame{place: place, file: file, innermostLast: true}, true
}

// pytestFrame reads tests/test_a.py:12: in test_x, or ...: AssertionError.
func pytestFrame(s string) (frame, bool) {
	file, rest, ok := strings.Cut(s, ".py:")
	number, what, found := strings.Cut(rest, ":")
	if !ok || !found || number == "" || strings.Trim(number, "0123456789") != "" || strings.ContainsAny(file, " \t'\"(") {
		return frame{}, false
	}
	what = strings.TrimSpace(what)
	function, isCall := strings.CutPrefix(what, "in ")
	if !isCall {
		if strings.ContainsAny(what, " :") {
			return frame{}, false
		}
		function = ""
	}
	return frame{place: strings.TrimSuffix(file+".py:"+function, ":"), file: file + ".py", innermostLast: true}, true
}

// goFrame reads the second line of a step of a goroutine, testify's Error Trace,
// and the file that t.Error puts before its text.
func goFrame(s string) (frame, bool) {
	s = strings.TrimSpace(strings.TrimPrefix(s, "Error Trace:"))
	file, rest, _ := strings.Cut(s, ".go:")
	if strings.ContainsAny(file, " \t\"'(") || rest == "" || rest[0] < '0' || rest[0] > '9' {
		return frame{}, false
	}
	return frame{place: file + ".go", file: file + ".go"}, true
}

// goMessage reports whether text follows the file and line.
func goMessage(t string) bool {
	_, rest, _ := strings.Cut(t, ".go:")
	_, text, ok := strings.Cut(rest, ": ")
	return ok && text != ""
}

// rubyFrame reads app/a.rb:12:in `call'.
func rubyFrame(s string) (frame, bool) {
	s = strings.TrimPrefix(s, "from ")
	file, rest, _ := strings.Cut(s, ".rb:")
	_, function, ok := strings.Cut(rest, ":in ")
	if !ok || strings.ContainsAny(file, " \t\"(") {
		return frame{}, false
	}
	return frame{place: file + ".rb:" + strings.Trim(function, "`'"), file: file + ".rb"}, true
}

// foreignPrefixes are packages of libraries, frameworks and run times.
var foreignPrefixes = byFirstLetter([]string{
	"java.", "javax.", "jdk.", "sun.", "com.sun.", "jakarta.", "kotlin.", "kotlinx.", "scala.", "groovy.", "org.codehaus.", "org.junit.", "junit.",
	"org.testng.", "org.assertj.", "org.hamcrest.",
	"org.mockito.", "net.bytebuddy.", "org.opentest4j.", "org.springframework.", "org.hibernate.", "io.restassured.", "org.awaitility.", "org.openqa.",
	"com.codeborne.", "com.microsoft.playwright.",
	"org.apache.", "org.eclipse.", "org.gradle.", "worker.org.gradle.", "io.netty.", "reactor.", "okhttp3.", "retrofit2.", "feign.", "com.fasterxml.",
	"com.google.", "com.zaxxer.", "org.postgresql.",
	"com.mysql.", "oracle.", "io.cucumber.", "cucumber.", "org.slf4j.", "ch.qos.", "org.testcontainers.", "com.github.dockerjava.", "software.amazon.",
	"com.amazonaws.", "redis.", "io.lettuce.",
	"System.", "Microsoft.", "Xunit.", "NUnit.", "FluentAssertions.", "OpenQA.", "Npgsql.", "node_modules/", "node:", "internal/process",
	"internal/modules", "internal/timers", "<frozen ", "<anonymous>", "src/runtime/", "src/testing/",
	"_pytest/", "pluggy/", "/usr/local/go/", "/usr/lib/", "/usr/local/lib/", "/opt/hostedtoolcache/", "runtime/", "testing/",
})

// foreignParts are folders that such code lies in.
var foreignParts = []string{"/node_modules/", `\node_modules\`, "/site-packages/", "/dist-packages/", "/pkg/mod/", "/gems/", "/go/src/", "/lib/python",
	"__cypress", "cypress_runner", "/_pytest/"}

func byFirstLetter(list []string) map[byte][]string {
	m := map[byte][]string{}
	for _, s := range list {
		m[s[0]] = append(m[s[0]], s)
	}
	return m
}

func isForeign(place string) bool {
	if place == "" {
		return true
	}
	for _, p := range foreignPrefixes[place[0]] {
		if strings.HasPrefix(place, p) {
			return true
		}
	}
	if strings.IndexByte(place, '/') < 0 && strings.IndexByte(place, '\\') < 0 && !strings.Contains(place, "cypress") {
		return false
	}
	for _, p := range foreignParts {
		if strings.Contains(place, p) {
			return true
		}
	}
	return false
}

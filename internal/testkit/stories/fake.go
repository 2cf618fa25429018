//go:build unix

package stories

import (
	"bufio"
	"cmp"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// fakeSuite plays a suite from a file. Each line is a test: its name, then what
// attempt 1 and attempt 2 do, as in "submits fail:boom pass". Words: pass, fail,
// error, skip, lost, hang, crash, exit:N. "fake-suite list FILE" prints names;
// "fake-suite run FILE tests..." writes a report to $E2E_REPORT_DIR and appends
// each test that it runs to runs.log.
func fakeSuite() {
	if len(os.Args) < 3 {
		fmt.Fprintln(os.Stderr, "usage: fake-suite list|run FILE [tests]")
		os.Exit(64)
	}
	tests := readFake(os.Args[2])
	if os.Args[1] == "list" {
		for _, t := range tests {
			fmt.Println(t.name)
		}
		return
	}
	os.Exit(playFake(tests, os.Args[3:]))
}

// fakeInfo is a service that reports the deployed version: "fake-info PORT FILE"
// answers with the file's first line, and notes each answer in info.log. If the file says
// "panic", it dies as a Go program does, if it says "killed" as by the kernel. info.pid holds
// its process id.
func fakeInfo() {
	_ = os.WriteFile("info.pid", []byte(strconv.Itoa(os.Getpid())), 0o600)
	handler := func(w http.ResponseWriter, _ *http.Request) {
		sha, _ := os.ReadFile(os.Args[2])
		switch strings.TrimSpace(string(sha)) {
		case "panic":
			fmt.Fprintln(os.Stderr, "panic: assignment to entry in nil map")
			os.Exit(2)
		case "killed":
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		}
		appendLine("info.log", strings.TrimSpace(string(sha)))
		_ = json.NewEncoder(w).Encode(map[string]string{"version": strings.TrimSpace(string(sha))})
	}
	fmt.Fprintln(os.Stderr, http.ListenAndServe("127.0.0.1:"+os.Args[1], http.HandlerFunc(handler))) //nolint:gosec // on loopback, for one story
	os.Exit(1)
}

type fakeTest struct {
	name  string
	plays []string
}

func readFake(file string) []fakeTest {
	f, err := os.Open(file)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(66)
	}
	defer f.Close() //nolint:errcheck // a file of the story
	var list []fakeTest
	for scan := bufio.NewScanner(f); scan.Scan(); {
		if fields := strings.Fields(scan.Text()); len(fields) > 0 {
			name := fields[0]
			if unquoted, err := strconv.Unquote(name); err == nil {
				name = unquoted
			}
			list = append(list, fakeTest{name, fields[1:]})
		}
	}
	return list
}

func playFake(tests []fakeTest, only []string) (status int) {
	attempt, _ := strconv.Atoi(os.Getenv("E2E_ATTEMPT"))
	var report strings.Builder
	report.WriteString(`<testsuite name="fake">`)
	for _, t := range tests {
		if len(only) > 0 && !slices.Contains(only, t.name) {
			continue
		}
		appendLine("runs.log", fmt.Sprintf("%s attempt %d shard %s prefix %s", t.name, attempt, os.Getenv("E2E_SHARD"), os.Getenv("E2E_DATA_PREFIX")))
		play := t.plays[min(max(attempt, 1), len(t.plays))-1]
		word, arg, _ := strings.Cut(play, ":")
		if s := fakeCase(&report, t.name, word, strings.ReplaceAll(arg, "_", " ")); s >= 0 {
			status = s
		}
	}
	report.WriteString(`</testsuite>`)
	if err := os.WriteFile(filepath.Join(os.Getenv("E2E_REPORT_DIR"), "r.xml"), []byte(report.String()), 0o644); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 74
	}
	return status
}

// fakeCase plays one test and returns the exit status that it asks for, or -1.
func fakeCase(report *strings.Builder, name, word, arg string) int {
	element := map[string]string{"pass": "", "fail": "failure", "error": "error", "skip": "skipped"}
	switch word {
	case "lost":
		return -1
	case "crash":
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	case "exit":
		n, _ := strconv.Atoi(arg)
		fmt.Fprintf(report, `<testcase name="%s" time="0.01"/>`, escape(name))
		return n
	case "hang":
		// A story that sees the file sends a signal at once: whoever is to read the file must
		// find it whole, and the signal must find a process that ignores it.
		signal.Ignore(syscall.SIGTERM)
		_ = os.WriteFile("hang.pid.new", []byte(strconv.Itoa(os.Getpid())), 0o600)
		_ = os.Rename("hang.pid.new", "hang.pid")
		select {}
	case "hold": // a port, until another shard's document says that it could not have it
		l, err := net.Listen("tcp", "127.0.0.1:"+os.Getenv("FREE_PORT")) //nolint:noctx // on loopback, for one story
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 74
		}
		_ = os.WriteFile("held", nil, 0o600)
		waitUntil(func() bool { return anyHolds("out/shard-*.json", arg) })
		_ = l.Close()
		word = "pass"
	case "listen", "bind": // on that port, once it is held, or at once
		waitUntil(func() bool { _, err := os.Stat("held"); return err == nil || word == "bind" })
		word = "pass"
		if l, err := net.Listen("tcp", "127.0.0.1:"+os.Getenv("FREE_PORT")); err != nil { //nolint:noctx // on loopback, for one story
			word, arg = "fail", cmp.Or(arg, err.Error())
		} else {
			_ = l.Close()
		}
	}
	fmt.Fprintf(report, `<testcase name="%s" time="0.01">`, escape(name))
	status := -1
	if el := element[word]; el != "" {
		fmt.Fprintf(report, `<%s message="%s"/>`, el, escape(arg))
		if el != "skipped" {
			status = 1
		}
	}
	report.WriteString(`</testcase>`)
	return status
}

// waitUntil asks again and again; the story's own timeout ends it.
func waitUntil(done func() bool) {
	for !done() {
		time.Sleep(20 * time.Millisecond)
	}
}

// anyHolds reports whether one of the files holds a text.
func anyHolds(pattern, text string) bool {
	files, _ := filepath.Glob(pattern)
	return slices.ContainsFunc(files, func(file string) bool {
		data, err := os.ReadFile(file) //nolint:gosec // of the story
		return err == nil && strings.Contains(string(data), text)
	})
}

func appendLine(file, line string) {
	f, err := os.OpenFile(file, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644) //nolint:gosec // a file of the story
	if err != nil {
		return
	}
	defer f.Close() //nolint:errcheck // a file of the story
	fmt.Fprintln(f, line)
}

func escape(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(s))
	return b.String()
}

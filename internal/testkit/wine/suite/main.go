// Command suite plays a suite, and what surrounds it, in a run of the gate under Wine, where there is no shell.
//
//	suite list
//	suite run FOLDER TESTS     runs the tests that the file TESTS names, and writes a report into FOLDER
//	suite serve PORT           a service; it answers with what it is
//	suite hold PORT            listens until it is ended
//	suite lock FILE PORT       keeps a file so that no other process can open it, and listens
package main

import (
	"encoding/xml"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

func main() {
	if len(os.Args) < 2 {
		fail("usage: suite list|run|serve|hold|lock")
	}
	switch args := os.Args[2:]; os.Args[1] {
	case "list":
		fmt.Println(strings.Join(strings.Fields(os.Getenv("SUITE_TESTS")), "\n"))
	case "run":
		os.Exit(run(args[0], args[1]))
	case "serve":
		fmt.Println("serving on", args[0])
		fail(http.ListenAndServe("127.0.0.1:"+args[0], http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { //nolint:gosec // on loopback, for one test
			fmt.Fprintf(w, `{"status": "UP"}`)
		})))
	case "hold":
		hold(args[0])
	case "lock":
		if err := lock(args[0]); err != nil {
			fail(err)
		}
		hold(args[1])
	}
}

// hold listens until it is ended: who connects knows that it lives. It ends by itself where everything else failed.
func hold(port string) {
	l, err := net.Listen("tcp", "127.0.0.1:"+port) //nolint:noctx // on loopback, for one test
	if err != nil {
		fail(err)
	}
	defer l.Close() //nolint:errcheck // the process ends
	time.Sleep(10 * time.Minute)
}

type suite struct {
	XMLName xml.Name `xml:"testsuite"`
	Cases   []result `xml:"testcase"`
}

type result struct {
	Name    string   `xml:"name,attr"`
	File    string   `xml:"file,attr,omitempty"`
	Line    string   `xml:"line,attr"`
	Failure *failure `xml:"failure,omitempty"`
}

type failure struct {
	Message string `xml:"message,attr"`
	Text    string `xml:",chardata"`
}

// run plays each test by its name: pass*, fail*, flaky*, hang*, or e2e\* for a file, of which pay has a failure.
func run(folder, tests string) int {
	names, err := os.ReadFile(tests) //nolint:gosec // of the test
	if err != nil {
		fail(err)
	}
	here, err := os.Getwd()
	if err != nil {
		fail(err)
	}
	status, report := 0, suite{}
	for _, name := range strings.Fields(string(names)) {
		r := result{Name: name, Line: "7"}
		if strings.HasPrefix(name, `e2e\`) { // a file: frameworks write paths of the system, some from the folder, some from the root
			r.Name, r.File = "works", name
			if strings.Contains(name, "pay") {
				r.Name, r.File = "fails", filepath.Join(here, name)
			}
		}
		switch {
		case strings.HasPrefix(r.Name, "fail"), strings.HasPrefix(name, "flaky") && os.Getenv("E2E_ATTEMPT") == "1":
			r.Failure = &failure{Message: "payment was refused", Text: "at pay (" + filepath.Join(here, "e2e", "pay_test.go") + ":9)"}
			status = 1
		case strings.HasPrefix(name, "hang"):
			child := exec.Command(os.Args[0], "hold", os.Getenv("SUITE_PORT")) //nolint:gosec,noctx // this program
			if err := child.Start(); err != nil {
				fail(err)
			}
			time.Sleep(10 * time.Minute)
		}
		report.Cases = append(report.Cases, r)
	}
	data, err := xml.Marshal(report)
	if err == nil {
		err = os.WriteFile(filepath.Join(folder, "report.xml"), data, 0o600)
	}
	if err != nil {
		fail(err)
	}
	fmt.Println("ran", len(report.Cases), "tests")
	return status
}

func fail(what any) {
	fmt.Fprintln(os.Stderr, what)
	os.Exit(70)
}

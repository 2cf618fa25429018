//go:build unix

package stories

import (
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/org/e2e-gate/internal/testkit/githubfake"
)

// githubOf starts a GitHub for a story: github start|keep|downloads|fail|storage.
func githubOf(t *testing.T) func(*testscript.TestScript, bool, []string) {
	var fakes sync.Map // stories run at once
	return func(ts *testscript.TestScript, neg bool, args []string) {
		known, _ := fakes.Load(ts)
		fake, _ := known.(*githubfake.Server)
		n := 0
		if neg || len(args) == 0 || args[0] != "start" && (fake == nil || len(args) < 2) {
			ts.Fatalf("usage: github start | keep RUN EVENT REF WORKFLOW | downloads N | fail STATUS | storage STATUS")
		}
		if len(args) > 1 {
			var err error
			n, err = strconv.Atoi(args[1])
			ts.Check(err)
		}
		switch args[0] {
		case "start":
			fake = githubfake.New(t)
			fakes.Store(ts, fake)
			ts.Setenv("GITHUB_API_URL", fake.Listen())
			ts.Setenv("GITHUB_TOKEN", githubfake.JobToken)
		case "keep":
			files := kept(ts)
			fake.Change(func(s *githubfake.Server) {
				s.Runs = append(s.Runs, githubfake.Run{ID: n, Event: args[2], Branch: strings.TrimPrefix(args[3], "refs/heads/"), HeadRepository: s.Repository,
					Path: args[4]})
				s.RunArtifacts = append(s.RunArtifacts, githubfake.RunArtifact{Run: n, Name: "e2e-gate-history", Files: files})
			})
		case "downloads":
			if got := len(fake.Downloads()); got != n {
				ts.Fatalf("%d downloads, want %d", got, n)
			}
		case "fail":
			if fake.Heal(); n > 0 {
				fake.Fail(githubfake.Answers("", n, "Resource not accessible by integration"))
			}
		case "storage":
			fake.Change(func(s *githubfake.Server) { s.StorageStatus = n })
		}
	}
}

// kept are the files that the upload step would take, by what the gate said.
func kept(ts *testscript.TestScript) map[string][]byte {
	m := regexp.MustCompile(`(?m)^history-folder<<.*\n(.*)$`).FindStringSubmatch(ts.ReadFile("output"))
	if m == nil {
		ts.Fatalf("no history-folder in the outputs")
	}
	files := map[string][]byte{}
	entries, err := os.ReadDir(m[1])
	ts.Check(err)
	for _, e := range entries {
		files[e.Name()], err = os.ReadFile(filepath.Join(m[1], e.Name()))
		ts.Check(err)
	}
	return files
}

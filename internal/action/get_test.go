//go:build unix

package action

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/org/e2e-gate/internal/testkit/need"
)

// getWorld is a runner on which get.sh runs: a server with releases, and the original's.
type getWorld struct {
	t               *testing.T
	dir, sum, asset string
	// server has repository acme/copy; upstream is the original.
	server, upstream, storage *httptest.Server
	// public: files of the copy's release have addresses without a token; released: it has a release.
	public, released bool
	// content of files, there and in the original.
	content, original string
	// history is where the steps look for the history.
	history string
	mu      sync.Mutex
	asked   []string
}

const (
	goodBinary = "#!/bin/sh\necho the binary\n"
	ownToken   = "token-of-the-copy"
)

func newGetWorld(t *testing.T) *getWorld {
	t.Helper()
	need.Tool(t, "curl", "install curl")
	sum := sha256.Sum256([]byte(goodBinary))
	w := &getWorld{t: t, dir: t.TempDir(), sum: hex.EncodeToString(sum[:]), asset: fmt.Sprintf("e2e-gate_%s_%s", runtime.GOOS, runtime.GOARCH),
		released: true, public: true, content: goodBinary, original: goodBinary}
	w.storage = w.listen("storage", func(rw http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "" {
			t.Error("the token was sent to the storage")
		}
		_, _ = rw.Write([]byte(w.content))
	})
	w.upstream = w.listen("upstream", func(rw http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "" || r.URL.Path != "/org/e2e-gate/releases/download/"+released+"/"+w.asset || w.original == "" {
			http.NotFound(rw, r)
			return
		}
		_, _ = rw.Write([]byte(w.original))
	})
	w.server = w.listen("server", w.answer)
	script := strings.Replace(read(t, ".github/action/get.sh"), "upstream=https://github.com/org/e2e-gate", "upstream="+w.upstream.URL+"/org/e2e-gate", 1)
	write(t, filepath.Join(w.dir, "tree/.github/action/get.sh"), script)
	write(t, filepath.Join(w.dir, "tree/.github/release.sha256"), "# "+released+"\n"+w.sum+"  "+w.asset+"\n")
	return w
}

func (w *getWorld) listen(name string, handle http.HandlerFunc) *httptest.Server {
	srv := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.asked = append(w.asked, name+r.URL.Path)
		handle(rw, r)
	}))
	w.t.Cleanup(srv.Close)
	return srv
}

// questions are the addresses that were asked.
func (w *getWorld) questions() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.asked)
}

func last(list []string) string { return list[len(list)-1] }

// answer is GitHub: files of a private repository's release have no address without a session, and
// the API redirects to storage ("Get a release asset" in the REST reference).
func (w *getWorld) answer(rw http.ResponseWriter, r *http.Request) {
	const api = "/api/v3/repos/acme/copy/releases"
	known := r.Header.Get("Authorization") == "Bearer "+ownToken
	switch {
	case w.released && w.public && r.URL.Path == "/acme/copy/releases/download/"+released+"/"+w.asset:
		_, _ = rw.Write([]byte(w.content))
	case w.released && known && r.URL.Path == api+"/tags/"+released:
		_, _ = fmt.Fprintf(rw, `{"url":%q,"id":1,"assets":[{"url":"%[2]s/releases/assets/70","id":70,"name":"%[3]s.cdx.json","uploader":{"url":"x"}},`+
			`{"url":"%[2]s/releases/assets/71","id":71,"node_id":"RA_1","name":%[3]q,"label":"","uploader":{"login":"o","url":"y"},"size":1}]}`,
			w.server.URL+api+"/1", "https://h/repos/acme/copy", w.asset)
	case w.released && known && r.URL.Path == api+"/assets/71" && r.Header.Get("Accept") == "application/octet-stream":
		http.Redirect(rw, r, w.storage.URL+"/blob", http.StatusFound)
	default:
		http.NotFound(rw, r)
	}
}

// get runs the script in a fresh temporary folder of a runner, and returns what it said.
func (w *getWorld) get(env ...string) (out, binary string) {
	w.t.Helper()
	temp, err := os.MkdirTemp(w.dir, "temp")
	if err != nil {
		w.t.Fatal(err)
	}
	cmd := exec.Command("bash", filepath.Join(w.dir, "tree/.github/action/get.sh"))
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + w.dir, "RUNNER_TEMP=" + temp, "GITHUB_OUTPUT=" + filepath.Join(temp, "output"),
		"SERVER_URL=" + w.server.URL, "API_URL=" + w.server.URL + "/api/v3", "TOKEN=" + ownToken,
		// The runner empties these two for scripts of a composite action (actions/runner issue 2473).
		"GITHUB_ACTION_REPOSITORY=", "GITHUB_ACTION_REF="}, env...)
	said, _ := cmd.CombinedOutput()
	data, _ := os.ReadFile(filepath.Join(temp, "output"))
	binary, w.history, _ = strings.Cut(strings.TrimSpace(strings.TrimPrefix(string(data), "binary=")), "\nhistory=")
	if content, err := os.ReadFile(binary); binary != "" && (err != nil || string(content) != goodBinary) {
		w.t.Errorf("the binary is %q, %v", content, err)
	}
	return string(said), binary
}

// The gate keeps its history in the checkout that it runs in, and the steps around it look there.
func TestWorkingDirectory(t *testing.T) {
	w := newGetWorld(t)
	w.released, w.public = true, true
	for _, dir := range []string{"ws/.git", "ws/web/e2e", "ws/tests/.git", "ws/tests/deep", "plain/a", "outside"} {
		if err := os.MkdirAll(filepath.Join(w.dir, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, tc := range []struct{ workspace, in, want, says string }{
		{"ws", "", ".e2e-gate/history", ""},
		{"ws", ".", ".e2e-gate/history", ""},
		{"ws", "web/e2e", ".e2e-gate/history", ""},
		{"ws", "tests", "tests/.e2e-gate/history", ""},
		{"ws", "./tests/deep", "tests/.e2e-gate/history", ""},
		{"plain", "a", "a/.e2e-gate/history", ""},
		{"plain", ".", ".e2e-gate/history", ""},
		{"ws", "nosuch", "", "there is no folder nosuch in the workspace"},
		{"ws", "../outside", "", "is outside of the workspace"},
	} {
		out, binary := w.get("GITHUB_WORKSPACE="+filepath.Join(w.dir, tc.workspace), "WORKING_DIRECTORY="+tc.in)
		if w.history != tc.want || (binary != "") != (tc.says == "") || !strings.Contains(out, tc.says) {
			t.Errorf("%+v: history %q, binary %q\n%s", tc, w.history, binary, out)
		}
	}
}

// The binary comes from the repository that the action was taken from, wherever it is, and is run only
// if it is the one whose hash the action's tree names.
func TestWhereTheBinaryComesFrom(t *testing.T) {
	const copied = "ACTION_REPOSITORY=acme/copy"
	for name, c := range map[string]struct {
		change func(*getWorld)
		env    []string
		from   string // the last address that was asked
		says   string // the script fails, and says so
	}{
		"a copy":                    {nil, []string{copied}, "server/acme/copy/releases/download/", ""},
		"a private copy":            {func(w *getWorld) { w.public = false }, []string{copied}, "storage/blob", ""},
		"a copy without releases":   {func(w *getWorld) { w.released = false }, []string{copied}, "upstream/org/", ""},
		"a copy that may not be":    {func(w *getWorld) { w.public = false }, []string{copied, "TOKEN=other"}, "upstream/org/", ""},
		"the checkout":              {nil, nil, "upstream/org/", ""},
		"the original":              {nil, []string{"ACTION_REPOSITORY=org/e2e-gate"}, "upstream/org/", ""},
		"a mirror":                  {nil, []string{copied, "E2E_GATE_DOWNLOAD_URL=MIRROR"}, "upstream/org/", ""},
		"a copy with other bytes":   {func(w *getWorld) { w.content = "evil" }, []string{copied}, "", "it is not run"},
		"private with other bytes":  {func(w *getWorld) { w.public, w.content = false, "evil" }, []string{copied}, "", "it is not run"},
		"nowhere":                   {func(w *getWorld) { w.released, w.original = false, "" }, []string{copied}, "", "cannot download"},
		"another version is wanted": {nil, []string{copied, "INPUT_VERSION=v9.9.9"}, "", "use org/e2e-gate@v9.9.9 instead"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newGetWorld(t)
			if c.change != nil {
				w.mu.Lock() // its servers are there already
				c.change(w)
				w.mu.Unlock()
			}
			env := append([]string{}, c.env...)
			for i := range env {
				env[i] = strings.Replace(env[i], "MIRROR", w.upstream.URL+"/org/e2e-gate/releases/download", 1)
			}
			out, binary := w.get(env...)
			switch {
			case strings.Contains(out, ownToken):
				t.Errorf("the token is in the log: %s", out)
			case c.says != "" && (binary != "" || !strings.Contains(out, c.says) || !strings.Contains(out, "::error")):
				t.Errorf("%s\n%s", binary, out)
			case c.says == "" && (binary == "" || !strings.HasPrefix(last(w.questions()), c.from)):
				t.Errorf("%s, asked %q\n%s", binary, w.questions(), out)
			}
		})
	}
}

// On Windows, paths have backslashes, which sha256sum escapes in its answer.
func TestBinaryBelowAPathWithBackslashes(t *testing.T) {
	w := newGetWorld(t)
	temp := filepath.Join(w.dir, `D:\a\_temp`)
	if err := os.MkdirAll(temp, 0o755); err != nil {
		t.Fatal(err)
	}
	if out, binary := w.get("ACTION_REPOSITORY=acme/copy", "RUNNER_TEMP="+temp); !strings.HasPrefix(binary, temp) {
		t.Errorf("%s\n%s", binary, out)
	}
}

// A machine of one's own downloads once, and what another job put there instead is not run.
func TestBinaryOfTheMachine(t *testing.T) {
	w := newGetWorld(t)
	tools := filepath.Join(w.dir, "tools")
	env := []string{"ACTION_REPOSITORY=acme/copy", "RUNNER_TOOL_CACHE=" + tools}
	for range 3 {
		if out, binary := w.get(env...); binary == "" || strings.HasPrefix(binary, tools) {
			t.Fatalf("%s\n%s", binary, out)
		}
	}
	if asked := w.questions(); len(asked) != 1 {
		t.Errorf("asked %q", asked)
	}
	kept, _ := filepath.Glob(filepath.Join(tools, "e2e-gate", "*", "e2e-gate"))
	if len(kept) != 1 {
		t.Fatalf("%q is kept", kept)
	}
	write(t, kept[0], "evil")
	if out, binary := w.get(env...); binary == "" || len(w.questions()) != 2 {
		t.Errorf("asked %q\n%s", w.questions(), out)
	}
	if data, err := os.ReadFile(kept[0]); err != nil || string(data) != goodBinary {
		t.Errorf("%q, %v", data, err)
	}
	// A folder that cannot be written keeps nothing, and stops nothing.
	write(t, filepath.Join(w.dir, "file"), "")
	if out, binary := w.get("ACTION_REPOSITORY=acme/copy", "RUNNER_TOOL_CACHE="+filepath.Join(w.dir, "file")); binary == "" {
		t.Error(out)
	}
}

// The download goes through the proxy that the environment names, and around it where NO_PROXY says so.
func TestBinaryThroughAProxy(t *testing.T) {
	for name, c := range map[string]struct {
		env  []string
		asks string
	}{
		"https":          {[]string{"SERVER_URL=https://github.corp.invalid", "HTTPS_PROXY=PROXY"}, "CONNECT github.corp.invalid:443"},
		"http":           {[]string{"http_proxy=PROXY"}, "GET "},
		"it is excepted": {[]string{"http_proxy=PROXY", "NO_PROXY=127.0.0.1"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			w := newGetWorld(t)
			var mu sync.Mutex
			var asked []string
			proxy := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
				mu.Lock()
				defer mu.Unlock()
				asked = append(asked, r.Method+" "+r.Host)
				if r.Method == http.MethodConnect {
					rw.WriteHeader(http.StatusForbidden)
					return
				}
				w.answer(rw, r)
			}))
			defer proxy.Close()
			env := []string{"ACTION_REPOSITORY=acme/copy"}
			for _, v := range c.env {
				env = append(env, strings.Replace(v, "=PROXY", "="+proxy.URL, 1))
			}
			out, binary := w.get(env...)
			if binary == "" || (len(asked) > 0) != (c.asks != "") || len(asked) > 0 && !strings.HasPrefix(asked[0], c.asks) {
				t.Errorf("the proxy was asked %q\n%s", asked, out)
			}
		})
	}
}

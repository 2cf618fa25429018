package report_test

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/report"
	"github.com/org/e2e-gate/internal/testfiles"
	"github.com/org/e2e-gate/internal/testkit/realsuite"
)

// onePicture is a red dot, whatever the file.
func onePicture(string) *testfiles.Picture {
	var b bytes.Buffer
	img := image.NewRGBA(image.Rect(0, 0, 40, 20))
	draw.Draw(img, img.Bounds(), image.NewUniform(color.RGBA{200, 0, 0, 255}), image.Point{}, draw.Src)
	if err := png.Encode(&b, img); err != nil {
		panic(err)
	}
	return &testfiles.Picture{Type: "image/png", Data: b.Bytes(), Width: 40, Height: 20}
}

// TestPageInABrowser opens report.html in Chromium: filters, addresses, details, no request, nothing for axe to find.
func TestPageInABrowser(t *testing.T) {
	if testing.Short() {
		t.Skip("it starts a browser")
	}
	dir := t.TempDir()
	for _, name := range []string{"package.json", "page.mjs"} {
		data, err := os.ReadFile(filepath.Join("testdata", "browser", name))
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, name), data, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	env := realsuite.Chromium(t, dir)
	began := time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC)
	r := e2e.Result{Run: e2e.Run{ID: "x", Stage: "pr", Started: began, Finished: began.Add(time.Minute)}, Verdict: e2e.Verdict{State: e2e.VerdictFailed}}
	add := func(name string, outcome e2e.Outcome, seconds float64, message string) {
		test := e2e.Test{ID: "s/a.js::" + name, Suite: "s", Name: name, Owner: fmt.Sprintf("team-%d", len(r.Tests)%3), Journey: "checkout"}
		effect := e2e.EffectNothing
		if outcome == e2e.Failed {
			effect = e2e.Blocks
		}
		r.Tests = append(r.Tests, e2e.TestResult{Test: test, Outcome: outcome, Effect: effect, Attempts: []e2e.Attempt{
			{N: 1, Outcome: outcome, Seconds: seconds, Message: message, Details: message, Files: []string{"units/1/evidence/shot.png"}}}})
	}
	add("total", e2e.Failed, 1, "the total is wrong")
	add("<img src=x onerror=alert(1)>", e2e.Failed, 2, `"><script>alert(1)</script><b>bold</b>`)
	add("slow", e2e.Failed, 99, "expected 1, got 2")
	for i := range 2000 {
		add(fmt.Sprintf("passes %d", i), e2e.Passed, float64(i%50), "")
	}
	page := filepath.Join(dir, "report.html")
	if err := os.WriteFile(page, report.HTML(r, report.PageOptions{Picture: onePicture}), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "node", "page.mjs", page)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), env...)
	if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("%v\n%s", err, out)
	}
}

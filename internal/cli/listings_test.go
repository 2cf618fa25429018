package cli

import (
	"path/filepath"
	"testing"

	"github.com/org/e2e-gate/internal/trigger"
)

// Listings are kept only where a run counts for one person.
func TestListingsAreNotKeptInCI(t *testing.T) {
	t.Setenv("HOME", t.TempDir())
	t.Setenv("XDG_CACHE_HOME", "")
	t.Setenv("LocalAppData", t.TempDir())
	for _, tc := range []struct {
		env  []string
		kept bool
	}{
		{nil, true},
		{[]string{"CI=false"}, true},
		{[]string{"CI=0"}, true},
		{[]string{"CI=1"}, false},
		{[]string{"CI=true"}, false},
		{[]string{"GITHUB_ACTIONS=true"}, false},
		{[]string{"GITHUB_ACTIONS=true", "CI=false"}, false},
		{[]string{"GITLAB_CI=true", "CI_JOB_ID=1", "CI_PIPELINE_ID=1"}, false},
		{[]string{"BUILDKITE=true", "BUILDKITE_BUILD_ID=1"}, false},
		{[]string{"JENKINS_URL=http://x", "BUILD_ID=1"}, false},
	} {
		a := &App{Environ: tc.env}
		dir := a.newSetup(trigger.Detect(a.getenv)).listings()
		if (dir != "") != tc.kept || dir != "" && filepath.Base(dir) != "e2e-gate" {
			t.Errorf("%q: %q", tc.env, dir)
		}
	}
}

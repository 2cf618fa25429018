package realtest

import (
	"testing"

	"github.com/org/e2e-gate/internal/testkit/need"
)

// maven needs nothing in the copy: Maven resolves what the pom names.
func maven(t *testing.T, _ string) []string {
	t.Helper()
	need.Tool(t, "javac", "apt-get install openjdk-17-jdk-headless")
	need.Tool(t, "mvn", "apt-get install maven")
	return []string{"XDG_CACHE_HOME=" + t.TempDir()}
}

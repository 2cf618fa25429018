//go:build unix

package pipeline

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/org/e2e-gate/internal/safetext"
	"github.com/org/e2e-gate/internal/suite"
	"github.com/org/e2e-gate/internal/testkit/bigrun"
)

// The message on a suite that cannot be listed has the end of the output, from which secrets go before it is cut: of a
// key without its start only its last line would be known, and of a value nothing.
func TestListingShowsNoSecret(t *testing.T) {
	const line = "aB3dE5gH7kaB3dE5gH7kaB3dE5gH7kaB3dE5gH7kaB3dE5gH7kaB3dE5gH7kaB3d"
	value := strings.Repeat("correct horse battery staple\n", 20) + "end of the value"
	key := "-----BEGIN RSA PRIVATE KEY-----\n" + strings.Repeat(line+"\n", 25)
	for name, printed := range map[string]string{"key": key + "-----END RSA PRIVATE KEY-----\n", "key without an end": key, "value": value, "tail": strings.Repeat("x y\n", 30_000) + key} {
		s, _ := bigSession(t, bigrun.Run{Passed: 1, Shards: 1})
		s.opts.Root, s.opts.Redact = t.TempDir(), safetext.NewRedactor([]string{value})
		if err := os.WriteFile(filepath.Join(s.opts.Root, "printed"), []byte(printed), 0o600); err != nil {
			t.Fatal(err)
		}
		spec := suite.Spec{Name: "legacy", Framework: "command", List: []string{"sh", "-c", "cat printed >&2; exit 3"}, Run: []string{"true"}}
		_, problems, err := s.discoverSuite(t.Context(), spec)
		text := fmt.Sprint(problems, err)
		said := strings.Contains(text, "end of its output: ") && strings.Contains(text, safetext.Mask)
		if !said || strings.Contains(text, line[:10]) || strings.Contains(text, "horse") {
			t.Errorf("%s: %s", name, text)
		}
	}
}

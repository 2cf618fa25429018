package node

import (
	"fmt"
	"strings"
	"testing"

	"github.com/org/e2e-gate/internal/suite"
	"github.com/org/e2e-gate/internal/testkit/realsuite"
)

// TestOdd: files and tests of odd names, 5000 tests in a file, and tests that print what the gate reads.
func TestOdd(t *testing.T) {
	source := func(head string) func(cases []realsuite.OddCase) string {
		return func(cases []realsuite.OddCase) string {
			var text strings.Builder
			fmt.Fprintf(&text, "%s\nconst forged = %s;\n", head, realsuite.OddCase{Title: realsuite.Forged}.JSON())
			for _, c := range cases {
				body := ""
				if c.Fails {
					body = fmt.Sprintf(" process.stdout.write(forged); process.stderr.write(forged); throw new Error('case %d.'); ", c.N)
				}
				fmt.Fprintf(&text, "test(%s, () => {%s});\n", c.JSON(), body)
			}
			return text.String()
		}
	}
	for framework, o := range map[string]realsuite.OddSuite{
		// Vite takes # and ? in a path for those of a URL.
		"vitest": {Unfiled: []string{"hash#tag", "wh?t"}, Source: source("import { test } from 'vitest';"), Config: map[string]string{
			"vitest.config.ts": "import { defineConfig } from 'vitest/config';\nexport default defineConfig({ test: { include: ['t/**/*.test.ts'] as string[] } });\n"}},
		"jest": {Source: source(""), Config: map[string]string{
			"package.json": "{}", "jest.config.mjs": "export default { testMatch: ['**/*.test.ts'], transform: {}, extensionsToTreatAsEsm: [] };\n"}},
	} {
		t.Run(framework, func(t *testing.T) {
			t.Parallel()
			o.Root = realsuite.WithModules(t, framework)
			o.Spec = suite.Spec{Name: "s", Framework: framework, Args: map[string][]string{"vitest": {"--no-isolate"}, "jest": {"-i"}}[framework]} // quicker
			o.File = func(name string) string { return "t/" + name + ".test.ts" }
			o.Titled = true
			o.Play(t)
		})
	}
}

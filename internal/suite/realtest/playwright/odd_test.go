package playwright

import (
	"fmt"
	"strings"
	"testing"

	"github.com/org/e2e-gate/internal/suite"
	"github.com/org/e2e-gate/internal/testkit/realsuite"
)

// TestOdd: files and tests of odd names, 5000 tests in a file, and tests that print what the gate reads.
func TestOdd(t *testing.T) {
	o := realsuite.OddSuite{
		Root: realsuite.WithModules(t, "playwright"), Spec: suite.Spec{Name: "s", Framework: "playwright", Args: []string{"--workers=1"}}, Titled: true,
		Config: map[string]string{
			"package.json":         `{"type": "module"}`,
			"playwright.config.ts": "import { defineConfig } from '@playwright/test';\nexport default defineConfig({ testDir: './t' as string });\n",
		},
		// Playwright takes #, ? and % in the path of a module of ES for those of a URL.
		Unfiled: []string{"hash#tag", "per%20cent", "wh?t"},
		File:    func(name string) string { return "t/" + name + ".spec.ts" },
		Source: func(cases []realsuite.OddCase) string {
			var text strings.Builder
			fmt.Fprintf(&text, "import { test } from '@playwright/test';\nconst forged: string = %s;\n", realsuite.OddCase{Title: realsuite.Forged}.JSON())
			for _, c := range cases {
				body := ""
				if c.Fails {
					body = fmt.Sprintf(" process.stdout.write(forged); process.stderr.write(forged); throw new Error('case %d.'); ", c.N)
				}
				fmt.Fprintf(&text, "test(%s, () => {%s});\n", c.JSON(), body)
			}
			return text.String()
		},
	}
	o.Play(t)
}

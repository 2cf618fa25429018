// Package webdriveriomore plays the contract of Cucumber and Jasmine in WebdriverIO, which takes as long as all else of it.
package webdriveriomore

import (
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/org/e2e-gate/internal/suite"
	"github.com/org/e2e-gate/internal/testkit/realsuite"
)

func TestContract(t *testing.T) {
	realsuite.PlayContract(t, "webdriverio (cucumber)", realsuite.ModulesOf("webdriverio"))
	realsuite.PlayContract(t, "webdriverio (jasmine)", realsuite.ModulesOf("webdriverio"))
}

// TestOdd: files and tests of odd names, many tests in a file, and tests that print what the gate reads.
func TestOdd(t *testing.T) {
	steps := fmt.Sprintf("import { Given } from '@wdio/cucumber-framework';\nconst forged = %s;\nGiven('it passes', () => {});\n"+
		"Given('case {int} fails', (n) => { process.stdout.write(forged); process.stderr.write(forged); throw new Error(`case ${n}.`) });\n",
		realsuite.OddCase{Title: realsuite.Forged}.JSON())
	script := func(name string) string { return "test/" + name + ".js" }
	for column, o := range map[string]realsuite.OddSuite{
		// WebdriverIO takes ? in a path for that of a URL.
		"webdriverio":           {Source: realsuite.OddNode("const test = it;"), File: script, Unfiled: []string{"wh?t"}},
		"webdriverio (jasmine)": {Source: realsuite.OddNode("const test = it;"), File: script},
		// A title is one line, and cucumber-js takes such names of files for patterns.
		"webdriverio (cucumber)": {Source: realsuite.OddFeature, File: func(name string) string { return "features/" + name + ".feature" },
			Config:   map[string]string{"features/steps.js": steps},
			Untitled: []string{"a\nb", "tab\there", "with  two spaces"}, Unfiled: []string{"star*", "wh?t", "br[ack]et", "cu{r,l}y", "a folder (of) [tests]/日本 *"}},
	} {
		t.Run(column, func(t *testing.T) {
			t.Parallel()
			o.Root = realsuite.WithModules(t, "webdriverio")
			config := map[string]string{}
			for name, text := range realsuite.ContractOf(t, column)["ordinary"] {
				if !strings.Contains(name, "/") {
					config[name] = text
				}
			}
			maps.Copy(config, o.Config)
			// One worker for all files: each takes a second.
			config["wdio.conf.js"] = "import { driver } from './driver.js';\nexport const config = { ...driver, specs: [driver.specs] };\n"
			o.Config, o.Spec, o.Titled = config, suite.Spec{Name: "s", Framework: "webdriverio"}, true
			o.Play(t)
		})
	}
}

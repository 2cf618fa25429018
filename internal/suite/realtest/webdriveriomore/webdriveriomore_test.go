// Package webdriveriomore plays the contract of Cucumber and Jasmine in WebdriverIO, which takes as long as all else of it.
package webdriveriomore

import (
	"testing"

	"github.com/org/e2e-gate/internal/testkit/realsuite"
)

func TestContract(t *testing.T) {
	realsuite.PlayContract(t, "webdriverio (cucumber)", realsuite.ModulesOf("webdriverio"))
	realsuite.PlayContract(t, "webdriverio (jasmine)", realsuite.ModulesOf("webdriverio"))
}

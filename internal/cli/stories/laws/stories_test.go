//go:build unix

// Package laws tells what the gate promises in any case: one file per promise.
package laws

import (
	"testing"

	"github.com/org/e2e-gate/internal/testkit/stories"
)

func TestMain(m *testing.M) { stories.Main(m) }

func TestStories(t *testing.T) { stories.Run(t) }

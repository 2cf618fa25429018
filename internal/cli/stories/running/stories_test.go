//go:build unix

// Package running tells how the gate runs suites: gates that are watched, background
// processes, isolation, locks, shards, and runs that are cut short.
package running

import (
	"testing"

	"github.com/org/e2e-gate/internal/testkit/stories"
)

func TestMain(m *testing.M) { stories.Main(m) }

func TestStories(t *testing.T) { stories.Run(t) }

//go:build unix

// Package commands tells what the other commands do, and what they read and write.
package commands

import (
	"testing"

	"github.com/org/e2e-gate/internal/testkit/stories"
)

func TestMain(m *testing.M) { stories.Main(m) }

func TestStories(t *testing.T) { stories.Run(t) }

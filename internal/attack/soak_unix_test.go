//go:build unix

package attack

import "testing"

func TestSoak(t *testing.T) {}

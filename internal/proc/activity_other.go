//go:build !linux

package proc

import (
	"os"
	"time"
)

func (*tree) cpu() (time.Duration, bool) { return 0, false }

func (*tree) signal(int, os.Signal) error { return ErrNoSignal }

func (*tree) below(func(string) bool) []int { return nil }

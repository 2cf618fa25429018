package proc

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// tick is the unit of times in /proc: all systems that Go runs on have 100 in a second.
const tick = 10 * time.Millisecond

func (t *tree) cpu() (time.Duration, bool) {
	var ticks int64
	for _, p := range below(t.supervisor.Process.Pid) {
		data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.pid))
		if err != nil {
			continue
		}
		fields := strings.Fields(string(data[bytes.LastIndexByte(data, ')')+1:]))
		// utime, stime, and those of children that have ended
		for _, field := range fields[min(11, len(fields)):min(15, len(fields))] {
			n, _ := strconv.ParseInt(field, 10, 64)
			ticks += n
		}
	}
	return time.Duration(ticks) * tick, true
}

func (t *tree) signal(pid int, sig os.Signal) error {
	number, ok := sig.(syscall.Signal)
	if !ok || !slices.ContainsFunc(below(t.supervisor.Process.Pid), func(p process) bool { return p.pid == pid }) {
		return fmt.Errorf("%w: process %d is not one of the tree", ErrNoSignal, pid)
	}
	if !handles(pid, number) {
		return fmt.Errorf("%w: process %d does not handle %s", ErrNoSignal, pid, number)
	}
	return syscall.Kill(pid, number)
}

// handles reports whether a process has a handler for a signal.
func handles(pid int, sig syscall.Signal) bool {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return false
	}
	for line := range strings.Lines(string(data)) {
		if mask, ok := strings.CutPrefix(line, "SigCgt:"); ok {
			caught, err := strconv.ParseUint(strings.TrimSpace(mask), 16, 64)
			return err == nil && sig > 0 && caught>>(uint(sig)-1)&1 == 1
		}
	}
	return false
}

func (t *tree) below(named func(string) bool) []int {
	var list []int
	for _, p := range below(t.supervisor.Process.Pid) {
		program, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", p.pid))
		if err == nil && named(filepath.Base(strings.TrimSuffix(program, " (deleted)"))) {
			list = append(list, p.pid)
		}
	}
	return list
}

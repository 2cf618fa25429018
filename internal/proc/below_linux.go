package proc

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// process is a process that has not ended.
type process struct{ pid, parent, group int }

// below lists the processes that descend from one, as /proc shows them now.
func below(ancestor int) []process {
	children := map[int][]process{}
	entries, _ := filepath.Glob("/proc/[0-9]*")
	for _, name := range entries {
		pid, err := strconv.Atoi(filepath.Base(name))
		if err != nil {
			continue
		}
		if p, ok := stat(pid); ok {
			children[p.parent] = append(children[p.parent], p)
		}
	}
	list := children[ancestor]
	for i := 0; i < len(list); i++ { // a process has one parent, so this ends
		list = append(list, children[list[i].pid]...)
	}
	return list
}

// stat reads parent and group of a process; not of one that has ended, or is a zombie: how long
// it stays one is up to its parent.
func stat(pid int) (process, bool) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return process{}, false
	}
	// The name, in parentheses, may hold anything.
	fields := strings.Fields(string(data[bytes.LastIndexByte(data, ')')+1:]))
	if len(fields) < 3 {
		return process{}, false
	}
	if state := fields[0]; state == "Z" || state == "X" {
		// A first thread that has ended shows as a zombie while others run.
		if threads, _ := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid)); len(threads) <= 1 {
			return process{}, false
		}
	}
	parent, _ := strconv.Atoi(fields[1])
	group, _ := strconv.Atoi(fields[2])
	return process{pid, parent, group}, true
}

package proc

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// killCookie ends every process that carries the cookie in its environment, and waits
// until none is left. It finds those that left the group (setsid, double fork), as
// browsers and daemons do. It searches again after each round, for processes that were
// started during the search.
func killCookie(cookie string) {
	const rounds = 100
	seen := map[int]bool{}
	for round := range rounds {
		found := withCookie(cookie)
		for _, pid := range found {
			seen[pid] = true
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
		maps.DeleteFunc(seen, func(pid int, _ bool) bool { return hasEnded(pid) })
		if len(found) == 0 && len(seen) == 0 {
			return
		}
		time.Sleep(time.Duration(min(round, 5)) * time.Millisecond)
	}
}

// hasEnded reports whether a process is gone, or a zombie: how long it stays one
// is up to its parent. One that is killed loses its environment first and its
// files and ports later.
func hasEnded(pid int) bool {
	state, _ := stat(pid)
	if state != "" && state != "Z" && state != "X" {
		return false
	}
	threads, _ := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	return len(threads) <= 1
}

// stat reads state and process group; "" if there is no such process.
func stat(pid int) (state string, group int) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return "", 0
	}
	// The name, in parentheses, may hold anything.
	fields := strings.Fields(string(data[bytes.LastIndexByte(data, ')')+1:]))
	if len(fields) < 3 {
		return "", 0
	}
	group, _ = strconv.Atoi(fields[2])
	return fields[0], group
}

// groupLives reports whether a process group has a member that is not a zombie.
func groupLives(group int) bool {
	for _, pid := range processes() {
		if _, of := stat(pid); of == group && !hasEnded(pid) {
			return true
		}
	}
	return false
}

func processes() []int {
	entries, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return nil
	}
	pids := make([]int, 0, len(entries))
	for _, name := range entries {
		if pid, err := strconv.Atoi(filepath.Base(name)); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}

// withCookie lists the processes that carry the cookie, or one that starts with
// it and a slash; not this one. A process that has ended shows no environment.
func withCookie(cookie string) []int {
	var found []int
	entry := []byte(cookieName + "=" + cookie)
	for _, pid := range processes() {
		env, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
		if err == nil && carries(env, entry) && pid > 1 && pid != os.Getpid() {
			found = append(found, pid)
		}
	}
	return found
}

func carries(env, entry []byte) bool {
	for kv := range bytes.SplitSeq(env, []byte{0}) {
		if rest, ok := bytes.CutPrefix(kv, entry); ok && (len(rest) == 0 || rest[0] == '/') {
			return true
		}
	}
	return false
}

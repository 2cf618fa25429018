package proc

import (
	"bufio"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// Ports are the TCP ports on loopback, or on all interfaces, that processes and what they started listen on
// now, by process. It reads /proc, so one that opens and closes between two calls is not seen, and neither
// is one in a network namespace of its own. Elsewhere than on Linux it knows none.
func Ports(list []*Process) map[*Process][]int {
	sockets := map[string]int{}
	for _, name := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		listening(name, sockets)
	}
	found := map[*Process][]int{}
	if len(sockets) == 0 {
		return found
	}
	for _, p := range list {
		select {
		case <-p.tree.gone:
			continue // its number may be another process's by now
		default:
		}
		for _, child := range below(p.tree.supervisor.Process.Pid) {
			dir := fmt.Sprintf("/proc/%d/fd", child.pid)
			fds, err := os.ReadDir(dir)
			if err != nil {
				continue // it has ended, or is another user's
			}
			for _, fd := range fds {
				target, err := os.Readlink(dir + "/" + fd.Name())
				if port, ok := sockets[target]; err == nil && ok {
					found[p] = append(found[p], port)
				}
			}
		}
	}
	return found
}

// listening adds the sockets that listen, by the name that /proc gives a descriptor.
func listening(file string, sockets map[string]int) {
	f, err := os.Open(file) //nolint:gosec // of /proc
	if err != nil {
		return
	}
	defer func() { _ = f.Close() }()
	const listens, address, state, inode = "0A", 1, 3, 9
	for scan := bufio.NewScanner(f); scan.Scan(); {
		fields := strings.Fields(scan.Text())
		if len(fields) <= inode || fields[state] != listens {
			continue
		}
		host, hex, _ := strings.Cut(fields[address], ":")
		port, err := strconv.ParseUint(hex, 16, 16)
		if err == nil && onThisMachine(host) {
			sockets["socket:["+fields[inode]+"]"] = int(port) //nolint:gosec // sixteen bits
		}
	}
}

// onThisMachine reports whether an address of /proc/net is loopback or any. Its words of 32 bits are in the order of the
// machine; of loopback 127.0.0.0/8 that leaves the last or the first byte.
func onThisMachine(host string) bool {
	switch {
	case strings.Trim(host, "0") == "":
		return true
	case len(host) == 8:
		return strings.HasSuffix(host, "7F") || strings.HasPrefix(host, "7F")
	}
	const mapped = 24 // ::ffff:127.0.0.1
	rest := strings.TrimLeft(host, "0")
	return rest == "1" || rest == "1000000" || len(host) == 32 && strings.Contains(host[:mapped], "FFFF") && onThisMachine(host[mapped:])
}

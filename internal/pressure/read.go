package pressure

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Read asks this machine. ok is false where the system does not say: so far only Linux does.
func Read() (s Sample, ok bool) { return readFrom("/proc", time.Now()) }

// readFrom reads Linux's files below a folder. Old kernels and some containers have no pressure; then memory
// remains.
func readFrom(proc string, at time.Time) (Sample, bool) {
	text := func(name string) string {
		data, err := os.ReadFile(filepath.Join(proc, name)) //nolint:gosec // the system's own files
		if err != nil {
			return ""
		}
		return string(data)
	}
	s := Sample{At: at, CPU: average(text("pressure/cpu"), "some"), Memory: average(text("pressure/memory"), "full"), Disk: average(text("pressure/io"), "full"),
		Stolen: -1, Available: available(text("meminfo"))}
	s.total, s.stolen = processorTime(text("stat"))
	return s, s.CPU >= 0 || s.Available >= 0
}

// average reads the average of 10 s of a line of a pressure file, as a share.
func average(text, line string) float64 {
	for l := range strings.Lines(text) {
		rest, is := strings.CutPrefix(l, line+" ")
		if !is {
			continue
		}
		for field := range strings.FieldsSeq(rest) {
			if v, is := strings.CutPrefix(field, "avg10="); is {
				if n, err := strconv.ParseFloat(v, 64); err == nil {
					return n / 100
				}
			}
		}
	}
	return -1
}

// available is the share of memory that is available.
func available(meminfo string) float64 {
	var total, free float64
	for l := range strings.Lines(meminfo) {
		name, rest, _ := strings.Cut(l, ":")
		fields := strings.Fields(rest)
		if len(fields) == 0 {
			continue
		}
		n, err := strconv.ParseFloat(fields[0], 64)
		switch {
		case err != nil:
		case name == "MemTotal":
			total = n
		case name == "MemAvailable":
			free = n
		}
	}
	if total <= 0 || free <= 0 || free > total {
		return -1
	}
	return free / total
}

// processorTime sums the counters of the line cpu: all, and what other virtual machines took.
func processorTime(stat string) (total, stolen uint64) {
	for l := range strings.Lines(stat) {
		fields := strings.Fields(l)
		if len(fields) == 0 || fields[0] != "cpu" {
			continue
		}
		// user nice system idle iowait irq softirq steal; guest time is part of user.
		for i, f := range fields[1:min(len(fields), 9)] {
			n, err := strconv.ParseUint(f, 10, 64)
			if err != nil {
				return 0, 0
			}
			total += n
			if i == 7 {
				stolen = n
			}
		}
		break
	}
	return total, stolen
}

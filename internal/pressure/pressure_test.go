package pressure

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

var noon = time.Date(2026, 11, 3, 12, 0, 0, 0, time.UTC)

func at(seconds int) time.Time { return noon.Add(time.Duration(seconds) * time.Second) }

func TestSpans(t *testing.T) {
	calm := Sample{CPU: 0.5, Memory: 0, Disk: 0, Stolen: -1, Available: 0.5}
	with := func(seconds int, change func(*Sample)) Sample {
		s := calm
		s.At = at(seconds)
		change(&s)
		return s
	}
	got := Spans([]Sample{
		with(0, func(*Sample) {}),
		with(2, func(s *Sample) { s.CPU = 0.91 }),
		with(4, func(s *Sample) { s.CPU = 0.97; s.Stolen = 0.3 }),
		with(6, func(s *Sample) { s.CPU = 0.95 }),
		with(20, func(s *Sample) { s.CPU = 0.9; s.Available = 0.02 }),
		with(22, func(s *Sample) { s.Memory = 0.2; s.Disk = 0.5; s.Available = -1 }),
	}, 5*time.Second)
	var lines []string
	for _, s := range got {
		lines = append(lines, strings.Join([]string{s.What, s.From.Format("05"), s.To.Format("05"), s.Text}, " "))
	}
	want := `cpu 02 06 processes waited for a processor in 97 % of 10 s
steal 04 04 other machines took 30 % of the processor time
cpu 20 20 processes waited for a processor in 90 % of 10 s
memory 20 20 98 % of the memory was in use
memory 22 22 all processes waited for memory in 20 % of 10 s
disk 22 22 all processes waited for disks in 50 % of 10 s`
	if strings.Join(lines, "\n") != want {
		t.Errorf("got\n%s", strings.Join(lines, "\n"))
	}
}

func TestWatch(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	tick := make(chan time.Time, 2)
	n := 0
	spans := Watch(ctx, tick, func() (Sample, bool) {
		n++
		s := Sample{At: at(2 * n), CPU: 0.95, Available: -1, Memory: -1, Disk: -1, total: uint64(100 * n), stolen: uint64(50 * n)}
		if n < 3 {
			tick <- at(2 * n)
		} else {
			cancel()
		}
		return s, true
	})
	// The first sample has none before it, so it cannot say what was taken.
	if len(spans) != 2 || spans[0].What != "cpu" || spans[1].What != "steal" || !spans[1].From.Equal(at(4)) || !spans[1].To.Equal(at(6)) {
		t.Errorf("%+v", spans)
	}
	ctx, cancel = context.WithCancel(t.Context())
	cancel()
	if spans := Watch(ctx, nil, func() (Sample, bool) { return Sample{CPU: 1}, false }); spans != nil {
		t.Errorf("a machine that does not say was short: %+v", spans)
	}
}

func TestRead(t *testing.T) {
	proc := t.TempDir()
	for name, text := range map[string]string{
		"pressure/cpu":    "some avg10=73.31 avg60=79.78 avg300=80.80 total=12886047393\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n",
		"pressure/memory": "some avg10=9.00 avg60=0.00 avg300=0.00 total=0\nfull avg10=4.50 avg60=0.00 avg300=0.00 total=0\n",
		"pressure/io":     "some avg10=oops\nfull avg10=oops\n",
		"meminfo":         "MemTotal:        1000 kB\nMemFree:   10 kB\nMemAvailable:     250 kB\n",
		"stat":            "cpu  10 20 30 40 50 60 70 80 90 100\ncpu0 1 1 1 1 1 1 1 1 1 1\n",
	} {
		file := filepath.Join(proc, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s, ok := readFrom(proc, noon)
	if want := (Sample{At: noon, CPU: 0.7331, Memory: 0.045, Disk: -1, Stolen: -1, Available: 0.25, total: 360, stolen: 80}); !ok || s != want {
		t.Errorf("%+v, want %+v", s, want)
	}
	if s, ok := readFrom(filepath.Join(proc, "none"), noon); ok {
		t.Errorf("a machine that says nothing: %+v", s)
	}
	for _, meminfo := range []string{"", "MemTotal: x kB\nMemAvailable: 1 kB", "MemTotal: 5 kB\nMemAvailable: 9 kB"} {
		if got := available(meminfo); got != -1 {
			t.Errorf("%q: %v", meminfo, got)
		}
	}
	if total, stolen := processorTime("cpu 1 2 x"); total != 0 || stolen != 0 {
		t.Error(total, stolen)
	}
	if _, ok := Read(); ok != (runtime.GOOS == "linux") {
		t.Errorf("%s says %v", runtime.GOOS, ok)
	}
}

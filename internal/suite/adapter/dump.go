package adapter

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/org/e2e-gate/internal/proc"
)

// Dumper is implemented by invocations that can tell what the threads of their processes do.
type Dumper interface {
	// Dumps takes thread dumps. It returns when it has them, or when the context of the request ends.
	Dumps(r DumpRequest) []Dump
	// Prints reports whether the dump of a final request is part of the output instead.
	Prints() bool
}

// DumpRequest asks for thread dumps.
type DumpRequest struct {
	Context context.Context //nolint:containedctx // of one call
	Process *proc.Process
	// Env is the environment of the process.
	Env []string
	// Final: the process is ended afterwards, so that it may end by the dump.
	Final bool
}

// Dump is what one process says of its threads.
type Dump struct{ Title, Text string }

// DumpKind is how a process that a reporter names is asked for a dump.
type DumpKind string

// The kinds of dumps.
const (
	// DumpSignal: the process writes what its threads do to a file beside the events when it gets
	// [DumpNumber].
	DumpSignal DumpKind = "signal"
	// DumpJVM: jcmd of the JDK asks the process.
	DumpJVM DumpKind = "jvm"
)

const (
	// maxDumped bounds the processes of a batch that are asked, and maxDumpFile what is read of a file.
	maxDumped   = 16
	maxDumpFile = 4 << 20
	// dumpPause is how often a file is looked at until it is there.
	dumpPause = 50 * time.Millisecond
)

// Dumps asks the processes that reporters named.
func (p *Process) Dumps(r DumpRequest) []Dump {
	if d, ok := p.Results.(interface {
		Dumps(r DumpRequest) []Dump
	}); ok {
		return d.Dumps(r)
	}
	return nil
}

// Prints is false: dumps are files.
func (p *Process) Prints() bool { return false }

// Dumps asks the processes that wrote an event "process". A suite can write such events too: only processes
// of the batch itself are asked, and only by what they handle.
func (f *EventFile) Dumps(r DumpRequest) []Dump {
	var list []Dump
	for _, one := range f.processes {
		if r.Context.Err() != nil {
			break
		}
		var text string
		switch one.kind {
		case DumpSignal:
			text = f.dumpOf(r, one.pid)
		case DumpJVM:
			text = jcmd(r, one.pid)
		}
		if text != "" {
			list = append(list, Dump{fmt.Sprintf("threads of process %d", one.pid), text})
		}
	}
	return list
}

// named is a process that a reporter named.
type named struct {
	pid  int
	kind DumpKind
}

func (f *EventFile) name(ev Event) {
	one := named{ev.PID, DumpKind(ev.Dump)}
	if ev.PID > 1 && len(f.processes) < maxDumped && !slices.Contains(f.processes, one) {
		f.processes = append(f.processes, one)
	}
}

// dumpOf has a process write its dump, and reads it.
func (f *EventFile) dumpOf(r DumpRequest, pid int) string {
	name := filepath.Join(filepath.Dir(f.Path), fmt.Sprintf("thread-dump-%d.txt", pid))
	if r.Process.Signal(pid, DumpNumber) != nil {
		return ""
	}
	ticker := time.NewTicker(dumpPause)
	defer ticker.Stop()
	for size := 0; ; {
		select {
		case <-r.Context.Done():
		case <-r.Process.Done():
		case <-ticker.C:
			// It is complete when it no longer grows.
			if now := len(readRegular(name)); now == 0 || now > size {
				size = now
				continue
			}
		}
		text := string(readRegular(name))
		_ = os.Truncate(name, 0) // there is one copy of a dump, the one without secrets
		return text
	}
}

// readRegular reads a regular file, or nothing.
func readRegular(name string) []byte {
	info, err := os.Lstat(name)
	if err != nil || !info.Mode().IsRegular() {
		return nil
	}
	f, err := openWithoutWaiting(name)
	if err != nil {
		return nil
	}
	defer func() { _ = f.Close() }()
	data, _ := io.ReadAll(io.LimitReader(f, maxDumpFile))
	return data
}

// jcmd asks a JVM for the stacks of its threads. Its own answer to SIGQUIT goes to the standard output, which Surefire
// and Gradle take for their own.
func jcmd(r DumpRequest, pid int) string {
	if !slices.Contains(r.Process.Below(func(program string) bool { return strings.HasPrefix(program, "java") }), pid) {
		return ""
	}
	tool := "jcmd"
	if home := Variable(r.Env, "JAVA_HOME"); home != "" {
		if found, err := exec.LookPath(filepath.Join(home, "bin", "jcmd")); err == nil {
			tool = found
		}
	}
	exit := proc.Run(r.Context, proc.Spec{Argv: []string{tool, fmt.Sprint(pid), "Thread.print", "-l"}, Env: r.Env})
	if !exit.OK() {
		return ""
	}
	return exit.Tail
}

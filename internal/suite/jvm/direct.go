package jvm

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/org/e2e-gate/internal/suite/adapter"
)

// direct finds the JVMs that the tests of a unit were listed in. Where the build itself has to be started, it says why.
func (j *jvm) direct(u adapter.Unit, classes string) (jvms []startedJVM, why string) {
	if able, why := j.records(); !able {
		return nil, why
	}
	src, err := scanSources(j.root)
	if err != nil {
		return nil, err.Error()
	}
	l, ok := j.cache(src, u.Env).read()
	switch {
	case !ok:
		return nil, "the tests were not listed here, or a source, a build file or the suite's settings changed since"
	case len(l.Starts.Apart) > 0:
		return nil, l.Starts.Apart[0]
	}
	if why := j.stale(l.Starts, classes, u.Env); why != "" {
		return nil, why
	}
	wanted := map[string]bool{}
	for _, t := range u.Tests {
		ids := recordingsOf(l.Events, t.Name)
		if len(ids) == 0 || slices.ContainsFunc(ids, func(id string) bool { return l.Starts.jvm(id) == nil }) {
			return nil, t.Name + " is not in the listing of this machine"
		}
		for _, id := range ids {
			wanted[id] = true
		}
	}
	return slices.DeleteFunc(l.Starts.JVMs, func(one startedJVM) bool { return !wanted[one.ID] }), ""
}

// builtHere has the suites that this process of the gate listed by a build.
var builtHere sync.Map

// stale says why what a listing recorded does not hold any more; empty: it does.
func (j *jvm) stale(s starts, classes string, env []string) string {
	if _, here := builtHere.Load(j.root + "\x00" + j.spec.Name); s.Moves && !here {
		return "the build may resolve other libraries than when the tests were listed: it has a snapshot, or a range of versions"
	}
	if valuesOf(s.Reads, env) != s.Values {
		return "a variable that the build reads has another value than when the tests were listed: " + strings.Join(s.Reads, ", ")
	}
	if state, _, err := s.state(classes); err != nil || state != s.State {
		return "a file of the class path, or one that it is built of, changed since the tests were listed"
	}
	return ""
}

// recordingsOf are the JVMs in which a planned test was listed: two executions of a plugin may have the same.
func recordingsOf(listed []adapter.Event, name string) []string {
	var ids []string
	for _, ev := range listed {
		if isTest(ev) && (ev.ID == name || "["+ev.Module+"] "+ev.ID == name) && !slices.Contains(ids, ev.Recording) {
			ids = append(ids, ev.Recording)
		}
	}
	return ids
}

// withoutBuild is the command that starts JVMs as the build did, one after the other, and the files to remove when
// it has ended.
func withoutBuild(b jvmRun, jvms []startedJVM) (cmd adapter.Command, made []string, err error) {
	argv := []string{
		jvms[0].Java, "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Dfile.encoding=UTF-8", "-Dsun.jnu.encoding=UTF-8", "-cp", b.classes, "e2egate.Forks",
	}
	for i, one := range jvms {
		folder := filepath.Join(b.folder, fmt.Sprintf("jvm-%d", i+1))
		files, err := one.prepare(folder, b)
		made = append(made, files...)
		if err != nil {
			return cmd, made, fmt.Errorf("prepare a JVM of the tests: %w", err)
		}
		argv = append(argv, folder)
	}
	return adapter.Command{Argv: argv, Dir: b.dir, Env: b.environment()}, made, nil
}

// prepare puts the files of one JVM in place: those that it reads where Surefire puts them, since the jar's manifest is relative
// to it, and how to start it into the folder.
func (one startedJVM) prepare(folder string, b jvmRun) (made []string, err error) {
	name := "e2e-gate-" + strings.ToLower(rand.Text())
	write := func(file string, data []byte) {
		if err == nil {
			made = append(made, file)
			err = os.WriteFile(file, data, 0o600)
		}
	}
	err = errors.Join(os.MkdirAll(one.Folder, 0o755), os.MkdirAll(folder, 0o755))
	jar := filepath.Join(one.Folder, "surefirebooter-"+name+".jar") // the name by which Surefire and our classes know it
	write(jar, one.Jar)
	write(filepath.Join(one.Folder, name+".setup"), one.setup(b.attempt))
	write(filepath.Join(one.Folder, name+".properties"), one.withProperties(b.properties()))
	main := []string{"-jar", jar, one.Folder, one.Dump + "-" + name, name + ".setup", name + ".properties"}
	for file, list := range map[string][]string{
		"argv":      slices.Concat([]string{one.Java}, one.Arguments, main),
		"directory": {one.Directory}, "set": one.Set, "unset": one.Unset,
	} {
		if err == nil {
			err = os.WriteFile(filepath.Join(folder, file), []byte(strings.Join(append(slices.Clip(list), ""), "\x00")), 0o600)
		}
	}
	return made, err
}

// setup is what Surefire's main class is told. It must not end itself because the build of the listing has
// ended. The diagnostic rerun is one attempt, and one test at a time.
func (one startedJVM) setup(attempt int) []byte {
	var kept bytes.Buffer
	for line := range bytes.Lines(one.Setup) {
		if !bytes.HasPrefix(line, []byte("pluginPid=")) {
			kept.Write(line)
		}
	}
	if attempt > 1 { // the last of one name counts; the modes of JUnit 4 and TestNG are those of Surefire 3.6
		kept.WriteString("\nrerunFailingTestsCount=0\njunit.vintage.execution.parallel.enabled=false\ntestng.parallel=none\n")
	}
	return kept.Bytes()
}

// withProperties are the system properties, with those that the gate gives a build for its batches: the last of one name counts.
func (one startedJVM) withProperties(properties []string) []byte {
	text := bytes.NewBuffer(slices.Clone(one.Properties))
	text.WriteByte('\n')
	for _, p := range properties {
		text.WriteString(p + "\n")
	}
	return text.Bytes()
}

// builds keeps builds of one directory from running beside each other, and beside JVMs that use what they build.
var builds sync.Map

// hold waits until a build may start, or a JVM without one.
func (j *jvm) hold(build bool) (release func()) {
	lock, _ := builds.LoadOrStore(j.root+"\x00"+j.lock(), &sync.RWMutex{})
	m := lock.(*sync.RWMutex) //nolint:forcetypeassert // nothing else is stored
	if build {
		m.Lock()
		return sync.OnceFunc(m.Unlock)
	}
	m.RLock()
	return sync.OnceFunc(m.RUnlock)
}

package jvm

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/org/e2e-gate/internal/proc"
	"github.com/org/e2e-gate/internal/suite/adapter"
)

// A build forks a JVM for the tests of each execution of its plugins. While tests are listed,
// our classes in it record how it was started. Batches and reruns then start the same JVM without
// the build: the build compiles once, and what it does around its tests happened once. Nothing is
// taken for equal that is not known to be: one reason in [starts.Apart], and each batch starts the build.

// starts is what a listing keeps of the JVMs that the build started.
type starts struct {
	// Apart are the reasons why batches need the build's own start. Without one, JVMs holds
	// the JVM of every listed test, by the event's Recording.
	Apart []string `json:"apart,omitempty"`
	// Retry: the reason may be gone the next time that the tests are listed, so the next run lists them again.
	Retry bool         `json:"retry,omitempty"`
	JVMs  []startedJVM `json:"jvms,omitempty"`
	// Reads are the names of the variables that the build itself reads, and Values the digest
	// of what they were.
	Reads  []string `json:"reads,omitempty"`
	Values string   `json:"values,omitempty"`
	// Inputs are the files and folders that the build makes the class path of, and Outputs the folders of
	// archives that it makes. State is the digest of them and of the class path after the build.
	Inputs  []string `json:"inputs,omitempty"`
	Outputs []string `json:"outputs,omitempty"`
	State   string   `json:"state,omitempty"`
	// Moves: another start of the build may resolve other libraries (a snapshot, a range of versions), so each run
	// of the gate builds.
	Moves bool `json:"moves,omitempty"`
}

// startedJVM is how the build started one JVM.
type startedJVM struct {
	ID        string   `json:"id"`
	Java      string   `json:"java"`
	Arguments []string `json:"arguments"`
	// Folder is where Surefire puts its files; Jar, Setup and Properties are their contents, since
	// the build deletes them: the manifest-only jar, what Surefire's main class is told, and the system properties.
	Folder     string `json:"folder"`
	Dump       string `json:"dump"`
	Jar        []byte `json:"jar"`
	Setup      []byte `json:"setup"`
	Properties []byte `json:"properties"`
	Directory  string `json:"directory"`
	// Module is the directory of the module.
	Module    string   `json:"module"`
	ClassPath []string `json:"class_path"`
	// Set and Unset are what the build changed in the environment that it was given: other variables may be
	// secrets, and belong to the batch.
	Set   []string `json:"set,omitempty"`
	Unset []string `json:"unset,omitempty"`
}

// recorded is a line that a JVM wrote.
type recorded struct {
	startedJVM
	Environment []string `json:"environment"`
	// Settings are what a test can see of how its JVM was started, by name.
	Settings map[string]string `json:"settings"`
	// Message says why it could not record itself.
	Message string `json:"message"`
}

// maxRecording bounds a line, in bytes: the class path of a large build is in it twice.
const maxRecording = 32 << 20

// readRecordings reads what the JVMs of a listing wrote; no file: nothing.
func readRecordings(file string) ([]recorded, error) {
	f, err := os.Open(file) //nolint:gosec // our own folder
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	var list []recorded
	for in := bufio.NewReaderSize(f, 64<<10); ; {
		line, err := adapter.BoundedLine(in, maxRecording)
		if errors.Is(err, io.EOF) {
			return list, nil
		}
		var r recorded
		if err == nil {
			err = json.Unmarshal(line, &r)
		}
		if err != nil {
			return nil, err
		}
		list = append(list, r)
	}
}

// record makes of a listing what its batches can start without the build, or the reasons why they
// cannot. given is the environment that the build got, began when it was started.
func (j *jvm) record(ctx context.Context, b jvmRun, listed []adapter.Event, given []string, began time.Time) starts {
	told, err := readTool(b.tool())
	s := starts{Apart: told.apart, Reads: told.reads, Inputs: told.inputs, Outputs: told.outputs, Moves: told.moves}
	apart := func(format string, args ...any) { s.Apart = append(s.Apart, fmt.Sprintf(format, args...)) }
	if able, why := j.records(); !able {
		apart("%s", why)
		return s
	}
	if err != nil {
		apart("what the build does cannot be read (%v)", err)
	}
	s.Reads = append(s.Reads, variablesIn(strings.Join(j.spec.Args, " "))...)
	for _, name := range s.Reads {
		if strings.HasPrefix(name, "E2E_") || name == "TRACEPARENT" {
			apart("the build reads %s, which each batch has for itself", name)
		}
	}
	before := variables(given)
	for _, name := range told.drops {
		if _, had := before[name]; !had { // what a JVM was not given does not show that it was dropped
			apart("the build keeps %s from the tests", name)
		}
	}
	for _, dir := range j.upwards() {
		if _, err := os.Stat(filepath.Join(dir, ".mvn", "extensions.xml")); err == nil {
			apart("the extensions of .mvn/extensions.xml may do more around the tests")
		}
	}
	jvms, err := readRecordings(b.recordings())
	if err != nil {
		apart("how its JVMs were started cannot be read (%v)", err)
	}
	for i, r := range jvms {
		if r.Message != "" {
			if len(told.apart) == 0 { // what follows from another reason is none of its own
				apart("%s", r.Message)
			}
			continue
		}
		for _, arg := range r.Arguments {
			if m := ofOneJVM.FindString(arg); m != "" {
				apart("an argument of the JVM is for one at a time (%s)", m)
			}
		}
		s.Moves = s.Moves || j.moves(r.ClassPath)
		jvms[i].Set, jvms[i].Unset = changed(given, r.Environment)
		if name := j.secretIn(jvms[i].startedJVM, given); name != "" {
			apart("the build gives the tests the value of %s in another way too, and the gate keeps no secrets", name)
		}
		s.JVMs = append(s.JVMs, jvms[i].startedJVM)
	}
	for _, ev := range listed {
		switch {
		case !isTest(ev):
		case ev.Recording == "":
			hint := ""
			if strings.HasSuffix(ev.ID, "(JUnit 4)") || strings.HasSuffix(ev.ID, "(TestNG)") {
				hint = " (from version 3.6 on, Surefire and Failsafe run it there)"
			}
			apart("%s runs outside the JUnit Platform%s", ev.ID, hint)
		case s.jvm(ev.Recording) == nil && len(s.Apart) == 0:
			apart("the JVM of %s did not tell how it was started", ev.ID)
		}
	}
	if len(s.Apart) == 0 {
		s.Apart, s.Retry = compare(ctx, b, listed, jvms, given)
	}
	if len(s.Apart) == 0 {
		var newest time.Time
		if s.State, newest, err = s.state(b.classes); err != nil {
			apart("what its tests are built of cannot be read (%v)", err)
		} else if newest.After(began) {
			apart("a file changed while the tests were built")
			s.Retry = true
		}
		s.Values = valuesOf(s.Reads, given)
	}
	if len(s.Apart) > 0 {
		return starts{Apart: slices.Compact(slices.Sorted(slices.Values(s.Apart))), Retry: s.Retry}
	}
	return s
}

// ofOneJVM are arguments with which two JVMs cannot run beside each other: ports, and a file that each overwrites.
var ofOneJVM = regexp.MustCompile(`jdwp|jmxremote\.port|\bappend=false\b`)

func (s starts) jvm(id string) *startedJVM {
	at := slices.IndexFunc(s.JVMs, func(one startedJVM) bool { return one.ID == id })
	if at < 0 {
		return nil
	}
	return &s.JVMs[at]
}

// secretIn names a variable with a secret whose value would be kept with the listing: as a system property, an argument, or another
// variable; empty: none.
func (j *jvm) secretIn(one startedJVM, given []string) string {
	kept := slices.Concat(one.Arguments, one.Set, []string{string(one.Setup), string(one.Properties)})
	plain := strings.ReplaceAll(strings.Join(kept, "\n"), `\`, "") // files of properties escape with it
	for _, kv := range given {
		name, value, _ := strings.Cut(kv, "=")
		if !proc.Withheld(name, j.spec.PassEnv) || len(value) < shortSecret {
			continue
		}
		if strings.Contains(plain, strings.ReplaceAll(value, `\`, "")) {
			return name
		}
	}
	return ""
}

// shortSecret is how long a value is, in bytes, that is looked for: shorter ones occur by chance.
const shortSecret = 6

// moves reports whether a class path has snapshots that the build itself does not make.
func (j *jvm) moves(classPath []string) bool {
	return slices.ContainsFunc(classPath, func(entry string) bool { return strings.Contains(entry, "-SNAPSHOT") && !j.within(entry) })
}

// within reports whether a file is of the repository itself.
func (j *jvm) within(file string) bool {
	root, err := filepath.Abs(j.root)
	if err != nil {
		return false
	}
	rel, err := filepath.Rel(root, file)
	return err == nil && filepath.IsLocal(rel)
}

// variable is how a build of Maven names one of the environment.
var variable = regexp.MustCompile(`\benv\.([A-Za-z_]\w*)`)

func variablesIn(text string) []string {
	var names []string
	for _, m := range variable.FindAllStringSubmatch(text, -1) {
		names = append(names, m[1])
	}
	return names
}

// valuesOf is a digest: a value may be a secret.
func valuesOf(names, env []string) string {
	h := sha256.New()
	for _, name := range slices.Sorted(slices.Values(names)) {
		_, _ = fmt.Fprintf(h, "%q=%q\n", name, adapter.Variable(env, name))
	}
	return fmt.Sprintf("%x", h.Sum(nil))
}

// changed is what differs between the environment that a build was given and that of its JVM.
func changed(given, got []string) (set, unset []string) {
	before := variables(given)
	after := variables(got)
	for _, kv := range got {
		name, value, _ := strings.Cut(kv, "=")
		if old, known := before[name]; !strings.HasPrefix(name, ownVariables) && (!known || old != value) {
			set = append(set, kv)
		}
	}
	for name := range before {
		if _, known := after[name]; !known && !strings.HasPrefix(name, ownVariables) {
			unset = append(unset, name)
		}
	}
	slices.Sort(unset)
	return set, unset
}

// ownVariables starts the names of those that the gate gives each process anew.
const ownVariables = "E2E_GATE_"

func variables(env []string) map[string]string {
	found := map[string]string{}
	for _, kv := range env { // the last of one name counts
		name, value, _ := strings.Cut(kv, "=")
		found[name] = value
	}
	return found
}

const (
	// maxState bounds how many files a class path and what it is built of may have.
	maxState = 500_000
	// wholeFile is how large a file may be, in bytes, whose content is read: of larger ones, libraries and
	// data, name, size and time tell. A compiler that runs again makes the same classes at another time.
	wholeFile = 1 << 20
)

// state is the digest of the class path and of what it is built of. What the gate itself puts there does not count.
// newest is the time of the youngest file that the build did not make.
func (s starts) state(own string) (digest string, newest time.Time, err error) {
	h, files := sha256.New(), 0
	each := func(root string, visit func(fs.FileInfo)) error {
		real, err := filepath.EvalSymlinks(root)
		if errors.Is(err, fs.ErrNotExist) {
			_, _ = fmt.Fprintf(h, "%q is not there\n", root)
			return nil
		}
		if err != nil {
			return err
		}
		return filepath.WalkDir(real, func(file string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			if files++; files > maxState {
				return fmt.Errorf("they are more than %d files", maxState)
			}
			info, err := os.Stat(file)
			if err != nil {
				return err
			}
			visit(info)
			if info.Mode().IsRegular() && info.Size() <= wholeFile && filepath.Ext(file) != ".jar" {
				return hashFile(h, file, file)
			}
			_, _ = fmt.Fprintf(h, "%q %d %d\n", file, info.Size(), info.ModTime().UnixNano())
			return nil
		})
	}
	for _, input := range slices.Compact(slices.Sorted(slices.Values(s.Inputs))) {
		err := each(input, func(info fs.FileInfo) {
			if info.ModTime().After(newest) {
				newest = info.ModTime()
			}
		})
		if err != nil {
			return "", newest, err
		}
	}
	for _, dir := range s.Outputs {
		for _, kind := range []string{"*.jar", "*.war", "*.ear"} {
			made, err := filepath.Glob(filepath.Join(globbed.Replace(dir), kind))
			if err != nil {
				return "", newest, err
			}
			for _, file := range made {
				if err := each(file, func(fs.FileInfo) {}); err != nil {
					return "", newest, err
				}
			}
		}
	}
	var path []string
	for _, one := range s.JVMs {
		path = append(path, one.ClassPath...)
	}
	for _, entry := range slices.Compact(slices.Sorted(slices.Values(path))) {
		if entry == own {
			continue
		}
		if err := each(entry, func(fs.FileInfo) {}); err != nil {
			return "", newest, err
		}
	}
	return fmt.Sprintf("%x", h.Sum(nil)), newest, nil
}

// globbed takes a folder's name for itself in a pattern.
var globbed = strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`)

// records reports whether the JVMs of a listing can record themselves, else why not.
func (j *jvm) records() (able bool, why string) {
	switch {
	case !j.tool.records:
		return false, "the gate starts the JVMs of Maven's builds only"
	case runtime.GOOS != "linux":
		return false, "the gate starts JVMs without the build on Linux only"
	case len(j.spec.Run) > 0 && !slices.Contains([]string{j.tool.program, j.tool.wrapper}, filepath.Base(j.spec.Run[0])):
		return false, "run: may do more around the tests"
	}
	return true, ""
}

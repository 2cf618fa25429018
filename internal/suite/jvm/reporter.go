package jvm

import (
	"context"
	"crypto/sha256"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"

	"github.com/org/e2e-gate/internal/proc"
	"github.com/org/e2e-gate/internal/suite/adapter"
)

// reporter is the folder of our Java sources: e2egate is compiled, api are the
// signatures of the JUnit Platform and of Maven that it is compiled against, whatever
// versions the project has; META-INF is how the platform finds it, and maven how Maven does.
//
//go:embed reporter
var reporter embed.FS

// compiling keeps suites of one run from compiling at the same time.
var compiling sync.Mutex

// reporterDigest is that of our sources.
func reporterDigest() (string, error) {
	digest := sha256.New()
	err := fs.WalkDir(reporter, "reporter", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := reporter.ReadFile(path)
		_, _ = fmt.Fprintf(digest, "%s %d\n%s", path, len(data), data)
		return err
	})
	return fmt.Sprintf("%x", digest.Sum(nil)[:8]), err
}

// compiledReporter is the folder with our compiled classes. They are compiled once per
// machine and version of the gate, with the project's own JDK: no binary is shipped.
func compiledReporter(ctx context.Context, suite string, env []string) (string, error) {
	compiling.Lock()
	defer compiling.Unlock()
	digest, err := reporterDigest()
	if err != nil {
		return "", err
	}
	folder := filepath.Join(cacheDir(), "junit-reporter-"+digest)
	if _, err := os.Stat(filepath.Join(folder, "META-INF")); err == nil {
		return folder, nil
	}
	if err := compileInto(ctx, folder, env); err != nil {
		return "", fmt.Errorf("suite %s: %w", suite, err)
	}
	return folder, nil
}

// cacheDir is a folder that outlives a run, if there is one; else one that may.
func cacheDir() string {
	base, err := os.UserCacheDir()
	if err != nil {
		base = os.TempDir()
	}
	return filepath.Join(base, "e2e-gate")
}

// compileInto compiles in a folder beside and moves the whole into place, so that
// what is there is complete.
func compileInto(ctx context.Context, folder string, env []string) error {
	if err := os.MkdirAll(filepath.Dir(folder), 0o755); err != nil {
		return fmt.Errorf("make a folder for the reporter: %w", err)
	}
	tmp, err := os.MkdirTemp(filepath.Dir(folder), "junit-reporter-new-")
	if err != nil {
		return fmt.Errorf("make a folder for the reporter: %w", err)
	}
	defer func() { _ = os.RemoveAll(tmp) }()
	source, err := fs.Sub(reporter, "reporter")
	if err != nil {
		return err
	}
	if err := os.CopyFS(filepath.Join(tmp, "src"), source); err != nil {
		return fmt.Errorf("write the reporter: %w", err)
	}
	if err := javac(ctx, filepath.Join(tmp, "src"), filepath.Join(tmp, "classes"), env); err != nil {
		return err
	}
	for _, name := range []string{"maven", "META-INF"} {
		if err := os.Rename(filepath.Join(tmp, "src", name), filepath.Join(tmp, "classes", name)); err != nil {
			return err
		}
	}
	if err := os.Rename(filepath.Join(tmp, "classes"), folder); err != nil {
		if _, taken := os.Stat(filepath.Join(folder, "META-INF")); taken != nil {
			return fmt.Errorf("put the reporter in place: %w", err)
		}
	}
	return nil
}

// javac compiles for Java 8, so that whatever JVM runs the tests can load it.
func javac(ctx context.Context, src, classes string, env []string) error {
	files, err := filepath.Glob(filepath.Join(src, "e2egate", "*.java"))
	if err != nil {
		return err
	}
	if err := os.MkdirAll(classes, 0o755); err != nil {
		return err
	}
	compiler := "javac"
	if home := adapter.Variable(env, "JAVA_HOME"); home != "" {
		if found, err := exec.LookPath(filepath.Join(home, "bin", "javac")); err == nil {
			compiler = found
		}
	}
	argv := []string{compiler, "-encoding", "UTF-8", "-source", "8", "-target", "8", "-nowarn", "-Xlint:-options", "-proc:none", "-implicit:none",
		"-sourcepath", filepath.Join(src, "api"), "-d", classes}
	exit := proc.Run(ctx, proc.Spec{Argv: append(argv, files...), Dir: src, Env: env})
	switch {
	case exit.Ended == proc.NotStarted && errors.Is(exit.Err, exec.ErrNotFound):
		return fmt.Errorf("%w: there is no javac, in JAVA_HOME or in PATH; install a JDK, version 8 or later (a JRE is not enough)", adapter.ErrTool)
	case !exit.OK():
		return fmt.Errorf(
			"%w: javac cannot compile the gate's reporter (%s): %s; use a JDK that compiles for Java 8", adapter.ErrTool, exit,
			strings.TrimSpace(adapter.FirstLines(exit.Tail, 4)),
		)
	}
	return nil
}

//go:build unix

package wine

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/org/e2e-gate/internal/testkit/gatebin"
	"github.com/org/e2e-gate/internal/testkit/need"
)

// EnvFolder names the folder for Wine's files. Without it nothing of this package runs: it takes minutes.
const EnvFolder = "E2E_GATE_WINE"

// startLimit is how long Wine may take to make its folder, and to end.
const startLimit = 5 * time.Minute

// Wine is an installation of Windows, as far as Wine goes, in a folder of the test. It ends with the test, with every process in it.
type Wine struct {
	// Root is the module's folder.
	Root string
	dir  string
}

// Start makes an installation, or skips.
func Start(tb testing.TB) *Wine {
	tb.Helper()
	dir := os.Getenv(EnvFolder)
	if dir == "" {
		tb.Skip(EnvFolder + " names no folder for Wine's files; .ci/run windows does")
	}
	need.Tool(tb, "wine", "apt-get install wine64")
	gcc := need.Tool(tb, "x86_64-w64-mingw32-gcc", "apt-get install gcc-mingw-w64-x86-64")
	w := &Wine{Root: gatebin.Root(tb), dir: dir}
	tb.Cleanup(func() {
		// It ends all processes of the installation, and waits for that.
		ctx, cancel := context.WithTimeout(context.Background(), startLimit)
		defer cancel()
		for _, option := range []string{"-k", "-w"} {
			cmd := exec.CommandContext(ctx, "wineserver", option)
			cmd.Env = w.env()
			_ = cmd.Run() // it fails where there is none
		}
		if left := w.Left(tb); len(left) > 0 {
			tb.Errorf("processes are left over: %q", left)
		}
	})
	w.host(tb, "wineboot", "--init")
	w.keep(tb)
	w.prng(tb, gcc)
	w.overlay(tb)
	return w
}

// keep has a process run until the end of the test. The first process of an installation starts its services, which keep its
// output open: this one, so that the output of all others ends with them.
func (w *Wine) keep(tb testing.TB) {
	tb.Helper()
	cmd := exec.CommandContext(tb.Context(), "wine", "cmd") //nolint:gosec // of Wine
	cmd.Dir, cmd.Env = w.dir, w.env()
	in, err := cmd.StdinPipe()
	if err != nil {
		tb.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		tb.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { // it waits for a command until here
		_ = in.Close()
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	if _, err := out.Read(make([]byte, 1)); err != nil {
		tb.Fatalf("Wine does not start: %v", err)
	}
}

func (w *Wine) prefix() string { return filepath.Join(w.dir, "prefix") }

// env is the environment of Wine's own programs, without what CI and the caller set.
func (w *Wine) env() []string {
	return []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + w.dir, "WINEPREFIX=" + w.prefix(), "WINEARCH=win64", "WINEDEBUG=-all",
		"WINEDLLOVERRIDES=mscoree=;mshtml=;winemenubuilder.exe=", // it asks whether to install Mono, Gecko and menus
	}
}

// host runs a program of this machine.
func (w *Wine) host(tb testing.TB, argv ...string) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), startLimit)
	defer cancel()
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Dir, cmd.Env = w.dir, w.env()
	if out, err := cmd.CombinedOutput(); err != nil {
		tb.Fatalf("%q: %v\n%s", argv, err, out)
	}
}

// prng gives Wine before 9.5 the library from which programs made by Go have their random numbers.
func (w *Wine) prng(tb testing.TB, gcc string) {
	tb.Helper()
	library := filepath.Join(w.prefix(), "drive_c", "windows", "system32", "bcryptprimitives.dll")
	if _, err := os.Stat(library); err == nil {
		return
	}
	source := filepath.Join(w.dir, "prng.c")
	write(tb, source, `#include <windows.h>
BOOLEAN NTAPI SystemFunction036(PVOID, ULONG);
__declspec(dllexport) BOOL WINAPI ProcessPrng(BYTE *to, SIZE_T size) { return SystemFunction036(to, (ULONG)size); }
`)
	w.host(tb, gcc, "-shared", "-o", library, source, "-ladvapi32")
}

// overlay has Go's os.RemoveAll take the older of its two ways to remove a file also where the system answers that
// the newer one is not implemented, as Wine 8 does. Without it nearly each test fails when it removes its folder.
func (w *Wine) overlay(tb testing.TB) {
	tb.Helper()
	goroot, err := exec.CommandContext(tb.Context(), "go", "env", "GOROOT").Output()
	if err != nil {
		tb.Fatal(err)
	}
	file := filepath.Join(strings.TrimSpace(string(goroot)), "src/internal/syscall/windows/at_windows.go")
	source, err := os.ReadFile(file)
	if err != nil {
		tb.Fatal(err)
	}
	const known = "case STATUS_INVALID_INFO_CLASS,"
	if !bytes.Contains(source, []byte(known)) {
		tb.Fatalf("%s has no %q any more; does os.RemoveAll work under Wine without this?", file, known)
	}
	mended := filepath.Join(w.dir, "at_windows.go")
	write(tb, mended, strings.Replace(string(source), known, known+" NTStatus(0xC0000002),", 1)) // STATUS_NOT_IMPLEMENTED
	data, err := json.Marshal(map[string]map[string]string{"Replace": {file: mended}})
	if err != nil {
		tb.Fatal(err)
	}
	write(tb, filepath.Join(w.dir, "overlay.json"), string(data))
}

// Go prepares a go command for Windows, whose programs run under Wine.
func (w *Wine) Go(ctx context.Context, verb string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "go", append([]string{verb, "-overlay", filepath.Join(w.dir, "overlay.json")}, args...)...)
	cmd.Dir = w.Root
	cmd.Env = append(os.Environ(), "GOOS=windows", "GOARCH=amd64", "CGO_ENABLED=0", need.EnvAll+"=")
	cmd.Env = append(cmd.Env, w.env()[2:]...) // with the caches of Go, which are below HOME
	return cmd
}

// Build builds a program of the module and returns its path.
func (w *Wine) Build(tb testing.TB, pkg string) string {
	tb.Helper()
	program := filepath.Join(w.dir, filepath.Base(pkg)+".exe")
	if out, err := w.Go(tb.Context(), "build", "-o", program, pkg).CombinedOutput(); err != nil {
		tb.Fatalf("build %s: %v\n%s", pkg, err, out)
	}
	return program
}

// Command prepares a program for Windows, in a folder, with further variables.
func (w *Wine) Command(ctx context.Context, dir, program string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "wine", append([]string{program}, args...)...)
	cmd.Dir, cmd.Env = dir, w.env()
	cmd.WaitDelay = time.Minute // Wine's own processes may hold the output
	return cmd
}

// Path is the path of a file as programs for Windows write it.
func Path(file string) string { return "Z:" + strings.ReplaceAll(file, "/", `\`) }

// Left are the command lines of processes of the installation.
func (w *Wine) Left(tb testing.TB) []string {
	tb.Helper()
	environs, err := filepath.Glob("/proc/[0-9]*/environ")
	if err != nil {
		tb.Fatal(err)
	}
	var left []string
	for _, file := range environs {
		data, err := os.ReadFile(file) //nolint:gosec // of the system
		if err != nil || !bytes.Contains(append([]byte{0}, data...), []byte("\x00WINEPREFIX="+w.prefix()+"\x00")) {
			continue
		}
		line, err := os.ReadFile(filepath.Join(filepath.Dir(file), "cmdline")) //nolint:gosec // of the system
		if text := strings.Trim(strings.ReplaceAll(string(line), "\x00", " "), " "); err == nil && text != "" && !strings.HasPrefix(text, "go ") {
			left = append(left, text)
		}
	}
	return left
}

func write(tb testing.TB, name, text string) {
	tb.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil { //nolint:gosec // a folder of the test
		tb.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		tb.Fatal(err)
	}
}

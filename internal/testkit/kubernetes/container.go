package kubernetes

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
)

// Image is what an image holds.
type Image struct {
	// Scratch: there is nothing but what stands below. Otherwise the folders of this machine
	// are there too, as they are; /tmp is empty.
	Scratch bool
	// Files are files and folders of this machine, by their paths in the image. They cannot
	// be written to.
	Files map[string]string
	// Copies are folders of this machine, by their paths in the image. Each container has
	// its own copy.
	Copies map[string]string
	// Entrypoint, Cmd, Env and WorkDir are as in an image. User is its number; zero: root.
	Entrypoint, Cmd, Env []string
	WorkDir              string
	User                 int
	// Play runs the container in the program of the test, and no process: for pods by the
	// thousand. It returns the exit status.
	Play func(Played) int32
}

// Played is what a played container sees.
type Played struct {
	Argv []string
	Env  map[string]string
	Log  io.Writer
	// Dir is an empty folder of this machine.
	Dir   string
	binds []bind
}

// Path is where a volume's file is on this machine; "" if no volume has the path.
func (p Played) Path(inside string) string {
	found, longest := "", 0
	for _, b := range p.binds {
		if rest, ok := strings.CutPrefix(inside, b.Target); ok && (rest == "" || rest[0] == '/') && len(b.Target) > longest {
			found, longest = b.Source+rest, len(b.Target)
		}
	}
	return found
}

// launch is what a container's first process is told.
type launch struct {
	Root    string // an empty folder
	Scratch bool
	Binds   []bind
	Copies  []bind
	Argv    []string
	Env     []string
	Dir     string
	// User is who runs it; it has no effect where the test does not run as root. ReadOnly: only volumes can be written to.
	User     int
	ReadOnly bool

	play func(Played) int32
}

// bind shows a file or folder of the machine at a path of the container.
type bind struct {
	Source, Target string
	ReadOnly       bool
	// Own: mounts may be made in it, as in an emptyDir.
	Own bool
}

// containerName is argument 0 of a container's first process, until it is the command's.
const containerName = "e2e-gate-testkit-container"

// The program of the test is each container's first process, too.
func init() {
	if len(os.Args) == 2 && os.Args[0] == containerName {
		err := contain(os.Args[1])
		fmt.Fprint(os.NewFile(3, "error"), err)
		os.Exit(128)
	}
}

// contain turns this process into a container's. It returns only if it cannot.
func contain(file string) error {
	syscall.CloseOnExec(3)
	data, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var l launch
	if err := json.Unmarshal(data, &l); err != nil {
		return err
	}
	if err := syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("mounts: %w", err)
	}
	t := &tree{root: l.Root, own: map[string]bool{"/": true}}
	if err := t.fill(l); err != nil {
		return err
	}
	if err := t.enter(); err != nil {
		return err
	}
	if l.ReadOnly {
		if err := syscall.Mount("", "/", "", syscall.MS_BIND|syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
			return fmt.Errorf("make the root read-only: %w", err)
		}
	}
	if l.User != 0 {
		if err := errors.Join(syscall.Setgroups(nil), syscall.Setgid(l.User), syscall.Setuid(l.User)); err != nil {
			return fmt.Errorf("become user %d: %w", l.User, err)
		}
	}
	if err := os.Chdir(l.Dir); err != nil {
		return err
	}
	os.Clearenv()
	for _, kv := range l.Env {
		name, value, _ := strings.Cut(kv, "=")
		os.Setenv(name, value) //nolint:errcheck,gosec // a name that cannot be set is not there
	}
	program, err := exec.LookPath(l.Argv[0])
	if err != nil {
		return err
	}
	return fmt.Errorf("exec %s: %w", program, syscall.Exec(program, l.Argv, l.Env)) //nolint:gosec // the pod's command
}

// tree is the file system of a container while it is made, below root. own are its folders
// that hold nothing of the machine's, so that something can be made there.
type tree struct {
	root string
	own  map[string]bool
}

func (t *tree) at(target string) string { return filepath.Join(t.root, target) }

func (t *tree) fill(l launch) error {
	if err := syscall.Mount("tmpfs", t.root, "tmpfs", 0, "mode=755"); err != nil {
		return fmt.Errorf("mount the root: %w", err)
	}
	if !l.Scratch {
		if err := t.show("/", "/", "proc", "tmp"); err != nil {
			return err
		}
		if err := t.folder("/tmp"); err != nil {
			return err
		}
		if err := os.Chmod(t.at("/tmp"), 0o777|os.ModeSticky); err != nil {
			return err
		}
	} else if err := t.bind(bind{Source: "/dev", Target: "/dev"}); err != nil {
		return err
	}
	if err := t.folder("/proc"); err != nil {
		return err
	}
	for _, c := range l.Copies {
		if err := t.folder(c.Target); err != nil {
			return err
		}
		if err := os.CopyFS(t.at(c.Target), os.DirFS(c.Source)); err != nil {
			return fmt.Errorf("copy %s: %w", c.Target, err)
		}
	}
	if err := t.folder(l.Dir); err != nil { // as runtimes do
		return err
	}
	slices.SortFunc(l.Binds, func(a, b bind) int { return strings.Compare(a.Target, b.Target) })
	for _, b := range l.Binds {
		if err := t.bind(b); err != nil {
			return err
		}
	}
	return nil
}

// show makes the entries of a folder of the machine visible in a folder of ours.
func (t *tree) show(source, target string, but ...string) error {
	entries, err := os.ReadDir(source)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if slices.Contains(but, e.Name()) {
			continue
		}
		from, to := path.Join(source, e.Name()), path.Join(target, e.Name())
		if e.Type()&os.ModeSymlink != 0 {
			link, err := os.Readlink(from)
			if err != nil {
				return err
			}
			if err := os.Symlink(link, t.at(to)); err != nil {
				return err
			}
			continue
		}
		if err := t.bind(bind{Source: from, Target: to}); err != nil && !errors.Is(err, os.ErrNotExist) && !errors.Is(err, os.ErrPermission) {
			return err
		}
	}
	return nil
}

// resolve follows the links of a path within the tree: an absolute one starts at its root,
// not at the machine's.
func (t *tree) resolve(target string) (string, error) {
	at := "/"
	parts := strings.Split(strings.Trim(path.Clean(target), "/"), "/")
	for followed := 0; len(parts) > 0; {
		part := parts[0]
		parts = parts[1:]
		link, err := os.Readlink(t.at(path.Join(at, part)))
		if err != nil {
			at = path.Join(at, part)
			continue
		}
		if followed++; followed > 40 {
			return "", fmt.Errorf("%s: too many links", target)
		}
		if path.IsAbs(link) {
			at = "/"
		}
		parts = append(strings.Split(strings.Trim(link, "/"), "/"), parts...)
	}
	return at, nil
}

func (t *tree) bind(b bind) error {
	info, err := os.Stat(b.Source)
	if err != nil {
		return err
	}
	target, err := t.resolve(b.Target)
	if err != nil {
		return err
	}
	if err := t.folder(path.Dir(target)); err != nil {
		return err
	}
	if _, err := os.Lstat(t.at(target)); err != nil {
		if err := t.writable(path.Dir(target)); err != nil {
			return err
		}
		if info.IsDir() {
			err = os.Mkdir(t.at(target), 0o755)
		} else {
			err = os.WriteFile(t.at(target), nil, 0o644)
		}
		if err != nil {
			return err
		}
	}
	if err := syscall.Mount(b.Source, t.at(target), "", syscall.MS_BIND|syscall.MS_REC, ""); err != nil {
		return fmt.Errorf("mount %s: %w", target, err)
	}
	t.own[target] = b.Own
	if b.ReadOnly {
		if err := syscall.Mount("", t.at(target), "", syscall.MS_BIND|syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
			return fmt.Errorf("mount %s read-only: %w", target, err)
		}
	}
	return nil
}

// folder makes a folder and those above it, where they are missing.
func (t *tree) folder(target string) error {
	target, err := t.resolve(target)
	if err != nil {
		return err
	}
	if info, err := os.Stat(t.at(target)); err == nil && info.IsDir() {
		return nil
	}
	if err := t.folder(path.Dir(target)); err != nil {
		return err
	}
	if err := t.writable(path.Dir(target)); err != nil {
		return err
	}
	t.own[target] = true
	return os.Mkdir(t.at(target), 0o755)
}

// writable turns a folder of the machine into one of ours that shows the same.
func (t *tree) writable(target string) error {
	if t.own[target] {
		return nil
	}
	before, err := os.Open(t.at(target))
	if err != nil {
		return err
	}
	defer before.Close() //nolint:errcheck // a folder
	if err := syscall.Mount("tmpfs", t.at(target), "tmpfs", 0, "mode=755"); err != nil {
		return fmt.Errorf("mount over %s: %w", target, err)
	}
	t.own[target] = true
	return t.show(fmt.Sprintf("/proc/self/fd/%d", before.Fd()), target)
}

// enter makes the tree the root.
func (t *tree) enter() error {
	// The new processes' own view: mounted before the machine's is gone.
	if err := syscall.Mount("proc", t.at("/proc"), "proc", 0, ""); err != nil {
		return fmt.Errorf("mount /proc: %w", err)
	}
	if err := os.Chdir(t.root); err != nil {
		return err
	}
	if err := syscall.PivotRoot(".", "."); err != nil {
		return fmt.Errorf("change the root: %w", err)
	}
	if err := syscall.Unmount(".", syscall.MNT_DETACH); err != nil {
		return fmt.Errorf("leave the machine's root: %w", err)
	}
	return os.Chdir("/")
}

// process is a running container.
type process struct {
	cmd   *exec.Cmd
	fault *os.File
	log   *logFile
	// played gives the exit status of a container without a process.
	played chan int32
}

// signal sends a signal; what is played ends by itself, at once.
func (p *process) signal(s os.Signal) error {
	if p.played != nil {
		return nil
	}
	return p.cmd.Process.Signal(s)
}

// starter starts processes on one thread that never ends, because a process that is to end
// with its parent ends with the parent's thread.
var starter = sync.OnceValue(func() chan func() {
	work := make(chan func())
	go func() {
		runtime.LockOSThread()
		for f := range work {
			f()
		}
	}()
	return work
})

// start runs a container; dir is an empty folder of its own.
func (l launch) start(dir string, log *logFile) (*process, error) {
	if l.play != nil {
		p := &process{log: log, played: make(chan int32, 1)}
		go func() { p.played <- l.play(l.seen(dir, log)) }()
		return p, nil
	}
	l.Root = filepath.Join(dir, "root")
	if os.Getuid() != 0 {
		l.User = 0 // its user namespace has one user
	}
	if err := os.MkdirAll(l.Root, 0o755); err != nil {
		return nil, err
	}
	data, err := json.Marshal(l)
	if err != nil {
		return nil, err
	}
	file := filepath.Join(dir, "launch.json")
	if err := os.WriteFile(file, data, 0o600); err != nil {
		return nil, err
	}
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	p := &process{fault: r, log: log}
	p.cmd = &exec.Cmd{Path: "/proc/self/exe", Args: []string{containerName, file}, Stdout: log, Stderr: log, ExtraFiles: []*os.File{w},
		SysProcAttr: &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGKILL, Cloneflags: syscall.CLONE_NEWNS | syscall.CLONE_NEWPID}}
	if os.Getuid() != 0 {
		p.cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		p.cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}}
		p.cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}}
	}
	done := make(chan struct{})
	starter() <- func() {
		err = p.cmd.Start()
		close(done)
	}
	<-done
	w.Close() //nolint:errcheck,gosec // the child has it
	if err != nil {
		r.Close() //nolint:errcheck,gosec // nothing was read
		return nil, err
	}
	return p, nil
}

// seen is what a played container sees.
func (l launch) seen(dir string, log io.Writer) Played {
	p := Played{Argv: l.Argv, Env: map[string]string{}, Log: log, Dir: dir, binds: l.Binds}
	for _, kv := range l.Env {
		name, value, _ := strings.Cut(kv, "=")
		p.Env[name] = value
	}
	return p
}

// wait waits for the end of the container, and says how it ended as container runtimes do;
// fault says why it did not start.
func (p *process) wait() (code int32, fault string) {
	if p.played != nil {
		code := <-p.played
		p.log.end()
		return code, ""
	}
	text, _ := io.ReadAll(p.fault)
	p.fault.Close() //nolint:errcheck,gosec // read to its end
	err := p.cmd.Wait()
	p.log.end()
	exit := (*exec.ExitError)(nil)
	switch {
	case len(text) > 0:
		return 128, string(text)
	case err == nil:
		return 0, ""
	case !errors.As(err, &exit):
		return 128, err.Error()
	}
	if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return 128 + int32(status.Signal()), "" //nolint:gosec // a signal's number
	}
	return int32(exit.ExitCode()), "" //nolint:gosec // at most 255
}

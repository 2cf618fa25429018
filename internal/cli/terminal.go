package cli

import (
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/term"

	"github.com/org/e2e-gate/internal/adapter/actions"
	"github.com/org/e2e-gate/internal/report"
	"github.com/org/e2e-gate/internal/safetext"
)

// console shows progress on stderr: as a region on a terminal, folded in GitHub's
// log, else as lines.
func (a *App) console(redact *safetext.Redactor) *report.Console {
	o := report.ConsoleOptions{Out: a.Stderr, Colour: a.colour(a.Stderr), Folded: actions.Detect(a.getenv), Redact: redact, Now: a.Now}
	if a.terminal(a.Stderr) > 0 {
		o.Size = func() (width, height int) { return a.terminal(a.Stderr), a.height(a.Stderr) }
	}
	c := report.NewConsole(o)
	a.consoles = append(a.consoles, c)
	return c
}

// settle shows what consoles still have to show, also where a command ended early: its error comes after that.
func (a *App) settle() {
	for _, c := range a.consoles {
		c.Done()
	}
}

// terminal returns the width of the terminal that w writes to, or 0.
func (a *App) terminal(w io.Writer) int {
	f, ok := w.(*os.File)
	// A runner may give its steps a terminal, but its log is not one.
	if !ok || a.getenv("TERM") == "dumb" || a.getenv("TERM") == "" && runtime.GOOS != "windows" || actions.Detect(a.getenv) {
		return 0
	}
	return terminalWidth(int(f.Fd()))
}

// height of the terminal that w writes to, or 0.
func (a *App) height(w io.Writer) int {
	if f, ok := w.(*os.File); ok && a.terminal(w) > 0 {
		return terminalHeight(int(f.Fd()))
	}
	return 0
}

func (a *App) colour(w io.Writer) bool { return a.terminal(w) > 0 && a.getenv("NO_COLOR") == "" }

// links are the folders by which the terminal of the standard output opens files; nil where it is not known to have links: one that
// has none may show their addresses as garbage. FORCE_HYPERLINK=1 and 0 decide, as for other tools.
func (a *App) links(root, out string) *report.TerminalLinks {
	force := a.getenv("FORCE_HYPERLINK")
	if a.terminal(a.Stdout) == 0 || force == "0" || force == "" && !hasLinks(a.getenv) {
		return nil
	}
	root, rootErr := filepath.Abs(root)
	out, outErr := filepath.Abs(out)
	if rootErr != nil || outErr != nil {
		return nil
	}
	return &report.TerminalLinks{Root: root, Out: out}
}

// hasLinks reports whether the environment is that of a terminal that has links by OSC 8.
func hasLinks(getenv func(string) string) bool {
	if vte, err := strconv.Atoi(getenv("VTE_VERSION")); err == nil && vte >= 5000 {
		return true
	}
	term := getenv("TERM")
	return slices.Contains([]string{"iTerm.app", "WezTerm", "vscode", "ghostty", "Hyper", "rio"}, getenv("TERM_PROGRAM")) || getenv("WT_SESSION") != "" ||
		getenv("KONSOLE_VERSION") != "" || strings.HasPrefix(term, "xterm-kitty") || strings.HasPrefix(term, "foot") || strings.HasPrefix(term, "alacritty")
}

// terminalWidth is the width in columns, or 0 where fd is no terminal.
func terminalWidth(fd int) int {
	if !term.IsTerminal(fd) {
		return 0
	}
	if width, _, err := term.GetSize(fd); err == nil && width > 0 {
		return width
	}
	return 80
}

// terminalHeight is the height in lines, or 0 where it is not known.
func terminalHeight(fd int) int {
	_, height, err := term.GetSize(fd)
	if err != nil {
		return 0
	}
	return height
}

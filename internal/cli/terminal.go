package cli

import (
	"golang.org/x/term"

	"github.com/org/e2e-gate/internal/safetext"
)

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

// safeLine makes a message fit for a terminal and a runner's log.
func safeLine(s string) string { return safetext.LogLine(s, 4<<10) }

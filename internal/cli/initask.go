package cli

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/term"
)

// interactive reports whether a person at a terminal can be asked.
func (a *App) interactive() bool {
	in, ok := a.Stdin.(*os.File)
	return ok && a.getenv("CI") == "" && term.IsTerminal(int(in.Fd())) && a.terminal(a.Stdout) > 0
}

// maxQuestions is how often a person is asked.
const maxQuestions = 3

// ask asks which of n suites to take; nil means all.
func ask(in io.Reader, out io.Writer, n int) ([]int, error) {
	lines := bufio.NewScanner(in)
	for range maxQuestions {
		_, _ = fmt.Fprintf(out, "\nWhich ones? Numbers, such as 1 or 1 3, or all: ")
		if !lines.Scan() {
			break
		}
		picked, all, err := numbers(lines.Text(), n)
		if err == nil && (all || len(picked) > 0) {
			return picked, nil
		}
		if err != nil {
			_, _ = fmt.Fprintln(out, safeLine(err.Error()))
		}
	}
	return nil, usage("no suite was chosen; choose with --dir FOLDER and --framework NAME, or take all with --yes")
}

// numbers reads an answer.
func numbers(line string, n int) (picked []int, all bool, err error) {
	for _, word := range strings.FieldsFunc(line, func(r rune) bool { return r == ' ' || r == ',' || r == '\t' || r == '\r' }) {
		if strings.EqualFold(word, "all") {
			return nil, true, nil
		}
		i, err := strconv.Atoi(word)
		if err != nil || i < 1 || i > n {
			return nil, false, fmt.Errorf("%q: expected numbers from 1 to %d, or all", word, n)
		}
		if !slices.Contains(picked, i-1) {
			picked = append(picked, i-1)
		}
	}
	return picked, false, nil
}

package cli

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/org/e2e-gate/internal/pipeline"
	"github.com/org/e2e-gate/internal/report"
	"github.com/org/e2e-gate/internal/workspace"
)

type showCmd struct {
	Which string `arg:"" optional:"" name:"run" help:"Id of a run, or its folder or result.json. Default: the newest run below .e2e-gate/runs."`
	Test  string `arg:"" optional:"" help:"Id of a test, or a unique part of it. It may stand alone: then it is a test of the newest run."`
}

// Help is shown by show --help.
func (showCmd) Help() string {
	return "Examples:\n  e2e-gate show\n  e2e-gate show TestSubmit\n  e2e-gate show ./downloaded-artifact TestSubmit"
}

// Run prints what a run printed at its end, or all of one test.
func (c showCmd) Run(ctx context.Context, a *App) error {
	top, err := root()
	if err != nil {
		return err
	}
	file, test := c.find(top)
	if file == "" {
		if file, err = (explainCmd{}).file(ctx, a); err != nil {
			return err
		}
	} else if err := a.ownDocument(ctx, top, file); err != nil {
		return err
	}
	r, err := pipeline.ReadResult(file, maxResult)
	if err != nil {
		return usage("%w; name a run, its folder, or its result.json", err)
	}
	o := report.FinalOptions{Width: a.terminal(a.Stdout), Colour: a.colour(a.Stdout), Out: (&setup{app: a}).shown(filepath.Dir(file)),
		Document: filepath.Base(file), Links: a.links(top, filepath.Dir(file))}
	text := ""
	if test == "" {
		text = report.Final(*r, o)
	} else {
		id, err := findTest(*r, test)
		if err != nil {
			return usageError{err}
		}
		text, _ = report.FinalTest(*r, id, o)
	}
	_, err = fmt.Fprint(a.Stdout, text)
	return err
}

// find takes the arguments apart: the result of the run that the first one names, and the test. Without a run, the
// first one is the test.
func (c showCmd) find(top string) (file, test string) {
	if c.Which == "" {
		return "", ""
	}
	for _, at := range []string{c.Which, filepath.Join(c.Which, "result.json"), filepath.Join(top, workspace.Name, "runs", c.Which, "result.json")} {
		if info, err := os.Stat(at); err == nil && info.Mode().IsRegular() {
			return at, c.Test
		}
	}
	if c.Test == "" {
		return "", c.Which
	}
	return c.Which, c.Test // reading it says what is wrong
}

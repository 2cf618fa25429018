package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/pipeline"
	"github.com/org/e2e-gate/internal/report"
)

type explainCmd struct {
	Test   string `arg:"" optional:"" help:"Id of a test, or a unique part of it. With --for agent it may be left out: then all causes are explained."`
	Result string `help:"result.json of a run. Default: the newest below .e2e-gate/runs." placeholder:"FILE" type:"path"`
	Format string `help:"Output: text or json." enum:"text,json" default:"text"`
	For    string `help:"Reader: a person, or an agent: one text of at most 8 kB for each cause, in which what tests wrote is marked as data." enum:"person,agent" default:"person"`
}

// Help is shown by explain --help.
func (explainCmd) Help() string {
	return "Examples:\n  e2e-gate explain TestSubmit --result out/result.json\n  e2e-gate explain --for agent"
}

// Run explains the outcome and the effect of a test.
func (c explainCmd) Run(ctx context.Context, a *App) error {
	if c.Test == "" && c.For != "agent" {
		return usage("name a test to explain, or give --for agent; e2e-gate show has the whole run")
	}
	file, err := c.file(ctx, a)
	if err != nil {
		return err
	}
	r, err := pipeline.ReadResult(file, maxResult)
	if err != nil {
		return usage("%w; give --result the result.json of a run", err)
	}
	id := ""
	if c.Test != "" || c.For != "agent" {
		if id, err = findTest(*r, c.Test); err != nil {
			return usageError{err}
		}
	}
	if c.For == "agent" {
		return c.agent(a, *r, id)
	}
	e, _ := report.Explain(*r, id)
	if c.Format == "json" {
		return a.printJSON(e)
	}
	_, err = fmt.Fprint(a.Stdout, e.Text(a.terminal(a.Stdout), a.colour(a.Stdout)))
	return err
}

// agent prints the causes, one after another.
func (c explainCmd) agent(a *App, r e2e.Result, id string) error {
	texts := report.ForAgent(r, id)
	if c.Format == "json" {
		return a.printJSON(texts)
	}
	text := strings.Join(texts, "\n")
	if text == "" {
		text = "nothing needs attention\n"
	}
	_, err := fmt.Fprint(a.Stdout, text)
	return err
}

// file is the result to read. Run ids start with the time, so the last one is the newest.
func (c explainCmd) file(ctx context.Context, a *App) (string, error) {
	top, err := root()
	if err != nil {
		return "", err
	}
	if c.Result != "" {
		return c.Result, a.ownDocument(ctx, top, c.Result)
	}
	for file := range a.newestResults(ctx, top) {
		if r, err := pipeline.ReadResult(file, maxResult); err == nil && len(r.Tests) == 0 {
			continue // a run that came to no test explains none
		}
		return file, nil
	}
	return "", usage("no run found below .e2e-gate/runs; give --result the result.json of a run")
}

// maxResult bounds a result that is read, in bytes.
const maxResult = 256 << 20

// findTest finds a test's id: the exact one, else the only one with that name, else the
// only one that contains the text.
func findTest(r e2e.Result, text string) (string, error) {
	var named, holding []string
	for _, t := range r.Tests {
		switch {
		case t.ID == text:
			return t.ID, nil
		case strings.HasSuffix(t.ID, "::"+text):
			named = append(named, t.ID)
		case strings.Contains(t.ID, text):
			holding = append(holding, t.ID)
		}
	}
	for _, list := range [][]string{named, holding} {
		if len(list) == 1 {
			return list[0], nil
		}
		if len(list) > 1 {
			return "", fmt.Errorf("%q matches %d tests; give more of the id: %s", text, len(list), strings.Join(list[:min(len(list), 5)], ", "))
		}
	}
	return "", fmt.Errorf("none of the %[2]d tests of the result matches %[1]q; look up the id in result.json", text, len(r.Tests))
}

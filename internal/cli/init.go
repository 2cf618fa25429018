package cli

import (
	_ "embed"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"text/tabwriter"
	"text/template"

	"github.com/org/e2e-gate/internal/suite"
)

// firstWorkflow is the first block of docs/workflows.md.
//
//go:embed templates/e2e.yml
var firstWorkflow string

//go:embed templates/e2e-gate.yml
var configTemplate string

const (
	configPath   = ".github/e2e-gate.yml"
	workflowPath = ".github/workflows/e2e.yml"
	// requiredCheck is the name of the job in firstWorkflow.
	requiredCheck = "e2e gate"
)

type initCmd struct {
	DryRun bool `help:"Print what would be written, without writing it."`
	Force  bool `help:"Replace existing files."`
}

// Help is shown by init --help.
func (initCmd) Help() string {
	return "Example: e2e-gate init --dry-run\nLooks for test suites in the repository and writes " + configPath + " and " + workflowPath +
		".\nExit status: 2 if it found no suite, else 0."
}

// Run writes a first config and workflow.
func (c initCmd) Run(a *App) error {
	top, err := root()
	if err != nil {
		return err
	}
	found := suite.Detect(top)
	if len(found) == 0 {
		return usage("no known test suite found; init looks for\n  %s\nAnything that writes JUnit XML runs as framework: command, see docs/config.md",
			strings.Join(suite.Signs(), "\n  "))
	}
	text, err := firstConfig(found)
	if err != nil {
		return err
	}
	a.printFound(found)
	for _, f := range []struct{ path, text string }{{configPath, text}, {workflowPath, firstWorkflow}} {
		if err := c.write(a, top, f.path, f.text); err != nil {
			return err
		}
	}
	a.printNext()
	return nil
}

// firstConfig is the text of a config, which is checked as any other.
func firstConfig(found []suite.Detected) (string, error) {
	var text strings.Builder
	tmpl, err := template.New("config").Funcs(template.FuncMap{"quote": strconv.Quote, "why": why}).Parse(configTemplate)
	if err == nil {
		err = tmpl.Execute(&text, found)
	}
	if err != nil {
		return "", fmt.Errorf("write a config: %w", err)
	}
	return text.String(), nil
}

// why names the files that a suite was found by, in one line whatever they are called.
func why(d suite.Detected) string {
	text := strings.Join(d.Files[:min(len(d.Files), 2)], ", ")
	if more := len(d.Files) - 2; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return safeLine(text)
}

// write writes a file, or prints why not and what it would have written.
func (c initCmd) write(a *App, top, path, text string) error {
	file := filepath.Join(top, filepath.FromSlash(path))
	_, err := os.Lstat(file)
	exists := err == nil
	switch {
	case c.DryRun, exists && !c.Force:
		what := "would write " + path
		if exists && !c.Force {
			what = path + " exists and is not changed; with --force it would become"
		}
		_, _ = fmt.Fprintf(a.Stdout, "%s:\n\n%s\n", what, text)
		return nil
	case exists && os.Remove(file) != nil: // rather than write through a link
		return usage("%s cannot be replaced; remove it", path)
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	_, _ = fmt.Fprintf(a.Stdout, "wrote %s\n", path)
	return nil
}

func (a *App) printFound(found []suite.Detected) {
	tw := tabwriter.NewWriter(a.Stdout, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(tw, "SUITE\tFRAMEWORK\tDIR\tFOUND BY")
	for _, d := range found {
		_, _ = fmt.Fprintf(tw, "%s\t%s\t%s\t%s\n", safeLine(d.Spec.Name), d.Spec.Framework, safeLine(filepath.ToSlash(filepath.Clean("./"+d.Spec.Dir))), why(d))
	}
	_ = tw.Flush()
	_, _ = fmt.Fprintln(a.Stdout)
}

func (a *App) printNext() {
	_, _ = fmt.Fprintf(a.Stdout, `
Next:
  e2e-gate lint   checks the config
  e2e-gate plan   lists the tests and runs none
  e2e-gate run    runs them here
Give the workflow what your suites need (toolchains, API_URL), commit both files, and require the check %q
in a ruleset. The stages main and nightly need a workflow of their own: see docs/workflows.md.
`, requiredCheck)
}

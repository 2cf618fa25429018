//go:build unix

package cli

import (
	"fmt"
	"strings"
	"testing"

	"github.com/alecthomas/kong"

	"github.com/org/e2e-gate/internal/testkit/golden"
)

// commandsDoc is written from the flags in the code.
const commandsDoc = "../../docs/commands.md"

func TestCommandsDoc(t *testing.T) {
	var c commands
	parser := kong.Must(&c, kong.Name("e2e-gate"))
	var b strings.Builder
	b.WriteString("# Commands\n\n<!-- generated from internal/cli by UPDATE_GOLDEN=1 go test ./internal/cli -run CommandsDoc -->\n\n" +
		"Data goes to stdout, progress and diagnostics to stderr. Exit statuses: 0 passed, 1 blocked, 2 usage, 3 not judged ([verdict](verdict.md)).\n" +
		"A config is `.github/e2e-gate.yml`, else `e2e-gate.yml`, else what `--config` names.\n")
	for _, node := range parser.Model.Children {
		if !node.Hidden {
			commandDoc(&b, node)
		}
	}
	golden.File(t, commandsDoc, b.String())
}

// commandDoc writes a command, or the commands below it.
func commandDoc(b *strings.Builder, node *kong.Node) {
	if len(node.Children) > 0 {
		for _, child := range node.Children {
			commandDoc(b, child)
		}
		return
	}
	name := strings.TrimPrefix(node.FullPath(), "e2e-gate ")
	fmt.Fprintf(b, "\n## %s\n\n%s\n", name, golden.Cell(node.Help))
	for _, line := range strings.Split(node.Detail, "\n") {
		if example, ok := strings.CutPrefix(line, "Example: "); ok {
			fmt.Fprintf(b, "\n    %s\n", example)
		} else if example, ok := strings.CutPrefix(line, "  "); ok {
			fmt.Fprintf(b, "\n    %s\n", example)
		} else if line != "" && line != "Examples:" {
			fmt.Fprintf(b, "\n%s\n", golden.Cell(line))
		}
	}
	if len(node.Positional)+len(node.Flags) == 0 {
		return
	}
	b.WriteString("\n| argument or flag | default | |\n|---|---|---|\n")
	for _, p := range node.Positional {
		fmt.Fprintf(b, "| `%s` | | %s |\n", p.Summary(), golden.Cell(p.Help))
	}
	for _, f := range node.Flags {
		if f.Name == "help" || f.Hidden {
			continue
		}
		value, fallback := "", ""
		if !f.IsBool() {
			value = "=" + strings.Trim(f.FormatPlaceHolder(), `"`)
		}
		if f.HasDefault && f.Default != "" {
			value, fallback = strings.TrimSuffix(value, "="+f.Default), "`"+f.Default+"`"
		}
		fmt.Fprintf(b, "| `--%s%s` | %s | %s |\n", f.Name, strings.ReplaceAll(value, "|", "\\|"), fallback, golden.Cell(f.Help))
	}
}

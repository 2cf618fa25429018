package cli

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/pipeline"
	"github.com/org/e2e-gate/internal/report"
	"github.com/org/e2e-gate/internal/safetext"
)

// show prints a result; document is the written file, if it is not result.json.
func (s *setup) show(format string, session *pipeline.Session, r e2e.Result, document string) error {
	if format == "json" {
		s.app.terminationMessage(report.HeadlineOf(s.forPeople(r)).Text("-"))
		return s.json(r)
	}
	s.app.terminationMessage(report.HeadlineOf(s.forPeople(r)).Text("-"))
	text := report.Final(s.forPeople(r), report.FinalOptions{
		Width: s.app.terminal(s.app.Stdout), Colour: s.app.colour(s.app.Stdout), Out: s.shown(session.Out()), Document: document,
		Part: s.part, Links: s.app.links(s.root, session.Out()),
	})
	_, err := fmt.Fprint(s.app.Stdout, text)
	return err
}

// json prints a document without secrets.
func (s *setup) json(v any) error {
	data, err := json.MarshalIndent(safetext.Redacted(s.redact, v), "", "  ")
	if err != nil {
		return err
	}
	_, err = s.app.Stdout.Write(append(data, '\n'))
	return err
}

// shown is a path as a person would type it.
func (s *setup) shown(path string) string {
	if wd, err := os.Getwd(); err == nil {
		if rel, err := filepath.Rel(wd, path); err == nil && filepath.IsLocal(rel) {
			return filepath.ToSlash(rel)
		}
	}
	return path
}

// printJSON prints what holds no secrets.
func (a *App) printJSON(v any) error {
	out := json.NewEncoder(a.Stdout)
	out.SetEscapeHTML(false)
	out.SetIndent("", "  ")
	return out.Encode(v)
}

// safeLine makes a message fit for a terminal and a runner's log.
func safeLine(s string) string { return safetext.LogLine(s, 4<<10) }

// listed are names in one cell of a table.
func listed(list []string) string {
	if len(list) == 0 {
		return "-"
	}
	return strings.Join(list, ", ")
}

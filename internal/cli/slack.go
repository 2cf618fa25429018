package cli

import (
	"errors"
	"os"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/report"
)

// writeSlack writes the result as a message that another step sends: the gate knows no
// address of Slack's.
func (s *setup) writeSlack(file string, r e2e.Result) {
	if file == "" {
		return
	}
	channels := map[string]string{}
	for _, j := range s.config.Journeys {
		if j.Channel != "" {
			channels[j.Name] = j.Channel
		}
	}
	data, err := report.Slack(r, report.SlackOptions{Channels: channels})
	if err == nil {
		err = os.WriteFile(file, s.redact.JSON(data), 0o644) //nolint:gosec // for later steps
	}
	if err != nil {
		// Not one of an earlier run either.
		s.said(errors.Join(err, removed(file)))
	}
}

package cli

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/policy"
	"github.com/org/e2e-gate/internal/report"
	"github.com/org/e2e-gate/internal/safetext"
	"github.com/org/e2e-gate/internal/statement"
)

// policyDigest is the SHA-256 of the effective policy and quarantine, which on a pull
// request are the base's.
func policyDigest(effective policy.Policy, quarantine policy.Quarantine) string {
	data, err := json.Marshal(map[string]any{"policy": effective.Cells(), "quarantine": quarantine})
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// writeStatement writes the verdict as an in-toto statement, to be signed.
func (s *setup) writeStatement(file string, r e2e.Result) {
	if file == "" {
		return
	}
	st, err := statement.Of(r, s.policyDigest)
	if err == nil {
		var data []byte
		if data, err = json.MarshalIndent(safetext.Redacted(s.redact, st), "", "  "); err == nil {
			err = os.WriteFile(file, append(data, '\n'), 0o644) //nolint:gosec // for later steps, and public
		}
	}
	if err != nil {
		// Also remove a stale file of an earlier run.
		s.journal.Failed(errors.Join(err, removeFile(file)))
	}
}

func removeFile(file string) error {
	if err := os.Remove(file); err != nil && !os.IsNotExist(err) {
		return err
	}
	return nil
}

// writeSlack writes the result as a Slack message. Another step sends it, so the gate needs
// no address of Slack.
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
	data, err := report.Slack(s.forPeople(r), report.SlackOptions{Channels: channels})
	if err == nil {
		err = os.WriteFile(file, data, 0o644) //nolint:gosec // for later steps
	}
	if err != nil {
		// Also remove a stale file of an earlier run.
		s.journal.Failed(errors.Join(err, removeFile(file)))
	}
}

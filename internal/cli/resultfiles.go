package cli

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/policy"
	"github.com/org/e2e-gate/internal/report"
	"github.com/org/e2e-gate/internal/safetext"
	"github.com/org/e2e-gate/internal/statement"
	"github.com/org/e2e-gate/internal/workspace"
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
//
// undone says why it was not written.
func (s *setup) writeStatement(file string, r e2e.Result) (undone []string) {
	if file == "" {
		return nil
	}
	st, err := statement.Of(r, s.policyDigest)
	if err == nil {
		var data []byte
		if data, err = json.MarshalIndent(safetext.Redacted(s.redact, st), "", "  "); err == nil {
			err = s.writeFile(file, append(data, '\n'))
		}
	}
	if err != nil {
		// Also remove a stale file of an earlier run.
		s.journal.Failed(errors.Join(err, removeFile(file)))
		return []string{"the statement (" + err.Error() + ")"}
	}
	return nil
}

// writeFile writes a file that the user named. In the checkout, which a change may have filled, a
// link of that name is replaced and not followed.
func (s *setup) writeFile(file string, data []byte) error {
	if abs, err := filepath.Abs(file); err == nil && s.root != "" {
		if rel, err := filepath.Rel(s.root, abs); err == nil && filepath.IsLocal(rel) {
			return workspace.ReplaceFile(abs, data)
		}
	}
	return os.WriteFile(file, data, 0o644) //nolint:gosec // for later steps
}

func removeFile(file string) error {
	if err := os.Remove(file); err != nil && !os.IsNotExist(err) {
		return err
	}
	return nil
}

// writeMetrics writes the result as OpenMetrics text. The file is whole at any time, since something may read it at any time.
func (s *setup) writeMetrics(file string, r e2e.Result) {
	if file == "" {
		return
	}
	data := []byte(report.Metrics(s.forPeople(r)))
	temp, err := os.CreateTemp(filepath.Dir(file), ".e2e-gate-*")
	if err == nil {
		_, err = temp.Write(data)
		err = errors.Join(err, temp.Chmod(0o644), temp.Close())
		if err == nil {
			err = os.Rename(temp.Name(), file)
		}
		if err != nil {
			_ = os.Remove(temp.Name())
		}
	}
	if err != nil {
		// Also remove a stale file of an earlier run.
		s.journal.Failed(errors.Join(fmt.Errorf("the metrics: %w", err), removeFile(file)))
	}
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
		err = s.writeFile(file, data)
	}
	if err != nil {
		// Also remove a stale file of an earlier run.
		s.journal.Failed(errors.Join(err, removeFile(file)))
	}
}

package history

import (
	"context"
	"errors"
	"fmt"
)

// BackupSource holds the records of workflow runs that a store may have lost.
type BackupSource interface {
	// Missing finds records of runs that are not known, within bounds of its own. It
	// reports itself what it cannot find: that only makes a plan worse.
	Missing(ctx context.Context, known func(workflowRun string) bool) []Found
}

// Found is a file that may be a record.
type Found struct {
	// WorkflowRun is the run that wrote it, according to a trusted source and not to
	// the record itself.
	WorkflowRun string
	// SHA is the commit of that run by the same source; empty: it does not say.
	SHA  string
	Data []byte
}

// repair reads records that the store has lost from the backups, and puts them back.
func (l *Log) repair(ctx context.Context, f *fold) (skipped []string) {
	if l.Backups == nil {
		return nil
	}
	for _, one := range l.Backups.Missing(ctx, func(run string) bool { return f.workflowRuns[run] }) {
		if err := l.takeBack(ctx, f, one); err != nil {
			skipped = append(skipped, fmt.Sprintf("a record of workflow run %s: %v", one.WorkflowRun, err))
		}
	}
	return skipped
}

// vouched reads a record of the default branch whose workflow run a trusted source named; ofSubjects, also one that tests of the default
// branch made of another commit. It must be freed.
func (l *Log) vouched(one Found, ofSubjects bool) (*unpacked, error) {
	if len(one.Data) > maxObject {
		return nil, fmt.Errorf("it is larger than %d MiB", maxObject>>20)
	}
	u, err := decodeEntries(one.Data)
	if err != nil {
		return nil, err
	}
	why, subject := l.refused(&u.record), ofSubjects && u.record.TestsSHA != ""
	tested := u.record.SHA
	if subject {
		tested = u.record.TestsSHA
	}
	switch {
	case u.record.WorkflowRun != one.WorkflowRun:
		why = "it names another workflow run"
	case one.SHA != "" && tested != one.SHA:
		why = "it names another commit than its workflow run has"
	case !u.record.Main && !subject:
		why = "it is not from the default branch"
	case why == "":
		return u, nil
	}
	u.free()
	return nil, errors.New(why)
}

func (l *Log) takeBack(ctx context.Context, f *fold, one Found) error {
	u, err := l.vouched(one, true)
	if err != nil {
		return err
	}
	defer u.free()
	// Name it after its content, not after the file.
	if name := recordName(u.record); !f.names[name] {
		f.addEntries(name, u)
		_ = l.Store.Put(ctx, name, one.Data) // the next reader would look elsewhere again
	}
	return nil
}

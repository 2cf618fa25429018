package history

import (
	"context"
	"errors"
	"fmt"
)

// BackupSource holds the records of workflow runs that a store may have lost.
type BackupSource interface {
	// Missing finds records of runs that are not known, within bounds of its own. What
	// it cannot find it says itself: that makes a plan worse and nothing else.
	Missing(ctx context.Context, known func(workflowRun string) bool) []Found
}

// Found is what may be a record.
type Found struct {
	// WorkflowRun is the run that left it, as somebody says who is to be believed.
	WorkflowRun string
	Data        []byte
}

// repair takes what the store has lost from elsewhere, and puts it back.
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

func (l *Log) takeBack(ctx context.Context, f *fold, one Found) error {
	if len(one.Data) > maxObject {
		return fmt.Errorf("it is larger than %d MiB", maxObject>>20)
	}
	u, err := decodeEntries(one.Data)
	if err != nil {
		return err
	}
	defer u.free()
	switch {
	case u.record.WorkflowRun != one.WorkflowRun:
		return errors.New("it names another workflow run")
	case !u.record.Main:
		return errors.New("it is not from the default branch")
	}
	// Its name is what it says it is, whatever it was called.
	if name := recordName(u.record); !f.names[name] {
		f.addEntries(name, u)
		_ = l.Store.Put(ctx, name, one.Data) // the next reader would look elsewhere again
	}
	return nil
}

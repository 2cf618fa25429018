package history

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
)

// Sealed is a store that can show that this job may not write it.
type Sealed interface {
	Store
	// Sealed is nil if the store refused a write of this job. Any other answer is an error: that it let the job write, or that it did
	// not say.
	Sealed(ctx context.Context) error
}

// Bounds of what is read of a sealed store.
const (
	maxSealed      = 200      // records, the newest
	maxSealedBytes = 64 << 20 // of all of them
)

// FoundIn reads the newest records of a store that this job may not write. Who may write it is up to its keeper, so what a record says of
// its own run counts. Records that cannot be read are left out, and faults says so.
func FoundIn(ctx context.Context, store Sealed) (found []Found, faults []string, err error) {
	if err := store.Sealed(ctx); err != nil {
		return nil, nil, err
	}
	list, err := store.List(ctx)
	if err != nil {
		return nil, nil, err
	}
	list = slices.DeleteFunc(list, func(o Object) bool { return !IsRecord(o.Name) })
	slices.SortFunc(list, func(a, b Object) int { return cmp.Compare(b.Name, a.Name) }) // a run's id begins with its time
	total := int64(0)
	for _, o := range list[:min(len(list), maxSealed)] {
		if total += o.Size; total > maxSealedBytes {
			break
		}
		data, err := store.Get(ctx, o.Name)
		if ctx.Err() != nil {
			return nil, nil, ctx.Err()
		}
		var u *unpacked
		if err == nil {
			if u, err = decodeEntries(data); err == nil && recordName(u.record) != o.Name {
				err = errors.New("it is the record of another run")
			}
		}
		if err != nil {
			faults = append(faults, fmt.Sprintf("%s: %v", o.Name, err))
			continue
		}
		if u.record.Main {
			found = append(found, Found{WorkflowRun: u.record.WorkflowRun, SHA: u.record.SHA, Data: data})
		}
		u.free()
	}
	return found, faults, nil
}

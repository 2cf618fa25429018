package history

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// MaxCached bounds a history that is copied after each run, in bytes. With the records of each run, fifty runs
// a day of 10,000 tests then take less than 50 MB.
const MaxCached = 850 << 10

// Shrink leaves nothing in the store but one snapshot, with as many runs of each test as fit into so
// many bytes, and at least one. It is for a store that is copied as a whole after each run and that nothing
// else uses meanwhile. The snapshot is read once before anything is deleted. What cannot be read is deleted
// too, except for what must not be read. After an error, the store is as it was, or has more than it needs.
func (l *Log) Shrink(ctx context.Context, limit int) error {
	objects, err := l.Store.List(ctx)
	if err != nil {
		return fmt.Errorf("shrink history: %w", err)
	}
	objects = slices.DeleteFunc(objects, func(o Object) bool { return o.Refused != "" })
	f, err := l.folded(ctx, objects)
	if err != nil || len(f.tests) == 0 {
		return err
	}
	data, err := l.fitting(f, limit)
	if err != nil {
		return fmt.Errorf("shrink history: %w", err)
	}
	sum := sha256.Sum256(data)
	name := fmt.Sprintf("%s%013d-%06d-%x%s", snapshotPrefix, l.now().UnixMilli(), len(f.workflowRuns), sum[:6], recordSuffix)
	if err := l.Store.Put(ctx, name, data); err != nil {
		return fmt.Errorf("shrink history: %w", err)
	}
	for _, o := range objects {
		if o.Name != name {
			err = errors.Join(err, l.Store.Delete(ctx, o.Name))
		}
	}
	return err
}

// folded reads what the store has.
func (l *Log) folded(ctx context.Context, objects []Object) (*fold, error) {
	var snapshots, records []Object
	for _, o := range objects {
		if IsRecord(o.Name) {
			records = append(records, o)
		} else {
			snapshots = append(snapshots, o)
		}
	}
	byName := func(a, b Object) int { return strings.Compare(a.Name, b.Name) }
	slices.SortFunc(snapshots, byName)
	slices.SortFunc(records, byName)
	f, _ := l.newest(ctx, snapshots)
	_ = l.records(ctx, slices.DeleteFunc(records, func(o Object) bool { return f.names[o.Name] }), f)
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("shrink history: %w", err)
	}
	f.trim()
	return f, nil
}

// fitting is the snapshot with the most runs that fits, or with one run of each test.
func (l *Log) fitting(f *fold, limit int) (data []byte, err error) {
	for most := samples; most > 0; {
		// Without names: no record stays that could be in it already.
		data, err = encodeSnapshot(f, nil, most, dense)
		switch {
		case errors.Is(err, errLarge):
			most /= 2
		case err != nil:
			return nil, err
		case len(data) <= limit || most == 1:
			_, err = decodeSnapshot(data, l.refused)
			return data, err
		default: // a little less than in proportion, because not all of it are samples
			most = max(1, min(most-1, int(int64(most)*int64(limit)/int64(len(data)))*9/10))
		}
	}
	return nil, err
}

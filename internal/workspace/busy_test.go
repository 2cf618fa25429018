package workspace

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

func TestPersist(t *testing.T) {
	held, broken := errors.New("held"), errors.New("broken")
	isHeld := func(err error) bool { return errors.Is(err, held) }
	for name, tc := range map[string]struct {
		errs  []error // of each try; the last one stays
		want  error
		tries int
	}{
		"at once":                {[]error{nil}, nil, 1},
		"held for a moment":      {[]error{held, held, nil}, nil, 3},
		"held, then broken":      {[]error{held, broken}, broken, 2},
		"broken":                 {[]error{broken}, broken, 1},
		"held longer than we do": {[]error{held}, held, int(patience/pause) + 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				start, tries := time.Now(), 0
				err := persist(isHeld, func() error {
					tries++
					return tc.errs[min(tries, len(tc.errs))-1]
				})
				if !errors.Is(err, tc.want) || tries != tc.tries || time.Since(start) > patience {
					t.Errorf("%v after %d tries and %s", err, tries, time.Since(start))
				}
			})
		})
	}
}

package main

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
)

// faultAtSubmit is the submit at which "crash" and "unhealthy-later" strike:
// late enough that tests have passed before, early enough that others follow.
const faultAtSubmit = 6

const faultWords = "never-accept, unhealthy, wrong-sha, crash, unhealthy-later"

var errCrash = errors.New("fault crash: exiting in the middle of a submit")

// faults are the ways in which the service was told to misbehave.
type faults struct {
	neverAccept    bool
	unhealthy      bool
	wrongSHA       bool
	crash          bool
	unhealthyLater bool

	submits atomic.Int64
	crashed chan struct{} // closed by the crash
}

// parseFaults reads a comma-separated list of fault words; "" means none.
func parseFaults(list string) (*faults, error) {
	f := &faults{crashed: make(chan struct{})}
	for word := range strings.SplitSeq(list, ",") {
		switch strings.TrimSpace(word) {
		case "":
		case "never-accept":
			f.neverAccept = true
		case "unhealthy":
			f.unhealthy = true
		case "wrong-sha":
			f.wrongSHA = true
		case "crash":
			f.crash = true
		case "unhealthy-later":
			f.unhealthyLater = true
		default:
			return nil, fmt.Errorf("unknown word %q in CASEWORK_FAULT; use some of %s", word, faultWords)
		}
	}
	return f, nil
}

// beforeSubmit counts an arriving submit and strikes when its time has come.
func (f *faults) beforeSubmit() error {
	n := f.submits.Add(1)
	if f.crash && n == faultAtSubmit {
		close(f.crashed)
		panic(http.ErrAbortHandler) // the caller sees a broken connection, as in a real crash
	}
	if f.unhealthyLater && n > faultAtSubmit {
		return fmt.Errorf("%w: the store takes no submits", errUnavailable)
	}
	return nil
}

func (f *faults) workerDown() bool { return f.unhealthy }

func (f *faults) storeDown() bool { return f.unhealthyLater && f.submits.Load() >= faultAtSubmit }

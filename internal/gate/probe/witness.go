package probe

import "sync"

// Witness keeps the first error of a connection, for libraries that make a text of
// it or try again until the time is up.
type Witness struct {
	mu  sync.Mutex
	err error
}

// Note keeps an error unless there is one already. Nil is none.
func (w *Witness) Note(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err == nil {
		w.err = err
	}
}

// Err is the error that was kept; nil: none.
func (w *Witness) Err() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.err
}

package probe

import "sync"

// Witness keeps the first error of a connection, for libraries that turn it into a text
// or retry until their timeout.
type Witness struct {
	mu  sync.Mutex
	err error
}

// Note keeps an error unless it has one already. It ignores nil.
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

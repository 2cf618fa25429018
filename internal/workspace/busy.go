package workspace

import "time"

// patience is how long a file may be held by another process, and pause the time between two tries. The go command waits as long.
const (
	patience = 2 * time.Second
	pause    = 20 * time.Millisecond
)

// persist repeats what fails because another process holds a file, as scanners of Windows do for a moment with each new file.
func persist(busy func(error) bool, do func() error) error {
	for deadline := time.Now().Add(patience); ; time.Sleep(pause) {
		err := do()
		if err == nil || !busy(err) || !time.Now().Before(deadline) {
			return err
		}
	}
}

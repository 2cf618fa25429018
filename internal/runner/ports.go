package runner

import (
	"slices"
	"sync"
	"time"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/proc"
)

const (
	// portPause is the time between two looks at the ports of all batches.
	portPause = 250 * time.Millisecond
	// maxPorts bounds the ports of one batch.
	maxPorts = 64
)

// ports notes which ports the batches of several shards on one machine listen on: it shows that a failure was a
// collision of the gate's own making. A batch that ends has all others looked at, since what it could not
// listen on is open at that moment.
type ports struct {
	// look is [proc.Ports]; offset is the time since the start of the run, in seconds.
	look   func([]*proc.Process) map[*proc.Process][]int
	offset func() float64

	mu      sync.Mutex
	running map[*proc.Process]*[]e2e.PortSpan
	// stop ends the ticker; nil: none runs.
	stop chan struct{}
}

// watch begins to note the ports of a process. What it returns ends that, and is then in spans.
func (w *ports) watch(p *proc.Process, spans *[]e2e.PortSpan) (ended func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.running[p] = spans; w.stop == nil {
		w.stop = make(chan struct{})
		go w.tick(w.stop)
	}
	return func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.note()
		if delete(w.running, p); len(w.running) == 0 {
			close(w.stop)
			w.stop = nil
		}
	}
}

func (w *ports) tick(stop chan struct{}) {
	ticker := time.NewTicker(portPause)
	defer ticker.Stop()
	for {
		select {
		case <-stop:
			return
		case <-ticker.C:
			w.mu.Lock()
			w.note()
			w.mu.Unlock()
		}
	}
}

// note looks at the ports of all processes. Alone on the machine, a process collides with none.
func (w *ports) note() {
	if len(w.running) < 2 {
		return
	}
	list := make([]*proc.Process, 0, len(w.running))
	for p := range w.running {
		list = append(list, p)
	}
	now := w.offset()
	for p, open := range w.look(list) {
		spans := w.running[p]
		for _, port := range open {
			i := slices.IndexFunc(*spans, func(s e2e.PortSpan) bool { return s.Port == port })
			switch {
			case i >= 0:
				(*spans)[i].To = now
			case len(*spans) < maxPorts:
				*spans = append(*spans, e2e.PortSpan{Port: port, From: now, To: now})
			}
		}
	}
}

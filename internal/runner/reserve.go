package runner

import (
	"fmt"
	"hash/fnv"
	"net"
	"strconv"
	"strings"
	"sync"
)

// AutoPort is the word for a port that the gate chooses.
const AutoPort = "auto"

// PortVariable is the variable that names the port of a process: payment-api has PAYMENT_API_PORT.
func PortVariable(process string) string {
	upper := strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			return r
		}
		return '_'
	}, strings.ToUpper(process))
	return upper + "_PORT"
}

// MaxCopies bounds count of a process.
const MaxCopies = 32

// Copies are the processes that a spec stands for: itself, or as many as count says, each with its number at the end of its name. A
// count that is not allowed counts for nothing.
func (s ProcessSpec) Copies() []ProcessSpec {
	if s.Count < 1 || s.Count > MaxCopies {
		return []ProcessSpec{s}
	}
	list := make([]ProcessSpec, s.Count)
	for i := range list {
		list[i] = s
		list[i].Name, list[i].Index, list[i].Count = fmt.Sprintf("%s-%d", s.Name, i+1), i+1, 0
	}
	return list
}

// Reserved are the ports that background processes of this run will listen on. Each is taken until the moment before its process
// starts, so that nothing else on the machine can take it before; nothing can keep it in the moment between. It is safe for concurrent
// use; nil reserves nothing.
type Reserved struct {
	mu      sync.Mutex
	held    map[string]net.Listener
	numbers map[string]int
}

// Reserve takes a port of this machine for each process with port: auto, by its name. The same process of the same checkout gets the
// same one again while that is free: what was listed with an environment still counts in the next run.
func Reserve(checkout string, specs []ProcessSpec) (*Reserved, error) {
	r := &Reserved{held: map[string]net.Listener{}, numbers: map[string]int{}}
	for _, spec := range specs {
		for _, one := range spec.Copies() {
			if one.Port != AutoPort || r.held[one.Name] != nil {
				continue
			}
			l, err := take(checkout + "\x00" + one.Name)
			if err != nil {
				r.Close()
				return nil, fmt.Errorf("find a free port for process %s: %w", one.Name, err)
			}
			r.held[one.Name], r.numbers[one.Name] = l, l.Addr().(*net.TCPAddr).Port
		}
	}
	return r, nil
}

// The usual ports: above those of well-known servers, and few.
const firstUsual, usual = 42000, 6000

func take(key string) (net.Listener, error) {
	sum := fnv.New32a()
	_, _ = sum.Write([]byte(key))
	if l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(firstUsual+int(sum.Sum32()%usual)))); err == nil {
		return l, nil
	}
	return net.Listen("tcp", "127.0.0.1:0")
}

// Port is the port of a process by its name; 0: it has none.
func (r *Reserved) Port(process string) int {
	if r == nil {
		return 0
	}
	return r.numbers[process]
}

// Variables hand the ports over, by [PortVariable].
func (r *Reserved) Variables() map[string]string {
	vars := map[string]string{}
	if r == nil {
		return vars
	}
	for name, port := range r.numbers {
		vars[PortVariable(name)] = strconv.Itoa(port)
	}
	return vars
}

// Holds reports whether a port is still taken for a process that has not started.
func (r *Reserved) Holds(port string) bool {
	if r == nil {
		return false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for name := range r.held {
		if strconv.Itoa(r.numbers[name]) == port {
			return true
		}
	}
	return false
}

// release gives the port of a process free, for the process itself.
func (r *Reserved) release(process string) {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if l := r.held[process]; l != nil {
		_ = l.Close()
		delete(r.held, process)
	}
}

// Close gives all ports free.
func (r *Reserved) Close() {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for name, l := range r.held {
		_ = l.Close()
		delete(r.held, name)
	}
}

// filled is a spec with its port and its number in place of {port} and {index}, in its commands and its environment. Where it has
// neither, these words are its own.
func (ps *Processes) filled(spec ProcessSpec) ProcessSpec {
	var pairs []string
	if port := ps.cfg.Ports.Port(spec.Name); port != 0 {
		pairs = append(pairs, "{port}", strconv.Itoa(port))
	}
	if spec.Index > 0 {
		pairs = append(pairs, "{index}", strconv.Itoa(spec.Index))
	}
	if len(pairs) == 0 {
		return spec
	}
	replace := strings.NewReplacer(pairs...).Replace
	all := func(list []string) (out []string) {
		for _, text := range list {
			out = append(out, replace(text))
		}
		return out
	}
	spec.Run, spec.Up, spec.Down, spec.Logs = all(spec.Run), all(spec.Up), all(spec.Down), all(spec.Logs)
	env := map[string]string{}
	for name, value := range spec.Env {
		env[name] = replace(value)
	}
	spec.Env = env
	return spec
}

package verdict

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"time"

	"github.com/org/e2e-gate/internal/e2e"
)

// collision returns what shows that a test failed only because another shard ran beside it on the same machine; nil: nothing
// does. Three things have to come together, and each is seen and not read out of words alone: processes of another shard, at
// work for the same suite at that time, listened on a port; every failure is that this port is taken, or that it refuses a connection;
// and the test passed in its diagnostic rerun, which runs alone. Where one is missing the test keeps what it would have.
func (a alibis) collision(suite string, list []e2e.Attempt) *e2e.Environment {
	if n := len(list); n < 2 || list[n-1].Source != e2e.SourceDiagnostic || list[n-1].Outcome != e2e.Passed || list[n-1].Uncounted != "" {
		return nil
	}
	var first *e2e.Environment
	for _, at := range list[:len(list)-1] {
		if at.Outcome != e2e.Failed {
			continue
		}
		env := a.collided(suite, at)
		if at.Source == e2e.SourceDiagnostic || env == nil {
			return nil
		}
		if first == nil {
			first = env
		}
	}
	return first
}

// collided looks for another shard whose processes had a port that a failure names.
func (a alibis) collided(suite string, at e2e.Attempt) *e2e.Environment {
	ports := portsTaken(at.Type + "\n" + at.Message + "\n" + withoutOutput(at.Details))
	from, to, known := a.timeOf(at)
	if len(ports) == 0 || !known {
		return nil
	}
	for _, sh := range a.shards {
		if sh.Index == at.Shard || sh.Run.WorkflowAttempt != at.WorkflowAttempt || !a.sameMachine(sh, at) {
			continue
		}
		for _, u := range sh.Units {
			began := sh.Run.Started.Add(seconds(u.Offset))
			ended := began.Add(seconds(max(u.Seconds, 0)))
			if u.Suite != suite || u.Attempt != 1 || began.After(to) || ended.Before(from) {
				continue // it did not run beside the test
			}
			for _, p := range u.Ports {
				opened, closed := sh.Run.Started.Add(seconds(p.From)), sh.Run.Started.Add(seconds(p.To))
				if slices.Contains(ports, p.Port) && !opened.After(to.Add(slack)) && !closed.Before(from.Add(-slack)) {
					return &e2e.Environment{Port: p.Port, From: opened, To: closed, Observed: fmt.Sprintf(
						"shard %d of the same suite listened on port %d from %s to %s, and the test passed alone", sh.Index, p.Port,
						opened.UTC().Format(time.TimeOnly), closed.UTC().Format(time.TimeOnly))}
				}
			}
		}
	}
	return nil
}

// sameMachine reports whether a shard ran on the machine of an attempt: one process of the gate ran both. Only such a process notes
// ports.
func (a alibis) sameMachine(other e2e.ShardRun, at e2e.Attempt) bool {
	return slices.ContainsFunc(a.shards, func(own e2e.ShardRun) bool {
		return own.Index == at.Shard && own.Run.WorkflowAttempt == at.WorkflowAttempt && own.Run.ID == other.Run.ID && own.Run.Started.Equal(other.Run.Started)
	})
}

var (
	// taken are the words of a port that another process has.
	taken = regexp.MustCompile(`(?i)EADDRINUSE|address (?:is )?already in use|port \d+ (?:is|was) already (?:in use|used|allocated)|is already used, make sure|` +
		`only one usage of each socket address`)
	// refused are the words of a port that has no server.
	refused = regexp.MustCompile(`(?i)ECONNREFUSED|connection refused|CONNECTION_REFUSED|actively refused`)
	// loopbackPort is a port on loopback, or on all interfaces; anyPort is one whose address may be missing, as where a
	// server says what it cannot listen on.
	loopbackPort = regexp.MustCompile(`(?i)(?:\blocalhost|\b127(?:\.\d{1,3}){3}|\[?::1?\]?)(?:['"]?[:,]\s*| port )(\d{2,5})\b`)
	anyPort      = regexp.MustCompile(`(?i)(?:\b0\.0\.0\.0['"]?[:,]\s*|\*:|(?:^|[\s(]):{1,3}|\bport[\s=:]+)(\d{2,5})\b`)
)

// portsTaken are the ports on this machine that a failure says it could not listen on, or was refused by.
func portsTaken(text string) []int {
	var found [][]string
	switch {
	case taken.MatchString(text):
		found = append(anyPort.FindAllStringSubmatch(text, -1), loopbackPort.FindAllStringSubmatch(text, -1)...)
	case refused.MatchString(text):
		found = loopbackPort.FindAllStringSubmatch(text, -1)
	}
	var ports []int
	for _, match := range found {
		if port, err := strconv.Atoi(match[1]); err == nil && port > 0 && port <= 65535 {
			ports = append(ports, port)
		}
	}
	slices.Sort(ports)
	return slices.Compact(ports)
}

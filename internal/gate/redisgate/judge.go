package redisgate

import (
	"fmt"
	"strings"
	"time"

	"github.com/org/e2e-gate/internal/gate/probe"
)

// judge compares INFO with the config.
func (s *Spec) judge(i info) probe.Observation {
	seen := []string{"PONG"}
	for _, look := range []func(info) (string, probe.Observation){s.judgeRole, s.judgeReplication, s.judgeMemory} {
		text, o := look(i)
		if o.Finality != "" {
			return o
		}
		if text != "" {
			seen = append(seen, text)
		}
	}
	return probe.Healthy(strings.Join(seen, ", "))
}

func (s *Spec) judgeRole(i info) (string, probe.Observation) {
	if s.Role == "" {
		return "", probe.Observation{}
	}
	if i.role() != s.Role {
		return "", probe.NotYet(i.role(), "the server is not the "+s.Role+"; a fail-over may be under way, else correct the address")
	}
	return i.role(), probe.Observation{}
}

func (s *Spec) judgeReplication(i info) (string, probe.Observation) {
	if s.MinReplicas == 0 && s.MaxLag == 0 && s.Role != "replica" {
		return "", probe.Observation{}
	}
	if i.role() == "replica" {
		return s.judgeLink(i)
	}
	online, lag := i.replicas()
	text := fmt.Sprintf("replicas online: %d", online)
	switch {
	case online < s.MinReplicas:
		return "", probe.NotYet(text, fmt.Sprintf("the master should have at least %d; look at the replicas' logs", s.MinReplicas))
	case s.MaxLag > 0 && lag > s.MaxLag:
		return "", late(lag)
	}
	return text, probe.Observation{}
}

func (s *Spec) judgeLink(i info) (string, probe.Observation) {
	switch lag := time.Duration(i.number("master_last_io_seconds_ago")) * time.Second; {
	case i["master_link_status"] != "up":
		return "", probe.NotYet("link to the master is down", "the replica does not reach its master; look at its log")
	case i["master_sync_in_progress"] == "1":
		return "", probe.NotYet("the first copy from the master is in progress", "the replica does not have all data yet; wait")
	case s.MaxLag > 0 && lag > s.MaxLag:
		return "", late(lag)
	}
	return "link up", probe.Observation{}
}

func late(lag time.Duration) probe.Observation {
	o := probe.NotYet("last heard "+lag.String()+" ago", "replication does not keep up; look at the load of both servers, or raise max_lag")
	o.Key = "late"
	return o
}

func (s *Spec) judgeMemory(i info) (string, probe.Observation) {
	if s.MaxMemoryPercent == 0 {
		return "", probe.Observation{}
	}
	percent, known := i.memory()
	switch {
	case !known:
		return "", probe.NotYet("memory unknown", "the server does not report its memory; remove max_memory_percent")
	case percent > int64(s.MaxMemoryPercent):
		o := probe.NotYet(fmt.Sprintf("memory %d%%", percent),
			fmt.Sprintf("more than %d%% of the memory is in use; clear old data, or raise maxmemory", s.MaxMemoryPercent))
		o.Key = "memory"
		return "", o
	}
	return "memory within bounds", probe.Observation{}
}

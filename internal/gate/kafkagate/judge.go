package kafkagate

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/org/e2e-gate/internal/gate/probe"
	"github.com/org/e2e-gate/internal/safetext"
)

// cluster looks at brokers, topics and partitions.
func (p *prober) cluster(ctx context.Context, admin *kadm.Client) (probe.Observation, error) {
	names := make([]string, len(p.spec.Topics))
	for i, t := range p.spec.Topics {
		names[i] = t.Name
	}
	m, err := admin.Metadata(ctx, names...)
	if err != nil {
		return probe.Observation{}, fmt.Errorf("ask for metadata: %w", err)
	}
	seen := fmt.Sprintf("brokers %d", len(m.Brokers))
	switch {
	case len(m.Brokers) < p.spec.MinBrokers:
		return probe.NotYet(seen, fmt.Sprintf("at least %d brokers were expected; look at the logs of those that are missing", p.spec.MinBrokers)), nil
	case m.Controller < 0:
		return probe.NotYet(seen+", no controller", "the cluster has no controller; wait for its election, or look at the controllers' logs"), nil
	}
	if o, err := p.topics(m.Topics); o.Finality != "" || err != nil {
		return o, err
	}
	if o := p.partitions(m.Topics); o.Finality != "" {
		return o, nil
	}
	return probe.Healthy(fmt.Sprintf("%s, topics %d, all partitions led and in sync", seen, len(m.Topics))), nil
}

// topics looks whether each is there with its partitions.
func (p *prober) topics(found kadm.TopicDetails) (probe.Observation, error) {
	var missing []string
	for _, t := range p.spec.Topics {
		d := found[t.Name]
		switch {
		case errors.Is(d.Err, kerr.UnknownTopicOrPartition) || d.Topic == "":
			missing = append(missing, safetext.Plain(t.Name, probe.MaxQuote))
		case d.Err != nil:
			return probe.Observation{}, fmt.Errorf("topic: %w", d.Err)
		}
	}
	if o := p.missing(missing); o.Finality != "" {
		return o, nil
	}
	for _, t := range p.spec.Topics {
		if n := len(found[t.Name].Partitions); n < t.Partitions {
			return probe.Never(wordPartitions, fmt.Sprintf("topic %s has %d partitions", t.Name, n),
				fmt.Sprintf("at least %d were expected; add partitions to the topic, or add partitions to retry_on if a deployment adds them", t.Partitions)), nil
		}
	}
	return probe.Observation{}, nil
}

// missing waits for unknown topics during the grace period; after that they count as
// missing.
func (p *prober) missing(names []string) probe.Observation {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(names) == 0 {
		p.unknown = time.Time{}
		return probe.Observation{}
	}
	if p.unknown.IsZero() {
		p.unknown = time.Now()
		return probe.NotYet("unknown topic "+list(names), "the cluster does not know the topic; wait if it is being created")
	}
	if time.Since(p.unknown) < p.grace() {
		return probe.NotYet("unknown topic "+list(names), "the cluster does not know the topic; wait if it is being created")
	}
	return probe.Never(wordTopic, "unknown topic "+list(names),
		fmt.Sprintf("the cluster has not known the topic for %s; create it, correct its name, raise grace, or add unknown_topic to retry_on", p.grace()))
}

func (p *prober) grace() time.Duration {
	if p.spec.Grace > 0 {
		return p.spec.Grace
	}
	return defaultGrace
}

// partitions looks for those without leader or with too few replicas in sync.
func (p *prober) partitions(found kadm.TopicDetails) probe.Observation {
	var leaderless, behind []string
	for _, t := range found.Sorted() {
		for _, d := range t.Partitions.Sorted() {
			name := fmt.Sprintf("%s/%d", safetext.Plain(d.Topic, probe.MaxQuote), d.Partition)
			need := len(d.Replicas)
			if p.spec.MinISR > 0 {
				need = min(p.spec.MinISR, need)
			}
			switch {
			case d.Leader < 0 || errors.Is(d.Err, kerr.LeaderNotAvailable):
				leaderless = append(leaderless, name)
			case len(d.ISR) < need:
				behind = append(behind, fmt.Sprintf("%s (%d of %d)", name, len(d.ISR), len(d.Replicas)))
			}
		}
	}
	switch {
	case len(leaderless) > 0:
		return probe.NotYet("no leader: "+list(leaderless), "partitions have no leader, nothing can be written to them; look at the brokers that hold their replicas")
	case len(behind) > 0:
		return probe.NotYet("replicas not in sync: "+list(behind), "replicas are missing or behind; look at the brokers that hold them, or set min_isr")
	}
	return probe.Observation{}
}

// groups looks at the consumer groups.
func (p *prober) groups(ctx context.Context, admin *kadm.Client, o probe.Observation) (probe.Observation, error) {
	for _, g := range p.spec.Groups {
		l, err := lag(ctx, admin, g.Name)
		if err != nil {
			return o, err
		}
		if bad := g.judge(l); bad.Finality != "" {
			return bad, nil
		}
		o.Observed += ", group " + g.Name + " keeps up"
	}
	return o, nil
}

func (g Group) judge(l kadm.DescribedGroupLag) probe.Observation {
	name := "group " + safetext.Plain(g.Name, probe.MaxQuote)
	total, unread := int64(0), ""
	for _, m := range l.Lag.Sorted() {
		if m.Err != nil {
			unread = fmt.Sprintf("%s/%d", m.Topic, m.Partition)
		}
		total += max(m.Lag, 0)
	}
	switch {
	case l.State == "" || l.State == dead:
		return probe.NotYet(name+" is not known", "no consumer has joined the group yet; start the service, or correct the name")
	case len(l.Members) < g.MinMembers:
		return probe.NotYet(fmt.Sprintf("%s has %d members", name, len(l.Members)),
			fmt.Sprintf("at least %d were expected; start the service, or look at its log", g.MinMembers))
	case unread != "":
		return probe.NotYet(name+": lag unknown on "+safetext.Plain(unread, probe.MaxQuote), "the brokers cannot tell the lag; wait, or look at the group")
	case total > g.MaxLag:
		o := probe.NotYet(fmt.Sprintf("%s is %d behind", name, total),
			fmt.Sprintf("at most %d were expected; wait until old records are consumed, or look at the service", g.MaxLag))
		o.Key = name + " behind"
		return o
	}
	return probe.Observation{}
}

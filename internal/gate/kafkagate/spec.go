// Package kafkagate is the kafka check: enough brokers, topics with their partitions,
// each with a leader and all its replicas in sync, and consumer groups that keep up.
package kafkagate

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"

	"github.com/org/e2e-gate/internal/diag"
	"github.com/org/e2e-gate/internal/gate/probe"
	"github.com/org/e2e-gate/internal/gate/trust"
)

// Kind is the name of this kind of check in the config.
const Kind = "kafka"

// defaultGrace is how long a topic may be unknown: brokers learn of a new one one
// after the other.
const defaultGrace = 15 * time.Second

// Spec is the kafka check of the config.
type Spec struct {
	Brokers    []string      `yaml:"brokers" doc:"host:port of one or more brokers; the others are found through them."`
	MinBrokers int           `yaml:"min_brokers" doc:"Brokers that must be alive. Default 1."`
	Topics     []Topic       `yaml:"topics" doc:"Topics that must exist. Their partitions must have a leader and all replicas in sync. Without topics, this is checked for every topic."`
	MinISR     int           `yaml:"min_isr" doc:"Number of replicas in sync that is enough, if not all have to be."`
	Groups     []Group       `yaml:"groups" doc:"Consumer groups that must keep up."`
	SASL       *SASL         `yaml:"sasl" doc:"SASL login."`
	TLS        *trust.TLS    `yaml:"tls" doc:"Use TLS, with these settings; tls: {} trusts the system's root CAs. Default: plain text."`
	Grace      time.Duration `yaml:"grace" doc:"How long a topic may be unknown to a cluster that answers before it counts as missing. Default 15s."`
	Timeout    time.Duration `yaml:"timeout" doc:"Longest time of a single probe with its connections. Default 5s."`
}

// Topic is a topic that must exist.
type Topic struct {
	Name       string `yaml:"name" doc:"Name of the topic."`
	Partitions int    `yaml:"partitions" doc:"Minimum number of partitions. Default 1."`
}

// Group is a consumer group that must keep up.
type Group struct {
	Name       string `yaml:"name" doc:"Name of the consumer group."`
	MaxLag     int64  `yaml:"max_lag" doc:"Maximum number of records that it may be behind, over all its partitions. Default 0."`
	MinMembers int    `yaml:"min_members" doc:"Minimum number of members."`
}

// SASL says how to log in.
type SASL struct {
	Mechanism string `yaml:"mechanism" doc:"SASL mechanism." enum:"plain,scram-sha-256,scram-sha-512"`
	Username  string `yaml:"username" doc:"User name."`
	Password  string `yaml:"password" doc:"Password. Secret."`
}

// The words of retry_on.
const (
	wordLogin      = "login"
	wordPermission = "permission"
	wordTopic      = "unknown_topic"
	wordPartitions = "partitions"
)

// ProbeTimeout bounds a single probe.
func (s *Spec) ProbeTimeout() time.Duration { return probe.TimeoutOr(s.Timeout) }

// RetryWords are the words of retry_on for this kind: its answers that normally end the
// wait.
func (s *Spec) RetryWords() []string {
	return []string{wordLogin, wordPartitions, wordPermission, trust.Word, wordTopic}
}

var mechanisms = []string{"plain", "scram-sha-256", "scram-sha-512"}

// Validate returns what is wrong with the spec.
func (s *Spec) Validate() []diag.Mistake {
	var problems []diag.Mistake
	if len(s.Brokers) == 0 {
		problems = append(problems, diag.Mistake{Path: "brokers", Text: "the check has no brokers", Hint: "write it as brokers: [127.0.0.1:9092]"})
	}
	for i, b := range s.Brokers {
		problems = append(problems, probe.CheckAddress(fmt.Sprintf("brokers[%d]", i), b, Kind)...)
	}
	problems = append(problems, s.checkNumbers()...)
	problems = append(problems, probe.Under("sasl", s.SASL.validate())...)
	problems = append(problems, probe.Under("tls", s.TLS.Validate())...)
	problems = append(problems, probe.CheckDuration("grace", s.Grace)...)
	return append(problems, probe.CheckDuration("timeout", s.Timeout)...)
}

func (s *Spec) checkNumbers() []diag.Mistake {
	var problems []diag.Mistake
	number := func(path string, n int64) {
		if n < 0 {
			problems = append(problems, diag.Mistake{Path: path, Text: "the number is negative", Hint: "use 1 or more"})
		}
	}
	name := func(path, n string) {
		if n == "" {
			problems = append(problems, diag.Mistake{Path: path, Text: "the name is empty", Hint: "name it"})
		}
	}
	number("min_brokers", int64(s.MinBrokers))
	number("min_isr", int64(s.MinISR))
	for i, t := range s.Topics {
		name(fmt.Sprintf("topics[%d].name", i), t.Name)
		number(fmt.Sprintf("topics[%d].partitions", i), int64(t.Partitions))
	}
	for i, g := range s.Groups {
		name(fmt.Sprintf("groups[%d].name", i), g.Name)
		number(fmt.Sprintf("groups[%d].max_lag", i), g.MaxLag)
		number(fmt.Sprintf("groups[%d].min_members", i), int64(g.MinMembers))
	}
	return problems
}

func (a *SASL) validate() []diag.Mistake {
	if a == nil {
		return nil
	}
	var problems []diag.Mistake
	if !slices.Contains(mechanisms, a.Mechanism) {
		problems = append(problems, diag.Mistake{
			Path: "mechanism", Text: fmt.Sprintf("unknown mechanism %q", a.Mechanism), Hint: diag.Expected(a.Mechanism, mechanisms),
		})
	}
	if a.Username == "" || a.Password == "" {
		problems = append(problems, diag.Mistake{Path: "password", Text: "a login needs username and password", Hint: `write it as password: "${KAFKA_PASSWORD}"`})
	}
	return problems
}

func (a *SASL) mechanism() sasl.Mechanism {
	switch a.Mechanism {
	case "scram-sha-256":
		return scram.Auth{User: a.Username, Pass: a.Password}.AsSha256Mechanism()
	case "scram-sha-512":
		return scram.Auth{User: a.Username, Pass: a.Password}.AsSha512Mechanism()
	}
	return plain.Auth{User: a.Username, Pass: a.Password}.AsMechanism()
}

// New builds the probe.
func (s *Spec) New(env probe.Env) probe.Probe {
	if problems := s.Validate(); len(problems) > 0 {
		return probe.BrokenProbe(Kind, "", problems)
	}
	var secrets []string
	if s.SASL != nil {
		secrets = append(secrets, s.SASL.Password)
	}
	return &prober{spec: s, root: env.Root, mask: env.Hide(secrets)}
}

func (p *prober) Kind() string   { return Kind }
func (p *prober) Target() string { return strings.Join(p.spec.Brokers, ", ") }

func (p *prober) Expected() string {
	parts := []string{fmt.Sprintf("brokers >= %d", max(p.spec.MinBrokers, 1))}
	for _, t := range p.spec.Topics {
		parts = append(parts, fmt.Sprintf("topic %s with %d or more partitions", t.Name, max(t.Partitions, 1)))
	}
	if p.spec.MinISR > 0 {
		parts = append(parts, fmt.Sprintf("replicas in sync >= %d", p.spec.MinISR))
	} else {
		parts = append(parts, "all replicas in sync")
	}
	for _, g := range p.spec.Groups {
		parts = append(parts, fmt.Sprintf("group %s at most %d behind", g.Name, g.MaxLag))
	}
	return strings.Join(parts, ", ")
}

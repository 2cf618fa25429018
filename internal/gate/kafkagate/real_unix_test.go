//go:build unix

package kafkagate

import (
	"context"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/gate/probe"
	"github.com/org/e2e-gate/internal/gate/trust"
	"github.com/org/e2e-gate/internal/testkit/gatekit"
	"github.com/org/e2e-gate/internal/testkit/servers"
)

// The states of a real Kafka in the order in which a cluster goes through them. It runs in `.ci/run kafka`.
func TestRealKafka(t *testing.T) {
	ca := gatekit.NewAuthority(t)
	cluster := servers.NewKafka(t, 2, ca.Issue(t, "127.0.0.1", -time.Hour, gatekit.Year))
	one, two := cluster[0], cluster[1]
	r := &real{t: t, one: one}

	// Nothing runs yet.
	gatekit.NotYet(t, r.look(&Spec{}), "connection refused")

	// What is seen while it starts is never a reason to give up.
	one.Start()
	r.until(&Spec{}, "brokers 1, topics 0, all partitions led and in sync")
	gatekit.NotYet(t, r.look(&Spec{MinBrokers: 2}), "brokers 1")
	two.Start()
	// It learns from the controller who may log in.
	r.until(&Spec{Brokers: []string{two.SASL}, MinBrokers: 2, SASL: &SASL{"scram-sha-256", servers.KafkaUser, servers.KafkaPassword}},
		"brokers 2, topics 0, all partitions led and in sync")

	t.Run("topics", func(t *testing.T) { r.at(t).topics() })
	t.Run("logins", func(t *testing.T) { r.at(t).logins(ca.Dir) })
	t.Run("groups", func(t *testing.T) { r.at(t).groups() })
	t.Run("brokers that fail", func(t *testing.T) { r.at(t).failing(two) })
}

// real is a test with a running cluster.
type real struct {
	t   *testing.T
	one *servers.Kafka
}

func (r *real) at(t *testing.T) *real { return &real{t, r.one} }

// look probes the first broker, or those that the spec names.
func (r *real) look(s *Spec) probe.Observation {
	r.t.Helper()
	if s.Brokers == nil {
		s.Brokers = []string{r.one.Plain}
	}
	return look(r.t, s)
}

// until probes until the cluster is healthy. All answers before that must be transient failures.
func (r *real) until(s *Spec, observed string) {
	r.t.Helper()
	r.await(func() bool {
		o := r.look(s)
		if o.State == e2e.Healthy {
			gatekit.Healthy(r.t, o, observed)
			return true
		}
		if o.Finality != e2e.NotYet {
			r.t.Fatalf("permanent while the cluster changes: %+v", o)
		}
		return false
	})
}

// await asks until it is so.
func (r *real) await(so func() bool) {
	r.t.Helper()
	limit, tick := time.NewTimer(time.Minute), time.NewTicker(50*time.Millisecond)
	defer limit.Stop()
	defer tick.Stop()
	for !so() {
		select {
		case <-limit.C:
			r.t.Fatal("not so within a minute")
		case <-tick.C:
		}
	}
}

func (r *real) client(options ...kgo.Opt) *kgo.Client {
	r.t.Helper()
	client, err := kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(r.one.Plain)}, options...)...)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(client.Close)
	return client
}

func (r *real) create(topic string, partitions int32, replicas int16) {
	r.t.Helper()
	if _, err := kadm.NewClient(r.client()).CreateTopic(r.t.Context(), partitions, replicas, nil, topic); err != nil {
		r.t.Fatal(err)
	}
}

func (r *real) topics() {
	t := r.t
	s := &Spec{Brokers: []string{r.one.Plain}, Topics: []Topic{{Name: "orders", Partitions: 3}}, Grace: time.Nanosecond}
	p := s.New(probe.Env{})
	gatekit.NotYet(t, gatekit.Again(t, s, p), "unknown topic orders")
	gatekit.Never(t, gatekit.Again(t, s, p), "unknown_topic", "unknown topic orders")
	// Kafka makes topics that clients ask for, unless they say that they do not want that.
	if listed, err := kadm.NewClient(r.client()).ListTopics(t.Context()); err != nil || len(listed) != 0 {
		t.Fatalf("the gate made topics: %v, %v", listed.Names(), err)
	}
	r.create("orders", 3, 2)
	r.until(&Spec{Topics: s.Topics, MinBrokers: 2}, "brokers 2, topics 1, all partitions led and in sync")
	gatekit.Never(t, r.look(&Spec{Topics: []Topic{{Name: "orders", Partitions: 4}}}), "partitions", "topic orders has 3 partitions")
	gatekit.NotYet(t, r.look(&Spec{Topics: []Topic{{Name: "orders"}, {Name: "bills"}}}), "unknown topic bills")
}

func (r *real) logins(root string) {
	t := r.t
	const fine = "brokers 2, topics 1, all partitions led and in sync"
	orders := []Topic{{Name: "orders"}}
	sasl := []string{r.one.SASL}
	for _, m := range mechanisms {
		gatekit.Healthy(t, r.look(&Spec{Brokers: sasl, Topics: orders, SASL: &SASL{m, servers.KafkaUser, servers.KafkaPassword}}), fine)
		gatekit.Never(t, r.look(&Spec{Brokers: sasl, SASL: &SASL{m, servers.KafkaUser, "wrong"}}), "login", "SASL_AUTHENTICATION_FAILED")
		gatekit.Never(t, r.look(&Spec{Brokers: sasl, SASL: &SASL{m, "unknown", servers.KafkaPassword}}), "login", "SASL_AUTHENTICATION_FAILED")
	}
	gatekit.Never(t, r.look(&Spec{Brokers: sasl, Topics: orders, SASL: &SASL{"plain", servers.KafkaGuest, servers.KafkaPassword}}), "permission",
		"TOPIC_AUTHORIZATION_FAILED")
	if o := r.look(&Spec{Brokers: sasl}); o.Word != "login" {
		t.Errorf("without a login: %+v", o)
	}
	if o := r.look(&Spec{SASL: &SASL{"plain", servers.KafkaUser, servers.KafkaPassword}}); o.Word != "login" {
		t.Errorf("with a login where there is none: %+v", o)
	}
	with := func(broker string, trusted *trust.TLS) probe.Observation {
		return gatekit.Look(t, &Spec{Brokers: []string{broker}, Topics: orders, TLS: trusted}, probe.Env{Root: root})
	}
	gatekit.Healthy(t, with(r.one.TLS, &trust.TLS{CAFile: "ca.pem"}), fine)
	gatekit.Never(t, with(r.one.TLS, &trust.TLS{}), "tls", `certificate of an unknown authority (issuer "gate test CA")`)
	gatekit.Never(t, with(r.one.TLS, nil), "tls", "the port speaks TLS")
	gatekit.Never(t, with(r.one.Plain, &trust.TLS{CAFile: "ca.pem"}), "login", "the broker closes the connection at once")
}

func (r *real) groups() {
	for name, protocol := range map[string][]kgo.Opt{
		"classic": nil,
		// Kafka 4 balances these by itself (KIP-848), and describes them in an answer of their own.
		"consumer": {kgo.ServerSideBalancer()},
	} {
		r.t.Run(name, func(t *testing.T) { r.at(t).group(name, protocol) })
	}
}

func (r *real) group(name string, protocol []kgo.Opt) {
	t, topic := r.t, "for-"+name
	r.create(topic, 2, 1)
	orders := []Topic{{Name: topic, Partitions: 2}}
	s := &Spec{Topics: orders, Groups: []Group{{Name: name, MinMembers: 1, MaxLag: 2}}}
	// The coordinator of groups starts with the first question for it.
	r.await(func() bool {
		o := r.look(s)
		if o.Finality != e2e.NotYet {
			t.Fatalf("permanent: %+v", o)
		}
		return o.Observed == "group "+name+" is not known"
	})
	producer := r.client(kgo.DefaultProduceTopic(topic))
	produce := func(n int) {
		t.Helper()
		for range n {
			if err := producer.ProduceSync(t.Context(), kgo.StringRecord("x")).FirstErr(); err != nil {
				t.Fatal(err)
			}
		}
	}
	produce(5)
	consumer := r.client(slices.Concat([]kgo.Opt{kgo.ConsumerGroup(name), kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.DisableAutoCommit()}, protocol)...)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for n := 0; n < 5; {
		fetches := consumer.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			t.Fatal(err)
		}
		n += fetches.NumRecords()
	}
	if err := consumer.CommitUncommittedOffsets(ctx); err != nil {
		t.Fatal(err)
	}
	gatekit.Healthy(t, r.look(s), "brokers 2, topics 1, all partitions led and in sync, group "+name+" keeps up")
	gatekit.NotYet(t, r.look(&Spec{Topics: orders, Groups: []Group{{Name: name, MinMembers: 2}}}), "group "+name+" has 1 members")
	produce(3)
	gatekit.NotYet(t, r.look(s), "group "+name+" is 3 behind")
	consumer.Close()
	gatekit.NotYet(t, r.look(s), "group "+name+" has 0 members")
}

// failing ends the second broker, stops the first one and continues it, ends and starts it.
func (r *real) failing(two *servers.Kafka) {
	t := r.t
	orders := []Topic{{Name: "orders", Partitions: 3}}
	s := &Spec{Topics: orders, MinBrokers: 2}
	r.until(s, "brokers 2, topics 1, all partitions led and in sync")
	two.Kill()
	r.await(func() bool { return r.look(s).Observed == "brokers 1" })
	r.await(func() bool {
		return r.look(&Spec{Topics: orders}).Observed == "replicas not in sync: orders/0 (1 of 2), orders/1 (1 of 2), orders/2 (1 of 2)"
	})
	gatekit.Healthy(t, r.look(&Spec{Topics: orders, MinISR: 1}), "brokers 1, topics 1, all partitions led and in sync")
	two.Start()
	r.until(s, "brokers 2, topics 1, all partitions led and in sync")

	r.one.Signal(syscall.SIGSTOP)
	gatekit.NotYet(t, r.look(&Spec{Topics: orders, Timeout: 300 * time.Millisecond}), "no answer within 300ms")
	r.one.Signal(syscall.SIGCONT)
	r.until(s, "brokers 2, topics 1, all partitions led and in sync")

	r.one.Kill()
	gatekit.NotYet(t, r.look(&Spec{Topics: orders}), "connection refused")
	r.one.Start()
	r.until(s, "brokers 2, topics 1, all partitions led and in sync")
}

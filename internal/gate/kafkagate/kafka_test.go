package kafkagate

import (
	"context"
	"crypto/tls"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"
	"go.uber.org/goleak"

	"github.com/org/e2e-gate/internal/gate/probe"
	"github.com/org/e2e-gate/internal/gate/trust"
	"github.com/org/e2e-gate/internal/testkit/gatekit"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const password = "pw-of-the-test"

func cluster(t *testing.T, options ...kfake.Opt) *kfake.Cluster {
	t.Helper()
	c, err := kfake.NewCluster(append([]kfake.Opt{kfake.NumBrokers(3), kfake.SeedTopics(3, "orders")}, options...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func look(t *testing.T, s *Spec) probe.Observation {
	t.Helper()
	o := gatekit.Look(t, s, probe.Env{})
	gatekit.NoSecret(t, s.New(probe.Env{}), o, password)
	return o
}

func TestTopics(t *testing.T) {
	c := cluster(t)
	at := c.ListenAddrs()
	gatekit.Healthy(t, look(t, &Spec{Brokers: at[:1], MinBrokers: 3, Topics: []Topic{{Name: "orders", Partitions: 3}}}),
		"brokers 3, topics 1, all partitions led and in sync")
	gatekit.NotYet(t, look(t, &Spec{Brokers: at, MinBrokers: 4}), "brokers 3")
	gatekit.Never(t, look(t, &Spec{Brokers: at, Topics: []Topic{{Name: "orders", Partitions: 4}}}), "partitions", "topic orders has 3 partitions")
	s := &Spec{Brokers: at, Topics: []Topic{{Name: "bills"}}, Grace: time.Nanosecond}
	p := s.New(probe.Env{})
	gatekit.NotYet(t, gatekit.Again(t, s, p), "unknown topic bills")
	gatekit.Never(t, gatekit.Again(t, s, p), "unknown_topic", "unknown topic bills")
	long := &Spec{Brokers: at, Topics: []Topic{{Name: "bills"}}}
	patient := long.New(probe.Env{})
	for range 2 {
		gatekit.NotYet(t, gatekit.Again(t, long, patient), "unknown topic bills")
	}
	if got := s.New(probe.Env{}).Expected(); got != "brokers >= 1, topic bills with 1 or more partitions, all replicas in sync" {
		t.Error(got)
	}
}

// Each probe sees the cluster as it is: the library would answer from its cache.
func TestPartitionsChangeBetweenProbes(t *testing.T) {
	c := cluster(t)
	leader, isr := int32(0), []int32{0, 1, 2}
	c.ControlKey(int16(kmsg.Metadata), func(req kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		r := req.ResponseKind().(*kmsg.MetadataResponse)
		r.Version = req.GetVersion()
		for i, a := range c.ListenAddrs() {
			b := kmsg.NewMetadataResponseBroker()
			host, port, _ := net.SplitHostPort(a)
			b.NodeID, b.Host, b.Port = int32(i), host, number(port)
			r.Brokers = append(r.Brokers, b)
		}
		part := kmsg.NewMetadataResponseTopicPartition()
		part.Leader, part.Replicas, part.ISR = leader, []int32{0, 1, 2}, isr
		topic := kmsg.NewMetadataResponseTopic()
		topic.Topic, topic.TopicID, topic.Partitions = kmsg.StringPtr("orders"), [16]byte{1}, append(topic.Partitions, part)
		r.Topics = append(r.Topics, topic)
		r.ControllerID = 0
		return r, nil, true
	})
	s := &Spec{Brokers: c.ListenAddrs(), Topics: []Topic{{Name: "orders"}}}
	p := s.New(probe.Env{})
	gatekit.Healthy(t, gatekit.Again(t, s, p), "brokers 3, topics 1, all partitions led and in sync")
	isr = isr[:2]
	gatekit.NotYet(t, gatekit.Again(t, s, p), "replicas not in sync: orders/0 (2 of 3)")
	gatekit.Healthy(t, look(t, &Spec{Brokers: s.Brokers, Topics: s.Topics, MinISR: 2}), "brokers 3, topics 1, all partitions led and in sync")
	leader = -1
	gatekit.NotYet(t, gatekit.Again(t, s, p), "no leader: orders/0")
}

func number(text string) int32 {
	n := int32(0)
	for _, r := range text {
		n = n*10 + int32(r-'0')
	}
	return n
}

// Groups that the brokers balance have a request of their own. The answers are those of Kafka 4.1 (TestRealKafka): kfake
// describes such groups in the answer for classic ones too, and leaves out the names of topics.
func TestGroupsThatBrokersBalance(t *testing.T) {
	c := cluster(t)
	c.ControlKey(int16(kmsg.DescribeGroups), func(req kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		r := req.ResponseKind().(*kmsg.DescribeGroupsResponse)
		r.Version = req.GetVersion()
		g := kmsg.NewDescribeGroupsResponseGroup()
		g.Group, g.State, g.ErrorCode = "billing", dead, kerr.GroupIDNotFound.Code
		r.Groups = append(r.Groups, g)
		return r, nil, true
	})
	code, members := int16(0), 0
	c.ControlKey(int16(kmsg.ConsumerGroupDescribe), func(req kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		r := req.ResponseKind().(*kmsg.ConsumerGroupDescribeResponse)
		r.Version = req.GetVersion()
		g := kmsg.NewConsumerGroupDescribeResponseGroup()
		g.Group, g.State, g.ErrorCode = "billing", "Stable", code
		for range members {
			assigned := kmsg.NewAssignmentTopicPartition()
			assigned.Topic, assigned.Partitions = "orders", []int32{0, 1, 2}
			m := kmsg.NewConsumerGroupDescribeResponseGroupMember()
			m.Assignment.TopicPartitions = append(m.Assignment.TopicPartitions, assigned)
			g.Members = append(g.Members, m)
		}
		r.Groups = append(r.Groups, g)
		return r, nil, true
	})
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	produce(ctx, t, c, 5)
	s := &Spec{Brokers: c.ListenAddrs(), Groups: []Group{{Name: "billing", MinMembers: 1, MaxLag: 2}}}
	for _, code = range []int16{kerr.UnsupportedVersion.Code, kerr.GroupIDNotFound.Code} { // the former where the feature is off, as in Kafka 3.9
		gatekit.NotYet(t, look(t, s), "group billing is not known")
	}
	client, err := kgo.NewClient(kgo.SeedBrokers(c.ListenAddrs()...))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	admin := kadm.NewClient(client)
	first := kadm.Offsets{}
	first.AddOffset("orders", 0, 0, -1)
	if err := admin.CommitAllOffsets(ctx, "billing", first); err != nil {
		t.Fatal(err)
	}
	code, members = 0, 1
	gatekit.NotYet(t, look(t, s), "group billing is 5 behind") // on two partitions nothing is committed
	ends, err := admin.ListEndOffsets(ctx, "orders")
	if err != nil {
		t.Fatal(err)
	}
	if err := admin.CommitAllOffsets(ctx, "billing", ends.Offsets()); err != nil {
		t.Fatal(err)
	}
	gatekit.Healthy(t, look(t, s), "brokers 3, topics 1, all partitions led and in sync, group billing keeps up")
	produce(ctx, t, c, 3)
	gatekit.NotYet(t, look(t, s), "group billing is 3 behind")
	members = 0
	gatekit.NotYet(t, look(t, s), "group billing has 0 members")
	code = kerr.GroupAuthorizationFailed.Code
	gatekit.Never(t, look(t, s), "permission", "GROUP_AUTHORIZATION_FAILED")
}

// Brokers before Kafka 3.7 know classic groups only.
func TestGroupOfOldBrokers(t *testing.T) {
	c := cluster(t, kfake.MaxVersions(kversion.V3_6_0()))
	gatekit.NotYet(t, look(t, &Spec{Brokers: c.ListenAddrs(), Groups: []Group{{Name: "billing"}}}), "group billing is not known")
}

func TestGroups(t *testing.T) {
	c := cluster(t)
	s := &Spec{Brokers: c.ListenAddrs(), Groups: []Group{{Name: "billing", MaxLag: 2}}}
	gatekit.NotYet(t, look(t, s), "group billing is not known")
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	produce(ctx, t, c, 5)
	consumer, err := kgo.NewClient(kgo.SeedBrokers(c.ListenAddrs()...), kgo.ConsumerGroup("billing"), kgo.ConsumeTopics("orders"),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.DisableAutoCommit())
	if err != nil {
		t.Fatal(err)
	}
	defer consumer.Close()
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
	member := &Spec{Brokers: s.Brokers, Groups: []Group{{Name: "billing", MinMembers: 1}}}
	gatekit.Healthy(t, look(t, member), "brokers 3, topics 1, all partitions led and in sync, group billing keeps up")
	produce(ctx, t, c, 3)
	o := look(t, s)
	gatekit.NotYet(t, o, "group billing is 3 behind")
	if o.Key != "group billing behind" {
		t.Errorf("each number would look like news: %q", o.Key)
	}
	consumer.Close()
	gatekit.NotYet(t, look(t, member), "group billing has 0 members")
}

func produce(ctx context.Context, t *testing.T, c *kfake.Cluster, n int) {
	t.Helper()
	producer, err := kgo.NewClient(kgo.SeedBrokers(c.ListenAddrs()...), kgo.DefaultProduceTopic("orders"))
	if err != nil {
		t.Fatal(err)
	}
	defer producer.Close()
	for range n {
		if err := producer.ProduceSync(ctx, kgo.StringRecord("x")).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestLogin(t *testing.T) {
	c := cluster(t, kfake.EnableSASL(), kfake.Superuser("PLAIN", "gate", password), kfake.Superuser("SCRAM-SHA-256", "gate", password),
		kfake.Superuser("SCRAM-SHA-512", "gate", password))
	const fine = "brokers 3, topics 1, all partitions led and in sync"
	for _, m := range mechanisms {
		gatekit.Healthy(t, look(t, &Spec{Brokers: c.ListenAddrs(), SASL: &SASL{m, "gate", password}}), fine)
	}
	gatekit.Never(t, look(t, &Spec{Brokers: c.ListenAddrs()}), "login", "the broker closes the connection at once")
	// Kafka answers with a code where kfake only closes the connection.
	c.ControlKey(int16(kmsg.SASLAuthenticate), func(req kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		r := req.ResponseKind().(*kmsg.SASLAuthenticateResponse)
		r.Version, r.ErrorCode, r.ErrorMessage = req.GetVersion(), kerr.SaslAuthenticationFailed.Code, kmsg.StringPtr("no: "+password)
		return r, nil, true
	})
	for _, m := range mechanisms {
		gatekit.Never(t, look(t, &Spec{Brokers: c.ListenAddrs(), SASL: &SASL{m, "gate", password}}), "login", "SASL_AUTHENTICATION_FAILED")
	}
}

func TestPermission(t *testing.T) {
	c := cluster(t, kfake.EnableSASL(), kfake.EnableACLs(), kfake.User("PLAIN", "gate", password))
	if o := look(t, &Spec{Brokers: c.ListenAddrs(), SASL: &SASL{"plain", "gate", password}, Topics: []Topic{{Name: "orders"}}}); o.Word != "permission" ||
		o.Observed != "TOPIC_AUTHORIZATION_FAILED" {
		t.Errorf("got %+v", o)
	}
}

func TestTLS(t *testing.T) {
	ca := gatekit.NewAuthority(t)
	c := cluster(t, kfake.TLS(&tls.Config{Certificates: []tls.Certificate{ca.Issue(t, "127.0.0.1", -time.Hour, gatekit.Year)}, MinVersion: tls.VersionTLS12}))
	in := func(trusted *trust.TLS) probe.Observation {
		return gatekit.Look(t, &Spec{Brokers: c.ListenAddrs(), TLS: trusted}, probe.Env{Root: ca.Dir})
	}
	gatekit.Healthy(t, in(&trust.TLS{CAFile: "ca.pem"}), "brokers 3, topics 1, all partitions led and in sync")
	gatekit.Never(t, in(&trust.TLS{}), "tls", `certificate of an unknown authority (issuer "gate test CA")`)
	if o := in(&trust.TLS{CAFile: "ca.pem", MinDaysLeft: 400}); o.Word != "tls" || !strings.Contains(o.Observed, "expires on") {
		t.Errorf("got %+v", o)
	}
}

func TestBrokersThatDoNotAnswer(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	gatekit.NotYet(t, look(t, &Spec{Brokers: []string{l.Addr().String()}, Timeout: 100 * time.Millisecond}), "no answer within 100ms")
	l.Close()
	gatekit.NotYet(t, look(t, &Spec{Brokers: []string{l.Addr().String()}}), "connection refused")
}

// The bytes are those of Kafka 4.1 on a port for TLS.
func TestPlainTextToTLS(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close() //nolint:errcheck // a listener of the test
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = conn.Read(make([]byte, 1024))
			_, _ = conn.Write([]byte{0x15, 3, 3, 0, 2, 2, 80})
			_ = conn.Close()
		}
	}()
	gatekit.Never(t, look(t, &Spec{Brokers: []string{l.Addr().String()}}), "tls", "the port speaks TLS")
}

func TestValidate(t *testing.T) {
	gatekit.Problems(t, &Spec{}, "brokers: the check has no brokers")
	gatekit.Problems(t, &Spec{Brokers: []string{"kafka://h:1"}, MinBrokers: -1, Topics: []Topic{{Partitions: -1}}, Groups: []Group{{MaxLag: -1}},
		SASL: &SASL{Mechanism: "gssapi"}, Grace: -1},
		"brokers[0]: the address is a url, but the kafka check takes host:port", "min_brokers: the number is negative", "topics[0].name: the name is empty",
		"topics[0].partitions: the number is negative",
		"groups[0].name: the name is empty", "groups[0].max_lag: the number is negative", `sasl.mechanism: unknown mechanism "gssapi"`,
		"sasl.password: a login needs username and password", "grace: the duration is negative")
}

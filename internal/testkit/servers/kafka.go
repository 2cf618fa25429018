package servers

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/org/e2e-gate/internal/testkit/need"
)

// EnvKafka names a folder with the jars of Apache Kafka, which no system has a package of: `.ci/run kafka` fetches
// them. Tests of every change use a cluster of the client's library instead.
const EnvKafka = "E2E_GATE_KAFKA"

// Users of a [Kafka]. KafkaUser may do everything, KafkaGuest nothing.
const (
	KafkaUser     = "gate"
	KafkaGuest    = "guest"
	KafkaPassword = "pw-of-the-test" //nolint:gosec // of a server that lives as long as the test
)

// Kafka is an Apache Kafka of one process: a broker that takes part in a cluster, the first one of which is its
// controller too.
type Kafka struct {
	*Process
	tb   testing.TB
	dir  string
	java string
	// Plain takes everybody without a login, SASL takes users in plain text, TLS everybody with TLS: host:port.
	Plain, SASL, TLS string
	controller       string
}

// clusterID is any UUID in Kafka's spelling.
const clusterID = "ZTJlLWdhdGUtdGVzdC0xMg"

// NewKafka prepares a cluster of so many brokers and starts none of them, or skips. A certificate is for their port with TLS.
func NewKafka(tb testing.TB, brokers int, certificate tls.Certificate) []*Kafka {
	tb.Helper()
	jars := os.Getenv(EnvKafka)
	if jars == "" {
		tb.Skip(EnvKafka + " names no folder with Kafka's jars; the other tests use a cluster of the client's library")
	}
	java := need.Tool(tb, "java", "apt-get install openjdk-17-jdk-headless")
	controller := loopback(tb)
	cluster := make([]*Kafka, brokers)
	for i := range cluster {
		k := &Kafka{tb: tb, dir: tb.TempDir(), java: java, Plain: loopback(tb), SASL: loopback(tb), TLS: loopback(tb), controller: controller}
		write(tb, filepath.Join(k.dir, "server.pem"), pemOf(tb, certificate))
		write(tb, filepath.Join(k.dir, "server.properties"), k.properties(i+1))
		format := []string{"format", "--cluster-id", clusterID, "--config", filepath.Join(k.dir, "server.properties")}
		for _, mechanism := range []string{"SCRAM-SHA-256", "SCRAM-SHA-512"} {
			format = append(format, "--add-scram", fmt.Sprintf("%s=[name=%s,password=%s]", mechanism, KafkaUser, KafkaPassword))
		}
		run(tb, append(k.argv("kafka.tools.StorageTool"), format...)...)
		cluster[i] = k
	}
	return cluster
}

// Start starts a broker and does not wait for it: what is seen of it meanwhile is for the test. A broker that was killed
// starts again with its data.
func (k *Kafka) Start() {
	k.tb.Helper()
	k.Process = start(k.tb, k.dir, func() error { return nil }, append(k.argv("kafka.Kafka"), filepath.Join(k.dir, "server.properties"))...)
}

func (k *Kafka) argv(class string) []string {
	return []string{k.java, "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp", filepath.Join(os.Getenv(EnvKafka), "*"), class}
}

func (k *Kafka) properties(id int) string {
	roles, listeners := "broker", ""
	if id == 1 {
		roles, listeners = "broker,controller", ",CONTROLLER://"+k.controller
	}
	properties := map[string]string{
		"process.roles": roles, "node.id": fmt.Sprint(id), "controller.quorum.voters": "1@" + k.controller,
		"controller.listener.names": "CONTROLLER", "inter.broker.listener.name": "PLAINTEXT",
		"listeners":                      "PLAINTEXT://" + k.Plain + ",SASL_PLAINTEXT://" + k.SASL + ",SSL://" + k.TLS + listeners,
		"listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SASL_PLAINTEXT:SASL_PLAINTEXT,SSL:SSL",
		"log.dirs":                       filepath.Join(k.dir, "data"),
		// Topics of the cluster's own with one replica, and groups that do not wait for further members.
		"offsets.topic.replication.factor": "1", "offsets.topic.num.partitions": "1", "group.initial.rebalance.delay.ms": "0",
		"transaction.state.log.replication.factor": "1", "transaction.state.log.min.isr": "1", "share.coordinator.state.topic.replication.factor": "1",
		"share.coordinator.state.topic.min.isr": "1",
		// A broker that is killed is missed soon.
		"broker.session.timeout.ms": "2000", "broker.heartbeat.interval.ms": "200", "replica.lag.time.max.ms": "2000",
		"sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512",
		"listener.name.sasl_plaintext.plain.sasl.jaas.config": fmt.Sprintf(
			"org.apache.kafka.common.security.plain.PlainLoginModule required user_%s=%q user_%s=%q;", KafkaUser, KafkaPassword, KafkaGuest, KafkaPassword),
		"listener.name.sasl_plaintext.scram-sha-256.sasl.jaas.config": "org.apache.kafka.common.security.scram.ScramLoginModule required;",
		"listener.name.sasl_plaintext.scram-sha-512.sasl.jaas.config": "org.apache.kafka.common.security.scram.ScramLoginModule required;",
		"ssl.keystore.type":     "PEM",
		"ssl.keystore.location": filepath.Join(k.dir, "server.pem"),
		"authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
		"super.users":           "User:ANONYMOUS;User:" + KafkaUser,
	}
	var text strings.Builder
	for _, name := range slices.Sorted(maps.Keys(properties)) {
		fmt.Fprintf(&text, "%s=%s\n", name, properties[name])
	}
	return text.String()
}

func loopback(tb testing.TB) string { return fmt.Sprintf("127.0.0.1:%d", FreePort(tb)) }

// pemOf is a certificate with its key in one file, as Kafka reads it.
func pemOf(tb testing.TB, c tls.Certificate) string {
	tb.Helper()
	key, err := x509.MarshalPKCS8PrivateKey(c.PrivateKey)
	if err != nil {
		tb.Fatal(err)
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})
	for _, der := range c.Certificate {
		text = append(text, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...)
	}
	return string(text)
}

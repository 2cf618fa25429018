// Package gate proves that an environment is worth testing: it probes what the config
// lists until everything is healthy, distinguishes transient from permanent failures,
// and keeps watching while suites run.
//
// A check's result is data, never an error: an [e2e.Gate] that says what was
// expected, what was last seen, how often, and what to try. Each kind of check is
// a package below this one; a new kind is a field of [Check] and a row in
// [Check.kinds].
package gate

import (
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/org/e2e-gate/internal/diag"
	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/gate/commandgate"
	"github.com/org/e2e-gate/internal/gate/dnsgate"
	"github.com/org/e2e-gate/internal/gate/fixturesgate"
	"github.com/org/e2e-gate/internal/gate/flagsgate"
	"github.com/org/e2e-gate/internal/gate/grpcgate"
	"github.com/org/e2e-gate/internal/gate/httpgate"
	"github.com/org/e2e-gate/internal/gate/kafkagate"
	"github.com/org/e2e-gate/internal/gate/kubegate"
	"github.com/org/e2e-gate/internal/gate/oidcgate"
	"github.com/org/e2e-gate/internal/gate/probe"
	"github.com/org/e2e-gate/internal/gate/redisgate"
	"github.com/org/e2e-gate/internal/gate/s3gate"
	"github.com/org/e2e-gate/internal/gate/sqlgate"
	"github.com/org/e2e-gate/internal/gate/tcpgate"
	"github.com/org/e2e-gate/internal/gate/tlsgate"
	"github.com/org/e2e-gate/internal/gate/versiongate"
)

// The vocabulary of the kinds, for those who only need this package.
type (
	Probe       = probe.Probe
	Observation = probe.Observation
	Env         = probe.Env
	HTTPSpec    = httpgate.Spec
	TLSSpec     = httpgate.TLS
	TCPSpec     = tcpgate.Spec
	CommandSpec = commandgate.Spec
)

// Defaults of the config.
const (
	DefaultTimeout   = 2 * time.Minute
	DefaultInterval  = 2 * time.Second
	DefaultStableFor = 1
	DefaultGrace     = time.Minute
)

// Spec is the section "gates" of the config.
type Spec struct {
	Timeout   time.Duration `yaml:"timeout" doc:"Maximum wait for all checks together, from the start of the wait. Default 2m."`
	Interval  time.Duration `yaml:"interval" doc:"Time between two probes of a check, plus or minus a fifth. Default 2s."`
	StableFor int           `yaml:"stable_for" doc:"Successes in a row before a check counts as healthy. Default 1."`
	Watch     Watch         `yaml:"watch" doc:"How checks are watched while suites run."`
	Checks    []Check       `yaml:"checks" doc:"Checks that must be healthy before a suite starts. All are probed at once."`
}

// Watch configures how checks are watched while suites run.
type Watch struct {
	Interval time.Duration `yaml:"interval" doc:"Time between two probes of a check, at least 1s. Default: the check's own interval, at least 2s."`
	Grace    time.Duration `yaml:"grace" doc:"How long a required check may be down before tests that have not started are given up. Meanwhile nothing starts. Default 1m."`
}

// Check is one health check: exactly one kind.
type Check struct {
	Name      string        `yaml:"name" doc:"Name of the check, unique."`
	Required  *bool         `yaml:"required" judge:"base" doc:"false: advisory. The check is reported but never keeps suites from starting. The gate waits for it only until all required checks have ended, then probes it once more. Default true."`
	External  bool          `yaml:"external" judge:"base" doc:"true: the gate belongs to something that this run neither starts nor deploys, such as another company's sandbox. Only matters for re-runs of the workflow: a failure that names the gate is left behind by a later pass, also if the gate went down while the test ran."`
	Needs     []string      `yaml:"needs" doc:"Names of checks that must pass before this one is probed. If one of them fails, this one fails without being probed."`
	Stages    []string      `yaml:"stages" judge:"base" doc:"Stages that the check belongs to; none means all."`
	Services  []string      `yaml:"services" judge:"base" doc:"Services that the check is about: only tests that need one of them need it. With no services and no journeys, every test needs the check."`
	Journeys  []string      `yaml:"journeys" judge:"base" doc:"Journeys whose tests need the check."`
	RetryOn   []string      `yaml:"retry_on" doc:"Answers that would end the wait but are retried instead, as during a roll-out: status codes such as 404, tls, redirect, not_json; for a command not_found."`
	Timeout   time.Duration `yaml:"timeout" doc:"Maximum wait for this check, from the start of the wait, instead of gates.timeout. Time spent waiting for needs counts."`
	Interval  time.Duration `yaml:"interval" doc:"Time between two probes, instead of gates.interval."`
	StableFor int           `yaml:"stable_for" doc:"Successes in a row, instead of gates.stable_for."`

	HTTP       *HTTPSpec          `yaml:"http" doc:"A request and what is expected of the answer."`
	Version    *versiongate.Spec  `yaml:"version" doc:"The deployed version is the one under test."`
	Fixtures   *fixturesgate.Spec `yaml:"fixtures" doc:"The API that creates test data has a version that the tests support, and refuses production."`
	Postgres   *sqlgate.Postgres  `yaml:"postgres" doc:"A PostgreSQL database: connection, migration, query, replica."`
	MySQL      *sqlgate.MySQL     `yaml:"mysql" doc:"A MySQL or MariaDB database: connection, migration, query, replica."`
	Redis      *redisgate.Spec    `yaml:"redis" doc:"A Redis server: connection, role, replication, memory."`
	Kafka      *kafkagate.Spec    `yaml:"kafka" doc:"A Kafka cluster: brokers, topics, partitions, consumer groups."`
	S3         *s3gate.Spec       `yaml:"s3" doc:"An object store that allows what the product does; tried with an object of the gate's own."`
	OIDC       *oidcgate.Spec     `yaml:"oidc" doc:"An OpenID provider that gives a test identity a token with the expected claims."`
	Flags      *flagsgate.Spec    `yaml:"flags" doc:"Feature flags have their values."`
	Kubernetes *kubegate.Spec     `yaml:"kubernetes" doc:"Roll-outs of workloads are complete, and their pods are ready with the expected image."`
	GRPC       *grpcgate.Spec     `yaml:"grpc" doc:"A server that answers SERVING by grpc.health.v1."`
	TLS        *tlsgate.Spec      `yaml:"tls" doc:"A certificate that a client would accept, for long enough."`
	DNS        *dnsgate.Spec      `yaml:"dns" doc:"A name that resolves as expected."`
	TCP        *TCPSpec           `yaml:"tcp" doc:"An address that accepts connections."`
	Command    *CommandSpec       `yaml:"command" doc:"A program that exits 0 when healthy."`

	// Dependency: it is the check of a declared external dependency.
	Dependency bool `yaml:"-"`
	// Scope is what services and journeys come to, with the checks that need this one; nil: every test needs it.
	Scope *e2e.Scope `yaml:"-"`
	// Pos is where the check stands in the config.
	Pos diag.Message `yaml:"-"`
}

// kind is one kind of check as the config spells it.
type kind struct {
	name string
	spec probe.Spec
	set  bool
}

// kinds lists every kind, in the order of the documentation.
func (c *Check) kinds() []kind {
	return []kind{
		{"http", c.HTTP, c.HTTP != nil},
		{"version", c.Version, c.Version != nil},
		{"fixtures", c.Fixtures, c.Fixtures != nil},
		{"postgres", c.Postgres, c.Postgres != nil},
		{"mysql", c.MySQL, c.MySQL != nil},
		{"redis", c.Redis, c.Redis != nil},
		{"kafka", c.Kafka, c.Kafka != nil},
		{"s3", c.S3, c.S3 != nil},
		{"oidc", c.OIDC, c.OIDC != nil},
		{"flags", c.Flags, c.Flags != nil},
		{"kubernetes", c.Kubernetes, c.Kubernetes != nil},
		{"grpc", c.GRPC, c.GRPC != nil},
		{"tls", c.TLS, c.TLS != nil},
		{"dns", c.DNS, c.DNS != nil},
		{"tcp", c.TCP, c.TCP != nil},
		{"command", c.Command, c.Command != nil},
	}
}

// chosen are the kinds that the check has; a valid check has one.
func (c *Check) chosen() []kind {
	var list []kind
	for _, k := range c.kinds() {
		if k.set {
			list = append(list, k)
		}
	}
	return list
}

// IsRequired reports whether the check keeps suites from starting.
func (c *Check) IsRequired() bool { return c.Required == nil || *c.Required }

// ReadsCheckout reports whether what the check sees may depend on files of the checkout: it runs a program, or reads files
// that the config names.
func (c *Check) ReadsCheckout() bool {
	return c.Command != nil || c.Kubernetes != nil || slices.ContainsFunc(c.chosen(), func(k kind) bool { return namesFile(reflect.ValueOf(k.spec)) })
}

// namesFile reports whether a section of the config, or one in it, has a file.
func namesFile(v reflect.Value) bool {
	if v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	if v.Kind() != reflect.Struct {
		return false
	}
	for i := range v.NumField() {
		f := v.Type().Field(i)
		if !f.IsExported() {
			continue
		}
		if v.Field(i).Kind() == reflect.String && strings.HasSuffix(f.Tag.Get("yaml"), "_file") && v.Field(i).Len() > 0 || namesFile(v.Field(i)) {
			return true
		}
	}
	return false
}

// firstPositive returns the first value above zero.
func firstPositive[T int | time.Duration](values ...T) T {
	for _, v := range values {
		if v > 0 {
			return v
		}
	}
	return 0
}

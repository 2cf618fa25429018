// Package redisgate is the redis check: a server that answers, in the expected
// role, whose replicas keep up and whose memory is not full.
package redisgate

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gomodule/redigo/redis"

	"github.com/org/e2e-gate/internal/diag"
	"github.com/org/e2e-gate/internal/gate/probe"
	"github.com/org/e2e-gate/internal/gate/trust"
	"github.com/org/e2e-gate/internal/safetext"
)

// Kind is the name of this kind of check in the config.
const Kind = "redis"

// Spec is the redis check of the config.
type Spec struct {
	Address          string        `yaml:"address" doc:"host:port of the server."`
	Username         string        `yaml:"username" doc:"User of the ACL. Default: the server's default user."`
	Password         string        `yaml:"password" doc:"Password. Secret."`
	TLS              *trust.TLS    `yaml:"tls" doc:"Use TLS, with these settings; tls: {} trusts the system's root CAs. Default: plain text."`
	Role             string        `yaml:"role" doc:"Role that the server must have." enum:"master,replica"`
	MinReplicas      int           `yaml:"min_replicas" doc:"A master must have at least this many replicas online."`
	MaxLag           time.Duration `yaml:"max_lag" doc:"Longest time since a replica last heard from its master, or a master from each of its replicas; whole seconds."`
	MaxMemoryPercent int           `yaml:"max_memory_percent" doc:"Memory in use, in percent of the server's maxmemory or, where it has none, of its machine."`
	Timeout          time.Duration `yaml:"timeout" doc:"Longest time of a single probe with its connection. Default 5s."`
}

// The words of retry_on.
const (
	wordLogin      = "login"
	wordPermission = "permission"
	wordProtocol   = "not_redis"
)

var roles = []string{"master", "replica"}

// ProbeTimeout bounds a single probe.
func (s *Spec) ProbeTimeout() time.Duration { return probe.TimeoutOr(s.Timeout) }

// RetryWords are the words of retry_on for this kind: its answers that normally end the
// wait.
func (s *Spec) RetryWords() []string {
	return []string{wordLogin, wordProtocol, wordPermission, trust.Word}
}

// Validate returns what is wrong with the spec.
func (s *Spec) Validate() []diag.Mistake {
	problems := probe.CheckAddress("address", s.Address, Kind)
	if s.Username != "" && s.Password == "" {
		problems = append(problems, diag.Mistake{Path: "password", Text: "a user needs a password", Hint: `write it as password: "${REDIS_PASSWORD}"`})
	}
	if s.Role != "" && !slices.Contains(roles, s.Role) {
		problems = append(problems, diag.Mistake{Path: "role", Text: fmt.Sprintf("unknown role %q", s.Role), Hint: diag.Expected(s.Role, roles)})
	}
	if s.MinReplicas < 0 || s.MinReplicas > 0 && s.Role == "replica" {
		problems = append(problems, diag.Mistake{Path: "min_replicas",
			Text: "min_replicas needs a master, and a number of at least 0", Hint: "use 1 with role: master"})
	}
	if s.MaxMemoryPercent < 0 || s.MaxMemoryPercent > 100 {
		problems = append(problems, diag.Mistake{Path: "max_memory_percent", Text: "the number is not between 1 and 100", Hint: "use 90"})
	}
	problems = append(problems, probe.Under("tls", s.TLS.Validate())...)
	problems = append(problems, probe.CheckDuration("max_lag", s.MaxLag)...)
	return append(problems, probe.CheckDuration("timeout", s.Timeout)...)
}

// New builds the probe.
func (s *Spec) New(env probe.Env) probe.Probe {
	if problems := s.Validate(); len(problems) > 0 {
		return probe.BrokenProbe(Kind, "", problems)
	}
	return &prober{spec: s, root: env.Root, mask: env.Hide([]string{s.Password})}
}

type prober struct {
	spec *Spec
	root string
	mask func(string) string
}

func (p *prober) Kind() string   { return Kind }
func (p *prober) Target() string { return p.spec.Address }

func (p *prober) Expected() string {
	parts := []string{"PONG"}
	if p.spec.Role != "" {
		parts = append(parts, p.spec.Role)
	}
	if p.spec.MinReplicas > 0 {
		parts = append(parts, fmt.Sprintf("replicas >= %d", p.spec.MinReplicas))
	}
	if p.spec.MaxLag > 0 {
		parts = append(parts, "lag at most "+p.spec.MaxLag.String())
	}
	if p.spec.MaxMemoryPercent > 0 {
		parts = append(parts, fmt.Sprintf("memory at most %d%%", p.spec.MaxMemoryPercent))
	}
	if text := p.spec.TLS.Expected(); text != "" {
		parts = append(parts, text)
	}
	return strings.Join(parts, ", ")
}

// Probe connects, asks, and closes the connection.
func (p *prober) Probe(ctx context.Context) probe.Observation {
	o := p.look(ctx)
	o.Observed, o.Reason = p.mask(o.Observed), p.mask(o.Reason)
	return o
}

func (p *prober) look(ctx context.Context) probe.Observation {
	conn, fault, err := p.dial(ctx)
	switch {
	case fault != nil:
		return *fault
	case err != nil:
		return p.fault(ctx, err)
	}
	defer func() { _ = conn.Close() }()
	// Every wait of the library ends with the probe.
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	info, err := ask(redis.NewConn(conn, 0, 0), p.spec)
	if err != nil {
		return p.fault(ctx, err)
	}
	return p.spec.judge(info)
}

func (p *prober) dial(ctx context.Context) (net.Conn, *probe.Observation, error) {
	if p.spec.TLS == nil {
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", p.spec.Address)
		return conn, nil, err
	}
	config, fault := p.spec.TLS.Config(p.root)
	if fault != nil {
		return nil, fault, nil
	}
	conn, err := (&tls.Dialer{Config: config}).DialContext(ctx, "tcp", p.spec.Address)
	if err != nil {
		return nil, nil, fmt.Errorf("connect: %w", err)
	}
	state := conn.(*tls.Conn).ConnectionState()
	if o, wrong := p.spec.TLS.CheckDays(&state); wrong {
		_ = conn.Close()
		return nil, &o, nil
	}
	return conn, nil, nil
}

// ask logs in, says PING and, where the config needs it, asks for INFO.
func ask(c redis.Conn, s *Spec) (info, error) {
	if s.Password != "" {
		args := redis.Args{}
		if s.Username != "" {
			args = args.Add(s.Username)
		}
		if _, err := c.Do("AUTH", args.Add(s.Password)...); err != nil {
			return nil, fmt.Errorf("log in: %w", err)
		}
	}
	if _, err := redis.String(c.Do("PING")); err != nil {
		return nil, fmt.Errorf("ping: %w", err)
	}
	if s.Role == "" && s.MinReplicas == 0 && s.MaxLag == 0 && s.MaxMemoryPercent == 0 {
		return info{}, nil
	}
	text, err := redis.String(c.Do("INFO"))
	if err != nil {
		return nil, fmt.Errorf("ask for info: %w", err)
	}
	return parseInfo(text), nil
}

// fault turns an error into an answer. What the server says is quoted.
func (p *prober) fault(ctx context.Context, err error) probe.Observation {
	if o, ok := trust.Fault(err); ok {
		return o
	}
	var said redis.Error
	if !errors.As(err, &said) {
		if ctx.Err() != nil {
			err = context.DeadlineExceeded
		}
		if strings.Contains(err.Error(), "redigo: unexpected response line") || strings.Contains(err.Error(), "redigo: bad") {
			return probe.Never(wordProtocol, "not the answer of a redis server",
				"the port speaks another protocol, or expects TLS; correct address or tls, or add not_redis to retry_on")
		}
		return probe.NetFault(err, p.spec.ProbeTimeout())
	}
	text := safetext.Plain(p.mask(said.Error()), probe.MaxQuote)
	switch word, _, _ := strings.Cut(said.Error(), " "); {
	case word == "NOAUTH", word == "WRONGPASS", word == "DENIED", strings.Contains(said.Error(), "AUTH"):
		return probe.Never(wordLogin, text, "the server refuses the login; check username and password, or add login to retry_on")
	case word == "NOPERM":
		return probe.Never(wordPermission, text, "the user may not run PING and INFO; allow it in the server's ACL, or add permission to retry_on")
	case word == "LOADING":
		return probe.NotYet(text, "the server is loading its data; wait")
	}
	return probe.NotYet(text, "the server answers with an error; look at its log")
}

// info are the fields of INFO.
type info map[string]string

func parseInfo(text string) info {
	fields := info{}
	for line := range strings.Lines(text) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), ":"); ok && !strings.HasPrefix(name, "#") {
			fields[name] = value
		}
	}
	return fields
}

func (i info) number(name string) int64 {
	n, err := strconv.ParseInt(i[name], 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// role is the server's, in today's word.
func (i info) role() string {
	if i["role"] == "slave" {
		return "replica"
	}
	return safetext.Plain(i["role"], probe.MaxQuote)
}

// replicas counts those online, and finds the longest time since one was heard.
func (i info) replicas() (online int, lag time.Duration) {
	for n := range i.number("connected_slaves") {
		fields := map[string]string{}
		for field := range strings.SplitSeq(i[fmt.Sprintf("slave%d", n)], ",") {
			name, value, _ := strings.Cut(field, "=")
			fields[name] = value
		}
		if fields["state"] == "online" {
			online++
		}
		seconds, _ := strconv.Atoi(fields["lag"])
		lag = max(lag, time.Duration(seconds)*time.Second)
	}
	return online, lag
}

// memory is what is in use in percent; known is false if there is no bound.
func (i info) memory() (percent int64, known bool) {
	limit := i.number("maxmemory")
	if limit == 0 {
		limit = i.number("total_system_memory")
	}
	if limit <= 0 {
		return 0, false
	}
	return i.number("used_memory") * 100 / limit, true
}

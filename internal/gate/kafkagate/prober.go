package kafkagate

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/org/e2e-gate/internal/gate/probe"
	"github.com/org/e2e-gate/internal/gate/trust"
)

type prober struct {
	spec *Spec
	root string
	mask func(string) string

	mu sync.Mutex
	// unknown maps a topic to the time since which a cluster that answers has not known
	// it.
	unknown time.Time
}

// Probe asks with a new client each time: a kept one would answer from its cache.
func (p *prober) Probe(ctx context.Context) probe.Observation {
	o := p.look(ctx)
	o.Observed, o.Reason = p.mask(o.Observed), p.mask(o.Reason)
	return o
}

func (p *prober) look(ctx context.Context) probe.Observation {
	// The library would retry until its own timeouts; the gate has its own loop.
	ctx, giveUp := context.WithCancel(ctx)
	defer giveUp()
	var w probe.Witness
	options, fault := p.options(ctx, &w, giveUp)
	if fault != nil {
		return *fault
	}
	client, err := kgo.NewClient(options...)
	if err != nil {
		return probe.Broken("the client cannot be created", "brokers or sasl cannot be used; correct them in the config")
	}
	defer client.Close()
	admin := kadm.NewClient(client)
	o, err := p.cluster(ctx, admin)
	if err == nil && o.Open() {
		o, err = p.groups(ctx, admin, o)
	}
	if err != nil {
		return p.fault(ctx, err, w.Err())
	}
	return o
}

func (p *prober) options(ctx context.Context, w *probe.Witness, giveUp func()) ([]kgo.Opt, *probe.Observation) {
	var config *tls.Config
	if p.spec.TLS != nil {
		c, fault := p.spec.TLS.Config(p.root)
		if fault != nil {
			return nil, fault
		}
		config = c
	}
	options := []kgo.Opt{
		kgo.SeedBrokers(p.spec.Brokers...), kgo.ClientID("e2e-gate"), kgo.WithContext(ctx), kgo.DisableClientMetrics(),
		kgo.RequestRetries(0), kgo.RetryTimeout(p.spec.ProbeTimeout()), kgo.MetadataMinAge(minAge),
		kgo.Dialer(p.dialer(ctx, config, w, giveUp)),
	}
	if p.spec.SASL != nil {
		options = append(options, kgo.SASL(p.spec.SASL.mechanism()))
	}
	return options, nil
}

// minAge keeps the library from waiting before it asks.
const minAge = 10 * time.Millisecond

// dialer connects within the probe. A fault of TLS ends the probe: trying again
// would not help. Of several brokers one may be down.
func (p *prober) dialer(probing context.Context, config *tls.Config, w *probe.Witness, giveUp func()) func(context.Context, string, string) (net.Conn, error) {
	return func(_ context.Context, network, address string) (net.Conn, error) {
		if config == nil {
			conn, err := (&net.Dialer{}).DialContext(probing, network, address)
			w.Note(err)
			return conn, err
		}
		conn, err := (&tls.Dialer{Config: config}).DialContext(probing, network, address)
		if err != nil {
			w.Note(err)
			if _, isTLS := trust.Fault(err); isTLS {
				giveUp()
			}
			return nil, fmt.Errorf("connect: %w", err)
		}
		state := conn.(*tls.Conn).ConnectionState()
		if o, wrong := p.spec.TLS.CheckDays(&state); wrong {
			_ = conn.Close()
			w.Note(expiring{o})
			giveUp()
			return nil, expiring{o}
		}
		return conn, nil
	}
}

// expiring is a certificate that ends too soon.
type expiring struct{ o probe.Observation }

func (e expiring) Error() string { return e.o.Observed }

// neverCodes are answers of a cluster that will keep refusing: permanent failures.
var neverCodes = []struct {
	err       error
	word, why string
}{
	{kerr.SaslAuthenticationFailed, wordLogin, "the brokers refuse the login; check username, password and mechanism"},
	{kerr.UnsupportedSaslMechanism, wordLogin, "the brokers do not accept this mechanism; check sasl.mechanism"},
	{kerr.IllegalSaslState, wordLogin, "the brokers expect no login on this port; check brokers, or remove sasl"},
	{kerr.TopicAuthorizationFailed, wordPermission, "the user may not describe a topic; allow it in the cluster's ACLs"},
	{kerr.GroupAuthorizationFailed, wordPermission, "the user may not describe a consumer group; allow it in the cluster's ACLs"},
	{kerr.ClusterAuthorizationFailed, wordPermission, "the user may not describe the cluster; allow it in its ACLs"},
}

// speaksTLS is in the library's error about an answer that starts like a message of TLS; it has no type.
const speaksTLS = "tls alert record"

func (p *prober) fault(ctx context.Context, err, connection error) probe.Observation {
	for _, c := range neverCodes {
		if errors.Is(err, c.err) {
			return probe.Never(c.word, said(err), c.why+", or add "+c.word+" to retry_on")
		}
	}
	var soon expiring
	if errors.As(connection, &soon) {
		return soon.o
	}
	if o, ok := trust.Fault(connection); connection != nil && ok {
		return o
	}
	var closed *kgo.ErrFirstReadEOF
	switch {
	case errors.As(err, &closed) && p.spec.TLS != nil && p.spec.SASL == nil:
		return probe.Never(wordLogin, "the broker closes the connection at once",
			"the port may not speak TLS, or expects a login; check brokers, set sasl, or add login to retry_on if brokers do this while they start")
	case errors.As(err, &closed):
		return probe.Never(wordLogin, "the broker closes the connection at once",
			"the port expects a login or TLS; set sasl or tls, or add login to retry_on if brokers do this while they start")
	case p.spec.TLS == nil && strings.Contains(err.Error(), speaksTLS):
		return probe.Never(trust.Word, "the port speaks TLS", "the connection was made without TLS; set tls, or use the port without it, or add tls to retry_on")
	case connection != nil:
		return probe.NetFault(connection, p.spec.ProbeTimeout())
	case ctx.Err() != nil:
		return probe.NetFault(context.DeadlineExceeded, p.spec.ProbeTimeout())
	}
	var code *kerr.Error
	if errors.As(err, &code) {
		return probe.NotYet(code.Message, "the brokers answer with an error; wait, or look at their logs")
	}
	return probe.NetFault(err, p.spec.ProbeTimeout())
}

// said is the broker's code: the text around it is the library's.
func said(err error) string {
	var code *kerr.Error
	if errors.As(err, &code) {
		return code.Message
	}
	return "refused"
}

func list(items []string) string {
	const most = 6
	if len(items) > most {
		return strings.Join(items[:most], ", ") + fmt.Sprintf(" and %d more", len(items)-most)
	}
	return strings.Join(items, ", ")
}

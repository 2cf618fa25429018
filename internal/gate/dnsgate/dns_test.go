package dnsgate

import (
	"net"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/net/dns/dnsmessage"

	"github.com/org/e2e-gate/internal/gate/probe"
	"github.com/org/e2e-gate/internal/testkit/gatekit"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// zone is what the test's DNS server knows; other names do not exist.
type zone map[string][]dnsmessage.ResourceBody

func a(last byte) dnsmessage.ResourceBody { return &dnsmessage.AResource{A: [4]byte{10, 0, 0, last}} }

func serve(t *testing.T, z zone) string {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		buf := make([]byte, 1500)
		for {
			n, from, err := conn.ReadFrom(buf)
			if err != nil {
				return
			}
			var m dnsmessage.Message
			if m.Unpack(buf[:n]) == nil && z != nil {
				packed, _ := z.answer(m).Pack()
				_, _ = conn.WriteTo(packed, from)
			}
		}
	}()
	t.Cleanup(func() { conn.Close(); <-done })
	return conn.LocalAddr().String()
}

func (z zone) answer(m dnsmessage.Message) *dnsmessage.Message {
	q := m.Questions[0]
	m.Header = dnsmessage.Header{ID: m.ID, Response: true, Authoritative: true, RecursionAvailable: true}
	m.Additionals = nil
	bodies, known := z[q.Name.String()]
	if !known {
		m.RCode = dnsmessage.RCodeNameError
	}
	if q.Name.String() == "broken.example." {
		m.RCode = dnsmessage.RCodeServerFailure
	}
	name := q.Name
	for _, body := range bodies {
		h := dnsmessage.ResourceHeader{Name: name, Class: dnsmessage.ClassINET, TTL: 1}
		switch b := body.(type) {
		case *dnsmessage.CNAMEResource:
			m.Answers = append(m.Answers, dnsmessage.Resource{Header: h, Body: b})
			name = b.CNAME
		case *dnsmessage.AResource:
			if q.Type == dnsmessage.TypeA {
				m.Answers = append(m.Answers, dnsmessage.Resource{Header: h, Body: b})
			}
		case *dnsmessage.TXTResource:
			if q.Type == dnsmessage.TypeTXT {
				m.Answers = append(m.Answers, dnsmessage.Resource{Header: h, Body: b})
			}
		}
	}
	return &m
}

func TestNames(t *testing.T) {
	server := serve(t, zone{
		"api.example.":  {a(2), a(1)},
		"www.example.":  {&dnsmessage.CNAMEResource{CNAME: dnsmessage.MustNewName("lb.example.")}, a(7)},
		"note.example.": {&dnsmessage.TXTResource{TXT: []string{"v=blue"}}},
		"none.example.": nil,
	})
	look := func(s Spec) probe.Observation {
		s.Server = server
		return gatekit.Look(t, &s, probe.Env{})
	}
	gatekit.Healthy(t, look(Spec{Name: "api.example"}), "resolves to 10.0.0.1, 10.0.0.2")
	gatekit.Healthy(t, look(Spec{Name: "api.example", Addresses: []string{"10.0.0.0/30"}}), "resolves to 10.0.0.1, 10.0.0.2")
	gatekit.NotYet(t, look(Spec{Name: "api.example", Addresses: []string{"10.0.0.1"}}), "resolves to 10.0.0.2")
	gatekit.Healthy(t, look(Spec{Name: "www.example", CNAME: "LB.example."}), "resolves to 10.0.0.7, CNAME lb.example")
	gatekit.NotYet(t, look(Spec{Name: "www.example", CNAME: "green.example"}), "CNAME lb.example")
	gatekit.Healthy(t, look(Spec{Name: "note.example", TXT: "v=blue"}), "TXT as expected")
	gatekit.NotYet(t, look(Spec{Name: "note.example", TXT: "v=green"}), "1 TXT records, none as expected")
	for _, name := range []string{"none.example", "new.example"} {
		gatekit.NotYet(t, look(Spec{Name: name}), "host not found: "+name+".")
	}
	gatekit.NotYet(t, look(Spec{Name: "broken.example"}), "the DNS server does not answer")
}

func TestServersThatFail(t *testing.T) {
	silent := &Spec{Name: "api.example", Server: serve(t, nil), Timeout: 100 * time.Millisecond}
	gatekit.NotYet(t, gatekit.Look(t, silent, probe.Env{}), "no answer within 100ms")
	if p := silent.New(probe.Env{}); p.Target() != "api.example at "+silent.Server || p.Expected() != "resolves" {
		t.Error(p.Target(), p.Expected())
	}
}

func TestValidate(t *testing.T) {
	gatekit.Problems(t, &Spec{Name: "http://x", Addresses: []string{"10.0.0.1", "10.0.0.0/8", "::1", "ten"}, Server: "dns"},
		"name: the check has no name to resolve", `addresses[3]: "ten" is neither an address nor a network`, "server: the address is not of the form host:port")
}

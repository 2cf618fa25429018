package tcpgate

import (
	"net"
	"testing"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/gate/probe"
)

func TestProbe(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := (&Spec{Address: l.Addr().String()}).New(probe.Env{})
	if o := p.Probe(t.Context()); o.State != e2e.Healthy || o.Observed != p.Expected() || p.Target() != l.Addr().String() || p.Kind() != "tcp" {
		t.Errorf("got %+v", o)
	}
	_ = l.Close()
	if o := p.Probe(t.Context()); o.State != e2e.Unhealthy || o.Finality != e2e.NotYet || o.Observed != "connection refused" {
		t.Errorf("got %+v", o)
	}
	if o := (&Spec{Address: "gate.invalid:1"}).New(probe.Env{}).Probe(t.Context()); o.Finality != e2e.NotYet || o.Observed != "host not found: gate.invalid" {
		t.Errorf("got %+v", o)
	}
}

func TestValidate(t *testing.T) {
	for address, want := range map[string]string{
		"localhost:1": "", "[::1]:5432": "", "10.0.0.1:65535": "",
		"": "the check has no address", "localhost": "the address is not of the form host:port", ":80": "the address is not of the form host:port",
		"::1:80": "the address is not of the form host:port", "u:p@h:80": "the address is not of the form host:port",
		"a b:80":      "the address is not of the form host:port",
		"http://h:80": "the address is a url, but the tcp check takes host:port", "h:0": "the address's port is not between 1 and 65535",
		"h:http": "the address's port is not between 1 and 65535", "h:65536": "the address's port is not between 1 and 65535",
	} {
		got := ""
		for _, p := range (&Spec{Address: address}).Validate() {
			got += p.Text
		}
		if got != want {
			t.Errorf("%q: got %q, want %q", address, got, want)
		}
	}
	if problems := (&Spec{Address: "h:1", Timeout: -1}).Validate(); len(problems) != 1 || problems[0].Path != "timeout" {
		t.Errorf("got %+v", problems)
	}
	if len((&Spec{}).RetryWords()) != 0 {
		t.Error("nothing about tcp is final")
	}
}

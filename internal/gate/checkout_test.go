package gate

import (
	"testing"

	"github.com/org/e2e-gate/internal/gate/kubegate"
	"github.com/org/e2e-gate/internal/gate/tlsgate"
)

func TestWhichChecksReadTheCheckout(t *testing.T) {
	for _, tc := range []struct {
		name  string
		check Check
		want  bool
	}{
		{"an address", Check{HTTP: &HTTPSpec{URL: "https://sandbox.example/health"}}, false},
		{"an address, with settings of TLS", Check{HTTP: &HTTPSpec{URL: "https://sandbox.example/health", TLS: &TLSSpec{ServerName: "sandbox"}}}, false},
		{"a certificate of the checkout", Check{HTTP: &HTTPSpec{URL: "https://sandbox.example/health", TLS: &TLSSpec{CAFile: "ci/ca.pem"}}}, true},
		{"a file of the section itself", Check{TLS: &tlsgate.Spec{CAFile: "ci/ca.pem"}}, true},
		{"a port", Check{TCP: &TCPSpec{Address: "sandbox.example:443"}}, false},
		{"a program", Check{Command: &CommandSpec{Run: []string{"./probe.sh"}}}, true},
		{"a kubeconfig", Check{Kubernetes: &kubegate.Spec{}}, true},
	} {
		if got := tc.check.ReadsCheckout(); got != tc.want {
			t.Errorf("%s: %t", tc.name, got)
		}
	}
}

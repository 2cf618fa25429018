package e2e

import "testing"

func TestAddress(t *testing.T) {
	for target, want := range map[string]struct {
		host, port string
		local      bool
	}{
		"http://127.0.0.1:8080/health": {"127.0.0.1", "8080", true},
		"https://API.example/":         {"api.example", "443", false},
		"localhost:5432":               {"localhost", "5432", true},
		"http://[::1]:80/":             {"::1", "80", true},
		"test -s file":                 {"", "", false},
		"service":                      {"", "", false},
		"":                             {"", "", false},
		"http://%zz/":                  {"", "", false},
		"foo://localhost/x":            {"localhost", "", false},
	} {
		g := Gate{Target: target}
		if host, port := g.Address(); host != want.host || port != want.port || g.Local() != want.local {
			t.Errorf("%q: %q %q %v", target, host, port, g.Local())
		}
	}
}

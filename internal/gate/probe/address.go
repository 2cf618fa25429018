package probe

import (
	"net"
	"strconv"
	"strings"

	"github.com/org/e2e-gate/internal/diag"
)

// CheckAddress returns what is wrong with an address of a check that takes
// host:port. It never quotes the address: one written as a URL may hold secrets.
func CheckAddress(path, address, kind string) []diag.Mistake {
	text := addressFault(address, kind)
	if text == "" {
		return nil
	}
	return []diag.Mistake{{Path: path, Text: text, Hint: "write it as 127.0.0.1:9092 or [::1]:9092"}}
}

func addressFault(address, kind string) string {
	if address == "" {
		return "the check has no address"
	}
	if strings.Contains(address, "://") {
		return "the address is a url, but the " + kind + " check takes host:port"
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil || host == "" || strings.ContainsAny(host, " @/") {
		return "the address is not of the form host:port"
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return "the address's port is not between 1 and 65535"
	}
	return ""
}

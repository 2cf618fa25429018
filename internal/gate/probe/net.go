package probe

import (
	"context"
	"errors"
	"github.com/org/e2e-gate/internal/safetext"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"time"
)

// NetFault says in words what went wrong on the way to an address. The error's own text
// is not used: it quotes addresses and URLs with whatever they hold. All of these are
// transient.
func NetFault(err error, timeout time.Duration) Observation {
	observed, reason := netFault(err, timeout)
	return NotYet(observed, reason)
}

func netFault(err error, timeout time.Duration) (observed, reason string) {
	var dns *net.DNSError
	switch {
	case errors.As(err, &dns):
		return "host not found: " + dns.Name, "the host name does not resolve; check the name, and whether this machine's DNS knows it"
	case refused(err):
		return "connection refused", "nothing listens on the port; check that the service was started and on which port it listens"
	case unreachable(err):
		return "network unreachable", "there is no route to the host; check network, VPN and firewall"
	case IsTimeout(err):
		return "no answer within " + timeout.String(), "the service does not answer in time; look at its log, or raise the check's timeout"
	case reset(err):
		return "connection closed without an answer", "the service closed the connection; look at its log, it may be starting or crashing"
	default:
		return "connection failed: " + plainCause(err), "the connection failed; check the address and the service's log"
	}
}

// IsTimeout reports whether the error is a timeout of any layer.
func IsTimeout(err error) bool {
	var timeout interface{ Timeout() bool }
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded) ||
		errors.As(err, &timeout) && timeout.Timeout()
}

// The numbers of the same faults on Windows, which package syscall does not map.
const (
	errWSANetUnreach  = syscall.Errno(10051)
	errWSAConnAborted = syscall.Errno(10053)
	errWSAConnReset   = syscall.Errno(10054)
	errWSAConnRefused = syscall.Errno(10061)
	errWSAHostUnreach = syscall.Errno(10065)
)

func refused(err error) bool { return isAny(err, syscall.ECONNREFUSED, errWSAConnRefused) }

func unreachable(err error) bool {
	return isAny(err, syscall.ENETUNREACH, syscall.EHOSTUNREACH, errWSANetUnreach, errWSAHostUnreach)
}

func reset(err error) bool {
	return isAny(err, syscall.ECONNRESET, syscall.EPIPE, syscall.ECONNABORTED, errWSAConnReset, errWSAConnAborted) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
}

func isAny(err error, numbers ...syscall.Errno) bool {
	for _, n := range numbers {
		if errors.Is(err, n) {
			return true
		}
	}
	return false
}

// plainCause is the innermost error without anything that looks like a URL.
func plainCause(err error) string {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			break
		}
		err = inner
	}
	words := strings.Fields(err.Error())
	for i, w := range words {
		if strings.Contains(w, "://") || strings.ContainsAny(w, "?@") {
			words[i] = "[address]"
		}
	}
	return safetext.Plain(strings.Join(words, " "), MaxQuote)
}

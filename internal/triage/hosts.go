package triage

import (
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// party says whose a host is.
type party int

const (
	// partyUnknown: a name that nothing is known of. It is not external by that.
	partyUnknown party = iota
	partyOwn
	partyThird
)

var (
	hostInURL = rx(`(?i)\b(?:https?|wss?|grpc|amqps?|postgres(?:ql)?|mysql|redis|mongodb(?:\+srv)?|kafka|jdbc:\w+)://` +
		`(?:[^\s/@"']*@)?(\[[0-9a-f:.]+\]|[\w.-]+)(?::(\d{1,5}))?`)
	hostPort = rx(`(?i)(?:^|[\s"'(\[/@=,:])` +
		`((?:[a-z0-9-]+\.)+[a-z][a-z0-9-]+|localhost|(?:\d{1,3}\.){3}\d{1,3}|\[[0-9a-f:]*\]|[a-z][a-z0-9-]*[a-z0-9]):(\d{2,5})\b`)
	hostArgument = rx(`\bhost=['"]?([\w.:-]+?)['"]?,? port=['"]?(\d{1,5})\b`)
	hostByName   = rx(`(?i)\b(?:ENOTFOUND|EAI_AGAIN|UnknownHostException|lookup|host(?:name)?|resolve|for|from|by|to|on|calling)` +
		`\W{1,3}((?:[a-z0-9-]+\.)+[a-z]{2,})\b`)
)

// target is a host, and a port where one was named.
type target struct {
	host string
	port int
}

// targetsOf finds hosts in a text, in order, without doubles.
func targetsOf(text string) (list []target) {
	add := func(host, port string) {
		n, _ := strconv.Atoi(port)
		t := target{strings.ToLower(strings.TrimSuffix(strings.Trim(host, "[]"), ".")), n}
		// A source file with its line reads like a host with its port.
		if t.host == "" || sourceName.MatchString(t.host) {
			return
		}
		for i := range list {
			if list[i].host == t.host {
				list[i].port = max(list[i].port, t.port)
				return
			}
		}
		list = append(list, t)
	}
	resolver := strings.Contains(text, "lookup ")
	defer func() {
		// Go names the server that it asked for an address: lookup case-api on 127.0.0.53:53.
		if resolver && len(list) > 1 {
			list = slices.DeleteFunc(list, func(t target) bool { return t.port == dnsPort })
		}
	}()
	if strings.Contains(text, "://") {
		for _, m := range hostInURL.FindAllStringSubmatch(text, maxTargets) {
			add(m[1], m[2])
		}
	}
	if strings.Contains(text, "host=") {
		for _, m := range hostArgument.FindAllStringSubmatch(text, maxTargets) {
			add(m[1], m[2])
		}
	}
	if hasPort(text) {
		for _, m := range hostPort.FindAllStringSubmatch(text, maxTargets) {
			add(m[1], m[2])
		}
	}
	if strings.IndexByte(text, '.') >= 0 && nameWords.in(text) {
		for _, m := range hostByName.FindAllStringSubmatch(text, maxTargets) {
			add(m[1], "")
		}
	}
	return list
}

const dnsPort = 53

// maxTargets bounds the hosts that are read of one line.
const maxTargets = 8

// nameWords must occur before a host that stands without scheme and port.
var nameWords = newMatcher([]string{
	"enotfound", "eai_again", "unknownhost", "lookup ", "host", "resolve", "for ", "from ", "by ", "to ", "on ", "calling ",
})

// hasPort reports whether there is a colon with two digits behind it.
func hasPort(text string) bool {
	for i := 0; i+2 < len(text); i++ {
		if text[i] == ':' && '0' <= text[i+1] && text[i+1] <= '9' && '0' <= text[i+2] && text[i+2] <= '9' {
			return true
		}
	}
	return false
}

// The lists of hosts and of words about them; lists.txt says what each is for.
var (
	sourceName   = listed("no hosts")
	thirdParties = listed("third parties")
	thirdWords   = listed("third words")
	thirdLabels  = listed("third labels")
	ownLabels    = listed("own labels")
	ownSuffixes  = listed("own suffixes")
	rented       = listed("rented machines")
	serviceNames = listed("service names")
)

// partyOf says whose a host is: the gates' hosts and addresses of private networks
// are ours, known services are not.
func partyOf(host string, own map[string]bool) party {
	switch {
	case own[host], host == "localhost", host == "host.docker.internal", ownSuffixes.MatchString(host), rented.MatchString(host):
		return partyOwn
	case thirdParties.MatchString(host):
		return partyThird
	}
	if ip, err := netip.ParseAddr(host); err == nil {
		if ip.IsLoopback() || ip.IsPrivate() || ip.IsLinkLocalUnicast() || ip.IsUnspecified() {
			return partyOwn
		}
		return partyUnknown
	}
	if !strings.Contains(host, ".") {
		return partyOwn // a name of a cluster or a compose file
	}
	for suffix := range own {
		if _, domain, ok := strings.Cut(suffix, "."); ok && strings.Contains(domain, ".") && strings.HasSuffix(host, "."+domain) {
			return partyOwn
		}
	}
	if thirdLabels.MatchString(host) {
		return partyThird
	}
	if ownLabels.MatchString(subdomain(host)) {
		return partyOwn
	}
	return partyUnknown
}

// subdomain is a host name without its last two labels, which name who owns it.
func subdomain(host string) string {
	labels := strings.Split(host, ".")
	return strings.Join(labels[:max(len(labels)-2, 0)], ".")
}

// public reports whether a target has a name that the whole internet may know.
func (t target) public() bool {
	return publicName.MatchString(t.host) && !sourceFile.MatchString(t.host) && partyOf(t.host, nil) != partyOwn
}

// sourceFile is a name that ends as a file of source code does, although a country has that ending too.
var sourceFile = rx(`\.(?:py|rs|pl|sh|cc|md|rb|so|ps|cs|ts|hs|vb|pm|mk|ml|la)$`)

// publicName is a host with a public suffix. Names of packages, which begin with one, and those that are kept for
// examples are none.
var publicName = rx(`^(?:[a-z0-9-]+\.)+(?:` + publicSuffixes + `|info|edu|int|cloud|tech|[a-z]{2})$`)

// ownHosts are the hosts of the gates and those that were named.
func ownHosts(in Input) map[string]bool {
	own := map[string]bool{}
	for _, h := range in.Hosts {
		own[strings.ToLower(h)] = true
	}
	for _, g := range in.Gates {
		if u, err := url.Parse(g.Target); err == nil && u.Hostname() != "" {
			own[strings.ToLower(u.Hostname())] = true
		} else if t := targetsOf(g.Target); len(t) > 0 {
			own[t[0].host] = true
		}
	}
	return own
}

// servicePorts are ports of databases, brokers and caches.
var servicePorts = sync.OnceValue(func() map[int]bool {
	ports := map[int]bool{}
	for _, text := range texts("service ports") {
		port, _ := strconv.Atoi(text)
		ports[port] = port > 0
	}
	return ports
})

func (t target) service() bool { return servicePorts()[t.port] || serviceNames.MatchString(t.host) }

// ephemeral reports whether the port is one that a system hands out: a server
// that the test itself started.
func (t target) ephemeral() bool { return t.port >= 32768 }

package triage

import (
	"net/netip"
	"net/url"
	"strconv"
	"strings"
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
	hostInURL  = rx(`(?i)\b(?:https?|wss?|grpc|amqps?|postgres(?:ql)?|mysql|redis|mongodb(?:\+srv)?|kafka|jdbc:\w+)://(?:[^\s/@"']*@)?(\[[0-9a-f:.]+\]|[\w.-]+)(?::(\d{1,5}))?`)
	hostPort   = rx(`(?i)(?:^|[\s"'(\[/@=,:])((?:[a-z0-9-]+\.)+[a-z][a-z0-9-]+|localhost|(?:\d{1,3}\.){3}\d{1,3}|\[[0-9a-f:]*\]|[a-z][a-z0-9-]*[a-z0-9]):(\d{2,5})\b`)
	hostByName = rx(`(?i)\b(?:ENOTFOUND|EAI_AGAIN|UnknownHostException|lookup|host(?:name)?|resolve|for|from|by|to|on|calling)\W{1,3}((?:[a-z0-9-]+\.)+[a-z]{2,})\b`)
)

// target is a host, and a port where one was named.
type target struct {
	host string
	port int
}

// targetsOf finds hosts in a text, in order, without doubles.
func targetsOf(text string) []target {
	var list []target
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
	if strings.Contains(text, "://") {
		for _, m := range hostInURL.FindAllStringSubmatch(text, maxTargets) {
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

// maxTargets bounds the hosts that are read of one line.
const maxTargets = 8

// nameWords must occur before a host that stands without scheme and port.
var nameWords = newMatcher([]string{"enotfound", "eai_again", "unknownhost", "lookup ", "host", "resolve", "for ", "from ", "by ", "to ", "on ", "calling "})

// hasPort reports whether there is a colon with two digits behind it.
func hasPort(text string) bool {
	for i := 0; i+2 < len(text); i++ {
		if text[i] == ':' && '0' <= text[i+1] && text[i+1] <= '9' && '0' <= text[i+2] && text[i+2] <= '9' {
			return true
		}
	}
	return false
}

var sourceName = rx(`\.(?:java|kt|go|py|rb|cs|[cm]?[jt]sx?|vue|feature|php|scala|groovy|xml|ya?ml|json|html?|log|txt|sql|sh)$|^(?:line|port|code|status|error|at|e|http|https|expected|actual|message|took|pid|id|row|column|col)$`)

// thirdParties are services that products depend on and nobody tests: payment,
// messages, identity, maps, clouds, registries.
var thirdParties = rx(`(?i)(?:^|\.)(?:stripe|paypal|braintree(?:gateway|-api)?|adyen|klarna|squareup|checkout|mollie|worldpay|plaid|wise|twilio|sendgrid|mailgun|mailchimp|postmarkapp|sparkpost|nexmo|vonage|messagebird|slack|auth0|okta|onelogin|duosecurity|googleapis|google|gstatic|facebook|graph\.facebook|twitter|linkedin|github|githubusercontent|gitlab|bitbucket|docker|quay|ghcr|npmjs|yarnpkg|pypi|pythonhosted|maven|rubygems|crates|amazonaws|azure|windows|microsoftonline|cloudflare|fastly|akamai\w*|salesforce|zendesk|hubspot|intercom|segment|mixpanel|datadoghq|sentry|newrelic|pagerduty|launchdarkly|split|algolia|mapbox|here|openweathermap|exchangerate\w*|fixer|docusign|dropbox|box|zoom|recaptcha|hcaptcha|unsplash|cloudinary|imgix|firebaseio|supabase|openai|anthropic|shopify|fedex|ups|dhl|usps|taxjar|avalara|experian|equifax|onfido|trulioo|companieshouse|vies|letsencrypt)\.(?:com|net|org|io|co|dev|app|eu|de|uk|gov\.uk|gov|us|ai|is|me|ly)$`)

// thirdWords are names of such services, and words for them, where no host is
// named.
var thirdWords = rx(`(?i)\b(?:stripe|paypal|braintree|adyen|klarna|twilio|sendgrid|mailgun|mailchimp|nexmo|vonage|auth0|okta|google maps|github api|salesforce|docusign|plaid|mapbox|recaptcha|openai|third[- ]party|external (?:provider|service|api|system|partner)|upstream provider|vendor api|partner api|(?:payment|sms|email|e-mail|mail|geocoding|credit|kyc|tax|exchange[- ]rate|shipping|weather) (?:provider|gateway|sandbox|processor|vendor|bureau))\b`)

// thirdLabels mark hosts of partners: sandbox.payments.example.
var thirdLabels = rx(`(?i)(?:^|[.-])(?:sandbox|partner|partners|vendor|third-?party|external|psp|acquirer|provider)(?:[.-]|$)`)

var (
	ownLabels = rx(`(?i)(?:^|[.-])(?:staging|stage|stg|preview|qa|uat|dev|develop|test|testing|e2e|ci|int|integration|pre-?prod|local|internal|intra|corp|lan|review|svc|cluster|pr-?\d+)(?:[.-]|$)`)
	// rented are machines of a cloud that run what is ours.
	rented      = rx(`(?i)\.(?:rds|elb|cache|eks|ecs|redshift|docdb|kafka|compute|elasticbeanstalk)\.(?:[\w-]+\.)?amazonaws\.com$|\.(?:azurewebsites\.net|cloudapp\.azure\.com|database\.windows\.net|run\.app|cloudfunctions\.net|herokuapp\.com|fly\.dev|vercel\.app|netlify\.app|onrender\.com)$`)
	ownSuffixes = rx(`(?i)(?:\.local|\.localhost|\.svc|\.internal|\.cluster\.local|\.test|\.lan|\.corp|\.intra|\.home\.arpa)$`)
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

// servicePorts are ports of databases, brokers and caches: what answers there is
// never the product.
var servicePorts = map[int]bool{
	1433: true, 1521: true, 2181: true, 2375: true, 2376: true, 3306: true, 4222: true, 4444: true, 5432: true, 5433: true, 5671: true, 5672: true,
	6379: true, 6432: true, 6443: true, 8500: true, 8200: true,
	9042: true, 9092: true, 9093: true, 9094: true, 9200: true, 9300: true, 11211: true, 15672: true, 26379: true, 26257: true, 27017: true, 29092: true,
	61616: true, 1025: true, 1080: true, 25: true, 587: true, 53: true,
}

var serviceNames = rx(`(?i)^(?:.*[.-])?(?:postgres\w*|pg|mysql|mariadb|db|database|redis|cache|kafka\w*|broker\w*|rabbit\w*|mq|nats|mongo\w*|elastic\w*|opensearch|zookeeper|vault|consul|minio|s3|selenium(?:-hub)?|hub|keycloak|smtp|mailhog|mailpit|localstack)(?:[.-].*)?$`)

func (t target) service() bool { return servicePorts[t.port] || serviceNames.MatchString(t.host) }

// ephemeral reports whether the port is one that a system hands out: a server
// that the test itself started.
func (t target) ephemeral() bool { return t.port >= 32768 }

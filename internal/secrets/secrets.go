// Package secrets finds what must not be shown: in the environment of the gate, by the names
// of variables and by what their values look like.
package secrets

import (
	"encoding/json"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/org/e2e-gate/internal/proc"
)

// MinWeak is the length in bytes below which a value is masked only if its variable is named
// under secrets.
const MinWeak = 8

// Source is where secrets are looked for.
type Source struct {
	// Environ is the environment, in the form of os.Environ.
	Environ []string
	// Named are the variables that the config names as secret, Passed those that it hands to
	// children although they are withheld.
	Named, Passed []string
	// Values are those of fields of the config that hold secrets.
	Values []string
}

// Secret is a value that is masked. Variable is where it comes from; empty: the config.
type Secret struct{ Variable, Value string }

// Found are the secrets of a [Source].
type Found struct {
	// Named are masked anywhere; Weak are masked unless they are a word of the run.
	Named, Weak []Secret
	// Short are variables that hold a secret that is too short to be masked.
	Short []string
}

// Find finds the secrets. Values that several variables have are listed with the first.
func Find(src Source) Found {
	f := finder{passed: src.Passed, named: src.Named}
	for _, setting := range src.Environ {
		if name, value, ok := strings.Cut(setting, "="); ok && name != "" {
			f.variable(name, value)
		}
	}
	for _, v := range src.Values {
		f.weak("", v)
		f.inside("", v)
	}
	return f.found
}

// Inherited lists variables that children inherit and that look like secrets, sorted.
func Inherited(environ, named []string) []string {
	var found []string
	for _, setting := range environ {
		name, value, _ := strings.Cut(setting, "=")
		if name == "" || proc.Withheld(name, named) {
			continue
		}
		f := finder{}
		if f.variable(name, value); len(f.found.Weak)+len(f.found.Short) > 0 {
			found = append(found, name)
		}
	}
	slices.Sort(found)
	return slices.Compact(found)
}

type finder struct {
	named, passed []string
	found         Found
}

// variable looks at a variable of the environment.
func (f *finder) variable(name, value string) {
	switch {
	case slices.ContainsFunc(f.named, func(s string) bool { return strings.EqualFold(s, name) }):
		if s := (Secret{name, value}); strings.TrimSpace(value) != "" && !slices.Contains(f.found.Named, s) {
			f.found.Named = append(f.found.Named, s)
		}
	case slices.Contains(f.passed, name), LooksSecret(name):
		if ordinary(name, value) {
			break
		}
		f.weak(name, value)
		f.parts(name, value)
	}
	f.inside(name, value)
}

// weak notes a value of a variable.
func (f *finder) weak(name, value string) {
	value = strings.TrimSpace(value)
	if len(value) < MinWeak {
		if value != "" && name != "" && !slices.Contains(f.found.Short, name) {
			f.found.Short = append(f.found.Short, name)
		}
		return
	}
	if !slices.ContainsFunc(f.found.Weak, func(s Secret) bool { return s.Value == value }) {
		f.found.Weak = append(f.found.Weak, Secret{name, value})
	}
}

// ordinary reports whether the value of a variable with a secret's name is none: the path of a
// file, or an address without credentials.
func ordinary(name, value string) bool {
	if filepath.IsAbs(value) {
		if _, err := os.Stat(value); err == nil { //nolint:gosec // a path from the environment is only looked for
			return true
		}
	}
	if n := normal(name); strings.Contains(n, "WEBHOOK") || strings.Contains(n, "_DSN_") {
		return false
	}
	u, err := url.Parse(value)
	return err == nil && u.Host != "" && u.Scheme != "" && u.User == nil && u.RawQuery == "" && u.Fragment == ""
}

// parts notes what stands in a secret value and may be shown alone: strings of a JSON document, the
// path of an address.
func (f *finder) parts(name, value string) {
	var doc any
	if value = strings.TrimSpace(value); strings.HasPrefix(value, "{") && json.Unmarshal([]byte(value), &doc) == nil {
		f.document(name, "", doc)
		return
	}
	if u, err := url.Parse(value); err == nil && u.Host != "" && len(u.RequestURI()) > 2*MinWeak {
		f.weak(name, u.RequestURI())
	}
}

// document notes strings of a document whose key looks like a secret's.
func (f *finder) document(name, key string, v any) {
	switch v := v.(type) {
	case map[string]any:
		for k, value := range v {
			f.document(name, k, value)
		}
	case []any:
		for _, value := range v {
			f.document(name, key, value)
		}
	case string:
		if LooksSecret(key) && !ordinary(key, v) && len(v) >= MinWeak {
			f.weak(name, v)
		}
	}
}

var (
	// address is one with credentials before its host.
	address = regexp.MustCompile("(?i)([a-z][a-z0-9+.-]*)://([^\\s\"'`<>]*)")
	// setting is a password in a list of settings: libpq, JDBC, ADO, queries.
	setting = regexp.MustCompile(`(?i)(?:^|[\s;&?,])([\w.-]*(?:password|passwd|pwd|passphrase|secret|token|api_?key|account_?key|access_?key|sig))\s*=\s*` +
		`("[^"]*"|'[^']*'|\{[^}]*\}|[^\s;&"'{}]+)`)
	// mysql is what Go's driver reads.
	mysql = regexp.MustCompile(`^([^:@/\s]*):(\S+)@\w*\(([^)]*)\)/(\w*)`)
)

// inside notes passwords in the addresses and settings of any value.
func (f *finder) inside(name, value string) {
	if strings.Contains(value, "://") {
		for _, m := range address.FindAllStringSubmatch(value, -1) {
			f.address(name, strings.ToLower(m[1]), m[2])
		}
	}
	if strings.Contains(value, "=") {
		for _, m := range setting.FindAllStringSubmatch(value, -1) {
			f.password(name, strings.Trim(m[2], `"'{}`))
		}
	}
	if m := mysql.FindStringSubmatch(value); m != nil {
		f.password(name, m[2], m[1], m[3], m[4])
	}
}

// address notes the password of an address, of which rest is what follows the scheme. A password
// may hold an at sign or a slash that is not escaped, so each way to read it counts.
func (f *finder) address(name, scheme, rest string) {
	authority, _, _ := strings.Cut(rest, "/")
	for _, at := range []int{strings.LastIndexByte(authority, '@'), strings.LastIndexByte(rest, '@')} {
		if at < 0 {
			continue
		}
		user, password, has := strings.Cut(rest[:at], ":")
		host, path, _ := strings.Cut(rest[at+1:], "/")
		host, _, _ = strings.Cut(host, ":")
		database, _, _ := strings.Cut(path, "?")
		switch {
		case has:
			f.password(name, password, user, host, database)
		case scheme == "http" || scheme == "https":
			f.password(name, user, host, database) // a token alone
		}
	}
}

// password notes a password, unless it equals one of the names beside it.
func (f *finder) password(name, password string, beside ...string) {
	for _, p := range []string{password, unescaped(password)} {
		if len(p) >= MinWeak && !slices.Contains(beside, p) {
			f.weak(name, p)
		}
	}
}

func unescaped(s string) string {
	if out, err := url.PathUnescape(s); err == nil {
		return out
	}
	return s
}

// parts of names that secrets have, anywhere; and whole words of such names.
var (
	anywhere = []string{
		"TOKEN", "SECRET", "PASSWORD", "PASSWD", "PASSPHRASE", "PASSCODE", "CREDENTIAL", "APIKEY", "API_KEY", "ACCESS_KEY", "PRIVATE_KEY", "SSH_KEY",
		"ENCRYPTION_KEY", "SIGNING_KEY", "JWT", "BEARER", "COOKIE", "WEBHOOK", "CONNECTION_STRING", "CONNECTIONSTRING", "AUTHORIZATION", "SESSIONID",
		"AUTH_CONFIG", "AUTH_HEADER", "AUTH_STRING", "BASIC_AUTH", "KEY_B64", "KEY_BASE64", "KEY_PEM", "KEY_JSON", "KEY_DATA",
	}
	words    = []string{"_PASS_", "_PWD_", "_PAT_", "_CRED_", "_CREDS_", "_DSN_", "_OTP_", "_TOTP_", "_HMAC_", "_SAS_"}
	last     = []string{"_AUTH_", "_KEY_", "PASS_", "PWD_", "PASSWORT_"}
	harmless = []string{"PWD", "OLDPWD", "COMPASS", "BYPASS", "SSH_AUTH_SOCK"}
)

// LooksSecret reports whether variables of such a name usually hold a secret. Case and style do not
// matter: dbPass, DB-PASS and DB_PASS are one.
func LooksSecret(name string) bool {
	upper := strings.ToUpper(name)
	if slices.Contains(harmless, upper) || proc.RunnerFile(upper) {
		return false
	}
	n := normal(name)
	contains := func(part string) bool { return strings.Contains(n, part) }
	ends := func(part string) bool { return strings.HasSuffix(n, part) }
	return slices.ContainsFunc(anywhere, contains) || slices.ContainsFunc(words, contains) || slices.ContainsFunc(last, ends)
}

// normal is a name in upper case, with an underscore between its words and at both ends.
func normal(name string) string {
	var b strings.Builder
	b.WriteByte('_')
	lower := false
	for _, c := range name {
		switch {
		case !unicode.IsLetter(c) && !unicode.IsDigit(c):
			c = '_'
		case lower && unicode.IsUpper(c):
			b.WriteByte('_')
		}
		lower = unicode.IsLower(c)
		b.WriteRune(unicode.ToUpper(c))
	}
	b.WriteByte('_')
	return b.String()
}

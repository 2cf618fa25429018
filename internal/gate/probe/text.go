package probe

import (
	"net/url"
	"slices"
	"strings"

	"github.com/org/e2e-gate/internal/safetext"
)

// Limits of the texts of a probe, in characters.
const (
	// MaxQuote bounds a quote from an answer.
	MaxQuote = 200
	// MaxText bounds any text about a check.
	MaxText = 600
)

// Quote quotes the start of an answer.
func Quote(s string) string {
	c := safetext.Plain(s, MaxQuote)
	if c == "" {
		return "an empty answer"
	}
	return `"` + c + `"`
}

// SafeURL renders a URL as scheme://host/path: no user, no query, no fragment.
func SafeURL(u *url.URL) string {
	safe := url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path, RawPath: u.RawPath}
	return safe.String()
}

// SafeURLText is [SafeURL] of a text that should be a URL. One that cannot be
// parsed is not shown at all.
func SafeURLText(s string) string {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" {
		return "[unreadable address]"
	}
	return SafeURL(u)
}

// Mask stands for a secret that was removed.
const Mask = "***"

// minSecret is the length of the shortest secret that is removed everywhere. Shorter
// ones would blank out ordinary words.
const minSecret = 4

// Masker returns a function that removes the given secrets from a text, longest
// first.
func Masker(secrets []string) func(string) string {
	var pairs []string
	secrets = slices.DeleteFunc(slices.Clone(secrets), func(s string) bool { return len(s) < minSecret })
	slices.SortFunc(secrets, func(a, b string) int { return len(b) - len(a) })
	for _, s := range secrets {
		pairs = append(pairs, s, Mask)
	}
	if len(pairs) == 0 {
		return func(s string) string { return s }
	}
	return strings.NewReplacer(pairs...).Replace
}

// SecretName reports whether a header, query parameter or variable of that name
// usually holds a secret.
func SecretName(name string) bool {
	name = strings.ToLower(name)
	for _, part := range []string{"auth", "token", "secret", "passw", "pwd", "key", "cookie", "session", "credential", "signature"} {
		if strings.Contains(name, part) {
			return true
		}
	}
	return name == "sig"
}

// URLSecrets returns what a URL holds that must not be shown: password, query,
// and the values of its parameters where their name or length says so.
func URLSecrets(u *url.URL) []string {
	var secrets []string
	if pw, ok := u.User.Password(); ok {
		secrets = append(secrets, pw, url.QueryEscape(pw), url.PathEscape(pw))
	}
	if u.RawQuery != "" {
		secrets = append(secrets, u.RawQuery)
	}
	for name, values := range u.Query() {
		for _, v := range values {
			if SecretName(name) || len(v) >= 2*minSecret {
				secrets = append(secrets, v)
			}
		}
	}
	slices.Sort(secrets)
	return secrets
}

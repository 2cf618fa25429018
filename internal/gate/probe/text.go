package probe

import (
	"net/url"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Limits of what a probe says, in characters.
const (
	// MaxQuote bounds what is quoted of an answer.
	MaxQuote = 200
	// MaxText bounds any text about a check.
	MaxText = 600
)

// Clean makes text from outside fit for one line of output: control and format
// characters become spaces, runs of space one space, and what is longer than
// limit characters is cut, with an ellipsis.
func Clean(s string, limit int) string {
	// More than this many bytes cannot be needed, and answers can be a mebibyte.
	if most := 8 * limit; len(s) > most {
		s = s[:most]
	}
	var b strings.Builder
	n, space := 0, false
	for _, r := range s {
		if unicode.IsSpace(r) || unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || r == utf8.RuneError {
			space = b.Len() > 0
			continue
		}
		if space {
			b.WriteByte(' ')
			n, space = n+1, false
		}
		if n >= limit {
			return strings.TrimRight(b.String(), " ") + "…"
		}
		b.WriteRune(r)
		n++
	}
	return b.String()
}

// Quote quotes the start of an answer.
func Quote(s string) string {
	c := Clean(s, MaxQuote)
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

// minSecret is the shortest secret that is removed wherever it stands. Shorter
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

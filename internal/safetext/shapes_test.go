package safetext

import (
	"bytes"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// part makes a part of a token: the tests hold no token that a scanner of repositories would find.
func part(n int) string { return strings.Repeat("aB3dE5gH7k", n/10+1)[:n] }

// shaped are secrets by shape, with what must not be left of each.
func shaped() map[string]string {
	key := "-----BEGIN RSA PRIVATE KEY-----\n" + strings.Repeat(part(64)+"\n", 20) + "-----END RSA PRIVATE KEY-----"
	return map[string]string{
		"JWT":              "eyJ" + part(20) + ".eyJ" + part(80) + "." + part(43),
		"unsigned JWT":     "eyJ" + part(20) + ".eyJ" + part(80) + ".",
		"encrypted JWT":    "eyJ" + part(40) + "." + part(60) + "." + part(16) + "." + part(80) + "." + part(22),
		"GitHub":           "ghp_" + part(36),
		"GitHub, fine":     "github_pat_" + part(22) + "_" + part(59),
		"GitLab":           "glpat-" + part(20),
		"AWS":              "AKIA" + strings.ToUpper(part(16)),
		"Google":           "AIza" + part(35),
		"Slack":            "xoxb-" + part(12) + "-" + part(24),
		"Slack's webhooks": "https://hooks.slack.com/services/T" + part(8) + "/B" + part(8) + "/" + part(24),
		"Stripe":           "sk_live_" + part(24),
		"SendGrid":         "SG." + part(22) + "." + part(43),
		"npm":              "npm_" + part(36),
		"PyPI":             "pypi-" + part(80),
		"cut":              "eyJ" + part(30) + "…",
		"bearer":           "Bearer " + part(40),
		"basic":            "Authorization: Basic " + part(24) + "==",
		"key":              key,
		"key in JSON":      strings.ReplaceAll(key, "\n", `\n`),
		"key, cut":         key[:200],
	}
}

func TestShapes(t *testing.T) {
	r := NewRedactor(nil)
	for name, secret := range shaped() {
		for _, text := range []string{secret, "got " + secret, `{"token": "` + secret + `"}`, "a\n" + secret + "\nb"} {
			got := r.String(text)
			if strings.Contains(got, part(10)) || strings.Contains(got, strings.ToUpper(part(10))) || !strings.Contains(got, Mask) {
				t.Errorf("%s: %q became %q", name, text, got)
			}
			var out bytes.Buffer
			w := r.Writer(&out)
			for i := range len(text) {
				if _, err := w.Write([]byte{text[i]}); err != nil {
					t.Fatal(err)
				}
			}
			if err := w.Close(); err != nil || out.String() != got {
				t.Errorf("%s: written byte by byte %q, at once %q (%v)", name, out.String(), got, err)
			}
		}
	}
	for _, text := range []string{
		"", "x", "eyJ", "eyJust.a.word", "a bearer of bad news", "Bearer token missing", "sk-learn", "task_live", "npm_config_registry",
		"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----",
		"authorization: failed", "asia", "SG.1", "expected AKIA to be empty", "the ghp_ prefix", "-----", "----- begin", strings.Repeat("eyJ", 50),
	} {
		if got := r.String(text); got != text {
			t.Errorf("%q became %q", text, got)
		}
	}
	if got := r.String("a " + shaped()["JWT"] + " b " + shaped()["npm"] + " c"); got != "a *** b *** c" {
		t.Error(got)
	}
}

// TestShapesInPieces: a stream, however it is cut, shows what the whole text shows.
func TestShapesInPieces(t *testing.T) {
	var pieces []string
	for _, secret := range shaped() {
		if !strings.HasPrefix(secret, "-----") {
			pieces = append(pieces, secret)
		}
	}
	pieces = append(pieces, shaped()["key"], "Bearer ", "eyJ", "x", "authorization", " ", "\n", ": ", "words that say nothing ", "-----", "gh", "sk-", ".")
	rapid.Check(t, func(t *rapid.T) {
		r := NewRedactor(nil)
		text := strings.Join(rapid.SliceOfN(rapid.SampledFrom(pieces), 0, 8).Draw(t, "text"), "")
		if got, want := streamed(t, r, text), r.String(text); got != want {
			t.Fatalf("in pieces %q, at once %q", got, want)
		}
	})
}

func TestShapeFilterHoldsLittle(t *testing.T) {
	r := NewRedactor(nil)
	w := r.Writer(discard{}).(*redactingWriter)
	for _, piece := range []string{"eyJ" + part(20) + ".eyJ", "-----BEGIN PRIVATE KEY-----\n", "Bearer "} {
		for range 300 {
			if _, err := w.Write([]byte(piece + part(1000))); err != nil {
				t.Fatal(err)
			}
			if len(w.shapes.held) > maxShape+2000 {
				t.Fatalf("holds %d bytes", len(w.shapes.held))
			}
		}
	}
}

func BenchmarkShapes(b *testing.B) {
	text := strings.Repeat("expected the case to be accepted as an escalation, but it was a high one at https://case.test/x?y=1 ", 20)
	r := NewRedactor(nil)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		r.String(text)
	}
}

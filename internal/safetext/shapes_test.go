package safetext

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/org/e2e-gate/internal/testkit/need"
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
		"authorization: failed", "authorization: basic is not supported", "the authorization token expired", "asia",
		"npm_config_registry_of_the_whole_team…", "task_live_migrations0123456789", "disk-proj-with-a-rather-long-name-of-its-own", "linuxapp-0123456789abcdef",
		`C:\temp\task_test_0123456789abcdef`, "MSG." + part(20) + "." + part(20), "BASIA" + strings.ToUpper(part(16)), "data:image/png;base64,iVBOR" + part(200),
		"-----END CERTIFICATE-----", "-----END PRIVATE KEY-----", "see the line -----END RSA PRIVATE KEY----- above", "\x1b[32mtests\x1b[0m passed\x1b[0m",
		strings.Repeat(part(64)+"\n", 500), "-----BEGIN CERTIFICATE-----\n" + strings.Repeat(part(64)+"\n", 20) + "-----END CERTIFICATE-----",
		"SG.1", "expected AKIA to be empty", "the ghp_ prefix", "-----", "----- begin", strings.Repeat("eyJ", 50),
	} {
		if got := r.String(text); got != text {
			t.Errorf("%q became %q", text, got)
		}
	}
	if got := r.String("a " + shaped()["JWT"] + " b " + shaped()["npm"] + " c"); got != "a *** b *** c" {
		t.Error(got)
	}
}

// places are texts with a secret, %s.
func places() []string {
	return []string{
		"%s", "got %s.", `{"token": "%s"}`, `{\"token\":\"%s\"}`, `[]string{"a\n%s\n"}`, `a\t%s`, `a\r\n%s`, `a\\n%s`, "key%%3D%s", "a%%20%s%%20b", `token\u003d%s`, `\x3d%s`,
		"token_%s", "SERVICE_%s", "a\n%s\nb", "a\r\n%s", "\x1b[1;31m%s\x1b[0m", `\u001b[31m%s\u001b[0m`, `\033[1;31m%s`, "https://case.test/?t=%s&x=1", "<b>%s</b>", "&quot;%s&quot;",
	}
}

// showsPart reports whether anything is left of the secrets of [shaped].
func showsPart(s string) bool {
	return strings.Contains(s, part(10)) || strings.Contains(s, strings.ToUpper(part(10))) || strings.Contains(s, part(20)[7:17])
}

func byteByByte(t *testing.T, r *Redactor, text string) string { return inChunks(t, r, text, 1) }

func inChunks(t *testing.T, r *Redactor, text string, size int) string {
	t.Helper()
	var out bytes.Buffer
	w := r.Writer(&out)
	for part := range slices.Chunk([]byte(text), size) {
		if _, err := w.Write(part); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestShapesInPlaces(t *testing.T) {
	r := NewRedactor(nil)
	for name, secret := range shaped() {
		for _, place := range places() {
			text := strings.ReplaceAll(strings.ReplaceAll(place, "%s", secret), "%%", "%")
			got := r.String(text)
			if showsPart(got) || !strings.Contains(got, Mask) {
				t.Errorf("%s: %q became %q", name, text, got)
			}
			if stream := byteByByte(t, r, text); stream != got {
				t.Errorf("%s: byte by byte %q, at once %q", name, stream, got)
			}
		}
	}
}

// A colour anywhere within, as of a diff that marks what differs.
func TestShapesSplitByColours(t *testing.T) {
	r := NewRedactor(nil)
	for name, secret := range shaped() {
		for i := 1; i < min(len(secret), 60); i++ {
			for _, colour := range []string{"\x1b[31m", "\x1b[0m\x1b[1;38;5;9m"} {
				text := "x " + secret[:i] + colour + secret[i:] + " y"
				got := r.String(text)
				if showsPart(got) {
					t.Fatalf("%s: %q became %q", name, text, got)
				}
				if stream := byteByByte(t, r, text); stream != got {
					t.Fatalf("%s: byte by byte %q, at once %q", name, stream, got)
				}
			}
		}
	}
}

func TestCredentialsInHeaders(t *testing.T) {
	r := NewRedactor(nil)
	basic := "Basic " + part(24) + "=="
	for _, text := range []string{
		"Bearer%20" + part(40), "Bearer\t" + part(40), `Bearer\t` + part(40), "bearer+" + part(40), `Bearer\u0020` + part(40), `\nBearer ` + part(40),
		"map[Authorization:[" + basic + "]]", `{"Authorization":"` + basic + `"}`, `{\"Authorization\":\"` + basic + `\"}`, `{\\\"authorization\\\":[\\\"` + basic,
		`"authorization": [` + "\n  \"" + basic, `"Authorization","` + basic, "{'Authorization': b'" + basic, "Authorization=" + basic, "Authorization%3A%20Basic%20" + part(24),
		"Proxy-Authorization: " + basic, "&quot;Authorization&quot;: &quot;" + basic, `Authorization:\t` + basic, "Authorization: token " + part(40),
		"map[Authorization:[Bearer " + part(40) + "]]",
	} {
		if got := r.String(text); showsPart(got) || !strings.Contains(got, Mask) {
			t.Errorf("%q became %q", text, got)
		}
		if stream := byteByByte(t, r, text); stream != r.String(text) {
			t.Errorf("%q became %q byte by byte", text, stream)
		}
	}
}

func keyLines(n int) []string {
	lines := make([]string, n)
	for i := range lines {
		lines[i] = part(64)
	}
	return append(lines, part(22)+"==")
}

// A token may end in hyphens, and they are those of a key.
func TestKeyBehindToken(t *testing.T) {
	need.NoRaceDetector(t)
	r := NewRedactor(nil)
	for name, secret := range shaped() {
		if strings.HasPrefix(secret, "-----") {
			continue
		}
		for _, text := range []string{secret + shaped()["key"] + " b",
			"Bearer " + part(2*maxShape) + shaped()["key"] + " b", secret + "--" + shaped()["key"] + " b"} {
			got := r.String(text)
			if showsPart(got) || !strings.HasSuffix(got, "*** b") {
				t.Errorf("%s: %q", name, got)
			}
			for _, size := range []int{len(text)/2000 + 1, 7 + len(text)/1000, 4096} {
				if stream := inChunks(t, r, text, size); stream != got {
					t.Errorf("%s in chunks of %d: %q, at once %q", name, size, stream, got)
				}
			}
		}
	}
}

// The start of a key was cut off.
func TestEndOfKey(t *testing.T) {
	need.NoRaceDetector(t)
	r := NewRedactor(nil)
	for _, label := range []string{"RSA PRIVATE KEY", "PRIVATE KEY", "OPENSSH PRIVATE KEY", "PGP PRIVATE KEY BLOCK"} {
		end := "-----END " + label + "-----"
		for _, between := range []string{"\n", "\r\n", " | ", `\n`, `\\n`, " ", "\n2026-01-01T10:00:00Z api-1 | INFO key: ", "\",\n  \"", "\x1b[0m\n\x1b[32m", "%0A", "\n\t"} {
			for _, cut := range []int{0, 20, 50, 60} { // of the first line
				if len(between) > maxKeyEnd {
					cut /= 2 // less than keyLine is not known behind the prefix of a log
				}
				lines := append(keyLines(8), end)
				lines[0] = lines[0][cut:]
				for _, before := range []string{"", "…", "the command failed: ", "[earlier output was not kept]\n", "<system-out>… (3.0 KB cut) …"} {
					text := before + strings.Join(lines, between) + "\nafter it"
					got := r.String(text)
					if showsPart(got) || !strings.Contains(got, Mask) || !strings.HasSuffix(got, "after it") || strings.Contains(got, "B3dE5gH7") {
						t.Fatalf("%q became %q", text, got)
					}
					if stream := byteByByte(t, r, text); stream != got {
						t.Fatalf("%q became %q byte by byte, %q at once", text, stream, got)
					}
				}
			}
		}
	}
	for _, text := range []string{
		"end of its output: " + part(64) + " | " + part(64) + " | -----END RSA PRIV…",
		part(64) + "\n-----END RSA PRIVATE KEY", part(64) + " -----END%20PRIVATE%20KEY-----",
		part(40) + "%2F" + part(40) + "%0A-----END+PRIVATE+KEY-----", part(30) + `\/` + part(30) + `\n-----END PRIVATE KEY-----`,
	} {
		if got := r.String(text); showsPart(got) || byteByByte(t, r, text) != got {
			t.Errorf("%q became %q", text, got)
		}
	}
}

// A mark without an end hides no more than a key may have.
func TestKeyWithoutEnd(t *testing.T) {
	r := NewRedactor(nil)
	prose := strings.Repeat("and the words go on.\n", 100)
	for _, text := range []string{
		"expected -----BEGIN PRIVATE KEY----- in it\n" + prose + "last", "-----BEGIN PRIVATE KEY-----\n" + strings.Join(keyLines(50), "\n") + "\n" + prose + "last",
		"-----BEGIN PRIVATE KEY-----\n" + strings.Repeat(part(64)+"\n", 2*maxKey/64) + prose + "last",
	} {
		got := r.String(text)
		if !strings.Contains(got, Mask) || !strings.HasSuffix(got, "go on.\nlast") {
			t.Errorf("%.100q became %.100q", text, got)
		}
		if stream := inChunks(t, r, text, 1000); stream != got {
			t.Errorf("%.100q became %.100q in chunks, %.100q at once", text, stream, got)
		}
	}
	long := "-----BEGIN RSA PRIVATE KEY-----\n" + strings.Join(keyLines(5000), "\n") + "\n-----END RSA PRIVATE KEY-----"
	for _, text := range []string{long, "-----BEGIN PRIVATE KEY-----\nwas cut\n" + long, strings.Repeat("-----BEGIN PRIVATE KEY-----\n", 3000) + long} {
		for _, size := range []int{100, 4096, 1 << 16, 1 << 22} {
			if got := inChunks(t, r, text+" b", size); got != "*** b" {
				t.Errorf("%.100q became %.100q in chunks of %d", text, got, size)
			}
		}
	}
}

// At the border of every buffer there is, in lines without an end.
func TestShapesAtBorders(t *testing.T) {
	need.NoRaceDetector(t)
	r := NewRedactor(nil)
	for name, secret := range shaped() {
		for _, fill := range []string{"a", "sk_ ", "eyJ", "x -----BEGIN ", "Ab1/"} {
			for _, border := range []int{maxContext, maxShape, 1 << 16} {
				for _, before := range []int{0, 5, len(secret) / 2, len(secret)} {
					pad := max(0, border-before)
					text := strings.Repeat(fill, pad/len(fill)+1)[:pad] + "\"" + secret + "\" z"
					want := r.String(text)
					if showsPart(want) || !strings.Contains(want, Mask) {
						t.Fatalf("%s behind %d of %q: %.200q", name, pad, fill, want[max(0, len(want)-200):])
					}
					for _, size := range []int{maxShape, 1 << 16, 1 << 20} {
						if got := inChunks(t, r, text, size); got != want {
							t.Fatalf("%s behind %d of %q in chunks of %d: %.200q", name, pad, fill, size, got[max(0, len(got)-200):])
						}
					}
				}
			}
		}
	}
	line := `{"tokens": [` + strings.Repeat(`{"id": 1, "token": "`+shaped()["JWT"]+`", "next": "`+shaped()["GitHub"]+`"}, `, 3000) + "]}"
	for _, size := range []int{1000, 1 << 15, 1 << 16} {
		if got := inChunks(t, r, line, size); showsPart(got) || strings.Count(got, Mask) != 6000 {
			t.Errorf("in chunks of %d %d tokens are masked", size, strings.Count(got, Mask))
		}
	}
}

// A token that is longer than what is held back is masked until it ends.
func TestLongToken(t *testing.T) {
	r := NewRedactor(nil)
	for _, n := range []int{maxShape - 3, maxShape - 2, maxShape, 3 * maxShape, 20 * maxShape} {
		for _, text := range []string{"eyJ" + part(n), "eyJ" + part(20) + ".eyJ" + part(n) + "." + part(43), "eyJ" + part(n) + ".eyJ" + part(n) + "." + part(43), "Bearer " + part(n), "ghp_" + part(n)} {
			want := r.String(text + " b")
			if strings.HasPrefix(text, "eyJ") && !strings.Contains(text, ".") && len(text) < maxShape {
				continue // it is none
			}
			if want != "*** b" {
				t.Errorf("%d bytes of %.10q became %.100q", len(text), text, want)
			}
			for _, size := range []int{1000, maxShape, 1 << 16} {
				if got := inChunks(t, r, text+" b", size); got != want {
					t.Errorf("%d bytes of %.10q in chunks of %d became %.100q", len(text), text, size, got)
				}
			}
		}
	}
}

// TestShapesInPieces: a stream, however it is cut, shows what the whole text shows.
func TestShapesInPieces(t *testing.T) {
	var pieces []string
	for _, secret := range shaped() {
		pieces = append(pieces, secret)
	}
	pieces = append(pieces, "Bearer ", "eyJ", "x", "authorization", " ", "\n", ": ", "words that say nothing ", "-----", "gh", "sk-", ".", `\n`, "%3D", "_", " | ", "\x1b[31m",
		"\x1b", part(7), part(31), part(33), part(64)+"\n", "-----BEGIN PRIVATE KEY-----", "-----END RSA PRIVATE KEY-----",
		strings.Repeat("word ", 40), strings.Repeat("word ", 300),
		strings.Repeat(part(64)+"\n", 300), part(maxShape), "...", "…", "=")
	slices.Sort(pieces)
	rapid.Check(t, func(t *rapid.T) {
		r := NewRedactor(nil)
		text := strings.Join(rapid.SliceOfN(rapid.SampledFrom(pieces), 0, 12).Draw(t, "text"), "")
		if got, want := streamed(t, r, text), r.String(text); got != want {
			t.Fatalf("in pieces %q, at once %q", got, want)
		}
	})
}

// TestSecretsInStreams: no stream shows a secret, however it is cut and whatever stands around.
func TestSecretsInStreams(t *testing.T) {
	var secrets []string
	for _, secret := range shaped() {
		secrets = append(secrets, secret)
	}
	slices.Sort(secrets)
	between := []string{" ", "\n", `\n`, "\x1b[0m", `","`, "&", "%20", strings.Repeat("a long line of words ", 800), strings.Repeat("x", maxShape), strings.Repeat("eyJ.", 100)}
	rapid.Check(t, func(t *rapid.T) {
		text := ""
		for range rapid.IntRange(1, 6).Draw(t, "secrets") {
			text += rapid.SampledFrom(between).Draw(t, "between") + " \"" + rapid.SampledFrom(secrets).Draw(t, "secret") + "\" "
		}
		if got := streamed(t, NewRedactor(nil), text); showsPart(got) {
			t.Fatalf("%q became %q", text, got)
		}
	})
}

func TestShapeFilterHoldsLittle(t *testing.T) {
	r := NewRedactor(nil)
	w := r.Writer(discard{}).(*redactingWriter)
	for _, piece := range []string{"eyJ" + part(20) + ".eyJ", "-----BEGIN PRIVATE KEY-----\n", "Bearer ", "\n", "-----END PRIVATE ", "\x1b["} {
		for range 300 {
			if _, err := w.Write([]byte(piece + part(1000))); err != nil {
				t.Fatal(err)
			}
			if len(w.shapes.held) > maxShape+maxContext+2000 || cap(w.shapes.held) > 4*maxShape {
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

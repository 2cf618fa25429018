package isolation

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/org/e2e-gate/internal/safetext"
	"github.com/org/e2e-gate/internal/secrets"
)

func sh(t *testing.T, up, down string) (Config, *safetext.Redactor) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("the commands of this test are shell scripts")
	}
	redact := safetext.NewRedactor(nil)
	root := t.TempDir()
	return Config{Spec: Spec{Up: []string{"sh", "-c", up}, Down: []string{"sh", "-c", down}}, Root: root, Out: filepath.Join(root, "out"),
		BaseEnv: append(os.Environ(), "MY_TOKEN=x"),
		Redact:  func(w io.Writer) io.WriteCloser { return redact.Writer(w) }, Hide: func(src secrets.Source) { redact.Add(valuesOf(src)...) }}, redact
}

// valuesOf are all secrets of a source.
func valuesOf(src secrets.Source) (all []string) {
	found := secrets.Find(src)
	for _, s := range append(found.Named, found.Weak...) {
		all = append(all, s.Value)
	}
	return all
}

var place = Place{Shard: 2, Attempt: 1, Prefix: "e1", Identity: map[string]string{"E2E_SHARD": "2", "E2E_DATA_PREFIX": "e1"}}

func TestUpHandsOverAndDownTakesAway(t *testing.T) {
	cfg, redact := sh(t, `echo "up $E2E_SHARD ${MY_TOKEN:-no token}"; dirname "$E2E_ISOLATION_ENV" > folder
printf '# comment\n\nTENANT=%s\nTENANT_TOKEN=t0ps3cret\nSTORE=http://u:hunter22@h/x\r\n' "$E2E_DATA_PREFIX" > "$E2E_ISOLATION_ENV"`,
		`echo "down $TENANT $TENANT_TOKEN"; touch downed`)
	s, err := New(cfg).Open(t.Context(), place)
	if err != nil {
		t.Fatal(err)
	}
	if env := s.Env(); env["TENANT"] != "e1" || env["TENANT_TOKEN"] != "t0ps3cret" || env["STORE"] != "http://u:hunter22@h/x" || len(env) != 3 {
		t.Errorf("%v", env)
	}
	if got := redact.String("t0ps3cret hunter22"); got != "*** ***" {
		t.Error(got)
	}
	log := filepath.Join(cfg.Out, filepath.FromSlash(s.Log()))
	for range 2 {
		if err := s.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}
	text, err := os.ReadFile(log)
	if err != nil || !bytes.Contains(text, []byte("up 2 no token\n")) || !bytes.Contains(text, []byte("down e1 ***\n")) ||
		bytes.Count(text, []byte("\ndown ")) != 1 {
		t.Errorf("%s %v", text, err)
	}
	folder, err := os.ReadFile(filepath.Join(cfg.Root, "folder"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(strings.TrimSpace(string(folder))); !os.IsNotExist(err) {
		t.Errorf("the folder of up is left: %v", err)
	}
}

func TestDownRunsAfterAFailedUp(t *testing.T) {
	for want, up := range map[string]string{
		"exit status 3":                            `exit 3`,
		"line 2 of the file":                       `printf 'A=1\nsecret words\n' > "$E2E_ISOLATION_ENV"`,
		"more than 64 KiB":                         `head -c 70000 /dev/zero | tr '\0' a > "$E2E_ISOLATION_ENV"`,
		"read the environment that it wrote: open": `rm "$E2E_ISOLATION_ENV"`,
	} {
		cfg, _ := sh(t, up, `touch downed`)
		s, err := New(cfg).Open(t.Context(), place)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "secret words") {
			t.Errorf("%v, want %s", err, want)
		}
		if err := s.Close(t.Context()); err != nil {
			t.Error(err)
		}
		if _, err := os.Stat(filepath.Join(cfg.Root, "downed")); err != nil {
			t.Error(err)
		}
	}
}

func TestDownThatFailsIsSaid(t *testing.T) {
	cfg, _ := sh(t, `true`, `exit 4`)
	s, err := New(cfg).Open(t.Context(), place)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(t.Context()); err == nil || !strings.Contains(err.Error(), "isolation.down of shard 2: exit status 4") ||
		!strings.Contains(err.Error(), "isolation/2-1.log") {
		t.Error(err)
	}
}

func FuzzReadEnv(f *testing.F) {
	f.Add("A=1\n# x\n\nB=2=3\r\n")
	f.Add("=1")
	f.Add("A B=1\nC=\x00")
	f.Fuzz(func(t *testing.T, text string) {
		name := filepath.Join(t.TempDir(), "env")
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		vars, err := readEnv(name)
		for key, value := range vars {
			if !variable.MatchString(key) || strings.ContainsAny(value, "\n\x00") {
				t.Errorf("%q=%q", key, value)
			}
		}
		if err != nil && slices.ContainsFunc(strings.Fields(text), func(w string) bool { return len(w) > 30 && strings.Contains(err.Error(), w) }) {
			t.Errorf("%v quotes the file", err)
		}
	})
}

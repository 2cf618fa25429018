package jvm

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/org/e2e-gate/internal/proc"
	"github.com/org/e2e-gate/internal/testkit/need"
)

// A JVM of tests did its work only if it says goodbye, ends with status 0 and told of no error, whatever else it prints. Here a
// script says what Surefire's main class does.
func TestForks(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("a shell script plays the JVM")
	}
	need.Tool(t, "javac", "apt-get install openjdk-17-jdk-headless")
	t.Setenv("XDG_CACHE_HOME", filepath.Join(os.TempDir(), "e2e-gate-tests"))
	classes, err := compiledReporter(t.Context(), "s", os.Environ())
	if err != nil {
		t.Fatal(err)
	}
	const (
		head = `:maven-surefire-event:`
		out  = head + `\027:std-out-stream-new-line:\012:normal-run:\000:\005:UTF-8:\000\000\000\002:hi:`
		fail = head + `\021:console-error-log:\005:UTF-8:\000\000\000\003:bad:\000\000\000\001:\000:\000\000\000\005:stack:`
		note = head + `\021:console-error-log:\005:UTF-8:\000\000\000\003:bad:\000\000\000\001:\000:\000\000\000\001:\000:`
		ends = head + `\016:test-succeeded:\012:normal-run:\001\000\000\000\000\000\000\000\001:\005:UTF-8:` +
			`\000\000\000\001:a:\000\000\000\001:b:\000\000\000\001:c:\000\000\000\001:d:\000\000\000\001:e:\000\000\000\001:f:\377\000\000\000\007:` +
			`\000\000\000\001:g:\000\000\000\001:h:\000\000\000\001:i:`
		bye = head + `\003:bye:`
		// ack waits for the answer to bye.
		ack = `; read -r -n 1 c; dd bs=1 count=33 2>/dev/null | grep -q bye-ack || exit 9`
	)
	for _, c := range []struct {
		name, script, says string
		good               bool
	}{
		{"it says goodbye", "printf '" + out + ends + bye + "'" + ack, "hi\n", true},
		{"output with what printed it", "printf '" + out + `\000\000\000\005:stack:end` + bye + "'" + ack, "hi\nend", true},
		{"a message without a stack", "printf '" + note + bye + "'" + ack, "[ERROR] bad\n", true},
		{"text that is no frame", "printf ':maven-sure:maven-surefire-x:" + out + "end" + bye + "'" + ack, ":maven-sure:maven-surefire-x:hi\nend", true},
		{"it ends early", "printf '" + out + "'; exit 0", "ended without saying goodbye (status 0)", false},
		{"a frame is cut", `printf '` + head + `\027:std-out-str'; exit 0`, "ended without saying goodbye (status 0)", false},
		{"a length that cannot be", `printf '` + head + `\020:console-info-log:\005:UTF-8:\377\377\377\377:` + bye + `'` + ack, "", true},
		{"it fails afterwards", "printf '" + bye + "'" + ack + "; exit 3", "ended with status 3", false},
		{"an error", "printf '" + fail + bye + "'" + ack, "There was an error in the JVM of the tests: bad", false},
		{"it wants a test", "printf '" + head + `\011:next-test:` + bye + "'" + ack, "which only the build can give", false},
		{"another environment", `test "$NEW" = "a=b" && test -z "$GONE" && printf '` + bye + "'" + ack, "", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			folder := t.TempDir()
			for file, text := range map[string]string{
				"argv": "bash\x00-c\x00" + c.script + "\x00", "directory": folder + "\x00", "set": "NEW=a=b\x00", "unset": "GONE\x00",
			} {
				if err := os.WriteFile(filepath.Join(folder, file), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			exit := proc.Run(t.Context(), proc.Spec{Argv: []string{"java", "-cp", classes, "e2egate.Forks", folder}, Env: append(os.Environ(), "GONE=x")})
			if exit.OK() != c.good || !strings.Contains(exit.Tail, c.says) {
				t.Errorf("%s: %q", exit, exit.Tail)
			}
		})
	}
}

//go:build unix

package attack

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// refused has a config that the gate must not read, within bounds, and say so with a usage error.
func refused(text string) func(t *testing.T) {
	return func(t *testing.T) {
		w := newWorld(t, map[string]string{"e2e-gate.yml": text, "suite.sh": "touch started; " + passes})
		bounded(t, func() { w.run().wants(2, "e2e-gate.yml") })
		if _, err := os.Stat(filepath.Join(w.Dir, "started")); err == nil {
			t.Error("a suite was started")
		}
	}
}

// aliases is a config in which each of twelve lists has the one before ten times.
func aliases() string {
	var b strings.Builder
	b.WriteString("a: &a x\n")
	for c := 'b'; c <= 'l'; c++ {
		fmt.Fprintf(&b, "%c: &%c [%s*%c]\n", c, c, strings.Repeat(fmt.Sprintf("*%c, ", c-1), 9), c-1)
	}
	return b.String() + config(command) + "secrets: *l\n"
}

// linked has the config be a link to a file of the system.
func linked(target string) func(t *testing.T) {
	return func(t *testing.T) {
		w := newWorld(t, map[string]string{"suite.sh": passes})
		w.env = append(w.env, "MY_API_TOKEN=tops3cret0123")
		if err := os.Symlink(target, filepath.Join(w.Dir, "e2e-gate.yml")); err != nil {
			t.Fatal(err)
		}
		w.started("run").wants(2, "link must not lead out of the checkout").without("root:x:", "tops3cret0123", "/root", "daemon:")
	}
}

func configAttacks() []attack {
	const s, refusal = "config", "a usage error, within bounds; nothing is started"
	return []attack{
		{attack: "aliases that expand to a billion values", surface: s, expected: refusal, try: refused(aliases())},
		elsewhere(s, "an included file that is a link out of the checkout", refusal, "internal/config TestAFragmentOutsideOfTheRepository"),
		elsewhere(s, "an included file with a policy of its own", refusal, "internal/config TestMistakesInFragments/policy"),
		{attack: "an alias of itself", surface: s, expected: refusal, try: refused(config(command) + "secrets: &x [*x, *x]\n")},
		{attack: "lists 50,000 deep", surface: s, expected: refusal, try: refused(config(command) + "secrets: " + strings.Repeat("[", 50_000))},
		{attack: "2 MB", surface: s, expected: refusal, try: refused(config(command) + strings.Repeat("# a comment\n", 180_000))},
		{attack: "equal keys", surface: s, expected: refusal, try: refused(config(command) + "stages: {pr: {on: [pull_request], blocks: false}}\n")},
		{attack: "several documents", surface: s, expected: refusal,
			try: refused(config(command) + "---\n" + config(command, "policy: {failed: {release-blocking: inform}}"))},
		{attack: "variables nested 50,000 deep", surface: s, expected: refusal,
			try: refused(config(strings.Replace(command, "owner: team-a", `owner: "`+strings.Repeat("${A:-", 50_000)+strings.Repeat("}", 50_000)+`"`, 1)))},
		{attack: "100,000 parentheses in select", surface: s, expected: refusal,
			try: refused(strings.Replace(config(command), "push]", `push], select: "`+strings.Repeat("(", 100_000)+`a"`, 1))},
		{attack: "200,000 times not in select", surface: s, expected: refusal,
			try: refused(strings.Replace(config(command), "push]", `push], select: "`+strings.Repeat("not ", 200_000)+`a b"`, 1))},
		{attack: "UTF-16", surface: s, expected: refusal, try: refused(inUTF16(config(command)))},
		{attack: "a key that does not exist", surface: s, expected: refusal, try: refused(config(command) + "polcy: {}\n")},
		{attack: "a link to /etc/passwd", surface: s, expected: "a usage error that shows nothing of it", try: linked("/etc/passwd")},
		{attack: "a link to the gate's own environment", surface: s, expected: "a usage error that shows nothing of it", try: linked("/proc/self/environ")},
		{attack: "a link to a device without end", surface: s, expected: "a usage error", try: linked("/dev/zero")},
		{attack: "a quarantine that is a link to /etc/passwd", surface: s, expected: "a usage error that shows nothing of it", try: func(t *testing.T) {
			w := newWorld(t, map[string]string{"e2e-gate.yml": config(command, "quarantine: q.yml"), "suite.sh": passes})
			if err := os.Symlink("/etc/passwd", filepath.Join(w.Dir, "q.yml")); err != nil {
				t.Fatal(err)
			}
			w.gate("quarantine", "list").wants(2, "link must not lead out of the checkout").without("root:x:", "daemon:")
		}},
		{attack: "CODEOWNERS that is a link to /etc/passwd", surface: s, expected: "names no owner, and nothing of it is shown", try: func(t *testing.T) {
			w := newWorld(t, map[string]string{"e2e-gate.yml": config(strings.Replace(command, ", owner: team-a", "", 1)), "suite.sh": fails})
			if err := os.Symlink("/etc/passwd", filepath.Join(w.Dir, "CODEOWNERS")); err != nil {
				t.Fatal(err)
			}
			w.run().wants(1).without("root:x:", "daemon:", "/bin/bash", "/root")
		}},
		elsewhere(s, "merges, anchors, tags, dashes by the thousand", "read or refused within bounds", "internal/config/strictyaml TestBombs"),
		elsewhere(s, "configs at random", "no panic", "internal/config FuzzLoad"),
	}
}

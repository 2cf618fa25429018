//go:build unix

package attack

import (
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

func mkfifo(file string) error { return syscall.Mkfifo(file, 0o644) }

// throughLink has a folder of the gate be a link out of the checkout.
func throughLink(name string, exit int, args ...string) func(t *testing.T) {
	return func(t *testing.T) {
		w := newWorld(t, map[string]string{"e2e-gate.yml": config(command), "suite.sh": passes})
		outside := t.TempDir()
		link := filepath.Join(w.Dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(link), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(outside, link); err != nil {
			t.Fatal(err)
		}
		w.gate(append([]string{"run"}, args...)...).wants(exit)
		if entries, err := os.ReadDir(outside); err != nil || len(entries) > 0 {
			t.Errorf("the gate wrote through the link: %v %v", entries, err)
		}
	}
}

// litters runs a suite that leaves something in the run's folder, and wants only regular files there
// after the run, none with a second name.
func litters(script string) func(t *testing.T) {
	return func(t *testing.T) {
		w := newWorld(t, map[string]string{"e2e-gate.yml": config(command), "suite.sh": "( cd out; " + script + " ) 2>/dev/null; " + passes})
		w.run().wants(0).without("root:x:")
		if err := filepath.WalkDir(filepath.Join(w.Dir, "out"), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			info, err := d.Info()
			switch {
			case err != nil:
				return err
			case !d.Type().IsRegular() || info.Sys().(*syscall.Stat_t).Nlink > 1:
				t.Errorf("%s is uploaded: %v", path, info.Mode())
			}
			return nil
		}); err != nil {
			t.Error(err)
		}
	}
}

func workspaceAttacks() []attack {
	const s, refusal, swept = "workspace", "a usage error; nothing is written there", "removed before the upload; the run is judged"
	return []attack{
		{attack: "the gate's folder is a link", surface: s, expected: refusal, try: throughLink(".e2e-gate", 2)},
		{attack: "the folder of runs is a link", surface: s, expected: refusal, try: throughLink(".e2e-gate/runs", 2)},
		{attack: "the folder of the history is a link", surface: s, expected: refusal, try: throughLink(".e2e-gate/history", 2)},
		{attack: "the folder of what is fetched is a link", surface: s, expected: refusal, try: throughLink(".e2e-gate/fetched", 2)},
		{attack: "--out leads through a link out of the checkout", surface: s, expected: "not judged; nothing is written there",
			try: throughLink("results", 3, "--out", "results/run")},
		{attack: "links in the run's folder", surface: s, expected: swept,
			try: litters("ln -s /etc/passwd evil.txt; ln -s /etc units/evil; ln -s ../../.. units/up; ln -s nowhere dangling")},
		{attack: "pipes and sockets in the run's folder", surface: s, expected: swept, try: litters("mkfifo pipe units/pipe")},
		{attack: "a device in the run's folder", surface: s, expected: swept, try: litters("mknod zero c 1 5")},
		{attack: "hard links in the run's folder", surface: s, expected: "copied", try: litters("ln ../e2e-gate.yml units/hard; ln ../.git/config config")},
		{attack: "folders that cannot be entered", surface: s, expected: swept, try: litters("mkdir closed; ln -s /etc/passwd closed/x; chmod 0 closed")},
		elsewhere(s, "attachments and evidence with odd names", "names that an upload takes", "internal/runner TestAUnitsFolderCanBeUploaded"),
		elsewhere(s, "links in a folder of posts", "not followed", "internal/adapter/folder TestLinks"),
		elsewhere(s, "zip archives with paths, links and bombs", "refused within bounds", "internal/adapter/github TestExtractWithinLimits"),
	}
}

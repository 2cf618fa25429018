package adapter

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestAttachmentsStayInTheRepository(t *testing.T) {
	root := t.TempDir()
	p := &Process{
		Root: root, Start: Command{Dir: filepath.Join(root, "suite")},
		Unit: Unit{Name: "u", Reports: filepath.Join(root, "unit", "reports"), Evidence: filepath.Join(root, "unit", "evidence")},
	}
	for _, dir := range []string{p.Unit.Reports, p.Unit.Evidence, p.Start.Dir} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	outside := filepath.Join(t.TempDir(), "secret.txt")
	for file, text := range map[string]string{
		outside: "secret", filepath.Join(p.Start.Dir, "shot.png"): "png", filepath.Join(p.Unit.Evidence, "trace.zip"): "zip",
	} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(outside, filepath.Join(p.Start.Dir, "link.txt")); err != nil {
		t.Skip("no symbolic links here")
	}
	k := keeper{p: p}
	got := k.keep([]string{"shot.png", "shot.png", filepath.Join(p.Unit.Evidence, "trace.zip"), "link.txt", outside, "../../../../etc/passwd", "none.png", "."})
	var names []string
	for _, f := range got {
		if data, err := os.ReadFile(f); err != nil || string(data) == "secret" || !strings.HasPrefix(f, p.Unit.Evidence) {
			t.Errorf("%s: %s %v", f, data, err)
		}
		names = append(names, filepath.Base(f))
	}
	if strings.Join(names, " ") != "000-shot.png 000-shot.png trace.zip" {
		t.Error(names)
	}
	if problems := k.problems(); len(problems) != 1 ||
		!strings.HasPrefix(problems[0].Text, "5 attachments of batch u are not kept, such as link.txt: it lies outside the repository") {
		t.Errorf("%+v", problems)
	}
}

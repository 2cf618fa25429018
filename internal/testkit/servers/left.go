package servers

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
)

// NothingLeft checks that no database of a run is left, and that no secret, neither the
// server's nor the given ones, is in the gate's output or in a file below dir.
func (p *Postgres) NothingLeft(tb testing.TB, dir, printed string, secrets ...string) {
	tb.Helper()
	conn, err := pgx.Connect(tb.Context(), p.DSN("postgres"))
	if err != nil {
		tb.Fatal(err)
	}
	defer conn.Close(context.WithoutCancel(tb.Context())) //nolint:errcheck // a connection of the test
	var left int
	if err := conn.QueryRow(tb.Context(), "SELECT count(*) FROM pg_database WHERE datname LIKE 'e2e_gate_%'").Scan(&left); err != nil || left != 0 {
		tb.Errorf("%d databases are left, %v", left, err)
	}
	texts := []string{printed}
	err = filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			data, _ := os.ReadFile(path) //nolint:gosec // a file of the test
			texts = append(texts, path+"\n"+string(data))
		}
		return err
	})
	if err != nil {
		tb.Fatal(err)
	}
	for _, text := range texts {
		for _, secret := range append([]string{Password, p.DSN("postgres")}, secrets...) {
			if strings.Contains(text, secret) {
				tb.Errorf("a secret is in %.200s", text)
			}
		}
	}
}

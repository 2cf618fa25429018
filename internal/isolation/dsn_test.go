package isolation

import (
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
	"pgregory.net/rapid"
)

func TestWithDatabase(t *testing.T) {
	for dsn, want := range map[string]string{
		"postgres://u:p%40w@h:5433/app?sslmode=disable": "postgres://u:p%40w@h:5433/e2e_x?sslmode=disable",
		"postgresql://h": "postgresql://h/e2e_x",
		"postgres://h/app?dbname=other&sslmode=disable":          "postgres://h/e2e_x?sslmode=disable",
		"host=h user=u dbname=app":                               "host=h user=u dbname='e2e_x'",
		`host = h dbname='a b' password='x dbname=y \'q\' '`:     `host=h password='x dbname=y \'q\' ' dbname='e2e_x'`,
		`user=u password=a\ b database=app application_name=ci `: `user=u password=a\ b application_name=ci dbname='e2e_x'`,
	} {
		got, err := withDatabase(dsn, "e2e_x")
		if err != nil || got != want {
			t.Errorf("%s: %s %v, want %s", dsn, got, err, want)
		}
	}
}

// Whatever the password is, only the database changes.
func TestWithDatabaseKeepsAllElse(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		password := rapid.StringMatching(`[a-z =dbname]{1,12}`).Draw(t, "password")
		quoted := "'" + password + "'"
		dsn := "host=h.example port=5433 user=u dbname=app password=" + quoted + " sslmode=disable"
		before, err := pgconn.ParseConfig(dsn)
		if err != nil {
			t.Skip("the driver does not read it")
		}
		again, err := withDatabase(dsn, "e2e_x")
		if err != nil {
			t.Fatal(err)
		}
		after, err := pgconn.ParseConfig(again)
		if err != nil {
			t.Fatal(err)
		}
		if after.Database != "e2e_x" || after.Password != before.Password || after.Host != before.Host || after.Port != before.Port || after.User != before.User {
			t.Fatalf("%+v", after)
		}
	})
}

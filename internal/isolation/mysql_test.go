package isolation

import (
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/org/e2e-gate/internal/secrets"
	"github.com/org/e2e-gate/internal/testkit/servers"
)

// mysqlNames lists the databases of a server that are ours by name.
func mysqlNames(t *testing.T, s *servers.MariaDB) []string {
	t.Helper()
	return mysqlColumn(t, s.Driver("mysql"), "SELECT SCHEMA_NAME FROM information_schema.SCHEMATA WHERE "+
		"SCHEMA_NAME LIKE 'e2e\\_gate\\_%' OR SCHEMA_NAME LIKE 'kept%' ORDER BY 1")
}

func mysqlColumn(t *testing.T, dsn, query string) []string {
	t.Helper()
	db, err := sql.Open("mysql", dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close() //nolint:errcheck // only read
	rows, err := db.QueryContext(t.Context(), query)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close() //nolint:errcheck // only read
	list := []string{}
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			t.Fatal(err)
		}
		list = append(list, text)
	}
	if rows.Err() != nil {
		t.Fatal(rows.Err())
	}
	return list
}

// shop is a template with all that is copied: a key to a table that comes later by name, a generated column, a view of a view, a trigger
// with a statement of its own, routines and an event.
var shop = []string{
	"CREATE TABLE `line; of ``all``` (id INT AUTO_INCREMENT PRIMARY KEY, o INT, n INT, twice INT AS (n * 2) STORED, CONSTRAINT k FOREIGN KEY (o) REFERENCES orders (id)) " +
		"AUTO_INCREMENT = 100",
	"CREATE TABLE orders (id INT AUTO_INCREMENT PRIMARY KEY, name VARCHAR(20) CHARACTER SET utf8mb4 NOT NULL DEFAULT '', total INT NOT NULL DEFAULT 0)",
	"INSERT INTO orders (id, name) VALUES (0, 'zero'), (7, 'sieben: äöü 🙂')",
	"INSERT INTO `line; of ``all``` (o, n) VALUES (7, 5)",
	"CREATE VIEW a_names AS SELECT name FROM b_big",
	"CREATE VIEW b_big AS SELECT id, name FROM orders WHERE id > 0",
	"CREATE FUNCTION tax(n INT) RETURNS INT DETERMINISTIC RETURN n * 19 DIV 100",
	"CREATE PROCEDURE fill() BEGIN INSERT INTO orders (name) VALUES ('filled'); END",
	"CREATE TRIGGER summed AFTER INSERT ON `line; of ``all``` FOR EACH ROW BEGIN UPDATE orders SET total = total + NEW.n WHERE id = NEW.o; END",
	"CREATE EVENT tidy ON SCHEDULE EVERY 1 DAY DO DELETE FROM orders WHERE id < 0",
}

func shopTemplate(t *testing.T, s *servers.MariaDB, name string) {
	t.Helper()
	servers.Exec(t, "mysql", s.Driver("app"), "CREATE DATABASE "+quoted(name)+" CHARACTER SET utf8mb4 COLLATE utf8mb4_bin")
	list := slices.Concat([]string{"SET foreign_key_checks = 0", "SET sql_mode = 'NO_AUTO_VALUE_ON_ZERO'"}, shop)
	// a view of a view that is made later
	list[6], list[7] = list[7], list[6]
	servers.Exec(t, "mysql", s.Driver(name), list...)
}

func TestMySQL(t *testing.T) {
	s := servers.StartMariaDB(t)
	shopTemplate(t, s, "shop")
	for name, test := range map[string]func(*testing.T, *servers.MariaDB){
		"copies, hands over and drops": testMySQLCopies, "says why without the data source": testMySQLWords, "sweeps by marker and age": testMySQLSweep,
		"leaves what it did not make": testMySQLExisting, "a copy for each worker": testMySQLWorkers, "refuses what would work on the template": testMySQLLeaks,
	} {
		t.Run(name, func(t *testing.T) { test(t, s) })
	}
}

func testMySQLCopies(t *testing.T, s *servers.MariaDB) {
	var mu sync.Mutex
	var hidden []string
	spec := Spec{MySQL: &MySQL{DSN: s.DSN("app") + "?charset=utf8mb4", Template: "shop", Env: "SHOP_URL"}}
	i := New(Config{Spec: spec, RunID: "e2e-1-x", Hide: func(src secrets.Source) { mu.Lock(); defer mu.Unlock(); hidden = append(hidden, valuesOf(src)...) }})
	spaces := make([]*Space, 2)
	var group sync.WaitGroup
	for n := range spaces {
		group.Go(func() {
			var err error
			if spaces[n], err = i.Open(t.Context(), Place{Shard: n, Attempt: 1, Prefix: fmt.Sprintf("p%d", n)}); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if got := mysqlNames(t, s); t.Failed() || !slices.Equal(got, []string{"e2e_gate_p0", "e2e_gate_p1"}) {
		t.Fatalf("databases %v", got)
	}
	for n, space := range spaces {
		name := fmt.Sprintf("e2e_gate_p%d", n)
		if dsn := space.Env()["SHOP_URL"]; dsn != s.DSN(name)+"?charset=utf8mb4" || !slices.Contains(hidden, dsn) || !slices.Contains(hidden, servers.Password) {
			t.Errorf("handed over %q, hidden %q", dsn, hidden)
		}
		own := s.Driver(name)
		servers.Exec(t, "mysql", own, "INSERT INTO `line; of ``all``` (o, n) VALUES (7, 10)", "CALL fill()")
		for query, want := range map[string]string{
			"SELECT CONCAT(id, ':', n, ':', twice) FROM `line; of ``all``` ORDER BY id":        "100:5:10 101:10:20",
			"SELECT CONCAT(id, ':', total) FROM orders ORDER BY id":                            "0:0 7:10 8:0",
			"SELECT name FROM a_names ORDER BY name":                                           "filled sieben: äöü 🙂",
			"SELECT tax(200)":                                                                  "38",
			"SELECT EVENT_NAME FROM information_schema.EVENTS WHERE EVENT_SCHEMA = DATABASE()": "tidy",
			"SELECT REFERENCED_TABLE_NAME FROM information_schema.KEY_COLUMN_USAGE WHERE CONSTRAINT_SCHEMA = DATABASE() AND CONSTRAINT_NAME = 'k'": "orders",
			"SELECT DEFAULT_COLLATION_NAME FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = DATABASE()":                                        "utf8mb4_bin",
		} {
			if got := strings.Join(mysqlColumn(t, own, query), " "); got != want {
				t.Errorf("%s: %q, want %q", query, got, want)
			}
		}
		// This suite has a transaction that it never ends.
		db, err := sql.Open("mysql", own)
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close() //nolint:errcheck // it is killed
		tx, err := db.Begin()
		if err == nil {
			_, err = tx.ExecContext(t.Context(), "UPDATE orders SET total = 1")
		}
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if err := space.Close(t.Context()); err != nil {
				t.Error(err)
			}
		}
	}
	if got := mysqlNames(t, s); len(got) != 0 {
		t.Errorf("left: %v", got)
	}
	if got := mysqlColumn(t, s.Driver("shop"), "SELECT id FROM orders"); len(got) != 2 {
		t.Errorf("the template has orders %v", got)
	}
}

func testMySQLWorkers(t *testing.T, s *servers.MariaDB) {
	spec := Spec{Workers: 2, MySQL: &MySQL{DSN: s.DSN("app"), Template: "shop", Env: "SHOP_URL"}}
	space, err := New(Config{Spec: spec, RunID: "r"}).Open(t.Context(), Place{Prefix: "p"})
	if err != nil {
		t.Fatal(err)
	}
	env := space.Env()
	if env["SHOP_URL"] != s.DSN("e2e_gate_p_w0") || env["SHOP_URL_0"] != env["SHOP_URL"] || env["SHOP_URL_1"] != s.DSN("e2e_gate_p_w1") ||
		env[WorkersVariable] != "2" || env[WorkerVariables] != "SHOP_URL" || len(env) != 5 {
		t.Errorf("%v", env)
	}
	if got := mysqlNames(t, s); !slices.Equal(got, []string{"e2e_gate_p_w0", "e2e_gate_p_w1"}) {
		t.Errorf("databases %v", got)
	}
	if err := space.Close(t.Context()); err != nil || len(mysqlNames(t, s)) != 0 {
		t.Errorf("%v, left %v", err, mysqlNames(t, s))
	}
	// Where the second cannot be made, the first does not stay.
	servers.Exec(t, "mysql", s.Driver("app"), "CREATE DATABASE e2e_gate_q_w1")
	space, err = New(Config{Spec: spec, RunID: "r"}).Open(t.Context(), Place{Prefix: "q"})
	if err == nil || !strings.Contains(err.Error(), "1007") {
		t.Error(err)
	}
	if err := space.Close(t.Context()); err != nil || !slices.Equal(mysqlNames(t, s), []string{"e2e_gate_q_w1"}) {
		t.Errorf("%v, left %v", err, mysqlNames(t, s))
	}
	servers.Exec(t, "mysql", s.Driver("app"), "DROP DATABASE e2e_gate_q_w1")
}

func testMySQLWords(t *testing.T, s *servers.MariaDB) {
	for want, m := range map[string]*MySQL{
		"1045 Access denied":          {DSN: strings.Replace(s.DSN("app"), servers.Password, "wrong-password", 1), Template: "shop"},
		"no-such does not exist":      {DSN: s.DSN("app"), Template: "no-such"},
		"connection refused":          {DSN: strings.Replace(s.DSN("app"), fmt.Sprint(s.Port), fmt.Sprint(servers.FreePort(t)), 1), Template: "shop"},
		"does not support TLS":        {DSN: s.DSN("app") + "?tls=true", Template: "shop"},
		"the data source cannot be r": {DSN: "mysql://:port", Template: "shop"},
	} {
		space, err := New(Config{Spec: Spec{MySQL: m}, RunID: "r"}).Open(t.Context(), Place{Prefix: "words"})
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "wrong-password") || strings.Contains(err.Error(), servers.Password) {
			t.Errorf("%v, want %s", err, want)
		}
		if err := space.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}
}

func testMySQLSweep(t *testing.T, s *servers.MariaDB) {
	now := time.Unix(2_000_000_000, 0)
	comment := func(age time.Duration) string { return mark(now.Add(-age), "e2e-1-dead") }
	for name, text := range map[string]string{
		"e2e_gate_old": comment(7 * time.Hour), "e2e_gate_used": comment(7 * time.Hour), "kept_old": comment(7 * time.Hour), "e2e_gate_young": comment(5 * time.Hour),
		"e2e_gate_alike": comment(9*time.Hour) + "; not quite",
	} {
		servers.Exec(t, "mysql", s.Driver("app"), "CREATE DATABASE "+quoted(name),
			fmt.Sprintf("CREATE TABLE %s.%s (id INT) COMMENT '%s'", quoted(name), markTable, text))
	}
	servers.Exec(t, "mysql", s.Driver("app"), "CREATE DATABASE e2e_gate_plain")
	used, err := sql.Open("mysql", s.Driver("e2e_gate_used"))
	if err == nil {
		err = used.PingContext(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	defer used.Close() //nolint:errcheck // of a test
	var notes []string
	space, err := New(Config{Spec: Spec{MySQL: &MySQL{DSN: s.DSN("app"), Template: "shop"}}, RunID: "r", Now: func() time.Time { return now },
		Note: func(text string) { notes = append(notes, text) }}).Open(t.Context(), Place{Prefix: "sweeper"})
	if err != nil {
		t.Fatal(err)
	}
	if err := space.Close(t.Context()); err != nil {
		t.Error(err)
	}
	want := []string{"e2e_gate_alike", "e2e_gate_plain", "e2e_gate_used", "e2e_gate_young", "kept_old"}
	if got := mysqlNames(t, s); !slices.Equal(got, want) {
		t.Errorf("left %v, want %v", got, want)
	}
	if len(notes) != 2 || !strings.Contains(notes[0], "dropped database e2e_gate_old") ||
		!strings.Contains(notes[1], "e2e_gate_used of an earlier run is not dropped") {
		t.Errorf("notes %q", notes)
	}
	for _, name := range want {
		servers.Exec(t, "mysql", s.Driver("app"), "DROP DATABASE "+quoted(name))
	}
}

func testMySQLExisting(t *testing.T, s *servers.MariaDB) {
	servers.Exec(t, "mysql", s.Driver("app"), "CREATE DATABASE e2e_gate_mine")
	space, err := New(Config{Spec: Spec{MySQL: &MySQL{DSN: s.DSN("app"), Template: "shop"}}, RunID: "r"}).Open(t.Context(), Place{Prefix: "mine"})
	if err == nil || !strings.Contains(err.Error(), "1007") {
		t.Error(err)
	}
	if err := space.Close(t.Context()); err != nil || !slices.Contains(mysqlNames(t, s), "e2e_gate_mine") {
		t.Errorf("a database of another user was dropped: %v", err)
	}
	servers.Exec(t, "mysql", s.Driver("app"), "DROP DATABASE e2e_gate_mine")
}

// What names the template's database would change the template from within the copy, so that shards meet there after all.
func testMySQLLeaks(t *testing.T, s *servers.MariaDB) {
	for name, statement := range map[string]string{
		"trigger":   "CREATE TRIGGER outward AFTER INSERT ON orders FOR EACH ROW BEGIN UPDATE leaky.orders SET id = id; END",
		"procedure": "CREATE PROCEDURE outward() BEGIN DELETE FROM `leaky` . orders; END",
		"view":      "CREATE VIEW outward AS SELECT orders.id FROM orders JOIN mysql.user",
		"sequence":  "CREATE SEQUENCE outward",
	} {
		t.Run(name, func(t *testing.T) {
			servers.Exec(t, "mysql", s.Driver("app"), "CREATE DATABASE leaky")
			defer servers.Exec(t, "mysql", s.Driver("app"), "DROP DATABASE leaky")
			servers.Exec(t, "mysql", s.Driver("leaky"), "CREATE TABLE orders (id INT)", statement)
			space, err := New(Config{Spec: Spec{MySQL: &MySQL{DSN: s.DSN("app"), Template: "leaky"}}, RunID: "r"}).Open(t.Context(), Place{Prefix: "leaky"})
			if err == nil || !strings.Contains(err.Error(), name) || !strings.Contains(err.Error(), "isolation.up") {
				t.Error(err)
			}
			if err := space.Close(t.Context()); err != nil || len(mysqlNames(t, s)) != 0 {
				t.Error(err, mysqlNames(t, s))
			}
		})
	}
}

func TestMySQLDataSources(t *testing.T) {
	for dsn, want := range map[string]string{
		"mysql://u:p%40w@h:3307/app?tls=true":  "mysql://u:p%40w@h:3307/e2e_x?tls=true h:3307",
		"mariadb://h":                          "mariadb://h/e2e_x h:3306",
		"mysql+pymysql://u:p@h/app?charset=x":  "mysql+pymysql://u:p@h/e2e_x?charset=x h:3306",
		"u:p/w@tcp(h:3307)/app?parseTime=true": "u:p/w@tcp(h:3307)/e2e_x?parseTime=true h:3307",
		"u@unix(/tmp/s.sock)/app":              "u@unix(/tmp/s.sock)/e2e_x :",
	} {
		m := &MySQL{DSN: dsn}
		got, err := m.withDatabase("e2e_x")
		host, port := m.Address()
		if got += " " + host + ":" + port; err != nil || got != want {
			t.Errorf("%s: %q, %v, want %q", dsn, got, err, want)
		}
	}
	s := Spec{Postgres: &Postgres{DSN: "postgres://h/x", Template: "x"}, MySQL: &MySQL{DSN: "mysql://secret@:x", Env: "A-B", Timeout: -1}}
	var paths []string
	for _, p := range s.Validate() {
		if paths = append(paths, p.Path); strings.Contains(p.Text+p.Hint, "secret") {
			t.Error(p)
		}
	}
	if want := []string{"mysql.dsn", "mysql.template", "mysql.env", "mysql.timeout"}; !slices.Equal(paths, want) {
		t.Errorf("%v, want %v", paths, want)
	}
	for workers, want := range map[int]string{-1: "workers", maxWorkers + 1: "workers", 2: ""} {
		one := Spec{Workers: workers, MySQL: &MySQL{DSN: "mysql://h/x", Template: "x"}}
		if list := one.Validate(); (len(list) == 1 && list[0].Path == want) != (want != "") {
			t.Errorf("%d workers: %+v", workers, list)
		}
	}
	if list := (&Spec{Workers: 2, Up: []string{"x"}}).Validate(); len(list) != 1 || list[0].Path != "workers" {
		t.Errorf("%+v", list)
	}
	s.MySQL = &MySQL{DSN: "mysql://h/x", Template: "x"}
	if list := s.Validate(); len(list) != 1 || list[0].Path != "mysql.env" {
		t.Errorf("%+v", list)
	}
}

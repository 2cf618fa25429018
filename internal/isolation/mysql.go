package isolation

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"

	"github.com/org/e2e-gate/internal/diag"
	"github.com/org/e2e-gate/internal/safetext"
)

// MySQL makes databases on MySQL and MariaDB.
type MySQL struct {
	DSN        string        `yaml:"dsn" doc:"Data source of a user that may create databases, as a URL or as the Go driver writes it. Suites get it with the database replaced. Secret."`
	Template   string        `yaml:"template" doc:"Database to copy: tables with their rows, views, triggers, routines and events. Nothing may write to it meanwhile."`
	Env        string        `yaml:"env" doc:"Environment variable that hands the data source to the suites. Default DATABASE_URL."`
	Timeout    time.Duration `yaml:"timeout" doc:"Maximum time to copy it. Default 1m."`
	SweepAfter time.Duration `yaml:"sweep_after" doc:"Age from which databases left behind by killed runs are dropped. They are recognised by their table e2e_gate_made. Default 6h."`
}

// Error numbers of MySQL that are handled here.
const (
	noSuchTable  = 1146
	invalidView  = 1356
	noDatabase   = 1049
	existsThere  = 1007
	accessDenied = 1044
	noPrivilege  = 1227
)

// markTable is in each database that e2e-gate created; its comment is the marker. MySQL has no comments on databases.
const markTable = "e2e_gate_made"

// fields are the section's, for what both servers have in common.
func (m *MySQL) fields() fields { return fields{m.DSN, m.Template, m.Env, m.Timeout, m.SweepAfter} }

func (m *MySQL) validate() []diag.Mistake {
	_, err := mysqlConfig(m.DSN)
	return m.fields().validate(err == nil, errMySQL)
}

var errMySQL = errors.New("the data source cannot be read; write it as mysql://user:password@127.0.0.1:3306/app")

// mysqlConfig reads a data source, as a URL (mysql, mariadb, also with a driver as in mysql+pymysql) or in the form of the Go driver.
func mysqlConfig(dsn string) (*mysql.Config, error) {
	if dsn == "" {
		return nil, errMySQL
	}
	scheme, _, isURL := strings.Cut(dsn, "://")
	kind, _, _ := strings.Cut(scheme, "+")
	if isURL && (kind == "mysql" || kind == "mariadb") {
		u, err := url.Parse(dsn)
		if err != nil || u.Hostname() == "" {
			return nil, errMySQL
		}
		c := mysql.NewConfig()
		c.Net, c.Addr, c.DBName, c.User = "tcp", u.Host, strings.TrimPrefix(u.Path, "/"), u.User.Username()
		c.Passwd, _ = u.User.Password()
		if u.Port() == "" {
			c.Addr = net.JoinHostPort(u.Hostname(), "3306")
		}
		if tls := u.Query().Get("tls"); tls != "" { // all else is for the driver of the suites
			c.TLSConfig = tls
		}
		dsn = c.FormatDSN()
	}
	c, err := mysql.ParseDSN(dsn)
	if err != nil {
		return nil, errMySQL
	}
	c.Logger = &mysql.NopLogger{}
	return c, nil
}

// withDatabase returns the data source with another database. All else stays as it was written.
func (m *MySQL) withDatabase(name string) (string, error) {
	if strings.Contains(m.DSN, "://") {
		u, err := url.Parse(m.DSN)
		if err != nil {
			return "", errMySQL
		}
		u.Path, u.RawPath = "/"+name, ""
		return u.String(), nil
	}
	at := strings.LastIndexByte(m.DSN, '/') // as the driver looks for it
	if at < 0 {
		return "", errMySQL
	}
	_, parameters, has := strings.Cut(m.DSN[at+1:], "?")
	if has {
		parameters = "?" + parameters
	}
	return m.DSN[:at+1] + name + parameters, nil
}

// Address is the host and port of the server that databases are made on; empty where the data source is not valid.
func (m *MySQL) Address() (host, port string) {
	c, err := mysqlConfig(m.DSN)
	if err != nil || c.Net != "tcp" {
		return "", ""
	}
	host, port, err = net.SplitHostPort(c.Addr)
	if err != nil {
		return "", ""
	}
	return host, port
}

// server is one session of a server.
type server struct {
	conn *sql.Conn
	db   *sql.DB
}

func (s server) close() { _, _ = s.conn.Close(), s.db.Close() }

func (m *MySQL) connect(ctx context.Context) (server, error) {
	c, err := mysqlConfig(m.DSN)
	if err != nil {
		return server{}, err
	}
	c.DBName = ""
	connector, err := mysql.NewConnector(c)
	if err != nil {
		return server{}, errMySQL
	}
	db := sql.OpenDB(connector)
	conn, err := db.Conn(ctx)
	if err != nil {
		_ = db.Close()
		return server{}, fmt.Errorf("connect to MySQL: %s; check dsn", mysqlSaid(ctx, err))
	}
	return server{conn, db}, nil
}

func (s server) exec(ctx context.Context, query string) error {
	_, err := s.conn.ExecContext(ctx, query)
	return err
}

// rows are the answers to a query; NULL is empty.
func (s server) rows(ctx context.Context, query string, args ...any) ([][]string, error) {
	found, err := s.conn.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer func() { _ = found.Close() }()
	columns, err := found.Columns()
	if err != nil {
		return nil, err
	}
	var list [][]string
	for found.Next() {
		values, into := make([]sql.NullString, len(columns)), make([]any, len(columns))
		for i := range values {
			into[i] = &values[i]
		}
		if err := found.Scan(into...); err != nil {
			return nil, err
		}
		row := make([]string, len(columns))
		for i, v := range values {
			row[i] = v.String
		}
		list = append(list, row)
	}
	return list, found.Err()
}

// quoted is a name in backticks.
func quoted(name string) string { return "`" + strings.ReplaceAll(name, "`", "``") + "`" }

// create copies the template into a new database.
func (m *MySQL) create(ctx context.Context, name, comment string) (created, error) {
	s, err := m.connect(ctx)
	if err != nil {
		return notCreated, err
	}
	defer s.close()
	schema, err := s.rows(ctx, "SELECT DEFAULT_CHARACTER_SET_NAME, DEFAULT_COLLATION_NAME FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = ?", m.Template)
	switch {
	case err != nil:
		return notCreated, fmt.Errorf("look for the template %s: %s", m.Template, mysqlSaid(ctx, err))
	case len(schema) == 0:
		return notCreated, fmt.Errorf("the template %s does not exist, or the user of dsn may not see it; create it first, or correct template", m.Template)
	}
	err = s.exec(ctx, fmt.Sprintf("CREATE DATABASE %s CHARACTER SET %s COLLATE %s", quoted(name), schema[0][0], schema[0][1]))
	if err != nil {
		state := notCreated
		if numberOf(err) == 0 {
			state = maybeCreated
		}
		return state, fmt.Errorf("create a database: %s; %s", mysqlSaid(ctx, err), mysqlAdvice(err))
	}
	// A database without its marker would never be swept.
	marking, cancel := context.WithTimeout(context.WithoutCancel(ctx), markTime)
	err = s.exec(marking, fmt.Sprintf("CREATE TABLE %s.%s (id TINYINT PRIMARY KEY) COMMENT '%s'", quoted(name), markTable, comment))
	cancel()
	if err != nil {
		return maybeCreated, fmt.Errorf("mark the database: %s; look at the server's log", mysqlSaid(ctx, err))
	}
	c := copying{s, m.Template, name}
	for _, step := range []func(context.Context) error{c.prepare, c.tables, c.routines, c.views, c.triggers, c.events} {
		if err := step(ctx); err != nil {
			return maybeCreated, fmt.Errorf("copy the template %s: %w", m.Template, err)
		}
	}
	return maybeCreated, nil
}

// copying copies what one database has into another one, in a session of its own.
type copying struct {
	server
	from, to string
}

func (c copying) failed(ctx context.Context, what string, err error) error {
	return fmt.Errorf("%s: %s; %s", what, mysqlSaid(ctx, err), mysqlAdvice(err))
}

func (c copying) prepare(ctx context.Context) error {
	if err := c.exec(ctx, "SET SESSION foreign_key_checks = 0, unique_checks = 0, sql_quote_show_create = 1, sql_mode = 'NO_AUTO_VALUE_ON_ZERO'"); err != nil {
		return c.failed(ctx, "prepare the session", err)
	}
	return nil
}

// use makes a database the session's.
func (c copying) use(ctx context.Context, name string) error { return c.exec(ctx, "USE "+quoted(name)) }

// made runs a statement that makes a thing, as the template has it, in the copy. The modes are those under which it was written.
func (c copying) made(ctx context.Context, what, statement, mode string) error {
	switch {
	case statement == "":
		return fmt.Errorf("the user of dsn may not see how %s is made; give it the right SHOW_ROUTINE, or SELECT on mysql.proc", what)
	case c.leaks(statement):
		return fmt.Errorf("%s names the template itself, %s, so the copy's would work on the template; leave the name of the database out of it, or make the copy "+
			"by isolation.up", what, c.from)
	}
	err := c.use(ctx, c.to)
	if err == nil && mode != "" {
		_, err = c.conn.ExecContext(ctx, "SET SESSION sql_mode = ?", mode)
	}
	if err == nil {
		err = c.exec(ctx, statement)
	}
	if err != nil {
		return c.failed(ctx, what, err)
	}
	return nil
}

// leaks reports whether a statement names the template's database.
func (c copying) leaks(statement string) bool {
	name := regexp.QuoteMeta(c.from)
	return regexp.MustCompile("(?i)(^|[^\\w$`])`?" + name + "`?\\s*\\.").MatchString(statement)
}

func (c copying) tables(ctx context.Context) error {
	list, err := c.rows(ctx, "SELECT TABLE_NAME, TABLE_TYPE FROM information_schema.TABLES WHERE TABLE_SCHEMA = ? AND TABLE_NAME <> ? ORDER BY TABLE_NAME",
		c.from, markTable)
	if err != nil {
		return c.failed(ctx, "list its tables", err)
	}
	for _, row := range list {
		name, kind := row[0], row[1]
		switch kind {
		case "VIEW":
			continue
		case "BASE TABLE":
		default:
			return fmt.Errorf("%s is a %s, which cannot be copied; make the copy by isolation.up", name, strings.ToLower(kind))
		}
		how, err := c.rows(ctx, "SHOW CREATE TABLE "+quoted(c.from)+"."+quoted(name))
		if err != nil {
			return c.failed(ctx, "table "+name, err)
		}
		if err := c.made(ctx, "table "+name, how[0][1], ""); err != nil {
			return err
		}
		columns, err := c.rows(ctx, "SELECT COLUMN_NAME FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ? AND "+
			"(GENERATION_EXPRESSION IS NULL OR GENERATION_EXPRESSION = '') ORDER BY ORDINAL_POSITION", c.from, name)
		if err != nil {
			return c.failed(ctx, "table "+name, err)
		}
		var names []string
		for _, column := range columns {
			names = append(names, quoted(column[0]))
		}
		all := strings.Join(names, ", ")
		if all == "" {
			continue // its rows are empty
		}
		if err := c.exec(ctx, fmt.Sprintf("INSERT INTO %s.%s (%s) SELECT %[3]s FROM %[4]s.%[2]s", quoted(c.to), quoted(name), all, quoted(c.from))); err != nil {
			return c.failed(ctx, "the rows of table "+name, err)
		}
	}
	return nil
}

func (c copying) routines(ctx context.Context) error {
	list, err := c.rows(ctx, "SELECT ROUTINE_NAME, ROUTINE_TYPE FROM information_schema.ROUTINES WHERE ROUTINE_SCHEMA = ? ORDER BY ROUTINE_TYPE, ROUTINE_NAME",
		c.from)
	if err != nil {
		return c.failed(ctx, "list its routines", err)
	}
	for _, row := range list {
		what := strings.ToLower(row[1]) + " " + row[0]
		if row[1] != "FUNCTION" && row[1] != "PROCEDURE" {
			return fmt.Errorf("%s cannot be copied; make the copy by isolation.up", what)
		}
		how, err := c.rows(ctx, "SHOW CREATE "+row[1]+" "+quoted(c.from)+"."+quoted(row[0]))
		if err != nil {
			return c.failed(ctx, what, err)
		}
		if err := c.made(ctx, what, how[0][2], how[0][1]); err != nil {
			return err
		}
	}
	return c.prepare(ctx)
}

// views are made in rounds: one may select from another one.
func (c copying) views(ctx context.Context) error {
	list, err := c.rows(ctx, "SELECT TABLE_NAME FROM information_schema.VIEWS WHERE TABLE_SCHEMA = ? ORDER BY TABLE_NAME", c.from)
	if err != nil {
		return c.failed(ctx, "list its views", err)
	}
	for len(list) > 0 {
		var later [][]string
		var last error
		for _, row := range list {
			if err := c.use(ctx, c.from); err != nil { // else the server writes the database's name into the statement
				return c.failed(ctx, "view "+row[0], err)
			}
			how, err := c.rows(ctx, "SHOW CREATE VIEW "+quoted(row[0]))
			if err != nil {
				return c.failed(ctx, "view "+row[0], err)
			}
			err = c.made(ctx, "view "+row[0], how[0][1], "")
			if err != nil && !slices.Contains([]string{fmt.Sprint(noSuchTable), fmt.Sprint(invalidView)}, firstNumber(err)) {
				return err
			}
			if err != nil {
				later, last = append(later, row), err
			}
		}
		if len(later) == len(list) {
			return last
		}
		list = later
	}
	return nil
}

func (c copying) triggers(ctx context.Context) error {
	list, err := c.rows(ctx, "SELECT TRIGGER_NAME FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = ? ORDER BY EVENT_OBJECT_TABLE, ACTION_ORDER", c.from)
	if err != nil {
		return c.failed(ctx, "list its triggers", err)
	}
	for _, row := range list {
		how, err := c.rows(ctx, "SHOW CREATE TRIGGER "+quoted(c.from)+"."+quoted(row[0]))
		if err != nil {
			return c.failed(ctx, "trigger "+row[0], err)
		}
		if err := c.made(ctx, "trigger "+row[0], how[0][2], how[0][1]); err != nil {
			return err
		}
	}
	return nil
}

func (c copying) events(ctx context.Context) error {
	list, err := c.rows(ctx, "SELECT EVENT_NAME FROM information_schema.EVENTS WHERE EVENT_SCHEMA = ? ORDER BY EVENT_NAME", c.from)
	if err != nil {
		return c.failed(ctx, "list its events", err)
	}
	for _, row := range list {
		how, err := c.rows(ctx, "SHOW CREATE EVENT "+quoted(c.from)+"."+quoted(row[0]))
		if err != nil {
			return c.failed(ctx, "event "+row[0], err)
		}
		if err := c.made(ctx, "event "+row[0], how[0][3], how[0][1]); err != nil {
			return err
		}
	}
	return nil
}

// drop drops a database of this run, whoever is still connected to it.
func (m *MySQL) drop(ctx context.Context, name string) error {
	ctx, cancel := context.WithTimeout(ctx, dropTime)
	defer cancel()
	s, err := m.connect(ctx)
	if err != nil {
		return fmt.Errorf("drop database %s: %w", name, err)
	}
	defer s.close()
	if sessions, err := s.rows(ctx, "SELECT ID FROM information_schema.PROCESSLIST WHERE DB = ?", name); err == nil {
		for _, row := range sessions {
			_ = s.exec(ctx, "KILL CONNECTION "+row[0]) // else an open transaction keeps the tables; one that has ended is not there
		}
	}
	if err := s.exec(ctx, "DROP DATABASE IF EXISTS "+quoted(name)); err != nil {
		return fmt.Errorf("drop database %s: %s; drop it by hand, or leave it to a later run", name, mysqlSaid(ctx, err))
	}
	return nil
}

// sweep drops databases that killed runs left behind: those with our marker that are older than a run can be. A database with a
// session that can be seen is left alone. It returns a sentence for each one that it dropped or could not drop.
func (m *MySQL) sweep(ctx context.Context, now time.Time) []string {
	ctx, cancel := context.WithTimeout(ctx, sweepTime)
	defer cancel()
	s, err := m.connect(ctx)
	if err != nil {
		return nil // creating a database will report it
	}
	defer s.close()
	marked, err := s.rows(ctx, "SELECT TABLE_SCHEMA, TABLE_COMMENT, EXISTS (SELECT 1 FROM information_schema.PROCESSLIST WHERE DB = TABLE_SCHEMA) "+
		"FROM information_schema.TABLES WHERE TABLE_NAME = ? ORDER BY TABLE_SCHEMA", markTable)
	if err != nil {
		return nil
	}
	age := m.SweepAfter
	if age == 0 {
		age = DefaultSweepAfter
	}
	var said []string
	for _, row := range marked {
		at, ours := madeAt(row[1])
		switch {
		case !ours || now.Sub(at) < age || row[0] == m.Template || !strings.HasPrefix(row[0], databasePrefix) || len(said) == maxSwept:
		case row[2] == "1":
			said = append(said, fmt.Sprintf("database %s of an earlier run is not dropped: a session is connected to it", row[0]))
		default:
			text := fmt.Sprintf("dropped database %s, left behind by a run that ended early", row[0])
			if err := s.exec(ctx, "DROP DATABASE IF EXISTS "+quoted(row[0])); err != nil {
				text = fmt.Sprintf("database %s of an earlier run cannot be dropped (%s)", row[0], mysqlWords(err))
			}
			said = append(said, text)
		}
	}
	return said
}

func numberOf(err error) uint16 {
	var my *mysql.MySQLError
	if errors.As(err, &my) {
		return my.Number
	}
	return 0
}

var number = regexp.MustCompile(`: (\d{4}) `)

// firstNumber is the number of the server's error in a text of ours.
func firstNumber(err error) string {
	if m := number.FindStringSubmatch(err.Error()); m != nil {
		return m[1]
	}
	return ""
}

func mysqlSaid(ctx context.Context, err error) string {
	if ctx.Err() != nil {
		return fmt.Sprintf("timed out (%s)", mysqlWords(err))
	}
	return mysqlWords(err)
}

// mysqlWords is the error text of the server or of the network.
func mysqlWords(err error) string {
	var my *mysql.MySQLError
	var op *net.OpError
	switch {
	case errors.As(err, &my):
		return safetext.Plain(fmt.Sprintf("%d %s", my.Number, my.Message), 300)
	case errors.Is(err, mysql.ErrNoTLS):
		return "the server does not support TLS"
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return "no answer"
	case errors.As(err, &op):
		return safetext.Plain(op.Err.Error(), 300)
	}
	return "the connection broke"
}

func mysqlAdvice(err error) string {
	switch numberOf(err) {
	case existsThere:
		return "this attempt of the run has been here before"
	case noDatabase:
		return "create it first, or correct template"
	case accessDenied:
		return "give the user of dsn all rights on `" + strings.ReplaceAll(databasePrefix, "_", `\_`) + "%`"
	case noPrivilege:
		return "give the user of dsn the right to make what others have defined (SET_USER_ID, SET USER or SUPER), or define it by that user"
	}
	return "look at the server's log"
}

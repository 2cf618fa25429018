package sqlgate

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/go-sql-driver/mysql"

	"github.com/org/e2e-gate/internal/gate/probe"
	"github.com/org/e2e-gate/internal/gate/trust"
	"github.com/org/e2e-gate/internal/safetext"
)

// maria is MySQL and MariaDB.
type maria struct{}

func (maria) kind() string    { return "mysql" }
func (maria) example() string { return "mysql://user:password@127.0.0.1:3306/app" }

func (maria) parse(dsn string) (source, error) {
	if dsn == "" {
		return source{}, errors.New("no dsn")
	}
	own, err := fromURL(dsn)
	if err != nil {
		return source{}, err
	}
	config, err := mysql.ParseDSN(own)
	if err != nil {
		return source{}, errors.New("unreadable dsn")
	}
	config.Logger = &mysql.NopLogger{}
	connector, err := mysql.NewConnector(config)
	if err != nil {
		return source{}, errors.New("unusable dsn")
	}
	return source{target: config.Addr + "/" + config.DBName, password: config.Passwd, connector: func(context.Context) driver.Connector { return connector }}, nil
}

// fromURL turns the form that most tools take into that of the driver.
func fromURL(dsn string) (string, error) {
	scheme, _, isURL := strings.Cut(dsn, "://")
	if !isURL || scheme != "mysql" && scheme != "mariadb" {
		return dsn, nil
	}
	u, err := url.Parse(dsn)
	if err != nil || u.Hostname() == "" {
		return "", errors.New("unreadable dsn")
	}
	config := mysql.NewConfig()
	config.Net, config.Addr, config.DBName = "tcp", u.Host, strings.TrimPrefix(u.Path, "/")
	config.User = u.User.Username()
	config.Passwd, _ = u.User.Password()
	own := config.FormatDSN()
	switch {
	case u.RawQuery == "":
	case strings.Contains(own, "?"):
		own += "&" + u.RawQuery
	default:
		own += "?" + u.RawQuery
	}
	return own, nil
}

func (maria) fault(err error) (fault, bool) {
	if errors.Is(err, mysql.ErrNoTLS) {
		return fault{trust.Word, "the server does not support TLS", "the data source requires TLS, but the server does not support it; correct tls in the dsn"}, true
	}
	var my *mysql.MySQLError
	if !errors.As(err, &my) {
		return fault{}, false
	}
	text := safetext.Plain(fmt.Sprintf("%d %s", my.Number, my.Message), probe.MaxQuote)
	switch my.Number {
	case 1045, 1698, 1130, 1862:
		return loginRefused(text), true
	case 1049:
		return noDatabase(text), true
	case 1044, 1142, 1143, 1227:
		return notAllowed(text), true
	case 1146:
		return fault{wordTable, noTable, "a table does not exist; check its name"}, true
	case 1054:
		return fault{wordTable, text, "a column does not exist; check the table"}, true
	case 1064, 1046, 1792, 1305:
		return fault{wordQuery, text, "the server does not accept the query; correct it"}, true
	}
	return fault{"", text, "the server answers with an error; look at its log"}, true
}

func (maria) migrating(ctx context.Context, q querier, table string) (bool, error) {
	names, err := rows(ctx, q, "SELECT DATABASE()")
	if err != nil || len(names) == 0 {
		return false, err
	}
	held, err := rows(ctx, q, "SELECT IS_USED_LOCK('"+lockID(names[0][0]+":"+table)+"')")
	return len(held) > 0 && held[0][0] != "", err
}

func (maria) age(column string) string {
	return "TIMESTAMPDIFF(SECOND, " + column + ", UTC_TIMESTAMP())"
}

// lag asks with MySQL's words, which MariaDB takes too since 10.5, and reads the
// columns of both.
func (maria) lag(ctx context.Context, q querier) (lag, error) {
	found, err := q.QueryContext(ctx, "SHOW REPLICA STATUS")
	if err != nil {
		return lag{}, fmt.Errorf("ask for replica status: %w", err)
	}
	defer func() { _ = found.Close() }()
	columns, err := found.Columns()
	if err != nil || !found.Next() {
		return lag{}, errors.Join(err, found.Err())
	}
	values, into := make([]sql.NullString, len(columns)), make([]any, len(columns))
	for i := range values {
		into[i] = &values[i]
	}
	if err := found.Scan(into...); err != nil {
		return lag{}, fmt.Errorf("read replica status: %w", err)
	}
	i := slices.IndexFunc(columns, func(c string) bool { return c == "Seconds_Behind_Source" || c == "Seconds_Behind_Master" })
	if i < 0 {
		return lag{}, nil
	}
	return lag{known: true, stopped: !values[i].Valid, behind: seconds(values[i].String)}, nil
}

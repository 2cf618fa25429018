package isolation

import (
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// pair is a setting of a data source in keyword form.
var pair = regexp.MustCompile(`\s*([A-Za-z_]+)\s*=\s*('(?:[^'\\]|\\.)*'|(?:[^\s\\]|\\.)*)`)

// withDatabase returns a data source, as a URL or in keyword form, with another
// database. All else stays as it was written.
func withDatabase(dsn, name string) (string, error) {
	if strings.HasPrefix(dsn, "postgres://") || strings.HasPrefix(dsn, "postgresql://") {
		return urlWithDatabase(dsn, name)
	}
	var settings []string
	for _, m := range pair.FindAllStringSubmatch(dsn, -1) {
		if m[1] != "dbname" && m[1] != "database" {
			settings = append(settings, m[1]+"="+m[2])
		}
	}
	quoted := strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(name)
	return strings.Join(append(settings, "dbname='"+quoted+"'"), " "), nil
}

func urlWithDatabase(dsn, name string) (string, error) {
	u, err := url.Parse(dsn)
	if err != nil {
		return "", errDSN
	}
	u.Path, u.RawPath = "/"+name, ""
	// A parameter would win over the path.
	var kept []string
	for p := range strings.SplitSeq(u.RawQuery, "&") {
		key, _, _ := strings.Cut(p, "=")
		if p != "" && key != "dbname" && key != "database" {
			kept = append(kept, p)
		}
	}
	u.RawQuery = strings.Join(kept, "&")
	return u.String(), nil
}

func (p *Postgres) withDatabase(name string) (string, error) { return withDatabase(p.DSN, name) }

// Address is the host and port of the server that databases are made on; empty where the data source is not valid.
func (p *Postgres) Address() (host, port string) {
	c, err := pgconn.ParseConfig(p.DSN)
	if err != nil {
		return "", ""
	}
	return c.Host, strconv.Itoa(int(c.Port))
}

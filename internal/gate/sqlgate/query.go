package sqlgate

import (
	"context"
	"regexp"
	"strconv"
	"strings"

	"github.com/org/e2e-gate/internal/gate/httpgate"
	"github.com/org/e2e-gate/internal/gate/probe"
)

func (q *Query) expected() string {
	var parts []string
	for _, e := range [][2]string{{"= ", q.Equals}, {"matches ", q.Matches}, {">= ", q.AtLeast}, {"<= ", q.AtMost}} {
		if e[1] != "" {
			parts = append(parts, e[0]+e[1])
		}
	}
	if len(parts) == 0 {
		return "query returns a row"
	}
	return "query " + strings.Join(parts, " and ")
}

func (p *prober) query(ctx context.Context, db querier) (string, probe.Observation, error) {
	q := p.spec.Query
	if q == nil {
		return "", probe.Observation{}, nil
	}
	found, err := rows(ctx, db, q.SQL)
	if err != nil {
		if f, ok := p.dialect.fault(err); ok && (f.word == wordTable || f.word == wordQuery) {
			return "", probe.Never(wordQuery, "query: "+f.observed,
				"the query cannot be run; correct query.sql, or add query to retry_on if its tables are created later"), nil
		}
		return "", probe.Observation{}, err
	}
	if len(found) == 0 || len(found[0]) == 0 {
		return "", probe.NotYet("query returns no row", q.expected()+" was expected; check the data, or the query"), nil
	}
	value := found[0][0]
	text := "query " + probe.Quote(p.mask(value))
	if !q.satisfied(value) {
		return "", probe.NotYet(text, q.expected()+" was expected; check the data, or the query"), nil
	}
	return text, probe.Observation{}, nil
}

func (q *Query) satisfied(value string) bool {
	if q.Equals != "" && value != q.Equals && !httpgate.SameNumber(value, q.Equals) {
		return false
	}
	if q.Matches != "" && !regexp.MustCompile(q.Matches).MatchString(value) {
		return false
	}
	number, err := strconv.ParseFloat(value, 64)
	for _, bound := range []struct {
		text string
		ok   func(limit float64) bool
	}{{q.AtLeast, func(l float64) bool { return number >= l }}, {q.AtMost, func(l float64) bool { return number <= l }}} {
		if bound.text == "" {
			continue
		}
		limit, _ := strconv.ParseFloat(bound.text, 64)
		if err != nil || !bound.ok(limit) {
			return false
		}
	}
	return true
}

package main

import (
	"encoding/csv"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
)

// data holds the durations that a plan is made from, and those of the next run.
type data struct {
	known []timed
	next  map[string]float64
	after []timed // next as a list of its own: some tests went, others came
}

// read reads a table; of one with dates, the last but one version is known and the last
// is what came.
func read(file string) (data, error) {
	f, err := os.Open(file) //nolint:gosec // named by the user
	if err != nil {
		return data{}, err
	}
	defer func() { _ = f.Close() }()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil || len(rows) == 0 {
		return data{}, fmt.Errorf("it is not CSV: %w", err)
	}
	date, test, seconds := slices.Index(rows[0], "date"), slices.Index(rows[0], "test"), slices.Index(rows[0], "seconds")
	if test < 0 || seconds < 0 {
		return data{}, fmt.Errorf("it does not have the columns test and seconds")
	}
	versions, order := map[string]map[string]float64{}, []string{}
	for _, row := range rows[1:] {
		version := ""
		if date >= 0 {
			version = row[date]
		}
		if versions[version] == nil {
			versions[version] = map[string]float64{}
			order = append(order, version)
		}
		if v, err := strconv.ParseFloat(row[seconds], 64); err == nil && v >= 0 {
			versions[version][row[test]] = v
		}
	}
	slices.Sort(order)
	d := data{}
	last := versions[order[len(order)-1]]
	if len(order) > 1 {
		d.next, last = last, versions[order[len(order)-2]]
	}
	d.known, d.after = suiteOrder(last), suiteOrder(d.next)
	return d, nil
}

// suiteOrder lists tests by name.
func suiteOrder(table map[string]float64) []timed {
	var tests []timed
	for name, v := range table {
		tests = append(tests, timed{name, owner(name), v})
	}
	slices.SortFunc(tests, func(a, b timed) int { return strings.Compare(a.name, b.name) })
	return tests
}

// owner is the folder of a test, two levels deep.
func owner(name string) string {
	file, _, _ := strings.Cut(name, "::")
	parts := strings.Split(strings.TrimPrefix(file, "/"), "/")
	return strings.Join(parts[:min(len(parts)-1, 2)], "/")
}

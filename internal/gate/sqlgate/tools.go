package sqlgate

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// tool is how one migration tool records migrations.
type tool struct {
	table string
	order order
	read  func(ctx context.Context, d dialect, q querier, table string) (state, error)
}

// tools reads the tables as the tools write them. The queries turn flags into 1 and 0,
// since databases differ in how they return them.
var tools map[string]tool

func init() {
	tools = map[string]tool{
		"flyway":         {"flyway_schema_history", numeric, readFlyway},
		"liquibase":      {"DATABASECHANGELOG", executed, readLiquibase},
		"golang-migrate": {"schema_migrations", numeric, readGolangMigrate},
		"goose":          {"goose_db_version", numeric, readGoose},
		"alembic":        {"alembic_version", unordered, readAlembic},
		"rails":          {"schema_migrations", numeric, readRails},
		"prisma":         {"_prisma_migrations", numeric, readPrisma},
		"django":         {"django_migrations", perApp, readDjango},
		"atlas":          {"atlas_schema_revisions", numeric, readAtlas},
	}
}

func toolNames() []string { return slices.Sorted(maps.Keys(tools)) }

func flag(column string) string { return "CASE WHEN " + column + " THEN 1 ELSE 0 END" }

// readFlyway: a failed row stays until "repair"; an undone or deleted migration
// has a later row that says so; repeatable ones have no version.
func readFlyway(ctx context.Context, _ dialect, q querier, table string) (state, error) {
	found, err := rows(ctx, q, "SELECT version, description, type, "+flag("success")+" FROM "+table+" ORDER BY installed_rank")
	var s state
	for _, row := range found {
		version, typ := row[0], row[2]
		if row[3] != "1" {
			s.broken = strings.TrimSpace("failed migration " + version + " " + row[1])
			continue
		}
		if strings.HasPrefix(typ, "UNDO") || typ == "DELETE" {
			s.applied = slices.DeleteFunc(s.applied, func(a step) bool { return a.version == version })
			continue
		}
		if version != "" {
			s.applied = append(s.applied, step{version: version})
		}
	}
	return s, err
}

// readLiquibase names a change set by id, tag, author:id and file::id::author.
func readLiquibase(ctx context.Context, _ dialect, q querier, table string) (state, error) {
	found, err := rows(ctx, q, "SELECT ID, AUTHOR, FILENAME, TAG, EXECTYPE FROM "+table+" ORDER BY ORDEREXECUTED")
	if err != nil {
		return state{}, err
	}
	var s state
	for _, row := range found {
		id, author, file, tag := row[0], row[1], row[2], row[3]
		if row[4] == "FAILED" {
			s.broken = "failed change set " + id + " of " + author
			continue
		}
		a := step{version: id, names: []string{author + ":" + id, file + "::" + id + "::" + author}}
		if tag != "" {
			a.names = append(a.names, tag)
		}
		s.applied = append(s.applied, a)
	}
	locks, err := rows(ctx, q, "SELECT LOCKEDBY, LOCKGRANTED FROM "+lockTable(table)+" WHERE LOCKED")
	if len(locks) > 0 {
		s.running = fmt.Sprintf("lock held by %s since %s", locks[0][0], locks[0][1])
	}
	return s, err
}

// lockTable is the name of the lock table, spelled like the log table next to it.
func lockTable(table string) string {
	if strings.HasSuffix(table, "g") {
		return table + "lock"
	}
	return table + "LOCK"
}

// readGolangMigrate: the row is dirty also while a migration runs, which its lock
// tells.
func readGolangMigrate(ctx context.Context, d dialect, q querier, table string) (state, error) {
	found, err := rows(ctx, q, "SELECT version, "+flag("dirty")+" FROM "+table)
	if err != nil || len(found) == 0 {
		return state{}, err
	}
	s := state{applied: []step{{version: found[0][0]}}}
	if found[0][1] != "1" {
		return s, nil
	}
	running, err := d.migrating(ctx, q, table)
	if running {
		s.running = "migration " + found[0][0] + " is running"
	} else {
		s.broken = "dirty migration " + found[0][0]
	}
	return s, err
}

// readGoose: older versions add a row that is not applied when a migration is
// taken back. Of a version's rows the newest counts.
func readGoose(ctx context.Context, _ dialect, q querier, table string) (state, error) {
	found, err := rows(ctx, q, "SELECT version_id, "+flag("is_applied")+" FROM "+table+" ORDER BY id")
	var s state
	for _, row := range found {
		s.applied = slices.DeleteFunc(s.applied, func(a step) bool { return a.version == row[0] })
		if row[1] == "1" && row[0] != "0" {
			s.applied = append(s.applied, step{version: row[0]})
		}
	}
	return s, err
}

// simple reads a table in which each row is a migration in effect.
func simple(ctx context.Context, q querier, query string) (state, error) {
	found, err := rows(ctx, q, query)
	var s state
	for _, row := range found {
		s.applied = append(s.applied, step{version: strings.Join(row, ".")})
	}
	return s, err
}

func readAlembic(ctx context.Context, _ dialect, q querier, table string) (state, error) {
	return simple(ctx, q, "SELECT version_num FROM "+table)
}

func readRails(ctx context.Context, _ dialect, q querier, table string) (state, error) {
	return simple(ctx, q, "SELECT version FROM "+table)
}

func readDjango(ctx context.Context, _ dialect, q querier, table string) (state, error) {
	return simple(ctx, q, "SELECT app, name FROM "+table+" ORDER BY id")
}

// maxPrisma is how long a Prisma migration may be unfinished without a log before it
// counts as failed, in seconds.
const maxPrisma = "600"

// readPrisma: an unfinished row is a migration that runs, or, with a log or after
// a long time, one that failed.
func readPrisma(ctx context.Context, d dialect, q querier, table string) (state, error) {
	dead := "CASE WHEN COALESCE(logs, '') <> '' OR " + d.age("started_at") + " > " + maxPrisma + " THEN 1 ELSE 0 END"
	found, err := rows(ctx, q, "SELECT migration_name, "+flag("finished_at IS NOT NULL")+", "+dead+" FROM "+table+
		" WHERE rolled_back_at IS NULL ORDER BY started_at")
	var s state
	for _, row := range found {
		switch {
		case row[1] == "1":
			s.applied = append(s.applied, step{version: row[0]})
		case row[2] == "1":
			s.broken = "failed migration " + row[0]
		default:
			s.running = "migration " + row[0] + " is running"
		}
	}
	return s, err
}

// readAtlas skips the rows that Atlas keeps about itself, whose names begin with a
// dot.
func readAtlas(ctx context.Context, _ dialect, q querier, table string) (state, error) {
	found, err := rows(ctx, q, "SELECT version, description, "+flag("COALESCE(error, '') <> ''")+", "+flag("applied < total")+" FROM "+table+
		" ORDER BY executed_at")
	var s state
	for _, row := range found {
		switch {
		case strings.HasPrefix(row[0], "."):
		case row[2] == "1":
			s.broken = "failed migration " + row[0] + " " + row[1]
		case row[3] == "1":
			s.running = "migration " + row[0] + " is partly applied"
		default:
			s.applied = append(s.applied, step{version: row[0]})
		}
	}
	return s, err
}

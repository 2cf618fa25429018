package sqlgate

import (
	"testing"

	"github.com/org/e2e-gate/internal/testkit/gatekit"
)

// answer is what a check should say: healthy, not_yet, or the word of a never.
type answer struct {
	m              Migration
	what, observed string
}

const (
	healthy = "healthy"
	notYet  = "not_yet"
)

// book is the table of one tool as the tool writes it, and the expected answers.
type book struct {
	tool   string
	tables []string
	// steps change the table; after each its answers must hold.
	steps []struct {
		sql     []string
		answers []answer
	}
}

func (b bench) testTools(t *testing.T) {
	for _, k := range b.books() {
		t.Run(k.tool, func(t *testing.T) {
			gatekit.NotYet(t, b.look(t, Spec{Migration: &Migration{Tool: k.tool}}), "no table "+tools[k.tool].table)
			b.exec(t, k.tables...)
			for _, step := range k.steps {
				b.exec(t, step.sql...)
				for _, a := range step.answers {
					a.m.Tool = k.tool
					b.want(t, a)
				}
			}
			b.exec(t, "DROP TABLE "+tools[k.tool].table)
		})
	}
	t.Run("wrong table", func(t *testing.T) {
		b.exec(t, "CREATE TABLE goose_db_version (nothing int)")
		b.want(t, answer{Migration{Tool: "goose", Version: "1"}, "wrong_table", "table goose_db_version is not one of goose"})
	})
}

func (b bench) want(t *testing.T, a answer) {
	t.Helper()
	o := b.look(t, Spec{Migration: &a.m})
	switch a.what {
	case healthy:
		gatekit.Healthy(t, o, "connects, "+a.observed)
	case notYet:
		gatekit.NotYet(t, o, a.observed)
	default:
		gatekit.Never(t, o, a.what, a.observed)
	}
}

type steps = []struct {
	sql     []string
	answers []answer
}

func (b bench) books() []book {
	// The two servers spell a moment of UTC differently.
	moment := "timestamp with time zone"
	if b.driver == "mysql" {
		moment = "datetime(3)"
	}
	return []book{
		{"flyway", []string{"CREATE TABLE flyway_schema_history (installed_rank int primary key, version varchar(50), description varchar(200), type " +
			"varchar(20), success boolean)"}, steps{
			{nil, []answer{{Migration{Version: "1"}, notYet, "migration none"}}},
			{[]string{"INSERT INTO flyway_schema_history VALUES (1, '1', 'init', 'SQL', true), (2, '1.10', 'x', 'SQL', true), (3, '1.9', 'late', 'SQL', true), " +
				"(4, NULL, 'views', 'SQL', true)"}, []answer{
				{Migration{Version: "1.10"}, healthy, "migration 1.10"}, {Migration{AtLeast: "1.9"}, healthy, "migration 1.10"}, {Migration{}, healthy, "migration 1.10"},
				{Migration{Version: "1.9"}, "ahead", "migration 1.10"}, {Migration{AtLeast: "2"}, notYet, "migration 1.10"},
				{Migration{Version: "1.11"}, notYet, "migration 1.10"},
				{Migration{Contains: []string{"1.9", "1.8"}}, notYet, "migration 1.8 is missing, newest 1.10"},
			}},
			{[]string{"INSERT INTO flyway_schema_history VALUES (5, '1.10', 'x', 'UNDO_SQL', true)"}, []answer{{Migration{Version: "1.9"}, healthy, "migration 1.9"}}},
			{[]string{"INSERT INTO flyway_schema_history VALUES (6, '2', 'add owner', 'SQL', false)"},
				[]answer{{Migration{Version: "1.9"}, "dirty", "failed migration 2 add owner"}}},
		}},
		{"liquibase", []string{
			"CREATE TABLE DATABASECHANGELOG (ID varchar(255), AUTHOR varchar(255), FILENAME varchar(255), ORDEREXECUTED int, EXECTYPE varchar(10), TAG varchar(255))",
			"CREATE TABLE DATABASECHANGELOGLOCK (ID int, LOCKED boolean, LOCKGRANTED varchar(30), LOCKEDBY varchar(255))",
			"INSERT INTO DATABASECHANGELOGLOCK VALUES (1, false, NULL, NULL)",
		}, steps{
			{[]string{"INSERT INTO DATABASECHANGELOG VALUES ('create-cases', 'ann', 'a.xml', 1, 'EXECUTED', NULL), ('add-owner', 'bob', 'b.xml', 2, " +
				"'MARK_RAN', 'v2')"}, []answer{
				{Migration{Version: "add-owner"}, healthy, "migration add-owner"}, {Migration{Version: "v2"}, healthy, "migration add-owner"},
				{Migration{Contains: []string{"ann:create-cases", "b.xml::add-owner::bob"}}, healthy, "migration add-owner"},
				{Migration{AtLeast: "create-cases"}, healthy, "migration add-owner"},
				{Migration{Version: "create-cases"}, "ahead", "migration add-owner"}, {Migration{AtLeast: "v3"}, notYet, "migration add-owner"},
			}},
			{[]string{"UPDATE DATABASECHANGELOGLOCK SET LOCKED = true, LOCKEDBY = 'ci-7 (10.0.0.7)', LOCKGRANTED = '2026-01-02 03:04'"}, []answer{
				{Migration{Version: "v2"}, notYet, "lock held by ci-7 (10.0.0.7) since 2026-01-02 03:04"},
			}},
			{[]string{"UPDATE DATABASECHANGELOGLOCK SET LOCKED = false", "INSERT INTO DATABASECHANGELOG VALUES ('drop', 'eve', 'c.xml', 3, 'FAILED', NULL)"},
				[]answer{{Migration{}, "dirty", "failed change set drop of eve"}}},
		}},
		{"golang-migrate", []string{"CREATE TABLE schema_migrations (version bigint primary key, dirty boolean)"}, steps{
			{nil, []answer{{Migration{AtLeast: "1"}, notYet, "migration none"}}},
			{[]string{"INSERT INTO schema_migrations VALUES (20260102, false)"}, []answer{
				{Migration{Version: "20260102"}, healthy, "migration 20260102"}, {Migration{AtLeast: "9"}, healthy, "migration 20260102"},
				{Migration{Version: "20260101"}, "ahead", "migration 20260102"},
			}},
			{[]string{"UPDATE schema_migrations SET dirty = true"}, []answer{{Migration{Version: "20260102"}, "dirty", "dirty migration 20260102"}}},
		}},
		{"goose", []string{"CREATE TABLE goose_db_version (id int primary key, version_id bigint, is_applied boolean)"}, steps{
			{[]string{"INSERT INTO goose_db_version VALUES (1, 0, true)"}, []answer{{Migration{Version: "1"}, notYet, "migration none"}}},
			{[]string{"INSERT INTO goose_db_version VALUES (2, 1, true), (3, 2, true), (4, 2, false)"},
				[]answer{{Migration{Version: "1"}, healthy, "migration 1"}, {Migration{Version: "2"}, notYet, "migration 1"}}},
			{[]string{"INSERT INTO goose_db_version VALUES (5, 2, true)"}, []answer{{Migration{Version: "2"}, healthy, "migration 2"}}},
		}},
		{"alembic", []string{"CREATE TABLE alembic_version (version_num varchar(32) primary key)"}, steps{
			{[]string{"INSERT INTO alembic_version VALUES ('1975ea83b712')"}, []answer{
				{Migration{Version: "1975ea83b712"}, healthy, "migration 1975ea83b712"}, {Migration{Version: "ae1027a6acf"}, notYet, "migration 1975ea83b712"},
			}},
			{[]string{"INSERT INTO alembic_version VALUES ('ae1027a6acf')"}, []answer{
				{Migration{Version: "1975ea83b712"}, notYet, "migration 1975ea83b712, ae1027a6acf"},
				{Migration{Contains: []string{"ae1027a6acf", "1975ea83b712"}}, healthy, "migration 1975ea83b712, ae1027a6acf"},
				{Migration{Contains: []string{"ae1027a6acf"}}, notYet, "heads 1975ea83b712, ae1027a6acf"},
			}},
		}},
		{"rails", []string{"CREATE TABLE schema_migrations (version varchar(255) primary key)"}, steps{
			{[]string{"INSERT INTO schema_migrations VALUES ('20260101120000'), ('20251231120000')"}, []answer{
				{Migration{Version: "20260101120000"}, healthy, "migration 20260101120000"}, {Migration{AtLeast: "20251231120000"}, healthy, "migration 20260101120000"},
				{Migration{Contains: []string{"20251130000000"}}, notYet, "migration 20251130000000 is missing, newest 20260101120000"},
			}},
		}},
		{"prisma", []string{"CREATE TABLE _prisma_migrations (migration_name varchar(255), started_at " + moment + ", finished_at " + moment +
			" NULL, rolled_back_at " + moment + " NULL, logs text)"}, steps{
			{[]string{"INSERT INTO _prisma_migrations VALUES ('20260101_init', '2026-01-01 00:00:00', '2026-01-01 00:00:01', NULL, NULL), ('20260102_bad', " +
				"'2026-01-02 00:00:00', NULL, '2026-01-02 00:00:05', 'ERROR')"}, []answer{
				{Migration{Version: "20260101_init"}, healthy, "migration 20260101_init"}, {Migration{AtLeast: "20260103_x"}, notYet, "migration 20260101_init"},
			}},
			{[]string{"INSERT INTO _prisma_migrations VALUES ('20260103_x', '2999-01-01 00:00:00', NULL, NULL, NULL)"},
				[]answer{{Migration{Version: "20260101_init"}, notYet, "migration 20260103_x is running"}}},
			{[]string{"UPDATE _prisma_migrations SET started_at = '2026-01-03 00:00:00' WHERE migration_name = '20260103_x'"},
				[]answer{{Migration{}, "dirty", "failed migration 20260103_x"}}},
			{[]string{"UPDATE _prisma_migrations SET started_at = '2999-01-03 00:00:00', logs = 'P3018' WHERE migration_name = '20260103_x'"},
				[]answer{{Migration{}, "dirty", "failed migration 20260103_x"}}},
		}},
		{"django", []string{"CREATE TABLE django_migrations (id int primary key, app varchar(255), name varchar(255))"}, steps{
			{[]string{"INSERT INTO django_migrations VALUES (1, 'cases', '0001_initial'), (2, 'cases', '0012_owner'), (3, 'auth', '0099_x'), (4, 'cases', " +
				"'0002_y')"}, []answer{
				{Migration{Version: "cases.0012_owner"}, healthy, "migration cases.0012_owner"},
				{Migration{AtLeast: "cases.0002_y"}, healthy, "migration cases.0012_owner"},
				{Migration{AtLeast: "cases.0013_z"}, notYet, "migration cases.0012_owner"}, {Migration{Version: "files.0001_initial"}, notYet, "migration none"},
				{Migration{Version: "cases.0002_y"}, "ahead", "migration cases.0012_owner"},
			}},
		}},
		{"atlas", []string{"CREATE TABLE atlas_schema_revisions (version varchar(255), description varchar(255), applied int, total int, error text, " +
			"executed_at int)"}, steps{
			{[]string{"INSERT INTO atlas_schema_revisions VALUES ('.atlas_cloud_identifier', '', 0, 0, NULL, 0), ('20260101', 'init', 2, 2, '', 1)"},
				[]answer{{Migration{Version: "20260101"}, healthy, "migration 20260101"}}},
			{[]string{"INSERT INTO atlas_schema_revisions VALUES ('20260102', 'owner', 1, 2, NULL, 2)"},
				[]answer{{Migration{}, notYet, "migration 20260102 is partly applied"}}},
			{[]string{"UPDATE atlas_schema_revisions SET error = 'syntax' WHERE version = '20260102'"},
				[]answer{{Migration{}, "dirty", "failed migration 20260102 owner"}}},
		}},
	}
}

package main

import "github.com/org/e2e-gate/internal/triage"

// clause is a context in which a fault has a category that a person who knows the domain gives it.
type clause struct {
	fault  string
	health triage.Health
	rerun  triage.Rerun
	recent triage.Recent
	paths  []string
	label  string
	why    string
}

const (
	ok, degraded, down = triage.HealthOK, triage.HealthDegraded, triage.HealthFailed
	passed, failed     = triage.RerunPassed, triage.RerunFailed
	none               = triage.RerunNone
	stable, flaky      = triage.RecentStable, triage.RecentFlaky
	fresh, onMain      = triage.RecentNew, triage.RecentFailingOnMain

	product, test, env    = "PRODUCT_REGRESSION", "TEST_BUG", "ENVIRONMENT_FAILURE"
	timing, data, outside = "FLAKY_TIMING", "DATA_COLLISION", "EXTERNAL_DEPENDENCY"
	unknown               = "UNKNOWN"
)

var (
	code  = []string{"internal/cases/state.go"}
	roles = []string{"internal/auth/roles.go"}
	docs  = []string{"docs/cases.md"}
	suite = []string{"SUITE"} // the file of the framework's suite
)

// clauses are what the set holds of each framework.
var clauses = []clause{
	{"value", ok, failed, stable, code, product, "a compared value is wrong twice on a stable test after a change of the product"},
	{"value", ok, failed, stable, suite, test, "only the test changed"},
	{"value", ok, passed, flaky, nil, timing, "it passes again and is known to flake"},
	{"value", ok, none, fresh, nil, unknown, "no rerun, no history, no change"},
	{"value", ok, failed, onMain, nil, unknown, "it fails on the default branch too, and nothing changed here"},
	{"value", ok, failed, stable, docs, unknown, "it fails twice, and no file changed that could be why"},
	{"value", down, failed, stable, nil, env, "a gate was down"},
	{"lag", ok, passed, stable, nil, timing, "an earlier state, gone in the rerun"},
	{"lag", ok, failed, stable, code, product, "the state does not come, twice, after a change of the product"},
	{"more", ok, passed, flaky, nil, data, "a row of another run, gone in the rerun"},
	{"fewer", ok, passed, flaky, nil, timing, "a row came later"},
	{"fewer", ok, failed, stable, code, product, "a row is lost twice after a change of the product"},
	{"server", ok, failed, stable, code, product, "the service fails twice after its change"},
	{"server", down, failed, stable, nil, env, "a gate was down, and nothing changed"},
	{"server", ok, passed, flaky, nil, unknown, "once and not again: a race, a dependency or the environment"},
	{"gateway", down, failed, stable, nil, env, "nothing behind the gateway, and its gate says so"},
	{"gateway", ok, failed, stable, code, product, "gates are healthy, the service's change leaves nothing behind the gateway"},
	{"gateway", ok, none, fresh, nil, unknown, "there was no rerun"},
	{"conflict", ok, passed, flaky, nil, data, "a name of another test, free in the rerun"},
	{"conflict", ok, failed, stable, code, unknown, "left-over data or the changed code"},
	{"missing", ok, failed, stable, code, product, "it is gone twice after a change of the product"},
	{"missing", ok, none, fresh, nil, unknown, "there was no rerun"},
	{"denied", ok, failed, stable, roles, product, "denied twice after a change of the roles"},
	{"denied", down, failed, stable, nil, env, "a gate was down, and nothing changed"},
	{"limited", ok, failed, flaky, nil, env, "the environment's own limiter is too low for the suite"},
	{"refused", down, failed, stable, nil, env, "the port is closed, and the gate says so"},
	{"refused", ok, passed, flaky, nil, env, "the port was closed for a while"},
	{"refused", ok, failed, stable, code, unknown, "the service may not start after its change, or the environment is broken beside its gates"},
	{"reset", degraded, failed, stable, nil, env, "connections break while the gate is degraded"},
	{"reset", ok, failed, stable, code, unknown, "the service may close them after its change"},
	{"slow", ok, passed, flaky, nil, timing, "slow once"},
	{"slow", down, failed, stable, nil, env, "nothing answers, and the gate says so"},
	{"slow", ok, failed, stable, code, unknown, "it may hang after its change, or the machine is slow"},
	{"name", degraded, failed, fresh, nil, env, "an internal name does not resolve"},
	{"name", ok, failed, stable, nil, env, "an internal name does not resolve, and nothing changed"},
	{"third", ok, passed, stable, nil, outside, "a public host that is none of ours"},
	{"third", down, failed, stable, nil, env, "the environment reaches nothing"},
	{"null", ok, failed, stable, code, product, "a field is gone twice after a change of the product"},
	{"null", ok, failed, fresh, suite, test, "a new test reads what is not there"},
	{"undefined", ok, none, fresh, nil, test, "the test names what does not exist"},
	{"undefined", ok, failed, stable, suite, test, "the test names what does not exist"},
	{"unset", ok, none, fresh, nil, env, "the run lacks a value"},
	{"unset", ok, failed, stable, nil, env, "the run lacks a value"},
	{"port", ok, passed, stable, nil, env, "the machine had the port in use"},
	{"wait", ok, passed, flaky, nil, timing, "the wait ended too early"},
	{"wait", ok, failed, stable, code, product, "the state does not come, twice, after a change of the product"},
	{"wait", ok, none, fresh, nil, unknown, "there was no rerun"},
	{"crash", down, failed, stable, code, product, "the service died in the changed code; its gate went down with it"},
	{"crash", ok, failed, stable, code, product, "the service died in the changed code"},
}

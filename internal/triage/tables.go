package triage

import (
	"fmt"
	"strings"

	"github.com/org/e2e-gate/internal/e2e"
)

// row is one line of a family's table: the category if the conditions hold.
type row struct {
	// when lists conditions, all of which must hold: "rerun:failed change:product".
	// Alternatives are separated by |, and ! before a condition negates it.
	when       string
	category   e2e.Category
	confidence e2e.Confidence
	// next is the second most likely category; empty if there is none.
	next e2e.Category
	// second is the other candidate of an UNKNOWN row.
	second e2e.Category

	conditions []condition
}

// condition is one parsed word of a row.
type condition struct {
	subject string
	allowed []string
	mark    mark
	negated bool
}

// Short names, so that the tables can be read as tables.
const (
	product  = e2e.ProductRegression
	test     = e2e.TestBug
	env      = e2e.EnvironmentFailure
	timing   = e2e.FlakyTiming
	data     = e2e.DataCollision
	external = e2e.ExternalDependency
	unknown  = e2e.Unknown

	high   = e2e.ConfidenceHigh
	medium = e2e.ConfidenceMedium
	low    = e2e.ConfidenceLow
)

// outcomeRows decide assertions on the product's outcome, and similar failures.
var outcomeRows = []row{
	{when: "health:failed rerun:failed change:product recent:stable", category: env, confidence: low, next: product},
	{when: "health:failed", category: env, confidence: medium, next: product},
	{when: "is:differs", category: unknown, confidence: low, next: product, second: timing},
	{when: "rerun:passed is:more", category: data, confidence: medium, next: timing},
	{when: "rerun:passed is:lag", category: timing, confidence: medium, next: product},
	{when: "rerun:passed recent:flaky change:!product", category: timing, confidence: medium, next: unknown},
	{when: "rerun:passed recent:flaky", category: timing, confidence: low, next: product},
	{when: "rerun:passed change:product", category: unknown, confidence: low, next: product, second: timing},
	{when: "rerun:passed", category: timing, confidence: low, next: unknown},
	{when: "rerun:failed change:test recent:failing-on-main", category: unknown, confidence: low, next: test, second: product},
	{when: "rerun:failed change:test recent:flaky", category: unknown, confidence: low, next: test, second: product},
	{when: "rerun:failed change:test", category: test, confidence: medium, next: product},
	{when: "rerun:failed recent:failing-on-main change:none|docs", category: unknown, confidence: low, next: product, second: test},
	{when: "rerun:failed recent:failing-on-main", category: product, confidence: low, next: test},
	{when: "rerun:failed recent:flaky change:product", category: product, confidence: low, next: timing},
	{when: "rerun:failed recent:flaky", category: unknown, confidence: low, next: product, second: timing},
	{when: "rerun:failed recent:new change:none|docs", category: unknown, confidence: low, next: product, second: test},
	{when: "rerun:failed recent:new", category: product, confidence: low, next: test},
	{when: "rerun:failed health:degraded change:product", category: product, confidence: medium, next: env},
	{when: "rerun:failed health:degraded", category: product, confidence: low, next: env},
	{when: "rerun:failed change:product recent:stable", category: product, confidence: high},
	{when: "rerun:failed change:infra", category: product, confidence: low, next: env},
	{when: "rerun:failed change:docs", category: unknown, confidence: low, next: product, second: env},
	{when: "rerun:failed change:none", category: product, confidence: low, next: test},
	{when: "rerun:failed", category: product, confidence: medium, next: test},
	{when: "rerun:none change:none|docs", category: unknown, confidence: low, next: product, second: timing},
	{when: "rerun:none change:test recent:!flaky|failing-on-main", category: test, confidence: low, next: product},
	{when: "rerun:none recent:failing-on-main", category: product, confidence: low, next: test},
	{when: "rerun:none recent:stable change:product", category: product, confidence: medium, next: timing},
	{when: "rerun:none change:product recent:unset", category: product, confidence: low, next: timing},
	{when: "", category: unknown, confidence: low, next: product, second: timing},
}

// waitRows decide conditions that did not come true in time.
var waitRows = []row{
	{when: "health:failed", category: env, confidence: medium, next: timing},
	{when: "is:differs", category: unknown, confidence: low, next: timing, second: product},
	{when: "is:pressure rerun:passed", category: env, confidence: medium, next: timing},
	{when: "rerun:passed recent:flaky", category: timing, confidence: high},
	{when: "rerun:passed", category: timing, confidence: medium, next: product},
	{when: "rerun:failed change:test", category: test, confidence: medium, next: product},
	{when: "rerun:failed health:degraded change:!product", category: env, confidence: low, next: product},
	{when: "rerun:failed recent:stable|unset change:product", category: product, confidence: medium, next: timing},
	{when: "rerun:failed recent:failing-on-main|flaky change:product", category: product, confidence: low, next: timing},
	{when: "rerun:failed recent:new change:product", category: product, confidence: low, next: test},
	{when: "rerun:none recent:flaky", category: timing, confidence: low, next: unknown},
	{when: "rerun:none change:test recent:new", category: test, confidence: low, next: timing},
	{when: "", category: unknown, confidence: low, next: timing, second: product},
}

// eventRows decide waits for a business state whose message says what did not happen:
// they are assertions on the outcome.
var eventRows = []row{
	{when: "health:failed", category: env, confidence: medium, next: product},
	{when: "is:differs", category: unknown, confidence: low, next: timing, second: product},
	{when: "rerun:passed recent:flaky", category: timing, confidence: high},
	{when: "rerun:passed", category: timing, confidence: medium, next: product},
	{when: "rerun:failed change:test", category: test, confidence: medium, next: product},
	{when: "rerun:failed change:product recent:stable", category: product, confidence: high, next: timing},
	{when: "rerun:failed recent:flaky change:!product", category: unknown, confidence: low, next: timing, second: product},
	{when: "rerun:failed recent:new|failing-on-main|flaky", category: product, confidence: low, next: timing},
	{when: "rerun:failed health:degraded", category: product, confidence: low, next: env},
	{when: "rerun:failed change:docs", category: unknown, confidence: low, next: timing, second: product},
	{when: "rerun:failed change:none", category: product, confidence: low, next: timing},
	{when: "rerun:failed", category: product, confidence: medium, next: timing},
	{when: "", category: unknown, confidence: low, next: timing, second: product},
}

// plainRows decide failures whose words no rule knows: as outcomes, on the context alone.
var plainRows = []row{
	{when: "health:failed", category: env, confidence: low, next: product},
	{when: "is:killed", category: env, confidence: medium, next: unknown},
	{when: "rerun:passed recent:flaky", category: timing, confidence: low, next: data},
	{when: "rerun:passed", category: unknown, confidence: low, next: timing, second: env},
	{when: "rerun:failed change:test recent:!flaky|failing-on-main", category: test, confidence: high, next: product},
	{when: "rerun:failed change:test", category: unknown, confidence: low, next: test, second: product},
	{when: "rerun:failed change:product recent:stable|unset", category: product, confidence: high, next: env},
	{when: "rerun:failed change:product", category: product, confidence: low, next: test},
	{when: "rerun:failed is:testframe recent:new", category: test, confidence: low, next: product},
	{when: "rerun:none change:test recent:new|unset", category: test, confidence: low, next: product},
	{when: "rerun:none change:product recent:stable", category: product, confidence: low, next: env},
	{when: "", category: unknown, confidence: low, next: product, second: env},
}

// endedRows decide failures behind which a process of the product ended by itself. A gate that went down
// with it is no alibi.
var endedRows = []row{
	{when: "is:testframe", category: test, confidence: medium, next: product},
	{when: "rerun:failed change:product", category: product, confidence: high, next: env},
	{when: "rerun:failed change:infra", category: unknown, confidence: low, next: env, second: product},
	{when: "rerun:passed", category: unknown, confidence: low, next: product, second: timing},
	{when: "change:product", category: product, confidence: medium, next: env},
	{when: "", category: product, confidence: low, next: env},
}

// beneathRows decide failures of the infrastructure: machine, cluster, browser,
// database, broker.
var beneathRows = []row{
	{when: "health:failed|degraded", category: env, confidence: high},
	{when: "rerun:failed change:product", category: env, confidence: medium, next: product},
	{when: "", category: env, confidence: high},
}

var misuseRows = []row{
	{when: "change:test", category: test, confidence: high},
	{when: "rerun:failed change:product", category: test, confidence: medium, next: product},
	{when: "", category: test, confidence: high},
}

// tables hold the rows of each family; the first row that holds decides.
var tables = map[family][]row{
	famMisuse:   misuseRows,
	famTestCode: append([]row{{when: "is:runneronly", category: unknown, confidence: low, next: test, second: product}}, misuseRows...),
	famLoose: {
		{when: "rerun:passed", category: unknown, confidence: low, next: timing, second: data},
		{when: "rerun:failed change:product is:ui recent:stable", category: test, confidence: medium, next: product},
		{when: "", category: test, confidence: high},
	},
	famCompile: {
		{when: "rerun:passed", category: unknown, confidence: low, next: env, second: test},
		{when: "change:infra", category: test, confidence: low, next: env},
		{when: "change:product", category: test, confidence: medium, next: product},
		{when: "", category: test, confidence: high},
	},
	famLink: {
		{when: "is:testframe", category: test, confidence: high},
		{when: "is:testlib", category: test, confidence: medium, next: product},
		{when: "rerun:failed change:test", category: test, confidence: medium, next: product},
		{when: "health:failed", category: unknown, confidence: low, next: product, second: env},
		{when: "rerun:failed change:product|infra", category: product, confidence: medium, next: test},
		{when: "rerun:passed", category: unknown, confidence: low, next: env, second: product},
		{when: "rerun:none change:product recent:stable", category: product, confidence: low, next: test},
		{when: "", category: unknown, confidence: low, next: product, second: test},
	},
	famPackages: beneathRows,
	famExternal: {
		{when: "is:excluded rerun:failed change:product recent:stable|unset", category: unknown, confidence: low, next: product, second: external},
		{when: "is:4xx rerun:failed change:product", category: unknown, confidence: low, next: product, second: external},
		{when: "health:failed", category: external, confidence: medium, next: env},
		{when: "rerun:failed change:product", category: external, confidence: medium, next: product},
		{when: "", category: external, confidence: high},
	},
	famOutside: {
		{when: "is:excluded rerun:failed change:product recent:stable|unset health:ok", category: unknown, confidence: low, next: external, second: product},
		{when: "health:failed", category: env, confidence: medium, next: external},
		{when: "health:degraded", category: env, confidence: low, next: external},
		{when: "rerun:failed change:product|infra", category: external, confidence: medium, next: env},
		{when: "", category: external, confidence: high, next: env},
	},
	famCatalog: {
		{when: "rerun:passed", category: data, confidence: high},
		{when: "", category: data, confidence: medium, next: env},
	},
	famCollision: {
		{when: "rerun:passed", category: data, confidence: high},
		{when: "rerun:none recent:!flaky", category: unknown, confidence: low, next: data, second: product},
		{when: "rerun:failed change:product is:creates recent:stable health:!failed", category: product, confidence: low, next: data},
		{when: "rerun:failed change:product", category: unknown, confidence: low, next: data, second: product},
		{when: "rerun:failed", category: data, confidence: medium, next: test},
		{when: "", category: data, confidence: medium, next: product},
	},
	famDeadlock: {
		{when: "rerun:passed", category: data, confidence: high},
		{when: "rerun:failed change:product", category: unknown, confidence: low, next: product, second: data},
		{when: "", category: data, confidence: medium, next: product},
	},
	famPlatform:  beneathRows,
	famBrowser:   beneathRows,
	famSaturated: beneathRows,
	famConfig: {
		{when: "change:test is:harness rerun:failed", category: test, confidence: medium, next: env},
		{when: "rerun:failed change:product", category: env, confidence: medium, next: product},
		{when: "", category: env, confidence: high},
	},
	famCredentials: {
		{when: "health:failed|degraded", category: env, confidence: high},
		{when: "rerun:failed change:product is:auth", category: unknown, confidence: low, next: product, second: env},
		{when: "rerun:failed change:product", category: env, confidence: low, next: product},
		{when: "", category: env, confidence: medium, next: external},
	},
	famSchema: {
		// A schema does not migrate itself between two runs: what comes and goes is another test's doing.
		{when: "rerun:passed", category: data, confidence: medium, next: env},
		{when: "health:failed|degraded", category: env, confidence: high, next: product},
		{when: "change:test is:!productframe", category: test, confidence: medium, next: env},
		{when: "rerun:failed change:product is:changedframe", category: product, confidence: high, next: env},
		{when: "rerun:failed change:product is:schema", category: product, confidence: high, next: env},
		{when: "rerun:failed change:product", category: product, confidence: medium, next: env},
		{when: "rerun:none change:product is:schema", category: unknown, confidence: low, next: env, second: product},
		{when: "", category: env, confidence: medium, next: product},
	},
	famDatabase: databaseRows,
	famPool: {
		{when: "health:failed|degraded", category: env, confidence: high},
		{when: "rerun:failed change:product is:!many", category: unknown, confidence: low, next: env, second: product},
		{when: "", category: env, confidence: medium, next: product},
	},
	famBroker: beneathRows,
	famSettling: {
		{when: "health:failed|degraded", category: env, confidence: medium, next: timing},
		{when: "rerun:passed", category: timing, confidence: high, next: env},
		{when: "rerun:none recent:flaky", category: timing, confidence: low, next: env},
		{when: "", category: unknown, confidence: low, next: env, second: timing},
	},
	famTrust:   nameRows,
	famNames:   nameRows,
	famNetwork: networkRows,
	famReset: {
		{when: "health:failed|degraded", category: env, confidence: high},
		{when: "is:service", category: env, confidence: medium},
		{when: "rerun:failed change:product", category: unknown, confidence: low, next: product, second: env},
		{when: "", category: env, confidence: medium, next: timing},
	},
	famSlow: {
		{when: "health:failed|degraded", category: env, confidence: high, next: timing},
		{when: "is:service", category: env, confidence: medium, next: timing},
		{when: "is:pressure rerun:passed", category: env, confidence: medium, next: timing},
		{when: "rerun:passed", category: timing, confidence: medium, next: env},
		{when: "rerun:failed change:product recent:stable", category: unknown, confidence: low, next: product, second: env},
		{when: "rerun:failed change:test", category: unknown, confidence: low, next: env, second: test},
		{when: "rerun:failed", category: env, confidence: low, next: product},
		{when: "rerun:none recent:flaky", category: timing, confidence: low, next: env},
		{when: "", category: unknown, confidence: low, next: env, second: timing},
	},
	famLimit: {
		{when: "rerun:failed change:product recent:stable", category: unknown, confidence: low, next: product, second: env},
		{when: "rerun:failed change:product", category: env, confidence: low, next: product},
		{when: "", category: env, confidence: medium, next: external},
	},
	famGateway: {
		{when: "health:failed", category: env, confidence: high},
		{when: "health:degraded", category: env, confidence: medium, next: product},
		{when: "rerun:failed change:product recent:!flaky", category: product, confidence: medium, next: env},
		{when: "rerun:failed change:product", category: product, confidence: low, next: env},
		{when: "", category: unknown, confidence: low, next: env, second: product},
	},
	famServer: {
		{when: "health:failed", category: env, confidence: medium, next: product},
		{when: "rerun:passed", category: unknown, confidence: low, next: product, second: timing},
		{when: "rerun:failed change:product recent:stable|unset", category: product, confidence: high},
		{when: "rerun:failed change:product", category: product, confidence: medium},
		{when: "rerun:failed health:degraded", category: unknown, confidence: low, next: env, second: product},
		{when: "rerun:failed recent:stable|unset|new", category: product, confidence: medium, next: env},
		{when: "rerun:failed recent:failing-on-main", category: product, confidence: low, next: env},
		{when: "rerun:none change:product recent:stable", category: product, confidence: low, next: env},
		{when: "", category: unknown, confidence: low, next: product, second: env},
	},
	famConflict: {
		{when: "rerun:passed", category: data, confidence: medium, next: timing},
		{when: "rerun:failed change:product is:creates recent:stable health:!failed", category: product, confidence: low, next: data},
		{when: "rerun:failed change:product", category: unknown, confidence: low, next: data, second: product},
		{when: "rerun:failed change:test", category: data, confidence: low, next: test},
		{when: "", category: data, confidence: medium, next: product},
	},
	famDenied: {
		{when: "health:failed", category: env, confidence: medium, next: product},
		{when: "recent:new change:product", category: unknown, confidence: low, next: product, second: test},
		{when: "rerun:failed change:product is:auth", category: product, confidence: high},
		{when: "is:many change:!product", category: env, confidence: low, next: unknown},
		{when: "rerun:failed change:product recent:stable|unset", category: product, confidence: medium, next: env},
		{when: "rerun:failed change:test", category: test, confidence: low, next: env},
		{when: "rerun:none change:product is:auth recent:stable", category: product, confidence: medium, next: env},
		{when: "health:degraded", category: env, confidence: low, next: product},
		{when: "", category: unknown, confidence: low, next: env, second: product},
	},
	famMissing: append([]row{
		{when: "is:many change:!product", category: env, confidence: low, next: product},
	}, outcomeRows...),
	famAppCode: append([]row{{when: "is:runneronly rerun:failed change:test", category: test, confidence: low, next: product},
		{when: "is:runneronly", category: unknown, confidence: low, next: product, second: test}}, productErrorRows...),
	famUndefined: append([]row{
		{when: "is:testframe", category: test, confidence: high},
	}, productErrorRows...),
	famException: append([]row{
		{when: "rerun:failed is:productframe is:changedframe", category: product, confidence: high},
		{when: "health:failed", category: env, confidence: low, next: product},
		{when: "is:testframe rerun:failed change:test", category: test, confidence: high},
		{when: "is:testframe rerun:failed recent:new change:!product", category: test, confidence: medium, next: product},
		{when: "is:testframe rerun:none change:test", category: test, confidence: medium, next: unknown},
		{when: "is:testframe rerun:failed change:product recent:stable|unset", category: product, confidence: medium, next: test},
		{when: "is:testframe rerun:failed change:product", category: unknown, confidence: low, next: product, second: test},
		{when: "is:testframe rerun:failed", category: unknown, confidence: low, next: test, second: product},
	}, productErrorRows...),
	famClock: {
		{when: "health:failed change:product", category: unknown, confidence: low, next: test, second: product},
		{when: "rerun:failed change:product", category: product, confidence: low, next: test},
		{when: "", category: test, confidence: medium, next: product},
	},
	famRandom: {
		{when: "health:failed", category: unknown, confidence: low, next: product, second: env},
		{when: "rerun:failed change:test", category: test, confidence: medium, next: product},
		{when: "rerun:failed", category: product, confidence: medium, next: test},
		{when: "", category: unknown, confidence: low, next: product, second: test},
	},
	famOrder: {
		{when: "", category: test, confidence: medium, next: data},
	},
	famElement:     waitRows,
	famEvent:       eventRows,
	famSelector:    waitRows,
	famWait:        waitRows,
	famTestTimeout: waitRows,
	famVisual: append([]row{
		{when: "rerun:failed change:!product|test recent:!unset", category: unknown, confidence: low, next: env, second: product},
	}, outcomeRows...),
	famOutcome: outcomeRows,
	famWords:   outcomeRows,
	famEnded:   endedRows,
	famPlain:   plainRows,
	famCrash: {
		{when: "is:killed", category: env, confidence: medium, next: unknown},
		{when: "health:failed", category: env, confidence: low, next: unknown},
		{when: "", category: unknown, confidence: low, next: env, second: product},
	},
	famNone: {
		{when: "health:failed is:words", category: env, confidence: low},
		{when: "", category: unknown, confidence: low},
	},
}

var databaseRows = append([]row{
	{when: "health:ok rerun:none change:product", category: unknown, confidence: low, next: env, second: product},
}, beneathRows...)

// nameRows decide certificates and names of hosts, which the product's code does not make.
var nameRows = []row{
	{when: "health:failed|degraded", category: env, confidence: high},
	{when: "rerun:failed change:test is:harness", category: test, confidence: medium, next: env},
	{when: "change:product", category: env, confidence: low, next: product},
	{when: "", category: env, confidence: medium},
}

var networkRows = []row{
	{when: "health:failed|degraded", category: env, confidence: high},
	{when: "rerun:none change:product is:!service", category: unknown, confidence: low, next: env, second: product},
	{when: "is:ownport rerun:failed change:test", category: test, confidence: medium, next: env},
	{when: "is:ownport", category: unknown, confidence: low, next: env, second: test},
	{when: "rerun:failed change:test is:harness", category: test, confidence: medium, next: env},
	{when: "is:service", category: env, confidence: high},
	{when: "rerun:failed change:product", category: unknown, confidence: low, next: product, second: env},
	{when: "", category: env, confidence: medium, next: product},
}

// productErrorRows decide errors in code that is, or may be, the product's.
var productErrorRows = []row{
	{when: "health:failed", category: env, confidence: low, next: product},
	{when: "rerun:passed recent:flaky", category: unknown, confidence: low, next: timing, second: product},
	{when: "rerun:passed", category: unknown, confidence: low, next: product, second: timing},
	{when: "rerun:failed change:test is:!productframe", category: test, confidence: medium, next: product},
	{when: "rerun:failed change:product recent:stable|unset", category: product, confidence: medium, next: test},
	{when: "rerun:failed is:productframe", category: product, confidence: medium, next: test},
	{when: "rerun:failed change:product", category: product, confidence: low, next: test},
	{when: "rerun:none change:test is:!productframe", category: test, confidence: low, next: product},
	{when: "rerun:none change:product recent:stable", category: product, confidence: low, next: test},
	{when: "", category: unknown, confidence: low, next: product, second: test},
}

var parsed = parseTables()

// parseTables parses the conditions once. A mistake in them is a bug in this file.
func parseTables() map[family][]row {
	all := map[family][]row{}
	for f, rows := range tables {
		for _, r := range rows {
			conditions, err := parseWhen(r.when)
			if err != nil {
				panic(err)
			}
			r.conditions = conditions
			all[f] = append(all[f], r)
		}
	}
	return all
}

func parseWhen(when string) ([]condition, error) {
	var list []condition
	for word := range strings.FieldsSeq(when) {
		subject, values, _ := strings.Cut(word, ":")
		c := condition{subject: subject}
		values, c.negated = strings.CutPrefix(values, "!")
		known := map[string][]string{
			"health": healthWords, "rerun": rerunWords, "recent": append([]string{"unset"}, recentWords...),
			"change": {string(changedNothing), string(changedDocs), string(changedTest), string(changedInfra), string(changedProduct)},
		}[subject]
		for value := range strings.SplitSeq(values, "|") {
			m, isMark := markWords[value]
			if subject == "is" && !isMark || subject != "is" && !allowed(value, known) {
				return nil, fmt.Errorf("triage table: unknown condition %q", word)
			}
			c.allowed, c.mark = append(c.allowed, value), c.mark|m
		}
		list = append(list, c)
	}
	return list, nil
}

package triage

import (
	"strings"

	"github.com/org/e2e-gate/internal/e2e"
)

var refusedRequest = rx(`\b40[0134]\b|\b422\b`)

// causeWords are the domain's words for the cause of a failure of a family, if the
// category does not name it.
var causeWords = map[family]string{
	famLoose: "selector", famElement: "selector", famSelector: "selector",
	famDeadlock: "concurrency", famPool: "resource saturation", famSaturated: "resource saturation", famLimit: "resource saturation",
	famClock: "clock/timezone", famRandom: "randomness", famOrder: "order dependency",
}

// causeOf describes the cause of the failure: a word of the domain, then the specifics.
func causeOf(c e2e.Category, g signal) string {
	word := map[e2e.Category]string{
		product: "product", test: "test code", env: "environment", timing: "timing", data: "data", external: "external service", unknown: "not clear",
	}[c]
	if g.family == famNone {
		return word
	}
	special := causeWords[g.family]
	fits := c == test && (special == "selector" || special == "clock/timezone" || special == "randomness" || special == "order dependency") ||
		c == env && special == "resource saturation" || c == data && special == "concurrency" || c == timing && special == "clock/timezone"
	if fits {
		word = special
	}
	return word + ": " + g.cause
}

// steps say what to do, by category and the domain's word for the cause.
var steps = map[e2e.Category]map[string]string{
	product: {
		"": "compare expected and actual with the change under test; fix the product, or the expectation if the new behaviour is intended",
	},
	test: {
		"":                 "fix the test: its failure says nothing about the product",
		"selector":         "use a semantic locator (role, label, test id) that finds exactly one element",
		"clock/timezone":   "give the test an explicit clock and time zone instead of today's date",
		"randomness":       "log the seed, re-run with it, and fix the seed in the test",
		"order dependency": "give the test its own set-up, so that it passes alone and in any order",
	},
	env: {
		"":                    "repair the environment, and add or tighten a health gate for the part that was not available",
		"resource saturation": "give the environment or the runner more capacity, or run fewer shards at once; gate on the resource",
	},
	timing: {
		"":               "poll for the condition (state, event, visible element) with a timeout instead of sleeping",
		"clock/timezone": "give the test an explicit clock and time zone",
	},
	data: {
		"":            "make the data unique with E2E_DATA_PREFIX, and do not rely on a cleanup of earlier runs",
		"concurrency": "give each shard its own records or a named lock; retry only where the product promises to",
	},
	external: {
		"": "replace the third party with a simulator, or gate on its health; tell its owner",
	},
	unknown: {
		"": "look at the service's log and trace for this correlation id, then add a rule for what they say to triage.rules",
	},
}

// hints say more for single families.
var hints = map[family]string{
	famConfig:      "set what is missing where the suite is started, and check it before the run",
	famSchema:      "run the migrations before the suite, and gate on the schema version",
	famCredentials: "renew the credentials of the run, and gate on a token for the test identity",
	famBrowser:     "install the browser and driver in matching versions on the runner, and give it enough memory",
	famPlatform:    "look at the events of cluster or container; gate on the roll-out",
	famPackages:    "repair the installation of packages on the runner; pin and cache them",
	famTrust:       "renew or trust the certificate, and gate on its remaining days",
	famSettling:    "wait until the topic has leaders before the first message, or gate on the topic",
}

// stepHint is the family whose hint applies, as a word for [nextStep].
func stepHint(f family) string { return hints[f] }

// nextStep says what to do. A hint about an environment replaces the general step.
func nextStep(c e2e.Category, word, hint string) string {
	if hint != "" && (c == env || c == timing) {
		return hint
	}
	if s := steps[c][word]; s != "" {
		return s
	}
	return steps[c][""]
}

// pair is two candidates, in the order of their categories' names.
type pair struct{ a, b e2e.Category }

func pairOf(a, b e2e.Category) pair {
	if b < a {
		a, b = b, a
	}
	return pair{a, b}
}

// deciding says, for two candidates, which act would decide between them. The report shows the command that runs the test beside it;
// ORDER is the one that looks for a test which another one depends on.
var deciding = map[pair]string{
	pairOf(product, timing): "run it 20 times on this build: failing each time is the product, now and then is timing",
	pairOf(product, env):    "run it against the last good build in this environment: if it fails there too, it is the environment",
	pairOf(product, test): "open the line that decided, and compare what the test expects with what the change intends; then run it with the " +
		"test of the base",
	pairOf(product, data): "run it alone, with fresh data names: if it fails there too, it is the product",
	pairOf(product, external): "call the third party from this machine, as the test does, then run it again: if the third party answers " +
		"and the test fails, it is the product",
	pairOf(timing, env):      "run it 20 times, and look at e2e-gate gates each time it fails: failures while a gate is bad are the environment",
	pairOf(timing, data):     "find out whether another test does it: ORDER. If it fails alone too, run it 20 times",
	pairOf(timing, test):     "run it 20 times on this build: failing each time is the test, now and then is timing",
	pairOf(test, env):        "run it on a machine on which it passed: if it fails there too, it is the test",
	pairOf(test, data):       "run it alone: if it passes, find the test that shares its data: ORDER",
	pairOf(env, external):    "call the host that the failure names from this machine: if others answer and it does not, it is the third party",
	pairOf(env, data):        "run it alone, with fresh data names: if it fails there too, it is the environment",
	pairOf(external, test):   "call the third party from this machine, as the test does: if it answers, it is the test",
	pairOf(external, timing): "run it 20 times, and note whether the third party answered each time",
}

// between is the step that decides between two candidates for a test; empty where there are none. command runs the test.
func between(a, b e2e.Category, command string) string {
	return strings.Replace(deciding[pairOf(a, b)], "ORDER", orderOf(command), 1)
}

package httpgate

import (
	"maps"
	"slices"
	"strings"

	"github.com/org/e2e-gate/internal/safetext"
)

// verdict is the state that a health answer reports.
type verdict int

const (
	silent verdict = iota
	pass
	warn
	starting
	fail
)

// words are the status words of Spring Boot's actuator, the health+json draft,
// MicroProfile Health, ASP.NET, gRPC gateways, hellofresh/health-go,
// alexliesenfeld/health and Elasticsearch, in lower case.
var words = map[string]verdict{
	"pass": pass, "ok": pass, "up": pass, "healthy": pass, "serving": pass, "ready": pass, "available": pass, "alive": pass, "running": pass, "green": pass,
	// Spring answers 200 for UNKNOWN.
	"warn": warn, "warning": warn, "degraded": warn, "partially available": warn, "partially_available": warn, "partial": warn, "unknown": warn, "yellow": warn,
	"starting": starting, "initializing": starting, "initialising": starting, "pending": starting, "not ready": starting, "not_ready": starting,
	"notready": starting, "waiting": starting,
	"fail": fail, "failed": fail, "failing": fail, "error": fail, "down": fail, "out_of_service": fail, "unavailable": fail, "unhealthy": fail,
	"not_serving": fail,
	"critical":    fail, "dead": fail, "red": fail, "timeout during health check": fail,
}

// health is the summary of a health answer.
type health struct {
	word    string
	verdict verdict
	// failing are the names of the components that report a failure; if none does, of
	// those that warn.
	failing []string
}

// String says it in a few words: status DOWN, failing: worker.
func (h health) String() string {
	var parts []string
	if h.word != "" {
		parts = append(parts, "status "+h.word)
	}
	if len(h.failing) > 0 {
		parts = append(parts, "failing: "+strings.Join(h.failing, ", "))
	}
	return strings.Join(parts, ", ")
}

// The bounds of a summary: an answer may hold any number of components.
const (
	maxDepth    = 4
	maxFailing  = 8
	maxNameSize = 60
)

func summarise(doc any) health {
	object, ok := doc.(map[string]any)
	if !ok {
		return health{}
	}
	word := statusWord(object)
	h := health{word: safetext.Plain(word, maxNameSize), verdict: words[strings.ToLower(word)]}
	found := map[string]verdict{}
	components(object, "", 0, found)
	h.failing = worst(found, fail)
	if len(h.failing) == 0 && h.verdict != pass {
		h.failing = worst(found, warn, starting)
	}
	return h
}

// statusWord reads the status in the spellings that frameworks use.
func statusWord(object map[string]any) string {
	for _, key := range []string{"status", "Status"} {
		if s, ok := object[key].(string); ok {
			return strings.TrimSpace(s)
		}
	}
	return ""
}

// componentKeys are where frameworks list components: Spring Boot 2.2 and later
// components, before that details; health+json and MicroProfile checks; ASP.NET
// entries.
var componentKeys = []string{"components", "details", "checks", "entries"}

func components(object map[string]any, prefix string, depth int, found map[string]verdict) {
	if depth > maxDepth {
		return
	}
	for _, key := range componentKeys {
		switch list := object[key].(type) {
		case map[string]any:
			for name, item := range list {
				component(prefix+name, item, depth, found)
			}
		case []any:
			for _, item := range list {
				component(prefix+itemName(item), item, depth, found)
			}
		}
	}
	// hellofresh/health-go: failures maps the name to the error.
	if failures, ok := object["failures"].(map[string]any); ok {
		for name := range failures {
			note(found, prefix+name, fail)
		}
	}
}

func component(name string, item any, depth int, found map[string]verdict) {
	switch item := item.(type) {
	case string:
		note(found, name, words[strings.ToLower(item)])
	case []any:
		for _, measurement := range item {
			component(name, measurement, depth+1, found)
		}
	case map[string]any:
		v := words[strings.ToLower(statusWord(item))]
		before := len(found)
		components(item, name+"/", depth+1, found)
		// A composite is only as bad as its parts: name the part.
		if v != fail || !addedFailure(found, name+"/", before) {
			note(found, name, v)
		}
	}
}

func addedFailure(found map[string]verdict, prefix string, before int) bool {
	if len(found) == before {
		return false
	}
	for name, v := range found {
		if v == fail && strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

func note(found map[string]verdict, name string, v verdict) {
	if name != "" && v > pass {
		found[name] = max(found[name], v)
	}
}

func itemName(item any) string {
	object, _ := item.(map[string]any)
	for _, key := range []string{"name", "id", "componentName"} {
		if s, ok := object[key].(string); ok {
			return s
		}
	}
	return ""
}

func worst(found map[string]verdict, which ...verdict) []string {
	var names []string
	for _, name := range slices.Sorted(maps.Keys(found)) {
		if slices.Contains(which, found[name]) {
			names = append(names, safetext.Plain(name, maxNameSize))
		}
	}
	if len(names) > maxFailing {
		names = append(names[:maxFailing], "and others")
	}
	return names
}

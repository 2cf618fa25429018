package e2e

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
)

// OwnName is what a test is called where it runs, so that it can say its name there: the name behind the file, its titles joined by
// one space; of a Java class, the class and the method without parameters. docs/evidence.md has it for each framework.
func (t Test) OwnName() string {
	name := t.Name
	if strings.HasPrefix(t.Framework, "junit5-") && t.Class != "" {
		if i := strings.LastIndex(name, "::"); i >= 0 {
			name = name[i+len("::"):]
		}
		if i := strings.LastIndexByte(name, '('); i > 0 {
			name = name[:i]
		}
		return t.Class + "." + name
	}
	if _, behind, ok := strings.Cut(name, "::"); ok {
		name = behind
	}
	return strings.ReplaceAll(name, " › ", " ")
}

// CorrelationOf is the correlation id of one test in one attempt: E2E_RUN_ID, E2E_ATTEMPT, and 12 hexadecimal digits of the SHA-256
// of the test's own name, joined by dashes. Nothing has to hand it over: who knows the name can compute it.
func CorrelationOf(runID string, attempt int, ownName string) string {
	return fmt.Sprintf("%s-%d-%s", runID, attempt, NameDigits(ownName))
}

// Namesakes counts tests by the digits of their own names.
type Namesakes map[string]int

// Add counts a test, with those that share its id.
func (n Namesakes) Add(t Test) { n[NameDigits(t.OwnName())] += max(t.Twins, 1) }

// NameDigits are the last part of a correlation id: 12 hexadecimal digits of the SHA-256 of a test's own name.
func NameDigits(ownName string) string {
	sum := sha256.Sum256([]byte(ownName))
	return hex.EncodeToString(sum[:6])
}

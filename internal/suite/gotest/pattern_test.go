package gotest

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/org/e2e-gate/internal/testkit/need"
)

// A pattern matches its names and no other, and many names fit.
func TestPatternOf(t *testing.T) {
	need.NoRaceDetector(t)
	var many, deep []string
	for i := range 5000 {
		many = append(many, fmt.Sprintf("TestTheSubmissionOfACaseWithManyDocuments_%d", i))
	}
	for i := range 300 {
		deep = append(deep, "Test"+strings.Repeat("é", i), "Test"+strings.Repeat("é", i)+"X", "Test"+strings.Repeat("ê", i))
	}
	for name, names := range map[string][]string{
		"few": {"TestA", "TestAB", "TestB", "FuzzX"}, "one": {"Test"}, "many": many, "deep": deep, "twice": {"TestA", "TestA"},
		"odd": {"Test日", "Test日本", "Test_", "TestÅ", "TestA\u030a", strings.Repeat("Test", 7000), strings.Repeat("Test", 7000) + "X"},
	} {
		pattern := patternOf(names)
		if len(pattern) > maxPattern {
			t.Errorf("%s: %d bytes", name, len(pattern))
		}
		re, err := regexp.Compile(pattern)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for _, n := range names {
			if !re.MatchString(n) {
				t.Fatalf("%s: %.80q is not matched", name, n)
			}
			for _, other := range []string{n + "0", n + "é", n[:len(n)-1], "X" + n, strings.ToLower(n)} {
				if re.MatchString(other) && !slices.Contains(names, other) {
					t.Fatalf("%s: %.80q is matched", name, other)
				}
			}
		}
	}
}

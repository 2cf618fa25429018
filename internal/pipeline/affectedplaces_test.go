package pipeline

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/bmatcuk/doublestar/v4"
	"pgregory.net/rapid"

	"github.com/org/e2e-gate/internal/config"
	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/suite"
)

// The index finds what looking at every glob finds.
func TestPlacesFindAllThatHasAFile(t *testing.T) {
	names := []string{"a", "b", "ab", "a*", "*", "**", "?", "{a,b}", "[ab]", `\*`, "a.go", "*.go"}
	rapid.Check(t, func(t *rapid.T) {
		path := func(label string, from []string) string {
			parts := rapid.SliceOfN(rapid.SampledFrom(from), 1, 4).Draw(t, label)
			text := parts[0]
			for _, p := range parts[1:] {
				text += "/" + p
			}
			return text
		}
		c := &config.Config{}
		for i := range rapid.IntRange(1, 6).Draw(t, "services") {
			c.Services = append(c.Services, config.Service{Name: fmt.Sprint(i), Paths: []string{path("glob", names)}})
		}
		file := path("file", []string{"a", "b", "ab", "a.go", "*"})
		var want []string
		for _, s := range c.Services {
			if ok, err := doublestar.Match(s.Paths[0], file); ok && err == nil {
				want = append(want, s.Name)
			}
		}
		got := newPlaces(c).of(file).services
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Fatalf("%s in %v: %v, want %v", file, c.Services, got, want)
		}
	})
}

// BenchmarkAffected narrows 100,000 tests of 1,000 services to what 50 files affect: within 300 ms.
func BenchmarkAffected(b *testing.B) {
	c := &config.Config{Affected: config.Affected{Everything: []string{"libs/testing/**"}, Ignore: []string{"docs/**", "**/*.md"}}}
	for i := range 1000 {
		name := fmt.Sprintf("service-%d", i)
		s := config.Service{Name: name, Paths: []string{"services/" + name + "/**", "api/" + name + "/*.proto", "libs/" + name + "/**"}}
		if i%10 > 0 {
			s.Needs = []string{fmt.Sprintf("service-%d", i-1)}
		}
		c.Services = append(c.Services, s)
		c.Suites = append(c.Suites, suite.Spec{Name: "suite-" + name, Dir: "e2e/" + name, Services: []string{name}})
	}
	var changed []string
	for i := range 50 { // each affects ten services
		changed = append(changed, fmt.Sprintf("services/service-%d/src/a/b/c.go", 10*i))
	}
	var lists []listed
	for i := range 1000 {
		list := listed{spec: c.Suites[i]}
		for j := range 100 {
			list.choices = append(list.choices, choice{test: e2e.Test{ID: fmt.Sprintf("suite-%d::test-%d", i, j), Needs: []string{fmt.Sprintf("service-%d", i)}}})
		}
		lists = append(lists, list)
	}
	b.ResetTimer()
	for b.Loop() {
		for i := range lists {
			for j := range lists[i].choices {
				lists[i].choices[j].why = ""
			}
		}
		if got := affectedBy(c, "", changed, onlyPaths).apply(lists); !strings.HasPrefix(got, "50000 of 100000 selected tests run") {
			b.Fatal(got)
		}
	}
}

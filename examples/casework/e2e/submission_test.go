//go:build e2e

package e2e

import (
	"maps"
	"net/http"
	"strings"
	"testing"
)

//e2e:tags api, owner:case-platform, journey:case-submission
func TestCaseNeedsReferenceAndTitle(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, reference, title, complaint string }{
		{"no reference", "", "Import licence", "reference"},
		{"space in reference", "R 1", "Import licence", "reference"},
		{"no title", "R-1", "", "title is missing"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newScenario(t)
			r := s.call(http.StatusBadRequest, olivia, "POST", "/cases", map[string]string{"reference": tt.reference, "title": tt.title})
			if !strings.Contains(r.complaint(), tt.complaint) {
				t.Errorf("refusal does not say what is wrong: expected %q in %q", tt.complaint, r.complaint())
			}
		})
	}
}

//e2e:tags api, owner:case-platform, journey:case-submission
func TestReferenceIsUnique(t *testing.T) {
	t.Parallel()
	s := newScenario(t)
	c := s.openCase("Import licence")
	again := map[string]string{"reference": c.reference, "title": "Import licence, sent twice"}
	s.call(http.StatusConflict, noah, "POST", "/cases", again)
}

//e2e:tags api, owner:case-platform, journey:case-submission
func TestUnknownCaseIsNotFound(t *testing.T) {
	t.Parallel()
	s := newScenario(t)
	s.call(http.StatusNotFound, olivia, "GET", "/cases/CASE-0", nil)
	s.call(http.StatusNotFound, olivia, "POST", "/cases/CASE-0/submit", nil)
	s.call(http.StatusNotFound, olivia, "GET", "/cases/CASE-0/audit", nil)
}

//e2e:tags api, owner:case-platform, journey:case-submission
func TestCasesAreListedByReference(t *testing.T) {
	t.Parallel()
	s := newScenario(t)
	first, second := s.openCase("Import licence"), s.openCase("Export licence")
	first.awaitListed("draft")
	second.awaitListed("draft")

	want := map[string]string{first.reference: "draft", second.reference: "draft"}
	if got := s.workList(); !maps.Equal(got, want) {
		s.evidence.compare(want, got)
		t.Errorf("work list for %s: expected %v, got %v", s.namespace, want, got)
	}
}

//go:build e2e

package e2e

import (
	"net/http"
	"testing"
)

// The document store is part of the environment of e2e-gate.stores.yml only.

//e2e:tags documents, owner:case-platform, journey:case-submission
func TestDocumentOfACaseCanBeReadAgain(t *testing.T) {
	t.Parallel()
	c := newScenario(t).openCase("Import licence")
	c.call(http.StatusOK, olivia, "PUT", "/cases/"+c.id+"/document", "certificate of origin")
	got := c.call(http.StatusOK, sam, "GET", "/cases/"+c.id+"/document", nil)
	expect(c.scenario, "document of the case", `"certificate of origin"`, string(got.body))
}

// The first case of a fresh database has the first number: other data would show here.
//
//e2e:tags documents, owner:case-platform, journey:case-submission
func TestDatabaseHoldsNothingOfOthers(t *testing.T) {
	s := newScenario(t)
	var list struct{ Cases []caseFile }
	s.decode(s.call(http.StatusOK, olivia, "GET", "/cases", nil), &list)
	for _, f := range list.Cases {
		if f.Reference == "" || len(f.Reference) < len(dataPrefix) || f.Reference[:len(dataPrefix)] != dataPrefix {
			t.Errorf("case %s with reference %s is not of this attempt, %s", f.ID, f.Reference, dataPrefix)
		}
	}
}

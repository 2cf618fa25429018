//go:build e2e

// Package cases is the end-to-end suite of one team of the example.
package cases

import (
	"net/http"
	"os"
	"testing"
)

//e2e:tags api
func TestSubmit(t *testing.T) {
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, os.Getenv("CASE_API")+"/case", nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusCreated {
		t.Fatalf("expected status 201, got %d", res.StatusCode)
	}
}

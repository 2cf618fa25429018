//go:build e2e

// Package payments is the end-to-end suite of one team of the example.
package payments

import (
	"net/http"
	"os"
	"testing"
)

//e2e:tags api
func TestPay(t *testing.T) {
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, os.Getenv("PAYMENT_API")+"/payment", nil)
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

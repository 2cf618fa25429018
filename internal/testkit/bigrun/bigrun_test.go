package bigrun

import (
	"os"
	"testing"
)

// A run to measure with the program itself: BIGRUN_DIR=dir BIGRUN_PASSED=n BIGRUN_FAILED=n go test -run TestWriteHere -count=1.
func TestWriteHere(t *testing.T) {
	dir := os.Getenv("BIGRUN_DIR")
	if dir == "" {
		t.Skip("BIGRUN_DIR is not set")
	}
	r := Run{Passed: num("BIGRUN_PASSED"), Failed: num("BIGRUN_FAILED"), Details: 2048, Shards: 4}
	if err := r.Write(dir); err != nil {
		t.Fatal(err)
	}
}

func num(name string) int {
	n := 0
	for _, c := range os.Getenv(name) {
		n = 10*n + int(c-'0')
	}
	return n
}

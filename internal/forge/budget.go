package forge

import (
	"fmt"
	"sync"
)

// Budget is how many requests a token has in an hour, and how many of them are used, as the forge
// said last. Everything that a token's owner runs uses it up together. It is safe for concurrent use;
// nil is a budget of which nothing is known.
type Budget struct {
	mu          sync.Mutex
	used, limit int
}

// Set keeps what the forge said.
func (b *Budget) Set(used, limit int) {
	if b == nil || used < 0 || limit <= 0 {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.used, b.limit = used, limit
}

// Scarce says that four fifths of the hour's requests are used, so that what is not needed for the
// verdict has to be left out; empty: there are enough, or it is not known.
func (b *Budget) Scarce() string {
	if b == nil {
		return ""
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.limit == 0 || b.used < b.limit-b.limit/5 {
		return ""
	}
	return fmt.Sprintf("%d of the %d requests that the token has in an hour are used, by all workflows of the repository together", b.used, b.limit)
}

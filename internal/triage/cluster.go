package triage

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/safetext"
)

// All categorises the failures of a run together: what failed in one way is one
// cluster, and how many there are is evidence for each. Results are in the order
// of the inputs; clusters are ordered by size, largest first, then by category,
// title and id.
func (t *Triager) All(inputs []Input) ([]Result, []e2e.Cluster) {
	results, clusters, err := t.Within(context.Background(), inputs)
	if err != nil {
		panic(err) // only the end of a context is one
	}
	return results, clusters
}

// MaxRead is how many failures of a run are read in full. Those after them are compared with these by
// the first line of their message alone: a run with so many has few causes.
const MaxRead = 5000

// Within is [Triager.All] for as long as a context lasts; the error is that it ended.
func (t *Triager) Within(ctx context.Context, inputs []Input) ([]Result, []e2e.Cluster, error) {
	groups := map[string][]int{}
	failures := make([]*failure, min(len(inputs), MaxRead))
	var c changes
	for i, in := range inputs[:len(failures)] {
		if err := ctx.Err(); err != nil {
			return nil, nil, err
		}
		// Failures of one run share what changed, and that may be thousands of files.
		if i == 0 || !slices.Equal(in.Context.ChangedPaths, inputs[i-1].Context.ChangedPaths) {
			c = t.paths.changes(in.Context.ChangedPaths)
		}
		failures[i] = propose(in, c)
		key := failures[i].fingerprint()
		groups[key] = append(groups[key], i)
	}
	joinWaits(failures, groups)
	alike := liken(inputs, failures, groups)
	results := make([]Result, len(inputs))
	for _, members := range groups {
		for _, i := range members {
			if i >= len(failures) {
				continue
			}
			if err := ctx.Err(); err != nil {
				return nil, nil, err
			}
			if n := len(members); n >= 5 || n >= 3 && 2*n >= inputs[i].Planned && inputs[i].Planned > 0 {
				failures[i].sit.marks |= markMany
			}
			results[i] = t.judge(failures[i])
		}
	}
	for i := len(failures); i < len(inputs); i++ {
		results[i] = likeness(inputs, results, i, alike[i-len(failures)])
	}
	clusters := make([]e2e.Cluster, 0, len(groups))
	for key, members := range groups {
		slices.SortFunc(members, func(a, b int) int { return cmp.Or(cmp.Compare(inputs[a].ID, inputs[b].ID), cmp.Compare(a, b)) })
		clusters = append(clusters, cluster(key, members, inputs, results))
	}
	slices.SortFunc(clusters, func(a, b e2e.Cluster) int {
		return cmp.Or(cmp.Compare(len(b.Tests), len(a.Tests)), cmp.Compare(rank(a.Category), rank(b.Category)), cmp.Compare(a.Title, b.Title),
			cmp.Compare(a.ID, b.ID))
	})
	return results, clusters, nil
}

// liken adds the failures that are not read to the groups of those that are, by their gist. It returns,
// for each, the failure that it is like; -1: none.
func liken(inputs []Input, failures []*failure, groups map[string][]int) []int {
	if len(inputs) == len(failures) {
		return nil
	}
	first := map[string]int{}
	keys := map[int]string{-1: "unread|"}
	for i := range failures {
		gist := gistOf(inputs[i])
		if _, known := first[gist]; !known {
			first[gist], keys[i] = i, failures[i].fingerprint()
		}
	}
	alike := make([]int, len(inputs)-len(failures))
	for n := range alike {
		i := len(failures) + n
		like, known := first[gistOf(inputs[i])]
		if !known {
			like = -1
		}
		alike[n] = like
		groups[keys[like]] = append(groups[keys[like]], i)
	}
	return alike
}

// gistOf is what failures that are not read are compared by: the first line of the message without its
// numbers, and what else decides the category.
func gistOf(in Input) string {
	line, _, _ := strings.Cut(strings.TrimSpace(in.Message), "\n")
	line, _ = safetext.Cut(line, maxQuote)
	var b strings.Builder
	c := in.Context
	for _, v := range []string{in.Framework, in.Type, string(c.Health), string(c.Rerun), string(c.Recent), fmt.Sprint(in.Assertion, in.Error)} {
		b.WriteString(v + "|")
	}
	for word := range strings.FieldsSeq(line) {
		if strings.ContainsAny(word, "0123456789") {
			word = "#"
		}
		b.WriteString(word + " ")
	}
	return b.String()
}

// likeness is what is said of a failure that was not read.
func likeness(inputs []Input, results []Result, i, like int) Result {
	r := Result{ID: inputs[i].ID, Category: unknown, Confidence: low, Cause: "not looked at",
		Evidence: []string{fmt.Sprintf("only the first %d failures of a run are read in full", MaxRead)},
		NextStep: "repair the other failures first, then run again"}
	if like >= 0 {
		of := results[like]
		r.Category, r.Cause, r.NextStep, r.Confidence = of.Category, of.Cause, of.NextStep, of.Confidence
		r.Evidence = []string{"the same message as " + clean(inputs[like].ID, maxQuote)}
	}
	return r
}

func rank(c e2e.Category) int {
	return slices.Index(e2e.Categories(), c)
}

// fingerprint is what failures with one cause have in common. What is beside the
// product is told by its words alone; an assertion also by where it stands, since
// without values and names all comparisons read alike.
func (f *failure) fingerprint() string {
	d, c := f.doc, f.choice
	message := strings.TrimSpace(plain(bounded(f.in.Message, maxMessage)))
	first, _, _ := strings.Cut(message, "\n")
	words := f.normalise(first)
	if g := c.cause; g.line >= 0 && (g.weight == root || words == "" || d.headline) {
		words = f.normalise(strings.TrimSpace(d.lines[g.line].text))
	}
	family := c.cause.family
	if key := f.stateKey(); key != "" {
		return key
	}
	if family.beside() && family != famCollision || family == famDenied {
		return fmt.Sprintf("%d|%s", family, words)
	}
	if telling(words) {
		return fmt.Sprintf("%d|%s", family, words)
	}
	place := d.frames.owned.place
	if !d.frames.found {
		place, _, _ = strings.Cut(f.in.ID, "::")
	}
	return fmt.Sprintf("%d|%s|%s", family, words, place)
}

// stateKey is the fingerprint of a wait for a state that did not come: whatever the test library says of it, the state
// that was waited for and the one that was there are the same. It is empty for other failures.
func (f *failure) stateKey() string {
	a := &f.doc.assertion
	if f.choice.cause.family != famEvent || !a.found {
		return ""
	}
	want, got := stateOf(a.expected), stateOf(a.actual)
	if want == "" || got == "" {
		return ""
	}
	return fmt.Sprintf("%d|%s|%s|%s", famEvent, f.suite(), want, got)
}

// suite is the suite of a test, by its id.
func (f *failure) suite() string {
	suite, _, _ := strings.Cut(f.in.ID, "/")
	return suite
}

var (
	waited    = rx(`(?i)\s+within \d.*$`)
	stateName = rx(`^[\pL][\pL _-]{1,40}$`)
)

// stateOf is a value as a state: a name without the quotes around it. Numbers and sentences are none.
func stateOf(value string) string {
	value = strings.ToLower(strings.Trim(waited.ReplaceAllString(strings.TrimSpace(value), ""), `<>[]"'. `))
	if !stateName.MatchString(value) {
		return ""
	}
	return value
}

// opaqueWait is how test libraries name a wait whose condition they cannot show.
var opaqueWait = rx(`(?i)\bcondition (?:with|defined as) (?:a )?lambda|\bcondition (?:never satisfied|was not (?:met|fulfilled))` +
	`|^[\w.]*timeout(?:exception|error)?:?\s*(?:message:)?\s*$`)

// joinWaits adds waits that do not say what for to the one state of their suite that did not come, if there is just one.
// Beside several states, or none, they stay what they are.
func joinWaits(failures []*failure, groups map[string][]int) {
	states := map[string]string{}
	for _, f := range failures {
		key := f.stateKey()
		if before, known := states[f.suite()]; key != "" && known && before != key {
			key = "several"
		}
		if key != "" {
			states[f.suite()] = key
		}
	}
	for i, f := range failures {
		g := f.choice.cause
		to := states[f.suite()]
		if g.family != famWait || g.line < 0 || to == "" || to == "several" || !opaqueWait.MatchString(f.doc.lines[g.line].text) {
			continue
		}
		from := f.fingerprint()
		groups[from] = slices.DeleteFunc(groups[from], func(n int) bool { return n == i })
		if len(groups[from]) == 0 {
			delete(groups, from)
		}
		groups[to] = append(groups[to], i)
	}
}

// telling reports whether a message says enough by itself: "case # was not accepted
// within <duration>: expected state accepted, last state submitted" is one failure
// wherever it stands, and "expected #, got #" is not.
func telling(words string) bool {
	const enough = 7
	n := 0
	for _, w := range strings.FieldsFunc(words, func(r rune) bool { return !unicode.IsLetter(r) && r != '#' && r != '<' }) {
		if len(w) >= 2 && w[0] != '#' && w[0] != '<' {
			n++
		}
	}
	return n >= enough
}

// normalise is [Normalise] without the values of this run.
func (f *failure) normalise(s string) string {
	for _, v := range f.in.RunValues {
		if len(v) >= 3 {
			s = strings.ReplaceAll(s, v, "#")
		}
	}
	return Normalise(s)
}

// cluster decides one group, and lends its category to members that alone could
// not be told: the same failure of another test is evidence.
func cluster(key string, members []int, inputs []Input, results []Result) e2e.Cluster {
	sum := sha256.Sum256([]byte(key))
	chosen := representative(members, results)
	r := results[chosen]
	c := e2e.Cluster{
		ID: "c-" + hex.EncodeToString(sum[:6]), Category: r.Category, Cause: r.Cause, Confidence: r.Confidence,
		Title: title(inputs[members[0]], r), Evidence: slices.Clone(r.Evidence), NextStep: r.NextStep,
	}
	for _, i := range members {
		c.Tests = append(c.Tests, inputs[i].ID)
		if owner := inputs[i].Owner; owner != "" {
			c.Owners = append(c.Owners, owner)
		}
	}
	c.Tests = slices.Compact(c.Tests)
	slices.Sort(c.Owners)
	c.Owners = slices.Compact(c.Owners)
	if len(c.Tests) > 1 {
		c.Evidence = append(c.Evidence, fmt.Sprintf("%d tests failed in this way", len(c.Tests)))
	}
	lend(members, chosen, inputs, results)
	return c
}

// representative is the member whose answer stands for all: of the category that
// most have, leaving UNKNOWN aside and a product regression first where counts are
// equal; of these the one with the best confidence, of equal ones the first member.
func representative(members []int, results []Result) int {
	count := map[e2e.Category]int{}
	for _, i := range members {
		if results[i].Category != unknown {
			count[results[i].Category]++
		}
	}
	confidence := []e2e.Confidence{high, medium, low}
	return slices.MinFunc(members, func(a, b int) int {
		ra, rb := results[a], results[b]
		return cmp.Or(
			cmp.Compare(count[rb.Category], count[ra.Category]), cmp.Compare(rank(ra.Category), rank(rb.Category)),
			cmp.Compare(slices.Index(confidence, ra.Confidence), slices.Index(confidence, rb.Confidence)),
		)
	})
}

func lend(members []int, chosen int, inputs []Input, results []Result) {
	from := results[chosen]
	if from.Category == unknown {
		return
	}
	for _, i := range members {
		if r := &results[i]; r.Category == unknown {
			r.Evidence = append(r.Evidence, "the same failure as "+clean(inputs[chosen].ID, maxQuote))
			r.RunnerUp, r.Category, r.Cause, r.NextStep, r.Confidence = unknown, from.Category, from.Cause, from.NextStep, low
		}
	}
}

// title is the first line of a failure that says something.
func title(in Input, r Result) string {
	for line := range strings.SplitSeq(plain(bounded(in.Message, maxMessage)), "\n") {
		t := clean(line, maxQuote)
		if t != "" && r.Line != "" && isHeadline(t) {
			if strings.Contains(r.Line, t) {
				return clean(r.Line, maxQuote)
			}
			return clean(strings.TrimRight(t, ".")+": "+strings.TrimLeft(r.Line, "- "), maxQuote)
		}
		if t != "" {
			return t
		}
	}
	return r.Cause
}

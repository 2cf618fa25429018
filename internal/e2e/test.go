// Package e2e holds the domain values of the gate: tests, attempts, outcomes,
// categories, evidence, gates, verdicts, and the versioned documents that carry
// them between commands.
//
// It does nothing: no I/O, no clock, no other package of ours. Every enumeration
// is a string whose zero value means "unknown", and unknown never passes.
package e2e

import (
	"slices"
	"strings"
)

// Criticality says how much a failing test matters. The zero value is unknown
// and is judged as [ReleaseBlocking], the default of the policy table.
type Criticality string

// The criticality levels of the domain.
const (
	ReleaseBlockingSmoke Criticality = "release-blocking-smoke"
	ReleaseBlocking      Criticality = "release-blocking"
	NonBlocking          Criticality = "non-blocking"
	Nightly              Criticality = "nightly"
	Synthetic            Criticality = "synthetic"
)

// Criticalities lists the allowed words, most critical first.
func Criticalities() []Criticality {
	return []Criticality{ReleaseBlockingSmoke, ReleaseBlocking, NonBlocking, Nightly, Synthetic}
}

// Test is one planned test as discovery saw it. ID is unique within a plan and
// stable across machines, shards and reruns.
type Test struct {
	ID        string `json:"id" mask:"-" doc:"Stable id: <suite>/<file or class>::<name>."`
	Suite     string `json:"suite" mask:"-" doc:"Name of the suite in the config."`
	Framework string `json:"framework" mask:"-" doc:"Test framework of the suite."`
	File      string `json:"file,omitempty" mask:"-" doc:"Source file, relative to the suite's directory, with forward slashes."`
	Line      int    `json:"line,omitempty" doc:"Line of the test in its file, from 1."`
	Class     string `json:"class,omitempty" mask:"-" doc:"What the framework groups the test under: a Go import path, a Java class."`
	Name      string `json:"name" mask:"-" doc:"The test's name as the framework selects it."`

	Tags        []string    `json:"tags,omitempty" mask:"-" doc:"All tags, sorted."`
	Owner       string      `json:"owner,omitempty" mask:"-" doc:"Team that answers for the test."`
	Journey     string      `json:"journey,omitempty" mask:"-" doc:"Business journey that the test covers."`
	Criticality Criticality `json:"criticality" doc:"How much a failure matters." enum:"release-blocking-smoke,release-blocking,non-blocking,nightly,synthetic"`
	Locks       []string    `json:"locks,omitempty" mask:"-" doc:"Named resources that the test must not share with a test running at the same time."`
	Unit        string      `json:"unit" mask:"-" doc:"Tests of one unit on one shard run in one process."`
	Group       string      `json:"group,omitempty" mask:"-" doc:"Tests that build on one another, as their framework, a tag or the config says: they are planned, run and repeated together."`
	Keep        string      `json:"keep,omitempty" mask:"-" doc:"A file that the framework itself never cuts: its tests are planned and run together, and repeated alone."`
	Needs       []string    `json:"needs,omitempty" mask:"-" doc:"Services that it needs, by its suite, its journey and its tags; absent: everything in its stage."`
	Context     bool        `json:"context,omitempty" doc:"Not selected: it runs because another test of its group was selected, and it blocks nothing."`
	SkippedLast bool        `json:"skipped_last,omitempty" doc:"For a test of a group: it was skipped in the last run that was judged."`
	Twins       int         `json:"twins,omitempty" doc:"How many tests share this id, if more than one: they are planned, run and repeated together."`
}

// Batch is a unit whose tests are not known before it has run: its suite cannot list
// them. Its id stands in the order of a shard's work as that of a test does, and the tests
// that its reports hold inherit what is known of it.
type Batch struct {
	ID          string      `json:"id" mask:"-" doc:"Stable id: <suite>::(whole suite)."`
	Suite       string      `json:"suite" mask:"-" doc:"Name of the suite in the config."`
	Framework   string      `json:"framework" mask:"-" doc:"Test framework of the suite."`
	Unit        string      `json:"unit" mask:"-" doc:"Its unit: it runs in one process."`
	Tags        []string    `json:"tags,omitempty" mask:"-" doc:"All tags, sorted."`
	Owner       string      `json:"owner,omitempty" mask:"-" doc:"Team that answers for its tests."`
	Journey     string      `json:"journey,omitempty" mask:"-" doc:"Business journey that its tests cover."`
	Criticality Criticality `json:"criticality" doc:"How much a failure matters." enum:"release-blocking-smoke,release-blocking,non-blocking,nightly,synthetic"`
	Locks       []string    `json:"locks,omitempty" mask:"-" doc:"Named resources that its tests must not share with a test running at the same time."`
	Needs       []string    `json:"needs,omitempty" mask:"-" doc:"Services that its tests need; absent: everything in its stage."`
}

// batchName is the name of a batch where a result shows it in place of its tests.
const batchName = "(whole suite)"

// Stand is the test that stands for a batch where its tests are not known: while it is
// planned, and in a result to which its reports brought none.
func (b Batch) Stand() Test {
	return Test{
		ID: b.ID, Suite: b.Suite, Framework: b.Framework, Name: batchName, Tags: b.Tags, Owner: b.Owner, Journey: b.Journey,
		Criticality: b.Criticality, Locks: b.Locks, Needs: b.Needs, Unit: b.Unit,
	}
}

// BatchOf is the batch of a suite with the metadata of a test that stood for it.
func BatchOf(t Test) Batch {
	return Batch{
		ID: t.Suite + "::" + batchName, Suite: t.Suite, Framework: t.Framework, Unit: t.Unit, Tags: t.Tags, Owner: t.Owner, Journey: t.Journey,
		Criticality: t.Criticality, Locks: t.Locks, Needs: t.Needs,
	}
}

// Smoke reports whether the test belongs to the smoke phase: it carries the tag
// smoke or has the criticality release-blocking-smoke.
func (t Test) Smoke() bool {
	return t.Criticality == ReleaseBlockingSmoke || slices.ContainsFunc(t.Tags, func(tag string) bool {
		return BareTag(tag) == "smoke"
	})
}

// Bound names what the test is planned together with: its group, and the file that its
// framework never cuts.
func (t Test) Bound() []string {
	var bound []string
	for _, name := range []string{t.Group, t.Keep} {
		if name != "" && !slices.Contains(bound, name) {
			bound = append(bound, name)
		}
	}
	return bound
}

// MachineLock starts the name of a lock that matters on one machine only, such as a
// folder that two processes must not write at the same time.
const MachineLock = "this machine: "

// SharedLocks are the test's locks that hold across machines.
func (t Test) SharedLocks() []string {
	var shared []string
	for _, l := range t.Locks {
		if !strings.HasPrefix(l, MachineLock) {
			shared = append(shared, l)
		}
	}
	return shared
}

// BareTag strips the prefixes "@" and "e2e:", which tags may carry without
// meaning anything else.
func BareTag(tag string) string {
	tag = strings.TrimPrefix(tag, "@")
	if bare, ok := strings.CutPrefix(tag, "e2e:"); ok && bare != "" {
		return bare
	}
	return tag
}

// CutTag returns the value of a tag of the form key:value, whatever the case of the key: needs:auth, Needs:auth. It is for tags that keep a
// test from something, where a spelling that is not understood would let it through.
func CutTag(tag, key string) (value string, ok bool) {
	found, value, ok := strings.Cut(BareTag(tag), ":")
	return value, ok && strings.EqualFold(found, key)
}

// TagValue returns the value of the first tag of the form key:value, as in
// owner:case-platform, and whether there is one.
func TagValue(tags []string, key string) (string, bool) {
	for _, tag := range tags {
		if v, ok := strings.CutPrefix(BareTag(tag), key+":"); ok && v != "" {
			return v, true
		}
	}
	return "", false
}

package github

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/go-github/v62/github"

	"github.com/org/e2e-gate/internal/annotation"
	"github.com/org/e2e-gate/internal/safetext"
)

// Check is a check run as the gate makes them: completed from the start. It decorates;
// what a rule should require is the job.
type Check struct {
	Name string
	// Passed: anything else concludes with failure. GitHub lets neutral and skipped
	// through, so there are no such words here.
	Passed bool
	// Title, Summary and Text are shown; summary and text have 65,535 bytes at most.
	Title, Summary, Text string
	URL                  string
	// ID tells the runs of the gate apart.
	ID string
	// Annotations: those without a file are left out, since GitHub takes none.
	Annotations []annotation.Annotation
}

const (
	checkLost  = "the check run"
	checkRight = "checks: write"
	// MaxCheckText is what GitHub keeps of summary and text each, in bytes.
	MaxCheckText = 65_535
	// batch is how many annotations GitHub takes in one request, maxBatches how many
	// requests are made.
	batch, maxBatches = 50, 20
	maxCheckTitle     = 255
	maxCheckMessage   = 60_000 // bytes, of 64 KB
)

// CreateCheck creates a check run on a commit, and adds what one request does not
// take. An error is an [*Error].
func (c *Client) CreateCheck(ctx context.Context, sha string, k Check) (Outcome, error) {
	if !commit.MatchString(sha) {
		return Outcome{}, c.lost(checkLost, checkRight, errors.New("the commit under test is not known by its full hash"))
	}
	ctx, done := c.begin(ctx)
	defer done()
	out, err := c.createCheck(ctx, sha, k)
	if err == nil {
		return out, nil
	}
	e := c.lost(checkLost, checkRight, err)
	if note := c.readOnly(e); note != "" {
		return Outcome{Action: ReadOnly, Note: note}, nil
	}
	return Outcome{}, e
}

func (c *Client) createCheck(ctx context.Context, sha string, k Check) (Outcome, error) {
	k.Annotations = slices.DeleteFunc(slices.Clone(k.Annotations), func(a annotation.Annotation) bool { return a.File() == "" })
	batches := k.batches()
	create := github.CreateCheckRunOptions{
		Name: safetext.Line(k.Name, maxContext), HeadSHA: sha, Status: new("completed"), Conclusion: new("failure"),
		CompletedAt: &github.Timestamp{Time: c.now().UTC().Truncate(time.Second)}, Output: k.output(batches[0]),
	}
	if k.Passed {
		create.Conclusion = new("success")
	}
	if k.ID != "" {
		create.ExternalID = &k.ID
	}
	if page := safetext.URL(k.URL); page != "" {
		create.DetailsURL = &page
	}
	made, _, err := c.api.Checks.CreateCheckRun(ctx, c.owner, c.name, create)
	if err != nil {
		return Outcome{}, err
	}
	if made.GetID() == 0 && len(batches) > 1 {
		return Outcome{}, fmt.Errorf("it has the first %d of %d annotations: the API's answer does not say which check run it made", batch, len(k.Annotations))
	}
	for i, more := range batches[1:] {
		_, _, err := c.api.Checks.UpdateCheckRun(ctx, c.owner, c.name, made.GetID(), github.UpdateCheckRunOptions{Name: create.Name, Output: k.output(more)})
		if err != nil {
			return Outcome{}, fmt.Errorf("it has the first %d of %d annotations: %w", (i+1)*batch, len(k.Annotations), err)
		}
	}
	return Outcome{Action: Created, URL: made.GetHTMLURL()}, nil
}

// checkLevels are GitHub's words for levels.
var checkLevels = map[annotation.Level]string{annotation.Error: "failure", annotation.Warning: "warning", annotation.Notice: "notice"}

// batches cuts the annotations into requests; there is always a first one.
func (k Check) batches() [][]*github.CheckRunAnnotation {
	out := [][]*github.CheckRunAnnotation{nil}
	for _, a := range k.Annotations[:min(len(k.Annotations), batch*maxBatches)] {
		last := len(out) - 1
		if len(out[last]) == batch {
			out, last = append(out, nil), last+1
		}
		message, _ := safetext.Cut(or(a.Message(), a.Title()), maxCheckMessage)
		line := max(a.Line(), 1)
		out[last] = append(out[last], &github.CheckRunAnnotation{
			Path: new(a.File()), StartLine: &line, EndLine: &line, AnnotationLevel: new(checkLevels[a.Level()]),
			Title: new(cutRunes(a.Title(), maxCheckTitle)), Message: &message,
		})
	}
	return out
}

func (k Check) output(annotations []*github.CheckRunAnnotation) *github.CheckRunOutput {
	summary, _ := safetext.Cut(k.Summary, MaxCheckText)
	text, _ := safetext.Cut(k.Text, MaxCheckText)
	out := &github.CheckRunOutput{Title: new(cutRunes(k.Title, maxCheckTitle)), Summary: &summary, Annotations: annotations}
	if text != "" {
		out.Text = &text
	}
	return out
}

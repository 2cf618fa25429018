package github

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/go-github/v62/github"

	"github.com/org/e2e-gate/internal/annotation"
	"github.com/org/e2e-gate/internal/publish"
	"github.com/org/e2e-gate/internal/safetext"
)

const (
	checkLost  = "the check run"
	checkRight = "checks: write"
	// batch is how many annotations GitHub takes in one request, maxBatches how many
	// requests are made.
	batch, maxBatches = 50, 20
	maxCheckTitle     = 255
	maxCheckMessage   = 60_000 // bytes, of 64 KB
)

// CreateCheck creates a check run on a commit, and adds what one request does not
// take. An error is an [*Error].
func (c *Client) CreateCheck(ctx context.Context, sha string, k publish.Check) (publish.Outcome, error) {
	if !commit.MatchString(sha) {
		return publish.Outcome{}, c.lost(checkLost, checkRight, errors.New("the commit under test is not known by its full hash"))
	}
	ctx, done := c.begin(ctx)
	defer done()
	out, err := c.createCheck(ctx, sha, k)
	if err == nil {
		return out, nil
	}
	e := c.lost(checkLost, checkRight, err)
	if note := c.readOnly(e); note != "" {
		return publish.Outcome{Action: publish.ReadOnly, Note: note}, nil
	}
	return publish.Outcome{}, e
}

func (c *Client) createCheck(ctx context.Context, sha string, k publish.Check) (publish.Outcome, error) {
	k.Annotations = slices.DeleteFunc(slices.Clone(k.Annotations), func(a annotation.Annotation) bool { return a.File() == "" })
	batches := checkBatches(k)
	create := github.CreateCheckRunOptions{
		Name: safetext.Line(k.Name, maxContext), HeadSHA: sha, Status: new("completed"), Conclusion: new("failure"),
		CompletedAt: &github.Timestamp{Time: c.now().UTC().Truncate(time.Second)}, Output: checkOutput(k, batches[0]),
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
		return publish.Outcome{}, err
	}
	if made.GetID() == 0 && len(batches) > 1 {
		const unnamed = "it has the first %d of %d annotations: the API's answer does not say which check run it made"
		return publish.Outcome{}, fmt.Errorf(unnamed, batch, len(k.Annotations))
	}
	for i, more := range batches[1:] {
		if scarce := c.budget.Scarce(); scarce != "" {
			note := fmt.Sprintf("the check run has the first %d of %d annotations: %s", (i+1)*batch, len(k.Annotations), scarce)
			return publish.Outcome{Action: publish.Created, URL: made.GetHTMLURL(), Note: note}, nil
		}
		update := github.UpdateCheckRunOptions{Name: create.Name, Output: checkOutput(k, more)}
		_, _, err := c.api.Checks.UpdateCheckRun(ctx, c.owner, c.name, made.GetID(), update)
		if err != nil {
			return publish.Outcome{}, fmt.Errorf("it has the first %d of %d annotations: %w", (i+1)*batch, len(k.Annotations), err)
		}
	}
	return publish.Outcome{Action: publish.Created, URL: made.GetHTMLURL()}, nil
}

// checkLevels are GitHub's words for levels.
var checkLevels = map[annotation.Level]string{annotation.Error: "failure", annotation.Warning: "warning", annotation.Notice: "notice"}

// checkBatches cuts the annotations into requests; there is always a first one.
func checkBatches(k publish.Check) [][]*github.CheckRunAnnotation {
	out := [][]*github.CheckRunAnnotation{nil}
	for _, a := range k.Annotations[:min(len(k.Annotations), batch*maxBatches)] {
		last := len(out) - 1
		if len(out[last]) == batch {
			out, last = append(out, nil), last+1
		}
		message, _ := safetext.Cut(cmp.Or(a.Message(), a.Title()), maxCheckMessage)
		line := max(a.Line(), 1)
		out[last] = append(out[last], &github.CheckRunAnnotation{
			Path: new(a.File()), StartLine: &line, EndLine: &line, AnnotationLevel: new(checkLevels[a.Level()]),
			Title: new(cutRunes(a.Title(), maxCheckTitle)), Message: &message,
		})
	}
	return out
}

func checkOutput(k publish.Check, annotations []*github.CheckRunAnnotation) *github.CheckRunOutput {
	summary, _ := safetext.Cut(k.Summary, publish.MaxCheckText)
	text, _ := safetext.Cut(k.Text, publish.MaxCheckText)
	out := &github.CheckRunOutput{Title: new(cutRunes(k.Title, maxCheckTitle)), Summary: &summary, Annotations: annotations}
	if text != "" {
		out.Text = &text
	}
	return out
}

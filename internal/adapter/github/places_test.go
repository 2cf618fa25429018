package github

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/org/e2e-gate/internal/annotation"
	"github.com/org/e2e-gate/internal/forge"
	"github.com/org/e2e-gate/internal/publish"
	"github.com/org/e2e-gate/internal/testkit/githubfake"
)

// Every annotation arrives, fifty at a time, and nothing but the output is changed.
func TestCheckInBatches(t *testing.T) {
	for n, requests := range map[int]int{0: 1, 50: 1, 51: 2, 130: 3, 5000: maxBatches} {
		s := githubfake.New(t)
		k := publish.Check{Name: "report", Title: strings.Repeat("ä", 999), Summary: strings.Repeat("ä", publish.MaxCheckText),
			Text: strings.Repeat("x", 2*publish.MaxCheckText), URL: "javascript:x"}
		for i := range n {
			k.Annotations = append(k.Annotations, annotation.New(annotation.Error, fmt.Sprintf("f%d.go", i), 0, "t", strings.Repeat("m", 100)))
		}
		out, err := client(t, s).CreateCheck(context.Background(), head, k)
		list := s.CheckRuns()
		if err != nil || out.Action != publish.Created || len(list) != 1 || list[0].Requests != requests || list[0].Annotations != min(n, batch*maxBatches) ||
			list[0].Conclusion != "failure" {
			t.Errorf("%d: %+v, %v, %d", n, out, err, len(list))
		}
	}
}

// At four fifths of the hour's requests, the rest of the annotations is left out, and said to be.
func TestCheckWhenRequestsAreScarce(t *testing.T) {
	for used, want := range map[int]int{797: 130, 798: 100, 799: 50} {
		s := githubfake.New(t)
		s.Used = used
		k := publish.Check{Name: "report", Title: "t"}
		for i := range 130 {
			k.Annotations = append(k.Annotations, annotation.New(annotation.Error, fmt.Sprintf("f%d.go", i), 0, "t", "m"))
		}
		c, err := New(Options{Repository: s.Repository, Token: githubfake.JobToken, BaseURL: "http://api.test", Transport: s.Transport(), Budget: &forge.Budget{}})
		if err != nil {
			t.Fatal(err)
		}
		out, err := c.CreateCheck(context.Background(), head, k)
		said := fmt.Sprintf("the first %d of 130 annotations: 800 of the 1000 requests", want)
		if err != nil || s.CheckRuns()[0].Annotations != want || (want < 130) != strings.Contains(out.Note, said) {
			t.Errorf("%d: %+v, %v, %d", used, out, err, s.CheckRuns()[0].Annotations)
		}
	}
}

func TestDeploymentBounds(t *testing.T) {
	s := githubfake.New(t)
	s.Deployments = []githubfake.Deployment{{ID: 1, SHA: head, Environment: "e"}}
	c := client(t, s)
	if _, err := c.SetDeploymentStatus(context.Background(), publish.Deployment{ID: 1, Environment: "e"}, publish.DeploymentSuccess,
		strings.Repeat("ä\n", 200), "ftp://x"); err != nil {
		t.Fatal(err)
	}
	if d := s.DeploymentNow(1).Statuses[0]; len([]rune(d.Description)) != 140 || d.LogURL != "" {
		t.Errorf("%+v", d)
	}
	_, err := c.SetDeploymentStatus(context.Background(), publish.Deployment{Environment: "e"}, publish.DeploymentSuccess, "", "")
	sentence(t, err, "this run has no deployment")
	_, err = c.FindDeployment(context.Background(), head, "x", "")
	sentence(t, err, "was not deployed to x")
}

// A job that names an environment makes a deployment of its own, which is newer than the one
// that is judged.
func TestDeploymentsOfOurOwnJobs(t *testing.T) {
	const page = "https://github.example/acme/cases/actions/runs/7"
	find := func(s *githubfake.Server) (int64, error) {
		return client(t, s).FindDeployment(context.Background(), head, "staging", page)
	}
	s := githubfake.New(t)
	s.StartJob(7, head, "staging")
	_, err := find(s)
	sentence(t, err, "was deployed only by jobs of this run")
	s.StartJob(70, head, "staging")
	want := int64(s.Deployments[1].ID)
	for range 5 {
		s.StartJob(7, head, "staging")
	}
	if got, err := find(s); got != want || err != nil {
		t.Errorf("%d, %v, want %d", got, err, want)
	}
	s.Fail(githubfake.Fault{Path: "/statuses", Change: githubfake.Answers("", 500, "oops").Change})
	_, err = find(s) // whose it is is not known
	sentence(t, err, "500")
	s = githubfake.New(t)
	s.Deployments = []githubfake.Deployment{{ID: 3, SHA: head, Environment: "staging", Creator: githubfake.JobBot, Statuses: []githubfake.DeploymentStatus{
		{State: "failure", Description: publish.DeploymentOwn + "pr: blocked", LogURL: page}}}}
	if got, err := find(s); got != 3 || err != nil {
		t.Errorf("a deployment with the status of an earlier attempt: %d, %v", got, err)
	}
	for range 40 {
		s.StartJob(7, head, "staging")
	}
	before := s.Count("")
	_, err = find(s)
	sentence(t, err, "deployment: false")
	if n := s.Count("") - before; n > maxOwnDeployments+1 {
		t.Errorf("%d requests", n)
	}
}

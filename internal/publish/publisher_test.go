package publish

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/trigger"
)

// basicPlace records what it is told to publish, and has nothing but comment and status.
type basicPlace struct {
	traits Traits
	calls  []string
	// answers are outcomes by call, fails errors by call.
	answers map[string]Outcome
	fails   map[string]error
	left    time.Duration
}

func (b *basicPlace) did(ctx context.Context, call string) (Outcome, error) {
	b.calls = append(b.calls, call)
	if end, ok := ctx.Deadline(); ok {
		b.left = time.Until(end)
	}
	name, _, _ := strings.Cut(call, " ")
	if ctx.Err() != nil {
		return Outcome{}, ctx.Err()
	}
	return b.answers[name], b.fails[name]
}

func (b *basicPlace) Traits() Traits { return b.traits }

func (b *basicPlace) UpsertComment(ctx context.Context, _ int, _ Stamp, _ string) (Outcome, error) {
	return b.did(ctx, "comment")
}

func (b *basicPlace) Supersede(ctx context.Context, _ int, _ Stamp, _ string) (Outcome, error) {
	return b.did(ctx, "supersede")
}

func (b *basicPlace) SetStatus(ctx context.Context, _ string, s Status) (Outcome, error) {
	return b.did(ctx, "status "+string(s.State)+" "+s.TargetURL)
}

func (b *basicPlace) AttemptPage(page string, _ int) string { return page + "#attempt" }

// fullPlace has everything.
type fullPlace struct {
	*basicPlace
	release ReleaseFacts
}

func (f fullPlace) CreateCheck(ctx context.Context, _ string, k Check) (Outcome, error) {
	return f.did(ctx, "check "+k.Name)
}

func (f fullPlace) FindDeployment(ctx context.Context, _, environment, _ string) (int64, error) {
	_, err := f.did(ctx, "find "+environment)
	return 31, err
}

func (f fullPlace) SetDeploymentStatus(ctx context.Context, d Deployment, state DeploymentState, _, _ string) (Outcome, error) {
	return f.did(ctx, "deployment "+d.Environment+" "+string(state))
}

func (f fullPlace) Release(ctx context.Context, _, _ string) (Release, bool, error) {
	_, err := f.did(ctx, "release")
	return foundRelease(f), f.release.Tag != "", err
}

type foundRelease fullPlace

func (f foundRelease) Facts() ReleaseFacts { return f.release }

func (f foundRelease) UpsertSection(ctx context.Context, _ Stamp, _ func(int) string) (Outcome, error) {
	return f.did(ctx, "section")
}

func (f foundRelease) KeepSection(ctx context.Context, _ Stamp, _ func(int) string) (Outcome, error) {
	return f.did(ctx, "keep")
}

func (f foundRelease) Attach(ctx context.Context, _ Stamp, a Asset) (Outcome, error) {
	return f.did(ctx, "attach "+a.Name)
}

func (f foundRelease) Promote(ctx context.Context, _ string) (Outcome, error) {
	return f.did(ctx, "promote")
}

func passed() e2e.Result {
	return e2e.Result{Run: e2e.Run{Stage: "pr", Subject: e2e.Subject{SHA: "4bf1f7"}, PullRequest: 42, URL: "page"}, Verdict: e2e.Verdict{State: e2e.VerdictPassed}}
}

// publishing is a publisher at a place, and what it says.
func publishing(t *testing.T, place Place) (*Publisher, *bytes.Buffer) {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"result.json", "report.html"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var said bytes.Buffer
	return New(Options{Open: func() (Place, error) { return place, nil }, Journal: NewJournal(&said), Stage: "pr", Out: dir,
		Trigger: trigger.Trigger{SHA: "4bf1f7", PullRequest: 42, Release: "v1"}}), &said
}

var all = Wanted{Comment: true, Check: true, Deployment: "staging", Promote: true}

func TestOrder(t *testing.T) {
	place := fullPlace{&basicPlace{answers: map[string]Outcome{"section": {Action: Updated}}}, ReleaseFacts{Tag: "v1", SHA: "4bf1f7", Draft: true}}
	p, said := publishing(t, place)
	p.Start(t.Context(), all)
	p.Publish(t.Context(), all, passed())
	want := []string{
		"find staging", "deployment staging in_progress", "supersede",
		"comment", "status success page#attempt", "check e2e-gate report: pr", "deployment staging success",
		"release", "section", "attach e2e-gate-pr-result.json", "attach e2e-gate-pr-report.html", "keep", "promote",
	}
	if diff := cmp.Diff(want, place.calls); diff != "" || p.Journal.Incomplete() || said.String() != "published the release v1\n" {
		t.Errorf("%s\n%s", diff, said)
	}
}

// What a place lacks is said once, and only where it was asked for.
func TestWhatAPlaceLacks(t *testing.T) {
	for name, c := range map[string]struct {
		wanted Wanted
		asked  bool
		want   int
	}{
		"all of it":                 {all, false, 1},
		"comment":                   {Wanted{Comment: true}, false, 0},
		"check":                     {Wanted{Check: true}, false, 1},
		"deployment":                {Wanted{Deployment: "e"}, false, 1},
		"promote":                   {Wanted{Promote: true}, false, 1},
		"a release that a flag has": {Wanted{Comment: true}, true, 1},
	} {
		place := &basicPlace{traits: Traits{Lacks: "there is less here"}}
		p, said := publishing(t, place)
		p.ReleaseAsked = c.asked
		p.Start(t.Context(), c.wanted)
		p.Publish(t.Context(), c.wanted, passed())
		if n := strings.Count(said.String(), "note: there is less here\n"); n != c.want || p.Journal.Incomplete() {
			t.Errorf("%s: it is said %d times, want %d\n%s", name, n, c.want, said)
		}
	}
}

// A release is touched only where it is of the commit that was judged; a draft is published
// only with a pass, and with all of its evidence.
func TestReleaseStays(t *testing.T) {
	ours := ReleaseFacts{Tag: "v1", SHA: "4bf1f7", Draft: true}
	notes := Outcome{Action: NotHere, Note: "a later step does"}
	failed := passed()
	failed.Verdict = e2e.Verdict{State: e2e.VerdictFailed, Blocks: true}
	for name, c := range map[string]struct {
		facts      ReleaseFacts
		result     e2e.Result
		answers    map[string]Outcome
		fails      map[string]error
		says       string
		incomplete bool
	}{
		"of another commit":   {ReleaseFacts{Tag: "v1", SHA: "aaaaaa", Draft: true}, passed(), nil, nil, "nothing was written to it", true},
		"it is not there":     {ReleaseFacts{}, passed(), nil, nil, "release v1 not found with this token", true},
		"red":                 {ours, failed, nil, nil, "was not published: the verdict is failed", false},
		"a file is missing":   {ours, passed(), nil, map[string]error{"attach": errors.New("no")}, "evidence is incomplete", true},
		"a newer run judged":  {ours, passed(), map[string]Outcome{"section": {Action: Superseded}}, nil, "a newer run has judged it", false},
		"published long ago":  {ReleaseFacts{Tag: "v1", SHA: "4bf1f7"}, passed(), nil, nil, "", false},
		"it cannot be read":   {ours, passed(), nil, map[string]error{"release": errors.New("the API is down")}, "not published: the API is down", true},
		"promoting goes awry": {ours, passed(), nil, map[string]error{"promote": errors.New("moved")}, "not published: moved", true},
		"a place that notes":  {ours, passed(), map[string]Outcome{"promote": notes}, nil, "note: a later step does", false},
	} {
		place := fullPlace{&basicPlace{answers: c.answers, fails: c.fails}, c.facts}
		p, said := publishing(t, place)
		p.Publish(t.Context(), Wanted{Promote: true}, c.result)
		promoted := cmp.Equal(place.calls[len(place.calls)-1], "promote")
		wantPromoted := name == "promoting goes awry" || name == "a place that notes"
		if promoted != wantPromoted || p.Journal.Incomplete() != c.incomplete {
			t.Errorf("%s: calls %v, incomplete %v, want %v\n%s", name, place.calls, p.Journal.Incomplete(), c.incomplete, said)
		}
		if strings.Contains(said.String(), "published the release") || !strings.Contains(said.String(), c.says) {
			t.Errorf("%s: it says %q, want %q", name, said, c.says)
		}
	}
}

// A token that may only read is said in one line, and nothing else is tried.
func TestReadOnly(t *testing.T) {
	place := fullPlace{&basicPlace{answers: map[string]Outcome{"comment": {Action: ReadOnly, Note: "may only read"}}}, ReleaseFacts{}}
	p, said := publishing(t, place)
	p.Publish(t.Context(), all, passed())
	if len(place.calls) != 1 || !p.Journal.Incomplete() || said.String() != "note: may only read\n" {
		t.Errorf("calls %v, incomplete %v\n%s", place.calls, p.Journal.Incomplete(), said)
	}
}

// A run that was cancelled still says its verdict, but not for long.
func TestCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		place := &basicPlace{}
		p, said := publishing(t, place)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		p.Publish(ctx, Wanted{Comment: true}, passed())
		if len(place.calls) != 2 || p.Journal.Incomplete() || place.left != cancelledPublishTimeout {
			t.Errorf("calls %v within %s\n%s", place.calls, place.left, said)
		}
	})
}

// A re-run replaces the status of the attempt before it while it runs, unless its token may only read.
func TestARerunIsPending(t *testing.T) {
	for name, c := range map[string]struct {
		attempt int
		fork    bool
		wanted  Wanted
		want    bool
	}{
		"the first attempt": {1, false, all, false}, "the second": {2, false, all, true}, "of a fork": {2, true, all, false},
		"without a comment": {2, false, Wanted{Check: true}, false},
	} {
		place := fullPlace{&basicPlace{}, ReleaseFacts{}}
		p, _ := publishing(t, place)
		p.Trigger.WorkflowAttempt, p.Trigger.Fork = c.attempt, c.fork
		p.Start(t.Context(), c.wanted)
		if got := slices.ContainsFunc(place.calls, func(call string) bool { return strings.HasPrefix(call, "status pending") }); got != c.want {
			t.Errorf("%s: %q", name, place.calls)
		}
	}
}

func TestPlaceThatCannotBeOpened(t *testing.T) {
	p, said := publishing(t, nil)
	p.Open = func() (Place, error) { return nil, errors.New("no token\x1b[31m") }
	if p.Start(t.Context(), all) || said.Len() > 0 {
		t.Errorf("before the run it is said: %s", said)
	}
	p.Publish(t.Context(), all, passed())
	if diff := cmp.Diff([]string{"no token\x1b[31m"}, p.Journal.Lines()); diff != "" || !p.Journal.Incomplete() {
		t.Errorf("incomplete %v, want true\n%s", p.Journal.Incomplete(), diff)
	}
	if !strings.HasPrefix(said.String(), "note: not published: no token") || strings.Contains(said.String(), "\x1b") {
		t.Errorf("it says %q", said)
	}
}

// Who has no pull request has no comment, unless the place takes one of any run; and a
// deployment status of our own is never answered with another.
func TestWhatARunHas(t *testing.T) {
	r := passed()
	r.Run.PullRequest = 0
	for always, want := range map[bool]int{false: 1, true: 2} {
		place := &basicPlace{traits: Traits{CommentWithoutPR: always}}
		p, _ := publishing(t, place)
		p.Trigger.PullRequest = 0
		if p.Publish(t.Context(), Wanted{Comment: true}, r); len(place.calls) != want {
			t.Errorf("a place that always takes comments: %v; calls %v", always, place.calls)
		}
	}
	place := fullPlace{&basicPlace{}, ReleaseFacts{}}
	p, _ := publishing(t, place)
	p.Trigger.Echo, p.Trigger.Release = true, ""
	if p.Publish(t.Context(), Wanted{Deployment: "staging"}, r); len(place.calls) != 0 {
		t.Errorf("our own status is answered: %v", place.calls)
	}
}

// Package publish posts results: it defines the port that a place implements, and the order,
// the time limits and the texts of what is posted there.
//
// Publishing shows a verdict and never changes it. What could not be posted is recorded in
// a [Journal].
package publish

import (
	"context"

	"github.com/org/e2e-gate/internal/annotation"
)

// Place is where results are published: a forge, or a folder. Every place takes comments and
// commit statuses. It also implements [Checks], [Deployments] and [Releases] if it has
// them; [Traits] say in words what it lacks. All calls together are bounded in time. They
// may be repeated: what exists already is not written again. An error is one sentence for
// people that names what was not published.
type Place interface {
	// Traits are the same at every call.
	Traits() Traits
	// UpsertComment creates the comment of the stamp's key and stage on a pull request, or
	// updates it in place. A newer run's comment is left.
	UpsertComment(ctx context.Context, pr int, stamp Stamp, body string) (Outcome, error)
	// Supersede says in that comment, when a run starts, that a newer commit is being
	// judged; page is that run's. Where there is no comment nothing is written.
	Supersede(ctx context.Context, pr int, stamp Stamp, page string) (Outcome, error)
	// SetStatus sets the status of a commit, which is its full hash. A success does not
	// replace what a newer run said. An early failure replaces nothing that the same attempt, or a
	// newer one, said, and is not set where that cannot be read.
	SetStatus(ctx context.Context, sha string, s Status) (Outcome, error)
	// AttemptPage is the page of an attempt of a workflow run, given the run's own.
	AttemptPage(page string, attempt int) string
}

// Checks are places that take check runs.
type Checks interface {
	// CreateCheck creates a check run on a commit.
	CreateCheck(ctx context.Context, sha string, k Check) (Outcome, error)
}

// Deployments are places that know deployments.
type Deployments interface {
	// FindDeployment is the newest deployment of a commit to an environment, by its number, but
	// none that the run of a page made itself. If there is none, that is an error.
	FindDeployment(ctx context.Context, sha, environment, page string) (int64, error)
	// SetDeploymentStatus adds a status to a deployment. A success becomes a failure where a
	// newer run has said so.
	SetDeploymentStatus(ctx context.Context, d Deployment, state DeploymentState, description, page string) (Outcome, error)
}

// Releases are places that know releases.
type Releases interface {
	// Release finds the release of a tag, drafts included. A place that cannot look the tag
	// up takes the commit that was judged for its own.
	Release(ctx context.Context, tag, judged string) (r Release, found bool, err error)
}

// Release is a release that was found.
type Release interface {
	Facts() ReleaseFacts
	// UpsertSection puts a section into the release's notes, or updates it in place. render
	// is told how many bytes the section may have. A newer run's section is left.
	UpsertSection(ctx context.Context, stamp Stamp, render func(limit int) string) (Outcome, error)
	// KeepSection looks, some time later, whether the section is still there, and writes it
	// again where another job has written over it.
	KeepSection(ctx context.Context, stamp Stamp, render func(limit int) string) (Outcome, error)
	// Attach puts a file beside a draft, in place of an older one of its name.
	Attach(ctx context.Context, stamp Stamp, a Asset) (Outcome, error)
	// Promote publishes a draft, as of the commit that was judged. The outcome is [NotHere]
	// where the place only notes that it should be published.
	Promote(ctx context.Context, sha string) (Outcome, error)
}

// Traits are the differences between places.
type Traits struct {
	// Lacks says what the place does not have, for a note when it was asked for.
	Lacks string
	// SmallDiagrams: it draws diagrams of a few thousand bytes only.
	SmallDiagrams bool
	// CommentWithoutPR: it takes the comment of a run that belongs to no pull request.
	CommentWithoutPR bool
}

// Stamp says which comment it is and which run wrote it.
type Stamp struct {
	// Key and Stage tell comments on one pull request apart; both may be empty.
	Key, Stage string
	// WorkflowRun is the run's number in decimal, as GITHUB_RUN_ID. Empty is older than any.
	WorkflowRun string
	// Attempt of the workflow run, from 1.
	Attempt int
	// SHA is the commit that was judged.
	SHA string
	// Failed are digests of the ids of tests that failed in this workflow run, in this attempt
	// or an earlier one, and block; nil: nothing was judged. A later attempt that finds no
	// documents reads them.
	Failed []string
}

// Action is the outcome of publishing in one word.
type Action string

// The actions.
const (
	Created Action = "created"
	Updated Action = "updated"
	// Unchanged: it was there already.
	Unchanged Action = "unchanged"
	// Superseded: a newer run has written, and its text stays.
	Superseded Action = "superseded"
	// Corrected: it was written in place of an early failure that it contradicts.
	Corrected Action = "corrected"
	// ReadOnly: the token may not write, as is normal for a fork.
	ReadOnly Action = "read-only"
	// NotHere: the place cannot do it; the note says what to do instead.
	NotHere Action = "not here"
)

// Outcome of publishing.
type Outcome struct {
	Action Action
	// URL is the page of what was published; it may be empty.
	URL string
	// Note is a line for people if something was not published but that is not an error.
	Note string
}

// State of a commit status.
type State string

// The states. Only success satisfies a required check.
const (
	Success State = "success"
	Failure State = "failure"
	// StateError: the commit was not judged.
	StateError State = "error"
	Pending    State = "pending"
)

// Status is what is shown beside a commit.
type Status struct {
	// Context names it among the statuses of the commit; empty is e2e-gate.
	Context string
	State   State
	// Description is one line; of a longer one than a place takes the end is cut.
	Description string
	// TargetURL is the page behind it; anything but an http or https address is left out. The
	// page of a workflow run says which run it is: see [Place].
	TargetURL string
	// Redo: it is the same verdict, published again, so it may replace what the same run
	// has set.
	Redo bool
}

// Check is a check run as the gate makes them: completed from the start. It is only shown;
// a rule should require the job.
type Check struct {
	Name string
	// Passed: otherwise the conclusion is failure. GitHub treats neutral and skipped as
	// passed, so they are not offered here.
	Passed bool
	// Title, Summary and Text are shown; summary and text have 65,535 bytes at most.
	Title, Summary, Text string
	URL                  string
	// ID tells the runs of the gate apart.
	ID string
	// Annotations: a place may leave out those without a file.
	Annotations []annotation.Annotation
}

// MaxCheckText is what a place keeps of a check's summary and text each, in bytes.
const MaxCheckText = 65_535

// Deployment of a commit to an environment.
type Deployment struct {
	// ID is its number at the forge; a place that has no numbers takes 0.
	ID               int64
	SHA, Environment string
}

// DeploymentState is the state of a deployment's status.
type DeploymentState string

// The states that the gate sets.
const (
	DeploymentInProgress DeploymentState = "in_progress"
	DeploymentSuccess    DeploymentState = "success"
	DeploymentFailure    DeploymentState = "failure"
)

// DeploymentOwn starts the description of every deployment status of ours.
const DeploymentOwn = "e2e-gate "

// ReleaseFacts are what is known of a release.
type ReleaseFacts struct {
	Tag string
	// SHA is the commit that the tag names; of a draft without a tag, the one that
	// publishing would tag.
	SHA   string
	Draft bool
	URL   string
}

// Asset is a file of a release.
type Asset struct {
	Name string
	Data []byte
}

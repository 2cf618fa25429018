// Package forge is the port through which the gate reads from the forge that started it:
// files of a base revision, artifacts and runs of workflows, the merge queue. An adapter
// implements [Reader], and the other interfaces if its forge has what they need; callers
// use type assertions. Package publish is the port for writing.
package forge

import (
	"context"
	"time"
)

// Reader is what every forge can answer. All calls are bounded in time. An error is one
// sentence for people that says which permission is missing.
type Reader interface {
	// File reads a file of the repository as it is at a commit, which is its full hash.
	// found is false where the commit has no such file; an error means that it is unknown.
	File(ctx context.Context, sha, path string) (data []byte, found bool, err error)
	// Artifacts lists those of a workflow run that have not expired.
	Artifacts(ctx context.Context, run int64) ([]Artifact, error)
	// Extract takes files out of an artifact into a folder: those at its top level whose
	// name is wanted, within the limit. A file that is there already is replaced.
	Extract(ctx context.Context, a Artifact, dir string, limit Limit, want func(name string) bool) error
	// WorkflowRun reads a run, as its latest attempt is.
	WorkflowRun(ctx context.Context, id int64) (WorkflowRun, error)
	// JobConclusion is how a job of an attempt of a run ended, in the forge's word, by the
	// job's name. It is an error if there is no such job, or more than one.
	JobConclusion(ctx context.Context, run WorkflowRun, job string) (string, error)
	// PullRequests are the open pull requests whose head is the branch that a run ran on,
	// by number.
	PullRequests(ctx context.Context, run WorkflowRun) ([]PullRequest, error)
}

// Backups are forges that list artifacts over all runs, and say who started a run, so that
// the history can be repaired from artifacts.
type Backups interface {
	// ArtifactsNamed lists a page of the repository's artifacts of a name, the newest
	// first; pages count from 1.
	ArtifactsNamed(ctx context.Context, name string, page int) (list []Artifact, more bool, err error)
	// WorkflowRuns lists a page of the runs of a workflow's file on a branch, the newest
	// first; pages count from 1. A run whose head lies in a fork may have a branch of that
	// name.
	WorkflowRuns(ctx context.Context, file, branch string, page int) (list []WorkflowRun, more bool, err error)
	// ReadArtifact reads the wanted files at the top level of an artifact; artifact and
	// files may have so many bytes, each together.
	ReadArtifact(ctx context.Context, a Artifact, maxBytes int64, want func(name string) bool) ([][]byte, error)
}

// Branches are forges that compare a commit with a branch.
type Branches interface {
	// Compare is the tip of a branch, and the newest commit that it has in common with a commit.
	Compare(ctx context.Context, branch, sha string) (tip, common string, err error)
	// Protected reports whether a branch is protected.
	Protected(ctx context.Context, branch string) (bool, error)
}

// Elsewhere are forges that read files of other repositories.
type Elsewhere interface {
	// FileElsewhere reads a file of a repository (owner/name) at a tag, a branch or the full hash
	// of a commit, and says at which commit, sha, that was. A file of more than maxBytes, and one
	// that is not there, is an error.
	FileElsewhere(ctx context.Context, repository, ref, path string, maxBytes int) (data []byte, sha string, err error)
}

// Approvals are forges that say who approved a pull request, so that others than its authors
// may let it change its own judge.
type Approvals interface {
	// Proposal reads a pull request, and who wrote it.
	Proposal(ctx context.Context, pr int) (Proposal, error)
	// Reviews lists those of a pull request, the oldest first.
	Reviews(ctx context.Context, pr int) ([]Review, error)
	// Labelled lists when a label was put on a pull request, the oldest first, and when the
	// branch was last pushed with force; that is zero where it never was.
	Labelled(ctx context.Context, pr int, label string) (list []Labelling, forced time.Time, err error)
	// FirstRun is when the first workflow run of a proposal's head was created, as the forge's
	// clock has it: dates in commits are whatever their authors want. It is zero if there is none.
	FirstRun(ctx context.Context, p Proposal) (time.Time, error)
	// MayWrite reports whether an account may write to the repository.
	MayWrite(ctx context.Context, login string) (bool, error)
	// ProposedFiles are the paths that a pull request touches, also those that it moves away.
	// complete is false where the forge does not list all.
	ProposedFiles(ctx context.Context, pr int) (paths []string, complete bool, err error)
}

// Proposal is a pull request as its approval needs it.
type Proposal struct {
	Number int
	// SHA is its head, on Branch of HeadRepository (owner/name).
	SHA, Branch, HeadRepository string
	// Authors are the logins of who opened it, and wrote or committed its commits.
	Authors []string
	// Unknown are commits of which the forge does not say whose they are; Incomplete: it does
	// not list all commits.
	Unknown    []string
	Incomplete bool
	// Labels are on it now.
	Labels []string
}

// Review of a pull request. State is in the forge's word; SHA is what was reviewed.
type Review struct {
	Login, State, SHA string
	// Bot: the account is a program's.
	Bot bool
}

// Labelling is that an account put a label on.
type Labelling struct {
	Login string
	Bot   bool
	At    time.Time
}

// MergeQueue are forges that have a merge queue and can be asked about it.
type MergeQueue interface {
	// QueuedPRs are the pull requests that the commit of a merge group holds, in the order
	// in which they will merge; none where the queue does not have the commit any more.
	QueuedPRs(ctx context.Context, branch, sha string) ([]int, error)
	// GroupedPRs reads pull requests, in the order of their numbers in the list, with the state of
	// a commit status on the head of each.
	GroupedPRs(ctx context.Context, numbers []int, status string) ([]GroupedPR, error)
}

// GroupedPR is a pull request of a merge group. Its text is not trusted.
type GroupedPR struct {
	Number int
	Title  string
	// SHA is its head; Status is the state of the commit status on it, in the forge's word, empty
	// where it has none.
	SHA, Status string
	// Files is how many it changes.
	Files int
}

// Attempts are forges that can be asked how the attempts of a workflow run ended.
type Attempts interface {
	// Jobs lists the jobs of an attempt of a run.
	Jobs(ctx context.Context, run int64, attempt int) ([]Job, error)
	// StatusesOf lists every status that a commit ever got in a context, the newest first,
	// as far as a bot or the token's own account set it.
	StatusesOf(ctx context.Context, sha, name string) ([]CommitStatus, error)
	// FailedBefore reads, from the gate's own comment on a pull request, which tests failed in a
	// workflow run. found is false where the comment is of another run, or does not say it.
	FailedBefore(ctx context.Context, pr int, stage, key, workflowRun string) (f FailedTests, found bool, err error)
}

// Job of an attempt of a workflow run.
type Job struct {
	Name string
	// Runner is the name of the machine that it ran on; empty: none took it.
	Runner string
	// Running: it has started and not ended. Conclusion is in the forge's word, empty until it
	// has ended.
	Running    bool
	Conclusion string
	Steps      []Step
}

// Step of a job. Number counts from 1.
type Step struct {
	Name       string
	Number     int
	Running    bool
	Conclusion string
}

// CommitStatus is a status of a commit. State is in the forge's word.
type CommitStatus struct{ State, Description, TargetURL string }

// FailedTests are tests that failed in a workflow run, up to an attempt of it.
type FailedTests struct {
	Attempt int
	// Digests are those of the tests' ids, see e2e.DigestOfID.
	Digests []string
}

// Artifact of a workflow run.
type Artifact struct {
	ID   int64
	Name string
	// Size in bytes, Run that left it, and the Branch that it ran on: known where the
	// artifacts of a repository are listed. OwnHead: the branch is this repository's, and
	// no fork's.
	Size    int64
	Run     int64
	Branch  string
	OwnHead bool
}

// Limit is what may be taken out of one artifact, in bytes: of one file, and of all.
type Limit struct{ File, Total int64 }

// WorkflowRun is a run of a workflow as the forge tells it.
type WorkflowRun struct {
	ID      int64
	Attempt int
	// Event that started it; SHA and Branch that it ran on: for a pull request its
	// head, which lies in HeadRepository (owner/name, empty where it was deleted).
	Event, SHA, Branch, HeadRepository string
	// Actor is the login of who started the first attempt.
	Actor string
	// Completed: it has ended, and Conclusion says how, in the forge's words.
	Completed  bool
	Conclusion string
	URL        string
	// Path is that of the workflow's file, where runs are listed.
	Path string
}

// PullRequest holds the facts that are needed of one.
type PullRequest struct {
	Number int
	// SHA is its head, Base the branch it is for.
	SHA, Base string
}

// Package folder publishes into a folder what would be posted at a forge, as plain files,
// for a pipeline that has none or sends them itself, and for tests.
//
//	comment.md       the comment on the pull request; comment.json says which, and of what run
//	status.json      the commit status
//	check.json       the check run, with its annotations
//	deployment.json  the deployment's latest status
//	release.md       the section of the release's notes; release.json says of which release,
//	                 and whether it may be published
//	release-files/   the files of the release
//	e2e-gate.txt     says that the folder is of this package, which replaces the others
package folder

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path"
	"path/filepath"

	"github.com/org/e2e-gate/internal/annotation"
	"github.com/org/e2e-gate/internal/publish"
	"github.com/org/e2e-gate/internal/safetext"
)

const (
	commentFile    = "comment.md"
	commentFacts   = "comment.json"
	statusFile     = "status.json"
	checkFile      = "check.json"
	deploymentFile = "deployment.json"
	releaseFile    = "release.md"
	releaseFacts   = "release.json"
	releaseFolder  = "release-files"
	ownFile        = "e2e-gate.txt"
	ownText        = "Written by e2e-gate with --publish. The next run that publishes here replaces its files.\n"
)

// files are all files that we write into a folder, except for those of the release.
var files = []string{commentFile, commentFacts, statusFile, checkFile, deploymentFile, releaseFile, releaseFacts}

const (
	// maxLine bounds a line of text in a file, in bytes.
	maxLine = 1000
	// maxSection is what is offered to the section of a release, in bytes.
	maxSection = 125_000
)

// Folder is a folder to publish into. It is not safe for concurrent use.
type Folder struct {
	root *os.Root
}

var _ interface {
	publish.Place
	publish.Checks
	publish.Deployments
	publish.Releases
} = (*Folder)(nil)

// Open opens a folder, and creates it if it is missing; only its parents may be links. It
// removes what an earlier run published there, so that it is not mistaken for this run's.
// Other files with our names are left alone, and are an error that names them.
func Open(dir string) (*Folder, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil { //nolint:gosec // for later steps
		return nil, fmt.Errorf("the folder cannot be made: %w", plain(err))
	}
	before, err := os.Lstat(dir)
	if err != nil {
		return nil, fmt.Errorf("the folder cannot be read: %w", plain(err))
	}
	if !before.IsDir() {
		return nil, errors.New("not a folder, or a link to one; name the folder itself")
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("the folder cannot be opened: %w", plain(err))
	}
	f := &Folder{root: root}
	if after, err := root.Stat("."); err != nil || !os.SameFile(before, after) {
		return nil, errors.Join(errors.New("the folder was replaced while it was opened; try again"), root.Close())
	}
	err = f.clear()
	if err == nil {
		_, err = f.write(ownFile, []byte(ownText))
	}
	if err != nil {
		return nil, errors.Join(err, root.Close())
	}
	return f, nil
}

// Close closes the folder.
func (f *Folder) Close() error { return f.root.Close() }

// plain removes the path from an error: the caller names the folder.
func plain(err error) error {
	var at *fs.PathError
	if errors.As(err, &at) {
		return at.Err
	}
	return err
}

// clear removes what an earlier run has published.
func (f *Folder) clear() error {
	if own, err := f.regular(ownFile); err != nil {
		return err
	} else if !own {
		return f.free()
	}
	names := files
	info, err := f.root.Lstat(releaseFolder)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return fmt.Errorf("%s cannot be read: %w", releaseFolder, plain(err))
	case !info.IsDir():
		return fmt.Errorf("%s is not a folder; remove it", releaseFolder)
	default:
		entries, err := fs.ReadDir(f.root.FS(), releaseFolder)
		if err != nil {
			return fmt.Errorf("%s cannot be read: %w", releaseFolder, plain(err))
		}
		for _, e := range entries {
			names = append(names[:len(names):len(names)], path.Join(releaseFolder, e.Name()))
		}
	}
	for _, name := range names {
		if there, err := f.regular(name); err != nil {
			return err
		} else if !there {
			continue
		}
		if err := f.root.Remove(name); err != nil {
			return fmt.Errorf("%s of an earlier run cannot be removed: %w", name, plain(err))
		}
	}
	return nil
}

// free returns an error if a file that we did not write has one of our names.
func (f *Folder) free() error {
	for _, name := range append(files[:len(files):len(files)], releaseFolder) {
		if _, err := f.root.Lstat(name); err == nil {
			return fmt.Errorf("%s exists and was not published by e2e-gate; give an empty folder", name)
		}
	}
	return nil
}

// regular reports whether there is a file of that name. What is not a plain file, such as a
// link, is an error.
func (f *Folder) regular(name string) (bool, error) {
	info, err := f.root.Lstat(filepath.FromSlash(name))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("%s cannot be read: %w", name, plain(err))
	case !info.Mode().IsRegular():
		return false, fmt.Errorf("%s is not a plain file; remove it", name)
	}
	return true, nil
}

// write replaces a file atomically: a reader sees the old one or the new one.
func (f *Folder) write(name string, data []byte) (publish.Outcome, error) {
	there, err := f.regular(name)
	if err != nil {
		return publish.Outcome{}, err
	}
	if there {
		if old, err := f.root.ReadFile(name); err == nil && bytes.Equal(old, data) {
			return publish.Outcome{Action: publish.Unchanged}, nil
		}
	}
	temporary := fmt.Sprintf("%s.%08x.tmp", name, rand.Uint32()) //nolint:gosec // no secret: it must only be free
	file, err := f.root.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return publish.Outcome{}, fmt.Errorf("%s was not published: %w", name, plain(err))
	}
	_, err = file.Write(data)
	if err = errors.Join(err, file.Close()); err == nil {
		err = f.root.Rename(temporary, name)
	}
	if err != nil {
		_ = f.root.Remove(temporary)
		return publish.Outcome{}, fmt.Errorf("%s was not published: %w", name, plain(err))
	}
	if there {
		return publish.Outcome{Action: publish.Updated}, nil
	}
	return publish.Outcome{Action: publish.Created}, nil
}

func (f *Folder) writeJSON(name string, v any) (publish.Outcome, error) {
	var data bytes.Buffer
	enc := json.NewEncoder(&data)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil {
		return publish.Outcome{}, fmt.Errorf("%s was not published: %w", name, err)
	}
	return f.write(name, data.Bytes())
}

func line(s string) string { return safetext.Line(s, maxLine) }

// Traits of a folder.
func (f *Folder) Traits() publish.Traits { return publish.Traits{CommentWithoutPR: true} }

// AttemptPage is the run's own page.
func (f *Folder) AttemptPage(page string, _ int) string { return page }

type stamp struct {
	Stage       string `json:"stage"`
	Key         string `json:"key,omitempty"`
	WorkflowRun string `json:"workflow_run,omitempty"`
	Attempt     int    `json:"workflow_attempt"`
	SHA         string `json:"sha"`
}

func stampOf(s publish.Stamp) stamp {
	return stamp{line(s.Stage), line(s.Key), line(s.WorkflowRun), s.Attempt, line(s.SHA)}
}

// UpsertComment writes the comment, and which pull request it is for; 0 is none.
func (f *Folder) UpsertComment(_ context.Context, pr int, s publish.Stamp, body string) (publish.Outcome, error) {
	out, err := f.write(commentFile, []byte(body))
	if err != nil {
		return out, err
	}
	_, err = f.writeJSON(commentFacts, struct {
		PullRequest int `json:"pull_request,omitempty"`
		stamp
	}{pr, stampOf(s)})
	return out, err
}

// Supersede has nothing to do: what an earlier run left was removed.
func (f *Folder) Supersede(context.Context, int, publish.Stamp, string) (publish.Outcome, error) {
	return publish.Outcome{Action: publish.Unchanged}, nil
}

// SetStatus writes the commit status.
func (f *Folder) SetStatus(_ context.Context, sha string, s publish.Status) (publish.Outcome, error) {
	return f.writeJSON(statusFile, struct {
		SHA         string        `json:"sha"`
		Context     string        `json:"context"`
		State       publish.State `json:"state"`
		Description string        `json:"description"`
		TargetURL   string        `json:"target_url,omitempty"`
	}{line(sha), line(s.Context), s.State, line(s.Description), safetext.URL(s.TargetURL)})
}

type note struct {
	Level   annotation.Level `json:"level"`
	File    string           `json:"file,omitempty"`
	Line    int              `json:"line,omitempty"`
	Title   string           `json:"title,omitempty"`
	Message string           `json:"message"`
}

// CreateCheck writes the check run.
func (f *Folder) CreateCheck(_ context.Context, sha string, k publish.Check) (publish.Outcome, error) {
	conclusion := "failure"
	if k.Passed {
		conclusion = "success"
	}
	notes := []note{}
	for _, a := range k.Annotations {
		notes = append(notes, note{a.Level(), a.File(), a.Line(), a.Title(), a.Message()})
	}
	return f.writeJSON(checkFile, struct {
		SHA         string `json:"sha"`
		Name        string `json:"name"`
		Conclusion  string `json:"conclusion"`
		ExternalID  string `json:"external_id,omitempty"`
		DetailsURL  string `json:"details_url,omitempty"`
		Title       string `json:"title"`
		Summary     string `json:"summary"`
		Text        string `json:"text,omitempty"`
		Annotations []note `json:"annotations"`
	}{line(sha), line(k.Name), conclusion, line(k.ID), safetext.URL(k.URL), line(k.Title), k.Summary, k.Text, notes})
}

// FindDeployment finds none, and needs none: environment and commit identify it.
func (f *Folder) FindDeployment(context.Context, string, string, string) (int64, error) {
	return 0, nil
}

// SetDeploymentStatus writes the deployment's status.
func (f *Folder) SetDeploymentStatus(
	_ context.Context, d publish.Deployment, state publish.DeploymentState, description, page string,
) (publish.Outcome, error) {
	return f.writeJSON(deploymentFile, struct {
		ID          int64                   `json:"deployment,omitempty"`
		SHA         string                  `json:"sha"`
		Environment string                  `json:"environment"`
		State       publish.DeploymentState `json:"state"`
		Description string                  `json:"description"`
		LogURL      string                  `json:"log_url,omitempty"`
	}{d.ID, line(d.SHA), line(d.Environment), state, line(description), safetext.URL(page)})
}

// Release takes the release for a draft of the judged commit, since a folder cannot look
// it up.
func (f *Folder) Release(_ context.Context, tag, judged string) (publish.Release, bool, error) {
	return &release{f, publish.ReleaseFacts{Tag: tag, SHA: judged, Draft: true}}, true, nil
}

type release struct {
	*Folder
	facts publish.ReleaseFacts
}

// Facts of the release.
func (r *release) Facts() publish.ReleaseFacts { return r.facts }

// UpsertSection writes the section, and which release it is for.
func (r *release) UpsertSection(_ context.Context, _ publish.Stamp, render func(limit int) string) (publish.Outcome, error) {
	out, err := r.write(releaseFile, []byte(render(maxSection)))
	if err != nil {
		return out, err
	}
	_, err = r.writeFacts(false)
	return out, err
}

func (r *release) writeFacts(may bool) (publish.Outcome, error) {
	return r.writeJSON(releaseFacts, struct {
		Tag     string `json:"tag"`
		SHA     string `json:"sha"`
		Publish bool   `json:"publish"`
	}{line(r.facts.Tag), line(r.facts.SHA), may})
}

// KeepSection has nothing to do: no other job writes here.
func (r *release) KeepSection(context.Context, publish.Stamp, func(limit int) string) (publish.Outcome, error) {
	return publish.Outcome{Action: publish.Unchanged}, nil
}

// Attach writes a file of the release.
func (r *release) Attach(_ context.Context, _ publish.Stamp, a publish.Asset) (publish.Outcome, error) {
	name := safetext.FileName(a.Name)
	if !fs.ValidPath(name) || name == "." {
		return publish.Outcome{}, fmt.Errorf("the release's file %s was not published: it is not a file name", line(a.Name))
	}
	if err := r.root.Mkdir(releaseFolder, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return publish.Outcome{}, fmt.Errorf("%s was not published: %w", releaseFolder, plain(err))
	}
	if info, err := r.root.Lstat(releaseFolder); err != nil || !info.IsDir() {
		return publish.Outcome{}, fmt.Errorf("%s was not published: %s is not a folder; remove it", name, releaseFolder)
	}
	return r.write(path.Join(releaseFolder, name), a.Data)
}

// Promote records that the release may be published.
func (r *release) Promote(context.Context, string) (publish.Outcome, error) {
	if _, err := r.writeFacts(true); err != nil {
		return publish.Outcome{}, err
	}
	text := "the release " + line(r.facts.Tag) + " was not published; " + releaseFacts + " tells a later step that it may be"
	return publish.Outcome{Action: publish.NotHere, Note: text}, nil
}

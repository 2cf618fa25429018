package github

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/google/go-github/v62/github"

	"github.com/org/e2e-gate/internal/publish"
	"github.com/org/e2e-gate/internal/safetext"
)

// Release as it was found.
type Release struct {
	ID  int64
	Tag string
	// SHA is the commit that the tag names; of a draft without a tag, the one that
	// publishing would tag. Tagged: the tag exists.
	SHA    string
	Tagged bool
	Draft  bool
	URL    string

	body, uploads string
	assets        []asset
}

type asset struct {
	id          int64
	name, label string
}

const (
	releaseLost  = "the release's section"
	assetLost    = "the release's file "
	promoteLost  = "the release itself"
	releaseRight = "contents: write"
	// maxReleasePages bounds how many pages of 100 releases are searched, newest first.
	maxReleasePages = 3
	// maxBody is GitHub's limit of a release's body, in characters; bytes are never fewer.
	maxBody = 125_000
	// minSection is the room in bytes below which a section would say nothing.
	minSection = 500
	// maxAsset bounds a file that is attached, in bytes.
	maxAsset = 64 << 20
)

// FindRelease finds the release of a tag, drafts included; those are shown to tokens
// with contents: write only. An error is an [*Error].
func (c *Client) FindRelease(ctx context.Context, tag string) (r Release, found bool, err error) {
	ctx, done := c.begin(ctx)
	defer done()
	r, found, err = c.findRelease(ctx, tag)
	if err != nil {
		return Release{}, false, c.unread("the release "+safetext.Line(tag, maxContext), releaseRight, err)
	}
	return r, found, nil
}

func (c *Client) findRelease(ctx context.Context, tag string) (Release, bool, error) {
	opts := &github.ListOptions{PerPage: perPage}
	for range maxReleasePages {
		list, resp, err := c.api.Repositories.ListReleases(ctx, c.owner, c.name, opts)
		if err != nil {
			return Release{}, false, err
		}
		if one := ofTag(list, tag); one != nil {
			r := releaseOf(one)
			err := c.resolve(ctx, &r, one.GetTargetCommitish())
			return r, err == nil, err
		}
		if opts.Page = resp.NextPage; opts.Page == 0 {
			break
		}
	}
	return Release{}, false, nil
}

// ofTag is the release of a tag. There may be several drafts of it, of which the newest
// counts, and beside them the one that is published, which it is.
func ofTag(list []*github.RepositoryRelease, tag string) (found *github.RepositoryRelease) {
	for _, one := range list {
		if one.GetTagName() == tag && (found == nil || found.GetDraft() && !one.GetDraft()) {
			found = one
		}
	}
	return found
}

func releaseOf(one *github.RepositoryRelease) Release {
	r := Release{ID: one.GetID(), Tag: one.GetTagName(), Draft: one.GetDraft(), URL: one.GetHTMLURL(), body: one.GetBody()}
	r.uploads, _, _ = strings.Cut(one.GetUploadURL(), "{")
	for _, a := range one.Assets {
		r.assets = append(r.assets, asset{a.GetID(), a.GetName(), a.GetLabel()})
	}
	return r
}

// resolve finds a release's commit: the tag's, else that of target_commitish, which
// counts only as long as there is no tag.
func (c *Client) resolve(ctx context.Context, r *Release, target string) error {
	sha, err := c.commitOf(ctx, "tags/"+r.Tag)
	if r.Tagged = err == nil; r.Tagged {
		r.SHA = sha
		return nil
	}
	if gone := status(err); gone != http.StatusNotFound && gone != http.StatusUnprocessableEntity {
		return err
	}
	if r.SHA = target; commit.MatchString(target) {
		return nil
	}
	r.SHA, err = c.commitOf(ctx, "heads/"+target)
	return err
}

func (c *Client) commitOf(ctx context.Context, ref string) (string, error) {
	return c.commitIn(ctx, c.owner, c.name, ref)
}

// commitIn is commitOf in a repository.
func (c *Client) commitIn(ctx context.Context, owner, name, ref string) (string, error) {
	parts := strings.Split(ref, "/")
	for i := range parts {
		parts[i] = url.PathEscape(parts[i])
	}
	one, _, err := c.api.Repositories.GetCommit(ctx, owner, name, strings.Join(parts, "/"), &github.ListOptions{PerPage: 1})
	return one.GetSHA(), err
}

// Attach puts a file beside a draft, in place of an older one of its name. A file of
// the same run is left. Published releases may be immutable, so nothing is attached
// to them. An error is an [*Error].
func (c *Client) Attach(ctx context.Context, r Release, stamp publish.Stamp, a publish.Asset) (publish.Outcome, error) {
	ctx, done := c.begin(ctx)
	defer done()
	out, err := c.attach(ctx, r, fmt.Sprintf("e2e-gate run %s attempt %d", stamp.WorkflowRun, stamp.Attempt), a)
	if err != nil {
		return publish.Outcome{}, c.lost(assetLost+a.Name, releaseRight, err)
	}
	return out, nil
}

func (c *Client) attach(ctx context.Context, r Release, label string, a publish.Asset) (publish.Outcome, error) {
	to, err := c.uploadURL(r)
	switch {
	case err != nil:
		return publish.Outcome{}, err
	case !r.Draft:
		return publish.Outcome{}, errors.New("the release is already published")
	case len(a.Data) == 0 || len(a.Data) > maxAsset:
		return publish.Outcome{}, fmt.Errorf("it has %s; only files from one byte to %s can be attached", safetext.Size(len(a.Data)), safetext.Size(maxAsset))
	}
	for _, old := range r.assets {
		if old.name != a.Name {
			continue
		}
		if old.label == label {
			return publish.Outcome{Action: publish.Unchanged, URL: r.URL}, nil
		}
		_, err := c.api.Repositories.DeleteReleaseAsset(ctx, c.owner, c.name, old.id)
		if err != nil && status(err) != http.StatusNotFound {
			return publish.Outcome{}, err
		}
	}
	to.RawQuery = url.Values{"name": {a.Name}, "label": {label}}.Encode()
	req, err := c.api.NewUploadRequest(to.String(), bytes.NewReader(a.Data), int64(len(a.Data)), "application/octet-stream")
	if err != nil {
		return publish.Outcome{}, err
	}
	_, err = c.api.Do(ctx, req, &github.ReleaseAsset{})
	return publish.Outcome{Action: publish.Created, URL: r.URL}, err
}

// uploadURL is where the API takes the files of a release. It gets the token, so it
// has to be GitHub's own.
func (c *Client) uploadURL(r Release) (*url.URL, error) {
	to, err := url.Parse(r.uploads)
	if err != nil || to.User != nil || !athome(c.api.BaseURL, to) {
		return nil, errors.New("the API names an upload address on another host")
	}
	return to, nil
}

// athome reports whether an address belongs to the API: its own host or, for files, the
// uploads host. On Enterprise Server both are the same.
func athome(base, to *url.URL) bool {
	beside, ok := strings.CutPrefix(base.Host, "api.")
	return to.Scheme == base.Scheme && (to.Host == base.Host || ok && to.Host == "uploads."+beside)
}

// Promote publishes a draft, as of the commit that was judged. An error is an
// [*Error].
func (c *Client) Promote(ctx context.Context, r Release, sha string) (publish.Outcome, error) {
	ctx, done := c.begin(ctx)
	defer done()
	if !r.Draft {
		return publish.Outcome{Action: publish.Unchanged, URL: r.URL}, nil
	}
	made, err := c.promote(ctx, r, sha)
	if err != nil {
		return publish.Outcome{}, c.lost(promoteLost, releaseRight, err)
	}
	return publish.Outcome{Action: publish.Updated, URL: cmp.Or(made.GetHTMLURL(), r.URL)}, nil
}

func (c *Client) promote(ctx context.Context, r Release, sha string) (*github.RepositoryRelease, error) {
	// The tag may have been moved or deleted while files were attached.
	now, err := c.commitOf(ctx, "tags/"+r.Tag)
	if gone := status(err); err != nil && gone != http.StatusNotFound && gone != http.StatusUnprocessableEntity {
		return nil, err
	}
	if !commit.MatchString(sha) || r.SHA != sha || err == nil && now != sha {
		return nil, errors.New("its commit is not the one that was judged")
	}
	edit := &github.RepositoryRelease{Draft: new(false)}
	if err != nil {
		// The branch may have moved since: the tag must name the judged commit.
		edit.TargetCommitish = &sha
	}
	made, _, err := c.api.Repositories.EditRelease(ctx, c.owner, c.name, r.ID, edit)
	return made, err
}

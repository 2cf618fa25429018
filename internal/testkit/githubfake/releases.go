package githubfake

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"time"
)

// Release of the repository. Refs resolve its tag or target.
type Release struct {
	ID          int
	Tag, Target string
	Body        string
	Draft       bool
	// Immutable: published, only title and notes can be changed.
	Immutable bool
	Assets    []ReleaseAsset
	Edits     int
}

// ReleaseAsset is a file of a release.
type ReleaseAsset struct {
	ID          int
	Name, Label string
	Data        []byte
}

func (s *Server) release(id string) *Release {
	for i := range s.Releases {
		if s.Releases[i].ID == number(id) {
			return &s.Releases[i]
		}
	}
	return nil
}

// ReleaseNow is a release as it is.
func (s *Server) ReleaseNow(id int) Release {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r := s.release(fmt.Sprint(id)); r != nil {
		return *r
	}
	return Release{}
}

// SetReleaseBody changes a release's notes, as a person or another job does.
func (s *Server) SetReleaseBody(id int, body string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r := s.release(fmt.Sprint(id)); r != nil {
		r.Body = body
	}
}

func (c call) releaseJSON(r Release) map[string]any {
	list := []map[string]any{}
	for _, a := range r.Assets {
		list = append(list, map[string]any{"id": a.ID, "name": a.Name, "label": a.Label, "state": "uploaded", "size": len(a.Data)})
	}
	return map[string]any{"id": r.ID, "tag_name": r.Tag, "target_commitish": r.Target, "body": r.Body, "draft": r.Draft, "assets": list,
		"html_url":   fmt.Sprintf("https://github.example/%s/releases/tag/%s", c.Repository, r.Tag),
		"upload_url": fmt.Sprintf("%s/repos/%s/releases/%d/assets{?name,label}", c.base, c.Repository, r.ID)}
}

func listReleases(c call) answer {
	list := []map[string]any{}
	for _, r := range c.Releases {
		list = append(list, c.releaseJSON(r))
	}
	return reply(http.StatusOK, list)
}

func getRelease(c call) answer {
	if r := c.release(c.args[2]); r != nil {
		return reply(http.StatusOK, c.releaseJSON(*r))
	}
	return refusal(http.StatusNotFound, "Not Found")
}

func editRelease(c call) answer {
	r := c.release(c.args[2])
	if r == nil {
		return refusal(http.StatusNotFound, "Not Found")
	}
	var in struct {
		Body   *string
		Draft  *bool
		Target *string `json:"target_commitish"`
	}
	_ = json.Unmarshal(c.body, &in) // checked before
	if r.Immutable && (in.Draft != nil || in.Target != nil) {
		return refusal(http.StatusUnprocessableEntity, "Cannot modify an immutable release")
	}
	r.Edits++
	for _, set := range []struct{ to, from *string }{{&r.Body, in.Body}, {&r.Target, in.Target}} {
		if set.from != nil {
			*set.to = *set.from
		}
	}
	if in.Draft != nil {
		r.Draft = *in.Draft
	}
	return reply(http.StatusOK, c.releaseJSON(*r))
}

func uploadAsset(c call) answer {
	r, name := c.release(c.args[2]), c.query.Get("name")
	switch {
	case r == nil:
		return refusal(http.StatusNotFound, "Not Found")
	case r.Immutable:
		return refusal(http.StatusUnprocessableEntity, "Cannot upload assets to an immutable release.")
	case slices.ContainsFunc(r.Assets, func(a ReleaseAsset) bool { return a.Name == name }):
		return reply(http.StatusUnprocessableEntity, map[string]any{"message": "Validation Failed",
			"errors": []map[string]any{{"code": "already_exists", "field": "name"}}})
	}
	c.lastID++
	r.Assets = append(r.Assets, ReleaseAsset{int(c.lastID), name, c.query.Get("label"), slices.Clone(c.body)})
	return reply(http.StatusCreated, map[string]any{"id": c.lastID, "name": name, "state": "uploaded", "created_at": time.Unix(1_700_000_000, 0).UTC()})
}

func deleteAsset(c call) answer {
	for i := range c.Releases {
		r := &c.Releases[i]
		if at := slices.IndexFunc(r.Assets, func(a ReleaseAsset) bool { return a.ID == number(c.args[2]) }); at >= 0 {
			if r.Immutable {
				return refusal(http.StatusUnprocessableEntity, "Cannot delete asset from an immutable release")
			}
			r.Assets = slices.Delete(r.Assets, at, at+1)
			return answer{status: http.StatusNoContent}
		}
	}
	return refusal(http.StatusNotFound, "Not Found")
}

func resolveCommit(c call) answer {
	return resolved(c, c.Refs, c.Files)
}

func resolved(c call, refs map[string]string, files map[string]map[string]string) answer {
	sha, ok := refs[c.args[2]]
	if _, known := files[c.args[2]]; known {
		sha, ok = c.args[2], true
	}
	if !ok {
		return refusal(http.StatusUnprocessableEntity, "No commit found for SHA: "+c.args[2])
	}
	return reply(http.StatusOK, map[string]any{"sha": sha})
}

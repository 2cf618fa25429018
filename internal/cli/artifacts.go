package cli

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/org/e2e-gate/internal/adapter/actions"
	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/forge"
	"github.com/org/e2e-gate/internal/pipeline"
	"github.com/org/e2e-gate/internal/safetext"
	"github.com/org/e2e-gate/internal/trigger"
	"github.com/org/e2e-gate/internal/workspace"
)

const (
	// uploadPatience is how long a document may take to appear after its job ended:
	// the storage is not consistent at once.
	uploadPatience = 30 * time.Second
	uploadPause    = 5 * time.Second
	// atOnce is how many artifacts are fetched at the same time.
	atOnce = 4
)

// documents bounds what is extracted from one artifact of this workflow run. The documents
// of a huge suite have tens of megabytes.
var documents = forge.Limit{File: 256 << 20, Total: 1 << 30}

// remote holds the artifacts of this workflow run, from other jobs and earlier attempts.
type remote struct {
	app     *App
	forge   forge.Reader
	run     int64
	key     string
	stage   string
	attempt int
	// dir is new, so that nothing of the checkout lies in it.
	dir string
	// given is a folder into which the runner has fetched documents of this workflow run already,
	// which costs no requests; empty: there is none.
	given string
	list  []upload
	// asked: the forge has listed the artifacts.
	asked bool
	// fetched says of folders how fetching went; failed are those of the last time.
	fetched map[string]error
	failed  []upload
	// unread could not be fetched.
	unread []pipeline.Unread
	// over: jobs before this one ended in a way after which nothing more can come.
	over bool
}

// upload is an artifact of ours.
type upload struct {
	forge.Artifact
	kind, slug string
	attempt    int
	// documents: it has nothing but documents, which another artifact has beside the evidence.
	documents bool
	// given: the runner has fetched it, and its documents are in their folder.
	given bool
}

// of reports whether two artifacts are of the same step.
func (u upload) of(o upload) bool {
	return u.kind == o.kind && u.slug == o.slug && u.attempt == o.attempt
}

// remote finds the artifacts of the workflow run. It is nil if there can be none: outside
// of GitHub, or without a token.
func (a *App) remote(root string, f staged) (*remote, error) {
	t := trigger.Detect(a.getenv)
	run, err := strconv.ParseInt(t.WorkflowRun, 10, 64)
	c, forgeErr := a.openForge(t, publishTime)
	if !actions.Detect(a.getenv) || err != nil || c == nil || forgeErr != nil {
		return nil, forgeErr
	}
	return &remote{app: a, forge: c, run: run, key: f.Key, stage: f.Stage, attempt: t.WorkflowAttempt,
		dir:   filepath.Join(root, workspace.Name, "fetched", fmt.Sprintf("%d-%d-%s", run, t.WorkflowAttempt, rand.Text())),
		given: a.getenv(givenVariable), fetched: map[string]error{}}, nil
}

var uploadName = regexp.MustCompile(`^(plan|shard|run|verdict)-(.+)-a(\d+)(-again|-documents)?$`)

// parse reads an artifact's name. It is false for one of another key, and of a later attempt.
func (r *remote) parse(a forge.Artifact) (upload, bool) {
	rest, ours := strings.CutPrefix(a.Name, safetext.FileName(keyOrDefault(r.key))+"-")
	m := uploadName.FindStringSubmatch(rest)
	if !ours || m == nil {
		return upload{}, false
	}
	n, err := strconv.Atoi(m[3])
	return upload{Artifact: a, kind: m[1], slug: m[2], attempt: n, documents: m[4] == "-documents"}, err == nil && n >= 1 && n <= r.attempt
}

// refresh lists the artifacts anew. What the runner has fetched already is not fetched again.
func (r *remote) refresh(ctx context.Context) error {
	all, err := r.forge.Artifacts(ctx, r.run)
	if err != nil {
		return err
	}
	r.asked = true
	given := r.matching(func(u upload) bool { return u.given })
	r.list = slices.Clip(given)
	for _, a := range all {
		u, ok := r.parse(a)
		if ok && (!u.documents || !slices.ContainsFunc(given, u.of)) {
			r.list = append(r.list, u)
		}
	}
	return nil
}

// fetch extracts the documents of artifacts, each once, and returns their folders. A
// failure does not stop the others. An artifact with nothing but documents goes before the one that
// has them beside the evidence. Two artifacts of one name are both fetched.
func (r *remote) fetch(ctx context.Context, list []upload) []string {
	small := slices.DeleteFunc(slices.Clone(list), func(u upload) bool { return !u.documents })
	dirs := r.extract(ctx, small)
	rest := slices.DeleteFunc(slices.Clone(list), func(u upload) bool {
		return slices.ContainsFunc(small, func(o upload) bool { return o.of(u) && r.fetched[r.folder(o)] == nil })
	})
	rest = slices.DeleteFunc(rest, func(u upload) bool { return slices.ContainsFunc(small, func(o upload) bool { return o.ID == u.ID }) })
	dirs = append(dirs, r.extract(ctx, rest)...)
	r.noteUnread(list)
	return dirs
}

// folder is where an artifact's documents are put.
func (r *remote) folder(u upload) string {
	return filepath.Join(r.dir, fmt.Sprintf("%s-%d", u.Name, u.ID))
}

func (r *remote) extract(ctx context.Context, list []upload) []string {
	var dirs []string
	var group errgroup.Group
	group.SetLimit(atOnce)
	failed := make([]error, len(list))
	for i, u := range list {
		dir := r.folder(u)
		dirs = append(dirs, dir)
		if _, done := r.fetched[dir]; done {
			continue
		}
		r.fetched[dir] = nil
		group.Go(func() error {
			failed[i] = r.forge.Extract(ctx, u.Artifact, dir, documents, pipeline.IsDocument)
			if entries, err := os.ReadDir(dir); failed[i] == nil && u.documents && err == nil && len(entries) == 0 {
				failed[i] = fmt.Errorf("the artifact %s has no document", u.Name) // the one with the evidence may have it
			}
			if failed[i] != nil {
				_ = os.RemoveAll(dir) // a partial document must not be read
			}
			return nil
		})
	}
	_ = group.Wait()
	for i, u := range list {
		if failed[i] != nil {
			r.fetched[r.folder(u)] = failed[i]
			r.failed = append(r.failed, u)
		}
	}
	return dirs
}

// noteUnread records what could not be fetched just now, unless it was uploaded a second time. An
// earlier verdict is not missed: it only shows that there was one.
func (r *remote) noteUnread(list []upload) {
	for _, u := range r.failed {
		read := func(o upload) bool {
			err, tried := r.fetched[r.folder(o)]
			return o.of(u) && tried && err == nil
		}
		if u.kind != "verdict" && !slices.ContainsFunc(list, read) {
			r.unread = append(r.unread, pipeline.Unread{Shard: r.shardOf(u), Attempt: u.attempt, Text: r.fetched[r.folder(u)].Error()})
		}
	}
	r.failed = nil
}

// shardOf is the name of an upload's shard, as far as it follows from the artifact's name.
func (r *remote) shardOf(u upload) string {
	if u.kind != "shard" {
		return ""
	}
	return u.slug
}

// steps is how many steps uploaded them: each uploads two artifacts.
func steps(list []upload) int {
	n := 0
	for i, u := range list {
		if !slices.ContainsFunc(list[:i], u.of) {
			n++
		}
	}
	return n
}

// matching are the uploads that match.
func (r *remote) matching(match func(upload) bool) []upload {
	var list []upload
	for _, u := range r.list {
		if match(u) {
			list = append(list, u)
		}
	}
	return list
}

// plan fetches the plan of the latest attempt: "Re-run failed jobs" leaves the plan's
// job alone, "Re-run all jobs" plans again.
func (r *remote) plan(ctx context.Context) (string, error) {
	ours := func(u upload) bool {
		return u.kind == "plan" && (r.stage == "" || u.slug == safetext.FileName(r.stage))
	}
	r.takeGiven(ctx)
	plans := r.matching(ours)
	if len(plans) == 0 || r.attempt > 1 { // an attempt before this one may have planned last
		if err := r.refresh(ctx); err != nil {
			return "", err
		}
		plans = r.matching(ours)
	}
	if len(plans) == 0 {
		return "", errors.New("this workflow run has no plan yet; run a job with the command plan and the same key first (needs:)")
	}
	last := slices.MaxFunc(plans, func(a, b upload) int { return a.attempt - b.attempt })
	for _, p := range plans {
		if p.slug != last.slug {
			return "", fmt.Errorf("this workflow run has plans for the stages %s and %s; choose one with --stage, or give each its own key", last.slug, p.slug)
		}
	}
	for _, dir := range r.fetch(ctx, r.matching(func(u upload) bool { return u.kind == "plan" && u.slug == last.slug && u.attempt == last.attempt })) {
		file := filepath.Join(dir, "plan.json")
		if _, err := os.Stat(file); err == nil {
			return file, nil
		}
	}
	if len(r.unread) > 0 {
		return "", errors.New(r.unread[0].Text)
	}
	return "", fmt.Errorf("artifact %s has no plan.json; re-run the plan job", last.Name)
}

// earlier fetches what earlier attempts left, and records in unread what it cannot fetch.
func (r *remote) earlier(ctx context.Context) []string {
	if r.attempt < 2 {
		return nil
	}
	r.takeGiven(ctx)
	if !r.asked {
		if err := r.refresh(ctx); err != nil {
			r.unread = append(r.unread, pipeline.Unread{Attempt: r.attempt - 1, Text: err.Error()})
			return nil
		}
	}
	return r.fetch(ctx, r.matching(func(u upload) bool { return u.kind != "plan" && u.attempt < r.attempt }))
}

// results fetches the shard documents of a plan. It waits for missing ones if they may
// still appear, and records in unread what it cannot fetch.
func (r *remote) results(ctx context.Context, plan *e2e.Plan) {
	r.takeGiven(ctx)
	patience := r.app.uploadPatience()
	if r.over {
		patience = 0 // a cancelled or skipped job uploads nothing any more
	}
	for waited := time.Duration(0); ; {
		if waited > 0 || !r.asked && (r.attempt > 1 || r.missing(plan) != "") {
			if err := r.refresh(ctx); err != nil {
				r.unread = append(r.unread, pipeline.Unread{Attempt: r.attempt, Text: err.Error()})
				break
			}
		}
		missing := r.missing(plan)
		if missing == "" || waited >= patience {
			break
		}
		_, _ = fmt.Fprintln(r.app.Stderr, safeLine("waiting for the documents of shard "+missing))
		pause := r.pause(patience)
		if err := r.app.sleep(ctx, pause); err != nil {
			break
		}
		waited += pause
	}
	r.fetch(ctx, r.matching(func(u upload) bool { return u.kind == "shard" || u.attempt < r.attempt && u.kind == "verdict" }))
}

// pause is how long to wait before the list of artifacts is read again: all of the patience where
// requests are scarce.
func (r *remote) pause(patience time.Duration) time.Duration {
	scarce := r.app.budget.Scarce()
	if scarce == "" {
		return min(uploadPause, patience)
	}
	_, _ = fmt.Fprintln(r.app.Stderr, safeLine("note: the list of artifacts is read once more, and not every few seconds: "+scarce))
	return patience
}

// uploadPatience may be set for slow storage, or for tests.
func (a *App) uploadPatience() time.Duration {
	if d, err := time.ParseDuration(a.getenv("E2E_GATE_UPLOAD_PATIENCE")); err == nil && d >= 0 {
		return min(d, 10*time.Minute)
	}
	return uploadPatience
}

// missing is a shard with tests that has left nothing since the plan was made, or "".
func (r *remote) missing(plan *e2e.Plan) string {
	left := func(sh e2e.PlanShard) bool {
		return slices.ContainsFunc(r.list, func(u upload) bool {
			return u.kind == "shard" && u.slug == safetext.FileName(sh.Name) && u.attempt >= plan.Run.WorkflowAttempt
		})
	}
	for _, sh := range plan.Shards {
		if len(sh.Tests) > 0 && !left(sh) {
			return sh.Name
		}
	}
	return ""
}

// sleep waits, unless the run is cancelled.
func (a *App) sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(d):
		return nil
	}
}

// artifactName names what a step uploads. The attempt is part of it, because the
// artifacts of several attempts of a workflow run lie side by side.
func artifactName(key, kind, slug string, attempt int) string {
	return fmt.Sprintf("%s-%s-%s-a%d", safetext.FileName(keyOrDefault(key)), kind, safetext.FileName(slug), attempt)
}

// documentsSuffix ends the name of the artifact that has nothing but the documents of a step.
const documentsSuffix = "-documents"

// keyOrDefault is the key as it stands in names of artifacts.
func keyOrDefault(key string) string { return cmp.Or(key, "e2e-gate") }

// fetchEarlier fetches what earlier attempts of the workflow run left. If that fails, the
// session reports them as missing.
func (s *setup) fetchEarlier(ctx context.Context, f staged) {
	files, err := s.app.remote(s.root, f)
	if err != nil {
		s.console.Note(err.Error())
	}
	s.takeEarlier(ctx, files)
}

// takeEarlier fetches what earlier attempts left; nil means that there can be nothing.
func (s *setup) takeEarlier(ctx context.Context, files *remote) {
	if files != nil {
		s.earlier = files.earlier(ctx)
		s.keepUnread(files)
	}
}

// keepUnread records and prints which existing artifacts could not be fetched.
func (s *setup) keepUnread(files *remote) {
	if files == nil {
		return
	}
	s.unread = files.unread
	for _, u := range s.unread {
		s.console.Note(u.Text)
	}
}

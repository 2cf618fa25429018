package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/forge"
	"github.com/org/e2e-gate/internal/pipeline"
	"github.com/org/e2e-gate/internal/safetext"
	"github.com/org/e2e-gate/internal/verdict"
)

// givenVariable names the folder into which action.yml has the runner fetch documents of other
// jobs: artifacts with nothing but documents, a folder each. The runner's own service for that
// costs none of the token's requests.
const givenVariable = "E2E_GATE_DOCUMENTS"

// takeGiven lists what the runner has fetched. What is not there, the forge is asked for.
func (r *remote) takeGiven(ctx context.Context) {
	if r.given == "" {
		return
	}
	given := r.given
	r.given = ""
	entries, err := os.ReadDir(given)
	if err != nil {
		return
	}
	for _, e := range entries {
		if e.IsDir() {
			r.give(forge.Artifact{Name: e.Name()}, filepath.Join(given, e.Name()))
		}
	}
	if file := filepath.Join(given, "plan.json"); len(r.list) == 0 && isFile(file) {
		// actions/download-artifact puts the only artifact that it finds into the folder itself.
		if plan, err := pipeline.ReadPlan(ctx, file, version()); err == nil {
			r.give(forge.Artifact{Name: artifactName(r.key, "plan", plan.Run.Stage, plan.Run.WorkflowAttempt) + documentsSuffix}, given)
		}
	}
}

// give takes the documents of one artifact. If they cannot be copied, it counts as not fetched.
func (r *remote) give(a forge.Artifact, dir string) {
	a.ID = -1 - int64(len(r.list)) // no artifact of the forge has it
	u, ok := r.parse(a)
	if !ok || !u.documents {
		return
	}
	to := r.folder(u)
	if copyDocuments(dir, to) != nil {
		_ = os.RemoveAll(to) // a partial document must not be read
		return
	}
	u.given, r.fetched[to] = true, nil
	r.list = append(r.list, u)
}

func isFile(name string) bool {
	info, err := os.Lstat(name)
	return err == nil && info.Mode().IsRegular()
}

// copyDocuments copies the documents at the top of a folder, within the limits that hold for
// artifacts. It is an error if there are none: the artifact is damaged then.
func copyDocuments(from, to string) error {
	dir, err := os.OpenRoot(from)
	if err != nil {
		return err
	}
	defer func() { _ = dir.Close() }()
	entries, err := os.ReadDir(from)
	if err == nil {
		err = os.MkdirAll(to, 0o755) //nolint:gosec // read by other users of the runner
	}
	if err != nil {
		return err
	}
	copied, total := 0, int64(0)
	for _, e := range entries {
		if !e.Type().IsRegular() || !pipeline.IsDocument(e.Name()) {
			continue
		}
		n, err := copyDocument(dir, e.Name(), filepath.Join(to, e.Name()))
		if total += n; err != nil || total > documents.Total {
			return errors.Join(err, fmt.Errorf("%s: more than %s", safetext.Line(e.Name(), 200), safetext.Size(int(documents.Total))))
		}
		copied++
	}
	if copied == 0 {
		return errors.New("an artifact that the runner fetched has no document")
	}
	return nil
}

func copyDocument(dir *os.Root, name, to string) (int64, error) {
	in, err := dir.Open(name)
	if err != nil {
		return 0, err
	}
	defer func() { _ = in.Close() }()
	out, err := os.Create(to) //nolint:gosec // a document's name, below our own folder
	if err != nil {
		return 0, err
	}
	n, err := io.Copy(out, io.LimitReader(in, documents.File+1))
	if err == nil && n > documents.File {
		err = fmt.Errorf("more than %s", safetext.Size(int(documents.File)))
	}
	return n, errors.Join(err, out.Close())
}

// needs are the jobs before this one, as toJSON(needs) has them.
type needs map[string]struct {
	Result  string            `json:"result"`
	Outputs map[string]string `json:"outputs"`
}

// maxNeeds bounds the text of --needs, in bytes: the outputs of a job have at most a million.
const maxNeeds = 8 << 20

// callers is added to the name of a job of the calling workflow, if the called one has a job of that name.
const callers = " of the calling workflow"

// following are the flags of commands that judge after other jobs.
type following struct {
	Needs   string `help:"How the jobs before this one ended, as GitHub's toJSON(needs) has it. One that failed, was cancelled or was skipped is not judged." placeholder:"JSON"`
	MaySkip string `help:"Jobs of --needs that may have been skipped, separated by spaces or commas." placeholder:"JOB,..."`
}

// read reads --needs: one JSON object, or several one after another, as those of a called workflow and of its caller.
func (f following) read() (needs, error) {
	all := needs{}
	dec := json.NewDecoder(strings.NewReader(f.Needs))
	for len(f.Needs) <= maxNeeds {
		var n needs
		switch err := dec.Decode(&n); {
		case errors.Is(err, io.EOF):
			return all, f.known(all)
		case err != nil:
			return nil, usage("--needs is not the context needs as JSON; give ${{ toJSON(needs) }}")
		}
		for name, job := range n {
			for _, taken := all[name]; taken; _, taken = all[name] {
				name += callers // which is not the gate's own job, and may not be taken for it
			}
			all[name] = job
		}
	}
	return nil, usage("--needs is longer than %s", safetext.Size(maxNeeds))
}

// names are those of --may-skip.
func (f following) names() []string {
	return strings.FieldsFunc(f.MaySkip, func(r rune) bool { return r == ',' || r == ' ' || r == '\n' || r == '\t' })
}

// known refuses a name that --needs does not have: it is misspelled, and would excuse nothing.
func (f following) known(all needs) error {
	for _, name := range f.names() {
		if _, ok := all[name]; !ok {
			return usage("--may-skip: no job %q is in --needs", name)
		}
	}
	return nil
}

// maySkip reports whether a job is one of those that may have been skipped. Of two of one name, it is that of the
// calling workflow: whoever calls names his own jobs.
func (n needs) maySkip(job string, named []string) bool {
	if _, another := n[job+callers]; another {
		return false
	}
	for strings.HasSuffix(job, callers) {
		job = strings.TrimSuffix(job, callers)
	}
	return slices.Contains(named, job)
}

// jobs are those before this one, for the judging, sorted by name.
func (n needs) jobs(maySkip []string) (list []verdict.Job) {
	for _, name := range slices.Sorted(maps.Keys(n)) {
		list = append(list, verdict.Job{ID: name, Result: n[name].Result, MaySkip: n.maySkip(name, maySkip)})
	}
	return list
}

// over reports whether nothing more can come: a job was cancelled, or never started although it was to.
func (n needs) over(maySkip []string) bool {
	for name, job := range n {
		if job.Result == "cancelled" || job.Result == "skipped" && !n.maySkip(name, maySkip) {
			return true
		}
	}
	return false
}

// explains says why no shard left anything, if the jobs before this one show it: the plan was made,
// every job succeeded or was skipped, and the matrix of the plan is none of the outputs that arrived.
func (n needs) explains(plan *e2e.Plan) []e2e.Problem {
	var skipped []string
	for name, job := range n {
		switch job.Result {
		case "success":
		case "skipped":
			skipped = append(skipped, name)
		default:
			return nil // that is why
		}
		for _, value := range job.Outputs {
			if strings.TrimSpace(value) == matrix(plan) {
				return nil
			}
		}
	}
	if len(skipped) == 0 || plan.Planned() == 0 {
		return nil
	}
	slices.Sort(skipped)
	return []e2e.Problem{{Code: e2e.CodeNotRun, LosesEvidence: true, Text: fmt.Sprintf(
		"the output matrix of the plan's job arrived empty, so the job %s was skipped: GitHub drops a job output that holds a masked value, such as a secret "+
			"that is a word or a number of it; look for \"Skip output\" in the log of the plan's job, and change that secret or mask",
		safetext.Line(strings.Join(skipped, ", "), 200))}}
}

package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/org/e2e-gate/internal/cluster"
	"github.com/org/e2e-gate/internal/config"
	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/gitrepo"
	"github.com/org/e2e-gate/internal/history"
	"github.com/org/e2e-gate/internal/pipeline"
	"github.com/org/e2e-gate/internal/report"
	"github.com/org/e2e-gate/internal/runner"
	"github.com/org/e2e-gate/internal/workspace"
)

type clusterCmd struct {
	Sweep   clusterSweepCmd   `cmd:"" help:"Remove Jobs, pods and input that runs left in the namespace, such as runs that were killed."`
	Role    clusterRoleCmd    `cmd:"" help:"Print the Role that the account of a run needs, for kubectl apply."`
	Unpack  clusterUnpackCmd  `cmd:"" help:"Read from standard input the log of a run with --deliver log, and write the files that it handed over."`
	Install clusterInstallCmd `cmd:"" hidden:"" help:"Copy this program into a folder: the init container of a run's pods."`
	Shard   clusterShardCmd   `cmd:"" hidden:"" help:"Run the shard of this pod, and hand over its document."`
}

type clusterSweepCmd struct {
	common
	OlderThan time.Duration `help:"Age from which something is removed. Younger than the longest run it would end one." required:"" placeholder:"D"`
}

// Help is shown by cluster sweep --help.
func (clusterSweepCmd) Help() string {
	return "Example: e2e-gate cluster sweep --older-than 6h\nOnly what has the label app.kubernetes.io/managed-by=e2e-gate is touched."
}

// Run removes what is left.
func (c clusterSweepCmd) Run(ctx context.Context, a *App) error {
	if c.OlderThan <= 0 {
		return usage("--older-than: give an age such as 6h")
	}
	top, err := root()
	if err != nil {
		return err
	}
	cfg, err := config.Load(config.Options{Root: top, File: c.Config, Uses: config.Sections{"executor"}, Lookup: a.lookup})
	if err != nil {
		return usageError{err}
	}
	s := &setup{app: a, inputs: inputs{root: top, config: cfg}}
	api, err := s.openCluster(ctx, cfg.Executor.Kubernetes)
	if err != nil {
		return err
	}
	x := cluster.Executor{Spec: cfg.Executor.Kubernetes, API: api}
	removed, err := x.Sweep(ctx, c.OlderThan)
	if c.Format == "json" {
		err = errors.Join(err, json.NewEncoder(a.Stdout).Encode(map[string]any{"removed": append([]string{}, removed...)}))
	} else {
		for _, name := range removed {
			_, _ = fmt.Fprintln(a.Stdout, safeLine("removed "+name))
		}
		_, _ = fmt.Fprintln(a.Stdout, report.Plural(len(removed), "object", "objects")+" removed from namespace "+safeLine(api.Namespace()))
	}
	return err
}

type clusterRoleCmd struct {
	Namespace string `help:"Namespace of the Role." default:"default" placeholder:"NAME"`
}

// Run prints the Role.
func (c clusterRoleCmd) Run(a *App) error {
	_, err := io.WriteString(a.Stdout, cluster.Role(c.Namespace))
	return err
}

type clusterUnpackCmd struct {
	Out string `help:"Folder for the files." required:"" placeholder:"DIR" type:"path"`
}

// Help is shown by cluster unpack --help.
func (clusterUnpackCmd) Help() string {
	return "Example: kubectl logs job/e2e | e2e-gate cluster unpack --out results"
}

// Run writes the files. They are no documents of this machine: nothing else reads them by itself.
func (c clusterUnpackCmd) Run(a *App) error {
	if err := os.MkdirAll(c.Out, 0o755); err != nil { //nolint:gosec // as other folders of documents
		return err
	}
	dir, err := os.OpenRoot(c.Out)
	if err != nil {
		return err
	}
	defer func() { _ = dir.Close() }()
	return cluster.Received(a.Stdin, func(name string, data []byte) error {
		if err := dir.MkdirAll(filepath.Dir(filepath.FromSlash(name)), 0o755); err != nil {
			return err
		}
		if err := workspace.Replace(dir, filepath.FromSlash(name), data); err != nil {
			return err
		}
		_, err := fmt.Fprintln(a.Stdout, safeLine(name))
		return err
	})
}

// toLog is the word of --deliver for standard output.
const toLog = "log"

func checkDeliver(to string) error {
	if to == "" || to == toLog {
		return nil
	}
	if a, err := history.ParseAddress(to); err != nil || a.Kind != history.KindS3 {
		return usage("--deliver: %q is neither log nor an address such as s3://BUCKET/PREFIX", to)
	}
	return nil
}

// deliver hands over the run's folder. What was asked for and not done makes no green Job.
func (s *setup) deliver(ctx context.Context, to, out string, r e2e.Result, ended error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), deliverWithin)
	defer cancel()
	var store history.Store
	if to != toLog {
		var err error
		if store, err = resultStore(cluster.StoreOf(to, r.Run.ID), s.app.getenv); err != nil {
			return err
		}
	}
	status := e2e.ExitPassed
	if exit := exitError(0); errors.As(ended, &exit) {
		status = int(exit)
	} else if ended != nil {
		status = e2e.ExitNotJudged
	}
	parcel := cluster.Parcel{Dir: out, Documents: append(documentsIn(out), "plan.json", "result.json"), Status: status}
	parcel.Documents = slices.DeleteFunc(parcel.Documents, func(name string) bool { return !isFile(filepath.Join(out, name)) })
	parcel.Evidence = cluster.EvidenceOf(out, parcel.Documents, failedFirst(out, parcel.Documents))
	err := cluster.Deliver(ctx, s.app.Stdout, store, "run", parcel)
	if err != nil && ended == nil {
		return fmt.Errorf("the verdict is %s, and its documents cannot be handed over: %w", r.Verdict.State, err)
	}
	if err != nil {
		s.journal.Failed(fmt.Errorf("the documents cannot be handed over: %w", err))
	}
	return ended
}

type clusterInstallCmd struct {
	To string `arg:"" help:"Folder." type:"path"`
}

// Run copies the program that runs.
func (c clusterInstallCmd) Run() error {
	own, err := os.Executable()
	if err != nil {
		return err
	}
	in, err := os.Open(own) //nolint:gosec // this program
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }()
	if err := os.MkdirAll(c.To, 0o755); err != nil { //nolint:gosec // read by the user of another container
		return err
	}
	to := filepath.Join(c.To, "e2e-gate")
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o755) //nolint:gosec // as above
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close(), os.Chmod(to, 0o755)) //nolint:gosec // whatever the umask
}

type clusterShardCmd struct {
	In  string `help:"Folder with the input." required:"" type:"path"`
	Out string `help:"Folder for documents and evidence." required:"" type:"path"`
}

// Run runs the shard of the pod's index, and hands over what came of it, whatever that is.
func (c clusterShardCmd) Run(ctx context.Context, a *App) error {
	pod := a.getenv(cluster.VariablePod)
	// What is printed for people shares the log with what is handed over.
	chatter := &locked{w: &bounded{w: a.Stderr, left: cluster.MaxChatter}} // progress comes from goroutines
	log := a.Stdout
	a.Stderr, a.Stdout = chatter, chatter
	parcel := cluster.Parcel{Dir: c.Out}
	var store history.Store
	err := func() error {
		in, err := cluster.ReadInput(c.In)
		if err != nil {
			return err
		}
		if a.order, err = readOrder(in.Order); err != nil {
			return err
		}
		if address := a.order.Results; address != "" {
			if store, err = resultStore(address, a.getenv); err != nil {
				return err
			}
		}
		return c.shard(ctx, a, in, &parcel)
	}()
	a.settle()
	status := a.fail(err)
	if parcel.Status = status; len(parcel.Documents) == 0 {
		parcel.Refused = refusal(err)
	}
	deliver, cancel := context.WithTimeout(context.WithoutCancel(ctx), deliverWithin)
	defer cancel()
	if err := cluster.Deliver(deliver, log, store, pod, parcel); err != nil {
		return fmt.Errorf("the shard's document cannot be handed over: %w", err)
	}
	return exitError(status)
}

// deliverWithin bounds how long a pod hands over. Where the cluster ends a pod, its grace period is shorter.
const deliverWithin = 5 * time.Minute

// refusal is why a pod ran nothing.
func refusal(err error) string {
	if err == nil {
		return "there was nothing to do"
	}
	return err.Error()
}

func readOrder(text []byte) (*order, error) {
	var o order
	if err := json.Unmarshal(text, &o); err != nil {
		return nil, fmt.Errorf("the order of the pod cannot be read: %w", err)
	}
	if o.Version != version() {
		return nil, fmt.Errorf("the image of the gate has version %s, and the run was planned by %s; use the same (executor.kubernetes.image)", version(), o.Version)
	}
	return &o, nil
}

// shard runs the shard that the index of the pod stands for.
func (c clusterShardCmd) shard(ctx context.Context, a *App, in cluster.Input, parcel *cluster.Parcel) error {
	o := a.order
	index, err := cluster.ShardOf(a.getenv(cluster.VariableShards), a.getenv(cluster.VariableIndex))
	if err != nil {
		return err
	}
	top, err := root()
	if err != nil {
		return err
	}
	if text := cluster.Differs(top, in.Files); text != "" {
		return fmt.Errorf("the image does not have the files of the checkout that the run was planned in: in %s, of %d files %s; build the image of that checkout, "+
			"set workingDir of the container to the root of the repository in it, or name what the image may lack in executor.kubernetes.absent",
			top, len(in.Files), text)
	}
	if head := (gitrepo.Checkout{Dir: top, Environ: a.Environ}).Head(ctx); head != "" && o.Trigger.SHA != "" && head != o.Trigger.SHA {
		_, _ = fmt.Fprintf(a.Stderr, "the image is of commit %.10s and the run of %.10s; the files of the suites are the same\n", head, o.Trigger.SHA)
	}
	if err := os.MkdirAll(c.Out, 0o755); err != nil { //nolint:gosec // read by other containers of the pod
		return err
	}
	file := filepath.Join(filepath.Dir(c.Out), "plan.json")
	if err := workspace.ReplaceFile(file, in.Plan); err != nil {
		return err
	}
	if end := o.ends(time.Now()); !end.IsZero() {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadlineCause(ctx, end, runner.ErrStageTimeout)
		defer cancel()
	}
	cmd := shardCmd{Plan: file, Index: &index}
	cmd.Config, cmd.Out, cmd.Key, cmd.Select, cmd.Service = filepath.FromSlash(o.Config), c.Out, o.Key, o.Select, o.Service
	err = cmd.Run(ctx, a)
	parcel.Documents = documentsIn(c.Out)
	parcel.Evidence = cluster.EvidenceOf(c.Out, parcel.Documents, failedFirst(c.Out, parcel.Documents))
	return err
}

// documentsIn are the shard documents of a run's folder.
func documentsIn(dir string) (names []string) {
	entries, _ := os.ReadDir(dir) // without one, nothing was run
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), "shard-") && e.Type().IsRegular() && pipeline.IsDocument(e.Name()) {
			names = append(names, e.Name())
		}
	}
	return names
}

// failedFirst are the files of batches in which something failed, and the logs.
func failedFirst(dir string, documents []string) (first []string) {
	for _, name := range documents {
		data, err := os.ReadFile(filepath.Join(dir, name)) //nolint:gosec // a document of ours
		var doc e2e.ShardRun
		if err != nil || json.Unmarshal(data, &doc) != nil {
			continue
		}
		first = append(first, doc.Logs...)
		var files []string
		for _, u := range doc.Units {
			if u.Exit != 0 || u.Ended != e2e.EndedExited {
				first = append(first, u.Log)
				files = append(files, u.Files...)
			}
		}
		first = append(first, files...)
	}
	return slices.DeleteFunc(first, func(name string) bool { return name == "" })
}

// bounded passes on lines until there were too many bytes.
type bounded struct {
	w    io.Writer
	left int
}

func (b *bounded) Write(p []byte) (int, error) {
	n := len(p)
	if b.left <= 0 {
		return n, nil
	}
	if b.left -= n; b.left <= 0 {
		p = append(bytes.Clone(p[:max(n+b.left, 0)]), "\n(more output is left out: the log has to have room for what the pod hands over)\n"...)
	}
	_, err := b.w.Write(p)
	return n, err
}

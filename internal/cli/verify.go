package cli

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/statement"
)

type verifyCmd struct {
	File       string        `arg:"" help:"Statement, DSSE envelope, Sigstore bundle, or the output of gh attestation verify --format json." type:"path"`
	SHA        string        `required:"" help:"Commit for which the gate must have passed." placeholder:"SHA"`
	Repository string        `help:"Repository that the statement must name, owner/name." placeholder:"NAME"`
	Stage      string        `help:"Stage that the statement must name." placeholder:"NAME"`
	MaxAge     time.Duration `help:"Maximum age of the run's end, such as 24h." placeholder:"D"`
}

// Help is shown by verify --help.
func (verifyCmd) Help() string {
	return "Example: e2e-gate verify statement.json --sha $GITHUB_SHA --repository acme/cases --stage release --max-age 24h\n" +
		"It does not verify the signature: do that first, with gh attestation verify.\n" +
		"Exit status: 0 the gate passed for this commit; 1 it did not, or the statement is about something else; 2 the file cannot be read."
}

// maxStatement bounds what is read of a statement, in bytes.
const maxStatement = 32 << 20

// Run checks a statement.
func (c verifyCmd) Run(_ context.Context, a *App) error {
	info, err := os.Stat(c.File)
	if err != nil {
		return usage("cannot read the statement: %w", err)
	}
	if !info.Mode().IsRegular() || info.Size() > maxStatement {
		return usage("%s: not a regular file, or larger than %d MiB", c.File, maxStatement>>20)
	}
	data, err := os.ReadFile(c.File)
	if err != nil {
		return usage("cannot read the statement: %w", err)
	}
	list, err := statement.Read(data)
	if err != nil {
		return usage("%s: %w; give what --statement wrote, or its attestation", c.File, err)
	}
	want := statement.Want{SHA: c.SHA, Repository: c.Repository, Stage: c.Stage, MaxAge: c.MaxAge, Now: a.Now()}
	st, err := statement.Judge(list, want)
	if err != nil {
		_, _ = fmt.Fprintln(a.Stderr, safeLine("not accepted: "+err.Error()))
		return exitError(e2e.ExitBlocked)
	}
	_, err = fmt.Fprintln(a.Stdout, safeLine(st.Summary()))
	return err
}

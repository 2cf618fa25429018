package cli

import (
	"os"
	"path/filepath"
	"strconv"

	"github.com/org/e2e-gate/internal/config"
	"github.com/org/e2e-gate/internal/publish"
	"github.com/org/e2e-gate/shards"
)

// common are the flags of every command that reads a config.
type common struct {
	Config string `help:"Config file. Default: .github/e2e-gate.yml, then e2e-gate.yml, in this folder, else in the nearest one above it, up to the repository's root." placeholder:"FILE" type:"path"`
	Format string `help:"Output: text or json." enum:"text,json" default:"text"`
}

// AfterApply takes the config that is nearest to the folder in which the gate was started, if no flag names one.
func (c *common) AfterApply() error {
	if c.Config == "" {
		c.Config = nearConfig()
	}
	return nil
}

// nearConfig is a config at a default place of this folder, or of one between it and the repository's root; empty: there is none.
func nearConfig() string {
	top, err := topLevel()
	if err != nil {
		return ""
	}
	dir, err := os.Getwd()
	for err == nil && dir != top && dir != filepath.Dir(dir) {
		for _, name := range config.DefaultFiles {
			file := filepath.Join(dir, filepath.FromSlash(name))
			if info, err := os.Stat(file); err == nil && info.Mode().IsRegular() {
				return file
			}
		}
		dir = filepath.Dir(dir)
	}
	return ""
}

// staged are the flags of commands that work on a stage.
type staged struct {
	common
	Stage    string `help:"Stage of the config; overrides the event. Outside CI the default is the first." placeholder:"NAME"`
	Select   string `help:"Tag expression that narrows the stage's selection." placeholder:"EXPR"`
	Service  string `help:"Only suites and journeys of this service." placeholder:"NAME"`
	Affected bool   `help:"Only smoke tests, and tests that the change affects by paths of services, suites and journeys, and by affected.graph and affected.command."`
	Shards   string `help:"Number of shards, or auto." placeholder:"N|auto"`
	Out      string `help:"Folder for documents and evidence. Default: .e2e-gate/runs/<run id>." placeholder:"DIR" type:"path"`
	Key      string `help:"Tells two calls of the gate in one workflow apart." placeholder:"KEY"`
	Subject  string `help:"What is judged, where it is not the checkout: repository, sha, ref, environment and version, as NAME=VALUE, separated by commas. The variables E2E_SUBJECT_REPOSITORY and so on say the same." placeholder:"NAME=VALUE,..."`
	Release  string `help:"Tag of the release under test, whose commit is checked out. Default on release events and pushed tags: the event's tag." placeholder:"TAG"`
}

// published are the flags of commands that may publish their result.
type published struct {
	Comment    bool   `help:"Publish on GitHub: a comment on the pull request and the commit status e2e-gate/<stage>. Needs GITHUB_TOKEN with pull-requests: write and statuses: write."`
	Publish    string `help:"Publish files into the folder PATH instead of GitHub, for a later step: comment and commit status, and what --check, --deployment and --promote ask for. Needs no token." placeholder:"dir:PATH"`
	Check      bool   `help:"Add a check run with annotations at file and line. Needs checks: write."`
	Deployment string `help:"Environment. Its newest deployment of the commit under test gets a deployment status. Default on deployment events: the event's. Needs deployments: write." placeholder:"ENV"`
	Statement  string `help:"Write an in-toto statement of the verdict, for an attestation." placeholder:"FILE" type:"path"`
	Slack      string `help:"Write the result as a Slack message (Block Kit), for a step that sends it." placeholder:"FILE" type:"path"`
	Summary    string `help:"Write the verdict as a small JSON document: FILE, or configmap:NAME in a cluster. It says running until then." placeholder:"FILE|configmap:NAME"`
	Metrics    string `help:"Write the result as OpenMetrics text, for what collects metrics, such as a textfile collector." placeholder:"FILE" type:"path"`
	Promote    bool   `help:"Publish the release's draft if the verdict is passed, at the commit that was judged. Needs contents: write."`
}

// wanted is what the flags ask to publish. With --publish, comment and status are always wanted.
func (p published) wanted() publish.Wanted {
	return publish.Wanted{Comment: p.Comment || p.Publish != "", Check: p.Check, Deployment: p.Deployment, Promote: p.Promote}
}

// posting reports whether a verdict is to be posted or signed.
func (p published) posting() bool { return p.wanted().Any() || p.Statement != "" }

// nothing is p without what would be posted or signed for a commit.
func (p published) nothing() published {
	return published{Slack: p.Slack, Summary: p.Summary, Metrics: p.Metrics}
}

// shardCount reads --shards; 0 is the config's number.
func shardCount(text string) (int, error) {
	if text == "" || text == "auto" {
		return 0, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > shards.MaxCount {
		return 0, usage("--shards must be auto or a number from 1 to %d, not %q", shards.MaxCount, text)
	}
	return n, nil
}

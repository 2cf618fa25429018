package cli

import (
	"context"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

// ActionInput is an input of action.yml.
type ActionInput struct {
	// Name and Default are as in action.yml.
	Name, Default string
	// Help is one sentence for action.yml and the docs.
	Help string
	// Flag: the input is the flag of the same name, for the commands that have it.
	Flag bool
	// Switch: the value true sets the flag of the same name, for the commands that have it.
	Switch bool
}

// Env is the variable in which action.yml hands the input to the command action.
func (in ActionInput) Env() string {
	return "INPUT_" + strings.ToUpper(strings.ReplaceAll(in.Name, "-", "_"))
}

// ActionInputs are the inputs of action.yml, in its order. A test holds action.yml
// and the docs against them.
func ActionInputs() []ActionInput {
	return []ActionInput{
		{Name: "command", Default: "run", Help: "What to do: " + strings.Join(actionCommands, ", ") + "."},
		{Name: "working-directory", Default: ".", Help: "Folder of the workspace in which the gate runs, such as the path of a checkout. " +
			"Paths of other inputs are relative to it."},
		{Name: "config", Flag: true, Help: "Config file. Default: .github/e2e-gate.yml, then e2e-gate.yml, in the working directory, else in the repository's root."},
		{Name: "stage", Flag: true, Help: "Stage of the config. Default: the first that runs on the event."},
		{Name: "select", Flag: true, Help: "Tag expression that narrows the stage's selection."},
		{Name: "service", Flag: true, Help: "Only suites and journeys of this service."},
		{Name: "shards", Flag: true, Help: "Number of shards, or auto. Default: the config's."},
		{Name: "index", Flag: true, Help: "shard: index of the shard, from 0."},
		{Name: "plan", Flag: true, Help: "shard, verdict: path of plan.json. Default: the plan that an earlier job of this workflow run uploaded."},
		{Name: "results", Flag: true, Help: "verdict: folder with the shard documents; shard: folder with those of earlier attempts. Default: what other " +
			"jobs of this workflow run uploaded."},
		{Name: "needs", Flag: true, Help: "run, verdict: the context needs as JSON, toJSON(needs). A job before this one that failed, was cancelled or was " +
			"skipped is not judged; and nothing is waited for that cannot come."},
		{Name: "may-skip", Flag: true, Help: "run, verdict: jobs of needs that may have been skipped, separated by spaces or commas."},
		{Name: "key", Flag: true, Help: "Tells two calls of the gate in one workflow apart: in artifact names, the comment, the commit status and the " +
			"earlier attempts."},
		{Name: "release", Flag: true, Help: "Tag of the release under test, whose commit is checked out. Default on release events and pushed tags: " +
			"the event's tag."},
		{Name: "subject", Flag: true, Help: "What is judged, where it is not the checkout: repository, sha, ref, environment and version, as NAME=VALUE, " +
			"separated by commas. Default on repository_dispatch events: client_payload.subject."},
		{Name: "job", Flag: true, Help: "publish: job of the earlier run whose conclusion counts, by the name that the pull request shows. " +
			"Default: the run as a whole."},
		{Name: "comment", Switch: true, Default: "true",
			Help: "run, verdict: comment on the pull request, set the commit status e2e-gate/<stage>, and write to the release where there is one; plan: say " +
				"in that comment that a newer commit is being judged; true or false."},
		{Name: "check", Switch: true, Default: "false", Help: "run, verdict: add a check run with annotations at file and line (checks: write); true or false."},
		{Name: "deployment", Flag: true, Help: "run, plan, verdict: environment. Its newest deployment of the commit gets a deployment status " +
			"(deployments: write). Default on deployment events: the event's."},
		{Name: "statement", Flag: true, Help: "run, verdict: path to write an in-toto statement of the verdict to, for an attestation."},
		{Name: "slack", Flag: true, Help: "run, verdict: path to write a Slack message to, for a step that sends it."},
		{Name: "metrics", Flag: true, Help: "run, verdict: path to write the result as OpenMetrics text to, for a step or an agent that takes it."},
		{Name: "promote", Switch: true, Default: "false",
			Help: "run, verdict: publish the release's draft if the verdict is passed (contents: write); true or false."},
		{Name: "token", Default: "${{ github.token }}", Help: "Token for comment and status (pull-requests: write, statuses: write), for the base's policy " +
			"(contents: read), and for documents of other jobs and the history (actions: read). Tests never get it."},
		{Name: "subject-token", Help: "run, verdict: token for the status of a subject in another repository (statuses: write there; deployments: write, for " +
			"deployment). Tests never get it."},
		{Name: "api-url", Help: "Address of GitHub's API. Default: the runner's GITHUB_API_URL."},
		{Name: "args", Help: "Further flags of the command, separated by spaces. If a value holds spaces, write one argument per line."},
		{Name: "version", Help: "Empty: the release that the action's own commit names, else a build of that commit. source: always a build of that commit, " +
			"with the job's Go."},
	}
}

// ActionOutput is an output of action.yml.
type ActionOutput struct {
	Name, Help string
	// From is its expression, if it is not the run step's output of the same name.
	From string
}

// ActionOutputs are the outputs of action.yml, in its order.
func ActionOutputs() []ActionOutput {
	return []ActionOutput{
		{Name: "verdict", Help: "passed, failed or not_judged."},
		{Name: "blocks", Help: "true if the verdict stops the pipeline."},
		{Name: "passed", Help: "Number of tests that passed."},
		{Name: "failed", Help: "Number of tests that failed."},
		{Name: "flaky", Help: "Number of tests that failed and passed when run again."},
		{Name: "lost", Help: "Number of planned tests that never reported."},
		{Name: "alert", Help: "raised, firing or recovered, where the target has an alert; else empty."},
		{Name: "matrix", Help: "plan: the shards as a strategy.matrix, {\"include\": [{\"index\", \"name\"}]}."},
		{Name: "plan", Help: "plan: path of plan.json."},
		{Name: "result", Help: "Path of result.json, or of the shard's document."},
		{Name: "report-url", Help: "Address of the artifact with report, documents and evidence.",
			From: "steps.upload.outputs.artifact-url || steps.upload-again.outputs.artifact-url"},
	}
}

// actionCommands are the commands that a step may run.
var actionCommands = []string{"run", "gates", "plan", "shard", "watch", "verdict", "publish", "verify", "lint"}

// actionCmd runs the command that the inputs name.
type actionCmd struct{}

// Help is shown by action --help.
func (actionCmd) Help() string {
	return "The steps of action.yml run this command. Inputs come as INPUT_<NAME> in the environment."
}

// Run builds the command line and runs it.
func (actionCmd) Run(ctx context.Context, a *App) error {
	args, err := a.actionArgs()
	if err != nil {
		return err
	}
	step := *a
	for _, in := range []struct{ name, env string }{
		{"token", "GITHUB_TOKEN"}, {"api-url", "E2E_GATE_API_URL"}, {"subject-token", writesSubject},
	} {
		if value := a.input(in.name); value != "" {
			step.Environ = append(slices.Clip(step.Environ), in.env+"="+value)
		}
	}
	return exitError(step.Main(ctx, args))
}

// input is the value of an input, as the step's environment has it.
func (a *App) input(name string) string {
	return strings.TrimSpace(a.getenv(ActionInput{Name: name}.Env()))
}

// actionArgs makes the command line out of the inputs.
func (a *App) actionArgs() ([]string, error) {
	command := a.input("command")
	if command == "" {
		command = "run"
	}
	if !slices.Contains(actionCommands, command) {
		return nil, usage("input command: unknown command %q; use one of %s", command, strings.Join(actionCommands, ", "))
	}
	flags, args := flagsOf(command), []string{command}
	for _, in := range ActionInputs() {
		value := a.input(in.Name)
		switch {
		case in.Switch && value != "true" && value != "false" && value != "":
			return nil, usage("input %s: %q is neither true nor false", in.Name, value)
		case in.Switch && value == "true" && slices.Contains(flags, in.Name):
			args = append(args, "--"+in.Name)
		case !in.Flag || value == "":
		case !slices.Contains(flags, in.Name):
			return nil, usage("input %s: not an input of the command %s; remove it, or choose another command", in.Name, command)
		default:
			args = append(args, "--"+in.Name+"="+value)
		}
	}
	return append(args, splitArgs(a.input("args"))...), nil
}

// splitArgs splits at spaces, or at line ends where there are any.
func splitArgs(text string) []string {
	if !strings.Contains(text, "\n") {
		return strings.Fields(text)
	}
	var args []string
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" {
			args = append(args, line)
		}
	}
	return args
}

// flagsOf are the flags of a command.
func flagsOf(command string) []string {
	var names []string
	for _, node := range kong.Must(&commands{}).Model.Children {
		if node.Name == command {
			for _, flag := range node.Flags {
				names = append(names, flag.Name)
			}
		}
	}
	return names
}

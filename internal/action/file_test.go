package action

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"github.com/org/e2e-gate/internal/cli"
	"github.com/org/e2e-gate/internal/testkit/golden"
)

const root = "../.."

const (
	// variant is action.yml for platforms without the newer artifact actions.
	variant = ".github/actions/without-upload/action.yml"
	// nested is action.yml in a folder, for workflows of this repository that name it by
	// their own commit ($/).
	nested = ".github/actions/gate/action.yml"
	// matrix is the reusable workflow; byTag is the same for what does not know $/ yet.
	matrix = ".github/workflows/e2e-gate.yml"
	byTag  = ".github/workflows/e2e-gate-by-tag.yml"
	// oidc is the reusable workflow whose shards get an identity and read packages.
	oidc = ".github/workflows/e2e-gate-oidc.yml"
	// enterprise is the same for Enterprise Server, which has the older artifact actions.
	enterprise = ".github/workflows/e2e-gate-enterprise.yml"
)

// selfReference names a part of the repository by the commit of the file that says it.
var selfReference = regexp.MustCompile(`\$/(\S+)`)

// One source: inputs and outputs stand in internal/cli/action.go, and everything
// else is written from them.
func TestActionFilesAndDocsAgreeWithTheCode(t *testing.T) {
	file := read(t, "action.yml")
	file = between(t, file, "# inputs: ", "\nruns:", inputs()+outputs(true)+"\n")
	file = between(t, file, "        # env: ", "      run: exec", env())
	same(t, "action.yml", file)
	same(t, variant, withoutUpload(t, file))
	same(t, nested, inFolder(file))
	same(t, oidc, "# Generated from e2e-gate.yml: plan and shards may ask for an identity, and read packages.\n"+withIdentity(t, read(t, matrix)))
	tagged := selfReference.ReplaceAllString(withDeployments(t, read(t, matrix)), "org/e2e-gate/$1@"+innerRef(read(t, "CHANGELOG.md")))
	same(t, byTag, "# Generated from e2e-gate.yml: for what does not know $/ yet.\n"+tagged)
	same(t, enterprise, "# Generated from e2e-gate.yml: for Enterprise Server.\n"+onEnterprise(t, tagged))
	sharding := read(t, "docs/sharding.md")
	sharding = between(t, sharding, "<!-- called inputs -->", "<!-- /called inputs -->", "\n"+calledTable(t))
	same(t, "docs/sharding.md", sharding)
	docs := read(t, "docs/workflows.md")
	docs = between(t, docs, "<!-- inputs -->", "<!-- /inputs -->", "\n"+inputTable())
	docs = between(t, docs, "<!-- outputs -->", "<!-- /outputs -->", "\n"+outputTable())
	same(t, "docs/workflows.md", docs)
}

// TestMarketplace holds what the marketplace wants: a description of fewer than 125 characters.
func TestMarketplace(t *testing.T) {
	m := regexp.MustCompile(`(?m)^description: "(.*)"$`).FindStringSubmatch(read(t, "action.yml"))
	if m == nil || len(m[1]) >= 125 {
		t.Errorf("%q", m)
	}
}

func read(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// between replaces what follows the line of start, up to end.
func between(t *testing.T, text, start, end, body string) string {
	t.Helper()
	head, rest, ok := strings.Cut(text, start)
	line, rest, ok2 := strings.Cut(rest, "\n")
	_, tail, ok3 := strings.Cut("\n"+rest, end)
	if !ok || !ok2 || !ok3 {
		t.Fatalf("there is no part from %q to %q", start, end)
	}
	return head + start + line + "\n" + body + strings.TrimPrefix(end, "\n") + tail
}

func same(t *testing.T, name, want string) {
	t.Helper()
	golden.File(t, filepath.Join(root, name), want)
}

func inputs() string {
	var b strings.Builder
	b.WriteString("inputs:\n")
	for _, in := range cli.ActionInputs() {
		fmt.Fprintf(&b, "  %s:\n    description: %q\n", in.Name, in.Help)
		if in.Default != "" {
			fmt.Fprintf(&b, "    default: %q\n", in.Default)
		}
	}
	return b.String()
}

func outputs(uploaded bool) string {
	var b strings.Builder
	b.WriteString("outputs:\n")
	for _, out := range cli.ActionOutputs() {
		from := out.From
		switch {
		case from == "":
			from = "steps.run.outputs." + out.Name
		case !uploaded:
			continue
		}
		fmt.Fprintf(&b, "  %s:\n    description: %q\n    value: ${{ %s }}\n", out.Name, out.Help, from)
	}
	if !uploaded {
		for _, name := range []string{"folder", "artifact"} {
			fmt.Fprintf(&b, "  %s:\n    description: %q\n    value: ${{ steps.run.outputs.%s }}\n", name, map[string]string{
				"folder": "Folder to upload.", "artifact": "Name for the artifact.",
			}[name], name)
		}
	}
	return b.String()
}

func env() string {
	var b strings.Builder
	for _, in := range cli.ActionInputs() {
		if in.Name != "version" {
			fmt.Fprintf(&b, "        %s: ${{ inputs.%s }}\n", in.Env(), in.Name)
		}
	}
	return b.String()
}

// withoutUpload is the same action without the steps that upload or use the cache, for
// those who have other means.
func withoutUpload(t *testing.T, file string) string {
	t.Helper()
	file = between(t, file, "# inputs: ", "\nruns:", inputs()+outputs(false)+"\n")
	head, _, ok := strings.Cut(file, "\n    # upload: begin")
	if !ok {
		t.Fatal("action.yml has no part that uploads")
	}
	head = regexp.MustCompile(`(?s)    # (history|documents): begin\n.*?# (history|documents): end\n\n?`).ReplaceAllString(head, "")
	head = regexp.MustCompile(`        E2E_GATE_DOCUMENTS: .*\n`).ReplaceAllString(head, "")
	head = strings.Replace(head, "    # Other branches cannot see the caches of a branch, so only the default branch saves it.\n", "", 1)
	return strings.Replace(inFolder(head), "name: e2e-gate\n", "name: e2e-gate without upload\n", 1)
}

// withDeployments is the workflow for servers that do not know environment.deployment. There, each job
// makes a deployment of its environment, to which the gate writes no status.
func withDeployments(t *testing.T, flow string) string {
	t.Helper()
	environment := regexp.MustCompile(`    environment:\n      name: (.*)\n      deployment: false.*\n`)
	if n := len(environment.FindAllString(flow, -1)); n != 2 {
		t.Fatalf("%d jobs have an environment, want 2", n)
	}
	return environment.ReplaceAllString(flow, "    environment: $1\n")
}

// innerRef is by which ref the workflows without $/ name the other parts of this repository: the version that is about
// to be released, which is what a caller gets who pins the commit of its tag, and until then the newest one. The
// release script cannot write it: its token may not push a tag with workflows that no branch has.
func innerRef(changelog string) string {
	if m := regexp.MustCompile(`(?m)^## (.*)$`).FindStringSubmatch(changelog); m != nil && m[1] != "Unreleased" {
		return m[1]
	}
	return "v1"
}

func TestInnerRef(t *testing.T) {
	for changelog, want := range map[string]string{"# Changelog\n\n## Unreleased\n\n## v1.2.2\n": "v1", "# Changelog\n\n## v1.2.3\n\n## v1.2.2\n": "v1.2.3", "": "v1"} {
		if got := innerRef(changelog); got != want {
			t.Errorf("%q: %s, want %s", changelog, got, want)
		}
	}
}

// withIdentity is the reusable workflow with more permissions for the jobs that run tests. Permissions cannot be
// expressions, and GitHub holds those of every job against the caller's before anything runs, whatever its
// condition (PermissionsHelper.cs in actions/runner), so that they are a workflow of their own.
func withIdentity(t *testing.T, flow string) string {
	t.Helper()
	const few = "    permissions:\n      contents: read\n      actions: read\n"
	if n := strings.Count(flow, few); n != 2 {
		t.Fatalf("%d jobs have few permissions, want 2", n)
	}
	return strings.ReplaceAll(flow, few, few+"      packages: read\n      id-token: write\n")
}

// calledTable lists the inputs and secrets of the reusable workflow.
func calledTable(t *testing.T) string {
	t.Helper()
	type given struct {
		Description string
		Default     any
	}
	var flow struct {
		On struct {
			Call struct {
				Inputs, Secrets yaml.MapSlice
			} `yaml:"workflow_call"`
		}
	}
	if err := yaml.Unmarshal([]byte(read(t, matrix)), &flow); err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	b.WriteString("| input or secret | default | |\n|---|---|---|\n")
	for kind, list := range []yaml.MapSlice{flow.On.Call.Inputs, flow.On.Call.Secrets} {
		for _, item := range list {
			text, err := yaml.Marshal(item.Value)
			var in given
			if err == nil {
				err = yaml.Unmarshal(text, &in)
			}
			if err != nil || in.Description == "" {
				t.Fatalf("%v: %+v, %v", item.Key, in, err)
			}
			value := ""
			if in.Default != nil {
				value = fmt.Sprintf("`%v`", in.Default)
			}
			name := fmt.Sprintf("`%v`", item.Key)
			if kind == 1 {
				name += " (secret)"
			}
			fmt.Fprintf(&b, "| %s | %s | %s |\n", name, value, golden.Cell(in.Description))
		}
	}
	return b.String()
}

// The artifact actions for Enterprise Server: newer ones refuse to run there.
const (
	oldUpload   = "actions/upload-artifact@c6a366c94c3e0affe28c06c8df20a878f24da3cf # v3.2.2"
	oldDownload = "actions/download-artifact@a9bc5e6ef2cb54c177f32aa5726adaa15e7e2d59 # v3.1.0"
)

// onEnterprise is the reusable workflow with the older artifact actions. Their artifacts
// are no part of the API before the workflow ends, so that each job downloads them all.
func onEnterprise(t *testing.T, flow string) string {
	t.Helper()
	flow = regexp.MustCompile(`(?s) +# attest: begin\n.*?# attest: end\n`).ReplaceAllString(flow, "")
	flow = regexp.MustCompile(`(?s) +# app: begin\n.*?# app: end\n`).ReplaceAllString(flow, "")     // its action needs a newer runner
	flow = regexp.MustCompile(`(?s) +# watch: begin\n.*?# watch: end\n`).ReplaceAllString(flow, "") // it could read no artifact
	flow = regexp.MustCompile(`(?s)      attest:\n.*?      slack:`).ReplaceAllString(flow, "      slack:")
	flow = regexp.MustCompile(`(?m)^ +statement: .*\n`).ReplaceAllString(flow, "")
	flow = regexp.MustCompile(`(?s)      report-url:\n.*?\n\n`).ReplaceAllString(flow, "\n")
	flow = regexp.MustCompile(`(?m)^ +report-url: .*\n`).ReplaceAllString(flow, "")
	flow = strings.ReplaceAll(flow, " || steps.app.outputs.token", "")
	flow = strings.ReplaceAll(flow, " With app-id, the App's token is the default.", "")
	flow = strings.ReplaceAll(flow, "org/e2e-gate/.github/actions/gate@", "org/e2e-gate/.github/actions/without-upload@")
	flow = strings.Replace(flow, "    outputs:\n      matrix:", "    outputs:\n      artifact: ${{ steps.gate.outputs.artifact }}\n      matrix:", 1)
	step := regexp.MustCompile(`      - id: gate\n(?: {8}.*\n)+`)
	count := 0
	flow = step.ReplaceAllStringFunc(flow, func(gate string) string {
		count++
		const given = "          results: .e2e-gate/given\n          plan: .e2e-gate/given/${{ needs.plan.outputs.artifact }}/plan.json\n"
		before := "      - uses: " + oldDownload + "\n        with:\n          path: .e2e-gate/given\n"
		if strings.Contains(gate, "command: plan") {
			before = ""
		} else {
			gate += given
		}
		return before + gate + "      - if: always() && steps.gate.outputs.artifact != ''\n        continue-on-error: true\n        uses: " + oldUpload +
			"\n        with:\n          name: ${{ steps.gate.outputs.artifact }}\n          path: ${{ steps.gate.outputs.folder }}\n          " +
			"include-hidden-files: true\n          if-no-files-found: error\n"
	})
	if count != 3 || regexp.MustCompile("attest|watch|app-").MatchString(flow) {
		t.Fatalf("%d steps run the gate, want 3", count)
	}
	return flow
}

// inFolder is an action file two folders further down.
func inFolder(file string) string {
	return strings.ReplaceAll(file, "$GITHUB_ACTION_PATH/.github/action/", "$GITHUB_ACTION_PATH/../../action/")
}

func inputTable() string {
	var b strings.Builder
	b.WriteString("| input | default | |\n|---|---|---|\n")
	for _, in := range cli.ActionInputs() {
		value := ""
		if in.Default != "" {
			value = "`" + in.Default + "`"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", in.Name, value, golden.Cell(in.Help))
	}
	return b.String()
}

func outputTable() string {
	var b strings.Builder
	b.WriteString("| output | |\n|---|---|\n")
	for _, out := range cli.ActionOutputs() {
		fmt.Fprintf(&b, "| `%s` | %s |\n", out.Name, golden.Cell(out.Help))
	}
	return b.String()
}

// What is generated must be YAML, and every output of the run step that is used
// must be one that the program sets.
func TestActionFilesAreYAML(t *testing.T) {
	for _, name := range []string{"action.yml", variant, nested} {
		var file struct {
			Inputs  map[string]struct{ Description, Default string }
			Outputs map[string]struct{ Description, Value string }
			Runs    struct {
				Using string
				Steps []struct {
					ID, If, Shell, Run, Uses string
					Env, With                map[string]any
				}
			}
		}
		if err := yaml.Unmarshal([]byte(read(t, name)), &file); err != nil {
			t.Fatal(err)
		}
		if len(file.Inputs) != len(cli.ActionInputs()) || file.Runs.Using != "composite" {
			t.Errorf("%s: %+v", name, file)
		}
		for _, step := range file.Runs.Steps {
			if step.ID == "run" && (step.If != "" || !strings.HasPrefix(step.Run, "exec ")) {
				t.Errorf("%s: the run step would not get the runner's signals: %+v", name, step)
			}
		}
	}
}

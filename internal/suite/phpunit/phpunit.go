// Package phpunit runs PHPUnit.
package phpunit

import (
	"context"
	"embed"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/Masterminds/semver/v3"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/proc"
	"github.com/org/e2e-gate/internal/suite/adapter"
)

//go:embed *.php e2e-gate.ini
var files embed.FS

// Framework is PHPUnit.
var Framework = adapter.Framework{
	New:    newAdapter,
	Detect: detect, Signs: "phpunit.xml, phpunit.xml.dist, phpunit.dist.xml, or phpunit/phpunit in a composer.json",
	Fields: []string{"run", "args"},
	Flags: []string{
		"printer", "no-extensions", "testdox", "teamcity", "list-tests", "list-tests-xml", "list-groups", "list-suites", "repeat", "retry", "debug",
		"stop-on-defect", "stop-on-error", "stop-on-failure", "stop-on-warning", "stop-on-risky", "stop-on-skipped", "stop-on-incomplete",
		"stop-on-notice", "stop-on-deprecation",
	},
	Validate: validate,

	TellsErrors: true,
}

// phpunit is PHPUnit, whose version says by which of our classes it is followed.
type phpunit struct {
	adapter.Adapter
	spec  adapter.Spec
	root  string
	start []string

	mu      sync.Mutex
	version *semver.Version
}

// newAdapter runs PHPUnit with a class of ours that PHP loads before it, so that nothing has to be
// installed: its own settings come from a folder that the environment names.
func newAdapter(s adapter.Spec, root string) adapter.Adapter {
	p := &phpunit{spec: s, root: root, start: []string{"phpunit"}}
	if own := composers(root, s.Dir); own != "" {
		p.start = []string{own}
	}
	p.Adapter = adapter.NewReporting(s, root, adapter.LaunchSpec{Start: p.start, Files: files, Arguments: p.arguments, Environment: environment})
	if len(s.Run) > 0 {
		p.start = s.Run
	}
	return p
}

// composers is the PHPUnit of the nearest composer.json, in the folder of a suite or above it, from
// that folder; empty: there is none.
func composers(root, dir string) string {
	up := "./"
	for dir = path.Clean(filepath.ToSlash(dir)); ; dir, up = path.Dir(dir), up+"../" {
		if info, err := os.Stat(filepath.Join(root, filepath.FromSlash(dir), "composer.json")); err == nil && info.Mode().IsRegular() {
			return up + "vendor/bin/phpunit"
		}
		if dir == "." || dir == "/" || strings.HasPrefix(dir, "..") {
			return ""
		}
	}
}

func (p *phpunit) dir() string { return filepath.Join(p.root, filepath.FromSlash(p.spec.Dir)) }

// Discover lists the tests when it knows the version.
func (p *phpunit) Discover(ctx context.Context, env []string) ([]e2e.Test, []e2e.Problem, error) {
	if err := p.learn(ctx, env); err != nil {
		return nil, nil, err
	}
	return p.Adapter.Discover(ctx, env)
}

// Start starts tests when it knows the version.
func (p *phpunit) Start(u adapter.Unit) (adapter.Invocation, error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := p.learn(ctx, u.Env); err != nil {
		return nil, err
	}
	return p.Adapter.Start(u)
}

var says = regexp.MustCompile(`PHPUnit (\d+\.\d+(?:\.\d+)?)`)

// learn asks PHPUnit for its version, once.
func (p *phpunit) learn(ctx context.Context, env []string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.version != nil {
		return nil
	}
	exit := proc.Run(ctx, proc.Spec{Argv: append(slices.Clone(p.start), "--version"), Dir: p.dir(), Env: env})
	if exit.Ended == proc.NotStarted {
		return adapter.ToolError(p.spec.Name, p.start[0], exit.Err)
	}
	found := says.FindStringSubmatch(exit.Tail)
	if found == nil {
		return fmt.Errorf("suite %s: %w: %s --version names no version of PHPUnit (%s); %s",
			p.spec.Name, adapter.ErrTool, strings.Join(p.start, " "), exit, adapter.OutputTail(exit))
	}
	version, err := semver.NewVersion(found[1])
	if err != nil {
		return fmt.Errorf("suite %s: %w: PHPUnit %s: %w", p.spec.Name, adapter.ErrTool, found[1], err)
	}
	if !usable(version) {
		return fmt.Errorf("suite %s: %w: PHPUnit %s has no place for the gate's extension; update to 9.3 or later, or to 11.3 or later, or use framework: command",
			p.spec.Name, adapter.ErrTool, version)
	}
	p.version = version
	return nil
}

// usable reports whether a version takes a printer, as 9 does, or an extension on its command line, as
// those from 11.3 on.
func usable(v *semver.Version) bool {
	return v.Major() == 9 && v.Minor() >= 3 || v.Major() == 11 && v.Minor() >= 3 || v.Major() > 11
}

func (p *phpunit) arguments(l adapter.Launch) ([]string, error) {
	if strings.ContainsRune(l.Reporter, os.PathListSeparator) {
		return nil, fmt.Errorf("suite %s: PHP cuts the path %s at %q; run the gate in a folder without it", l.Spec.Name, l.Reporter, os.PathListSeparator)
	}
	if p.version.Major() == 9 {
		return append([]string{"--printer", `E2EGate\Printer`}, l.Spec.Args...), nil
	}
	return append([]string{"--extension", `E2EGate\Extension`}, l.Spec.Args...), nil
}

// environment has PHP read our settings beside its own: an empty folder in the list stands for those.
func environment(l adapter.Launch, env []string) []string {
	return []string{
		"PHP_INI_SCAN_DIR=" + adapter.Variable(env, "PHP_INI_SCAN_DIR") + string(os.PathListSeparator) + l.Reporter,
		"E2E_GATE_PREPEND=" + l.File("e2e-gate-phpunit.php"),
	}
}

func validate(s adapter.Spec, fail func(path, text, hint string)) {
	for _, word := range s.Run {
		if name := path.Base(filepath.ToSlash(word)); name == "paratest" || name == "pest" {
			fail("run", name+" is not supported", "start phpunit, and let shards run tests beside each other; or use framework: command")
		}
	}
}

var test = regexp.MustCompile(`(?m)^\s*(?:public )?function test\w*|#\[(?:PHPUnit\\Framework\\Attributes\\)?Test\]|^\s*\*\s*@test\b`)

func detect(t *adapter.Tree) []adapter.Detected {
	found := adapter.ByDir(append(t.Matching("phpunit.xml", "phpunit.xml.dist", "phpunit.dist.xml"), t.Holding([]string{`"phpunit/phpunit"`}, "composer.json")...))
	for i, d := range found {
		found[i].Tests = t.Count(t.Below(d.Spec.Dir, "*Test.php"), test)
		if manifest := t.Above(d.Spec.Dir, "composer.json"); manifest != "" && !strings.Contains(t.Read(manifest), "phpunit/phpunit") {
			found[i].Needs = []string{"PHPUnit is not in composer.json: composer require --dev phpunit/phpunit"}
		}
	}
	return found
}

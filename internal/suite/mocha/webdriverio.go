package mocha

import (
	"encoding/json"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/org/e2e-gate/internal/suite/adapter"
)

// WebdriverIO is WebdriverIO, with Mocha, Cucumber or Jasmine in it.
var WebdriverIO = adapter.Framework{
	New:    newWebdriverIO,
	Detect: detectWebdriverIO, Signs: "wdio.conf.*, or a script of a package.json that starts wdio with a config",
	Fields: []string{"run", "args"},
	Flags:  []string{"watch", "shard", "bail", "repeat", "framework", "f"},

	TellsErrors: true,
}

// newWebdriverIO runs WebdriverIO with a config of ours around the suite's own, and a module for its framework in the workers.
func newWebdriverIO(s adapter.Spec, root string) adapter.Adapter {
	return adapter.NewReporting(s, root, adapter.LaunchSpec{
		Start:       []string{"npx", "--no-install", "wdio"},
		Package:     "@wdio/cli",
		Program:     "wdio",
		Interpreter: "node",
		Files:       files,
		Arguments:   webdriverIOArguments,
		Environment: func(l adapter.Launch, _ []string) []string {
			config, _ := ownConfig(l)
			groups := []string{}
			for _, t := range l.Tests {
				if group := strings.TrimPrefix(t.Group, l.Spec.Name+"/"); group != "" && !slices.Contains(groups, group) {
					groups = append(groups, group)
				}
			}
			list, _ := json.Marshal(groups)
			return []string{"E2E_GATE_CONFIG=" + config, "E2E_GATE_GROUPS=" + string(list)}
		},
	})
}

// Flags that choose spec files: those of the selected tests take their place.
var choosesSpecs = []string{"--spec", "--suite", "--exclude"}

// webdriverIOArguments replaces the suite's config by ours.
func webdriverIOArguments(l adapter.Launch) ([]string, error) {
	config, own := ownConfig(l)
	if config == "" {
		return nil, fmt.Errorf("suite %s: %w: no wdio.conf.js or wdio.conf.ts in %s; name the config as the first of args", l.Spec.Name, adapter.ErrTool, l.Dir)
	}
	if !l.Listing() {
		own = adapter.WithoutFlags(own, nil, choosesSpecs...)
	}
	if l.Attempt > 1 { // the diagnostic rerun is one attempt
		own = adapter.WithoutFlags(own, nil, "--specFileRetries")
	}
	return append([]string{"run", l.File("e2e-gate-webdriverio.mjs")}, own...), nil
}

var isConfig = regexp.MustCompile(`^[^-].*\.[cm]?[jt]s$`)

// scriptConfig is the config that a command line of WebdriverIO names; empty: none.
func scriptConfig(words []string) string {
	if len(words) > 1 && words[1] == "run" {
		words = words[1:]
	}
	if len(words) < 2 || !isConfig.MatchString(words[1]) {
		return ""
	}
	return path.Clean(words[1])
}

// ownConfig is the suite's config file, the first argument or the usual one, and the arguments behind it. Empty: there is none.
func ownConfig(l adapter.Launch) (config string, args []string) {
	args = l.Spec.Args
	if len(args) > 0 && args[0] == "run" {
		args = args[1:]
	}
	if len(args) > 0 && isConfig.MatchString(args[0]) {
		return args[0], args[1:]
	}
	for _, name := range wdioConfigs {
		if _, err := os.Stat(filepath.Join(l.Dir, name)); err == nil {
			return name, args
		}
	}
	return "", args
}

var wdioConfigs = adapter.Scripts("wdio.conf")

func detectWebdriverIO(t *adapter.Tree) []adapter.Detected {
	configs := t.Matching(wdioConfigs...)
	var started []adapter.Detected
	for _, manifest := range t.Manifests("@wdio/cli") {
		dir := path.Dir(manifest)
		config := scriptConfig(t.Package(manifest).ScriptOf("wdio"))
		file := path.Join(dir, config)
		usual := func(name string) bool { return path.Dir(name) == dir }
		if config == "" || !t.Has(file) || slices.ContainsFunc(configs, usual) {
			continue
		}
		// The paths of such a config may be from the folder of the package, where the script starts it.
		started = append(started, adapter.Detected{Files: []string{file}, Spec: adapter.Spec{Dir: dir, Args: []string{config}}})
		configs = slices.DeleteFunc(configs, func(name string) bool { return path.Dir(name) == path.Dir(file) })
	}
	found := append(adapter.ByDir(configs), started...)
	for i := range found {
		found[i].Tests = count(t, found[i].Spec.Dir) + t.Count(t.Below(found[i].Spec.Dir, "*.feature"), adapter.Scenario)
	}
	return found
}

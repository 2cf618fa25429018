package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/org/e2e-gate/internal/proc"
)

const module = "github.com/org/e2e-gate"

type platform struct{ os, arch string }

// platforms are the platforms of GitHub's runners.
var platforms = []platform{
	{"darwin", "amd64"}, {"darwin", "arm64"},
	{"linux", "amd64"}, {"linux", "arm64"},
	{"windows", "amd64"}, {"windows", "arm64"},
}

// asset is the name of the platform's file in a release.
func (p platform) asset() string {
	name := "e2e-gate_" + p.os + "_" + p.arch
	if p.os == "windows" {
		name += ".exe"
	}
	return name
}

// named are the platforms of some files; of none, all.
func named(assets []string) ([]platform, error) {
	if len(assets) == 0 {
		return platforms, nil
	}
	var list []platform
	for _, asset := range assets {
		p, err := platformOf(asset)
		if err != nil {
			return nil, err
		}
		list = append(list, p)
	}
	return list, nil
}

func platformOf(asset string) (platform, error) {
	i := slices.IndexFunc(platforms, func(p platform) bool { return p.asset() == asset })
	if i < 0 {
		return platform{}, fmt.Errorf("%q is not a file of a release; the names are like %s", asset, platforms[0].asset())
	}
	return platforms[i], nil
}

// build makes the platform's file in a folder and returns its SHA-256.
func (p platform) build(ctx context.Context, s sums, folder string) (string, error) {
	name, err := filepath.Abs(filepath.Join(folder, p.asset()))
	if err != nil {
		return "", fmt.Errorf("name the file of %s: %w", p.asset(), err)
	}
	// Neither paths of this machine nor its commit go in: the commit that a tag
	// names holds the sums, so it cannot be the one that was built.
	exit := goCommand(ctx, p.env(s.tools), nil, "build", "-trimpath", "-buildvcs=false",
		"-ldflags=-s -w -buildid= -X "+module+"/internal/cli.Version="+s.version, "-o", name, module+"/cmd/e2e-gate")
	if !exit.OK() {
		return "", fmt.Errorf("build %s: %s\n%s", p.asset(), exit, exit.Tail)
	}
	return sumOf(name)
}

// env is the environment with everything set that changes the bytes of a binary.
func (p platform) env(tools string) map[string]string {
	return map[string]string{
		"GOOS": p.os, "GOARCH": p.arch, "GOAMD64": "v1", "GOARM64": "v8.0", "CGO_ENABLED": "0",
		"GOTOOLCHAIN": tools, "GOFLAGS": "-mod=readonly", "GOEXPERIMENT": "", "GOFIPS140": "off", "GOWORK": "off", "GOENV": "off",
	}
}

// goVersion is the version of the go command, such as go1.26.8.
func goVersion(ctx context.Context) (string, error) {
	var out bytes.Buffer
	if exit := goCommand(ctx, nil, &out, "env", "GOVERSION"); !exit.OK() {
		return "", fmt.Errorf("ask the go command for its version: %s\n%s", exit, exit.Tail)
	}
	version, _, _ := strings.Cut(strings.TrimSpace(out.String()), " ")
	return version, nil
}

func goCommand(ctx context.Context, set map[string]string, stdout io.Writer, args ...string) proc.Exit {
	return proc.Run(ctx, proc.Spec{
		Argv:   append([]string{"go"}, args...),
		Env:    proc.CleanEnv(proc.Env{Base: os.Environ(), Set: []map[string]string{set}}),
		Stdout: stdout,
	})
}

func sumOf(name string) (string, error) {
	f, err := os.Open(name)
	if err != nil {
		return "", fmt.Errorf("read what was built: %w", err)
	}
	defer f.Close() //nolint:errcheck // only read
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", fmt.Errorf("read what was built: %w", err)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

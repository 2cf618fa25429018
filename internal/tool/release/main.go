// Command release builds the files of a release, and verifies them again later:
//
//	go run ./internal/tool/release build v1.2.3 dist
//	go run ./internal/tool/release build v1.2.3 dist e2e-gate_linux_amd64
//	go run ./internal/tool/release check .github/release.sha256
//
// build writes a binary per platform, or the named ones, and their sums, the file
// SHA256SUMS, into a folder. check builds the same binaries from the tree it stands in and compares
// them with such a file. Equal tree and equal Go give equal bytes, on any machine.
// Exit status: 0, or 1 after a message.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:], os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out io.Writer) error {
	if len(args) >= 3 && args[0] == "build" {
		return build(ctx, args[1], args[2], args[3:], out)
	}
	if len(args) == 2 && args[0] == "check" {
		return check(ctx, args[1], out)
	}
	return errors.New("unknown arguments; say build VERSION FOLDER [NAME...], or check FILE")
}

// build makes the named binaries of a version, or all, and the file of their sums.
func build(ctx context.Context, version, folder string, names []string, out io.Writer) error {
	wanted, err := named(names)
	if err != nil {
		return err
	}
	tools, err := goVersion(ctx)
	if err != nil {
		return err
	}
	s := sums{version: version, tools: tools}
	if err := s.valid(); err != nil {
		return err
	}
	for _, p := range wanted {
		sum, err := p.build(ctx, s, folder)
		if err != nil {
			return err
		}
		s.list = append(s.list, entry{sum, p.asset()})
		fmt.Fprintln(out, sum, p.asset())
	}
	return s.write(folder)
}

// check builds what a file of sums names, with the Go it names, and compares.
func check(ctx context.Context, file string, out io.Writer) error {
	s, err := readSums(file)
	if err != nil {
		return err
	}
	folder, err := os.MkdirTemp("", "release")
	if err != nil {
		return fmt.Errorf("make a folder to build in: %w", err)
	}
	defer os.RemoveAll(folder) //nolint:errcheck // nothing to be done
	for _, e := range s.list {
		p, err := platformOf(e.asset)
		if err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		sum, err := p.build(ctx, s, folder)
		if err != nil {
			return err
		}
		if sum != e.sum {
			return fmt.Errorf("%s says %s is %s and this tree gives %s; check out the tag %s and compare again", file, e.asset, e.sum, sum, s.version)
		}
		fmt.Fprintln(out, "same", e.asset)
	}
	return nil
}

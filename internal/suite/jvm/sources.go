package jvm

import (
	"bufio"
	"crypto/sha256"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/org/e2e-gate/internal/suite/adapter"
)

// sources are the files of a repository that decide which tests there are.
type sources struct {
	root string
	// classes are source files, from root, with slashes, by their path from a source
	// folder as the class name gives it: its last element without extension.
	classes map[string][]string
	// digest is that of all of them with their content.
	digest string
}

// notSources are folders of build output, or without sources.
var notSources = []string{".git", ".e2e-gate", ".gradle", ".idea", ".m2", "build", "node_modules", "target"}

// deciding are the extensions of files that decide which tests there are.
var deciding = []string{
	".java", ".kt", ".kts", ".groovy", ".scala", ".xml", ".gradle", ".properties", ".toml", ".yml", ".yaml", ".config", ".lockfile", ".feature",
}

// walkSources visits the regular files below a folder, except build output.
func walkSources(dir string, visit func(path string) error) error {
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && path != dir && slices.Contains(notSources, d.Name()):
			return fs.SkipDir
		case !d.Type().IsRegular():
			return nil
		}
		return visit(path)
	})
}

// scanSources reads the repository: a test may be inherited from any of its modules.
func scanSources(root string) (sources, error) {
	found := sources{root: root, classes: map[string][]string{}}
	h := sha256.New()
	err := walkSources(root, func(file string) error {
		ext := filepath.Ext(file)
		if !slices.Contains(deciding, ext) {
			return nil
		}
		rel, err := filepath.Rel(root, file)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		base := strings.TrimSuffix(path.Base(rel), ext)
		if ext == ".java" || ext == ".kt" || ext == ".groovy" || ext == ".scala" {
			found.classes[base] = append(found.classes[base], rel)
		}
		return hashFile(h, rel, file)
	})
	found.digest = fmt.Sprintf("%x", h.Sum(nil))
	return found, err
}

func hashFile(h io.Writer, name, file string) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	_, _ = fmt.Fprintf(h, "%q %d\n", name, info.Size())
	_, err = io.Copy(h, f)
	return err
}

// find is the file of a listed test, from dir, and the line of its declaration: that
// of the class that declares it, else that of the class that it runs in.
func (s sources) find(dir string, ev adapter.Event) (file string, line int) {
	for _, class := range []string{ev.Declaring, ev.Class} {
		outer, _, _ := strings.Cut(class, "$")
		from := s.source(dir, ev.Module, outer)
		if from == "" {
			continue
		}
		full := filepath.Join(s.root, filepath.FromSlash(from))
		if rel, err := filepath.Rel(dir, full); err == nil {
			return filepath.ToSlash(rel), declaration(full, ev.Name, ev.ID)
		}
	}
	return "", 0
}

// source is the file of an outermost class: one of the test's own module, if there
// are several.
func (s sources) source(dir, module, class string) string {
	want := "/" + strings.ReplaceAll(class, ".", "/")
	own, _ := filepath.Rel(s.root, filepath.Join(dir, filepath.FromSlash(module)))
	best := ""
	for _, file := range s.classes[path.Base(want)] {
		if !strings.HasSuffix("/"+strings.TrimSuffix(file, path.Ext(file)), want) {
			continue
		}
		if own == "." || strings.HasPrefix(file, filepath.ToSlash(own)+"/") {
			return file
		}
		if best == "" {
			best = file
		}
	}
	return best
}

// declaration is the line, from 1, on which a method is declared, or 0: the first
// on which its name stands before a parenthesis and after a type, fun or def. Of
// several, it is the one whose parameters look like those of the test's name.
func declaration(file, method, test string) int {
	if method == "" {
		return 0
	}
	declared, err := regexp.Compile("^[^=\"/*]*[\\w>\\]]\\s+[`\"]?" + regexp.QuoteMeta(method) + "[`\"]?\\s*\\((.*)")
	if err != nil {
		return 0
	}
	f, err := os.Open(file)
	if err != nil {
		return 0
	}
	defer func() { _ = f.Close() }()
	first, scan := 0, bufio.NewScanner(f)
	for n := 1; scan.Scan(); n++ {
		if !strings.Contains(scan.Text(), method) {
			continue
		}
		text := strings.TrimSpace(annotated.ReplaceAllString(scan.Text(), ""))
		m := declared.FindStringSubmatch(text)
		if m == nil || notDeclaring.MatchString(text) {
			continue
		}
		if sameParameters(m[1], test) {
			return n
		}
		if first == 0 {
			first = n
		}
	}
	return first
}

// annotated is an annotation, whose arguments may hold anything.
var annotated = regexp.MustCompile(`@[\w.:]+(?:\((?:[^()"]|"(?:\\.|[^"\\])*"|\((?:[^()"]|"(?:\\.|[^"\\])*")*\))*\))?`)

var notDeclaring = regexp.MustCompile(`^(return|throw|new|assert|else|yield)\b`)

var typeArguments = regexp.MustCompile(`<[^()]*>`)

// sameParameters compares a declaration's parameters with those in submits(String, int).
func sameParameters(declared, test string) bool {
	_, types, _ := strings.Cut(strings.TrimSuffix(test, ")"), "(")
	declared, _, _ = strings.Cut(typeArguments.ReplaceAllString(declared, ""), "{")
	if types == "" {
		return strings.HasPrefix(strings.TrimSpace(declared), ")")
	}
	list := strings.Split(types, ", ")
	return strings.Count(declared, ",") == len(list)-1 && !slices.ContainsFunc(list, func(name string) bool {
		return !strings.Contains(declared, name[strings.LastIndex(name, ".")+1:])
	})
}

// buildFile is a pom.xml, or a settings file of Gradle.
type buildFile struct{ dir, text string }

// maxBuildFile bounds what is read of one, in bytes.
const maxBuildFile = 1 << 20

// buildFiles reads those in a suite's directory, the first, and in those above it,
// and in all below it.
func buildFiles(upwards []string, names []string) ([]buildFile, error) {
	var files []buildFile
	add := func(file string) {
		if data, err := os.ReadFile(file); err == nil {
			files = append(files, buildFile{filepath.Dir(file), string(data[:min(len(data), maxBuildFile)])})
		}
	}
	for _, dir := range upwards[1:] {
		for _, name := range names {
			add(filepath.Join(dir, name))
		}
	}
	err := walkSources(upwards[0], func(file string) error {
		if slices.Contains(names, filepath.Base(file)) {
			add(file)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the build files: %w", err)
	}
	return files, nil
}

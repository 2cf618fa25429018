package depgraph

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
)

// artifact names a module of Maven.
type artifact struct {
	Group    string `xml:"groupId"`
	Artifact string `xml:"artifactId"`
}

type mavenBuild struct {
	Plugins    []mavenPlugin `xml:"plugins>plugin"`
	Managed    []mavenPlugin `xml:"pluginManagement>plugins>plugin"`
	Extensions []artifact    `xml:"extensions>extension"`
}

type mavenPlugin struct {
	artifact
	Dependencies []artifact `xml:"dependencies>dependency"`
}

// pom is what is read of a pom.xml. What dependencyManagement says is only the version of what a module names itself.
type pom struct {
	artifact
	Packaging    string     `xml:"packaging"`
	Parent       artifact   `xml:"parent"`
	Dependencies []artifact `xml:"dependencies>dependency"`
	Build        mavenBuild `xml:"build"`
	Profiles     []struct {
		Dependencies []artifact `xml:"dependencies>dependency"`
		Build        mavenBuild `xml:"build"`
	} `xml:"profiles>profile"`
}

// uses are all artifacts that a POM names, but its own.
func (p *pom) uses() []artifact {
	list := append([]artifact{p.Parent}, p.Dependencies...)
	builds := []mavenBuild{p.Build}
	for _, profile := range p.Profiles {
		list, builds = append(list, profile.Dependencies...), append(builds, profile.Build)
	}
	for _, b := range builds {
		list = append(list, b.Extensions...)
		for _, plugin := range append(b.Plugins, b.Managed...) {
			list = append(append(list, plugin.artifact), plugin.Dependencies...)
		}
	}
	return list
}

type mavenGraph struct{ folders }

// readMaven reads what modules of Maven depend on, of all scopes and profiles.
func (g *Graph) readMaven(tree fs.FS, files []string) (kind, error) {
	type module struct {
		pom
		at int
	}
	var modules []module
	byDir, sources := folders{}, folders{}
	for _, file := range files {
		if path.Base(file) != "pom.xml" {
			continue
		}
		data, err := read(tree, file)
		if errors.Is(err, errGone) {
			continue
		}
		if err != nil {
			return nil, err
		}
		m := module{}
		dec := xml.NewDecoder(bytes.NewReader(data))
		dec.CharsetReader = func(_ string, in io.Reader) (io.Reader, error) { return latin(in), nil }
		if err := dec.Decode(&m.pom); err != nil {
			if syntax := (*xml.SyntaxError)(nil); !errors.As(err, &syntax) {
				return nil, fmt.Errorf("%s cannot be read: %w", file, err)
			}
			continue // Maven cannot read it either: it is an example, or the change breaks it, and then everything is affected
		}
		if m.Group == "" {
			m.Group = m.Parent.Group
		}
		dir := path.Dir(file)
		m.at = g.add(Part{Dir: dir, Inert: m.Packaging == "pom"})
		modules, byDir[dir] = append(modules, m), append(byDir[dir], m.at)
		if m.Packaging != "pom" { // which has no files of its own
			sources[dir] = append(sources[dir], m.at)
		}
	}
	if len(modules) == 0 {
		return nil, errors.New("the repository has no pom.xml")
	}
	byName, odd := map[string][]module{}, []module{}
	for _, m := range modules {
		if byName[m.Artifact] = append(byName[m.Artifact], m); strings.Contains(m.Artifact, "${") {
			odd = append(odd, m)
		}
	}
	for _, user := range modules {
		for _, named := range user.uses() {
			if named.Artifact == "" {
				continue
			}
			named.Group = strings.NewReplacer("${project.groupId}", user.Group, "${pom.groupId}", user.Group).Replace(named.Group)
			among := append(slices.Clone(byName[named.Artifact]), odd...)
			if strings.Contains(named.Artifact, "${") {
				among = modules
			}
			for _, used := range among {
				if mayBe(named.Artifact, used.Artifact) && mayBe(named.Group, used.Group) {
					g.use(user.at, used.at)
				}
			}
		}
	}
	g.fill(byDir, files)
	return mavenGraph{sources}, nil
}

// latin reads a text of another encoding than UTF-8 as if a byte were a character: names of artifacts are ASCII.
func latin(in io.Reader) io.Reader {
	data, err := io.ReadAll(io.LimitReader(in, maxFile))
	if err != nil {
		return in
	}
	text := make([]rune, len(data))
	for i, b := range data {
		text[i] = rune(b)
	}
	return strings.NewReader(string(text))
}

// property is a part of a name that Maven fills in.
var property = regexp.MustCompile(`\$\{[^}]*\}`)

// mayBe reports whether two names can be the same, whatever the properties in them are.
func mayBe(a, b string) bool {
	a, b = strings.TrimSpace(a), strings.TrimSpace(b)
	if a == b {
		return true
	}
	return strings.Contains(a, "${") && pattern(a).MatchString(b) || strings.Contains(b, "${") && pattern(b).MatchString(a)
}

// pattern matches what a name with properties can be.
func pattern(name string) *regexp.Regexp {
	parts := property.Split(name, -1)
	for i := range parts {
		parts[i] = regexp.QuoteMeta(parts[i])
	}
	return regexp.MustCompile("^" + strings.Join(parts, ".*") + "$")
}

// of: a file is of every module whose folder it is in.
func (m mavenGraph) of(file string) (parts []int, known bool) {
	parts = m.above(file)
	return parts, len(parts) > 0
}

package depgraph

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// tree makes a tree of files: path and text in turns.
func tree(files ...string) (fstest.MapFS, []string) {
	fs := fstest.MapFS{}
	for i := 0; i < len(files); i += 2 {
		fs[files[i]] = &fstest.MapFile{Data: []byte(files[i+1])}
	}
	return fs, slices.Sorted(maps.Keys(fs))
}

// affected are the folders of the parts that a file affects, sorted, those of tests with a mark; "?" where others may depend on it too.
func affected(g *Graph, file string) string {
	own, known := g.Of(file)
	parts := g.Users(own)
	var list []string
	for _, p := range parts {
		name := p.Dir
		if p.Inert {
			name += "(inert)"
		}
		list = append(list, name)
	}
	slices.Sort(list)
	if list = slices.Compact(list); !known {
		list = append(list, "?")
	}
	return strings.Join(list, " ")
}

type question struct{ file, want string }

func ask(t *testing.T, kinds []string, questions []question, files ...string) {
	t.Helper()
	fs, names := tree(files...)
	g, err := Read(fs, names, kinds)
	if err != nil {
		t.Fatal(err)
	}
	for _, q := range questions {
		if got := affected(g, q.file); got != q.want {
			t.Errorf("%s affects %q, want %q", q.file, got, q.want)
		}
	}
}

func TestGo(t *testing.T) {
	ask(t, []string{Go}, []question{
		{"libs/http/http.go", "e2e/cases(inert) libs/http libs/http(inert) services/case services/pay services/pay(inert)"},
		{"libs/http/http_test.go", "libs/http(inert)"},
		{"libs/windows/w.go", "libs/windows services/pay services/pay(inert)"},
		{"services/pay/main.go", "services/pay services/pay(inert)"},
		{"services/pay/gone.go", "services/pay services/pay(inert)"},
		{"services/pay/web/page.html", "services/pay services/pay(inert) services/pay/web services/pay/web(inert) ?"},
		{"services/pay/web/x.go", "services/pay services/pay(inert) services/pay/web"},
		{"libs/http/testdata/x.json", "e2e/cases(inert) libs/http libs/http(inert) services/case services/pay services/pay(inert) ?"},
		{"libs/other/o.go", "libs/other services/case"},
		{"libs/replaced/r.go", "libs/replaced services/case"},
		{"vendor/github.com/x/y/y.go", "?"},
		{"new/x.go", "?"},
		{"README.md", ". .(inert) ?"},
		{"docs/README.md", "?"},
	},
		"main.go", "package main\n",
		"go.mod", "module example.com/mono // the root\n\ngo 1.24\n", "libs/other/go.mod", "module \"example.com/other\"\n",
		"libs/replaced/go.mod", "module example.com/replaced\n",
		"services/case/go.mod", "module example.com/case\nreplace (\n\texample.com/else v1.2.3 => ../../libs/replaced\n)\n",
		"libs/http/http.go", "package http\nimport \"net/http\"\n", "libs/http/http_test.go", "package http\n",
		"libs/windows/w.go", "//go:build windows\n\npackage windows\n",
		"services/pay/main.go", "package main\nimport (\n\t_ \"embed\"\n\t\"example.com/mono/libs/http\"\n)\n//go:embed web\nvar web string\n",
		"services/pay/main_windows.go", "package main\nimport _ \"example.com/mono/libs/windows\"\n", "services/pay/main_test.go", "package main\n",
		"services/pay/web/page.html", "", "services/pay/web/x.go", "package web\n",
		"services/case/main.go", "package main\nimport (\n\tx \"example.com/mono/libs/http\"\n\t\"example.com/other\"\n\t_ \"example.com/else\"\n\t_ \"example.com/mono/gone\"\n)\n",
		"libs/other/o.go", "package other\n", "libs/replaced/r.go", "package replaced\n",
		"e2e/cases/a_test.go", "//go:build e2e\n\npackage cases\nimport \"example.com/mono/libs/http\"\n",
		"libs/http/testdata/x.json", "{}", "libs/http/testdata/bad.go", "packag oops",
		"vendor/github.com/x/y/y.go", "package y\n",
	)
}

// A use that a change takes away needs no graph of the base: the file that it was in is changed.
func TestAnImportThatIsTakenAway(t *testing.T) {
	ask(t, []string{Go}, []question{{"libs/http/http.go", "libs/http"}, {"services/pay/main.go", "services/pay"}},
		"go.mod", "module m\n", "libs/http/http.go", "package http\n", "services/pay/main.go", "package main\n")
}

func TestNPM(t *testing.T) {
	ask(t, []string{NPM}, []question{
		{"packages/http/src/a.ts", "apps/case apps/pay apps/shop packages/http"},
		{"packages/http/cjs/x.js", "apps/case apps/pay apps/shop packages/http"},
		{"packages/http/fixtures/site/x.js", "apps/case apps/pay apps/shop packages/http packages/http/fixtures/site"},
		{"packages/lint/rules.js", ". apps/pay libs/odd packages/lint"},
		{"apps/pay/x.ts", "apps/pay"},
		{"apps/linked/x.ts", "apps/linked apps/pay"},
		{"tools/x.js", "?"},
		{"libs/client/a.ts", "e2e libs/client"},
		{"node_modules/@acme/http/x.js", "?"},
		{"packages/http/src/a.go", "apps/case apps/pay apps/shop packages/http ?"},
		{"packages/http/src/a.css", "apps/case apps/pay apps/shop packages/http"},
		{"site/tsconfig.json", "?"},
		{"site/home/a.ts", "site/home"},
	},
		"site/package.json", `{"name": "site-of-pages"}`, "site/pnpm-workspace.yaml", "", "site/home/package.json", `{"name": "home"}`,
		"package.json", `{"workspaces": ["packages/*", "apps/*"], "devDependencies": {"@acme/lint": "*"}}`,
		"packages/http/package.json", `{"name": "@acme/http"}`, "packages/http/cjs/package.json", `{"type": "commonjs"}`,
		"packages/http/fixtures/site/package.json", `{"name": "site"}`, "packages/lint/package.json", `{"name": "@acme/lint", "version": "1.0.0"}`,
		"apps/pay/package.json", `{"name": "pay", "dependencies": {"@acme/http": "^1.0.0", "linked": "link:../linked", "odd": {"x": 1}}}`,
		"apps/case/package.json", `{"name": "case", "peerDependencies": {"client": "npm:@acme/http@^1.2.0"}}`,
		"apps/shop/package.json", `{"name": "shop", "optionalDependencies": {"client": "workspace:@acme/http@*"}}`,
		"apps/linked/package.json", `{"name": "linked-under-another-name"}`,
		"e2e/package.json", `{"private": true, "devDependencies": {"@acme/client-of-tests": "*"}}`, "libs/client/package.json", `{"name": "@acme/client-of-tests"}`,
		"packages/http/broken/package.json", `{"name": "@acme/http"`, "libs/odd/package.json", "\xef\xbb\xbf"+`{"name": "odd", "dependencies": ["x"], "devDependencies": {"@acme/lint": "*"}}`,
		"packages/http/src/a.ts", "", "tools/x.js", "", "node_modules/@acme/http/package.json", `{`,
	)
}

func TestMaven(t *testing.T) {
	ask(t, []string{Maven}, []question{
		{"libs/common/src/main/java/A.java", "e2e libs/common payment-api"},
		{"libs/rules/src/main/resources/rules.xml", ".(inert) case-api e2e libs/common libs/rules payment-api"},
		{"libs/scala/src/A.scala", "case-api libs/scala"},
		{"payment-api/src/A.java", "payment-api"},
		{"src/x", "?"},
		{"pom.xml", "?"},
	},
		"pom.xml", `<?xml version="1.0"?><project xmlns="http://maven.apache.org/POM/4.0.0"><groupId>com.acme</groupId><artifactId>root</artifactId><packaging>pom</packaging>
<modules><module>libs/common</module></modules>
<dependencyManagement><dependencies>
<dependency><groupId>com.acme</groupId><artifactId>payment-api</artifactId></dependency></dependencies></dependencyManagement>
<build><pluginManagement><plugins><plugin><artifactId>maven-checkstyle-plugin</artifactId>
<dependencies><dependency><groupId>com.acme</groupId><artifactId>rules</artifactId>
</dependency></dependencies></plugin></plugins></pluginManagement></build></project>`,
		"libs/common/pom.xml", `<project><parent><groupId>com.acme</groupId><artifactId>root</artifactId></parent><artifactId>common</artifactId></project>`,
		"libs/broken/pom.xml", `<project><artifactId>common`,
		"libs/rules/pom.xml", `<?xml version="1.0" encoding="ISO-8859-1"?><project><name>R`+"\xe8"+`gles</name><groupId>com.acme</groupId><artifactId>rules</artifactId></project>`,
		"libs/scala/pom.xml", `<project><groupId>com.acme</groupId><artifactId>scala_${scala.version}</artifactId></project>`,
		"payment-api/pom.xml", `<project><parent><groupId>com.acme</groupId><artifactId>root</artifactId></parent><artifactId>payment-api</artifactId><profiles><profile>
<dependencies><dependency><groupId>${project.groupId}</groupId><artifactId>common</artifactId></dependency></dependencies></profile></profiles></project>`,
		"case-api/pom.xml", `<project><parent><groupId>com.acme</groupId><artifactId>root</artifactId></parent><artifactId>case-api</artifactId>
<dependencies><dependency><groupId>com.acme</groupId><artifactId>scala_2.13</artifactId></dependency></dependencies></project>`,
		"e2e/pom.xml", `<project><parent><groupId>com.acme</groupId><artifactId>root</artifactId></parent><artifactId>e2e</artifactId>
<dependencies><dependency><groupId>${acme.group}</groupId><artifactId>common</artifactId><scope>test</scope></dependency>
<dependency><groupId>org.other</groupId><artifactId>payment-api</artifactId></dependency></dependencies></project>`,
	)
}

// Where what decides on a graph cannot be read, there is none, and the message names the file.
func TestUnreadable(t *testing.T) {
	for name, tc := range map[string]struct {
		kind  string
		files []string
		want  string
	}{
		"a Go file that is none":   {Go, []string{"go.mod", "module m", "a/a.go", "packag a"}, "the imports of a/a.go cannot be read"},
		"no module":                {Go, []string{"a/a.go", "package a"}, "the repository has no go.mod"},
		"a module without a name":  {Go, []string{"x/go.mod", "go 1.20"}, "x/go.mod names no module"},
		"another kind of manifest": {NPM, []string{"a/package.yaml", `name: a`, "b/package.json", `{"name": "b"}`}, "a/package.yaml is not read"},
		"no package":               {NPM, []string{"a/package.json", `{"type": "module"}`}, "no package.json with a name"},
		"no POM":                   {Maven, []string{"a/x", ""}, "the repository has no pom.xml"},
		"another kind":             {"bazel", nil, `unknown graph "bazel"`},
	} {
		fs, names := tree(tc.files...)
		if _, err := Read(fs, names, []string{tc.kind}); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v, want %s", name, err, tc.want)
		}
	}
	fs, names := tree("go.mod", "module m", "a.go", "package a")
	if _, err := Read(fs, append(names, "gone.go"), []string{Go}); err != nil {
		t.Errorf("a file that was deleted and not committed: %v", err)
	}
}

// Each part that a change affects has to lead to one of which it is known what it is of.
func TestAstray(t *testing.T) {
	fs, names := tree("go.mod", "module m", "lib/l.go", "package l", "lib/l_test.go", "package l", "svc/main.go", "package main\nimport _ \"m/lib\"\n",
		"tool/main.go", "package main\nimport _ \"m/lib\"\n", "a/a.go", "package a\nimport _ \"m/svc\"\n", "tool/main_test.go", "package main\n")
	g, err := Read(fs, names, []string{Go})
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		file   string
		mapped []string
		want   string
	}{
		{"lib/l.go", []string{"svc", "tool", "a"}, ""},
		{"lib/l.go", []string{"tool", "a"}, ""},
		{"lib/l.go", []string{"svc", "a"}, "tool"}, // its own tests are not what it is for
		{"lib/l.go", []string{"svc", "tool"}, "a"},
		{"lib/l.go", []string{"lib"}, "svc"},
		{"lib/l_test.go", nil, ""},
	} {
		own, _ := g.Of(tc.file)
		parts := g.Users(own)
		got := ""
		if p := g.Astray(parts, func(p *Part) bool { return slices.Contains(tc.mapped, p.Dir) && !p.Inert }); p != nil {
			got = p.Dir
		}
		if got != tc.want {
			t.Errorf("%s with %v mapped: %q, want %q", tc.file, tc.mapped, got, tc.want)
		}
	}
	// Parts that use each other lead nowhere by that.
	fs, names = tree("a/package.json", `{"name":"a","devDependencies":{"b":"*"}}`, "b/package.json", `{"name":"b","dependencies":{"a":"*"}}`)
	if g, err = Read(fs, names, []string{NPM}); err != nil {
		t.Fatal(err)
	}
	own, known := g.Of("a/x.js")
	parts := g.Users(own)
	if len(parts) != 2 || !known || g.Astray(parts, func(*Part) bool { return false }) == nil {
		t.Errorf("%v %v", parts, known)
	}
}

func FuzzRead(f *testing.F) {
	f.Add("module m\nreplace x => ./y\n", "package a\nimport \"m/b\"\n", `{"name":"a","dependencies":{"a":"file:../b"}}`, "<project><artifactId>${a}</artifactId></project>")
	f.Fuzz(func(t *testing.T, mod, source, manifest, pom string) {
		fs, names := tree("go.mod", mod, "a/a.go", source, "b/b.go", "package b", "a/package.json", manifest, "b/package.json", `{"name":"b"}`, "a/pom.xml", pom,
			"b/pom.xml", "<project><artifactId>b</artifactId></project>")
		for _, kind := range Kinds() {
			g, err := Read(fs, names, []string{kind})
			if (err == nil) == (g == nil) {
				t.Fatalf("%s: %v, %v", kind, g, err)
			}
			if err == nil {
				own, _ := g.Of("b/b.go")
				g.Astray(g.Users(own), func(*Part) bool { return false })
			}
		}
	})
}

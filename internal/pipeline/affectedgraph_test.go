package pipeline

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/org/e2e-gate/internal/config"
	"github.com/org/e2e-gate/internal/depgraph"
)

// BenchmarkAffectedByGraph reads the imports of 3,000 packages of Go and maps 4,800 changed files of theirs to 1,000 services.
func BenchmarkAffectedByGraph(b *testing.B) {
	files, names := fstest.MapFS{"go.mod": {Data: []byte("module m\n")}}, []string{"go.mod"}
	c := &config.Config{}
	for i := range 3000 {
		text := "package p\n"
		for used := max(0, i-10); used < i; used++ {
			text += fmt.Sprintf("import _ \"m/p%d\"\n", used)
		}
		for j := range 5 {
			name := fmt.Sprintf("p%d/f%d.go", i, j)
			files[name], names = &fstest.MapFile{Data: []byte(text)}, append(names, name)
		}
		if i >= 2000 {
			c.Services = append(c.Services, config.Service{Name: fmt.Sprint("s", i), Paths: []string{fmt.Sprintf("p%d/**", i)}})
		}
	}
	for b.Loop() {
		a := affectedBy(c, "", names[1:4801], func() (beyond, error) {
			graph, err := depgraph.Read(files, names, []string{depgraph.Go})
			return beyond{graph: graph}, err
		})
		if a.everything != "" || len(a.services) != 1000 {
			b.Fatal(a.everything, len(a.services))
		}
	}
}

// The first of several links is named, whatever their order in memory.
func TestLinksAreNamedInOrder(t *testing.T) {
	graph, err := depgraph.Read(fstest.MapFS{"go.mod": {Data: []byte("module m\n")}}, []string{"go.mod"}, []string{depgraph.Go})
	if err != nil {
		t.Fatal(err)
	}
	links := map[string]string{}
	for i := range 20 {
		links["a"+strings.Repeat("/b", i)] = fmt.Sprintf("link-%02d", 20-i)
	}
	a := affectedBy(&config.Config{}, "", []string{"a" + strings.Repeat("/b", 30)}, func() (beyond, error) { return beyond{graph: graph, links: links}, nil })
	if !strings.HasSuffix(a.everything, "to which the link link-01 leads") {
		t.Error(a.everything)
	}
}

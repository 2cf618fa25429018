package pipeline

import (
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/org/e2e-gate/internal/testfiles"
)

// Bounds of the pictures that report.html embeds. Others are linked.
const (
	maxPictures      = 200
	maxPictureBytes  = 36 << 20    // of all together, which are 48 MB in the page
	maxPicturePixels = 400_000_000 // decoded, of all together: some seconds
)

// album embeds pictures of a run's folder into a page, each once, as long as there is room.
type album struct {
	out           string
	known         map[string]bool
	bytes, pixels int
}

// picture is a picture of the run's folder, by its name relative to it; nil if the file is none, is on the page already, or there is
// no more room.
func (a *album) picture(name string) *testfiles.Picture {
	if !slices.Contains([]string{".png", ".jpg", ".jpeg", ".gif", ".webp"}, strings.ToLower(path.Ext(name))) ||
		a.known[name] || len(a.known) >= maxPictures || a.bytes >= maxPictureBytes || a.pixels >= maxPicturePixels {
		return nil
	}
	if a.known == nil {
		a.known = map[string]bool{}
	}
	a.known[name] = true
	return a.read(name)
}

func (a *album) read(name string) *testfiles.Picture {
	root, err := os.OpenRoot(a.out)
	if err != nil {
		return nil
	}
	defer func() { _ = root.Close() }()
	file, err := root.Open(filepath.FromSlash(name))
	if err != nil {
		return nil
	}
	defer func() { _ = file.Close() }()
	info, err := file.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return nil
	}
	p, err := testfiles.ReadPicture(file, info.Size())
	a.pixels += p.Pixels
	if err != nil || a.bytes+len(p.Data) > maxPictureBytes {
		return nil
	}
	a.bytes += len(p.Data)
	return &p
}

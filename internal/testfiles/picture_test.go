package testfiles_test

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"strings"
	"testing"

	"github.com/org/e2e-gate/internal/testfiles"
	"github.com/org/e2e-gate/internal/testkit/need"
)

func aPNG(t testing.TB, w, h int) []byte {
	t.Helper()
	img := image.NewGray(image.Rect(0, 0, w, h))
	for i := range img.Pix {
		img.Pix[i] = uint8(i / 100) //nolint:gosec // any pattern
	}
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func picture(data []byte) (testfiles.Picture, error) {
	return testfiles.ReadPicture(bytes.NewReader(data), int64(len(data)))
}

// aWebP is a WebP of one pixel.
const aWebP = "UklGRiIAAABXRUJQVlA4IBYAAAAwAQCdASoBAAEADsD+JaQAA3AAAAAA"

func TestPictures(t *testing.T) {
	need.NoRaceDetector(t)
	var j, g bytes.Buffer
	img := image.NewPaletted(image.Rect(0, 0, 30, 20), color.Palette{color.White, color.Black})
	if jpeg.Encode(&j, img, nil) != nil || gif.Encode(&g, img, nil) != nil {
		t.Fatal("not encoded")
	}
	w, err := base64.StdEncoding.DecodeString(aWebP)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		data          []byte
		kind          string
		width, height int
	}{
		"small png":             {aPNG(t, 40, 30), "image/png", 40, 30},
		"jpeg":                  {j.Bytes(), "image/jpeg", 30, 20},
		"gif":                   {g.Bytes(), "image/gif", 30, 20},
		"webp":                  {w, "image/webp", 1, 1},
		"a wide one":            {aPNG(t, 2000, 500), "image/jpeg", 1000, 250},
		"a high one":            {aPNG(t, 1200, 3200), "image/jpeg", 600, 1600},
		"a very high one's top": {aPNG(t, 500, 4000), "image/jpeg", 500, 1600},
	} {
		p, err := picture(c.data)
		if err != nil || p.Type != c.kind || p.Width != c.width || p.Height != c.height {
			t.Errorf("%s: %v, %s of %d by %d", name, err, p.Type, p.Width, p.Height)
			continue
		}
		config, format, err := image.DecodeConfig(bytes.NewReader(p.Data))
		if err != nil || "image/"+format != p.Type || config.Width != p.Width || config.Height != p.Height {
			t.Errorf("%s: the data is %s of %d by %d (%v)", name, format, config.Width, config.Height, err)
		}
	}
}

// claims is a PNG whose header claims a size.
func claims(t testing.TB, w, h uint32) []byte {
	t.Helper()
	data := aPNG(t, 1, 1)
	binary.BigEndian.PutUint32(data[16:], w)
	binary.BigEndian.PutUint32(data[20:], h)
	binary.BigEndian.PutUint32(data[29:], crc32.ChecksumIEEE(data[12:29]))
	return data
}

// TestWhatIsNoPicture is only linked: no script of an SVG, no bomb, nothing that a browser would decide about.
func TestWhatIsNoPicture(t *testing.T) {
	good := aPNG(t, 40, 30)
	for name, c := range map[string]struct {
		data []byte
		why  string
	}{
		"svg":            {[]byte(`<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>`), "not a picture"},
		"html":           {[]byte("<html>"), "not a picture"},
		"nothing":        {nil, "not a picture"},
		"cut":            {good[:len(good)/2], "damaged"},
		"a bomb":         {claims(t, 60_000, 60_000), "60000 by 60000 pixels"},
		"overflow":       {claims(t, 1<<31-1, 1<<31-1), "p"},
		"more than told": {claims(t, 4000, 4000), "damaged"},
	} {
		if p, err := picture(c.data); err == nil || !strings.Contains(err.Error(), c.why) || p.Data != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := testfiles.ReadPicture(bytes.NewReader(good), 40<<20); err == nil || !strings.Contains(err.Error(), "40 MB") {
		t.Errorf("a file of 40 MB: %v", err)
	}
}

func FuzzPicture(f *testing.F) {
	f.Add(aPNG(f, 20, 10))
	f.Add([]byte("GIF89a"))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := picture(data)
		if err == nil && (len(p.Data) == 0 || p.Width < 1 || p.Height < 1 || !strings.HasPrefix(p.Type, "image/")) {
			t.Fatalf("%+v", p)
		}
	})
}

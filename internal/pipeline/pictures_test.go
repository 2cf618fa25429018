package pipeline

import (
	"bytes"
	"image"
	"image/png"
	"os"
	"path/filepath"
	"testing"
)

// TestAlbum: a picture is embedded once, as long as there is room; what is no picture, or lies elsewhere, is not.
func TestAlbum(t *testing.T) {
	out := t.TempDir()
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewGray(image.Rect(0, 0, 10, 10))); err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{"a.png": b.Bytes(), "b.PNG": b.Bytes(), "c.png": []byte("<svg/>"), "d.svg": b.Bytes(), "e.webm": b.Bytes(), "f.png": b.Bytes()} {
		if err := os.WriteFile(filepath.Join(out, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	a := &album{out: out}
	for _, name := range []string{"c.png", "d.svg", "e.webm", "gone.png", "../" + filepath.Base(out) + "/a.png", "/etc/x.png", ""} {
		if a.picture(name) != nil {
			t.Errorf("%q is a picture", name)
		}
	}
	if a.picture("a.png") == nil || a.picture("b.PNG") == nil {
		t.Error("a picture is none")
	}
	if a.picture("a.png") != nil {
		t.Error("a picture is there twice")
	}
	for name, full := range map[string]*album{"bytes": {out: out, bytes: maxPictureBytes - 1}, "pixels": {out: out, pixels: maxPicturePixels},
		"files": {out: out, known: func() map[string]bool {
			m := map[string]bool{}
			for i := range maxPictures {
				m[string(rune('a'+i%26))+filepath.Join("x", string(rune(i)))] = true
			}
			return m
		}()}} {
		if full.picture("f.png") != nil {
			t.Errorf("a picture beyond the bound of %s", name)
		}
	}
}

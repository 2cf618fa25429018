package testfiles

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	_ "image/gif" // a format that is read
	"image/jpeg"
	_ "image/png" // a format that is read
	"io"

	"golang.org/x/image/draw"
	_ "golang.org/x/image/webp" // a format that is read
)

// Bounds of pictures.
const (
	maxPictureFile = 32 << 20   // bytes of a file
	maxPixels      = 24_000_000 // of a file: a page of 1,200 by 20,000
	// maxWidth and maxHeight are those of a picture on the page, in pixels; larger ones are scaled.
	maxWidth, maxHeight = 1000, 1600
	asItIs              = 300 << 10 // bytes of a file that is embedded without a change
)

// Picture is an image for a page.
type Picture struct {
	// Type is its media type: image/png, image/jpeg, image/gif or image/webp.
	Type string
	Data []byte
	// Width and Height are in pixels. Pixels is how many were decoded.
	Width, Height, Pixels int
}

// ReadPicture decodes a PNG, JPEG, GIF or WebP file, and scales it down if it is large. The error says why it is no picture for a
// page: it is of another format, as SVG, damaged, or too large.
func ReadPicture(r io.ReaderAt, size int64) (Picture, error) {
	if size > maxPictureFile {
		return Picture{}, fmt.Errorf("it has %d MB", size>>20)
	}
	config, format, err := image.DecodeConfig(io.NewSectionReader(r, 0, size))
	if err != nil {
		return Picture{}, fmt.Errorf("it is not a picture that is known: %w", err)
	}
	p := Picture{Type: "image/" + format, Width: config.Width, Height: config.Height}
	if p.Width < 1 || p.Height < 1 || p.Width > maxPixels/p.Height {
		return Picture{}, fmt.Errorf("it has %d by %d pixels", p.Width, p.Height)
	}
	p.Pixels = p.Width * p.Height
	// The header may lie: only what can be decoded to its end is shown.
	img, _, err := image.Decode(io.NewSectionReader(r, 0, size))
	if err != nil {
		return Picture{Pixels: p.Pixels}, fmt.Errorf("it is damaged: %w", err)
	}
	if size <= asItIs && p.Width <= maxWidth && p.Height <= maxHeight {
		p.Data = make([]byte, size)
		if _, err := r.ReadAt(p.Data, 0); err != nil && err != io.EOF { //nolint:errorlint // of ReaderAt
			return Picture{Pixels: p.Pixels}, fmt.Errorf("read it again: %w", err)
		}
		return p, nil
	}
	return scaled(img, p)
}

// scaled is a picture within the bounds of the page, as JPEG.
func scaled(img image.Image, p Picture) (Picture, error) {
	factor := min(1, float64(maxWidth)/float64(p.Width), float64(maxHeight)/float64(p.Height))
	// A page as high as twenty screens would be an unreadable strip: its top is shown instead.
	from := img.Bounds()
	if p.Height > 4*p.Width {
		factor = min(1, float64(maxWidth)/float64(p.Width))
		from.Max.Y = from.Min.Y + min(p.Height, int(float64(maxHeight)/factor))
	}
	p.Width, p.Height = max(1, int(float64(from.Dx())*factor)), max(1, int(float64(from.Dy())*factor))
	to := image.NewRGBA(image.Rect(0, 0, p.Width, p.Height))
	draw.Draw(to, to.Bounds(), image.NewUniform(color.White), image.Point{}, draw.Src) // JPEG has no transparency
	draw.ApproxBiLinear.Scale(to, to.Bounds(), img, from, draw.Over, nil)
	var b bytes.Buffer
	if err := jpeg.Encode(&b, to, &jpeg.Options{Quality: 80}); err != nil {
		return Picture{Pixels: p.Pixels}, fmt.Errorf("encode it: %w", err)
	}
	p.Type, p.Data = "image/jpeg", b.Bytes()
	return p, nil
}

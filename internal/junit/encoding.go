package junit

import (
	"bufio"
	"bytes"
	"io"
	"strings"

	"golang.org/x/net/html/charset"
)

// sniffBytes is how far the encoding is looked for: log lines may stand before
// the XML declaration.
const sniffBytes = 4 << 10

// source is a report as UTF-8.
type source struct {
	io.Reader
	// encoding is the name of what was decoded; "" if the bytes were UTF-8.
	encoding string
	// trouble describes what is wrong with the declared encoding; loses is set if
	// nothing can be read.
	trouble string
	loses   bool
}

// decode finds out the encoding of r, by byte order mark, by the pattern of zero
// bytes, by the XML declaration, and makes UTF-8 of it.
func decode(r io.Reader) source {
	buffered := bufio.NewReaderSize(r, sniffBytes)
	start, _ := buffered.Peek(sniffBytes)
	label, trouble := sniff(start)
	if label == "utf-32" {
		return source{Reader: bytes.NewReader(nil), trouble: "UTF-32 cannot be read, so nothing of the file is kept", loses: true}
	}
	if label == "" {
		return source{Reader: buffered, trouble: trouble}
	}
	encoding, name := charset.Lookup(label)
	if encoding == nil || name == "replacement" {
		return source{Reader: buffered, trouble: "encoding " + quote(label) + " is unknown, so the file was read as UTF-8"}
	}
	return source{Reader: encoding.NewDecoder().Reader(buffered), encoding: name, trouble: trouble}
}

// sniff returns the label of the encoding, or "" for UTF-8.
func sniff(start []byte) (label, trouble string) {
	switch {
	case bytes.HasPrefix(start, []byte("\xef\xbb\xbf")):
		return "", ""
	case bytes.HasPrefix(start, []byte("\xff\xfe\x00\x00")), bytes.HasPrefix(start, []byte("\x00\x00\xfe\xff")):
		return "utf-32", ""
	case bytes.HasPrefix(start, []byte("\xff\xfe")):
		return "utf-16le", ""
	case bytes.HasPrefix(start, []byte("\xfe\xff")):
		return "utf-16be", ""
	}
	if wide := zeroPattern(start); wide != "" {
		return wide, ""
	}
	declared := strings.ToLower(declaredEncoding(start))
	switch {
	case declared == "", declared == "utf-8", declared == "utf8", strings.HasSuffix(declared, "ascii"):
		// Files that declare ASCII but hold other bytes are usually UTF-8.
		return "", ""
	case strings.HasPrefix(declared, "utf-16"), strings.HasPrefix(declared, "ucs-2"), strings.HasPrefix(declared, "utf-32"):
		return "", "the file declares " + quote(declared) + " but is not, so it was read as UTF-8"
	}
	return declared, ""
}

// zeroPattern recognises UTF-16 without a byte order mark: mostly ASCII, so that
// every second byte is zero.
func zeroPattern(start []byte) string {
	var zeros [2]int
	for i, b := range start {
		if b == 0 {
			zeros[i%2]++
		}
	}
	quarter := len(start) / 4
	switch {
	case len(start) < 4:
		return ""
	case zeros[1] > quarter && zeros[0] <= zeros[1]/8:
		return "utf-16le"
	case zeros[0] > quarter && zeros[1] <= zeros[0]/8:
		return "utf-16be"
	}
	return ""
}

// declaredEncoding returns the encoding of the first XML declaration, or "".
func declaredEncoding(start []byte) string {
	_, rest, found := bytes.Cut(start, []byte("<?xml"))
	if !found {
		return ""
	}
	declaration, _, found := bytes.Cut(rest, []byte("?>"))
	if !found {
		return ""
	}
	_, value, found := bytes.Cut(declaration, []byte("encoding"))
	if !found {
		return ""
	}
	value = bytes.TrimLeft(value, " \t\r\n=")
	if len(value) < 2 || value[0] != '"' && value[0] != '\'' {
		return ""
	}
	name, _, _ := bytes.Cut(value[1:], value[:1])
	return string(bytes.TrimSpace(name))
}

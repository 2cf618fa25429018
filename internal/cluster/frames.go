package cluster

import (
	"bufio"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/org/e2e-gate/internal/safetext"
)

// A pod hands over files by the last lines of its log, a frame each:
//
//	e2e-gate-frame:1 TOTAL INDEX CRC32 BASE64
//
// and then one line with the length and the digest of all that the frames hold together, which is an archive:
//
//	e2e-gate-end:1 TOTAL BYTES SHA256
//
// Lines are short, because container runtimes cut long ones. Frames may be read more than once, as after a stream that broke off.
const (
	frameWord = "e2e-gate-frame:1"
	endWord   = "e2e-gate-end:1"
	// frameBytes is what one frame holds: some 8 KiB as a line, half of what container runtimes write as one.
	frameBytes = 6 << 10
)

// MaxLogged bounds what one pod hands over by its log, compressed, in bytes. As lines that is 5.4 MiB: kubelets keep 10 MiB of a log
// and the API returns only the newest file of it, so that what a pod prints before has room too.
const MaxLogged = 4 << 20

// MaxChatter bounds what a pod may print before it hands over its files, in bytes.
const MaxChatter = 2 << 20

// ErrTooLarge says that the files do not fit into a pod's log.
var ErrTooLarge = errors.New("more than a pod's log takes")

// writeFrames writes files as frames. Those of a name in must are handed over or it is [ErrTooLarge]; of the others, in their order, as
// many as there is room for. It returns the names of those that were left out.
func writeFrames(w io.Writer, must, others []packed) (left []string, err error) {
	data, err := pack(must)
	if err != nil {
		return nil, err
	}
	if len(data) > MaxLogged {
		return nil, fmt.Errorf("%w: %s when compressed, and %s is the most", ErrTooLarge, safetext.Size(len(data)), safetext.Size(MaxLogged))
	}
	// What a file adds is known when it was compressed: alone it takes at least as much as beside others.
	room, taken := MaxLogged-len(data), slices.Clone(must)
	for _, f := range others {
		alone, err := pack([]packed{f})
		if err != nil {
			return nil, err
		}
		if len(alone) > room {
			left = append(left, f.name)
			continue
		}
		room -= len(alone)
		taken = append(taken, f)
	}
	if data, err = pack(taken); err != nil {
		return nil, err
	}
	buffered := bufio.NewWriter(w)
	total := (len(data) + frameBytes - 1) / frameBytes
	i := 0
	for part := range slices.Chunk(data, frameBytes) {
		_, _ = fmt.Fprintf(buffered, "%s %d %d %08x %s\n", frameWord, total, i, crc32.ChecksumIEEE(part), base64.StdEncoding.EncodeToString(part))
		i++
	}
	sum := sha256.Sum256(data)
	_, _ = fmt.Fprintf(buffered, "%s %d %d %s\n", endWord, total, len(data), hex.EncodeToString(sum[:]))
	return left, buffered.Flush()
}

// received gathers the frames of one pod's log, which may be read in several goes.
type received struct {
	parts [][]byte
	have  int
	total int
	bytes int
	sum   string
	// last are the last lines that are no frames.
	last []string
	// torn: frames contradict each other.
	torn bool
}

// maxFrames bounds how many frames a log may announce.
const maxFrames = MaxLogged/frameBytes + 1

// lastLines are kept of what a pod printed otherwise.
const lastLines = 20

// read takes what a stream gives, until its end. An error is that of the stream: what it gave counts.
func (r *received) read(stream io.Reader) error {
	in := bufio.NewReaderSize(stream, 32<<10)
	r.last = r.last[:0]
	for {
		line, err := in.ReadSlice('\n')
		if errors.Is(err, bufio.ErrBufferFull) { // no frame is so long
			for errors.Is(err, bufio.ErrBufferFull) {
				_, err = in.ReadSlice('\n')
			}
			line = []byte("(a long line)\n")
		}
		// A line without its end may be a part of one.
		if len(line) > 0 && line[len(line)-1] == '\n' {
			r.line(strings.TrimRight(string(line), "\r\n"))
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func (r *received) line(line string) {
	fields := strings.Fields(line)
	switch {
	case len(fields) == 5 && fields[0] == frameWord:
		r.frame(fields[1:])
	case len(fields) == 4 && fields[0] == endWord:
		total, err1 := strconv.Atoi(fields[1])
		size, err2 := strconv.Atoi(fields[2])
		if err1 != nil || err2 != nil || !r.announce(total) || r.sum != "" && (r.sum != fields[3] || r.bytes != size) {
			r.torn = true
			return
		}
		r.bytes, r.sum = size, fields[3]
	default:
		if r.last = append(r.last, line); len(r.last) > lastLines {
			r.last = r.last[1:]
		}
	}
}

// announce takes how many frames there are to be.
func (r *received) announce(total int) bool {
	if total < 1 || total > maxFrames || r.total != 0 && r.total != total {
		return false
	}
	if r.total == 0 {
		r.total, r.parts = total, make([][]byte, total)
	}
	return true
}

func (r *received) frame(fields []string) {
	total, err1 := strconv.Atoi(fields[0])
	at, err2 := strconv.Atoi(fields[1])
	sum, err3 := strconv.ParseUint(fields[2], 16, 32)
	data, err4 := base64.StdEncoding.DecodeString(fields[3])
	if errors.Join(err1, err2, err3, err4) != nil || at < 0 || len(data) == 0 || len(data) > frameBytes || uint64(crc32.ChecksumIEEE(data)) != sum {
		return // damaged: a second reading may have it whole
	}
	if !r.announce(total) || at >= total {
		r.torn = true
		return
	}
	switch {
	case r.parts[at] == nil:
		r.parts[at] = data
		r.have++
	case string(r.parts[at]) != string(data):
		r.torn = true
	}
}

// complete reports whether all was read that there is to read.
func (r *received) complete() bool { return r.torn || r.sum != "" && r.have == r.total }

// files are what the frames hold.
func (r *received) files(each func(name string, data []byte) error) error {
	switch {
	case r.torn:
		return errors.New("the frames in its log contradict each other: something else wrote such lines")
	case r.total == 0 && r.sum == "":
		return errors.New("its log has no documents")
	case r.have < r.total || r.sum == "":
		return fmt.Errorf("its log has %d of %d frames of its documents", r.have, r.total)
	}
	data := slices.Concat(r.parts...)
	if sum := sha256.Sum256(data); len(data) != r.bytes || hex.EncodeToString(sum[:]) != r.sum {
		return errors.New("the documents in its log are damaged: their digest does not fit")
	}
	return unpack(strings.NewReader(string(data)), maxUnpacked, each)
}

// maxUnpacked bounds what the frames of a pod hold, uncompressed, in bytes.
const maxUnpacked = 512 << 20

// Received gives each file that a pod's log hands over.
func Received(log io.Reader, each func(name string, data []byte) error) error {
	var r received
	if err := r.read(log); err != nil {
		return err
	}
	return r.files(func(name string, data []byte) error {
		if err := localName(name); err != nil {
			return err
		}
		return each(name, data)
	})
}

package github

import (
	"bytes"
	"io"
	"net/http"
	"sync"
)

// maxRemembered bounds the answers that are kept, in bytes together.
const maxRemembered = 16 << 20

// memory keeps answers with their tags, so that what a client asks for again is asked
// with a condition: an answer that it is still the same costs nothing of the hourly rate
// limit. It lasts as long as the client.
type memory struct {
	mu    sync.Mutex
	kept  map[string]kept
	bytes int
}

type kept struct {
	tag    string
	header http.Header
	body   []byte
}

// ask puts the condition into a request.
func (m *memory) ask(req *http.Request) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if k, ok := m.kept[req.URL.String()]; ok && req.Method == http.MethodGet {
		req.Header.Set("If-None-Match", k.tag)
	}
}

// same makes the answer that is kept of one that says it is still the same.
func (m *memory) same(resp *http.Response) (data []byte, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	k, ok := m.kept[resp.Request.URL.String()]
	if !ok || resp.StatusCode != http.StatusNotModified || resp.Request.Method != http.MethodGet {
		return nil, false
	}
	resp.StatusCode, resp.Status, resp.Header = http.StatusOK, "200 OK", k.header.Clone()
	return k.body, true
}

// keep keeps an answer that can be used. It skips answers that do not fit.
func (m *memory) keep(resp *http.Response, data []byte) {
	tag := resp.Header.Get("ETag")
	if tag == "" || resp.Request.Method != http.MethodGet || resp.StatusCode != http.StatusOK {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	address := resp.Request.URL.String()
	m.bytes -= len(m.kept[address].body)
	delete(m.kept, address)
	if m.bytes+len(data) > maxRemembered {
		return
	}
	if m.kept == nil {
		m.kept = map[string]kept{}
	}
	m.kept[address] = kept{tag: tag, header: resp.Header.Clone(), body: bytes.Clone(data)}
	m.bytes += len(data)
}

// answer puts data back as the body of an answer.
func answer(resp *http.Response, data []byte) *http.Response {
	resp.Body, resp.ContentLength = io.NopCloser(bytes.NewReader(data)), int64(len(data))
	return resp
}

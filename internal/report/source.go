package report

import (
	"net/url"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"unicode"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/safetext"
)

// sourceLink is the page of the forge that shows where an attempt failed, at the commit of the tests. It is empty where git does not
// track that file, or the address of the run does not say which forge it is.
func sourceLink(r e2e.Run, a *e2e.Attempt) string {
	sha := r.SHA
	if r.TestsSHA != "" { // the file is one of the tests; the run's page is theirs, if it is known whose it is
		sha = ""
		if r.TestsRepository != "" {
			sha = r.TestsSHA
		}
	}
	if a == nil || !a.Tracked || sha == "" || strings.Trim(sha, "0123456789abcdef") != "" {
		return ""
	}
	file, line := e2e.SplitPlace(a.At)
	if file == "" || !filepath.IsLocal(file) || path.Clean(file) != file || strings.ContainsFunc(file, unicode.IsControl) {
		return ""
	}
	repository, between := "", ""
	switch before, _, actions := strings.Cut(r.URL, "/actions/runs/"); {
	case actions && r.Forge == "":
		repository, between = before, "/blob/"
	case actions:
		repository, between = before, "/src/commit/" // Gitea, Forgejo
	default:
		if before, _, gitlab := strings.Cut(r.URL, "/-/pipelines/"); gitlab {
			repository, between = before, "/-/blob/"
		}
	}
	if repository == "" {
		return ""
	}
	address := repository + between + sha + "/" + (&url.URL{Path: file}).EscapedPath()
	if line > 0 {
		address += "#L" + strconv.Itoa(line)
	}
	return safetext.URL(address)
}

// TerminalLinks are absolute folders by which a terminal opens files that a text names.
type TerminalLinks struct {
	// Root is the repository's, Out the run's.
	Root, Out string
}

// fileTarget is the address of a file below a folder; empty if it does not lie there.
func fileTarget(folder, name string) string {
	if folder == "" || name == "" || !filepath.IsLocal(filepath.FromSlash(name)) || strings.ContainsFunc(name, unicode.IsControl) {
		return ""
	}
	full := filepath.ToSlash(filepath.Join(folder, filepath.FromSlash(name)))
	if !strings.HasPrefix(full, "/") {
		full = "/" + full // a drive of Windows
	}
	return (&url.URL{Scheme: "file", Path: full}).String()
}

// linked is [sheet.path] whose text opens a target in terminals that have links; others show the text alone.
func (s *sheet) linked(label, text, target string) {
	if text == "" || target == "" {
		s.path(label, text)
		return
	}
	head := "  " + label + strings.Repeat(" ", max(labelWidth-2-len(label), 1))
	plain := safetext.Neutral(head + text)
	if !strings.HasPrefix(plain, head) {
		s.b.WriteString(plain + "\n")
		return
	}
	s.b.WriteString(head + "\x1b]8;;" + target + "\x1b\\" + plain[len(head):] + "\x1b]8;;\x1b\\\n")
}

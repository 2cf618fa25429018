package report

import (
	"net/url"
	"regexp"
	"strings"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/safetext"
)

// judgedFacts say what was judged: the commit, where it was deployed and as which version, and where the tests are from, if that is
// another commit. text makes values fit for a medium; commit and tests are the two commits as it shows them.
func judgedFacts(r e2e.Run, text func(string) string, commit, tests string) (facts []string) {
	var subject []string
	add := func(what, value string) {
		if value != "" {
			subject = append(subject, what+text(value))
		}
	}
	switch {
	case r.TestsSHA != "" && r.SHA != "":
		add("commit "+commit+" of ", r.Repository)
	case r.TestsSHA != "":
		add("", r.Repository)
	case r.SHA != "":
		subject = append(subject, "commit "+commit)
	}
	add("version ", r.ProductVersion)
	add("in ", r.Environment)
	if len(subject) > 0 {
		facts = append(facts, strings.Join(subject, ", "))
	}
	if r.TestsSHA != "" {
		from := "tests at commit " + tests
		if r.TestsRepository != "" {
			from += " of " + text(r.TestsRepository)
		}
		facts = append(facts, from)
	}
	return facts
}

// deployed reports whether more was judged than simply the commit that is checked out.
func deployed(r e2e.Run) bool {
	return r.Named || r.TestsSHA != "" || r.ProductVersion != "" || r.Environment != ""
}

// deployedFacts is judgedFacts with whole commits, where that is more than the commit that is checked out; it is not clean.
func deployedFacts(r e2e.Run) []string {
	if !deployed(r) {
		return nil
	}
	return judgedFacts(r, func(s string) string { return s }, r.SHA, r.TestsSHA)
}

// plainJudged is judgedFacts in a line without marks; it is not clean.
func plainJudged(r e2e.Run) string {
	sha, _ := safetext.Cut(r.SHA, 10)
	tests, _ := safetext.Cut(r.TestsSHA, 10)
	return strings.Join(judgedFacts(r, func(s string) string { return s }, sha, tests), "; ")
}

// commitLink is the short hash of the commit under test, with a link to its page where
// the run's page says where that is.
func commitLink(r e2e.Run) string {
	repository := homeOf(r.URL)
	if r.TestsSHA != "" {
		repository = subjectPage(r)
	}
	return shaLink(repository, r.SHA)
}

// testsLink is the same for the commit of the tests.
func testsLink(r e2e.Run) string {
	repository := homeOf(r.URL)
	if r.TestsRepository == "" {
		repository = "" // the page is of another repository
	}
	return shaLink(repository, r.TestsSHA)
}

func shaLink(repository, full string) string {
	sha, _ := safetext.Cut(full, 10)
	page := safetext.URL(repository + "/commit/" + full)
	if repository == "" || page == "" || strings.Trim(full, "0123456789abcdef") != "" {
		return safetext.Code(sha, 20)
	}
	return "[" + safetext.Code(sha, 20) + "](" + page + ")"
}

// homeOf is the address of the repository that a run's page belongs to; empty: it does not show it.
func homeOf(page string) string {
	repository, _, ok := strings.Cut(page, "/actions/runs/")
	if !ok {
		return ""
	}
	return repository
}

var ownerName = regexp.MustCompile(`^[A-Za-z0-9_-][A-Za-z0-9_.-]*/[A-Za-z0-9_-][A-Za-z0-9_.-]*$`)

// subjectPage is the address of the subject's repository, on the forge of the run; empty: it is not known.
func subjectPage(r e2e.Run) string {
	u, err := url.Parse(homeOf(r.URL))
	if err != nil || u.Host == "" || r.Forge != "" || !ownerName.MatchString(r.Repository) {
		return ""
	}
	return u.Scheme + "://" + u.Host + "/" + r.Repository
}

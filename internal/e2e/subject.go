package e2e

import "strings"

// Subject is what a run judges: a commit of a repository, and where it was deployed. Runs, records of the history, statements and
// what is posted name it by the same values. What is not known is empty.
type Subject struct {
	Repository string `json:"repository,omitempty" mask:"-" doc:"owner/name."`
	SHA        string `json:"sha,omitempty" mask:"-" doc:"Commit under test."`
	Ref        string `json:"ref,omitempty" mask:"-" doc:"Git ref under test."`
	// Environment and ProductVersion come from who deployed.
	Environment    string `json:"environment,omitempty" mask:"-" doc:"Environment that the commit was deployed to, by who started the run."`
	ProductVersion string `json:"product_version,omitempty" mask:"-" doc:"Version of what was deployed, by who started the run. Gates of the kind version check it; this does not."`
}

// minCommit is the shortest abbreviation of a commit that proves something.
const minCommit = 7

// VerifiedBy reports whether a gate proved that the subject is what was deployed: a required check of the kind version demands the subject's
// commit or version, and was healthy before the suites and while they ran.
func (s Subject) VerifiedBy(gates []Gate) bool {
	proven := false
	for _, g := range gates {
		short, sha := strings.ToLower(g.Demands), strings.ToLower(s.SHA)
		about := g.Demands != "" && (g.Demands == s.ProductVersion || len(short) >= minCommit && strings.HasPrefix(sha, short))
		if !about || g.Kind != "version" || !g.Required {
			continue
		}
		if g.State != Healthy || len(g.LostSpans()) > 0 {
			return false
		}
		proven = true
	}
	return proven
}

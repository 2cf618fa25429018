package e2e

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

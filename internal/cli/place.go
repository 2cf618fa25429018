package cli

import (
	"cmp"
	"errors"
	"strings"
	"time"

	"github.com/org/e2e-gate/internal/adapter/folder"
	"github.com/org/e2e-gate/internal/adapter/github"
	"github.com/org/e2e-gate/internal/forge"
	"github.com/org/e2e-gate/internal/publish"
	"github.com/org/e2e-gate/internal/trigger"
)

// connection is a forge: a place to publish at and to read from. Type assertions show what
// else it has, such as check runs or a merge queue.
type connection interface {
	publish.Place
	forge.Reader
}

// openPlace opens the place that --publish names. It is nil if the flag is empty: then the
// forge is the place. Every kind of place is opened here. An error is a usage error.
func openPlace(address string) (publish.Place, error) {
	if address == "" {
		return nil, nil
	}
	path, ok := strings.CutPrefix(address, "dir:")
	if !ok || path == "" {
		return nil, usage("--publish: unknown place %q; use dir:PATH, or leave it out to publish on GitHub", address)
	}
	place, err := folder.Open(path)
	if err != nil {
		return nil, usage("--publish: cannot publish into %s: %w", path, err)
	}
	return place, nil
}

// openForge connects to the forge that started the run; it is nil without a token. limit
// bounds the time of all calls together. It makes no request. On another platform GITHUB_TOKEN may be meant for something else, and
// GitHub may have another repository of that name: there it counts only beside E2E_GATE_API_URL.
func (a *App) openForge(t trigger.Trigger, limit time.Duration) (connection, error) {
	if a.getenv("GITHUB_TOKEN") == "" || t.Platform != "" && a.getenv("E2E_GATE_API_URL") == "" {
		return nil, nil
	}
	return a.forgeOf(t, limit)
}

// forgeOf is the forge of the run. Without a token it must not be asked anything.
func (a *App) forgeOf(t trigger.Trigger, limit time.Duration) (connection, error) {
	if a.budget == nil {
		a.budget = &forge.Budget{}
	}
	return a.forgeWith(t, a.getenv("GITHUB_TOKEN"), a.budget, limit)
}

// forgeWith is the forge with a token. Every kind of forge is opened here.
func (a *App) forgeWith(t trigger.Trigger, token string, budget *forge.Budget, limit time.Duration) (connection, error) {
	return github.Open(github.Options{
		BaseURL: cmp.Or(a.getenv("E2E_GATE_API_URL"), a.getenv("GITHUB_API_URL")), GraphQLURL: a.getenv("GITHUB_GRAPHQL_URL"),
		Repository: t.Repository, Forge: t.Forge, Token: token, Fork: t.Fork || t.Dependabot,
		Now: a.Now, Transport: a.Transport, Time: limit, UserAgent: "e2e-gate/" + version(), Budget: budget,
	})
}

// openSubject connects to the repository of a subject that is not the event's, with the token that is meant for it alone. t is of that
// repository. On another platform an address has to say that GitHub is meant, as for the run's own token.
func (a *App) openSubject(t trigger.Trigger, limit time.Duration) (connection, error) {
	token := a.getenv(writesSubject)
	if token == "" || t.Platform != "" && a.getenv("E2E_GATE_API_URL") == "" {
		return nil, errNoSubjectToken
	}
	return a.forgeWith(t, token, nil, limit)
}

// keepsBackups reports whether the history can be repaired from artifacts of the forge, also
// where there is no token yet.
func (a *App) keepsBackups(t trigger.Trigger) bool {
	c, err := a.forgeOf(t, publishTime)
	_, ok := c.(forge.Backups)
	return ok || err != nil
}

// publishTime bounds everything that a run publishes, and asks at its start. The contract
// says under 60 s.
const publishTime = github.PublishTime

// errNoSubjectToken says that the repository of the subject cannot be reached.
var errNoSubjectToken = errors.New("posting on the subject needs " + writesSubject + " in the environment, and on another platform than GitHub Actions also " +
	"E2E_GATE_API_URL")

// errNoToken says that the forge cannot be reached.
var errNoToken = errors.New("publishing needs GITHUB_TOKEN in the environment")

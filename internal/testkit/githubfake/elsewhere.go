package githubfake

import (
	"net/http"
	"slices"
)

// elsewhere answers for another repository than the server's. GITHUB_TOKEN is limited to the
// repository of its workflow ("Automatic token authentication"); like every token it reads public
// repositories, and gets 404 for those that it does not see ("Troubleshooting the REST API": "404
// Not Found ... instead of 403 to avoid confirming the existence of private repositories").
func elsewhere(handle func(call, *Repo) answer) func(call) answer {
	return func(c call) answer {
		r, ok := c.Others[c.args[0]+"/"+c.args[1]]
		if !ok || handle == nil || r.Private && c.user != App {
			return refusal(http.StatusNotFound, "Not Found")
		}
		return handle(c, r)
	}
}

func contentsOf(c call, r *Repo) answer { return contents(c, r.Files) }

func commitOf(c call, r *Repo) answer { return resolved(c, r.Refs, r.Files) }

// written answers a write to another repository's commit: only an App that is installed there may, and what is not a commit there is
// refused ("Create a commit status": 422).
func written(handle func(call) answer) func(call, *Repo) answer {
	return func(c call, r *Repo) answer {
		switch {
		case c.user != App || r.ReadOnly:
			return refusal(http.StatusForbidden, "Resource not accessible by integration")
		case !r.has(c.args[2]):
			return refusal(http.StatusUnprocessableEntity, "No commit found for SHA: "+c.args[2])
		}
		return r.as(c, handle)
	}
}

// seen answers a read of another repository's statuses and deployments.
func seen(handle func(call) answer) func(call, *Repo) answer {
	return func(c call, r *Repo) answer { return r.as(c, handle) }
}

// deployed answers a status of another repository's deployment.
func deployed(handle func(call) answer) func(call, *Repo) answer {
	return func(c call, r *Repo) answer {
		if c.user != App || r.ReadOnly {
			return refusal(http.StatusForbidden, "Resource not accessible by integration")
		}
		return r.as(c, handle)
	}
}

func (r *Repo) has(sha string) bool {
	_, ok := r.Files[sha]
	return ok
}

// as lets a handler work on the statuses and deployments of this repository in place of the server's own.
func (r *Repo) as(c call, handle func(call) answer) answer {
	ownStatuses, ownDeployments := c.statuses, c.Deployments
	c.statuses, c.Deployments = r.statuses, r.Deployments
	defer func() {
		r.statuses, r.Deployments = c.statuses, c.Deployments
		c.statuses, c.Deployments = ownStatuses, ownDeployments
	}()
	return handle(c)
}

// StatusesThere are the statuses of another repository, the newest first.
func (s *Server) StatusesThere(repository string) []Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.Others[repository].statuses)
}

package githubfake

import "net/http"

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

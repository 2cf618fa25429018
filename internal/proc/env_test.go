package proc

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// The names come from contracts.md, "What children get", one by one.
func TestWithheld(t *testing.T) {
	withheld := []string{
		"GITHUB_TOKEN", "GH_TOKEN", "INPUT_ANYTHING", "INPUT_", "ACTIONS_RUNTIME_URL", "ACTIONS_ID_TOKEN_REQUEST_URL", "ACTIONS_",
		"GITHUB_OUTPUT", "GITHUB_ENV", "GITHUB_PATH", "GITHUB_STATE", "GITHUB_STEP_SUMMARY",
		"TOKEN", "NPM_TOKEN", "TOKEN_URL", "MY_TOKENS_X", "SECRET", "CLIENT_SECRET", "SECRETS_FILE", "PASSWORD", "DB_PASSWORD", "PASSWORD_FILE",
		"_KEY", "API_KEY", "AWS_SECRET_ACCESS_KEY", "github_token", "Input_x", "db_Password", "api_key", "INPUT_A/B", "A/B_TOKEN/C", "DATABASE_URL", "database_url",
	}
	inherited := []string{
		"PATH", "HOME", "GITHUB_SHA", "GITHUB_RUN_ID", "GITHUB_WORKSPACE", "GITHUB_EVENT_PATH", "GITHUB_REPOSITORY", "GITHUB_ACTIONS", "CI", "RUNNER_TEMP",
		"INPUT", "MY_INPUT_X", "ACTIONS", "MY_ACTIONS_X", "KEY", "MONKEY", "API_KEYS", "KEY_FILE", "GITHUB_ENVIRONMENT", "GITHUB_PATHS", "PASSWD", "PASS",
		"TOKE", "DATABASE_URL_2",
	}
	for _, name := range withheld {
		if !Withheld(name, []string{"DATABASE_URL"}) {
			t.Errorf("%s is inherited", name)
		}
	}
	for _, name := range inherited {
		if Withheld(name, []string{"DATABASE_URL"}) {
			t.Errorf("%s is withheld", name)
		}
	}
}

func TestCleanEnv(t *testing.T) {
	for _, tc := range []struct {
		name string
		env  Env
		want []string
	}{
		{"nothing", Env{}, []string{}},
		{"sorted", Env{Base: []string{"B=2", "A=1", "a=3"}}, []string{"A=1", "B=2", "a=3"}},
		{"withheld", Env{Base: []string{"GITHUB_TOKEN=x", "A=1", "GITHUB_OUTPUT=/f"}}, []string{"A=1"}},
		{"secrets by name", Env{Base: []string{"DSN=x", "A=1"}, Secrets: []string{"DSN"}}, []string{"A=1"}},
		{"pass restores one", Env{Base: []string{"E2E_PASSWORD=x", "OTHER_PASSWORD=y", "DSN=z"}, Secrets: []string{"DSN"},
			Pass: []string{"E2E_PASSWORD", "DSN"}}, []string{"DSN=z", "E2E_PASSWORD=x"}},
		{"nothing of the gate's own is passed", Env{Base: []string{"INPUT_TOKEN=x", "github_token=x", "ACTIONS_RUNTIME_TOKEN=x", "GITHUB_ENV=/f", "GH_TOKEN=y"},
			Pass: []string{"INPUT_TOKEN", "github_token", "ACTIONS_RUNTIME_TOKEN", "GITHUB_ENV", "GH_TOKEN"}}, []string{"GH_TOKEN=y"}},
		{"pass adds nothing", Env{Pass: []string{"E2E_PASSWORD"}}, []string{}},
		{"pass is not a pattern", Env{Base: []string{"A_TOKEN=x"}, Pass: []string{"*"}}, []string{}},
		{"set wins over base", Env{Base: []string{"A=1"}, Set: []map[string]string{{"A": "2"}}}, []string{"A=2"}},
		{"set wins over withheld", Env{Base: []string{"API_KEY=1"}, Set: []map[string]string{{"API_KEY": "2"}}}, []string{"API_KEY=2"}},
		{"later sets win", Env{Set: []map[string]string{{"A": "1", "B": "1"}, {"A": "2"}, nil}}, []string{"A=2", "B=1"}},
		{"values are kept as they are", Env{Base: []string{"A=b=c d\n", "E="}}, []string{"A=b=c d\n", "E="}},
		{"an entry that is not a variable is dropped", Env{Base: []string{"novalue", "=C:=x", "", "A=1"}}, []string{"A=1"}},
		{"the last of doubles", Env{Base: []string{"A=1", "A=2"}}, []string{"A=2"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, CleanEnv(tc.env)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestCleanEnvProperties(t *testing.T) {
	name := rapid.OneOf(rapid.StringMatching(`[A-Za-z_]{1,12}`), rapid.SampledFrom([]string{"GITHUB_TOKEN", "INPUT_X", "A_KEY", "PATH", "x_secret_y"}))
	rapid.Check(t, func(t *rapid.T) {
		names := rapid.SliceOf(name).Draw(t, "names")
		secrets := rapid.SliceOfN(name, 0, 3).Draw(t, "secrets")
		pass := rapid.SliceOfN(name, 0, 3).Draw(t, "pass")
		base := make([]string, len(names))
		for i, n := range names {
			base[i] = n + "=v"
		}
		got := CleanEnv(Env{Base: base, Secrets: secrets, Pass: pass})
		if !slices.IsSorted(got) {
			t.Fatalf("not sorted: %q", got)
		}
		for _, kv := range got {
			n, _, _ := strings.Cut(kv, "=")
			if !slices.Contains(names, n) || Own(n) || Withheld(n, secrets) && !slices.Contains(pass, n) {
				t.Fatalf("%s got through", n)
			}
		}
	})
}

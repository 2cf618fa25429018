package secrets

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Names that people give to secrets, and names that only look alike.
func TestLooksSecret(t *testing.T) {
	for _, name := range strings.Fields(`DB_PASSWD AWS_CREDENTIALS AZURE_CREDENTIALS GITHUB_PAT APIKEY MYAPIKEY SIGNING_PASSPHRASE KEYSTORE_PASS
		E2E_USER_PASS MYSQL_PWD NPM_AUTH REDIS_AUTH DOCKER_AUTH_CONFIG PRIVATE_KEY_PEM SSH_KEY_B64 JWT BEARER COOKIE SESSIONID SLACK_WEBHOOK_URL
		SENTRY_DSN dbPass db-pass DbPwd apiToken MYSQLPWD ADMINPASS MY_CREDS AZURE_STORAGE_CONNECTION_STRING API_TOKEN STRIPE_KEY PGPASSWORD
		CLIENT_SECRET BLOB_SAS gcpServiceAccountKeyJson INPUT_TOKEN ACTIONS_RUNTIME_TOKEN npm_config_//registry/:_authToken`) {
		if !LooksSecret(name) {
			t.Errorf("%s does not look like a secret", name)
		}
	}
	for _, name := range strings.Fields(`PATH HOME PWD OLDPWD COMPASS SSH_AUTH_SOCK GITHUB_OUTPUT GITHUB_STEP_SUMMARY KEYBOARD MONKEY PASSENGER_COUNT
		AUTHOR GIT_AUTHOR_NAME DATABASE_URL BASE_URL PATTERN COMPATIBILITY INPUT_COMMAND E2E_STAGE AUTH_URL HOTKEYS PASSED CREDO LANG`) {
		if LooksSecret(name) {
			t.Errorf("%s looks like a secret", name)
		}
	}
}

func TestFind(t *testing.T) {
	file := t.TempDir()
	for name, tc := range map[string]struct {
		src         Source
		named, weak []string
		short       []string
	}{
		"withheld, passed, named": {
			Source{Environ: []string{"API_TOKEN=tok-123456", "CUSTOM=custom-12345", "PIN=123", "HOME=/root", "MODE=verbose-mode", "broken"},
				Named: []string{"pin", "UNSET"}, Passed: []string{"CUSTOM"}},
			[]string{"123"}, []string{"tok-123456", "custom-12345"}, nil,
		},
		"too short": {Source{Environ: []string{"DB_PASS=pw12345", "DB_PASSWORD="}}, nil, nil, []string{"DB_PASS"}},
		"one value": {Source{Environ: []string{"A_TOKEN=tok-123456", "B_TOKEN=tok-123456"}}, nil, []string{"tok-123456"}, nil},
		"files and addresses are none": {
			Source{Environ: []string{"GOOGLE_APPLICATION_CREDENTIALS=" + file, "TOKEN_URL=https://id.example/token", "GIT_ASKPASS=" + file}}, nil, nil, nil,
		},
		"a path without a file":      {Source{Environ: []string{"API_TOKEN=/8f+abcdefgh"}}, nil, []string{"/8f+abcdefgh"}, nil},
		"password of an address":     {Source{Environ: []string{"DATABASE_URL=postgres://casework:p%40ss-word-1@db:5432/app?sslmode=disable"}}, nil, []string{"p%40ss-word-1", "p@ss-word-1"}, nil},
		"a password like its user":   {Source{Environ: []string{"DATABASE_URL=postgres://casework:casework@db/app", "U=amqp://u:postgres@postgres/", "V=mysql://root:orders77@h/orders77"}}, nil, nil, nil},
		"at sign and slash":          {Source{Environ: []string{"U=postgres://u:one@two/three@db/app"}}, nil, []string{"one@two/three"}, nil},
		"several addresses":          {Source{Environ: []string{"BROKERS=amqp://a:first-secret@h1, amqp://a:second-secret@h2"}}, nil, []string{"first-secret", "second-secret"}, nil},
		"a token as user":            {Source{Environ: []string{"SENTRY=https://0123456789abcdef@o1.ingest.example/1", "REMOTE=ssh://deployuser@host/x"}}, nil, []string{"0123456789abcdef"}, nil},
		"libpq":                      {Source{Environ: []string{"PG=host=db user=u password='it is secret' dbname=x"}}, nil, []string{"it is secret"}, nil},
		"JDBC and ADO":               {Source{Environ: []string{"J=jdbc:postgresql://db/x?user=u&password=jdbc-pass-1", "A=Server=db;User Id=sa;Password={ado;pass}"}}, nil, []string{"jdbc-pass-1", "ado;pass"}, nil},
		"Go's MySQL driver":          {Source{Environ: []string{"M=root:go@pass:word@tcp(db:3306)/app?parseTime=true"}}, nil, []string{"go@pass:word"}, nil},
		"an account key":             {Source{Environ: []string{"S=AccountName=x;AccountKey=QUJDREVGR0g=;EndpointSuffix=y"}}, nil, []string{"QUJDREVGR0g="}, nil},
		"a webhook and its path":     {Source{Environ: []string{"SLACK_WEBHOOK_URL=https://hooks.example/services/T0/B0/abcdefgh"}}, nil, []string{"https://hooks.example/services/T0/B0/abcdefgh", "/services/T0/B0/abcdefgh"}, nil},
		"a document":                 {Source{Environ: []string{`DOCKER_AUTH_CONFIG={"auths":{"r.example":{"auth":"dXNlcjpwYXNz","email":"someone@x.example"}}}`}}, nil, []string{`{"auths":{"r.example":{"auth":"dXNlcjpwYXNz","email":"someone@x.example"}}}`, "dXNlcjpwYXNz"}, nil},
		"fields of the config":       {Source{Values: []string{"postgres://u:field-pass@db/x", "short"}}, nil, []string{"postgres://u:field-pass@db/x", "field-pass"}, nil},
		"an address is not a secret": {Source{Environ: []string{"BASE_URL=https://staging.example/app?tab=tokens", "PAIR=a=b"}}, nil, nil, nil},
	} {
		got := Find(tc.src)
		if diff := cmp.Diff(tc.named, values(got.Named)) + cmp.Diff(tc.weak, values(got.Weak)) + cmp.Diff(tc.short, got.Short); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func values(list []Secret) (all []string) {
	for _, s := range list {
		all = append(all, s.Value)
	}
	return all
}

func TestInherited(t *testing.T) {
	environ := []string{"DB_PASSWD=hunter2222", "PG_PWD=short", "API_TOKEN=withheld-1", "CUSTOM_PASS=named-pass", "DATABASE_URL=postgres://u:pass-in-url@h/x", "HOME=/root"}
	if got := Inherited(environ, []string{"CUSTOM_PASS"}); !slices.Equal(got, []string{"DATABASE_URL", "DB_PASSWD", "PG_PWD"}) {
		t.Error(got)
	}
	found := Find(Source{Values: []string{"postgres://u:pass-in-url@h/x"}})
	if got := values(found.Weak); !slices.Equal(got, []string{"postgres://u:pass-in-url@h/x", "pass-in-url"}) {
		t.Error(got)
	}
}

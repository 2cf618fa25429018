package pipeline

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/org/e2e-gate/internal/config"
	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/gate"
	"github.com/org/e2e-gate/internal/isolation"
	"github.com/org/e2e-gate/internal/proc"
)

// atBase is what tests run against at the base. A failure there says something only if this is the base's: against the deployment of the
// change a regression fails too.
type atBase struct {
	// product says it in words.
	product string
	// target is the environment that runs the base; empty: processes start it.
	target string
	// hosts are those that are proven to run the base. ports are those of this machine that belong to it: what answers there is
	// proven to be the base, or was started by the gate after nothing else had answered.
	hosts, ports []string
	// versions are the gates that prove it, by name.
	versions []string
}

// placeAtBase says what the tests of a config run against, at a commit of the base. The error is why that is not known to be the base's.
func placeAtBase(cfg *config.Config, base, target, stageTarget string) (atBase, error) {
	gates := gate.New(cfg.Gates, gate.Options{}).Gates()
	if target != "" {
		return targetAtBase(cfg, gates, base, target)
	}
	place := atBase{product: "against what its processes start on this machine"}
	served := false
	for _, g := range gates {
		if !g.Local() {
			return place, fmt.Errorf("gate %s looks at %s, which the gate does not start; name exonerate.target", g.Name, orUnknown(g.Target))
		}
		served = served || g.Required
		place.serves(g)
	}
	switch {
	case len(cfg.Processes) == 0:
		return place, errors.New("the config starts no processes, so the tests run against a deployment of the change, where a regression fails as well; " +
			"name exonerate.target")
	case !served:
		return place, errors.New("no required gate looks at what the processes serve, so it is not known what the tests run against")
	case !local(stageTarget):
		return place, fmt.Errorf("the stage tests the environment %s, which the gate does not start; name exonerate.target", stageTarget)
	}
	for section, db := range databases(cfg.Isolation) {
		host, port := db.Address()
		if !slices.ContainsFunc(gates, func(g e2e.Gate) bool {
			h, p := g.Address()
			return p == port && e2e.IsLoopback(h) && e2e.IsLoopback(host)
		}) {
			return place, fmt.Errorf("the database of isolation.%s is not started by the config's processes behind a gate, so its template may be of the change",
				section)
		}
	}
	for _, p := range cfg.Processes {
		if tool := prebuilt(slices.Concat(p.Run, p.Up)); tool != "" {
			return place, fmt.Errorf("process %s uses %s, whose images may be of the change; start what is built from the checkout, or name exonerate.target",
				p.Name, tool)
		}
	}
	if tool := prebuilt(cfg.Isolation.Up); tool != "" {
		return place, fmt.Errorf("isolation.up uses %s, whose images may be of the change", tool)
	}
	return place, nil
}

// database is one that isolation makes copies in.
type database interface{ Address() (host, port string) }

func databases(spec isolation.Spec) map[string]database {
	list := map[string]database{}
	if spec.Postgres != nil {
		list["postgres"] = spec.Postgres
	}
	if spec.MySQL != nil {
		list["mysql"] = spec.MySQL
	}
	return list
}

// targetAtBase is placeAtBase for an environment that is said to run the base.
func targetAtBase(cfg *config.Config, gates []e2e.Gate, base, target string) (atBase, error) {
	place := atBase{target: target, product: fmt.Sprintf("against environment %s, whose version gate proves that it runs the base", target)}
	for _, c := range cfg.Gates.Checks {
		if c.Version == nil || !c.IsRequired() || !strings.EqualFold(c.Version.SHA, base) {
			continue
		}
		place.versions = append(place.versions, c.Name)
		for _, address := range c.Version.URL {
			place.serves(e2e.Gate{Target: address})
		}
	}
	if len(place.versions) == 0 {
		return place, fmt.Errorf("no required version gate proves that environment %s runs the base; add one with sha: \"${E2E_SHA}\"", target)
	}
	for _, g := range gates {
		if g.Local() && len(cfg.Processes) > 0 {
			place.serves(g) // nothing may have answered there before
		}
		if host, port := g.Address(); !g.External && !place.own(host, port) {
			return place, fmt.Errorf("gate %s looks at %s, of which no version gate proves that it runs the base", g.Name, orUnknown(g.Target))
		}
	}
	return place, nil
}

// serves notes that what a gate looks at is the base.
func (a *atBase) serves(g e2e.Gate) {
	switch host, port := g.Address(); {
	case here(host):
		a.ports = append(a.ports, port)
	case host != "":
		a.hosts = append(a.hosts, host)
	}
}

// own reports whether an address is the base's.
func (a *atBase) own(host, port string) bool {
	if here(host) {
		return slices.Contains(a.ports, port)
	}
	return slices.Contains(a.hosts, host)
}

// here reports whether a host is this machine.
func here(host string) bool {
	ip := net.ParseIP(host)
	return e2e.IsLoopback(host) || ip != nil && (ip.IsLoopback() || ip.IsUnspecified())
}

// proven reports as an error that a gate which was to prove the base did not.
func (a *atBase) proven(gates []e2e.Gate) error {
	for _, name := range a.versions {
		if !slices.ContainsFunc(gates, func(g e2e.Gate) bool { return g.Name == name && g.State == e2e.Healthy }) {
			return fmt.Errorf("version gate %s does not prove that environment %s runs the base", name, a.target)
		}
	}
	return nil
}

func orUnknown(target string) string {
	if target == "" {
		return "something without an address"
	}
	return target
}

// local reports whether the target of a stage is this machine: none, "local", or an address of it.
func local(target string) bool {
	if target == "" || target == "local" || e2e.IsLoopback(target) {
		return true
	}
	host, _ := e2e.Gate{Target: target}.Address()
	return e2e.IsLoopback(host)
}

// containers are programs that start images, which were made before.
var containers = regexp.MustCompile(`^(?:docker|docker-compose|podman|podman-compose|nerdctl|buildah|kubectl|helm|kind|k3d|minikube|skaffold|tilt)(?:\.exe)?$`)

// prebuilt is the program of a command that starts images; empty: none is seen.
func prebuilt(argv []string) string {
	for _, arg := range argv {
		for _, word := range strings.FieldsFunc(arg, func(r rune) bool { return strings.ContainsRune(" \t\n;&|()'\"`$", r) }) {
			if name := filepath.Base(word); containers.MatchString(name) {
				return name
			}
		}
	}
	return ""
}

// leadsElsewhere says what in the config or in the environment leads the tests, or what they need, away from the base: to the checkout of
// the change, or to a host that is not proven to run the base.
func (s *Session) leadsElsewhere(place atBase, roots []string) error {
	cfg := s.opts.Config
	type part struct {
		name string
		argv []string
		env  []string
		dir  string
	}
	var parts []part
	environ := func(set map[string]string, pass []string) []string {
		return proc.CleanEnv(proc.Env{Base: s.opts.BaseEnv, Secrets: cfg.Secrets, Pass: pass, Set: []map[string]string{set}})
	}
	for _, one := range cfg.Suites {
		parts = append(parts, part{"suite " + one.Name, slices.Concat(one.Run, one.List, one.Args), environ(one.Env, one.PassEnv), one.Dir})
	}
	for _, one := range cfg.Processes {
		parts = append(parts, part{"process " + one.Name, slices.Concat(one.Run, one.Up, one.Down), environ(one.Env, one.PassEnv), one.Dir})
	}
	if iso := cfg.Isolation; iso.Enabled() {
		parts = append(parts, part{"isolation", slices.Concat(iso.Up, iso.Down), environ(iso.Env, iso.PassEnv), iso.Dir})
	}
	for _, one := range parts {
		if err := s.inside(one.dir); err != nil {
			return fmt.Errorf("%s: %w", one.name, err)
		}
		for _, text := range one.argv {
			if why := place.leads("", text, roots); why != "" {
				return fmt.Errorf("a command of %s %s", one.name, why)
			}
		}
		for _, kv := range one.env {
			name, value, _ := strings.Cut(kv, "=")
			if why := place.leads(name, value, roots); why != "" {
				return fmt.Errorf("the variable %s of %s %s", name, one.name, why)
			}
		}
		for _, dir := range []string{".", one.dir} {
			if err := s.configured(place, dir, one.env, roots); err != nil {
				return fmt.Errorf("%s: %w", one.name, err)
			}
		}
	}
	return nil
}

var (
	// settings are files from which frameworks and servers take addresses; examples of such files are not read.
	settings = regexp.MustCompile(`^(?:\.env(?:\..+)?|(?:playwright|cypress)\.config\.\w+|cypress(?:\.env)?\.json|pytest\.ini)$`)
	examples = regexp.MustCompile(`(?i)(?:example|sample|template|dist|tmpl)$`)
	// setting is a part of a line that says where to, and given a variable of the process that comes before it.
	setting = regexp.MustCompile(`(?i)(?:^|[\s{(,])["']?(\w*(?:url|uri|host|endpoint|origin|domain|addr|address|server|target))["']?\s*[:=]\s*([^,}\n]*)`)
	given   = regexp.MustCompile(`process\.env(?:\.|\[["'])(\w+)`)
	comment = regexp.MustCompile(`^\s*(?://|#|\*|/\*)`)
)

// maxSettings bounds how much of such a file is read.
const maxSettings = 1 << 20

// configured says what files in a folder of the base set that leads elsewhere. A variable of the process comes before that of a file.
func (s *Session) configured(place atBase, dir string, env, roots []string) error {
	dir = filepath.Join(s.opts.Root, filepath.FromSlash(dir))
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		name := e.Name()
		if !settings.MatchString(name) || examples.MatchString(name) {
			continue
		}
		info, err := os.Stat(filepath.Join(dir, name)) // of a link what it leads to: none leads out of the base
		if err != nil || !info.Mode().IsRegular() {
			continue
		}
		if info.Size() > maxSettings {
			return fmt.Errorf("the file %s of the base is too large to be looked at", name)
		}
		data, err := os.ReadFile(filepath.Join(dir, name)) //nolint:gosec // a regular file of the checkout of the base
		if err != nil {
			return err
		}
		for line := range strings.Lines(string(data)) {
			for _, m := range setting.FindAllStringSubmatch(line, -1) {
				by := given.FindStringSubmatch(m[2])
				if comment.MatchString(line) || variable(env, m[1]) != "" || by != nil && variable(env, by[1]) != "" {
					continue
				}
				key := m[1]
				if strings.Contains(name, ".config.") {
					key = "" // a word there is code
				}
				if why := place.leads(key, strings.Trim(strings.TrimSpace(m[2]), `"';`), roots); why != "" {
					return fmt.Errorf("%s in the file %s %s", m[1], name, why)
				}
			}
		}
	}
	return nil
}

// inside refuses a folder that is not in the checkout of the base.
func (s *Session) inside(dir string) error {
	real, err := filepath.EvalSymlinks(filepath.Join(s.opts.Root, filepath.FromSlash(dir)))
	if err != nil {
		return fmt.Errorf("the base has no folder %s", dir)
	}
	if rel, err := filepath.Rel(s.opts.Root, real); err != nil || !filepath.IsLocal(rel) {
		return fmt.Errorf("the folder %s leads out of the checkout of the base", dir)
	}
	return nil
}

var (
	address = regexp.MustCompile(`(?i)\b[a-z][a-z0-9+.-]*://(?:[^\s/@"']*@)?(?:\[[0-9a-f:.]+\]|[^\s/:?#"',;)]+)(?::\d+)?`)
	// bare is a host without a scheme, in variables whose name says that they hold one; a name without a dot, as those of containers beside
	// the job, only with a port or in what is called a host.
	bare   = regexp.MustCompile(`^(localhost|\[[0-9A-Fa-f:.]+\]|(?:[A-Za-z0-9-]+\.)+[A-Za-z0-9-]+|[A-Za-z][A-Za-z0-9_-]*)(?::(\d+))?(?:/.*)?$`)
	hosted = regexp.MustCompile(`(?i)(?:URL|URI|HOST|ENDPOINT|ORIGIN|DOMAIN|ADDR|ADDRESS|SERVER|TARGET|BROKER|NODE|PEER|CLUSTER)S?$`)
	// dialled is host:port anywhere in a text, as in a data source or an argument, and source the host of a data source.
	dialled = regexp.MustCompile(`(?:^|[\s=(,;@"'])((?:(?:[A-Za-z0-9-]+\.)+(?:[A-Za-z]{2,}|\d{1,3})|localhost|\[[0-9A-Fa-f:.]+\]):\d{2,5})` +
		`(?:[\s/),;"'?]|$)`)
	source = regexp.MustCompile(`(?i)(?:^|[\s;?&"'])(?:host|hostaddr|server|data source)=([^\s;&"']+)`)
	// machine are variables of CI platforms, of the machine and of package managers, whose addresses are not those of the product.
	machine = regexp.MustCompile(`(?i)^(?:GITHUB_.*|RUNNER_.*|CI_API_(?:V4|GRAPHQL)_URL|CI_(?:SERVER|PROJECT|JOB|PIPELINE|REPOSITORY|REGISTRY|TEMPLATE)_.*|` +
		`CI_DEPENDENCY_PROXY_.*|BUILDKITE_.*|CIRCLE_.*|SYSTEM_.*URI|BUILD_(?:URL|REPOSITORY_URI)|(?:JENKINS|HUDSON|JOB)_URL|(?:JOB|RUN)_(?:[A-Z]+_)?DISPLAY_URL|` +
		`GIT_URL|(?:HTTPS?|ALL|NO|FTP)_PROXY|GOPROXY|GOSUMDB|GOPRIVATE|NPM_CONFIG_.*|YARN_.*REGISTRY.*|PIP_.*|UV_.*INDEX.*|CARGO_.*|RUSTUP_.*|HOMEBREW_.*|` +
		`DOCKER_HOST|KUBERNETES_.*|DISPLAY|DBUS_.*|HOSTNAME|E2E_TARGET)$`)
)

// leads says where a text leads that is not proven to be of the base; empty: nowhere.
func (a *atBase) leads(variable, text string, roots []string) string {
	for _, root := range roots {
		if replacePath(text, root, "") != text {
			return "names the checkout of the change"
		}
	}
	if machine.MatchString(variable) {
		return ""
	}
	for _, m := range address.FindAllString(text, -1) {
		if scheme, _, _ := strings.Cut(strings.ToLower(m), ":"); scheme == "file" || scheme == "unix" || scheme == "npipe" {
			continue
		}
		if host, port := (e2e.Gate{Target: m}).Address(); !a.own(host, port) {
			return fmt.Sprintf("leads to %s, which is not known to run the base", net.JoinHostPort(host, port))
		}
	}
	for _, m := range dialled.FindAllStringSubmatch(text, -1) {
		if host, port := (e2e.Gate{Target: m[1]}).Address(); !a.own(host, port) {
			return fmt.Sprintf("leads to %s, which is not known to run the base", m[1])
		}
	}
	for _, m := range source.FindAllStringSubmatch(text, -1) {
		if host := strings.ToLower(m[1]); !here(host) && !slices.Contains(a.hosts, host) {
			return fmt.Sprintf("leads to %s, which is not known to run the base", m[1])
		}
	}
	if !hosted.MatchString(variable) {
		return ""
	}
	for one := range strings.SplitSeq(text, ",") {
		m := bare.FindStringSubmatch(strings.TrimSpace(one))
		if m == nil {
			continue
		}
		host, port := strings.Trim(strings.ToLower(m[1]), "[]"), m[2]
		alone := !strings.ContainsAny(host, ".:") && host != "localhost"
		if alone && port == "" && !strings.HasSuffix(strings.TrimSuffix(strings.ToUpper(variable), "S"), "HOST") {
			continue // a word
		}
		if last := host[strings.LastIndexByte(host, '.')+1:]; net.ParseIP(host) == nil && strings.Trim(last, "0123456789") == "" {
			continue // a version
		}
		if !a.own(host, port) && (port != "" || !here(host)) {
			return fmt.Sprintf("leads to %s, which is not known to run the base", one)
		}
	}
	return ""
}

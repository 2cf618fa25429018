package kubernetes

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/org/e2e-gate/internal/kube"
)

type variable struct {
	Name  string `json:"name"`
	Value string `json:"value"`
	From  *struct {
		Field     *fieldRef    `json:"fieldRef"`
		Resource  *resourceRef `json:"resourceFieldRef"`
		Secret    *keyRef      `json:"secretKeyRef"`
		ConfigMap *keyRef      `json:"configMapKeyRef"`
	} `json:"valueFrom"`
}

type fieldRef struct {
	Path string `json:"fieldPath"`
}

type resourceRef struct {
	Container string `json:"containerName"`
	Resource  string `json:"resource"`
}

type keyRef struct {
	Name     string `json:"name"`
	Key      string `json:"key"`
	Optional bool   `json:"optional"`
}

type variables struct {
	Prefix    string  `json:"prefix"`
	ConfigMap *keyRef `json:"configMapRef"`
	Secret    *keyRef `json:"secretRef"`
}

type mount struct {
	Name     string `json:"name"`
	Path     string `json:"mountPath"`
	SubPath  string `json:"subPath"`
	ReadOnly bool   `json:"readOnly"`
}

type volume struct {
	Name      string    `json:"name"`
	Empty     *struct{} `json:"emptyDir"`
	ConfigMap *source   `json:"configMap"`
	Secret    *source   `json:"secret"`
	Downward  *source   `json:"downwardAPI"`
	Host      *struct {
		Path string `json:"path"`
	} `json:"hostPath"`
	Projected *struct {
		Sources []struct {
			ConfigMap *source `json:"configMap"`
			Secret    *source `json:"secret"`
			Downward  *source `json:"downwardAPI"`
			Token     *struct {
				Audience   string `json:"audience"`
				Expiration int64  `json:"expirationSeconds"`
				Path       string `json:"path"`
			} `json:"serviceAccountToken"`
		} `json:"sources"`
	} `json:"projected"`
}

// source is a part of a volume. The API calls a secret's name secretName, except within a
// projected volume.
type source struct {
	Name       string `json:"name"`
	SecretName string `json:"secretName"`
	Optional   bool   `json:"optional"`
	Items      []struct {
		Key      string       `json:"key"`
		Path     string       `json:"path"`
		Field    *fieldRef    `json:"fieldRef"`
		Resource *resourceRef `json:"resourceFieldRef"`
	} `json:"items"`
}

// launch is how to start a container of the pod.
func (p *pod) launch(ctx context.Context, one container, image Image) (launch, error) {
	env, err := p.environment(ctx, one, image)
	if err != nil {
		return launch{}, err
	}
	l := launch{play: image.Play, Scratch: image.Scratch, Dir: image.WorkDir, User: image.User, ReadOnly: one.Security.ReadOnly}
	for _, user := range []*int{p.spec.Security.User, one.Security.User} {
		if user != nil {
			l.User = *user
		}
	}
	if one.WorkDir != "" {
		l.Dir = one.WorkDir
	}
	if l.Dir == "" {
		l.Dir = "/"
	}
	expand := expander(env)
	command, args := image.Entrypoint, image.Cmd
	if len(one.Command) > 0 {
		command, args = one.Command, nil
	}
	if len(one.Args) > 0 {
		args = one.Args
	}
	for _, arg := range slices.Concat(command, args) {
		l.Argv = append(l.Argv, expand(arg))
	}
	if len(l.Argv) == 0 {
		return l, errors.New("no command specified")
	}
	for _, name := range slices.Sorted(maps.Keys(env)) {
		l.Env = append(l.Env, name+"="+env[name])
	}
	for _, target := range slices.Sorted(maps.Keys(image.Files)) {
		l.Binds = append(l.Binds, bind{Source: image.Files[target], Target: target, ReadOnly: true})
	}
	for _, target := range slices.Sorted(maps.Keys(image.Copies)) {
		l.Copies = append(l.Copies, bind{Source: image.Copies[target], Target: target})
	}
	for _, m := range one.Mounts {
		b, err := p.mount(ctx, m)
		if err != nil {
			return l, err
		}
		l.Binds = append(l.Binds, b)
	}
	return l, nil
}

// environment is a container's: the image's, the service of the API server, envFrom, env.
func (p *pod) environment(ctx context.Context, one container, image Image) (map[string]string, error) {
	env := map[string]string{"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOSTNAME": p.meta.Name, "HOME": "/",
		"KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": fmt.Sprint(p.port)}
	for _, kv := range image.Env {
		name, value, _ := strings.Cut(kv, "=")
		env[name] = value
	}
	for _, from := range one.EnvFrom {
		for kind, ref := range map[string]*keyRef{"configmaps": from.ConfigMap, "secrets": from.Secret} {
			if ref == nil {
				continue
			}
			data, err := p.data(ctx, kind, ref.Name, ref.Optional)
			if err != nil {
				return nil, err
			}
			for key, value := range data {
				env[from.Prefix+key] = string(value)
			}
		}
	}
	for _, v := range one.Env {
		value, there, err := p.value(ctx, one, v, env)
		if err != nil {
			return nil, err
		}
		if there {
			env[v.Name] = value
		}
	}
	return env, nil
}

func (p *pod) value(ctx context.Context, one container, v variable, env map[string]string) (value string, there bool, err error) {
	switch {
	case v.From == nil:
		return expander(env)(v.Value), true, nil
	case v.From.Field != nil:
		value, err = p.field(*v.From.Field)
		return value, true, err
	case v.From.Resource != nil:
		return p.resource(one, *v.From.Resource), true, nil
	case v.From.Secret != nil:
		return p.key(ctx, "secrets", *v.From.Secret)
	case v.From.ConfigMap != nil:
		return p.key(ctx, "configmaps", *v.From.ConfigMap)
	}
	return "", false, fmt.Errorf("variable %s: its source is not known to the test's kubelet", v.Name)
}

func (p *pod) key(ctx context.Context, kind string, ref keyRef) (string, bool, error) {
	data, err := p.data(ctx, kind, ref.Name, ref.Optional)
	if err != nil {
		return "", false, err
	}
	value, ok := data[ref.Key]
	if !ok && !ref.Optional {
		return "", false, fmt.Errorf("couldn't find key %s in %s %s/%s", ref.Key, kind, p.meta.Namespace, ref.Name)
	}
	return string(value), ok, nil
}

// data are the entries of a secret or a config map.
func (p *pod) data(ctx context.Context, kind, name string, optional bool) (map[string][]byte, error) {
	var secret struct {
		Data map[string][]byte `json:"data"`
	}
	var configMap kube.ConfigMap
	var into any = &secret
	if kind == "configmaps" {
		into = &configMap
	}
	err := p.Client.Do(ctx, http.MethodGet, "/api/v1/namespaces/"+p.meta.Namespace+"/"+kind+"/"+name, nil, nil, into)
	switch {
	case kube.Has(err, "NotFound") && optional:
		return nil, nil
	case kube.Has(err, "NotFound"):
		return nil, fmt.Errorf("%s %q not found", strings.TrimSuffix(kind, "s"), name)
	case err != nil:
		return nil, err
	case kind == "secrets":
		return secret.Data, nil
	}
	all := map[string][]byte{}
	maps.Copy(all, configMap.BinaryData)
	for key, value := range configMap.Data {
		all[key] = []byte(value)
	}
	return all, nil
}

var subscript = regexp.MustCompile(`^metadata\.(labels|annotations)\['(.*)'\]$`)

// field is a part of the pod, as the downward API has it.
func (p *pod) field(ref fieldRef) (string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if m := subscript.FindStringSubmatch(ref.Path); m != nil {
		if m[1] == "labels" {
			return p.latest.Labels[m[2]], nil
		}
		return p.latest.Annotations[m[2]], nil
	}
	lines := func(all map[string]string) string {
		var list []string
		for _, name := range slices.Sorted(maps.Keys(all)) {
			list = append(list, fmt.Sprintf("%s=%q", name, all[name]))
		}
		return strings.Join(list, "\n")
	}
	switch ref.Path {
	case "metadata.name":
		return p.meta.Name, nil
	case "metadata.namespace":
		return p.meta.Namespace, nil
	case "metadata.uid":
		return p.meta.UID, nil
	case "metadata.labels":
		return lines(p.latest.Labels), nil
	case "metadata.annotations":
		return lines(p.latest.Annotations), nil
	case "spec.nodeName":
		return p.spec.NodeName, nil
	case "spec.serviceAccountName":
		return p.spec.ServiceAccount, nil
	case "status.podIP", "status.hostIP", "status.podIPs", "status.hostIPs":
		return "127.0.0.1", nil
	}
	return "", fmt.Errorf("unsupported fieldPath: %s", ref.Path)
}

func (p *pod) resource(one container, ref resourceRef) string {
	for _, other := range slices.Concat(p.spec.Containers, p.spec.Init) {
		if other.Name == ref.Container {
			one = other
		}
	}
	kind, name, _ := strings.Cut(ref.Resource, ".")
	amount := one.Resources.Limits[name]
	if kind == "requests" {
		amount = one.Resources.Requests[name]
	}
	return string(amount)
}

var reference = regexp.MustCompile(`\$\$|\$\(([-._a-zA-Z][-._a-zA-Z0-9]*)\)`)

// expander replaces $(NAME) as the API says: what is not known stays, and $$ is $.
func expander(env map[string]string) func(string) string {
	return func(text string) string {
		return reference.ReplaceAllStringFunc(text, func(found string) string {
			if found == "$$" {
				return "$"
			}
			if value, ok := env[found[2:len(found)-1]]; ok {
				return value
			}
			return found
		})
	}
}

// mount makes the volume of a mount, once for the pod.
func (p *pod) mount(ctx context.Context, m mount) (bind, error) {
	i := slices.IndexFunc(p.spec.Volumes, func(v volume) bool { return v.Name == m.Name })
	if i < 0 {
		return bind{}, fmt.Errorf("there is no volume %s", m.Name)
	}
	v, dir := p.spec.Volumes[i], filepath.Join(p.dir, "volumes", m.Name)
	if v.Host != nil {
		dir = v.Host.Path
	}
	b := bind{Source: filepath.Join(dir, m.SubPath), Target: path.Clean(m.Path), ReadOnly: m.ReadOnly, Own: v.Empty != nil && !m.ReadOnly}
	if _, err := os.Stat(dir); err != nil {
		if err := p.fill(ctx, v, dir); err != nil {
			return b, err
		}
	}
	if v.Empty != nil && m.SubPath != "" {
		return b, os.MkdirAll(b.Source, 0o777) //nolint:gosec // as an emptyDir is
	}
	return b, nil
}

// fill makes a volume whole, or not at all.
func (p *pod) fill(ctx context.Context, v volume, dir string) error {
	fresh := dir + ".new"
	if err := os.RemoveAll(fresh); err != nil {
		return err
	}
	if err := os.MkdirAll(fresh, 0o777); err != nil { //nolint:gosec // as an emptyDir is
		return err
	}
	if err := os.Chmod(fresh, 0o777); err != nil { //nolint:gosec // as an emptyDir is
		return err
	}
	var err error
	switch {
	case v.Empty != nil:
	case v.ConfigMap != nil:
		err = p.write(ctx, fresh, "configmaps", *v.ConfigMap)
	case v.Secret != nil:
		v.Secret.Name = v.Secret.SecretName
		err = p.write(ctx, fresh, "secrets", *v.Secret)
	case v.Downward != nil:
		err = p.write(ctx, fresh, "", *v.Downward)
	case v.Projected != nil:
		for _, s := range v.Projected.Sources {
			switch {
			case s.ConfigMap != nil:
				err = p.write(ctx, fresh, "configmaps", *s.ConfigMap)
			case s.Secret != nil:
				err = p.write(ctx, fresh, "secrets", *s.Secret)
			case s.Downward != nil:
				err = p.write(ctx, fresh, "", *s.Downward)
			case s.Token != nil:
				err = p.token(ctx, filepath.Join(fresh, s.Token.Path), s.Token.Audience, s.Token.Expiration)
			}
			if err != nil {
				break
			}
		}
	default:
		err = errors.New("its kind is not known to the test's kubelet")
	}
	if err != nil {
		return fmt.Errorf("volume %s: %w", v.Name, err)
	}
	return os.Rename(fresh, dir)
}

func (p *pod) write(ctx context.Context, dir, kind string, s source) error {
	var data map[string][]byte
	var err error
	if kind != "" {
		if data, err = p.data(ctx, kind, s.Name, s.Optional); err != nil {
			return err
		}
	}
	files := maps.Clone(data)
	if len(s.Items) > 0 || kind == "" {
		files = map[string][]byte{}
	}
	for _, item := range s.Items {
		switch value, ok := data[item.Key]; {
		case item.Field != nil:
			text, err := p.field(*item.Field)
			if err != nil {
				return err
			}
			files[item.Path] = []byte(text)
		case item.Resource != nil:
			files[item.Path] = []byte(p.resource(container{}, *item.Resource))
		case !ok && !s.Optional:
			return fmt.Errorf("references non-existent config key: %s", item.Key)
		default:
			files[item.Path] = value
		}
	}
	for name, value := range files {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(file, value, 0o644); err != nil { //nolint:gosec // the mode that volumes have
			return err
		}
	}
	return nil
}

// token asks for a service account's, as kubelets do.
func (p *pod) token(ctx context.Context, file, audience string, seconds int64) error {
	request := map[string]any{"spec": map[string]any{"expirationSeconds": max(seconds, 600),
		"boundObjectRef": map[string]string{"apiVersion": "v1", "kind": "Pod", "name": p.meta.Name, "uid": p.meta.UID}}}
	if audience != "" {
		request["spec"].(map[string]any)["audiences"] = []string{audience}
	}
	var answer struct {
		Status struct {
			Token string `json:"token"`
		} `json:"status"`
	}
	err := p.Client.Do(ctx, http.MethodPost, "/api/v1/namespaces/"+p.meta.Namespace+"/serviceaccounts/"+p.spec.ServiceAccount+"/token", nil, request, &answer)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	return os.WriteFile(file, []byte(answer.Status.Token), 0o644) //nolint:gosec // the container's user may be another
}

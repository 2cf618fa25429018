package kube

import (
	"errors"
	"io/fs"
	"path/filepath"
	"slices"

	"github.com/goccy/go-yaml"
)

// kubeconfig is what is read of one file, or of several that were merged.
type kubeconfig struct {
	Current  string         `yaml:"current-context"`
	Contexts []namedContext `yaml:"contexts"`
	Clusters []namedCluster `yaml:"clusters"`
	Users    []namedUser    `yaml:"users"`
}

type namedContext struct {
	Name    string `yaml:"name"`
	Context struct {
		Cluster   string `yaml:"cluster"`
		User      string `yaml:"user"`
		Namespace string `yaml:"namespace"`
	} `yaml:"context"`
}

// namedCluster is a cluster; dir is the folder of its file, which its relative paths
// are under.
type namedCluster struct {
	Name    string  `yaml:"name"`
	Cluster cluster `yaml:"cluster"`
	dir     string
}

// namedUser is a user; dir is as that of [namedCluster].
type namedUser struct {
	Name string `yaml:"name"`
	User user   `yaml:"user"`
	dir  string
}

type cluster struct {
	Server   string `yaml:"server"`
	CAFile   string `yaml:"certificate-authority"`
	CAData   string `yaml:"certificate-authority-data"`
	Insecure bool   `yaml:"insecure-skip-tls-verify"`
	Name     string `yaml:"tls-server-name"`
	Proxy    string `yaml:"proxy-url"`
}

type user struct {
	Token     string `yaml:"token"`
	TokenFile string `yaml:"tokenFile"`
	CertFile  string `yaml:"client-certificate"`
	CertData  string `yaml:"client-certificate-data"`
	KeyFile   string `yaml:"client-key"`
	KeyData   string `yaml:"client-key-data"`
	Username  string `yaml:"username"`
	Password  string `yaml:"password"`

	As       string              `yaml:"as"`
	AsUID    string              `yaml:"as-uid"`
	AsGroups []string            `yaml:"as-groups"`
	AsExtra  map[string][]string `yaml:"as-user-extra"`

	Exec     *execPlugin    `yaml:"exec"`
	Provider map[string]any `yaml:"auth-provider"`
}

type execPlugin struct {
	Command string   `yaml:"command"`
	Args    []string `yaml:"args"`
	Env     []struct {
		Name  string `yaml:"name"`
		Value string `yaml:"value"`
	} `yaml:"env"`
	API         string `yaml:"apiVersion"`
	ClusterInfo bool   `yaml:"provideClusterInfo"`
}

// loadKubeconfig reads and merges files as kubectl does: the first file that sets the
// current context, or a context, a cluster or a user of a name, wins as a whole; files
// that do not exist are left out. Errors never quote a file: it holds secrets.
func loadKubeconfig(names []string) (kubeconfig, error) {
	var merged kubeconfig
	read := 0
	for i, name := range names {
		if name == "" || slices.Contains(names[:i], name) {
			continue
		}
		k, err := readKubeconfig(name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return kubeconfig{}, err
		}
		read++
		merged.add(k)
	}
	if read == 0 {
		return kubeconfig{}, errors.New("the kubeconfig cannot be read")
	}
	return merged, nil
}

func readKubeconfig(name string) (kubeconfig, error) {
	var k kubeconfig
	data, err := readSmall(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return k, fs.ErrNotExist
	case err != nil:
		return k, errors.New("the kubeconfig cannot be read")
	case yaml.Unmarshal(data, &k) != nil:
		return k, errors.New("the kubeconfig is not readable as YAML")
	}
	for i := range k.Clusters {
		k.Clusters[i].dir = filepath.Dir(name)
	}
	for i := range k.Users {
		k.Users[i].dir = filepath.Dir(name)
	}
	return k, nil
}

// add merges what a later file says. Of equal names the first is found.
func (k *kubeconfig) add(later kubeconfig) {
	if k.Current == "" {
		k.Current = later.Current
	}
	k.Contexts = append(k.Contexts, later.Contexts...)
	k.Clusters = append(k.Clusters, later.Clusters...)
	k.Users = append(k.Users, later.Users...)
}

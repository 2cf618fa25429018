package kube

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The rules are those that the loader of kubectl documents for KUBECONFIG.
func TestKubeconfigsAreMerged(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"red": "current-context: red\ncontexts: [{name: red, context: {cluster: red, user: red, namespace: one}}]\n" +
			"clusters: [{name: red, cluster: {server: 'https://red:1', insecure-skip-tls-verify: true}}]\nusers: [{name: red, user: {token: red-1}}]\n",
		"other-red": "current-context: blue\ncontexts: [{name: red, context: {cluster: blue, user: blue, namespace: two}}]\n" +
			"clusters: [{name: red, cluster: {server: 'https://red:2', tls-server-name: two}}]\n" +
			"users: [{name: red, user: {token: red-2, tokenFile: token}}]\n",
		"blue": "contexts: [{name: blue, context: {cluster: blue, user: blue}}]\n" +
			"clusters: [{name: blue, cluster: {server: 'https://blue:1'}}]\n",
		"blue-user":   "current-context: blue\nusers: [{name: blue, user: {tokenFile: token}}]\n",
		"empty":       "",
		"broken":      "a: [",
		"sub/ca":      "clusters: [{name: blue, cluster: {server: 'https://blue:2', certificate-authority: none.pem}}]\n",
		"token":       "of-the-folder\n",
		"sub/missing": "current-context: missing\n",
	} {
		file := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		name, files, context string
		// want is server, token, namespace; or what is wrong.
		want []string
	}{
		{"one file", "red", "", []string{"https://red:1", "red-1", "one"}},
		{"the first file that sets the current context wins", "red other-red blue", "", []string{"https://red:1", "red-1", "one"}},
		{"a file without a current context does not set it", "blue blue-user red", "", []string{"https://blue:1", "of-the-folder", ""}},
		{"the first file that has a name wins as a whole, cluster and user alike", "other-red red blue blue-user", "red",
			[]string{"https://blue:1", "of-the-folder", "two"}},
		{"parts of one context may stand in several files", "blue red blue-user", "blue", []string{"https://blue:1", "of-the-folder", ""}},
		{"files that do not exist are left out", "none red none/none", "", []string{"https://red:1", "red-1", "one"}},
		{"empty names are left out", ": red :", "", []string{"https://red:1", "red-1", "one"}},
		{"a file twice is read once", "red red", "", []string{"https://red:1", "red-1", "one"}},
		{"an empty file says nothing", "empty red", "", []string{"https://red:1", "red-1", "one"}},
		{"a relative path is under the folder of the file that names it", "sub/ca blue blue-user", "", []string{"a file that the kubeconfig names cannot be read"}},
		{"none of the files exists", "none none/none", "", []string{"the kubeconfig cannot be read"}},
		{"a file that cannot be parsed is a fault, whatever the others say", "red broken", "", []string{"the kubeconfig is not readable as YAML"}},
		{"the current context is nowhere", "sub/missing red", "", []string{"the kubeconfig has no such context"}},
		{"the context's cluster is nowhere", "other-red", "red", []string{"the kubeconfig's context has no cluster"}},
		{"the context's user is nowhere", "blue", "blue", []string{"https://blue:1", "", ""}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var list []string
			for name := range strings.FieldsSeq(tt.files) {
				if name = strings.Trim(name, ":"); name != "" {
					name = filepath.Join(dir, filepath.FromSlash(name))
				}
				list = append(list, name)
			}
			env := []string{"KUBECONFIG=" + strings.Join(list, string(filepath.ListSeparator)), "KUBERNETES_SERVICE_HOST=10.0.0.1"}
			a, err := Where{Context: tt.context, Env: env}.Login(t.Context())
			got := []string{a.Server, strings.Join(a.Secrets(), " "), a.Namespace}
			if err != nil {
				got = []string{err.Error()}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
			if err == nil && (a.TLS == nil || a.TLS.InsecureSkipVerify != (a.Server == "https://red:1") || a.TLS.ServerName != "") {
				t.Errorf("got %+v", a.TLS)
			}
		})
	}
}

// A file that the config names is one file: it is not a list, and must exist.
func TestANamedKubeconfigIsOneFile(t *testing.T) {
	name := "a" + string(filepath.ListSeparator) + "b"
	if runtime.GOOS == "windows" {
		t.Skip("a list's separator is no part of a name there")
	}
	root := t.TempDir()
	text := "current-context: x\ncontexts: [{name: x, context: {cluster: x}}]\nclusters: [{name: x, cluster: {server: 'https://x'}}]\n"
	if err := os.WriteFile(filepath.Join(root, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	env := []string{"KUBECONFIG=" + filepath.Join(root, "none")}
	if a, err := (Where{Kubeconfig: name, Root: root, Env: env}).Login(t.Context()); err != nil || a.Server != "https://x" {
		t.Errorf("got %+v, %v", a, err)
	}
	if _, err := (Where{Env: env}).Login(t.Context()); err == nil || err.Error() != "the kubeconfig cannot be read" {
		t.Errorf("got %v", err)
	}
}

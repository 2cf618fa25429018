package cluster

import (
	"context"
	"fmt"
	"net/http"

	"github.com/org/e2e-gate/internal/kube"
)

// summaryLabel marks a ConfigMap that a run keeps its verdict in. It stays when the run ends, and [Executor.Sweep] leaves it alone.
const summaryLabel = labelPrefix + "summary"

// WriteSummary replaces the data of a ConfigMap in the client's namespace, or creates it. One of that name that is not the gate's is an error.
func WriteSummary(ctx context.Context, api API, name string, data map[string]string) error {
	dir := core + "/namespaces/" + api.Namespace() + "/configmaps"
	for range 3 { // another run may write at the same time
		var old kube.ConfigMap
		err := api.Do(ctx, http.MethodGet, dir+"/"+name, nil, nil, &old)
		now := kube.ConfigMap{APIVersion: "v1", Kind: "ConfigMap", Data: data,
			Metadata: kube.ObjectMeta{Name: name, Labels: map[string]string{labelManaged: managedBy, summaryLabel: "verdict"}}}
		switch {
		case kube.Has(err, "NotFound"):
			err = api.Do(ctx, http.MethodPost, dir, nil, now, nil)
		case err != nil:
			return fmt.Errorf("ConfigMap %s cannot be read: %w", name, err)
		case old.Metadata.Labels[summaryLabel] == "":
			return fmt.Errorf("the ConfigMap %s is there and is not the gate's; choose another name", name)
		default:
			now.Metadata.ResourceVersion = old.Metadata.ResourceVersion
			err = api.Do(ctx, http.MethodPut, dir+"/"+name, nil, now, nil)
		}
		if err == nil {
			return nil
		}
		if !kube.Has(err, "Conflict") && !kube.Has(err, "AlreadyExists") {
			return fmt.Errorf("ConfigMap %s cannot be written: %w", name, err)
		}
	}
	return fmt.Errorf("ConfigMap %s is written by others at the same time", name)
}

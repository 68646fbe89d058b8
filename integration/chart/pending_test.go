package chart_test

import (
	"os"
	"path/filepath"
	"testing"

	"mcpauth/envoy-example/envoy"
)

// The chart is written for manifests with the guard. This file holds what is not there
// yet. TestPending and TestManifests fail as soon as it is: then delete the entry and,
// with the last one, this file.

// pendingFiles are manifests below envoy-example that do not exist.
var pendingFiles = []string{"istio/guard.yaml", "istio/envoyfilter.yaml"}

// pendingDifferences are members in which a manifest differs from the chart.
var pendingDifferences = map[string][]string{
	"istio/wasmplugin.yaml":       {"spec.failStrategy", "spec.pluginConfig.verdict_header", "spec.url"},
	"istio/trafficextension.yaml": {"spec.wasm.failStrategy", "spec.wasm.pluginConfig.verdict_header", "spec.wasm.url"},
}

func TestPending(t *testing.T) {
	root, err := envoy.Root()
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range pendingFiles {
		if _, err := os.Stat(filepath.Join(root, "envoy-example", file)); err == nil {
			t.Errorf("%s exists: delete it from pendingFiles", file)
		}
	}
}

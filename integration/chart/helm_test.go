// Package chart_test renders the Helm chart in envoy-example/chart/mcpauth with Helm's own
// library. It holds the resources to the APIs of Istio, Envoy Gateway and Envoy, the
// plugin's configuration in them to mcpauth's, and all of them to the manifests.
package chart_test

import (
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/engine"
	"helm.sh/helm/v3/pkg/releaseutil"

	"mcpauth/envoy-example/envoy"
)

// The chart installs the version of the plugin that it comes with.
func TestVersion(t *testing.T) {
	dir, err := chartDir()
	if err != nil {
		t.Fatal(err)
	}
	chart, err := loader.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	version, err := os.ReadFile(filepath.Join(dir, "..", "..", "..", "VERSION"))
	if err != nil {
		t.Fatal(err)
	}
	if want := strings.TrimSpace(string(version)); chart.AppVersion() != want || chart.Metadata.Version != want {
		t.Errorf("versions %s and %s, want %s", chart.AppVersion(), chart.Metadata.Version, want)
	}
}

// chartDir returns the folder of the chart.
func chartDir() (string, error) {
	root, err := envoy.Root()
	return filepath.Join(root, "envoy-example", "chart", "mcpauth"), err
}

// readValues reads a file of the chart, with the changes that are written as YAML laid over
// it as Helm lays one values file over another.
func readValues(file string, changes ...string) (chartutil.Values, error) {
	dir, err := chartDir()
	if err != nil {
		return nil, err
	}
	text, err := os.ReadFile(filepath.Join(dir, file))
	if err != nil {
		return nil, err
	}
	values, err := chartutil.ReadValues(text)
	if err != nil {
		return nil, err
	}
	for _, change := range changes {
		over, err := chartutil.ReadValues([]byte(change))
		if err != nil {
			return nil, err
		}
		values = chartutil.MergeTables(over, values)
	}
	return values, nil
}

// A rendered chart has the resources, as YAML documents, and the notes.
type rendered struct {
	resources []string
	notes     string
}

// helmTemplate does what `helm template mcpauth --namespace NAMESPACE` does with values.
func helmTemplate(namespace string, values chartutil.Values) (rendered, error) {
	dir, err := chartDir()
	if err != nil {
		return rendered{}, err
	}
	chart, err := loader.Load(dir)
	if err != nil {
		return rendered{}, err
	}
	release := chartutil.ReleaseOptions{Name: "mcpauth", Namespace: namespace, IsInstall: true, Revision: 1}
	all, err := chartutil.ToRenderValues(chart, values, release, nil)
	if err != nil {
		return rendered{}, err
	}
	files, err := engine.Render(chart, all)
	if err != nil {
		return rendered{}, err
	}
	var r rendered
	for name, text := range files {
		switch {
		case path.Base(name) == "NOTES.txt":
			r.notes = text
		case path.Ext(name) == ".yaml":
			for _, document := range releaseutil.SplitManifests(text) {
				r.resources = append(r.resources, document)
			}
		}
	}
	return r, nil
}

package chart_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"helm.sh/helm/v3/pkg/chartutil"
	"sigs.k8s.io/yaml"

	"mcpauth/envoy-example/envoy"
)

// page returns docs/chart.md.
func page(t *testing.T) string {
	t.Helper()
	root, err := envoy.Root()
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(root, "docs", "chart.md"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// leaves returns the values that hold no further values, by path, as JSON.
func leaves(values map[string]any, prefix string) map[string]string {
	all := map[string]string{}
	for name, value := range values {
		path := join(prefix, name)
		if inner, ok := value.(map[string]any); ok && len(inner) > 0 {
			maps.Copy(all, leaves(inner, path))
			continue
		}
		text, err := json.Marshal(value)
		if err != nil {
			panic(err)
		}
		all[path] = string(text)
	}
	return all
}

// The table of docs/chart.md has every value, with its default.
func TestValuesAreDocumented(t *testing.T) {
	values, err := readValues("values.yaml")
	if err != nil {
		t.Fatal(err)
	}
	documented := map[string]string{}
	for _, m := range regexp.MustCompile("(?m)^\\| `([A-Za-z.]+)` \\| (required|`([^`]*)`) \\|").FindAllStringSubmatch(page(t), -1) {
		documented[m[1]] = m[3]
		if m[2] == "required" { // what stands in values.yaml for it is refused
			documented[m[1]] = "required"
		}
	}
	want := leaves(values, "")
	for name := range want {
		if documented[name] == "required" {
			want[name] = "required"
		}
	}
	if !maps.Equal(documented, want) {
		t.Errorf("documented are %q, want %q", documented, want)
	}
	var required []string
	for name, value := range documented {
		if value == "required" {
			required = append(required, name)
		}
	}
	slices.Sort(required)
	if want := []string{"authorizationServers", "gateway", "image.digest", "image.repository", "resources"}; !slices.Equal(required, want) {
		t.Errorf("required are %q, want %q", required, want)
	}
}

// The schema has every value of values.yaml, and no other but global.
func TestSchemaHasEveryValue(t *testing.T) {
	dir, err := chartDir()
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(dir, "values.schema.json"))
	if err != nil {
		t.Fatal(err)
	}
	var schema map[string]any
	if err := json.Unmarshal(text, &schema); err != nil {
		t.Fatal(err)
	}
	values, err := readValues("values.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var compare func(values, schema map[string]any, path string)
	compare = func(values, schema map[string]any, path string) {
		properties := maps.Clone(schema["properties"].(map[string]any))
		delete(properties, "global")
		if got, want := slices.Sorted(maps.Keys(values)), slices.Sorted(maps.Keys(properties)); !slices.Equal(got, want) {
			t.Errorf("%s has the values %q, its schema %q", path, got, want)
		}
		for name, value := range values {
			inner, ok := value.(map[string]any)
			property, _ := properties[name].(map[string]any)
			if ok && len(inner) > 0 {
				compare(inner, property, join(path, name))
			}
		}
	}
	compare(values, schema, "")
}

// The values on the page render.
func TestDocumentedValues(t *testing.T) {
	base := map[string]string{"istio": istioValues, "envoy-gateway": envoyGatewayValues}
	count := 0
	for _, m := range regexp.MustCompile("(?ms)^```yaml\n(.*?)^```$").FindAllStringSubmatch(page(t), -1) {
		var snippet map[string]any
		if err := yaml.Unmarshal([]byte(m[1]), &snippet); err != nil {
			t.Fatal(err)
		}
		count++
		gateway, whole := snippet["gateway"].(string)
		if !whole {
			for _, file := range base {
				render(t, file, m[1])
			}
			continue
		}
		if _, err := helmTemplate("default", chartutil.Values(snippet)); err != nil {
			t.Errorf("%v\n%s", err, m[1])
		}
		least, err := readValues(base[gateway])
		if err != nil {
			t.Fatal(err)
		}
		if fmt.Sprint(least) != fmt.Sprint(chartutil.Values(snippet)) {
			t.Errorf("the values on the page are not those of %s:\n%s", base[gateway], m[1])
		}
	}
	if count < 3 {
		t.Errorf("%d blocks", count)
	}
}

// The page installs the chart as the notes expect, and names no other chart.
func TestDocumentedCommands(t *testing.T) {
	count := 0
	for line := range strings.Lines(page(t)) {
		if !strings.HasPrefix(line, "helm ") || strings.HasPrefix(line, "helm uninstall ") {
			continue
		}
		count++
		if !strings.Contains(line, " mcpauth envoy-example/chart/mcpauth ") {
			t.Errorf("%s", line)
		}
	}
	if count < 2 {
		t.Errorf("%d commands", count)
	}
}

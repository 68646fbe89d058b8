package manifests

import (
	"encoding/json"
	"testing"

	"mcpauth/config"
)

// Each configuration of the plugin in a page's YAML loads. (Those in JSON are
// tested in docs, whole resources beside the manifests.)
func TestSnippets(t *testing.T) {
	snippets, err := Snippets()
	if err != nil {
		t.Fatal(err)
	}
	count := 0
	for _, s := range snippets {
		for _, document := range configurations(s.Value) {
			count++
			text, err := json.Marshal(document)
			if err == nil {
				_, err = config.Parse(text)
			}
			if err != nil {
				t.Errorf("%s: %v\n%s", s.Page, err, text)
			}
		}
	}
	if count < 4 {
		t.Errorf("%d configurations", count)
	}
}

// configurations returns the objects in v that are a configuration of the plugin.
func configurations(v any) (found []any) {
	switch v := v.(type) {
	case []any:
		for _, each := range v {
			found = append(found, configurations(each)...)
		}
	case map[string]any:
		if v["authorization_servers"] != nil {
			return []any{v}
		}
		for _, each := range v {
			found = append(found, configurations(each)...)
		}
	}
	return found
}

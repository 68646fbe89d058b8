package wasmtest

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// ownSuites are the pages whose configurations are tested with the providers
// themselves, in a suite of their own.
var ownSuites = []string{"keycloak.md", "hydra.md", "oidc-provider.md"}

// The configurations in docs/providers are those that are tested, and none is
// missing, there or in the table.
func TestDocumentedProviders(t *testing.T) {
	pages, err := filepath.Glob("../docs/providers/*.md")
	if err != nil || len(pages) < 11 {
		t.Fatalf("%d pages: %v", len(pages), err)
	}
	table, err := os.ReadFile("../docs/providers/README.md")
	if err != nil {
		t.Fatal(err)
	}
	all := providers(t)
	for _, page := range pages {
		name := filepath.Base(page)
		if slices.Contains(ownSuites, name) {
			continue
		}
		b, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		configurations := regexp.MustCompile("(?ms)^\\*\\*(.+?)\\*\\*.*?^```json\n(.*?)^```$").FindAllStringSubmatch(string(b), -1)
		if len(configurations) == 0 || len(configurations) != strings.Count(string(b), "```json\n") {
			t.Errorf("%s: %d configurations have a title", name, len(configurations))
		}
		for _, m := range configurations {
			p, ok := all[m[1]]
			if !ok {
				t.Errorf("%s: %s has no test", name, m[1])
				continue
			}
			delete(all, m[1])
			var got object
			if err := json.Unmarshal([]byte(m[2]), &got); err != nil {
				t.Errorf("%s: %v", m[1], err)
			} else if !reflect.DeepEqual(got, p.Configuration) {
				t.Errorf("%s: the page has\n%s, tested is\n%s", m[1], toJSON(got), toJSON(p.Configuration))
			}
			if title, _, _ := strings.Cut(m[1], ","); !strings.Contains(string(table), "\n| ["+title+"](") {
				t.Errorf("%s is not in the table of docs/providers/README.md", title)
			}
		}
	}
	for name := range all {
		t.Errorf("%s is in no page of docs/providers", name)
	}
}

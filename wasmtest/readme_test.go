package wasmtest

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
)

// The README's configurations are those that are tested, and none is missing.
func TestReadmeHasTheProviders(t *testing.T) {
	b, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, ok := strings.Cut(string(b), "\n## Providers\n")
	if !ok {
		t.Fatal("no section about providers")
	}
	section, _, _ = strings.Cut(section, "\n## ")
	all := providers(t)
	for _, m := range regexp.MustCompile("(?ms)^\\*\\*(.+?)\\*\\*.*?^```json\n(.*?)^```$").FindAllStringSubmatch(section, -1) {
		p, ok := all[m[1]]
		if !ok {
			t.Errorf("%s has no test", m[1])
			continue
		}
		delete(all, m[1])
		var got object
		if err := json.Unmarshal([]byte(m[2]), &got); err != nil {
			t.Errorf("%s: %v", m[1], err)
		} else if !reflect.DeepEqual(got, p.Configuration) {
			t.Errorf("%s: the README has\n%s, tested is\n%s", m[1], toJSON(got), toJSON(p.Configuration))
		}
		if !strings.Contains(section, "| "+m[1]+" |") && !strings.Contains(m[1], ",") {
			t.Errorf("%s is not in the table", m[1])
		}
	}
	for name := range all {
		t.Errorf("%s is not in the README", name)
	}
}

// The README names tests for its promises, which are here or in the suites on
// real Envoy.
func TestReadmeNamesTests(t *testing.T) {
	b, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{"faults/suite", "e2e"} {
		suite, err := filepath.Glob("../integration/" + dir + "/*_test.go")
		if err != nil || len(suite) == 0 {
			t.Fatal("no suite in ", dir, err)
		}
		files = append(files, suite...)
	}
	var sources strings.Builder
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		sources.Write(text)
	}
	names := regexp.MustCompile("`(Test[A-Za-z0-9]+)`").FindAllStringSubmatch(string(b), -1)
	if len(names) < 10 {
		t.Errorf("%d tests in the README", len(names))
	}
	for _, m := range names {
		if !strings.Contains(sources.String(), "\nfunc "+m[1]+"(t *testing.T) {") {
			t.Errorf("there is no %s", m[1])
		}
	}
}

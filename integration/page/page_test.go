package page

import (
	"os"
	"path/filepath"
	"testing"
)

func TestWrite(t *testing.T) {
	path := filepath.Join(t.TempDir(), "page.md")
	const before = "# Page\n<!-- a:begin -->\nold\n<!-- a:end -->\nbetween\n<!-- b:begin -->\n<!-- b:end -->\nrest\n"
	const after = "# Page\n<!-- a:begin -->\nnew\n<!-- a:end -->\nbetween\n<!-- b:begin -->\ntable\n<!-- b:end -->\nrest\n"
	if err := os.WriteFile(path, []byte(before), 0o600); err != nil {
		t.Fatal(err)
	}
	for range 2 { // it finds what it has written
		if err := Write(path, map[string]string{"a": "new\n", "b": "table\n"}); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(path); err != nil || string(got) != after {
			t.Errorf("%q, %v", got, err)
		}
	}
	if err := Write(path, map[string]string{"a": "x\n", "c": "y\n"}); err == nil {
		t.Error("a part that is not there goes unnoticed")
	}
	if got, err := os.ReadFile(path); err != nil || string(got) != after {
		t.Errorf("half of it was written: %q, %v", got, err)
	}
}

func TestReplaceWithoutLines(t *testing.T) {
	for _, page := range []string{"", "<!-- a:begin -->\nold\n", "<!-- a:end -->\n<!-- a:begin -->\n"} {
		if got, err := Replace([]byte(page), "a", "new\n"); err == nil {
			t.Errorf("%q became %q", page, got)
		}
	}
}

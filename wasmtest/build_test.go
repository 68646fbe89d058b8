package wasmtest_test

import (
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Who audits the source must be able to build the very file that runs: the
// same sources give the same bytes in any folder, and those of the file under
// test.
func TestBuildIsReproducible(t *testing.T) {
	want := ""
	if os.Getenv("MCPAUTH_WASM") == "" { // else the file may have been built from other sources
		want = digest(t, "../build/mcpauth.wasm")
	}
	for _, folder := range []string{"a", filepath.Join("b", "with a longer name")} {
		dir := filepath.Join(t.TempDir(), folder)
		copySources(t, dir)
		cmd := exec.Command("make", "build")
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("make build: %v\n%s", err, out)
		}
		got := digest(t, filepath.Join(dir, "build", "mcpauth.wasm"))
		if want == "" {
			want = got
		}
		if got != want {
			t.Errorf("built in %s: SHA-256 %s, want %s", folder, got, want)
		}
	}
}

func digest(t *testing.T, path string) string {
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%x", sha256.Sum256(file))
}

// copySources copies what the build reads: the Makefile, VERSION and all Go sources but
// tests and the example.
func copySources(t *testing.T, to string) {
	const root = ".."
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := d.Name()
		if d.IsDir() {
			if path != root && (strings.HasPrefix(name, ".") || path == filepath.Join(root, "build") || name == "envoy-example" || name == "integration" || name == "cmd" || name == "testdata") {
				return filepath.SkipDir
			}
			return nil
		}
		if name != "Makefile" && name != "VERSION" && name != "go.mod" && name != "go.sum" && filepath.Ext(name) != ".go" || strings.HasSuffix(name, "_test.go") {
			return nil
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if err := os.MkdirAll(filepath.Dir(filepath.Join(to, rel)), 0o755); err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(to, rel), text, 0o644)
	})
	if err != nil {
		t.Fatal(err)
	}
}

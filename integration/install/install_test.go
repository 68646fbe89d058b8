package install

import (
	"os"
	"path/filepath"
	"testing"
)

// TestFolder: a folder is made once, and anew for another lock file.
func TestFolder(t *testing.T) {
	final := filepath.Join(t.TempDir(), "packages")
	made := 0
	for _, step := range []struct {
		lock string
		made int
	}{{"1", 1}, {"1", 1}, {"2", 2}, {"2", 2}} {
		dir, err := Folder(final, []byte(step.lock), func(partial string) error {
			made++
			if err := os.Mkdir(partial, 0o755); err != nil {
				return err
			}
			return os.WriteFile(filepath.Join(partial, "from"), []byte(step.lock), 0o600)
		})
		if err != nil || dir != final || made != step.made {
			t.Fatalf("%s: %v, made %d times, want %d", dir, err, made, step.made)
		}
		if from, err := os.ReadFile(filepath.Join(final, "from")); err != nil || string(from) != step.lock {
			t.Errorf("made from %q, %v, want %q", from, err, step.lock)
		}
	}
	if left, err := os.ReadDir(filepath.Dir(final)); err != nil || len(left) != 1 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

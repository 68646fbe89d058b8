//go:build controlplane

package envoygateway

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"mcpauth/integration/controlplane"
)

// newRoot returns a root folder for programs that read files at fixed paths: it shows the
// whole file system, and each folder of extra under its name at the top.
//
// It is a file system of its own, in the run's namespace alone: when the run's folder is
// removed, outside of the namespace, there is nothing in it.
func newRoot(t testing.TB, name string, extra map[string]string) string {
	t.Helper()
	root := filepath.Join(controlplane.Dir(), "root-"+name)
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	check(os.Mkdir(root, 0o755))
	check(unix.Mount("tmpfs", root, "tmpfs", 0, ""))
	t.Cleanup(func() { unix.Unmount(root, unix.MNT_DETACH); os.Remove(root) })
	entries, err := os.ReadDir("/")
	check(err)
	for _, e := range entries {
		path := filepath.Join(root, e.Name())
		switch _, replaced := extra[e.Name()]; {
		case replaced:
		case e.Type()&os.ModeSymlink != 0:
			target, err := os.Readlink("/" + e.Name())
			check(err)
			check(os.Symlink(target, path))
		case e.IsDir():
			check(os.Mkdir(path, 0o755))
			check(unix.Mount("/"+e.Name(), path, "", unix.MS_BIND|unix.MS_REC, ""))
		}
	}
	for name, dir := range extra {
		check(os.Mkdir(filepath.Join(root, name), 0o755))
		check(unix.Mount(dir, filepath.Join(root, name), "", unix.MS_BIND, ""))
	}
	return root
}

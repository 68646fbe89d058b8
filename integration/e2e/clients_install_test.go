package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"

	"mcpauth/integration/install"
)

// clientFolder is a folder of programs in ../clients.
func clientFolder(t *testing.T, name ...string) string {
	t.Helper()
	return exampleFolder(t, append([]string{"clients"}, name...)...)
}

// exampleFolder is a folder of this module.
func exampleFolder(t *testing.T, path ...string) string {
	t.Helper()
	dir, err := filepath.Abs(filepath.Join(append([]string{".."}, path...)...))
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// pinned is the version of a package that a file of requirements names.
func pinned(t *testing.T, name string, file ...string) string {
	t.Helper()
	doc, err := os.ReadFile(filepath.Join(append([]string{".."}, file...)...))
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(`(?m)^\s*"?` + regexp.QuoteMeta(name) + `(?:": "|==| v)([0-9.]+)"?$`).FindSubmatch(doc)
	if found == nil {
		t.Fatalf("no version of %s in %s", name, file)
	}
	return string(found[1])
}

// node returns the command of the program in a folder.
func node(t *testing.T, folder ...string) []string {
	t.Helper()
	dir := clientFolder(t, folder...)
	nodeModules(t, dir)
	return []string{need(t, "node"), filepath.Join(dir, "client.mjs")}
}

// nodeModules installs the packages that a folder's package-lock.json lists, and
// returns where they are.
func nodeModules(t *testing.T, dir string) string {
	t.Helper()
	need(t, "npm")
	modules, err := install.NodeModules(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	return modules
}

// python returns the command of a program of ../clients with the packages of one
// of the lists of requirements.
func python(t *testing.T, requirements, program string) []string {
	t.Helper()
	return withPackages(t, requirements, filepath.Join(clientFolder(t, "python"), program))
}

// withPackages installs the packages of one of the lists of requirements and
// returns the command of a program that uses them.
func withPackages(t *testing.T, requirements, program string) []string {
	t.Helper()
	interpreter := need(t, "python3")
	packages, err := install.PythonPackages(t.Context(), clientFolder(t, "python"), requirements)
	if err != nil {
		t.Fatal(err)
	}
	return []string{"env", "PYTHONPATH=" + packages, "PYTHONDONTWRITEBYTECODE=1", interpreter, program}
}

func need(t *testing.T, program string) string {
	t.Helper()
	path, err := exec.LookPath(program)
	if err != nil {
		t.Fatalf("%s is needed to run the official clients: %v", program, err)
	}
	return path
}

package wasmtest

import (
	"os"
	"testing"
)

// tempDir holds what is built once for all tests.
var tempDir string

func mkdirTemp() (string, error) {
	dir, err := os.MkdirTemp("", "wasmtest-")
	tempDir = dir
	return dir, err
}

func TestMain(m *testing.M) {
	code := m.Run()
	if tempDir != "" {
		os.RemoveAll(tempDir)
	}
	os.Exit(code)
}

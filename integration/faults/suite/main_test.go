//go:build faults

package suite

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"mcpauth/envoy-example/envoy"
)

// workers of every Envoy.
const workers = 4

// full tells that the faults are to last long.
var full = os.Getenv("FAULTS_SCALE") == "full"

// scaled is how long something lasts, or how often it is done.
func scaled[T any](ci, long T) T {
	if full {
		return long
	}
	return ci
}

var (
	binary string // Envoy
	wasm   string // the built file
	trap   string // the same with the trap in it
)

func TestMain(m *testing.M) {
	if err := prepare(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

func prepare() error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	var err error
	if binary, err = envoy.Binary(ctx, envoy.DefaultVersion); err != nil {
		return err
	}
	if wasm, err = envoy.Wasm(); err != nil {
		return err
	}
	trap = filepath.Join(filepath.Dir(wasm), "mcpauth-faults.wasm")
	if _, err = os.Stat(trap); err != nil {
		return fmt.Errorf("the plugin with the trap is not built (run make test-faults): %w", err)
	}
	return nil
}

// trapHeader is that of plugin/trap.go.
const trapHeader = "x-debug-trap"

// TestTheTrapIsInNoOtherBuild: a header that ends a VM must not be in what
// people run.
func TestTheTrapIsInNoOtherBuild(t *testing.T) {
	for path, want := range map[string]bool{wasm: false, trap: true} {
		file, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, text := range []string{trapHeader, "trap: "} {
			if got := bytes.Contains(file, []byte(text)); got != want {
				t.Errorf("%s has %q in it: %v, want %v", filepath.Base(path), text, got, want)
			}
		}
	}
}

// eventually waits until problem returns "", and fails the test with what it
// returned last if that takes longer than limit.
func eventually(t *testing.T, limit time.Duration, problem func() string) {
	t.Helper()
	if p := await(limit, problem); p != "" {
		t.Fatal(p)
	}
}

// await is eventually for goroutines: it returns "" or what is wrong.
func await(limit time.Duration, problem func() string) string {
	deadline := time.Now().Add(limit)
	for {
		p := problem()
		if p == "" {
			return ""
		}
		if time.Now().After(deadline) {
			return fmt.Sprintf("not within %v: %s", limit, p)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

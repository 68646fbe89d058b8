package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mcpauth/envoy-example/envoy"
	"mcpauth/internal/vectors"
)

// The test vectors that others wrote get the verdicts in Envoy that they get natively and on
// the test host, with the signatures by Envoy's verify_signature where it has the algorithm.
func TestVectors(t *testing.T) {
	root, err := envoy.Root()
	if err != nil {
		t.Fatal(err)
	}
	document, want, list, err := vectors.Document(filepath.Join(root, "jwtlite", "testdata"))
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(root, "build", "mcpauth-vectors.wasm")
	if _, err := os.Stat(file); err != nil {
		t.Fatalf("%v: run `make vectors-file` first", err)
	}
	onEach(t, func(t *testing.T, s *stage) {
		o := s.options(document)
		o.Wasm, o.Workers = file, 1
		p, err := envoy.Start(t.Context(), s.binary, o)
		if err != nil {
			t.Fatal(err)
		}
		defer p.Stop()
		got := ""
		eventually(t, time.Minute, func() string {
			_, rest, _ := strings.Cut(p.Log(), "vectors: ")
			line, _, whole := strings.Cut(rest, "\n")
			if got = strings.TrimSpace(line); !whole {
				return "no verdicts in the log"
			}
			return ""
		})
		if !strings.Contains(p.Log(), "and ES512 by the host's verify_signature, PS256 and PS384 and PS512 and EdDSA by jwtlite") {
			t.Error("the host does not verify what it can")
		}
		for _, d := range vectors.Differences(list, got, want) {
			t.Error(d)
		}
	})
}

package wasmtest

import (
	"strings"
	"testing"

	"mcpauth/internal/vectors"
)

// The test vectors that others wrote get the same verdict by the host's verify_signature
// and by the plugin alone.
func TestVectors(t *testing.T) {
	document, want, list, err := vectors.Document("../jwtlite/testdata")
	if err != nil {
		t.Fatal(err)
	}
	const file = "../build/mcpauth-vectors.wasm"
	m, err := Load(file)
	if err != nil {
		t.Fatalf("%v: run `make vectors-file` in the repository's root first", err)
	}
	for name, test := range map[string]struct {
		functions map[string]ForeignFunction
		line      string
	}{
		"verified by the host":   {nil, "RS256 and ES256 and RS384 and RS512 and ES384 and ES512 by the host's verify_signature, PS256 and PS384 and PS512 and EdDSA by jwtlite"},
		"verified by the plugin": {map[string]ForeignFunction{}, "signatures: by jwtlite, the host has no verify_signature that works"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := New(m, Options{Functions: test.functions})
			defer h.Close()
			start(t, h, document)
			log := h.LogText()
			_, rest, ok := strings.Cut(log, "vectors: ")
			got, _, _ := strings.Cut(rest, "\n")
			if !ok || !strings.Contains(log, test.line) {
				t.Fatal(log)
			}
			for _, d := range vectors.Differences(list, strings.TrimRight(got, "\" \r"), want) {
				t.Error(d)
			}
		})
	}
}

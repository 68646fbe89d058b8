//go:build controlplane

package envoygateway

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"mcpauth/integration/controlplane"
)

// mcp is the gateway as clients reach it. Envoy Gateway redirects paths with an escaped
// slash to the unescaped path, and refuses headers with underscores.
var mcp = controlplane.Gateway{Base: "https://" + controlplane.MCPHost, EscapedSlash: 307, NoUnderscores: true}

// The main job with the very manifests, on each version of Envoy; on the first one also
// what happens to the authorization server's keys, and changes under load.
func TestJob(t *testing.T) {
	for i, version := range versions {
		t.Run(version, func(t *testing.T) {
			w := controlplane.NewWorld(t, upstreamAddr)
			s := start(t, w, options{envoy: version})
			s.protected(t)
			mcp.Job(t, w)
			if i > 0 {
				return
			}
			t.Run("rotation", func(t *testing.T) { mcp.Rotation(t, w) })
			t.Run("server down and back", func(t *testing.T) { mcp.ServerDownAndBack(t, w) })
			t.Run("changes under load", s.changes)
		})
	}
}

// changes makes the changes that a user makes to a gateway in use.
func (s *standalone) changes(t *testing.T) {
	module, err := os.ReadFile(s.world.Wasm)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(module)
	serveFile(t, "127.0.0.5:443", "files.example.com", s.world.Wasm)
	load := controlplane.StartLoad(t, notesURL, func() string { return s.world.Token("read:notes") })
	defer load.MustNotFail(t)

	s.manifest(t, "policy.yaml", furtherScope("one"))
	s.awaitMetadata(t, `"one"`)
	s.manifest(t, "policy.yaml", furtherScope("two"), edit{Why: "the file instead of the image", Old: imageSource(s.digest), New: `        type: HTTP
        http:
          url: https://files.example.com/mcpauth.wasm
          sha256: ` + hex.EncodeToString(sum[:]) + "\n"})
	s.awaitMetadata(t, `"two"`)
	s.manifest(t, "guard.yaml", edit{Why: "larger bodies", Old: "1Mi", New: "2Mi"})
	s.patch(t)
	s.manifest(t, "policy.yaml", furtherScope("three"), stopIteration)
	s.awaitMetadata(t, `"three"`)
	s.digest = s.world.PushImage(t, append(module, 0, 2, 1, 'x'), "next")
	s.manifest(t, "policy.yaml", furtherScope("four"), stopIteration)
	s.awaitMetadata(t, `"four"`)
	s.manifest(t, "policy.yaml", mistake) // the earlier one goes on
	controlplane.Eventually(t, "a rejected update", patience, func() error {
		if s.rejected() == 0 {
			return errNotYet
		}
		return nil
	})
	stays()
}

func furtherScope(name string) edit {
	return edit{Why: "a further scope, which shows that the change is in effect", Old: `"write:notes"]`, New: `"write:notes", "` + name + `"]`}
}

var stopIteration = edit{Why: "headers wait for the decision", Old: "        verdict_header: true\n", New: "        verdict_header: true\n        allow_on_headers_stop_iteration: true\n"}

// imageSource is the source of the plugin in policy.yaml, with its digest.
func imageSource(digest string) string {
	return "        type: Image\n        image:\n          url: registry.example.com/mcpauth@sha256:" + digest + " # CHANGE\n"
}

func init() { controlplane.NameHost("files.example.com", "127.0.0.5") }

// serveFile serves a file over TLS.
func serveFile(t testing.TB, addr, host, file string) {
	t.Helper()
	cert, key, err := controlplane.TestCA().Certificate(host)
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Addr: addr, ReadHeaderTimeout: 5 * time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.ServeFile(w, r, file)
	})}
	certFile, keyFile := controlplane.WriteFile(t, "tls.crt", cert), controlplane.WriteFile(t, "tls.key", key)
	go server.ListenAndServeTLS(certFile, keyFile)
	t.Cleanup(func() { server.Close() })
}

// awaitMetadata waits until the resource's metadata has the text.
func (s *standalone) awaitMetadata(t testing.TB, text string) {
	t.Helper()
	controlplane.Eventually(t, "metadata with "+text, patience, func() error {
		_, body, err := get(metadataURL, nil)
		if err == nil && !strings.Contains(body, text) {
			err = fmt.Errorf("%s", body)
		}
		return err
	})
}

//go:build controlplane

package controlplane

import (
	"net/http"
	"testing"
	"time"
)

func TestMain(m *testing.M) { Main(m, Etcd, KubeAPIServer, Kubectl) }

// The world is reached by the names of the manifests and over TLS that the system's
// certificates vouch for.
func TestWorld(t *testing.T) {
	w := NewWorld(t, "127.0.0.1:8080")
	for _, url := range []string{Issuer + "/.well-known/oauth-authorization-server", "https://" + RegistryHost + "/v2/"} {
		res, err := http.Get(url)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != 200 {
			t.Errorf("%s: %s", url, res.Status)
		}
	}
	w.AuthFront.Down()
	if _, err := NewClient().Get(Issuer); err == nil {
		t.Error("the authorization server is not down")
	}
	w.AuthFront.Up(t)
	w.RegistryAuth("user:password")
	res, err := http.Get("https://" + RegistryHost + "/v2/")
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != 401 {
		t.Errorf("the registry asks for no password: %s", res.Status)
	}
}

// A poller sees requests that reach the MCP server without a gateway.
func TestPollerSeesAnOpenServer(t *testing.T) {
	w := NewWorld(t, "127.0.0.1:8080")
	p := Poll(t, w.Upstream, "http://127.0.0.1:8080/notes")
	Eventually(t, "polls", 10*time.Second, func() error {
		if p.Sent() < 50 {
			return http.ErrHandlerTimeout
		}
		return nil
	})
	if leaks := p.Stop(); len(leaks) < 50 {
		t.Errorf("%d leaks of %d requests", len(leaks), p.Sent())
	}
	t.Log(p)
}

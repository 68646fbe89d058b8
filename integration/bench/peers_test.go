package main

import (
	"testing"
	"time"
)

// TestPeers runs everything that is compared with little of everything, so that the command works
// on the day that somebody wants its figures. Every set-up must let good tokens through and refuse
// requests without one, or the measurement of costs fails; what mcpauth promises it must do.
func TestPeers(t *testing.T) {
	r, err := measurePeers(t.Context(), peerSettings{
		Rounds: 1, Requests: 2 * connections, Tokens: 2 * connections, WarmUp: 2 * connections, Paced: 50 * time.Millisecond,
		Patience: 8 * time.Second, Budget: time.Hour,
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, work := range peerWorks {
		for _, p := range allPeers() {
			if c := r.cost(work.Name, p.Name); work.applies(p) && (c == nil || len(c.CPU) != 1 || c.CPU[0] <= 0 || p.filters() != (len(c.Added) == 1)) {
				t.Errorf("%s, %s: %+v", work.Name, p.Name, c)
			}
		}
	}
	for _, p := range allPeers() {
		if l := r.latency(p.Name); l == nil || len(l.Half.P99) != 1 || len(l.Common.P99) != 1 {
			t.Errorf("latency of %s: %+v", p.Name, l)
		}
	}
	found := map[string]*Behaviour{}
	for _, b := range r.Behaviours {
		found[b.Name] = b
		if b.States["mcpauth"] != yes {
			t.Errorf("mcpauth: %s: %s (%s)", b.Name, b.States["mcpauth"], b.Seen["mcpauth"])
		}
	}
	// Some of what the others do, so that a set-up that has stopped to work as it should is seen.
	for _, x := range []struct{ behaviour, peer, want string }{
		{"metadata of the resource", "jwt_authn", no},
		{"metadata of the resource", "jwt_authn_lua", yes},
		{"another audience: 401 `invalid_token`", "jwt_authn_lua", yes},
		{"scope missing: 403 `insufficient_scope` with `scope`", "jwt_authn_lua", yes},
		{"scope missing: 403 `insufficient_scope` with `scope`", "ext_authz", yes},
		{"the client cannot forge the caller", "ext_authz_cache", yes},
		{"the client cannot forge the caller", "python", notApplicable},
		{"expired: 401 `invalid_token`", "python", yes},
		{"scope of a single tool: 403 with that scope", "typescript", yes},
		{"no token in the query", "jwt_authn", no},
		{"no token passes while the keys are missing", "fastmcp", yes},
	} {
		b := found[x.behaviour]
		if b == nil {
			t.Errorf("no behaviour %q", x.behaviour)
		} else if got := b.States[x.peer]; got != x.want {
			t.Errorf("%s: %s: %s, want %s (%s)", x.peer, x.behaviour, got, x.want, b.Seen[x.peer])
		}
	}
	for _, name := range []string{"mcpauth", "mcp", "fastmcp", "jose", "PyJWT", "Node.js", "Python", "@modelcontextprotocol/server", "github.com/coreos/go-oidc/v3"} {
		if r.Versions[name] == "" {
			t.Errorf("no version of %s", name)
		}
	}
	if r.Machine.Envoy == "" {
		t.Error("no version of Envoy")
	}
}

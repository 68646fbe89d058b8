package gate

import (
	"errors"
	"maps"
	"slices"
	"testing"
	"time"

	"mcpauth/config"
	"mcpauth/internal/metrics"
	"mcpauth/internal/operation"
)

// auditing returns a gate with an audit trail, and one resource.
func auditing(t *testing.T, members string) *Gate {
	t.Helper()
	c, err := config.Parse([]byte(`{"audit": true, "authorization_servers": [{"issuer": "https://a", "cluster": "a"}], "resources": [{"resource": "https://h/n"` + members + `}]}`))
	if err != nil {
		t.Fatal(err)
	}
	return New(c, []AuthServer{{Config: c.AuthorizationServers[0]}}, nil)
}

// states is a SetState that keeps what it gets. It fails for a second value of one name.
func states(t *testing.T, all map[string]string) SetState {
	return func(name, value string) error {
		if _, again := all[name]; again || value == "" {
			t.Errorf("%s is set to %q, again: %v", name, value, again)
		}
		all[name] = value
		return nil
	}
}

func wantStates(t *testing.T, name string, g *Gate, v Verdict, want map[string]string) {
	t.Helper()
	got := map[string]string{}
	if _, err := g.Audit(&v, states(t, got)); err != nil || !maps.Equal(got, want) {
		t.Errorf("%s: %v, %v, want %v", name, got, err, want)
	}
}

// What one request leaves is not said of the next one, whatever became of it.
func TestAuditOfOneRequest(t *testing.T) {
	g := auditing(t, `, "required_scopes": ["base"], "tools": {"delete": ["write"]}`)
	p := g.resources[0]
	request := func() *Request {
		return &Request{Method: "POST", Authority: "h", Path: "/n", HasBody: true, ContentType: "application/json", MCP: mcp("2026-07-28", "tools/call", "delete")}
	}
	full := map[string]string{"mcpauth-resource": "https://h/n", "mcpauth-subject": "s", "mcpauth-issuer": "https://a",
		"mcpauth-method": "tools/call", "mcpauth-target": "delete", "mcpauth-missing": "write"}
	// decide fills in all that a verdict may come with.
	decide := func() Verdict {
		g.Decide(request(), time.Now()) // no token: 401
		if err := g.token.ParseClaims([]byte(`{"sub":"s"}`)); err != nil {
			t.Fatal(err)
		}
		g.auditToken(p, "https://a")
		return g.applyRules(p, request(), operation.Set{}, Verdict{kind: KindForward})
	}
	v := decide()
	if v.Kind() != KindRespond || v.Outcome() != metrics.InsufficientScope {
		t.Fatalf("%+v", v)
	}
	wantStates(t, "refused", g, v, full)
	wantStates(t, "after it", g, v, nil)
	decide()
	wantStates(t, "waits", g, waitFor(nil, nil, nil), map[string]string{"mcpauth-resource": "https://h/n"})
	decide()
	r := request()
	r.Path = "/other"
	wantStates(t, "another request", g, g.Decide(r, time.Now()), nil)
	decide()
	b := g.operationBody(p, request(), lack{}, operation.Set{}, operation.Operation{}, Verdict{outcome: metrics.CacheHit})
	wantStates(t, "a body", g, b.Decide([]byte(`{"method":"ping"}`)), map[string]string{"mcpauth-method": "ping"})
	decide()
	wantStates(t, "a body that is refused", g, b.Decide([]byte(`{"method":"tools/call","params":{"name":"delete"}}`)),
		map[string]string{"mcpauth-method": "tools/call", "mcpauth-target": "delete", "mcpauth-missing": "write"})
	wantStates(t, "a body that is not clear", g, b.Decide([]byte(`{"method":"ping","method":"x"}`)), nil)

	// Who passes has the identity by the Pass.
	decide()
	forwarded := Verdict{kind: KindForward}
	got := map[string]string{}
	if _, err := g.Audit(&forwarded, states(t, got)); err != nil || got["mcpauth-subject"] != "" {
		t.Errorf("passes: %v, %v", got, err)
	}
}

// A value that the host refuses is an error.
func TestAuditThatFails(t *testing.T) {
	g := auditing(t, "")
	v := g.Decide(&Request{Method: "GET", Authority: "h", Path: "/n"}, time.Now())
	failed := errors.New("failed")
	if _, err := g.Audit(&v, func(string, string) error { return failed }); err != failed {
		t.Error(err)
	}
	if err := SetOutcome(v.Outcome(), func(string, string) error { return failed }); err != failed {
		t.Error(err)
	}
}

// Without audit there is nothing to set, and no header has a filter state.
func TestNoAudit(t *testing.T) {
	g, p := ruled(t, `"tools": {"delete": ["write"]}`)
	v := g.applyRules(p, &Request{HasBody: true}, operation.Set{}, Verdict{kind: KindForward})
	if o, err := g.Audit(&v, func(string, string) error { return errors.New("called") }); o != nil || err != nil {
		t.Error(o, err)
	}
	for _, audit := range []bool{false, true} {
		var names []string
		for _, h := range identityHeaders(&config.Resource{}, audit) {
			if h.filterState != "" {
				names = append(names, h.filterState)
			}
		}
		want := []string{"mcpauth-subject", "mcpauth-client", "mcpauth-issuer"}
		if !audit {
			want = nil
		}
		if !slices.Equal(names, want) {
			t.Errorf("audit %v: %q", audit, names)
		}
	}
}

// The outcome has the words of the metrics.
func TestSetOutcome(t *testing.T) {
	for o := range metrics.OutcomeCount {
		got := map[string]string{}
		if err := SetOutcome(metrics.Outcome(o), states(t, got)); err != nil {
			t.Fatal(err)
		}
		result, reason := metrics.Outcome(o).Labels()
		if got["mcpauth-outcome"] != result || got["mcpauth-reason"] != reason || result == "" {
			t.Errorf("%d: %v, want %s, %s", o, got, result, reason)
		}
	}
}

package conformance

import (
	"maps"
	"slices"
	"sync"
	"testing"
)

const november25, july26 = "2025-11-25", "2026-07-28"

// scopes are those of the token.
var scopes = []string{"mcp", "mcp:tools", "mcp:prompts", "mcp:resources", "mcp:methods"}

// plain is a resource without rules.
func plain() object { return object{"required_scopes": []string{"mcp"}} }

// rules is a resource with rules for every operation, all of which the token satisfies.
func rules() object {
	return object{
		"required_scopes": []string{"mcp"}, "required_claims": object{"groups": "staff"},
		"tools": object{
			"*":                object{"scopes": []string{"mcp:tools"}, "claims": object{"groups": "staff"}},
			"test_simple_text": []string{"mcp:tools"},
		},
		"prompts":   object{"*": []string{"mcp:prompts"}},
		"resources": object{"test://*": []string{"mcp:resources"}},
		"methods":   object{"*": []string{"mcp:methods"}},
	}
}

// with returns a resource with a further member.
func with(r object, name string, value any) object {
	r[name] = value
	return r
}

// directly has a report of the server itself for each revision of MCP.
type directly struct {
	once sync.Once
	report
}

var direct = map[string]*directly{november25: {}, july26: {}}

// directReport returns what the suite says about the server itself, which must conform.
// The checks are the caller's.
func directReport(t *testing.T, revision string) report {
	t.Helper()
	d := direct[revision]
	d.once.Do(func() {
		r, passed := runSuite(t, "http://"+startServer(t, revision == july26)+"/mcp", "--requirements", revision)
		if !passed || len(r) < 30 {
			t.Fatalf("without a gateway the server does not conform to %s, or the suite has %d scenarios only: %v", revision, len(r), r)
		}
		d.report = r
	})
	if d.report == nil {
		t.Fatal("there is no report of the server itself")
	}
	r := report{}
	for name, checks := range d.report {
		for _, c := range checks {
			r[name] = append(r[name], maps.Clone(c))
		}
	}
	return r
}

// answersItself are the checks whose requests a gateway with rules refuses itself, as the
// server does. The texts of the two differ.
var answersItself = []string{
	"ServerRejectsMismatchedMethodHeader", "ServerRejectsMismatchedMethodHeaderErrorCode",
	"ServerRejectsMismatchedNameHeader", "ServerRejectsMismatchedNameHeaderErrorCode",
	"ServerRejectsCaseMismatchValue", "ServerRejectsCaseMismatchValueErrorCode",
}

// namesNothing are the checks that fail with rules for MCP resources: a message that
// needs a URI and has none gets 400 from the gateway, where a server that has no such
// method any more says 404.
var namesNothing = []string{"HttpServerMethodNotFound404resourcessubscribe", "HttpServerMethodNotFound404resourcesunsubscribe"}

// TestConformanceSuite: MCP's own suite sees no difference between a server and the same
// server behind a gateway, with rules and without, but for the checks above.
func TestConformanceSuite(t *testing.T) {
	for version, stops := range map[string]bool{"1.40.0": true, "1.36.4": false} {
		t.Run("envoy-"+version, func(t *testing.T) {
			t.Parallel()
			g := startGateway(t, version, stops, map[string]object{
				"/plain": plain(), "/rules": rules(), "/trusting": with(rules(), "trust_mcp_headers", true),
			})
			for _, c := range []struct {
				revision, path string
				itself, fails  []string
			}{
				{november25, "/plain", nil, nil},
				{november25, "/rules", nil, nil},
				{july26, "/plain", nil, nil},
				{july26, "/rules", answersItself, namesNothing},
				{july26, "/trusting", nil, namesNothing},
			} {
				t.Run(c.revision+c.path, func(t *testing.T) {
					want := directReport(t, c.revision)
					g.serve(t, c.revision == july26)
					got, passed := runSuite(t, "http://"+g.front.Addr()+c.path, "--requirements", c.revision)
					for _, name := range c.itself {
						except(t, want, got, name, "SUCCESS")
					}
					for _, name := range c.fails {
						except(t, want, got, name, "FAILURE")
					}
					for name, d := range differences(want, got) {
						t.Errorf("%s differs, %s", name, d)
					}
					if passed != (c.fails == nil) {
						t.Errorf("the server conforms through the gateway: %v", passed)
					}
				})
			}
		})
	}
}

// except takes a check out of the comparison. It must succeed directly, and have this
// status through the gateway.
func except(t *testing.T, want, got report, name, status string) {
	t.Helper()
	w, g := want.check(name), got.check(name)
	if w == nil || g == nil || w["status"] != "SUCCESS" || g["status"] != status {
		t.Errorf("%s: directly %v, through the gateway %v", name, w["status"], g["status"])
		return
	}
	clear(w)
	clear(g)
}

// TestSuiteSeesWhatTheGatewayRefuses: the comparison of [TestConformanceSuite] finds what
// a gateway changes, and nothing else.
func TestSuiteSeesWhatTheGatewayRefuses(t *testing.T) {
	t.Parallel()
	g := startGateway(t, "1.40.0", true, map[string]object{
		"/method": with(rules(), "methods", object{"prompts/list": []string{"mcp:absent"}}),
		"/tool":   with(rules(), "tools", object{"test_error_handling": []string{"mcp:absent"}}),
	})
	for path, scenario := range map[string]string{"/method": "prompts-list", "/tool": "tools-call-error"} {
		t.Run(scenario, func(t *testing.T) {
			want := directReport(t, november25)
			g.serve(t, false)
			got, passed := runSuite(t, "http://"+g.front.Addr()+path, "--requirements", november25)
			if found := slices.Sorted(maps.Keys(differences(want, got))); !slices.Equal(found, []string{scenario}) || passed {
				t.Errorf("differences in %v, want one in %s; passed: %v", found, scenario, passed)
			}
		})
	}
	t.Run("no token", func(t *testing.T) {
		if got, passed := runSuite(t, "http://"+g.Addr()+"/method", "--scenario", "server-initialize"); passed {
			t.Errorf("the suite passes without a token: %v", got)
		}
	})
}

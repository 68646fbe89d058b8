package e2e

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"mcpauth/envoy-example/authserver"
	"mcpauth/envoy-example/envoy"
)

// guardParts are the two parts of the guard that the documentation shows: the early
// mutation of headers, and the filter behind the plugin.
func guardParts(t *testing.T) (early, filter string) {
	t.Helper()
	// They stand in a list: the blocks are indented.
	text := regexp.MustCompile(`(?m)^   `).ReplaceAllString(section(t, "security.md", "## A guard behind the plugin"), "")
	blocks := fenced(text, "yaml")
	if len(blocks) != 2 {
		t.Fatalf("security.md: %d blocks, want an early mutation and a filter", len(blocks))
	}
	return blocks[0], blocks[1]
}

// verdictValues are the values, in any spelling, with which the last request has reached
// the server.
func verdictValues(seen http.Header) (values []string) {
	for name, v := range seen {
		if strings.NewReplacer("_", "-", ".", "-").Replace(strings.ToLower(name)) == "x-mcpauth-verdict" {
			values = append(values, v...)
		}
	}
	return values
}

// forgedVerdict are headers that a client sends to pass for let on.
func forgedVerdict(h http.Header) http.Header {
	h = h.Clone()
	if h == nil {
		h = http.Header{}
	}
	for _, name := range []string{"x-mcpauth-verdict", "X-Mcpauth-Verdict", "x_mcpauth_verdict", "x-mcpauth_verdict", "x.mcpauth.verdict"} {
		h[name] = []string{"token", "public", ""}
	}
	return h
}

// guarded starts a gateway with the guard of the documentation. Without the plugin, the
// filter mcpauth is not there: as on a route to which it is not attached.
func guarded(t *testing.T, s *stage, o envoy.Options, withEarly, withPlugin bool) *gateway {
	t.Helper()
	early, filter := guardParts(t)
	o.Filters, o.Lenient = strings.TrimSpace(filter), true
	bootstrap, err := envoy.Bootstrap(o, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	replace := func(what, by string) {
		t.Helper()
		if strings.Count(bootstrap, what) != 1 {
			t.Fatalf("%q is not there once in\n%s", what, bootstrap)
		}
		bootstrap = strings.Replace(bootstrap, what, by, 1)
	}
	if withEarly {
		const place = "stat_prefix: gateway\n"
		at := strings.Index(bootstrap, place)
		if at < 0 {
			t.Fatalf("no %q in\n%s", place, bootstrap)
		}
		indent := bootstrap[strings.LastIndex(bootstrap[:at], "\n")+1 : at]
		replace(place, place+indent+strings.ReplaceAll(strings.TrimSpace(early), "\n", "\n"+indent)+"\n")
	}
	if !withPlugin {
		from, to := strings.Index(bootstrap, "- name: mcpauth\n"), strings.Index(bootstrap, "- name: envoy.filters.http.rbac")
		if from < 0 || to < from {
			t.Fatalf("no filter mcpauth before the guard in\n%s", bootstrap)
		}
		bootstrap = bootstrap[:from] + bootstrap[to:]
	}
	o.Bootstrap = bootstrap
	return s.start(t, o)
}

func (s *stage) verdictConfig(stops bool) string {
	return toJSON(object{
		"verdict_header": true, "unmatched": "allow", "allow_on_headers_stop_iteration": stops,
		"authorization_servers": []object{{"issuer": s.auth.Issuer(), "cluster": "auth"}},
		"resources": []object{
			{"resource": notes, "required_scopes": []string{"read:notes"}, "tools": object{"delete_note": []string{"write:notes"}}},
			{"resource": open, "forward": true},
		},
	})
}

// TestGuard: behind the plugin, the guard lets on what the plugin has let on, with one
// value of the header; what a client brings never counts.
func TestGuard(t *testing.T) {
	onEach(t, func(t *testing.T, s *stage) {
		for name, stops := range map[string]bool{"headers go on": false, "headers stop": true} {
			t.Run(name, func(t *testing.T) {
				own := keyStage(t, s, authserver.Options{})
				o := own.options(own.verdictConfig(stops))
				o.HeadersStopIteration = stops
				for early, g := range map[bool]*gateway{true: guarded(t, own, o, true, true), false: guarded(t, own, o, false, true)} {
					testGuard(t, own, g, fmt.Sprint("early mutation: ", early))
				}
			})
		}
	})
}

func testGuard(t *testing.T, own *stage, g *gateway, name string) {
	read := own.minted("RS256")
	eventually(t, recovery, func() string { return passes(g, read) })
	write := own.auth.Mint(authserver.Token{Resource: notes, Scope: "read:notes write:notes"})
	opened := own.auth.Mint(authserver.Token{Resource: open})
	for _, p := range protocols {
		for _, c := range []struct {
			name, path, body string
			header           http.Header
			status           int
			verdict          string
		}{
			{"token", "/notes", whoami, bearer(read), 200, "token"},
			{"token, ES256", "/notes", whoami, bearer(own.minted("ES256")), 200, "token"},
			{"rule with a body", "/notes", tool("delete_note"), bearer(write), 200, "token"},
			{"rule with a body, refused", "/notes", tool("delete_note"), bearer(read), 403, ""},
			{"forward", "/open", whoami, bearer(opened), 200, "token"},
			{"unmatched", "/other", whoami, nil, 200, "public"},
			{"unmatched, with a token", "/other", whoami, bearer(read), 200, "public"},
			{"no token", "/notes", whoami, nil, 401, ""},
			{"bad token", "/notes", whoami, bearer("x"), 401, ""},
		} {
			for _, forged := range []bool{false, true} {
				title := fmt.Sprintf("%s, %s, %s, forged: %v", name, p, c.name, forged)
				header := c.header
				if forged {
					header = forgedVerdict(header)
				}
				r := toolCall(p, c.path, header)
				r.body = c.body
				before := own.mcp.Requests()
				a := g.do(t, r)
				if a.status != c.status || strings.Contains(a.body, "RBAC") {
					t.Errorf("%s: status %d, body %.100q, want %d", title, a.status, a.body, c.status)
					continue
				}
				reached := own.mcp.Requests() - before
				if want := map[bool]int{true: 1}[c.verdict != ""]; int(reached) != want {
					if c.verdict == "" && strings.Contains(c.name, "refused") {
						continue // without stopped headers, the server may see them
					}
					t.Errorf("%s: %d requests reached the MCP server, want %d", title, reached, want)
				}
				if c.verdict != "" {
					if got := verdictValues(own.mcp.Last().Header); len(got) != 1 || got[0] != c.verdict {
						t.Errorf("%s: the server got the verdicts %q, want %q", title, got, c.verdict)
					}
				}
			}
		}
	}
}

// TestGuardWithoutThePlugin: where the plugin does not run, nothing passes, with a
// token or with a forged header. Without the early mutation, a forged header does pass:
// the guard needs it.
func TestGuardWithoutThePlugin(t *testing.T) {
	onEach(t, func(t *testing.T, s *stage) {
		own := keyStage(t, s, authserver.Options{})
		g := guarded(t, own, own.options(own.verdictConfig(false)), true, false)
		for _, p := range protocols {
			for name, h := range map[string]http.Header{
				"nothing": nil, "a token": bearer(own.minted("RS256")), "forged": forgedVerdict(nil), "forged and a token": forgedVerdict(bearer(own.minted("RS256"))),
				"one forged": headers("x-mcpauth-verdict", "token"), "one of the other spelling": headers("x_mcpauth_verdict", "token"),
			} {
				for _, path := range []string{"/notes", "/other"} {
					a := g.do(t, toolCall(p, path, h))
					if a.status != http.StatusForbidden || a.body != "RBAC: access denied" {
						t.Errorf("%s %s with %s: status %d, body %.100q", p, path, name, a.status, a.body)
					}
				}
			}
		}
		if n := own.mcp.Requests(); n != 0 {
			t.Errorf("%d requests reached the MCP server", n)
		}
		open := guarded(t, own, own.options(own.verdictConfig(false)), false, false)
		if a := open.do(t, toolCall(http1, "/notes", headers("x-mcpauth-verdict", "token"))); a.status != http.StatusOK {
			t.Errorf("without the early mutation: status %d, so that this test shows nothing", a.status)
		}
	})
}

// TestGuardNeedsTheMember: without verdict_header the guard refuses everything, and a
// forged header helps nobody.
func TestGuardNeedsTheMember(t *testing.T) {
	onEach(t, func(t *testing.T, s *stage) {
		own := keyStage(t, s, authserver.Options{})
		g := guarded(t, own, own.options(strings.Replace(own.verdictConfig(false), `"verdict_header":true`, `"verdict_header":false`, 1)), false, true)
		read := own.minted("RS256")
		for _, h := range []http.Header{bearer(read), forgedVerdict(bearer(read))} {
			eventually(t, recovery, func() string {
				a, err := g.send(toolCall(http1, "/notes", h))
				if err != nil || a.status != http.StatusForbidden || !strings.Contains(a.body, "RBAC") {
					return fmt.Sprintf("%v, %+v", err, a)
				}
				return ""
			})
		}
		if a := g.do(t, toolCall(http1, "/other", forgedVerdict(nil))); a.status != http.StatusForbidden {
			t.Errorf("unmatched: status %d", a.status)
		}
		if n := own.mcp.Requests(); n != 0 {
			t.Errorf("%d requests reached the MCP server", n)
		}
	})
}

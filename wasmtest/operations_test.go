package wasmtest

import (
	"encoding/base64"
	"strings"
	"testing"
	"time"
)

// ruled is the usual resource with rules.
func ruled(members object) object {
	return notes(with(object{
		"scope_hierarchy": object{"notes:admin": []string{"write:notes"}, "write:notes": []string{"read:notes"}},
		"tools":           object{"delete_note": []string{"write:notes"}, "admin_*": []string{"notes:admin"}, "export": []string{"export", "audit"}},
		"prompts":         object{"*": []string{"prompts"}},
		"resources":       object{"note:///secret/*": []string{"secrets"}},
		"methods":         object{"logging/*": []string{"logs"}},
	}, members))
}

// onBoth runs a test with allow_on_headers_stop_iteration on and off.
func onBoth(t *testing.T, server, resource object, test func(t *testing.T, h *Host, vm *VM, stops bool)) {
	for name, stops := range map[string]bool{"headers go on": false, "headers stop": true} {
		t.Run(name, func(t *testing.T) {
			h := newHost(t, Options{HeadersStopIteration: stops})
			test(t, h, start(t, h, config(server, resource, object{"allow_on_headers_stop_iteration": stops})), stops)
		})
	}
}

// message is a JSON-RPC request; params is JSON, or empty.
func message(method, params string) string {
	if params != "" {
		params = `,"params":` + params
	}
	return `{"jsonrpc":"2.0","id":1,"method":"` + method + `"` + params + `}`
}

func call(tool string) string {
	return message("tools/call", `{"name":"`+tool+`","arguments":{"text":"hello"}}`)
}

// mirrored are the headers of a client of MCP 2026-07-28.
func mirrored(method, name string) [][2]string {
	h := [][2]string{{"mcp-protocol-version", "2026-07-28"}, {"mcp-method", method}}
	if name != "" {
		h = append(h, [2]string{"mcp-name", name})
	}
	return h
}

// wantNothingSent checks that the server has not seen what it must not see.
func wantNothingSent(t *testing.T, s *Stream, headersToo bool) {
	t.Helper()
	if got := s.UpstreamBody(); got != "" {
		t.Errorf("the upstream has received %q", got)
	}
	if s.HeadersSent() && headersToo {
		t.Error("the upstream has received the headers")
	}
}

func wantInsufficient(t *testing.T, s *Stream, scope string) {
	t.Helper()
	wantError(t, s, 403, "insufficient_scope")
	if c := parseChallenge(t, s.Local().Headers.Get("www-authenticate")); c["scope"] != scope {
		t.Errorf("challenge with scope %q, want %q", c["scope"], scope)
	}
}

// What a token of these scopes may do, by the body alone, as clients before MCP
// 2026-07-28 ask.
func TestRulesByTheBody(t *testing.T) {
	onBoth(t, server(nil), ruled(nil), func(t *testing.T, h *Host, vm *VM, stops bool) {
		for _, tt := range []struct {
			name, scope, body, lacks string
		}{
			{"no rule", "read:notes", call("list_notes"), ""},
			{"a rule", "read:notes", call("delete_note"), "write:notes"},
			{"granted", "read:notes write:notes", call("delete_note"), ""},
			{"granted by a broader scope", "notes:admin", call("delete_note"), ""},
			{"a pattern", "write:notes", call("admin_reset"), "notes:admin"},
			{"a pattern, granted", "notes:admin", call("admin_reset"), ""},
			{"two scopes, and the required one", "read:notes audit", call("export"), "read:notes export audit"},
			{"a prompt", "read:notes", message("prompts/get", `{"name":"any"}`), "read:notes prompts"},
			{"a resource", "read:notes", message("resources/read", `{"uri":"note:///secret/1"}`), "read:notes secrets"},
			{"a subscription", "read:notes", message("resources/subscribe", `{"uri":"note:///secret/1"}`), "read:notes secrets"},
			{"another resource", "read:notes", message("resources/read", `{"uri":"note:///open/1"}`), ""},
			{"a method", "read:notes", message("logging/setLevel", `{"level":"debug"}`), "read:notes logs"},
			{"a notification", "read:notes", `{"jsonrpc":"2.0","method":"notifications/initialized"}`, ""},
			{"a client's answer", "read:notes", `{"jsonrpc":"2.0","id":1,"result":{"method":"tools/call"}}`, ""},
			{"a batch", "read:notes", "[" + call("list_notes") + "," + call("delete_note") + "," + message("prompts/get", `{"name":"a"}`) + "]", "write:notes prompts"},
			{"a batch, granted", "write:notes prompts", "[" + call("list_notes") + "," + call("delete_note") + "," + message("prompts/get", `{"name":"a"}`) + "]", ""},
			{"escaped", "read:notes", `{"m\u0065thod":"tools\/call","params":{"n\u0061me":"delete\u005fnote"}}`, "write:notes"},
			{"the name last", "read:notes", `{"params":{"arguments":{"name":"list_notes"},"name":"delete_note"},"id":1,"method":"tools/call"}`, "write:notes"},
			{"nothing", "read:notes", "", ""},
		} {
			t.Run(tt.name, func(t *testing.T) {
				token := rsaKey.bearer(claims(h, object{"scope": tt.scope}))
				for _, chunks := range [][]string{{tt.body}, {tt.body, ""}, strings.SplitAfterN(tt.body, `e`, 5)} { // with the token new and known
					s := vm.Open(rpc("/notes", token), false)
					for i, chunk := range chunks {
						if s.State() == Answered || s.UpstreamBody() != "" || stops && s.HeadersSent() {
							t.Fatalf("chunk %d of %d: %s, body %q", i, len(chunks), describe(s), s.UpstreamBody())
						}
						s.Body(chunk, i == len(chunks)-1)
					}
					if tt.lacks != "" {
						wantInsufficient(t, s, tt.lacks)
						wantNothingSent(t, s, stops)
						continue
					}
					if got := s.UpstreamBody(); got != tt.body {
						t.Errorf("the upstream has received %q", got)
					}
					if got := s.Upstream(); got.Get("x-mcpauth-subject") != "alice" || got.Has("authorization") {
						t.Errorf("got %s", describe(s))
					}
					wantForwarded(t, s)
				}
			})
		}
	})
}

// What cannot be decided on is refused, readably for a web page too.
func TestBodiesThatAreRefused(t *testing.T) {
	onBoth(t, server(nil), ruled(object{"max_body_bytes": 2048, "allowed_origins": []string{"https://app.example"}}), func(t *testing.T, h *Host, vm *VM, stops bool) {
		token := rsaKey.bearer(claims(h, nil))
		for _, tt := range []struct {
			name, body  string
			headers     [][2]string
			status      int
			description string
		}{
			{"no JSON", `{"method":`, nil, 400, "the body is not valid JSON"},
			{"text after the end", call("list_notes") + "x", nil, 400, "the body is not valid JSON"},
			{"a byte order mark", "\ufeff" + call("list_notes"), nil, 400, "the body is neither a JSON-RPC message nor a batch of messages"},
			{"UTF-16", "{\x00\"\x00}\x00", nil, 400, "the body is not valid JSON"},
			{"an empty batch", "[]", nil, 400, "the body is neither a JSON-RPC message nor a batch of messages"},
			{"a batch with something else", "[1]", nil, 400, "the body is neither a JSON-RPC message nor a batch of messages"},
			{"a form", "method=tools/call", nil, 400, "the body is neither a JSON-RPC message nor a batch of messages"},
			{"deep", `{"a":` + strings.Repeat("[", 600) + strings.Repeat("]", 600) + "}", nil, 400, "the body is nested too deeply"},
			{"two methods", `{"method":"ping","method":"ping"}`, nil, 400, "the body has members that servers read differently"},
			{"another case", `{"Method":"ping"}`, nil, 400, "the body has members that servers read differently"},
			{"two names", message("tools/call", `{"name":"list_notes","name":"delete_note"}`), nil, 400, "the body has members that servers read differently"},
			{"a method that is no string", `{"method":1}`, nil, 400, "the method is not a string, or has control characters"},
			{"no name", message("tools/call", ""), nil, 400, "the name of the operation is missing, or servers read it differently"},
			{"a name with a space", call("delete_note "), nil, 400, "the name of the operation is missing, or servers read it differently"},
			{"a URI to be normalised", message("resources/read", `{"uri":"note:///open/../secret/1"}`), nil, 400, "the name of the operation is missing, or servers read it differently"},
			{"another method in the headers", call("list_notes"), mirrored("tools/list", ""), 400, "the Mcp-Method and Mcp-Name headers do not match the body"},
			{"another name in the headers", call("delete_note"), mirrored("tools/call", "list_notes"), 400, "the Mcp-Method and Mcp-Name headers do not match the body"},
			{"the same with an older version", call("delete_note"), [][2]string{{"mcp-protocol-version", "2025-06-18"}, {"mcp-name", "list_notes"}}, 400, "the Mcp-Method and Mcp-Name headers do not match the body"},
			{"a batch with headers", "[" + call("list_notes") + "]", mirrored("tools/call", "list_notes"), 400, "the Mcp-Method and Mcp-Name headers do not match the body"},
			{"too large", call(strings.Repeat("x", 2048)), nil, 413, "the request's body is too large"},
		} {
			t.Run(tt.name, func(t *testing.T) {
				s := vm.Open(rpc("/notes", token, append(tt.headers, origin("https://app.example"))...), false)
				half := len(tt.body) / 2
				s.Body(tt.body[:half], false)
				s.Body(tt.body[half:], true)
				code := "invalid_request"
				member := "error_description"
				if tt.status == 413 {
					code = "content_too_large"
				} else if strings.Contains(tt.description, "headers do not match") {
					code, member = headerMismatch, "message"
				}
				wantError(t, s, tt.status, code)
				wantNothingSent(t, s, stops)
				if !strings.Contains(string(s.Local().Body), `"`+member+`":"`+tt.description+`"`) {
					t.Errorf("body %s, want %q", s.Local().Body, tt.description)
				}
				wantHeaders(t, s, map[string]string{
					"content-type": "application/json", "cache-control": "no-store",
					"access-control-allow-origin": "https://app.example", "access-control-expose-headers": "WWW-Authenticate, Mcp-Session-Id", "vary": "Origin",
				})
			})
		}
	})
}

// A body of exactly max_body_bytes is looked at, one byte more is not, and is
// refused before its end.
func TestLargeBodies(t *testing.T) {
	const limit = 4096
	onBoth(t, server(nil), ruled(object{"max_body_bytes": limit}), func(t *testing.T, h *Host, vm *VM, stops bool) {
		token := rsaKey.bearer(claims(h, nil))
		body := call("list_notes")
		body += strings.Repeat(" ", limit-len(body))
		s := vm.Open(rpc("/notes", token), false)
		s.Body(body, true)
		if s.UpstreamBody() != body {
			t.Errorf("%s, %d bytes", describe(s), len(s.UpstreamBody()))
		}
		wantForwarded(t, s)
		s = vm.Open(rpc("/notes", token), false)
		s.Body(body, false)
		s.Body(" ", false)
		wantError(t, s, 413, "content_too_large")
		wantNothingSent(t, s, stops)
	})
}

// What the headers say is decided at once, before any of the body, and nothing
// reaches the server.
func TestRulesByTheHeaders(t *testing.T) {
	encoded := func(s string) string { return "=?base64?" + base64.StdEncoding.EncodeToString([]byte(s)) + "?=" }
	onBoth(t, server(nil), ruled(nil), func(t *testing.T, h *Host, vm *VM, stops bool) {
		for _, tt := range []struct {
			name, scope string
			headers     [][2]string
			status      int
			lacks       string
			body        string
		}{
			{"a rule", "read:notes", mirrored("tools/call", "delete_note"), 403, "write:notes", ""},
			{"encoded", "read:notes", mirrored("tools/call", encoded("delete_note")), 403, "write:notes", ""},
			{"both encoded", "read:notes", mirrored(encoded("tools/call"), encoded("delete_note")), 403, "write:notes", ""},
			{"required scopes fail too", "export", mirrored("tools/call", "export"), 403, "read:notes export audit", ""},
			{"no rule, but required scopes fail", "export", mirrored("tools/call", "list_notes"), 403, "read:notes", ""},
			{"a version to come", "read:notes", [][2]string{{"mcp-protocol-version", "2031-01-01"}, {"mcp-method", "prompts/get"}, {"mcp-name", "a"}}, 403, "read:notes prompts", ""},
			{"two methods", "read:notes", append(mirrored("tools/call", "list_notes"), [2]string{"mcp-method", "tools/call"}), 400, "", ""},
			{"a respelled name", "read:notes", append(mirrored("tools/call", "list_notes"), [2]string{"mcp_name", "list_notes"}), 400, "", ""},
			{"bad base64", "read:notes", mirrored("tools/call", "=?base64?YQ?="), 400, "", ""},
			{"no UTF-8", "read:notes", mirrored("tools/call", "=?base64?/w==?="), 400, "", ""},
			{"a name to be trimmed", "read:notes", mirrored("tools/call", encoded(" delete_note")), 400, "", ""},
			{"not ASCII", "read:notes", mirrored("tools/call", "\xe9"), 400, "", ""},
			{"granted", "write:notes", mirrored("tools/call", "delete_note"), 0, "", call("delete_note")},
			{"granted, encoded", "write:notes", mirrored("tools/call", encoded("delete_note")), 0, "", call("delete_note")},
			{"no rule, beyond ASCII", "read:notes", mirrored("tools/call", encoded("notizen_für_später")), 0, "", call("notizen_f\u00fcr_sp\\u00e4ter")},
			{"an older version", "write:notes", [][2]string{{"mcp-protocol-version", "2025-11-25"}}, 0, "", call("delete_note")},
		} {
			t.Run(tt.name, func(t *testing.T) {
				token := rsaKey.bearer(claims(h, object{"scope": tt.scope}))
				for range 2 { // with the token new and known
					s := vm.Open(rpc("/notes", token, tt.headers...), false)
					switch tt.status {
					case 0:
						s.Body(tt.body, true)
						if s.UpstreamBody() != tt.body {
							t.Errorf("%s, body %q", describe(s), s.UpstreamBody())
						}
						wantForwarded(t, s)
						continue
					case 400:
						code := headerMismatch
						if tt.name == "a respelled name" {
							code = "invalid_request"
						}
						wantError(t, s, 400, code)
					default:
						wantInsufficient(t, s, tt.lacks)
					}
					wantNothingSent(t, s, true)
				}
			})
		}
	})
}

// With trust_mcp_headers the headers of a version that obliges servers to
// compare them decide alone; others do not.
func TestTrustedHeaders(t *testing.T) {
	onBoth(t, server(nil), ruled(object{"trust_mcp_headers": true, "max_body_bytes": 1024}), func(t *testing.T, h *Host, vm *VM, stops bool) {
		token := rsaKey.bearer(claims(h, object{"scope": "read:notes"}))
		open := func(more ...[2]string) *Stream { return vm.Open(rpc("/notes", token, more...), false) }
		s := open(mirrored("tools/call", "list_notes")...)
		if s.State() != Forwarded {
			t.Errorf("got %s before the body", describe(s))
		}
		s.Body(strings.Repeat("x", 4096), false) // not looked at, and not kept
		if len(s.UpstreamBody()) != 4096 {
			t.Errorf("%d bytes went on", len(s.UpstreamBody()))
		}
		wantForwarded(t, s)
		wantForwarded(t, open(append(mirrored("tools/list", ""), [2]string{"content-encoding", "gzip"})...))
		wantInsufficient(t, open(mirrored("tools/call", "delete_note")...), "write:notes")
		// No server compares these: the body decides.
		for _, method := range []string{"resources/subscribe", "resources/unsubscribe"} {
			for uri, lacks := range map[string]string{"note:///open/1": "", "note:///secret/1": "read:notes secrets"} {
				s := open([2]string{"mcp-protocol-version", "2026-07-28"}, [2]string{"mcp-method", method})
				s.Body(message(method, `{"uri":"`+uri+`"}`), true)
				if lacks == "" {
					wantForwarded(t, s)
					continue
				}
				wantInsufficient(t, s, lacks)
			}
			s := open(mirrored(method, "note:///open/1")...)
			s.Body(message(method, `{"uri":"note:///secret/1"}`), true)
			if s.State() != Answered {
				t.Fatalf("%s: %s", method, describe(s))
			}
			wantError(t, s, 400, headerMismatch)
			wantNothingSent(t, s, stops)
		}
		for name, headers := range map[string][][2]string{
			"an older version": {{"mcp-protocol-version", "2025-11-25"}, {"mcp-method", "tools/call"}},
			"no version":       {{"mcp-method", "tools/call"}},
			"a word":           {{"mcp-protocol-version", "DRAFT-2026"}, {"mcp-method", "tools/call"}},
			"no name":          mirrored("tools/call", ""),
			"no method":        {{"mcp-protocol-version", "2026-07-28"}},
		} {
			s := open(headers...)
			s.Body(call("delete_note"), true)
			if s.State() != Answered {
				t.Errorf("%s: got %s", name, describe(s))
				continue
			}
			wantInsufficient(t, s, "write:notes")
			wantNothingSent(t, s, stops)
		}
	})
}

// A body that the gate cannot read as its server would is not waited for.
func TestEncodedBodies(t *testing.T) {
	h := newHost(t, Options{})
	vm := start(t, h, config(server(nil), ruled(nil), nil))
	token := rsaKey.bearer(claims(h, nil))
	for _, header := range [][2]string{
		{"content-encoding", "gzip"}, {"content-encoding", "identity, br"}, {"Content-Encoding", "DEFLATE"}, {"content_encoding", "gzip"},
		{"content-type", "application/json; charset=utf-16"}, {"content-type", "application/json;Charset=Shift_JIS"},
	} {
		s := vm.Open(rpc("/notes", token, header), false)
		wantError(t, s, 415, "unsupported_media_type")
		if got := s.Local().Headers.Get("accept-encoding"); got != "identity" {
			t.Errorf("accept-encoding %q", got)
		}
		wantNothingSent(t, s, true)
	}
	for _, header := range [][2]string{{"content-encoding", "identity"}, {"content-encoding", ""}} {
		s := vm.Open(rpc("/notes", token, header), false)
		s.Body(call("list_notes"), true)
		wantForwarded(t, s)
	}
	// Not in the way of those who need nothing here, or send no body.
	wantError(t, vm.Open(rpc("/notes", "", [2]string{"content-encoding", "gzip"}), false), 401, "unauthorized")
	wantForwarded(t, vm.Request(rpc("/notes", token, [2]string{"content-encoding", "gzip"})))
}

// A request with no body asks for no operation, whatever its headers say: the
// stream of a session, its end, and probes go on as ever.
func TestRequestsWithoutABody(t *testing.T) {
	h := newHost(t, Options{})
	vm := start(t, h, config(server(nil), ruled(nil), nil))
	token := [2]string{"authorization", rsaKey.bearer(claims(h, object{"scope": "read:notes"}))}
	for _, method := range []string{"GET", "DELETE", "HEAD", "POST", "OPTIONS"} {
		wantForwarded(t, vm.Request(request(method, "/notes", token)))
		wantForwarded(t, vm.Request(request(method, "/notes", append(mirrored("tools/call", "delete_note"), token)...)))
	}
	// But every method's body is looked at.
	for _, method := range []string{"GET", "DELETE", "PUT", "PATCH", "QUERY"} {
		s := vm.Open(request(method, "/notes", token), false)
		s.Body(call("delete_note"), true)
		wantInsufficient(t, s, "write:notes")
		s.Close()
	}
}

// Trailers end a body too.
func TestRulesWithTrailers(t *testing.T) {
	onBoth(t, server(nil), ruled(nil), func(t *testing.T, h *Host, vm *VM, stops bool) {
		token := rsaKey.bearer(claims(h, object{"scope": "read:notes"}))
		for tool, lacks := range map[string]string{"list_notes": "", "delete_note": "write:notes"} {
			s := vm.Open(rpc("/notes", token), false)
			s.Body(call(tool), false)
			wantNothingSent(t, s, stops)
			got := s.Trailers(Headers{{"x-trailer", "1"}, {"authorization", "x"}})
			if lacks != "" {
				wantInsufficient(t, s, lacks)
				wantNothingSent(t, s, stops)
				continue
			}
			if s.UpstreamBody() != call(tool) || len(got) != 1 {
				t.Errorf("%s, body %q, trailers %v", describe(s), s.UpstreamBody(), got)
			}
			wantForwarded(t, s)
		}
	})
}

// A request may wait for keys before its body decides, which comes before the
// keys or after them.
func TestRulesWhileKeysAreFetched(t *testing.T) {
	onBoth(t, fetching(nil), ruled(object{"max_body_bytes": 1024}), func(t *testing.T, h *Host, vm *VM, stops bool) {
		token := rsaKey.bearer(claims(h, object{"scope": "read:notes"}))
		streams := map[string]*Stream{}
		for _, tool := range []string{"list_notes", "delete_note"} {
			for _, when := range []string{"before", "after", "between"} {
				s := vm.Open(rpc("/notes", token), false)
				if streams[tool+" "+when] = s; when == "before" {
					s.Body(call(tool), true)
				} else if when == "between" {
					s.Body(call(tool)[:20], false)
				}
				if s.State() != Held || s.HeadersSent() {
					t.Fatalf("%s: %s", when, describe(s))
				}
			}
		}
		denied := vm.Open(rpc("/notes", token, mirrored("tools/call", "delete_note")...), false)
		if denied.State() != Held {
			t.Errorf("denied by its headers, as soon as there are keys: %s", describe(denied))
		}
		goodServer(rsaKey).run(h, time.Second)
		for name, s := range streams {
			tool, when, _ := strings.Cut(name, " ")
			switch when {
			case "after":
				s.Body(call(tool), true)
			case "between":
				wantNothingSent(t, s, stops)
				s.Body(call(tool)[20:], true)
			}
			if tool == "delete_note" {
				if s.State() != Answered {
					t.Errorf("%s: %s", name, describe(s))
					continue
				}
				wantInsufficient(t, s, "write:notes")
				wantNothingSent(t, s, stops)
			} else if wantForwarded(t, s); s.UpstreamBody() != call(tool) {
				t.Errorf("%s: the upstream has received %q", name, s.UpstreamBody())
			}
		}
		wantInsufficient(t, denied, "write:notes")
	})
}

// Where there is no room to wait, nothing of a request reaches the server, although
// its body would decide later: it is answered at once, before other requests
// overwrite the headers that the answer is made from.
func TestRulesWithNoRoomToWait(t *testing.T) {
	const allowed = "https://one.of.many.sub-domains.example"
	onBoth(t, fetching(nil), ruled(object{"allowed_origins": []string{"https://*.example"}}), func(t *testing.T, h *Host, vm *VM, stops bool) {
		token := rsaKey.bearer(claims(h, nil))
		for range 1024 {
			if s := vm.Open(rpc("/notes", token), false); s.State() != Held {
				t.Fatal(describe(s))
			}
		}
		s := vm.Open(rpc("/notes", token, origin(allowed)), false)
		vm.Open(rpc("/notes", "Bearer "+strings.Repeat("of-another-client", 50)), false)
		if s.State() != Answered {
			s.Body(call("list_notes"), true)
			t.Error("the body was waited for")
		}
		wantUnavailable(t, s)
		wantNothingSent(t, s, true)
		if got := s.Local().Headers.Get("access-control-allow-origin"); got != allowed {
			t.Errorf("access-control-allow-origin %q", got)
		}
	})
}

// Rules are those of their resource: others on the same gateway let bodies
// through as they come.
func TestRulesOfOneResource(t *testing.T) {
	h := newHost(t, Options{})
	vm := start(t, h, object{
		"authorization_servers": []object{server(nil)},
		"resources":             []object{ruled(object{"audiences": []string{"both"}}), notes(object{"resource": "https://mcp.example.com/other", "audiences": []string{"both"}})},
	})
	token := rsaKey.bearer(claims(h, object{"aud": "both", "scope": "read:notes"}))
	for range 2 {
		s := vm.Open(rpc("/other", token, [2]string{"content-encoding", "gzip"}, [2]string{"mcp-name", "a"}, [2]string{"mcp-name", "b"}), false)
		s.Body("no JSON", false)
		if s.UpstreamBody() != "no JSON" {
			t.Errorf("%s, body %q", describe(s), s.UpstreamBody())
		}
		wantForwarded(t, s)
		s = vm.Open(rpc("/notes", token), false)
		s.Body(call("delete_note"), true)
		wantInsufficient(t, s, "write:notes")
	}
}

// The first 401 advertises what is needed to start, not what single operations
// need.
func TestChallengeWithoutATokenHasNoRules(t *testing.T) {
	h := newHost(t, Options{})
	vm := start(t, h, config(server(nil), ruled(nil), nil))
	for _, headers := range [][][2]string{nil, mirrored("tools/call", "export")} {
		s := vm.Open(rpc("/notes", "", headers...), false)
		wantError(t, s, 401, "unauthorized")
		if c := parseChallenge(t, s.Local().Headers.Get("www-authenticate")); c["scope"] != "read:notes" {
			t.Errorf("scope %q", c["scope"])
		}
	}
}

// Where the required scopes are missing, the answer does not wait for the body, so
// it cannot name what the operation in it needs: a second answer does.
func TestRequiredScopesBeforeTheBody(t *testing.T) {
	onBoth(t, server(nil), ruled(nil), func(t *testing.T, h *Host, vm *VM, stops bool) {
		s := vm.Open(rpc("/notes", rsaKey.bearer(claims(h, object{"scope": "audit"}))), false)
		wantInsufficient(t, s, "read:notes")
		wantNothingSent(t, s, true)
		s = vm.Open(rpc("/notes", rsaKey.bearer(claims(h, object{"scope": "audit read:notes"}))), false)
		s.Body(call("export"), true)
		wantInsufficient(t, s, "read:notes export audit")
	})
}

// Each request that rules refuse is counted once, by its reason.
func TestOutcomesOfRules(t *testing.T) {
	h := newHost(t, Options{})
	vm := start(t, h, config(server(nil), ruled(object{"max_body_bytes": 1024}), nil))
	token := rsaKey.bearer(claims(h, object{"scope": "read:notes"}))
	vm.Tick()
	count := func(labels, body string, headers ...[2]string) {
		t.Helper()
		before := counters(h)
		s := vm.Open(rpc("/notes", token, headers...), false)
		if s.State() != Answered {
			s.Body(body, true)
		}
		s.Close()
		vm.Tick()
		wantChanges(t, h, labels, before, map[string]int64{requestsTotal + labels: 1})
	}
	count("passed.reason=cache_miss", call("list_notes"))
	count("passed.reason=cache_hit", call("list_notes"))
	count("insufficient_scope", call("delete_note"))
	count("insufficient_scope", "", mirrored("tools/call", "delete_note")...)
	count("bad_request.reason=body", "{")
	count("bad_request.reason=header", "", mirrored("tools/call", "=?base64?x?=")...)
	count("bad_request.reason=mismatch", call("list_notes"), mirrored("tools/call", "whoami")...)
	count("too_large", strings.Repeat(" ", 1025))
	count("unsupported_encoding", "", [2]string{"content-encoding", "gzip"})

	before := counters(h)
	s := vm.Open(rpc("/notes", token), false)
	s.Body("{", false)
	s.Close()
	vm.Tick()
	wantChanges(t, h, "left in the middle of its body", before, map[string]int64{requestsTotal + "client_gone": 1})
}

// The scopes of an opaque token are what its server says; a request waits for
// that, and its body with it. With no cache, each request asks anew.
func TestRulesForOpaqueTokens(t *testing.T) {
	for name, seconds := range map[string]int{"remembered": 60, "asked about each time": 0} {
		t.Run(name, func(t *testing.T) {
			s := opaque(nil)
			s["introspection"] = with(s["introspection"].(object), object{"max_cache_seconds": seconds})
			onBoth(t, s, ruled(nil), func(t *testing.T, h *Host, vm *VM, stops bool) {
				server := newAsked(map[string]object{"reader": aboutToken(h, object{"scope": "read:notes"}), "writer": aboutToken(h, object{"scope": "write:notes"})})
				for range 2 {
					for token, lacks := range map[string]string{"reader": "write:notes", "writer": ""} {
						s := vm.Open(rpc("/notes", "Bearer "+token), false)
						s.Body(call("delete_note"), true)
						server.run(h, time.Second)
						if lacks != "" {
							wantInsufficient(t, s, lacks)
							wantNothingSent(t, s, stops)
							continue
						}
						if s.UpstreamBody() != call("delete_note") {
							t.Errorf("%s, body %q", describe(s), s.UpstreamBody())
						}
						wantForwarded(t, s)
					}
				}
			})
		})
	}
}

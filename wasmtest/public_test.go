package wasmtest

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// opened is a resource, a whole origin, of which something is public. It has no rules.
func opened(members object) object {
	return notes(with(object{
		"resource": "https://mcp.example.com",
		"public": object{
			"methods": []string{"initialize", "ping", "notifications/*"}, "lists": true, "tools": []string{"search_docs", "open_*"},
			"prompts": []string{"welcome"}, "resources": []string{"note:///open/*"},
			"paths": []string{"/.well-known/*", "/favicon.ico", "/docs/*"},
		},
	}, members))
}

// openedAndRuled is the same with rules, some of them about public operations.
func openedAndRuled(members object) object {
	return opened(with(object{
		"tools":   object{"*": []string{"write:notes"}, "open_but_not": []string{"write:notes"}},
		"methods": object{"*": []string{"everything"}, "tools/*": []string{"call"}},
	}, members))
}

// openClaims are claims for a resource that is a whole origin.
func openClaims(h *Host, members object) object {
	return claims(h, with(object{"aud": "https://mcp.example.com"}, members))
}

const (
	initialize  = `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{}}`
	initialized = `{"jsonrpc":"2.0","method":"notifications/initialized"}`
	response    = `{"jsonrpc":"2.0","id":1,"result":{}}`
)

// publicBodies need no token.
func publicBodies() []string {
	return []string{
		initialize, initialized, message("ping", ""), message("notifications/cancelled", `{"requestId":1}`),
		message("tools/list", ""), message("prompts/list", `{"cursor":"a"}`), message("resources/list", ""), message("resources/templates/list", ""),
		call("search_docs"), call("open_"), call("open_door"), message("prompts/get", `{"name":"welcome"}`),
		message("resources/read", `{"uri":"note:///open/1"}`), message("resources/subscribe", `{"uri":"note:///open/1"}`),
		" \r\n" + call("search_docs") + "\n", `{"method":"tools\/call","params":{"n\u0061me":"search_docs"}}`,
		"[" + initialize + "," + call("search_docs") + "," + initialized + "]",
	}
}

// privateBodies need a token: what is not public, and what servers may read in two ways.
func privateBodies() []string {
	const toolsCall = `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":`
	return []string{
		"", "{}", "[]", "null", "1", `"ping"`, "no JSON", "\ufeff" + initialize, initialize + initialize, initialize[:20], initialize + "\x00", strings.Replace(initialize, "{}", "{]", 1),
		response, `{"jsonrpc":"2.0","id":1,"error":{"code":1,"message":""}}`, "[" + response + "]",
		`{"method":"ping","id":1,"result":{}}`, `{"Result":{},"method":"ping","id":1}`, `{"method":"ping","error":{}}`, `{"method":"ping","err\u006fr":{}}`, `{"method":"ping","re\u017fult":1}`,
		`{"method":"ping","_method":"DELETE"}`, `{"\u005fmethod":"DELETE","method":"ping"}`,
		message("initializer", ""), message("Initialize", ""), message("initialize ", ""), message("initialize\\u0000", ""), message("pings", ""), message("notifications", ""), message("tools/list/x", ""),
		message("logging/setLevel", ""), message("completion/complete", ""), message("server/discover", ""), message("subscriptions/listen", ""), message("tasks/list", ""), message("tools/call", ""),
		call("list_notes"), call("Search_docs"), call("search_docs "), call("search_docs\\u0000"), call("search_docs2"), call("search_doc"), call(""), call("open"),
		toolsCall + `["search_docs"]}`, toolsCall + `{"uri":"search_docs"}}`, toolsCall + `{"name":1}}`, toolsCall + `{"name":["search_docs"]}}`,
		toolsCall + `{"name":"search_docs","name":"list_notes"}}`, toolsCall + `{"name":"search_docs","Name":"list_notes"}}`, toolsCall + `{"name":"search_docs","n\u0061me":"list_notes"}}`,
		toolsCall + `{"name":"search_docs"},"params":{"name":"list_notes"}}`, toolsCall + `{"name":"search_docs"},"Params":{"name":"list_notes"}}`, toolsCall + `{"name":"search_docs"},"method":"ping"}`,
		`{"method":"ping","Method":"tools/call","params":{"name":"list_notes"}}`, `{"method":"ping","METHOD":"tools/call"}`, `{"__proto__":{"method":"tools/call"},"method":"ping"}`,
		`{"method":["ping"]}`, `{"method":null}`, `{"method":"pin\ud800g"}`, "{\"method\":\"pin\xffg\"}", `{"method":"ping","x":` + strings.Repeat("[", 600) + strings.Repeat("]", 600) + `}`,
		message("prompts/get", `{"name":"other"}`), message("prompts/get", `{"uri":"welcome"}`), message("resources/read", `{"uri":"note:///closed/1"}`), message("resources/read", `{"uri":"note:///open/../closed/1"}`), message("resources/read", `{"uri":"NOTE:///open/1"}`),
		"[" + initialize + "," + call("list_notes") + "]", "[" + call("list_notes") + "," + initialize + "]", "[" + initialize + "," + response + "]", "[" + initialize + ",{}]", "[" + initialize + ",1]", "[" + initialize + ",[" + initialize + "]]", "[" + initialize + "," + message("logging/setLevel", "") + "," + initialized + "]",
		"[" + initialize + "]]", "[" + initialize + "," + initialize, "[" + initialize + ",]",
	}
}

// identityIn returns the names of headers that only the plugin may set.
func identityIn(s *Stream) (names []string) {
	for _, kv := range s.Upstream() {
		if name := strings.ToLower(kv[0]); strings.HasPrefix(name, "x-mcpauth-") || strings.HasPrefix(name, "x_mcpauth") || name == "authorization" {
			names = append(names, kv[0])
		}
	}
	return names
}

// What is public goes on without a token, whole, with no identity, whatever the client
// sends in its place; all else gets the usual 401.
func TestPublicOperations(t *testing.T) {
	for name, resource := range map[string]object{"no rules": opened(nil), "rules": openedAndRuled(nil)} {
		t.Run(name, func(t *testing.T) {
			onBoth(t, server(nil), resource, func(t *testing.T, h *Host, vm *VM, stops bool) {
				for _, body := range publicBodies() {
					s := vm.Open(rpc("/mcp", "", forged("x-mcpauth-subject", "x-mcpauth-verdict")...), false)
					s.Body(body[:len(body)/2], false)
					wantNothingSent(t, s, stops)
					s.Body(body[len(body)/2:], true)
					if s.UpstreamBody() != body {
						t.Errorf("%s, body %q, want %q", describe(s), s.UpstreamBody(), body)
					}
					if got := identityIn(s); got != nil {
						t.Errorf("%s: the server gets %q", body, got)
					}
					wantForwarded(t, s)
				}
				for _, body := range privateBodies() {
					s := vm.Open(rpc("/mcp", ""), false)
					s.Body(body, true)
					if s.State() != Answered {
						t.Errorf("%.200s: %s", body, describe(s))
						continue
					}
					wantError(t, s, 401, "unauthorized")
					wantNothingSent(t, s, stops)
					if c := parseChallenge(t, s.Local().Headers.Get("www-authenticate")); c["scope"] != "read:notes" || c["error"] != "" {
						t.Errorf("challenge %v", c)
					}
				}
			})
		})
	}
	h := newHost(t, Options{})
	vm := start(t, h, config(server(nil), openedAndRuled(nil), nil))
	for tool, want := range map[string]State{"open_but_not": Answered, "open_but_not_": Forwarded} {
		s := vm.Open(rpc("/mcp", ""), false)
		s.Body(call(tool), true)
		if s.State() != want {
			t.Errorf("the more specific rule counts: %s: %s", tool, describe(s))
		}
		s.Close()
	}
}

// Requests whose headers alone make them private are refused before their body, and as if
// nothing were public.
func TestPublicOnlyByAPostOfJSON(t *testing.T) {
	h := newHost(t, Options{})
	vm := start(t, h, config(server(nil), opened(nil), nil))
	for name, headers := range map[string]Headers{
		"empty Authorization":    rpc("/mcp", "", [2]string{"authorization", ""}),
		"another scheme":         rpc("/mcp", "Basic YTpi"),
		"DPoP":                   rpc("/mcp", "DPoP abc"),
		"Bearer alone":           rpc("/mcp", "Bearer "),
		"token in the query":     rpc("/mcp?access_token=x", ""),
		"token in the query too": rpc("/mcp?a=b&%61ccess_Token=x", ""),
		"GET":                    request("GET", "/mcp", [2]string{"content-type", "application/json"}),
		"PUT":                    request("PUT", "/mcp", [2]string{"content-type", "application/json"}),
		"QUERY":                  request("QUERY", "/mcp", [2]string{"content-type", "application/json"}),
		"post":                   request("post", "/mcp", [2]string{"content-type", "application/json"}),
		"no type":                request("POST", "/mcp"),
		"text":                   request("POST", "/mcp", [2]string{"content-type", "text/plain"}),
		"a form":                 request("POST", "/mcp", [2]string{"content-type", "application/x-www-form-urlencoded"}),
		"JSON lines":             request("POST", "/mcp", [2]string{"content-type", "application/json-seq"}),
		"two types":              rpc("/mcp", "", [2]string{"content-type", "text/plain"}),
		"two types in one":       request("POST", "/mcp", [2]string{"content-type", "application/json;a=b, text/plain"}),
		"UTF-16":                 request("POST", "/mcp", [2]string{"content-type", "application/json; charset=utf-16"}),
		"UTF-16 respelled":       rpc("/mcp", "", [2]string{"content_type", "application/json; charset=utf-16"}),
		"gzip":                   rpc("/mcp", "", [2]string{"content-encoding", "gzip"}),
		"a respelled length":     rpc("/mcp", "", [2]string{"content_length", "5"}),
		"a respelled method":     rpc("/mcp", "", [2]string{"mcp_method", "ping"}),
		"two methods":            rpc("/mcp", "", [2]string{"mcp-method", "ping"}, [2]string{"mcp-method", "ping"}),
		"a private method":       rpc("/mcp", "", mirrored("logging/setLevel", "")...),
		"a private tool":         rpc("/mcp", "", mirrored("tools/call", "list_notes")...),
		"a private tool, older":  rpc("/mcp", "", [2]string{"mcp-method", "tools/call"}, [2]string{"mcp-name", "list_notes"}),
		"a method in the query":  rpc("/mcp?a=b&_method=DELETE", ""),
		"the same in PHP":        rpc("/mcp?%2EMethod=DELETE", ""),
		"another method":         rpc("/mcp", "", [2]string{"x-http-method-override", "DELETE"}),
		"another method, CGI":    rpc("/mcp", "", [2]string{"X_Method_Override", "DELETE"}),
		"WebSocket":              rpc("/mcp", "", [2]string{"upgrade", "websocket"}, [2]string{"connection", "Upgrade"}),
		"CONNECT":                request("CONNECT", "/mcp", [2]string{"content-type", "application/json"}),
		"a WebSocket of GET":     request("GET", "/docs/a", [2]string{"upgrade", "websocket"}, [2]string{"connection", "Upgrade"}),
	} {
		t.Run(name, func(t *testing.T) {
			s := vm.Open(headers, false)
			wantError(t, s, 401, "unauthorized")
			wantNothingSent(t, s, true)
		})
	}
	wantError(t, vm.Request(rpc("/mcp", "")), 401, "unauthorized") // no body
	wantError(t, vm.Request(rpc("/mcp", "", mirrored("initialize", "")...)), 401, "unauthorized")
	wantError(t, vm.Open(append(rpc("/mcp", "Bearer a"), [2]string{"authorization", "Bearer a"}), false), 400, "invalid_request")
	wantError(t, vm.Open(rpc("/mcp", "Bearer x"), false), 401, "invalid_token")
	wantError(t, vm.Open(rpc("/mcp", rsaKey.bearer(openClaims(h, object{"exp": h.Clock().Now().Unix() - 1000}))), false), 401, "invalid_token")
	for _, header := range [][2]string{{"accept", "*/*"}, {"mcp-method", "tools/call"}, {"mcp-protocol-version", "2025-11-25"}} {
		s := vm.Open(rpc("/mcp", "", header), false)
		s.Body(call("search_docs"), true)
		wantForwarded(t, s)
	}
	s := vm.Open(request("POST", "/mcp", [2]string{"content-type", "Application/JSON ; charset=UTF-8"}), false)
	s.Body(call("search_docs"), true)
	wantForwarded(t, s)
	wantWrongOrigin(t, start(t, h, config(server(nil), opened(object{"allowed_origins": []string{}}), nil)).Open(rpc("/mcp", "", origin("https://app.example")), false))
}

// Headers and body must agree, and only trust_mcp_headers lets headers decide alone.
func TestPublicByTheHeaders(t *testing.T) {
	for _, trust := range []bool{false, true} {
		onBoth(t, server(nil), opened(object{"trust_mcp_headers": trust}), func(t *testing.T, h *Host, vm *VM, stops bool) {
			for _, tt := range []struct {
				headers [][2]string
				trusted bool
			}{
				{mirrored("initialize", ""), true}, {mirrored("tools/call", "search_docs"), true}, {mirrored("tools/call", "=?base64?c2VhcmNoX2RvY3M=?="), true},
				{mirrored("tools/call", ""), false}, {mirrored("resources/subscribe", "note:///open/1"), false},
				{mirrored("initialize", "x"), true}, {mirrored("initialize", "x,y"), false},
				{[][2]string{{"mcp-method", "initialize"}}, false}, {[][2]string{{"mcp-method", "initialize"}, {"mcp-protocol-version", "2025-11-25"}}, false},
				{append(mirrored("initialize", ""), [2]string{"mcp-protocol-version", "2026-07-28"}), false},
				{append(mirrored("initialize", ""), [2]string{"mcp-session-id", "a"}), false},
			} {
				s := vm.Open(rpc("/mcp", "", tt.headers...), false)
				if want := trust && tt.trusted; want != (s.State() == Forwarded) {
					s.Body(call("list_notes"), true)
					if want || s.UpstreamBody() != "" {
						t.Errorf("trusted %v, %v: %s", trust, tt.headers, describe(s))
					}
				} else if !want {
					s.Body(call("list_notes"), true)
				}
				if trust && tt.trusted {
					wantForwarded(t, s)
					continue
				}
				wantError(t, s, 401, "unauthorized")
				wantNothingSent(t, s, stops)
			}
		})
	}
}

// Clients go on without a stream that is answered with 405, and close without ending their
// session, and both only where they look first. Without a token nobody gets the stream of
// a session, nor ends one.
func TestStreamWithoutAToken(t *testing.T) {
	h := newHost(t, Options{})
	stream := [2]string{"accept", "text/event-stream"}
	for name, tt := range map[string]struct {
		resource object
		headers  Headers
		status   int
	}{
		"stream":               {opened(nil), request("GET", "/mcp", stream), 405},
		"of a session":         {opened(nil), request("GET", "/mcp", stream, [2]string{"mcp-session-id", "a"}, [2]string{"last-event-id", "1"}), 405},
		"several types":        {opened(nil), request("GET", "/mcp", [2]string{"accept", "application/json"}, [2]string{"accept", "Text/Event-Stream;q=0.5"}), 405},
		"anything":             {opened(nil), request("GET", "/mcp", [2]string{"accept", "*/*"}), 401},
		"no type":              {opened(nil), request("GET", "/mcp"), 401},
		"HEAD":                 {opened(nil), request("HEAD", "/mcp", stream), 401},
		"DELETE":               {opened(nil), request("DELETE", "/mcp", [2]string{"mcp-session-id", "a"}), 405},
		"DELETE of a path":     {opened(nil), request("DELETE", "/docs/a"), 401},
		"DELETE elsewhere":     {opened(object{"public": object{"lists": true}}), request("DELETE", "/mcp"), 401},
		"DELETE, bad token":    {opened(nil), request("DELETE", "/mcp", [2]string{"authorization", "Bearer x"}), 401},
		"another scheme":       {opened(nil), request("GET", "/mcp", stream, [2]string{"authorization", "Basic YTpi"}), 401},
		"a bad token":          {opened(nil), request("GET", "/mcp", stream, [2]string{"authorization", "Bearer x"}), 401},
		"an upgrade":           {opened(nil), request("GET", "/mcp", stream, [2]string{"upgrade", "websocket"}), 401},
		"initialize is closed": {opened(object{"public": object{"lists": true}}), request("GET", "/mcp", stream), 401},
		"nothing is public":    {opened(object{"public": nil}), request("GET", "/mcp", stream), 401},
		"by a pattern":         {opened(object{"public": object{"methods": []string{"init*"}}}), request("GET", "/mcp", stream), 405},
	} {
		t.Run(name, func(t *testing.T) {
			vm := start(t, h, config(server(nil), tt.resource, nil))
			s := vm.Request(append(tt.headers, origin("https://app.example")))
			wantStatus(t, s, tt.status)
			allow := ""
			if tt.status == 405 {
				allow = "POST"
			}
			for name, want := range map[string]string{"cache-control": "no-store", "access-control-allow-origin": "*", "allow": allow} {
				if got := s.Local().Headers.Get(name); got != want {
					t.Errorf("%s: %q, want %q", name, got, want)
				}
			}
		})
	}
	vm := start(t, h, config(server(nil), opened(nil), nil))
	wantForwarded(t, vm.Request(request("GET", "/mcp", stream, [2]string{"authorization", rsaKey.bearer(openClaims(h, nil))})))
}

// GET and HEAD of public paths need no token, if every reading of the path is public.
func TestPublicPaths(t *testing.T) {
	h := newHost(t, Options{})
	vm := start(t, h, config(server(nil), opened(nil), verdictHeaderOn))
	for _, path := range []string{"/favicon.ico", "/favicon.ico?v=1", "/docs/", "/docs/a", "/docs/a/b.txt?q=../x", "/docs/A", "/docs/%C3%A4", "/docs/a%20b", "/docs/./a", "/docs/b/../a", "/docs//a", "/.well-known/security.txt", "/.well-known/", "/x/../docs/a"} {
		for _, method := range []string{"GET", "HEAD"} {
			for range 2 { // the table remembers
				s := vm.Request(request(method, path, forged("x-mcpauth-subject")...))
				if got := identityIn(s); !slices.Equal(got, []string{verdictHeader}) && !strings.Contains(path, "/../") && !strings.Contains(path, "//") && !strings.Contains(path, "/./") {
					t.Errorf("%s %s: the server gets %q", method, path, got)
				}
				if strings.HasPrefix(path, "/x/") { // a server that does not resolve it reads another path
					wantError(t, s, 401, "unauthorized")
					continue
				}
				wantVerdict(t, s, "public")
			}
		}
		for _, method := range []string{"POST", "PUT", "OPTIONS", "PATCH", "PROPFIND"} {
			wantError(t, vm.Request(request(method, path)), 401, "unauthorized")
		}
		s := vm.Open(request("GET", path), false)
		wantError(t, s, 401, "unauthorized") // with a body
		wantError(t, vm.Request(request("GET", path, [2]string{"authorization", "Bearer x"})), 401, "invalid_token")
		s = vm.Request(request("GET", path, [2]string{"authorization", rsaKey.bearer(openClaims(h, object{"scope": ""}))}))
		if strings.HasPrefix(path, "/x/") {
			wantInsufficient(t, s, "read:notes")
			continue
		}
		wantVerdict(t, s, "token")
	}
	for _, path := range []string{
		"/", "/docs", "/docsa", "/doc/a", "/Docs/a", "/DOCS/a", "/favicon.ico/", "/favicon.ico/a", "/Favicon.ico", "/favicon.icon", "/docs/../mcp", "/docs/%2e%2e/mcp", "/docs/.%2E/mcp", "/docs/a/../../mcp", "/docs/..", "/docs/.. /mcp", "/docs/%252e%252e/mcp",
		"//docs/a", "/%64ocs/a", "/docs/a?access_token=b", "/docs/a?%61ccess%5ftoken=b", "/mcp?/docs/a", "/mcp/docs/a", "/docs%2fa", "/docs;a/b", "/docs/..;/mcp", "/docs/a;/../../mcp", "/(S(a))/docs/a", "/docs/a\\..\\..\\mcp",
	} {
		for range 2 {
			s := vm.Request(request("GET", path))
			if s.State() != Answered || s.Local().Status != 401 && s.Local().Status != 400 {
				t.Errorf("%s: %s", path, describe(s))
			}
			s.Close()
		}
	}
	// A server may take the method or a length from another header, or the path for that of a
	// session's stream.
	for _, header := range [][2]string{
		{"x-http-method-override", "POST"}, {"X-HTTP-Method", "PUT"}, {"x-method-override", "DELETE"}, {"x_method", "DELETE"}, {"x-original-method", "POST"},
		{"mcp-session-id", "a"}, {"Mcp_Session_Id", "a"}, {"content_length", "44"}, {"transfer_encoding", "chunked"},
	} {
		wantError(t, vm.Request(request("GET", "/docs/a", header)), 401, "unauthorized")
		wantForwarded(t, vm.Request(request("GET", "/docs/a", header, [2]string{"authorization", rsaKey.bearer(openClaims(h, nil))})))
	}
	for _, name := range []string{"x-original-forwarded-for", "x-forwarded-proto", "x-request-id", "x-method-name", "x-http-methods"} {
		wantForwarded(t, vm.Request(request("GET", "/docs/a?method=a", [2]string{name, "a"})))
	}
	// What the gateway serves itself stays as it is.
	wantStatus(t, vm.Request(request("GET", prm)), 200)
	wantStatus(t, vm.Request(request("GET", "/.well-known/openid-configuration")), 404)
	wantStatus(t, vm.Request(request("OPTIONS", "/docs/a", origin("https://a"), [2]string{"access-control-request-method", "GET"})), 204)
	wantForwarded(t, vm.Request(request("GET", "/docs/a", origin("https://a"))))
}

// A token that is sent is checked and makes its caller known, whatever it lacks for other
// operations.
func TestPublicOperationsWithAToken(t *testing.T) {
	subject := func(s *Stream) string { return s.Upstream().Get("x-mcpauth-subject") }
	demands := object{"required_claims": object{"groups": "staff"}}
	for name, tt := range map[string]struct {
		resource object
		claims   object
		code     string // of what is not public
	}{
		"without a required scope": {opened(nil), object{"scope": "other"}, "insufficient_scope"},
		"without a required claim": {opened(demands), nil, "access_denied"},
		"without both":             {opened(demands), object{"scope": ""}, "access_denied"},
		"without those of rules":   {openedAndRuled(nil), object{"scope": "read:notes"}, "insufficient_scope"},
		"without any":              {openedAndRuled(demands), object{"scope": ""}, "access_denied"},
	} {
		t.Run(name, func(t *testing.T) {
			onBoth(t, server(nil), tt.resource, func(t *testing.T, h *Host, vm *VM, stops bool) {
				token := rsaKey.bearer(openClaims(h, tt.claims))
				for range 2 {
					for _, body := range publicBodies() {
						s := vm.Open(rpc("/mcp", token), false)
						s.Body(body, true)
						if got := subject(s); got != "alice" || s.UpstreamBody() != body {
							t.Errorf("%s: %s, subject %q", body, describe(s), got)
						}
						wantForwarded(t, s)
					}
					for _, body := range []string{call("list_notes"), "[" + initialize + "," + call("list_notes") + "]"} {
						s := vm.Open(rpc("/mcp", token), false)
						s.Body(body, true)
						if s.State() != Answered {
							t.Errorf("%s: %s", body, describe(s))
							continue
						}
						wantError(t, s, 403, tt.code)
						wantNothingSent(t, s, stops)
					}
				}
				wantError(t, vm.Open(rpc("/mcp", "Bearer x"), false), 401, "invalid_token")
			})
		})
	}
	// Where no rule asks for it, the body of a request with a good token is not looked at.
	h := newHost(t, Options{})
	vm := start(t, h, config(server(nil), opened(object{"max_body_bytes": 1024}), nil))
	for range 2 {
		for _, header := range [][2]string{{"content-encoding", "gzip"}, {"x", "y"}} {
			s := vm.Open(rpc("/mcp", rsaKey.bearer(openClaims(h, nil)), header), false)
			s.Body(strings.Repeat("x", 4096), false)
			if len(s.UpstreamBody()) != 4096 {
				t.Error(describe(s))
			}
			wantForwarded(t, s)
		}
	}
	wantForwarded(t, vm.Request(rpc("/mcp", rsaKey.bearer(openClaims(h, nil)), [2]string{"upgrade", "websocket"})))
}

// The same for opaque tokens, and for tokens whose keys are yet to come: the body is kept
// during the wait.
func TestPublicOperationsAfterAWait(t *testing.T) {
	onBoth(t, fetching(nil), opened(object{"max_body_bytes": 1024}), func(t *testing.T, h *Host, vm *VM, stops bool) {
		lacking, good := rsaKey.bearer(openClaims(h, object{"scope": "other"})), rsaKey.bearer(openClaims(h, nil))
		open := func(token string, pieces ...string) *Stream {
			s := vm.Open(rpc("/mcp", token), false)
			for i, piece := range pieces {
				s.Body(piece, i == len(pieces)-1)
			}
			if s.State() != Held {
				t.Fatal(describe(s))
			}
			return s
		}
		public, private, whole := open(lacking, call("search_docs")), open(lacking, call("list_notes")), open(good, "any", "thing")
		late := vm.Open(rpc("/mcp", lacking), false)
		began := vm.Open(rpc("/mcp", good), false)
		began.Body("be", false)
		wantForwardedBody(t, vm, call("search_docs")) // those without a token wait for nothing
		goodServer(rsaKey).run(h, time.Second)
		late.Body(call("search_docs"), true)
		began.Body("gan", true)
		for s, body := range map[*Stream]string{public: call("search_docs"), whole: "anything", late: call("search_docs"), began: "began"} {
			if s.UpstreamBody() != body || s.Upstream().Get("x-mcpauth-subject") != "alice" {
				t.Errorf("%s, body %q, want %q", describe(s), s.UpstreamBody(), body)
			}
			wantForwarded(t, s)
		}
		wantInsufficient(t, private, "read:notes")
		wantNothingSent(t, private, stops)
	})
	onBoth(t, opaque(nil), opened(nil), func(t *testing.T, h *Host, vm *VM, stops bool) {
		a := newAsked(map[string]object{"lacking": aboutToken(h, object{"aud": "https://mcp.example.com", "scope": "other"})})
		for range 2 {
			for body, public := range map[string]bool{call("search_docs"): true, call("list_notes"): false} {
				s := vm.Open(rpc("/mcp", "Bearer lacking"), false)
				s.Body(body, true)
				a.run(h, time.Second)
				if public {
					wantForwarded(t, s)
					continue
				}
				wantInsufficient(t, s, "read:notes")
				wantNothingSent(t, s, stops)
			}
			s := vm.Open(rpc("/mcp", "Bearer unknown"), false)
			s.Body(call("search_docs"), true)
			a.run(h, time.Second)
			wantError(t, s, 401, "invalid_token")
		}
	})
}

// wantForwardedBody checks that a body goes on without a token.
func wantForwardedBody(t *testing.T, vm *VM, body string) {
	t.Helper()
	s := vm.Open(rpc("/mcp", ""), false)
	s.Body(body, true)
	wantForwarded(t, s)
}

// A body is kept up to max_body_bytes, with a token or without.
func TestLargeBodiesWithoutAToken(t *testing.T) {
	const limit = 4096
	onBoth(t, server(nil), opened(object{"max_body_bytes": limit}), func(t *testing.T, h *Host, vm *VM, stops bool) {
		body := call("search_docs")
		body += strings.Repeat(" ", limit-len(body))
		s := vm.Open(rpc("/mcp", ""), false)
		s.Body(body, true)
		if s.UpstreamBody() != body {
			t.Error(describe(s))
		}
		wantForwarded(t, s)
		for token, status := range map[string]int{"": 401, rsaKey.bearer(openClaims(h, object{"scope": "other"})): 403} {
			s = vm.Open(rpc("/mcp", token), false)
			s.Body(body, false)
			s.Body(" ", false)
			wantStatus(t, s, status)
			wantNothingSent(t, s, stops)
		}
	})
}

// With the verdict header a guard behind the plugin can tell public requests from others.
func TestPublicVerdict(t *testing.T) {
	onBoth(t, server(nil), opened(nil), func(t *testing.T, h *Host, _ *VM, stops bool) {
		vm := start(t, h, config(server(nil), opened(nil), with(verdictHeaderOn, object{"allow_on_headers_stop_iteration": stops})))
		for token, want := range map[string]string{"": "public", rsaKey.bearer(openClaims(h, object{"scope": ""})): "token", rsaKey.bearer(openClaims(h, nil)): "token"} {
			s := vm.Open(rpc("/mcp", token, forgedVerdict()...), false)
			s.Body(initialize, true)
			wantVerdict(t, s, want)
		}
	})
}

// A client that leaves, trailers and a body in many pieces change nothing.
func TestPublicBodiesInPieces(t *testing.T) {
	onBoth(t, server(nil), opened(nil), func(t *testing.T, h *Host, vm *VM, stops bool) {
		for body, public := range map[string]bool{call("search_docs"): true, call("list_notes"): false} {
			s := vm.Open(rpc("/mcp", ""), false)
			for _, c := range body {
				s.Body(string(c), false)
			}
			s.Trailers(Headers{{"x-trailer", "1"}, {"authorization", "Bearer x"}, {"x-mcpauth-subject", "mallory"}})
			if public {
				wantForwarded(t, s)
				continue
			}
			wantError(t, s, 401, "unauthorized")
			wantNothingSent(t, s, stops)
		}
		s := vm.Open(rpc("/mcp", ""), false)
		s.Body(initialize[:10], false)
		s.Close()
	})
}

// Other resources of the gateway stay closed.
func TestPublicOfOneResource(t *testing.T) {
	h := newHost(t, Options{})
	vm := start(t, h, object{"authorization_servers": []object{server(nil)}, "resources": []object{opened(nil), notes(nil)}})
	wantForwardedBody(t, vm, initialize)
	for path, status := range map[string]int{"/notes": 401, "/notes/x": 401, "/docs/../notes": 400} {
		s := vm.Open(rpc(path, ""), false)
		s.Body(initialize, true)
		wantStatus(t, s, status)
	}
	wantError(t, vm.Request(request("GET", "/notes", [2]string{"accept", "text/event-stream"})), 401, "unauthorized")
}

// The audit trail of what is public, and of what is refused beside it.
func TestAuditOfPublicOperations(t *testing.T) {
	onBoth(t, server(nil), opened(nil), func(t *testing.T, h *Host, _ *VM, stops bool) {
		vm := start(t, h, config(server(nil), opened(nil), with(auditOn, object{"allow_on_headers_stop_iteration": stops})))
		for body, want := range map[string]map[string]string{
			call("search_docs"): {"outcome": "public", "method": "tools/call", "target": "search_docs"},
			initialize:          {"outcome": "public", "method": "initialize"},
			call("list_notes"):  {"outcome": "unauthorized", "method": "tools/call", "target": "list_notes"},
		} {
			s := vm.Open(rpc("/mcp", ""), false)
			s.Body(body, true)
			s.Close()
			want["resource"] = s.FilterState()["wasm.mcpauth-resource"]
			wantAudit(t, body, s, want)
		}
	})
}

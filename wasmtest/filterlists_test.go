package wasmtest

import (
	"strconv"
	"strings"
	"testing"
)

// fitted is a resource whose lists fit the caller.
func fitted(filter string, members object) object {
	return notes(with(object{
		"filter_lists": filter,
		"tools": object{
			"add_note": []string{"write:notes"},
			"purge_*":  object{"scopes": []string{"notes:admin"}, "claims": object{"groups": "admins"}},
		},
		"prompts":   object{"secret": object{"claims": object{"groups": "admins"}}},
		"resources": object{"note:///archive/*": object{"claims": object{"groups": "admins"}}, "note:///archive/open/*": []string{}},
	}, members))
}

const (
	allTools     = `{"name":"list_notes"},{"name":"add_note"},{"name":"purge_all"}`
	allTemplates = `{"uriTemplate":"note:///{id}"},{"uriTemplate":"note:///archive/{id}"},{"uriTemplate":"note:///archive/old/{id}"},{"uriTemplate":"note:///archive/open/{id}"},{"uriTemplate":"{+uri}"},{"uriTemplate":"note:///archive/1"},{"uriTemplate":"NOTE:///{id}"}`
)

// result is a response with a list.
func result(list, entries string) string {
	return `{"jsonrpc":"2.0","id":1,"result":{"` + list + `":[` + entries + `]}}`
}

// ask sends a request, with a body unless it is empty, and returns the stream.
func ask(vm *VM, headers Headers, body string) *Stream {
	s := vm.Open(headers, body == "")
	if body != "" {
		s.Body(body, true)
	}
	return s
}

// respond sends a response in chunks of size bytes.
func respond(s *Stream, contentType, body string, size int, more ...[2]string) {
	s.Respond(append(Headers{{":status", "200"}, {"content-type", contentType}}, more...), false)
	for len(body) > size {
		s.ResponseBody(body[:size], false)
		body = body[size:]
	}
	s.ResponseBody(body, true)
}

// wantText checks the body that the client gets.
func wantText(t *testing.T, s *Stream, want string) {
	t.Helper()
	if got, ended := s.ResponseText(); got != want || !ended {
		t.Errorf("ended: %v, local: %v, reset: %v\n got %s\nwant %s", ended, s.Local(), s.Reset(), got, want)
	}
	s.Close()
}

// wantUnreadable checks that the client gets 502, or no more than passed of the body if
// the headers have gone on.
func wantUnreadable(t *testing.T, s *Stream, passed string) {
	t.Helper()
	got, _ := s.ResponseText()
	if s.Reset() {
		if got != passed {
			t.Errorf("passed %q, want %q", got, passed)
		}
	} else if l := s.Local(); l == nil || l.Status != 502 || l.Headers.Get("content-type") != "application/json" || !strings.Contains(string(l.Body), `"bad_gateway"`) {
		t.Errorf("got %s, %q; want 502", describe(s), got)
	}
	s.Close()
}

func TestFilterLists(t *testing.T) {
	admin := object{"scope": "read:notes notes:admin", "groups": []string{"admins"}}
	for _, c := range []struct {
		name, filter, method, response, want string
		claims                               object
	}{
		{"claims", "claims", "tools/list", result("tools", allTools), result("tools", `{"name":"list_notes"},{"name":"add_note"}`), object{"scope": "read:notes"}},
		{"claims, with the claim", "claims", "tools/list", result("tools", allTools), result("tools", allTools), object{"scope": "read:notes", "groups": "admins"}},
		{"all", "all", "tools/list", result("tools", allTools), result("tools", `{"name":"list_notes"}`), object{"scope": "read:notes"}},
		{"all, with the scope", "all", "tools/list", result("tools", allTools), result("tools", `{"name":"list_notes"},{"name":"add_note"}`), nil},
		{"all, with everything but one scope", "all", "tools/list", result("tools", allTools), result("tools", `{"name":"list_notes"},{"name":"purge_all"}`), admin},
		{"off", "off", "tools/list", result("tools", allTools), result("tools", allTools), nil},
		{"prompts", "claims", "prompts/list", result("prompts", `{"name":"secret"},{"name":"open"}`), result("prompts", `{"name":"open"}`), nil},
		{"resources", "claims", "resources/list", result("resources", `{"uri":"note:///1"},{"uri":"note:///archive/1"},{"uri":"note:///archive/open/1"},{"uri":"note:///a/../archive/1"}`),
			result("resources", `{"uri":"note:///1"},{"uri":"note:///archive/open/1"}`), nil},
		{"templates", "claims", "resources/templates/list", result("resourceTemplates", allTemplates),
			result("resourceTemplates", `{"uriTemplate":"note:///{id}"},{"uriTemplate":"note:///archive/{id}"},{"uriTemplate":"note:///archive/open/{id}"},{"uriTemplate":"{+uri}"}`), nil},
		{"a cursor on an empty page", "all", "tools/list", `{"result":{"tools":[{"name":"purge_all"}],"nextCursor":"2"}}`, `{"result":{"tools":[],"nextCursor":"2"}}`, nil},
		{"for one caller", "all", "tools/list", `{"result":{"tools":[{"name":"a"}],"ttlMs":1000,"cacheScope":"public"}}`, `{"result":{"tools":[{"name":"a"}],"ttlMs":1000,"cacheScope":"private"}}`, nil},
		{"a method in another case", "all", "Tools/List", result("tools", allTools), result("tools", `{"name":"list_notes"},{"name":"add_note"}`), nil},
		{"an escaped name", "all", "tools/list", `{"result":{"\u0074ools":[{"n\u0061me":"p\u0075rge_all"}]}}`, `{"result":{"\u0074ools":[]}}`, nil},
		{"a name that no call may have", "all", "tools/list", `{"result":{"tools":[{"name":" purge_all"},{"name":"a\u0000"}]}}`, `{"result":{"tools":[]}}`, nil},
		{"an error", "all", "tools/list", `{"id":1,"error":{"code":-32601,"message":"{"}}`, `{"id":1,"error":{"code":-32601,"message":"{"}}`, nil},
		{"no JSON at all", "all", "tools/list", "Accepted", "Accepted", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			onBoth(t, server(nil), fitted("claims", object{"filter_lists": c.filter}), func(t *testing.T, h *Host, vm *VM, stops bool) {
				token := rsaKey.bearer(claims(h, c.claims))
				for _, size := range []int{1, 7, 1000} {
					s := ask(vm, rpc("/notes", token, [2]string{"accept-encoding", "gzip"}), message(c.method, ""))
					if got := s.Upstream().Has("accept-encoding"); got != (c.filter == "off") {
						t.Errorf("Accept-Encoding on the request: %v", got)
					}
					respond(s, "application/json", c.response, size, [2]string{"content-length", strconv.Itoa(len(c.response))}, [2]string{"x-a", "b"})
					length := s.ResponseHeaders().Get("content-length")
					if want := strconv.Itoa(len(c.want)); length != want && (stops || c.filter == "off" || length != "") {
						t.Errorf("Content-Length %q, want %q", length, want)
					}
					wantText(t, s, c.want)

					if strings.HasPrefix(c.response, "{") {
						s = ask(vm, rpc("/notes", token), message(c.method, ""))
						before, after := ": ping\n\nevent: message\nid: 7\ndata: {\"method\":\"notifications/progress\"}\n\ndata: ", "\n\n: end\n\n"
						respond(s, "text/event-stream", before+c.response+after, size, [2]string{"content-length", "1000"})
						if c.filter != "off" && s.ResponseHeaders().Has("content-length") {
							t.Error("an event stream with a Content-Length that may be wrong")
						}
						wantText(t, s, before+c.want+after)
					}
				}
			})
		})
	}
}

// The response to a request for a list may be on another stream, such as that of the old
// transport, or one that was resumed.
func TestFilterListsOnOtherStreams(t *testing.T) {
	onBoth(t, server(nil), fitted("all", nil), func(t *testing.T, h *Host, vm *VM, _ bool) {
		token := rsaKey.bearer(claims(h, nil))
		event, want := "data: "+result("tools", allTools)+"\r\n\r\n", "data: "+result("tools", `{"name":"list_notes"},{"name":"add_note"}`)+"\r\n\r\n"
		for name, s := range map[string]*Stream{
			"GET":            ask(vm, request("GET", "/notes", [2]string{"authorization", token}, [2]string{"last-event-id", "7"}), ""),
			"another call":   ask(vm, rpc("/notes", token), call("list_notes")),
			"a notification": ask(vm, rpc("/notes", token), message("notifications/initialized", "")),
		} {
			t.Run(name, func(t *testing.T) {
				s.Respond(Headers{{":status", "200"}, {"content-type", "Text/Event-Stream; charset=UTF-8"}}, false)
				s.ResponseBody("event: endpoint\r\ndata: /messages?id=1\r\n\r\n"+event[:20], false)
				if got, _ := s.ResponseText(); got != "event: endpoint\r\ndata: /messages?id=1\r\n\r\n" {
					t.Errorf("an event is held longer than its end: %q", got)
				}
				s.ResponseBody(event[20:], false)
				if got, _ := s.ResponseText(); got != "event: endpoint\r\ndata: /messages?id=1\r\n\r\n"+want {
					t.Errorf("got %q", got)
				}
				s.ResponseTrailers(Headers{{"x", "y"}})
				if _, ended := s.ResponseText(); !ended {
					t.Error("trailers do not end the response")
				}
				s.Close()
			})
		}
	})
}

// Responses without lists pass as they come, and no callback reads them.
func TestFilterListsLeavesTheRest(t *testing.T) {
	onBoth(t, server(nil), fitted("all", nil), func(t *testing.T, h *Host, vm *VM, _ bool) {
		token := rsaKey.bearer(claims(h, nil))
		for name, c := range map[string]struct {
			request            Headers
			body               string
			status, typ, reply string
		}{
			"a call":            {rpc("/notes", token), call("list_notes"), "200", "application/json", result("tools", allTools) + "{"},
			"another method":    {rpc("/notes", token), message("tools/lists", ""), "200", "application/json", result("tools", allTools)},
			"DELETE":            {request("DELETE", "/notes", [2]string{"authorization", token}), "", "200", "text/event-stream", "data: {\n\n"},
			"a download":        {request("GET", "/notes", [2]string{"authorization", token}), "", "200", "text/plain", "{"},
			"a failed list":     {rpc("/notes", token), message("tools/list", ""), "503", "text/plain", "upstream connect error {"},
			"a page of a proxy": {rpc("/notes", token), message("tools/list", ""), "504", "text/html", "<style>a{}</style>"},
			"a JSON error":      {rpc("/notes", token), message("tools/list", ""), "404", "application/json", `{"error":{}}`},
			"old transport":     {rpc("/notes", token), message("tools/list", ""), "202", "text/plain", "Accepted"},
		} {
			s := ask(vm, c.request, c.body)
			s.Respond(Headers{{":status", c.status}, {"content-type", c.typ}, {"etag", `"x"`}, {"cache-control", "no-cache, private"}}, false)
			s.ResponseBody(c.reply, true)
			t.Run(name, func(t *testing.T) { wantText(t, s, c.reply) })
		}
		s := ask(vm, rpc("/notes", token), message("tools/list", ""))
		s.Respond(Headers{{":status", "204"}}, true)
		wantText(t, s, "")
	})
}

// A response that the plugin cannot read does not pass.
func TestFilterListsFailsClosed(t *testing.T) {
	list := message("tools/list", "")
	whole := result("tools", allTools)
	stream := [2]string{"content-type", "text/event-stream"}
	for name, c := range map[string]struct {
		headers [][2]string
		body    string
		passed  string
	}{
		"compressed":             {[][2]string{{"content-type", "application/json"}, {"content-encoding", "gzip"}}, whole, ""},
		"a compressed stream":    {[][2]string{stream, {"content-encoding", "br"}}, "data: x\n\n", ""},
		"UTF-16":                 {[][2]string{{"content-type", "application/json; charset=utf-16"}}, whole, ""},
		"a part":                 {[][2]string{{":status", "206"}, {"content-type", "application/json"}, {"content-range", "bytes 0-10/20"}}, whole, ""},
		"a part of a stream":     {[][2]string{{":status", "206"}, stream}, "x\n\n", ""},
		"cut short":              {[][2]string{{"content-type", "application/json"}}, whole[:len(whole)-1], ""},
		"no type":                {nil, whole + "x", ""},
		"another type":           {[][2]string{{"content-type", "text/plain"}}, whole + "x", ""},
		"an error":               {[][2]string{{":status", "500"}, {"content-type", "application/problem+json"}}, whole + "x", ""},
		"twice":                  {[][2]string{{"content-type", "application/json"}}, `{"result":{"tools":[],"tools":[{"name":"purge_all"}]}}`, ""},
		"too large":              {[][2]string{{"content-type", "application/json"}}, strings.Repeat(" ", 1024) + whole, ""},
		"an event, cut short":    {[][2]string{stream}, "data: {}\n\ndata: " + whole[:40] + "\n\n", "data: {}\n\n"},
		"an event that is large": {[][2]string{stream}, "data: {}\n\ndata: " + strings.Repeat(" ", 1024) + whole + "\n\n", "data: {}\n\n"},
		"a stream with no end":   {[][2]string{stream}, "data: {}\n\ndata: " + whole[:40], "data: {}\n\n"},
	} {
		t.Run(name, func(t *testing.T) {
			onBoth(t, server(nil), fitted("all", object{"max_body_bytes": 1024}), func(t *testing.T, h *Host, vm *VM, stops bool) {
				token := rsaKey.bearer(claims(h, nil))
				for _, trailers := range []bool{false, true} {
					s := ask(vm, rpc("/notes", token, [2]string{"origin", "https://app.example.com"}), list)
					headers := Headers(c.headers)
					if !headers.Has(":status") {
						headers = headers.With(":status", "200")
					}
					s.Respond(headers, false)
					first := strings.Index(c.body, "\n\n") + 2
					s.ResponseBody(c.body[:first], false)
					s.ResponseBody(c.body[first:], !trailers)
					if trailers {
						s.ResponseTrailers(Headers{{"x", "y"}})
					}
					if trailers && name == "a stream with no end" {
						wantText(t, s, c.passed) // clients ignore the event without an end
						continue
					}
					if l := s.Local(); l != nil && l.Headers.Get("access-control-allow-origin") != "*" {
						t.Errorf("502 that the page cannot read: %q", l.Headers)
					}
					if stops && headers.Get("content-type") != stream[1] && s.Local() == nil {
						t.Error("the response is broken off, and not answered")
					}
					wantUnreadable(t, s, c.passed)
				}
				h.Run(2e9, nil)
				if got, want := h.Counter("mcpauth_unreadable_lists_total"), map[bool]uint64{true: 1, false: 2}[name == "a stream with no end"]; got != want {
					t.Errorf("%d unreadable lists counted, want %d", got, want)
				}
				if got := strings.Count(h.LogText(), "was not passed on"); got != 1 {
					t.Errorf("%d log lines:\n%s", got, h.LogText())
				}
			})
		})
	}
}

// Where the host fails, no list passes unfiltered.
func TestFilterListsHostFails(t *testing.T) {
	for _, call := range []string{"proxy_get_header_map_pairs", "proxy_get_buffer_bytes", "proxy_set_buffer_bytes", "proxy_remove_header_map_value", "proxy_replace_header_map_value"} {
		for _, contentType := range []string{"application/json", "text/event-stream"} {
			t.Run(call+" "+contentType, func(t *testing.T) {
				onBoth(t, server(nil), fitted("all", nil), func(t *testing.T, h *Host, vm *VM, stops bool) {
					s := ask(vm, rpc("/notes", rsaKey.bearer(claims(h, nil))), message("tools/list", ""))
					h.FailCall(call, BadArgument)
					respond(s, contentType, "data: "+result("tools", allTools)+"\n\n", 1000, [2]string{"etag", `"x"`}, [2]string{"cache-control", "public"})
					h.FailCall(call, OK)
					wantUnreadable(t, s, "")
				})
			})
		}
	}
}

// A response that was made for one caller has no tag that another might ask with, and no
// cache may keep it.
func TestFilterListsHeaders(t *testing.T) {
	h := newHost(t, Options{})
	vm := start(t, h, config(server(nil), fitted("all", nil), nil))
	for value, want := range map[string]string{
		"public, max-age=60": "no-store", "max-age=60": "no-store", `max-age=60, private="set-cookie"`: "no-store", `x="private", y="no-store"`: "no-store",
		"private": "private", "no-cache, PRIVATE , max-age=1": "no-cache, PRIVATE , max-age=1", "No-Store": "No-Store",
	} {
		s := ask(vm, rpc("/notes", rsaKey.bearer(claims(h, nil))), message("tools/list", ""))
		respond(s, "application/json", result("tools", allTools), 1000, [2]string{"etag", `"x"`}, [2]string{"content-digest", "sha-256=:x:"},
			[2]string{"cache-control", value}, [2]string{"mcp-session-id", "1"})
		got := s.ResponseHeaders()
		if got.Has("etag") || got.Has("content-digest") || got.Get("cache-control") != want || got.Get("mcp-session-id") != "1" {
			t.Errorf("headers %q", got)
		}
		s.Close()
	}
}

// A batch is filtered if one of its messages asks for a list, and a client that names the
// list in a header alone gets no other.
func TestFilterListsByBodyAndHeader(t *testing.T) {
	onBoth(t, server(nil), fitted("all", object{"trust_mcp_headers": true}), func(t *testing.T, h *Host, vm *VM, _ bool) {
		token := rsaKey.bearer(claims(h, nil))
		want := result("tools", `{"name":"list_notes"},{"name":"add_note"}`)
		s := ask(vm, rpc("/notes", token), "["+message("ping", "")+","+message("tools/list", "")+","+message("ping", "")+"]")
		respond(s, "application/json", `[{"id":1,"result":{}},`+result("tools", allTools)+"]", 1000)
		wantText(t, s, `[{"id":1,"result":{}},`+want+"]")
		s = ask(vm, rpc("/notes", token, mirrored("tools/list", "")...), message("tools/list", ""))
		respond(s, "application/json", result("tools", allTools), 1000)
		wantText(t, s, want)
	})
}

// Where nothing is hidden from those with a token, since no rule requires anything, their
// lists are still not for those without one.
func TestFilterListsWithoutRules(t *testing.T) {
	onBoth(t, server(nil), opened(object{"filter_lists": "all"}), func(t *testing.T, h *Host, vm *VM, _ bool) {
		token := rsaKey.bearer(openClaims(h, nil))
		public := `{"result":{"tools":[{"name":"search_docs"},{"name":"list_notes"}],"ttlMs":1000,"cacheScope":"public"}}`
		private := strings.Replace(public, "public", "private", 1)
		for range 2 {
			s := ask(vm, rpc("/mcp", token, mirrored("tools/list", "")...), message("tools/list", ""))
			respond(s, "application/json", public, 1000, [2]string{"cache-control", "max-age=60"})
			if got := s.ResponseHeaders().Get("cache-control"); got != "no-store" {
				t.Errorf("Cache-Control %q", got)
			}
			wantText(t, s, private)
			s = ask(vm, rpc("/mcp", token), message("tools/list", ""))
			respond(s, "text/event-stream", "data: "+public+"\n\n", 1000)
			wantText(t, s, "data: "+private+"\n\n")
			s = ask(vm, rpc("/mcp", token), call("list_notes"))
			respond(s, "application/json", "{", 1000)
			wantText(t, s, "{")
		}
		s := ask(vm, rpc("/mcp", ""), message("tools/list", ""))
		respond(s, "application/json", public, 1000)
		wantText(t, s, `{"result":{"tools":[{"name":"search_docs"}],"ttlMs":1000,"cacheScope":"private"}}`)
	})
}

// Where headers go on before the body, a server may respond before it is known what the
// request asks for.
func TestFilterListsOfEarlyResponses(t *testing.T) {
	h := newHost(t, Options{})
	public := object{"public": object{"lists": true}}
	for name, resource := range map[string]object{"rules": fitted("all", nil), "public": fitted("all", public)} {
		t.Run(name, func(t *testing.T) {
			vm := start(t, h, config(server(nil), resource, object{"allow_on_headers_stop_iteration": false}))
			token, want := rsaKey.bearer(claims(h, nil)), result("tools", `{"name":"list_notes"},{"name":"add_note"}`)
			if name == "public" {
				token, want = "", result("tools", "")
			}
			s := vm.Open(rpc("/notes", token), false)
			s.Respond(Headers{{":status", "200"}, {"content-type", "application/json"}}, false)
			s.Body(message("tools/list", ""), true)
			s.ResponseBody(result("tools", allTools), true)
			wantText(t, s, want)

			s = vm.Open(rpc("/notes", token), false)
			s.Respond(Headers{{":status", "400"}, {"content-type", "text/plain"}}, false)
			s.ResponseBody("{", true)
			wantText(t, s, "{")
		})
	}
}

// A body that grows too large is refused before its end: Envoy would keep all of it.
func TestFilterListsBoundsBodies(t *testing.T) {
	onBoth(t, server(nil), fitted("all", object{"max_body_bytes": 1024}), func(t *testing.T, h *Host, vm *VM, _ bool) {
		s := ask(vm, rpc("/notes", rsaKey.bearer(claims(h, nil))), message("tools/list", ""))
		s.Respond(Headers{{":status", "200"}, {"content-type", "application/json"}}, false)
		s.ResponseBody(strings.Repeat(" ", 1024), false)
		if s.Local() != nil || s.Reset() {
			t.Errorf("a body of max_body_bytes: %s", describe(s))
		}
		s.ResponseBody(" ", false)
		if s.Local() == nil && !s.Reset() {
			t.Error("a larger body is kept")
		}
		wantUnreadable(t, s, "")
	})
}

// Where lists are public, a caller without a token, or with one that lacks what the resource
// requires, sees what it may use: what is public, and with "claims" what a sign-in or a consent may bring.
func TestFilterListsOfPublicResources(t *testing.T) {
	public := object{"methods": []string{"initialize"}, "lists": true, "tools": []string{"list_notes"}, "resources": []string{"note:///archive/news/*"}}
	const unruled = `,{"name":"unruled"}`
	const templates = `{"uriTemplate":"note:///archive/{id}"},{"uriTemplate":"note:///archive/old/{id}"}`
	for _, filter := range []string{"claims", "all"} {
		onBoth(t, server(nil), fitted(filter, object{"public": public, "required_claims": object{"tenant": "a"}}), func(t *testing.T, h *Host, vm *VM, _ bool) {
			for name, c := range map[string]struct {
				token       string
				claims, all string // the tools, by filter_lists
			}{
				"no token": {"", `{"name":"list_notes"},{"name":"add_note"}` + unruled, `{"name":"list_notes"}`},
				"no scope": {rsaKey.bearer(claims(h, object{"tenant": "a", "scope": "x"})), `{"name":"list_notes"},{"name":"add_note"}` + unruled, `{"name":"list_notes"}`},
				"no claim": {rsaKey.bearer(claims(h, nil)), `{"name":"list_notes"}`, `{"name":"list_notes"}`},
				"all":      {rsaKey.bearer(claims(h, object{"tenant": "a"})), `{"name":"list_notes"},{"name":"add_note"}` + unruled, `{"name":"list_notes"},{"name":"add_note"}` + unruled},
			} {
				t.Run(filter+", "+name, func(t *testing.T) {
					want := c.claims
					if filter == "all" {
						want = c.all
					}
					for range 2 {
						s := ask(vm, rpc("/notes", c.token), message("tools/list", ""))
						respond(s, "application/json", result("tools", allTools+unruled), 1000)
						wantText(t, s, result("tools", want))
					}
					if filter == "all" {
						s := ask(vm, rpc("/notes", c.token), message("resources/templates/list", ""))
						respond(s, "application/json", result("resourceTemplates", templates), 1000)
						wantText(t, s, result("resourceTemplates", `{"uriTemplate":"note:///archive/{id}"}`))
					}
				})
			}
		})
	}
}

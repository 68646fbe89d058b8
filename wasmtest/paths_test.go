package wasmtest

import (
	"strings"
	"testing"
)

// twoResources are resources side by side whose tokens differ, with everything
// else let through: the arrangement in which a mistake in comparing paths lets
// a request pass without a token, or with the wrong one.
func twoResources(members object) object {
	return with(object{
		"authorization_servers": []object{server(nil)},
		"resources": []object{
			notes(nil),
			{"resource": "https://mcp.example.com/admin"},
			{"resource": "https://mcp.example.com/notes/private"},
		},
	}, members)
}

func TestPathsOfAResource(t *testing.T) {
	h := newHost(t, Options{})
	vm := start(t, h, twoResources(nil))
	token := rsaKey.bearer(claims(h, nil))
	for _, path := range []string{
		"/notes", "/notes/", "/notes/x", "/notes/x/y/", "/notes?x=1", "/notes?", "/notes?a=../../admin", "/notes?a=%2F%5C;#",
		"/notes/privatex", "/notes/x%20y", "/notes/%C3%A9", "/notes/a.b", "/notes/...", "/notes/~a", "/notes/%7Ea", "/%6eotes", "/n%6Ftes/x",
		"/notes/a:b@c!$&'()*+,=",
	} {
		t.Run(path, func(t *testing.T) {
			wantForwarded(t, vm.Request(rpc(path, token)))
			wantError(t, vm.Request(rpc(path, "")), 401, "unauthorized")
		})
	}
	t.Run("the path goes on as it came", func(t *testing.T) {
		s := vm.Request(rpc("/n%6Ftes/%7Ea?b=%2F", token))
		if s.State() != Forwarded || s.Upstream().Get(":path") != "/n%6Ftes/%7Ea?b=%2F" {
			t.Errorf("got %s", describe(s))
		}
	})
}

func TestPathsOfNoResource(t *testing.T) {
	h := newHost(t, Options{})
	vm := start(t, h, twoResources(nil))
	token := rsaKey.bearer(claims(h, nil))
	for _, path := range []string{
		"/", "/notesx", "/notes.", "/note", "/notes%20", "/notes%3F", "/x/notes", "/adminx", "/notes:8080",
		"/notes-", "/notes~", "/n%C3%B6tes",
	} {
		t.Run(path, func(t *testing.T) {
			wantError(t, vm.Request(rpc(path, token)), 404, "not_found")
		})
	}
}

// Express and others route without regard to case.
func TestPathsInAnotherCase(t *testing.T) {
	for _, unmatched := range []string{"deny", "allow"} {
		h := newHost(t, Options{})
		vm := start(t, h, twoResources(object{"unmatched": unmatched}))
		for _, path := range []string{"/Notes", "/NOTES/x", "/notes/../Admin"} {
			wantError(t, vm.Request(rpc(path, rsaKey.bearer(claims(h, nil)))), 400, "invalid_request")
			wantError(t, vm.Request(rpc(path, "")), 400, "invalid_request")
		}
	}
}

// The same for a resource that is configured with upper-case letters: the path
// in lower case may be the same to the server.
func TestPathsInLowerCase(t *testing.T) {
	h := newHost(t, Options{})
	upper := notes(object{"resource": "https://mcp.example.com/Notes"})
	vm := start(t, h, config(server(nil), upper, object{"unmatched": "allow"}))
	for _, path := range []string{"/notes", "/notes/x", "/nOtes", "/NOTES"} {
		wantError(t, vm.Request(rpc(path, "")), 400, "invalid_request")
	}
	wantError(t, vm.Request(rpc("/Notes", "")), 401, "unauthorized")
	wantForwarded(t, vm.Request(rpc("/Notes", rsaKey.bearer(claims(h, object{"aud": "https://mcp.example.com/Notes"})))))
	wantForwarded(t, vm.Request(rpc("/other", "")))

	root := notes(object{"resource": "https://mcp.example.com"})
	admin := notes(object{"resource": "https://mcp.example.com/Admin", "required_scopes": []string{"admin"}})
	vm = start(t, h, with(config(server(nil), root, nil), object{"resources": []object{root, admin}}))
	token := rsaKey.bearer(claims(h, object{"aud": "https://mcp.example.com"}))
	wantError(t, vm.Request(rpc("/admin", token)), 400, "invalid_request")
	wantError(t, vm.Request(rpc("/Admin", token)), 401, "invalid_token")
	wantForwarded(t, vm.Request(rpc("/other", token)))
}

// The longest prefix decides, whatever the order of the configuration.
func TestNestedResources(t *testing.T) {
	h := newHost(t, Options{})
	vm := start(t, h, twoResources(nil))
	outer := rsaKey.bearer(claims(h, nil))
	inner := rsaKey.bearer(claims(h, object{"aud": "https://mcp.example.com/notes/private"}))
	for _, path := range []string{"/notes/private", "/notes/private/", "/notes/private/x"} {
		wantForwarded(t, vm.Request(rpc(path, inner)))
		wantError(t, vm.Request(rpc(path, outer)), 401, "invalid_token")
	}
	wantForwarded(t, vm.Request(rpc("/notes/other", outer)))
	wantError(t, vm.Request(rpc("/notes/other", inner)), 401, "invalid_token")
}

// What the upstream may read as another path than we do is refused, with a
// token or without.
func TestPathsThatCannotBeCompared(t *testing.T) {
	h := newHost(t, Options{})
	vm := start(t, h, twoResources(nil))
	token := rsaKey.bearer(claims(h, nil))
	for _, path := range []string{
		"/notes%2Fx", "/notes%2fprivate", "/notes/%2e%2e%2fadmin", "/notes%5Cx", `/notes\x`, `/notes/..\admin`, "/notes/%00", "/notes%00",
		"/notes/%zz", "/notes/%2", "/notes/%", "/notes#x", "/notes/#/../x",
		"/notes;v=1", "/notes;v=1/x", "/;/notes", "/notes/private;x",
		"/notes/../admin", "/notes/%2e%2e/admin", "/notes/.%2E/admin", "/notes/private/../x", "/notes//../admin", "/notes/./../admin", "/notes/%70rivate",
	} {
		t.Run(path, func(t *testing.T) {
			for _, authorization := range []string{"", token} {
				s := vm.Request(rpc(path, authorization))
				wantError(t, s, 400, "invalid_request")
				if s.Local().Headers.Has("www-authenticate") {
					t.Errorf("a challenge for a bad path: %s", describe(s))
				}
			}
		})
	}
}

// Nothing that could reach a protected path in one reading or another passes
// without a token, even where unmatched requests pass.
func TestNoPathBypassesAResource(t *testing.T) {
	h := newHost(t, Options{})
	vm := start(t, h, twoResources(object{"unmatched": "allow"}))
	admin := rsaKey.bearer(claims(h, object{"aud": "https://mcp.example.com/admin"}))
	for _, path := range []string{
		"/notes", "/notes/", "//notes", "///notes", "/notes//x", "/./notes", "/x/../notes", "/x/%2e%2e/notes", "/x/.%2e/notes",
		"/x/y/../../notes", "/../notes", "/%2e%2e/notes", "/%6e%6f%74%65%73", "/notes%2f", "/notes%2Fx", "/x%2f..%2fnotes", "/x/..%2fnotes",
		`/\notes`, `\notes`, "/%5cnotes", `/x/..\notes`, `/notes\`, "/x/..;/notes", "/x/..;a=b/notes", "/notes;x", "/notes;/x", "/;x/notes", "/.;/notes",
		"/notes%00", "/%00/notes", "/notes%", "/notes#", "/#/../notes", "/notes?x", "/notes%3fx/../../notes", "/%2fnotes", "/%2f/notes",
		"notes", "./notes", "https://mcp.example.com/notes", "http://mcp.example.com/notes", "HTTPS://mcp.example.com/notes",
		"/%25%36%65otes/../notes", "/x/%252e%252e/../../notes", "/x//../notes", "/x/..//notes", "/notes/.", "/notes/x/..",
		"/\x00/notes", "/notes\x01", "/x/.\t./notes",
		"/y/../notes/z/%2e%2e/../secret", "/y/..//notes/x", "//y/../notes", "/%252e%252e/notes", "/x/%252e%252e/notes", "/x%252f..%252fnotes", "/x/..%255cnotes", "/x%255c..%255cnotes",
		"/notes%253fx", "/notes%253bx", "/notes%3fx", "/notes%3Fx", "/notes%23x", "/notes%20", "/notes.", "/notes%20.", "/x/..%20/notes", "/notes ", "/notes x", " /notes", "/%6%65otes/../notes",
		"/%c0%ae%c0%ae/notes", "/x%c0%afnotes", "/note%c5%bf", "/NOTE%C5%BF", "/x;/../notes", "/x/..%253b/notes", "//mcp.example.com/x/..//notes", "//u@h:1/notes",
		"/notes%250a", "/notes%2500", "/no%2509tes", "/n%256ftes", "/n%25256ftes", "/%25252e%25252e/notes",
	} {
		for _, method := range []string{"GET", "POST", "HEAD", "OPTIONS", "DELETE", "PUT", "get"} {
			for name, authorization := range map[string]string{"": "", " with a token for another resource": admin} {
				s := vm.Request(request(method, path, [2]string{"authorization", authorization}))
				if s.State() != Answered || s.Local().Status != 401 && s.Local().Status != 400 && s.Local().Status != 404 {
					t.Errorf("%s %q%s: got %s, want 401, 400 or 404", method, path, name, describe(s))
				}
				s.Close()
			}
		}
	}
	for _, path := range []string{"/other", "/", "/notesx", "/other/x?y"} {
		wantForwarded(t, vm.Request(rpc(path, "")))
	}
}

// A server that resolves the request target as a URL reference, as Node's
// new URL(req.url, base) does, takes "//notes/admin" for the path /admin on a
// host of the name notes.
func TestPathsThatReadAsAnotherHost(t *testing.T) {
	h := newHost(t, Options{})
	for _, unmatched := range []string{"deny", "allow"} {
		vm := start(t, h, twoResources(object{"unmatched": unmatched}))
		token := rsaKey.bearer(claims(h, nil))
		for _, path := range []string{"//notes/admin", "//mcp.example.com/admin", "//x/admin", "///x/admin"} {
			for name, authorization := range map[string]string{"no token": "", "the token for /notes": token} {
				if s := vm.Request(rpc(path, authorization)); s.State() != Answered {
					t.Errorf("%s, unmatched %s, %s: got %s", path, unmatched, name, describe(s))
				}
			}
		}
	}
}

// A path that a client may write in more than one way is one path.
func TestCanonicalPaths(t *testing.T) {
	h := newHost(t, Options{})
	vm := start(t, h, twoResources(nil))
	token := rsaKey.bearer(claims(h, nil))
	for _, path := range []string{"/notes//x", "/notes/./x", "/notes/x/../y", "/notes/x/%2e%2e/y"} {
		t.Run(path, func(t *testing.T) {
			wantForwarded(t, vm.Request(rpc(path, token)))
			wantError(t, vm.Request(rpc(path, "")), 401, "unauthorized")
		})
	}
}

func TestRequestsWithoutAPath(t *testing.T) {
	vm := start(t, newHost(t, Options{}), twoResources(object{"unmatched": "allow"}))
	for _, tt := range []struct {
		name    string
		request Headers
	}{
		{"CONNECT", Headers{{":method", "CONNECT"}, {":authority", "mcp.example.com:443"}}},
		{"empty path", Headers{{":method", "GET"}, {":path", ""}, {":authority", "mcp.example.com"}}},
		{"no pseudo-headers", Headers{{"accept", "*/*"}}},
		{"no headers", Headers{}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := vm.Request(tt.request)
			if s.State() != Answered || s.Local().Status < 400 {
				t.Errorf("got %s, want an error", describe(s))
			}
		})
	}
	t.Run("OPTIONS *", func(t *testing.T) {
		s := vm.Request(request("OPTIONS", "*"))
		if s.State() == Failed || vm.Dead() != nil {
			t.Errorf("got %s", describe(s))
		}
	})
}

func TestHosts(t *testing.T) {
	h := newHost(t, Options{})
	vm := start(t, h, object{
		"authorization_servers": []object{server(nil)},
		"resources": []object{
			{"resource": "https://one.example.com/mcp", "match": object{"hosts": []string{"one.example.com"}}},
			{"resource": "https://two.example.com/mcp", "match": object{"hosts": []string{"two.example.com", "Zwei.example.com"}}},
		},
	})
	one := rsaKey.bearer(claims(h, object{"aud": "https://one.example.com/mcp"}))
	two := rsaKey.bearer(claims(h, object{"aud": "https://two.example.com/mcp"}))
	for _, tt := range []struct {
		host       string
		first      int // the status with the token of one, 0: forwarded
		second     int
		challenged string
	}{
		{"one.example.com", 0, 401, "one"},
		{"ONE.Example.COM", 0, 401, "one"},
		{"one.example.com:443", 0, 401, "one"},
		{"two.example.com", 401, 0, "two"},
		{"zwei.example.com", 401, 0, "two"},
		{"one.example.com.evil.example", 404, 404, ""},
		{"evil.example", 404, 404, ""},
		{"xone.example.com", 404, 404, ""},
		{"one.example.com@evil.example", 404, 404, ""},
		{"", 404, 404, ""},
	} {
		t.Run(tt.host, func(t *testing.T) {
			ask := func(authorization string) *Stream {
				r := Headers{{":method", "GET"}, {":path", "/mcp"}, {":authority", tt.host}, {":scheme", "https"}}
				if authorization != "" {
					r = r.With("authorization", authorization)
				}
				return vm.Request(r)
			}
			for token, status := range map[string]int{one: tt.first, two: tt.second} {
				if status == 0 {
					wantForwarded(t, ask(token))
				} else {
					wantStatus(t, ask(token), status)
				}
			}
			s := ask("")
			if tt.challenged == "" {
				wantError(t, s, 404, "not_found")
				return
			}
			wantError(t, s, 401, "unauthorized")
			// Always the configured URL, never the Host header.
			if c := s.Local().Headers.Get("www-authenticate"); !strings.Contains(c, `="https://`+tt.challenged+`.example.com`+prm+`/mcp"`) {
				t.Errorf("challenge %s", c)
			}
		})
	}
}

func TestMatchedPrefixes(t *testing.T) {
	h := newHost(t, Options{})
	vm := start(t, h, config(server(nil), notes(object{"match": object{"path_prefixes": []string{"/v1/notes", "/v2"}}}), nil))
	token := rsaKey.bearer(claims(h, nil))
	for _, path := range []string{"/v1/notes", "/v1/notes/x", "/v2", "/v2/"} {
		wantForwarded(t, vm.Request(rpc(path, token)))
		s := vm.Request(rpc(path, ""))
		wantError(t, s, 401, "unauthorized")
		if c := s.Local().Headers.Get("www-authenticate"); c != bareChallenge {
			t.Errorf("challenge %q", c)
		}
	}
	for _, path := range []string{"/notes", "/v1", "/v1/notesx", "/v22"} {
		wantError(t, vm.Request(rpc(path, token)), 404, "not_found")
	}
	wantStatus(t, vm.Request(request("GET", prm+"/notes")), 200)
}

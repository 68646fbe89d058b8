package wasmtest

import (
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"testing"
)

// The document is cacheable, and a client that has it need not get it again.
func TestMetadataIsNotSentAgain(t *testing.T) {
	vm := start(t, newHost(t, Options{}), object{
		"authorization_servers": []object{server(nil)},
		"resources":             []object{notes(nil), {"resource": "https://mcp.example.com/other"}},
	})
	get := func(method, path string, more ...[2]string) *Stream {
		return vm.Request(request(method, path, more...))
	}
	s := get("GET", prm+"/notes")
	wantStatus(t, s, 200)
	tag := s.Local().Headers.Get("etag")
	if len(tag) < 10 || tag[0] != '"' || get("GET", prm+"/other").Local().Headers.Get("etag") == tag || get("GET", prm+"/notes/").Local().Headers.Get("etag") != tag {
		t.Fatalf("etag %q", tag)
	}
	for list, status := range map[string]int{
		tag: 304, "W/" + tag: 304, `"x", W/"y,z", ` + tag: 304, "*": 304,
		"": 200, `"x"`: 200, tag[1 : len(tag)-1]: 200, tag[:len(tag)-1]: 200, `W/"x", "y"`: 200,
	} {
		for _, method := range []string{"GET", "HEAD"} {
			s := get(method, prm+"/notes", [2]string{"if-none-match", list})
			wantStatus(t, s, status)
			if status == 304 {
				wantHeaders(t, s, map[string]string{"etag": tag, "cache-control": "public, max-age=3600", "access-control-allow-origin": "*"})
				if len(s.Local().Body) != 0 {
					t.Errorf("304 with a body: %s", s.Local().Body)
				}
			}
		}
	}
	wantStatus(t, get("POST", prm+"/notes", [2]string{"if-none-match", tag}), 405)
	h := vm.host
	s = vm.Request(rpc("/notes", rsaKey.bearer(claims(h, nil)), [2]string{"if-none-match", tag}))
	wantForwarded(t, s)
	if s.Upstream().Get("if-none-match") != tag {
		t.Error("If-None-Match is the server's too")
	}
}

func TestMetadataAtTheRoot(t *testing.T) {
	for _, tt := range []struct {
		name    string
		config  object
		answers map[string]string // the resource by host, "" for 404
	}{
		{"one resource", config(server(nil), notes(nil), nil), map[string]string{"h": resource}},
		{"one that does not want to", config(server(nil), notes(object{"root_metadata": false}), nil), map[string]string{"h": ""}},
		{"one of one host", config(server(nil), notes(object{"match": object{"hosts": []string{"a"}}}), nil), map[string]string{"a": resource, "b": ""}},
		{"one, and what is not ours", config(server(nil), notes(nil), object{"unmatched": "allow"}), map[string]string{"h": "passes"}},
		{"one that wants to, and what is not ours", config(server(nil), notes(object{"root_metadata": true}), object{"unmatched": "allow"}), map[string]string{"h": resource}},
		{"two", config(server(nil), nil, object{"resources": []object{notes(nil), {"resource": "https://h/x"}}}), map[string]string{"h": ""}},
		{"one of two", config(server(nil), nil, object{"resources": []object{{"resource": "https://h/x"}, notes(object{"root_metadata": true})}}), map[string]string{"h": resource}},
		{"by host", config(server(nil), nil, object{"resources": []object{
			notes(object{"root_metadata": true}), {"resource": "https://a/x", "root_metadata": true, "match": object{"hosts": []string{"a"}}},
			{"resource": "https://b", "match": object{"hosts": []string{"*.b"}}}}}), map[string]string{"h": resource, "a": "https://a/x", "x.b": "https://b"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			vm := start(t, newHost(t, Options{}), tt.config)
			for host, want := range tt.answers {
				s := vm.Request(Headers{{":method", "GET"}, {":path", prm}, {":authority", host}, {":scheme", "https"}})
				switch want {
				case "":
					wantError(t, s, 404, "not_found")
				case "passes":
					wantForwarded(t, s)
				default:
					wantStatus(t, s, 200)
					var document object
					if err := json.Unmarshal(s.Local().Body, &document); err != nil || document["resource"] != want {
						t.Errorf("%s: %s", host, s.Local().Body)
					}
				}
			}
		})
	}
}

// All members of RFC 9728, section 2, as they are configured, and none that is
// not.
func TestAllMetadataMembers(t *testing.T) {
	metadata := object{
		"jwks_uri": "https://mcp.example.com/keys", "resource_name": "Notes", "resource_name#de-CH": "Notizen",
		"resource_documentation": "https://docs.example.com/#a", "resource_documentation#fr": "https://docs.example.com/fr",
		"resource_policy_uri": "https://docs.example.com/p", "resource_tos_uri": "https://docs.example.com/t", "resource_tos_uri#en": "https://docs.example.com/t/en",
		"resource_signing_alg_values_supported": []any{"ES256"}, "authorization_details_types_supported": []any{"t"},
		"tls_client_certificate_bound_access_tokens": false, "dpop_bound_access_tokens_required": false, "signed_metadata": "a.b.c",
		"x_further": object{"a": []any{float64(1), nil}},
	}
	want := with(metadata, object{
		"resource": resource, "authorization_servers": []any{issuer}, "scopes_supported": []any{"read:notes", "write:notes"}, "bearer_methods_supported": []any{"header"},
	})
	vm := start(t, newHost(t, Options{}), config(server(nil), notes(object{"metadata": metadata}), nil))
	s := vm.Request(request("GET", prm+"/notes"))
	wantStatus(t, s, 200)
	var got object
	if err := json.Unmarshal(s.Local().Body, &got); err != nil || toJSON(got) != toJSON(want) {
		t.Errorf("%s,\nwant %s", s.Local().Body, toJSON(want))
	}
}

// Of the resources that fit, the one with the longest prefix is meant, and then
// the one with the nearest host.
func TestNearestResource(t *testing.T) {
	h := newHost(t, Options{})
	var resources []object
	for name, match := range map[string]object{
		"any": {}, "exact": {"hosts": []string{"a.example.com"}}, "port": {"hosts": []string{"a.example.com:8443"}},
		"wild": {"hosts": []string{"*.example.com"}}, "wilder": {"hosts": []string{"*.b.example.com"}}, "deep": {"path_prefixes": []string{"/mcp/deep"}},
	} {
		resources = append(resources, object{"resource": "https://mcp.example.com/" + name, "match": with(object{"path_prefixes": []string{"/mcp"}}, match)})
	}
	vm := start(t, h, object{"authorization_servers": []object{server(nil)}, "resources": resources})
	for _, tt := range []struct{ host, path, want string }{
		{"h", "/mcp", "any"}, {"example.com", "/mcp", "any"}, {"a.example.com", "/mcp", "exact"}, {"A.Example.com", "/mcp/x", "exact"},
		{"a.example.com:8443", "/mcp", "port"}, {"c.example.com", "/mcp", "wild"}, {"c.c.example.com", "/mcp", "wild"},
		{"b.example.com", "/mcp", "wild"}, {"x.b.example.com", "/mcp", "wilder"}, {"a.example.com", "/mcp/deep", "deep"},
		{"a.example.com.evil.example", "/mcp", "any"},
	} {
		for _, r := range resources {
			aud := r["resource"].(string)
			s := vm.Request(Headers{{":method", "POST"}, {":path", tt.path}, {":authority", tt.host}, {":scheme", "https"},
				{"authorization", rsaKey.bearer(claims(h, object{"aud": aud}))}})
			if good := aud == "https://mcp.example.com/"+tt.want; good != (s.State() == Forwarded) {
				t.Errorf("%s%s with a token for %s: %s", tt.host, tt.path, aud, describe(s))
			}
			s.Close()
		}
	}
}

// A thousand resources cost a request nothing: the host is called as often as
// with one. What finding one costs beyond calls, internal/route measures.
func TestAThousandResources(t *testing.T) {
	calls := func(n int) (total map[string]int, pages uint32) {
		h := newHost(t, Options{})
		var resources []object
		for i := range n {
			resources = append(resources, object{"resource": fmt.Sprintf("https://mcp.example.com/servers/%04d", i), "required_scopes": []string{"read:notes"}})
		}
		vm := start(t, h, object{"authorization_servers": []object{server(nil)}, "resources": resources})
		pages = uint32(vm.MemorySize())
		total = map[string]int{}
		for i := range 50 { // all others in between, so that nothing is remembered
			name := fmt.Sprintf("/servers/%04d", i*n/50)
			token := rsaKey.bearer(claims(h, object{"aud": "https://mcp.example.com" + name, "jti": fmt.Sprint(i)}))
			for _, authorization := range []string{"", token, token} {
				s := vm.Request(rpc(name, authorization))
				if authorization == "" {
					wantError(t, s, 401, "unauthorized")
				} else {
					wantForwarded(t, s)
				}
				for call, times := range s.HostCalls() {
					if strings.HasPrefix(call, "proxy_") { // Go's collector asks for the time
						total[call] += times
					}
				}
			}
			wantStatus(t, vm.Request(request("GET", prm+name)), 200)
		}
		return total, pages
	}
	few, small := calls(1)
	many, large := calls(1000)
	if !maps.Equal(few, many) {
		t.Errorf("host calls with one resource %v, with a thousand %v", few, many)
	}
	if large > small+12<<20 {
		t.Errorf("%d bytes of memory with one resource, %d with a thousand", small, large)
	}
}

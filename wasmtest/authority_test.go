package wasmtest

import "testing"

// bank are two resources at one path: one on a host of its own, and one on any
// host, which Envoy serves in the virtual host "*".
func bank(match object, members object) object {
	return with(object{
		"authorization_servers": []object{server(nil)},
		"resources": []object{
			{"resource": "https://bank.example.com/mcp", "match": match},
			{"resource": "https://any.example.com/mcp"},
		},
	}, members)
}

func at(host, path, authorization string) Headers {
	h := Headers{{":method", "POST"}, {":path", path}, {":authority", host}, {":scheme", "https"}}
	if authorization != "" {
		h = append(h, [2]string{"authorization", authorization})
	}
	return h
}

// oddHosts are spellings that Envoy or a server may take for bank.example.com or
// for another host.
var oddHosts = []string{
	"bank.example.com:8443", "bank.example.com:443", "bank.example.com:80", "BANK.example.com:8443", "bank.example.com.", "bank.example.com.:443",
	"bank.example.com..", "bank.example.com:", "bank.example.com:0443", "bank.example.com:0", "bank.example.com:65536", "bank.example.com:99999999999999999999",
	"bank.example.com:x", "bank.example.com:443:80", "user@bank.example.com", "bank.example.com@other", "bank.example.com:x@other", "bank%2eexample.com",
	"bank.example.com%00", "bank.example.com ", " bank.example.com", "bank.example.com\t", "bank.example.com,other", "other,bank.example.com", "bank.example.com/other",
	"bank.example.com?x", "bank.example.com#x", `bank.example.com\other`, "[bank.example.com]", "b\u00e4nk.example.com", "bank\u3002example.com", "\uff42ank.example.com",
	".bank.example.com", "", ":443", "[::1", "[::1]x", "127.1", "0x7f.0.0.1", "[0:0::1]",
}

// What leads to one resource as one reads the host, and to another as another
// does, reaches neither: the token of the one must not get to the server of the
// other.
func TestHostsThatReadAsAnother(t *testing.T) {
	for _, unmatched := range []string{"deny", "allow"} {
		h := newHost(t, Options{})
		vm := start(t, h, bank(object{"hosts": []string{"bank.example.com"}}, object{"unmatched": unmatched}))
		own := rsaKey.bearer(claims(h, object{"aud": "https://bank.example.com/mcp"}))
		any := rsaKey.bearer(claims(h, object{"aud": "https://any.example.com/mcp"}))
		for _, host := range oddHosts {
			for _, authorization := range []string{"", own, any} {
				for _, path := range []string{"/mcp", "/mcp/x", "/x/../mcp"} {
					s := vm.Request(at(host, path, authorization))
					if s.State() != Answered || s.Local().Status != 400 {
						t.Errorf("%q%s: %s, want 400", host, path, describe(s))
					}
					s.Close()
				}
			}
		}
		for _, host := range []string{"bank.example.com", "BANK.Example.com"} {
			wantForwarded(t, vm.Request(at(host, "/mcp", own)))
			wantError(t, vm.Request(at(host, "/mcp", any)), 401, "invalid_token")
		}
		for _, host := range []string{"other.example.com", "other.example.com:8443", "other.example.com.", "x.bank.example.com", "bank.example.com.evil.example", "[::1]:80", "127.0.0.1"} {
			wantForwarded(t, vm.Request(at(host, "/mcp", any)))
			wantError(t, vm.Request(at(host, "/mcp", own)), 401, "invalid_token")
		}
	}
}

// Where no other resource can be meant, a host may be spelled in any way that a
// host can be.
func TestHostsThatReadAsNoOther(t *testing.T) {
	for _, config := range []object{
		bank(object{"hosts": []string{"bank.example.com"}}, object{"resources": []object{{"resource": "https://bank.example.com/mcp", "match": object{"hosts": []string{"bank.example.com"}}}}}),
		bank(object{"hosts": []string{"bank.example.com"}}, object{"unmatched": "allow", "resources": []object{
			{"resource": "https://bank.example.com/mcp", "match": object{"hosts": []string{"bank.example.com"}}},
			{"resource": "https://other.example.com/mcp", "match": object{"hosts": []string{"other.example.com", "*.others.example.com"}}},
			{"resource": "https://any.example.com/elsewhere"},
		}}),
	} {
		h := newHost(t, Options{})
		vm := start(t, h, config)
		own := rsaKey.bearer(claims(h, object{"aud": "https://bank.example.com/mcp"}))
		for _, host := range []string{"bank.example.com", "BANK.example.com", "bank.example.com:8443", "bank.example.com:443", "bank.example.com.", "bank.example.com.:8443"} {
			wantForwarded(t, vm.Request(at(host, "/mcp", own)))
			wantError(t, vm.Request(at(host, "/mcp", "")), 401, "unauthorized")
		}
	}
	// Resources that name no hosts are there on each, whatever it is.
	h := newHost(t, Options{})
	vm := start(t, h, config(server(nil), notes(nil), nil))
	for _, host := range oddHosts {
		wantForwarded(t, vm.Request(at(host, "/notes", rsaKey.bearer(claims(h, nil)))))
	}
}

// With everything else let through, no spelling of a host makes a request one
// that needs no token.
func TestNoHostBypassesAResource(t *testing.T) {
	for _, hosts := range [][]string{{"bank.example.com"}, {"bank.example.com:8443"}, {"bank.example.com:443"}, {"*.example.com"}, {"*.example.com:8443"}} {
		h := newHost(t, Options{})
		match := object{"hosts": hosts}
		vm := start(t, h, bank(match, object{"unmatched": "allow", "resources": []object{{"resource": "https://bank.example.com/mcp", "match": match}}}))
		for _, host := range append([]string{"bank.example.com", "bank.example.com:8444"}, oddHosts...) {
			s := vm.Request(at(host, "/mcp", ""))
			if s.State() != Answered || s.Local().Status != 400 && s.Local().Status != 401 {
				t.Errorf("%v: %q: %s, want 400 or 401", hosts, host, describe(s))
			}
			s.Close()
		}
		for _, host := range []string{"other.example.org", "other.example.org:8443", "bank.example.com.evil.example"} {
			wantForwarded(t, vm.Request(at(host, "/mcp", "")))
		}
		for _, host := range oddHosts {
			wantForwarded(t, vm.Request(at(host, "/other", "")))
		}
	}
}

// Two ports of one host are two places, for requests that name one of them. One
// with another port could be for either.
func TestHostsByPort(t *testing.T) {
	h := newHost(t, Options{})
	vm := start(t, h, object{"authorization_servers": []object{server(nil)}, "resources": []object{
		{"resource": "https://h.example.com:1/mcp", "match": object{"hosts": []string{"h.example.com:1"}}},
		{"resource": "https://h.example.com:2/mcp", "match": object{"hosts": []string{"h.example.com:2"}}},
		{"resource": "https://wild.example.com/mcp", "match": object{"hosts": []string{"*.example.com"}}},
		{"resource": "https://default.example.com/mcp", "match": object{"hosts": []string{"default.example.com:443"}}},
	}})
	for host, want := range map[string]string{
		"h.example.com:1": "https://h.example.com:1/mcp", "h.example.com:2": "https://h.example.com:2/mcp", "x.example.com": "https://wild.example.com/mcp",
		"x.example.com:3": "https://wild.example.com/mcp", "default.example.com": "https://default.example.com/mcp", "default.example.com:443": "https://default.example.com/mcp",
		"h.example.com": "", "h.example.com:3": "", "default.example.com:80": "",
	} {
		for _, aud := range []string{"https://h.example.com:1/mcp", "https://h.example.com:2/mcp", "https://wild.example.com/mcp", "https://default.example.com/mcp"} {
			s := vm.Request(at(host, "/mcp", rsaKey.bearer(claims(h, object{"aud": aud}))))
			switch {
			case want == "":
				wantError(t, s, 400, "invalid_request")
			case want == aud:
				wantForwarded(t, s)
			default:
				wantError(t, s, 401, "invalid_token")
			}
		}
	}
}

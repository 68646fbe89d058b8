package wasmtest

import (
	"strings"
	"testing"
	"time"
)

// A byte order mark before a document is no part of it (RFC 8259, section 8.1).
func TestByteOrderMark(t *testing.T) {
	const bom = "\ufeff"
	marked := documents{}
	for path, text := range goodServer(rsaKey) {
		marked[path] = bom + text
	}
	h := newHost(t, Options{})
	vm := start(t, h, config(fetching(nil), notes(nil), nil))
	marked.run(h, 2*time.Second)
	wantForwarded(t, vm.Request(rpc("/notes", rsaKey.bearer(claims(h, nil)))))

	old := start(t, h, oldClients(fetching(object{"cluster": "old"}), nil))
	marked.run(h, 2*time.Second)
	wantDocument(t, old.Request(request("GET", asMetadata)), metadata(nil))

	for name, server := range map[string]object{"introspection": opaque(nil), "userinfo": userinfo(object{"scopes_header": "x-oauth-scopes"})} {
		vm := start(t, h, config(with(server, object{"issuer": "https://" + name + ".example.com"}), notes(nil), nil))
		s := vm.Request(rpc("/notes", "Bearer opaque"))
		answer := toJSON(with(aboutToken(h, nil), object{"iss": nil, "login": "alice", "id": 1}))
		h.Run(50*time.Millisecond, func() {
			for _, c := range h.Callouts() {
				c.Answer("200", Headers{{"content-type", "application/json"}, {"x-oauth-scopes", "read:notes"}}, []byte(bom+answer))
			}
		})
		if s.State() != Forwarded {
			t.Errorf("%s: %s\n%s", name, describe(s), h.LogText())
		}
	}
}

// No coding is asked for, and one that comes all the same is named.
func TestCompressedAnswers(t *testing.T) {
	body := []byte("\x1f\x8b\x08 not to be read")
	gzip := Headers{{"content-type", "application/json"}, {"content-encoding", "gzip"}}
	for name, tt := range map[string]struct {
		server object
		ask    func(h *Host) string
	}{
		"metadata":      {fetching(nil), func(h *Host) string { return rsaKey.bearer(claims(h, nil)) }},
		"keys":          {direct(nil), func(h *Host) string { return rsaKey.bearer(claims(h, nil)) }},
		"introspection": {opaque(nil), func(*Host) string { return "Bearer opaque" }},
		"search":        {discovered(nil), func(*Host) string { return "Bearer opaque" }},
		"userinfo":      {userinfo(nil), func(*Host) string { return "Bearer opaque" }},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHost(t, Options{})
			vm := start(t, h, config(tt.server, notes(nil), nil))
			s := vm.Request(rpc("/notes", tt.ask(h)))
			h.Run(11*time.Second, func() {
				for _, c := range h.Callouts() {
					if got := c.Headers.Values("accept-encoding"); len(got) != 1 || got[0] != "identity" {
						t.Errorf("%s: accept-encoding %q", c.Path(), got)
					}
					c.Answer("200", gzip, body)
				}
			})
			wantUnavailable(t, s)
			if !strings.Contains(h.LogText(), "the answer is compressed: content-encoding gzip") {
				t.Errorf("log:\n%s", h.LogText())
			}
		})
	}
	t.Run("a form", func(t *testing.T) {
		h, vm, _ := proxyVM(t, nil)
		s := post(vm, "/token", formType, form(nil))
		h.Run(50*time.Millisecond, func() {
			for _, c := range h.Callouts() {
				if got := c.Headers.Get("accept-encoding"); got != "identity" {
					t.Errorf("accept-encoding %q", got)
				}
				c.Answer("200", gzip, body)
			}
		})
		wantUnavailable(t, s)
		if !strings.Contains(h.LogText(), "content-encoding gzip") {
			t.Errorf("log:\n%s", h.LogText())
		}
	})
	t.Run("hostile", func(t *testing.T) {
		h := newHost(t, Options{})
		start(t, h, config(direct(nil), notes(nil), nil))
		h.Run(time.Second, func() {
			for _, c := range h.Callouts() {
				c.Answer("200", Headers{{"content-encoding", "identity"}, {"content-encoding", "br\"\x1b[2J" + strings.Repeat("x", 1000)}}, body)
			}
		})
		if strings.Contains(h.LogText(), "\x1b") || strings.Contains(h.LogText(), strings.Repeat("x", 200)) || !strings.Contains(h.LogText(), "is compressed") {
			t.Errorf("log:\n%q", h.LogText())
		}
	})
	t.Run("identity", func(t *testing.T) {
		h := newHost(t, Options{})
		vm := start(t, h, config(direct(nil), notes(nil), nil))
		k := &keysAt{set: keySet(rsaKey), headers: Headers{{"content-encoding", "identity"}}}
		k.run(h, time.Second)
		wantForwarded(t, vm.Request(rpc("/notes", rsaKey.bearer(claims(h, nil)))))
	})
}

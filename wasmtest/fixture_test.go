package wasmtest

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// The names that most tests use. The resource has a path, scopes and keys
// that need no fetching.
const (
	issuer   = "https://auth.example.com"
	resource = "https://mcp.example.com/notes"
	prm      = "/.well-known/oauth-protected-resource"
	prmURL   = "https://mcp.example.com/.well-known/oauth-protected-resource/notes"
)

var loadPlugin = sync.OnceValues(func() (*Module, error) {
	path := os.Getenv("MCPAUTH_WASM")
	if path == "" {
		path = "../build/mcpauth.wasm"
	}
	return Load(path)
})

// plugin returns the file under test.
func plugin(t testing.TB) *Module {
	t.Helper()
	m, err := loadPlugin()
	if err != nil {
		t.Fatalf("%v: run `make build` in the repository's root first, or set MCPAUTH_WASM", err)
	}
	return m
}

// newHost returns a host for the plugin; at the end of the test no VM may have
// died but by [VM.Kill], and nothing may have been done that no plugin should.
func newHost(t testing.TB, o Options) *Host {
	t.Helper()
	o.KeepStreams = o.KeepStreams || audited != nil
	h := New(plugin(t), o)
	t.Cleanup(func() {
		if audited != nil {
			compareAudit(t, h, audited)
		}
		for _, v := range h.Violations() {
			t.Error("violation:", v)
		}
		for i, vm := range h.VMs() {
			if err := vm.Dead(); err != nil && err != errKilled {
				t.Errorf("VM %d died: %v", i, err)
			}
		}
		h.Close()
	})
	return h
}

// start starts the plugin with a configuration that it must accept: a string
// as it is, anything else as JSON.
func start(t testing.TB, h *Host, config any) *VM {
	t.Helper()
	text, ok := config.(string)
	if !ok {
		text = toJSON(config)
	}
	if audited != nil {
		text = strings.Replace(text, "{", `{"audit":true,`, 1)
	}
	vm, err := h.StartVM(text)
	if err != nil {
		t.Fatalf("%v\n%s", err, h.LogText())
	}
	return vm
}

// object is a JSON object.
type object = map[string]any

// with returns a copy of o with some members set anew, or removed by nil.
func with(o object, members object) object {
	o = maps.Clone(o)
	for name, value := range members {
		if value == nil {
			delete(o, name)
		} else {
			o[name] = value
		}
	}
	return o
}

func toJSON(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(text)
}

// notes is the usual resource and server the usual authorization server,
// with both keys inline.
func notes(members object) object {
	return with(object{
		"resource":         resource,
		"scopes_supported": []string{"read:notes", "write:notes"},
		"required_scopes":  []string{"read:notes"},
	}, members)
}

func server(members object) object {
	return with(object{"issuer": issuer, "jwks": keySet(rsaKey, ecKey)}, members)
}

// fetching is the authorization server without static keys: they come over
// the cluster "auth".
func fetching(members object) object {
	return with(object{"issuer": issuer, "cluster": "auth"}, members)
}

func config(server, resource object, members object) object {
	return with(object{
		"authorization_servers": []object{server},
		"resources":             []object{resource},
	}, members)
}

var usual = sync.OnceValue(func() string { return toJSON(config(server(nil), notes(nil), nil)) })

// usualVM is a VM with the usual configuration.
func usualVM(t testing.TB) *VM {
	t.Helper()
	return start(t, newHost(t, Options{}), usual())
}

// claims are those of a token that the usual resource accepts at h's time.
func claims(h *Host, members object) object {
	now := h.Clock().Now().Unix()
	return with(object{
		"iss": issuer, "aud": resource, "sub": "alice", "client_id": "client-1", "scope": "read:notes write:notes",
		"exp": now + 3600, "iat": now, "jti": "jti-1",
	}, members)
}

// rpc is an MCP request, with an Authorization header unless it is empty.
func rpc(path, authorization string, more ...[2]string) Headers {
	h := Headers{
		{":method", "POST"}, {":path", path}, {":authority", "mcp.example.com"}, {":scheme", "https"},
		{"content-type", "application/json"}, {"accept", "application/json, text/event-stream"},
	}
	if authorization != "" {
		h = append(h, [2]string{"authorization", authorization})
	}
	return append(h, more...)
}

func request(method, path string, more ...[2]string) Headers {
	return append(Headers{{":method", method}, {":path", path}, {":authority", "mcp.example.com"}, {":scheme", "https"}}, more...)
}

// describe is what a failure message says about a stream.
func describe(s *Stream) string {
	switch s.State() {
	case Answered:
		return "answered " + toJSON([]any{s.Local().Status, s.Local().Headers, string(s.Local().Body)})
	case Forwarded:
		return "forwarded " + toJSON(s.Upstream())
	}
	return s.State().String()
}

// wantForwarded checks that the request reaches the upstream.
func wantForwarded(t testing.TB, s *Stream) {
	t.Helper()
	if s.State() != Forwarded {
		t.Errorf("got %s, want forwarded", describe(s))
	}
	s.Close()
}

// wantStatus checks that the plugin answers the request itself.
func wantStatus(t testing.TB, s *Stream, status int) {
	t.Helper()
	if s.State() != Answered {
		t.Fatalf("got %s, want %d", describe(s), status)
	}
	if s.Local().Status != status {
		t.Errorf("got %s, want %d", describe(s), status)
	}
	s.Close()
}

// headerMismatch is the code for which [wantError] wants an error of JSON-RPC.
const headerMismatch = "-32020"

func wantHeaderMismatch(t testing.TB, s *Stream) {
	t.Helper()
	var body struct {
		Version string `json:"jsonrpc"`
		Error   struct {
			Code    int    `json:"code"`
			Message string `json:"message"`
		} `json:"error"`
	}
	d := json.NewDecoder(bytes.NewReader(s.Local().Body))
	d.DisallowUnknownFields()
	if err := d.Decode(&body); err != nil || body.Version != "2.0" || body.Error.Code != -32020 || body.Error.Message == "" {
		t.Errorf("body %s, want a JSON-RPC error with the code -32020", s.Local().Body)
	}
}

// wantError checks an error answer: status, the error of the challenge (which
// is absent if error is "unauthorized"), the body, and the form of them all.
func wantError(t testing.TB, s *Stream, status int, code string) {
	t.Helper()
	wantStatus(t, s, status)
	h := s.Local().Headers
	var body map[string]string
	if code == headerMismatch {
		wantHeaderMismatch(t, s)
	} else if err := json.Unmarshal(s.Local().Body, &body); err != nil || body["error"] != code || body["error_description"] == "" || len(body) != 2 {
		t.Errorf("body %s, want error %q and an error_description", s.Local().Body, code)
	}
	if got := h.Values("content-type"); !slices.Equal(got, []string{"application/json"}) {
		t.Errorf("content-type %q", got)
	}
	if got := h.Values("cache-control"); !slices.Equal(got, []string{"no-store"}) {
		t.Errorf("cache-control %q", got)
	}
	challenges := h.Values("www-authenticate")
	if code == "access_denied" || status == 404 || status == 405 || status == 413 || status == 415 || status == 503 {
		if len(challenges) != 0 {
			t.Errorf("%d with a challenge: %q", status, challenges)
		}
		return
	}
	if len(challenges) == 0 && status == 400 {
		return
	}
	if len(challenges) != 1 {
		t.Fatalf("%d challenges: %q", len(challenges), challenges)
	}
	c := parseChallenge(t, challenges[0])
	want := code
	if code == "unauthorized" {
		want = ""
	}
	if c["error"] != want {
		t.Errorf("challenge %s, want error %q", challenges[0], want)
	}
	if c["error_description"] != "" && c["error_description"] != body["error_description"] {
		t.Errorf("challenge %s and body %s differ", challenges[0], s.Local().Body)
	}
}

// parseChallenge reads one Bearer challenge of RFC 6750 as strictly as it can
// be read: the order of parameters, quoted values, allowed characters.
func parseChallenge(t testing.TB, text string) map[string]string {
	t.Helper()
	rest, ok := strings.CutPrefix(text, "Bearer ")
	if !ok {
		t.Fatalf("challenge %q", text)
	}
	order := []string{"realm", "error", "scope", "resource_metadata", "error_description"}
	params := map[string]string{}
	for rest != "" {
		name, after, ok := strings.Cut(rest, `="`)
		at := slices.Index(order, name)
		if !ok || at < 0 {
			t.Fatalf("challenge %q: parameter %q unknown or out of order", text, name)
		}
		order = order[at+1:]
		value, after, ok := strings.Cut(after, `"`)
		if !ok {
			t.Fatalf("challenge %q: unclosed quote", text)
		}
		for _, c := range []byte(value) {
			if c < 0x20 || c > 0x7e || c == '\\' {
				t.Fatalf("challenge %q: character %q", text, c)
			}
		}
		params[name] = value
		if rest, ok = strings.CutPrefix(after, ", "); !ok && after != "" {
			t.Fatalf("challenge %q: %q after a parameter", text, after)
		}
		if !ok {
			rest = ""
		}
	}
	return params
}

// wantHeaders checks that the answer has these headers and no others.
func wantHeaders(t testing.TB, s *Stream, want map[string]string) {
	t.Helper()
	if s.Local() == nil {
		t.Fatalf("got %s", describe(s))
	}
	got := map[string]string{}
	for _, kv := range s.Local().Headers {
		if _, twice := got[kv[0]]; twice {
			t.Errorf("header %s is there twice", kv[0])
		}
		got[kv[0]] = kv[1]
	}
	if !maps.Equal(got, want) {
		t.Errorf("headers\n%s, want\n%s", toJSON(got), toJSON(want))
	}
}

// documents are what an authorization server has at each path. A path that is
// not there is answered with 404.
type documents map[string]string

// answer answers all pending callouts from these documents, and those that
// the answers lead to.
func (d documents) answer(h *Host) {
	for len(h.Callouts()) > 0 {
		c := h.Callouts()[0]
		if text, ok := d[c.Path()]; ok {
			c.Answer("200", Headers{{"content-type", "application/json"}}, []byte(text))
		} else {
			c.Answer("404", nil, []byte("not found"))
		}
	}
}

// run lets time pass while these documents are served.
func (d documents) run(h *Host, duration time.Duration) {
	d.answer(h)
	h.Run(duration, func() { d.answer(h) })
}

package discovery

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	"mcpauth/config"
	"mcpauth/internal/callout"
)

// process is a host of several workers over one map of shared data, with the rules of
// proxy-wasm's compare-and-swap, and one authorization server.
type process struct {
	now     callout.UnixMilli
	data    map[string]value
	cas     uint32
	serve   map[string]string // documents by path; any other path is 404
	asked   []string
	pending []func()
	log     []string
}

type value struct {
	data []byte
	cas  uint32
}

func (p *process) Now() callout.UnixMilli { return p.now }
func (p *process) Info(m string)          { p.log = append(p.log, m) }
func (p *process) Warn(m string)          { p.log = append(p.log, m) }

func (p *process) Load(name string) ([]byte, uint32) {
	v := p.data[name]
	return bytes.Clone(v.data), v.cas
}

func (p *process) Store(name string, data []byte, cas uint32) bool {
	if v, ok := p.data[name]; ok && cas != 0 && cas != v.cas {
		return false
	}
	p.cas++
	p.data[name] = value{bytes.Clone(data), p.cas}
	return true
}

func (p *process) Send(_ string, r callout.Request, done func(*callout.Response)) error {
	path := r.Headers[slices.IndexFunc(r.Headers, func(h [2]string) bool { return h[0] == ":path" })][1]
	p.asked = append(p.asked, path)
	p.pending = append(p.pending, func() {
		response := callout.Response{Status: 404}
		if text, ok := p.serve[path]; ok {
			response = callout.Response{Status: 200, Body: []byte(text), Size: len(text)}
		}
		done(&response)
	})
	return nil
}

func (p *process) answer() {
	for len(p.pending) > 0 {
		next := p.pending[0]
		p.pending = p.pending[1:]
		next()
	}
}

const (
	issuer    = "https://auth.example.com"
	oauthPath = "/.well-known/oauth-authorization-server"
	oidcPath  = "/.well-known/openid-configuration"
)

func start(t *testing.T) (*process, *Client, *Client) {
	t.Helper()
	p := &process{now: 1_800_000_000_000, data: map[string]value{}, serve: map[string]string{}}
	server := &config.AuthorizationServer{Issuer: issuer, Cluster: "auth"}
	return p, New(server, false, p), New(server, false, p)
}

// One search serves all workers, and both endpoints of the document, for an hour.
func TestEndpointsAreShared(t *testing.T) {
	p, a, b := start(t)
	p.serve[oauthPath] = `{"issuer":"` + issuer + `","jwks_uri":"` + issuer + `/keys","introspection_endpoint":"` + issuer + `/ask"}`
	var got Result
	a.Search(JWKS, func(r Result) { got = r })
	p.answer()
	if got.Err != nil || got.Endpoint.Raw != issuer+"/keys" || got.From != issuer+oauthPath {
		t.Fatalf("%+v", got)
	}
	if b.TakeTurn(Introspection, time.Second) {
		t.Error("a worker searches for an endpoint that another has found")
	}
	for e, want := range map[Endpoint]string{JWKS: "/keys", Introspection: "/ask"} {
		if u, fresh := b.Endpoint(e); u == nil || u.Raw != issuer+want || fresh != MaxAge {
			t.Errorf("endpoint %d: %v, %v", e, u, fresh)
		}
	}
	p.now = p.now.Add(MaxAge)
	if u, fresh := b.Endpoint(Introspection); u == nil || fresh != 0 {
		t.Errorf("after an hour: %v, %v", u, fresh)
	}
	if !b.TakeTurn(Introspection, time.Minute) || a.TakeTurn(Introspection, time.Minute) {
		t.Error("after an hour one worker searches")
	}
	b.Forget(JWKS)
	a.Load()
	if u, _ := a.Endpoint(JWKS); u != nil {
		t.Errorf("%s is forgotten by one worker alone", u.Raw)
	}
}

// A search goes on until a document has the endpoint that is wanted; what it finds on
// the way is not taken.
func TestSearchGoesOn(t *testing.T) {
	p, a, _ := start(t)
	p.serve[oauthPath] = `{"issuer":"` + issuer + `","jwks_uri":"` + issuer + `/other"}`
	p.serve[oidcPath] = `{"issuer":"` + issuer + `","jwks_uri":"` + issuer + `/keys","introspection_endpoint":"` + issuer + `/ask"}`
	a.Search(Introspection, func(r Result) {
		if r.Err != nil || r.Endpoint.Raw != issuer+"/ask" {
			t.Errorf("%+v", r)
		}
	})
	p.answer()
	if u, _ := a.Endpoint(JWKS); u == nil || u.Raw != issuer+"/keys" {
		t.Errorf("%v", u)
	}
	if want := []string{oauthPath, oidcPath}; !slices.Equal(p.asked, want) {
		t.Errorf("asked %q, want %q", p.asked, want)
	}
}

// A search that is stopped asks nothing more and has no result.
func TestStop(t *testing.T) {
	p, a, _ := start(t)
	a.Search(JWKS, func(r Result) { t.Errorf("%+v", r) }).Stop()
	p.answer()
	if len(p.asked) != 1 {
		t.Errorf("asked %q", p.asked)
	}
}

// A search ends in time, and says why each URL gave nothing.
func TestSearchFails(t *testing.T) {
	p, a, _ := start(t)
	p.serve[oauthPath] = `{"issuer":"https://other.example.com"}`
	var got Result
	a.Search(JWKS, func(r Result) { got = r })
	p.now = p.now.Add(maxSearch)
	p.answer()
	if got.Err == nil || !strings.Contains(got.Err.Error(), "names the issuer") || !strings.Contains(got.Err.Error(), "took too long") {
		t.Errorf("%v", got.Err)
	}
	if len(p.asked) != 1 {
		t.Errorf("asked %q", p.asked)
	}
}

// No value under the record's name does harm.
func FuzzRecord(f *testing.F) {
	r := record{cannotRegister: true, document: "{}"}
	r.found[JWKS].url = issuer
	f.Add(r.encode())
	f.Add([]byte(layout))
	f.Fuzz(func(t *testing.T, b []byte) {
		if r, ok := decode(b); ok && !bytes.Equal(r.encode(), b) {
			t.Error("decode is not the inverse of encode")
		}
	})
}

package controlplane

import (
	"context"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"sync"
	"testing"
	"time"

	"mcpauth/envoy-example/mcpserver"
)

// probeHeader marks requests that must not reach the MCP server.
const probeHeader = "X-Probe"

// Upstream stands before the MCP server and records what reaches it.
type Upstream struct {
	// Addr is where it listens.
	Addr string

	mu     sync.Mutex
	last   *http.Request
	count  int
	leaked []Leak
}

// Leak is a request without a valid token that reached the MCP server.
type Leak struct {
	At     time.Time
	Probe  string
	Header http.Header
}

func newUpstream(t testing.TB, addr string) *Upstream {
	t.Helper()
	server, err := mcpserver.StartWithSessions(nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	l, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	u := &Upstream{Addr: l.Addr().String()}
	proxy := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: server.Addr()})
	proxy.FlushInterval = -1
	front := &http.Server{ReadHeaderTimeout: 10 * time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		u.record(r)
		w.Header().Set(upstreamHeader, "mcp")
		proxy.ServeHTTP(w, r)
	})}
	go front.Serve(l)
	t.Cleanup(func() { front.Close() })
	return u
}

func (u *Upstream) record(r *http.Request) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.count++
	u.last = r.Clone(context.Background())
	u.last.Body = nil
	if probe := r.Header.Get(probeHeader); probe != "" {
		u.leaked = append(u.leaked, Leak{time.Now(), probe, r.Header.Clone()})
	}
}

// Last returns the last request that reached the server, without its body, or nil.
func (u *Upstream) Last() *http.Request {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.last
}

// Requests returns how many requests have reached the server.
func (u *Upstream) Requests() int {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.count
}

// leaks returns the recorded leaks from index on.
func (u *Upstream) leaks(index int) []Leak {
	u.mu.Lock()
	defer u.mu.Unlock()
	return append([]Leak(nil), u.leaked[index:]...)
}

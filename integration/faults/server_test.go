package faults

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"mcpauth/jwtlite"
)

const keysPath, metadataPath = "/jwks", "/.well-known/oauth-authorization-server"

// get returns status 0 if no whole answer came in time.
func get(t *testing.T, s *Server, path string, limit time.Duration) (status int, body []byte) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.Addr()+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	res, err := transport.RoundTrip(req)
	if err != nil {
		return 0, nil
	}
	defer res.Body.Close()
	if body, err = io.ReadAll(res.Body); err != nil {
		return 0, nil
	}
	return res.StatusCode, body
}

// TestFaults: a fault that fails in another way than it says, or whose document
// nobody would fall for, would prove nothing.
func TestFaults(t *testing.T) {
	s, err := Start()
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for f, want := range map[Fault]struct {
		status     int
		set, trust bool // the keys are a key set; the metadata is the issuer's
	}{
		None: {200, true, true}, Late: {200, true, true}, Hang: {}, ServerError: {500, true, true}, HTML: {200, false, false},
		Truncated: {200, false, false}, Cut: {}, Empty: {200, false, false}, OtherIssuer: {status: 404, set: true},
		Huge: {200, false, true}, ManyKeys: {200, false, true}, Drip: {}, Redirect: {status: 302},
	} {
		s.Set(f)
		limit := time.Minute
		if f == Hang || f == Drip {
			limit = 300 * time.Millisecond
		}
		status, body := get(t, s, keysPath, limit)
		if status != want.status {
			t.Errorf("%v: status %d of the keys, want %d", f, status, want.status)
		}
		if _, _, err := jwtlite.ParseKeySet(body); (err == nil) != want.set {
			t.Errorf("%v: the keys: %v", f, err)
		}
		_, body = get(t, s, metadataPath, limit)
		var metadata struct{ Issuer string }
		if err := json.Unmarshal(body, &metadata); (err == nil && metadata.Issuer == s.Issuer()) != want.trust {
			t.Errorf("%v: the metadata: %v, issuer %q", f, err, metadata.Issuer)
		}
	}
}

func TestRefuseAndMove(t *testing.T) {
	s, err := Start()
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	begin, old := time.Now(), s.Addr()
	s.Refuse()
	if status, _ := get(t, s, keysPath, time.Minute); status != 0 {
		t.Errorf("status %d of a server that refuses connections", status)
	}
	if err := s.Move(); err != nil {
		t.Fatal(err)
	}
	if status, _ := get(t, s, keysPath, time.Minute); status != 200 || s.Addr() == old {
		t.Errorf("status %d at %s, once %s", status, s.Addr(), old)
	}
	if c, err := net.Dial("tcp", old); err == nil {
		c.Close()
		t.Error("the old address accepts connections")
	}
	if keys, metadata := Documents(s.Seen(begin)); keys != 1 || metadata != 0 {
		t.Errorf("%d requests for keys and %d for metadata were seen, want one and none", keys, metadata)
	}
}

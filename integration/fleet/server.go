package main

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"mcpauth/envoy-example/authserver"
)

// A kind of request is what a proxy asks the authorization server for.
type kind int

const (
	metadata kind = iota
	keys
	introspection
	kinds
)

// The paths of keys and introspection. Everything else is metadata.
const (
	keysPath          = "/jwks"
	introspectionPath = "/introspect"
)

// authServer is one authorization server that the proxies of a fleet reach by doors of
// their own, so that it can tell their requests apart.
type authServer struct {
	*authserver.Server

	mu           sync.Mutex
	cacheControl string // of the keys
	doors        []*door
	keySets      map[string][]byte // served instead of the current one, by path
	thinks       time.Duration     // before it answers about a token
}

// A door is an address of the authorization server.
type door struct {
	server *authServer
	addr   string
	http   *http.Server

	mu    sync.Mutex
	times [kinds][]time.Time // of the requests
}

func startAuthServer() (*authServer, error) {
	s, err := authserver.Start(authserver.Options{})
	if err != nil {
		return nil, err
	}
	return &authServer{Server: s, cacheControl: "max-age=300", keySets: map[string][]byte{}}, nil
}

// open adds a door.
func (s *authServer) open() (*door, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("authorization server: %w", err)
	}
	d := &door{server: s, addr: l.Addr().String()}
	d.http = &http.Server{Handler: d, ReadHeaderTimeout: 10 * time.Second}
	go d.http.Serve(l)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.doors = append(s.doors, d)
	return d, nil
}

func (s *authServer) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, d := range s.doors {
		d.http.Close()
	}
	s.Server.Close()
}

// setCacheControl chooses the Cache-Control header of the keys.
func (s *authServer) setCacheControl(value string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cacheControl = value
}

// think makes the server take a time for each answer about a token.
func (s *authServer) think(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.thinks = d
}

// freeze makes a path serve the present key set from now on.
func (s *authServer) freeze(path string) {
	set := s.KeySet()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keySets[path] = set
}

// opaquePrefix begins the opaque tokens for which the server vouches.
const opaquePrefix = "opaque-"

func (d *door) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s, what := d.server, metadata
	switch {
	case strings.HasSuffix(r.URL.Path, keysPath):
		what = keys
	case r.URL.Path == introspectionPath:
		what = introspection
	}
	d.mu.Lock()
	d.times[what] = append(d.times[what], time.Now())
	d.mu.Unlock()
	switch what {
	case metadata:
		s.ServeHTTP(w, r)
	case keys:
		s.mu.Lock()
		set, cacheControl := s.keySets[r.URL.Path], s.cacheControl
		s.mu.Unlock()
		if set == nil {
			set = s.KeySet()
		}
		w.Header().Set("Content-Type", "application/jwk-set+json")
		w.Header().Set("Cache-Control", cacheControl)
		w.Write(set)
	case introspection:
		s.introspect(w, r)
	}
}

// introspect vouches for the tokens of a prefix (RFC 7662, section 2.2).
func (s *authServer) introspect(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	thinks := s.thinks
	s.mu.Unlock()
	time.Sleep(thinks)
	answer := map[string]any{"active": false}
	if strings.HasPrefix(r.FormValue("token"), opaquePrefix) {
		answer = map[string]any{
			"active": true, "iss": s.Issuer(), "sub": authserver.User, "aud": resource, "client_id": "test-client",
			"scope": "read:notes write:notes", "exp": time.Now().Add(time.Hour).Unix(),
		}
	}
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(answer)
}

// A tally counts requests by kind.
type tally [kinds]int

// seen counts the requests since a time.
func (d *door) seen(since time.Time) tally {
	d.mu.Lock()
	defer d.mu.Unlock()
	var n tally
	for what, times := range d.times {
		for _, t := range times {
			if !t.Before(since) {
				n[what]++
			}
		}
	}
	return n
}

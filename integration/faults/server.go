// Package faults is an authorization server that fails on demand, for the fault
// suite in the folder suite: it refuses connections, hangs, serves broken or
// hostile documents, rotates its keys and moves to another address, and it
// remembers every request with its time.
package faults

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"mcpauth/envoy-example/authserver"
	"mcpauth/envoy-example/loopback"
)

// Server serves the metadata and the keys of an authorization server, the way
// that its [Fault] says, at an address of its own: the issuer stays the same
// wherever the server moves.
type Server struct {
	// Auth holds the keys and mints the tokens.
	Auth *authserver.Server

	foreign []byte        // a key set of an attacker
	ended   chan struct{} // closed by Close

	mu           sync.Mutex
	ports        []*loopback.Port // the last one is in use; the others stay taken
	http         *http.Server     // nil: connections are refused
	fault        Fault
	cacheControl string
	seen         []Request
}

// Request is one that the server has had.
type Request struct {
	Path string
	Time time.Time
	// Fault is how it was answered.
	Fault Fault
}

// Start starts a server without faults that accepts connections.
func Start() (*Server, error) {
	auth, err := authserver.Start(authserver.Options{})
	if err != nil {
		return nil, err
	}
	s := &Server{Auth: auth, ended: make(chan struct{}), cacheControl: "max-age=300"}
	if s.foreign, err = auth.ForeignKeySet(); err == nil {
		if err = s.reserve(); err == nil {
			err = s.Accept()
		}
	}
	if err != nil {
		s.Close()
		return nil, fmt.Errorf("faulty authorization server: %w", err)
	}
	return s, nil
}

func (s *Server) reserve() error {
	port, err := loopback.Reserve(0)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ports = append(s.ports, port)
	return nil
}

// Issuer returns the issuer identifier.
func (s *Server) Issuer() string { return s.Auth.Issuer() }

// Addr returns where the server is to be found now, as host:port.
func (s *Server) Addr() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ports[len(s.ports)-1].Addr()
}

// Set chooses the fault of all answers from now on. Answers under way keep
// theirs: a request that hangs goes on hanging.
func (s *Server) Set(f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault = f
}

// SetCacheControl chooses the Cache-Control header of good key sets.
func (s *Server) SetCacheControl(value string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cacheControl = value
}

// Refuse closes all connections and refuses new ones.
func (s *Server) Refuse() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.http != nil {
		s.http.Close()
		s.http = nil
	}
}

// Accept ends Refuse.
func (s *Server) Accept() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.http != nil {
		return nil
	}
	l, err := s.ports[len(s.ports)-1].Listen()
	if err != nil {
		return err
	}
	s.http = &http.Server{Handler: http.HandlerFunc(s.serve), ReadHeaderTimeout: 10 * time.Second}
	go s.http.Serve(l)
	return nil
}

// Move goes to another address and refuses connections at the old one.
func (s *Server) Move() error {
	s.Refuse()
	if err := s.reserve(); err != nil {
		return err
	}
	return s.Accept()
}

// Close ends the server.
func (s *Server) Close() {
	s.Refuse()
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case <-s.ended:
		return
	default:
	}
	close(s.ended)
	s.Auth.Close()
	for _, p := range s.ports {
		p.Release()
	}
}

// Seen returns the requests that the server has had since a time, oldest first.
func (s *Server) Seen(since time.Time) []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []Request
	for _, r := range s.seen {
		if !r.Time.Before(since) {
			list = append(list, r)
		}
	}
	return list
}

// Documents counts, among requests, those for keys and those for metadata.
func Documents(requests []Request) (keys, metadata int) {
	for _, r := range requests {
		if isMetadata(r.Path) {
			metadata++
		} else {
			keys++
		}
	}
	return keys, metadata
}

func isMetadata(path string) bool { return strings.Contains(path, "/.well-known/") }

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	fault, cacheControl := s.fault, s.cacheControl
	s.seen = append(s.seen, Request{r.URL.Path, time.Now(), fault})
	s.mu.Unlock()
	if !s.fail(fault, w, r) {
		return
	}
	if isMetadata(r.URL.Path) {
		s.Auth.ServeHTTP(w, r)
		return
	}
	w.Header().Set("Content-Type", "application/jwk-set+json")
	w.Header().Set("Cache-Control", cacheControl)
	w.Write(s.Auth.KeySet())
}

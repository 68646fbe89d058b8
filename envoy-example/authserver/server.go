package authserver

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/ory/fosite"
)

// User is the subject of all tokens from the authorization code grant.
const User = "alice"

// Options are the settings of a [Server]. The zero value is ready to use.
type Options struct {
	// Listener is where the server listens; nil means a free port of 127.0.0.1.
	Listener net.Listener
	// Origin is the scheme and authority of the issuer, for example
	// "https://auth.example.com", where a proxy or [Server.ServeHTTP] serves it. Empty
	// means http and the listener's address.
	Origin string
	// Path is the path of the issuer, for example "/tenant1". Empty means an
	// issuer without a path.
	Path string
	// Scopes are those that the server knows and that the metadata lists. The
	// default is read:notes and write:notes. If offline_access is among them, only
	// clients that are granted it get refresh tokens, as with oidc-provider and
	// Ory Hydra; else all that registered the grant type do, as with Keycloak.
	Scopes []string
	// LenientScopes lets clients ask for each of Scopes, whatever they registered.
	// Without it a client that registers a scope is held to it (RFC 7591 section
	// 2), as with Keycloak, Ory Hydra and oidc-provider. A client that registers
	// none may ask for all in both cases, as with Keycloak.
	LenientScopes bool
	// Consent takes the place of the page where the user chooses what a client gets. It
	// returns the granted scopes of the requested ones (RFC 6749 section
	// 3.3). By default all are granted.
	Consent func(Authorization) []string
	// NoRefreshTokens makes clients register without the grant type refresh_token,
	// whatever they say (RFC 7591 section 3.2.1).
	NoRefreshTokens bool
	// Resources are the values of the resource parameter that the server knows,
	// compared byte for byte; others are refused with invalid_target (RFC 8707
	// section 2). nil stands for all.
	Resources []string
	// Algorithm signs the issued tokens: "RS256", the default, or "ES256".
	// The key set holds a key for each of the two in any case.
	Algorithm string
	// DefaultResource is the audience of tokens that are asked for without a
	// resource parameter, as clients of MCP 2025-03-26 do. Without it such
	// requests are refused with invalid_target.
	DefaultResource string
	// Clients are the confidential clients known from the start, for the client
	// credentials grant.
	Clients []Client
	// Opaque makes the issued access tokens opaque. Resource servers then use the
	// introspection endpoint.
	Opaque bool
	// NoRegistration leaves the registration endpoint out: clients are those of
	// Clients only, as with many providers.
	NoRegistration bool
	// NoIssuerParameter leaves the issuer out of authorization responses: RFC
	// 9207 is not supported.
	NoIssuerParameter bool
	// TokenLifetime of access tokens; the default is one hour.
	TokenLifetime time.Duration
}

// Authorization is what a client asks for in an authorization request.
type Authorization struct {
	ClientID, State string
	Scopes          []string
}

// Client is a confidential client that may use the client credentials grant
// with every scope of the server and, if it has redirect URIs, the authorization
// code grant.
type Client struct {
	ID, Secret   string
	RedirectURIs []string
	// AuthMethod is the one way in which it authenticates: client_secret_basic,
	// the default, or client_secret_post.
	AuthMethod string
}

// Server is a running authorization server.
type Server struct {
	issuer  string
	options Options
	oauth   fosite.OAuth2Provider
	config  *fosite.Config
	store   *store
	keys    *keyRing
	http    *http.Server

	mu        sync.Mutex
	requests  map[string]int
	secrets   int
	overrides map[string]http.Handler
}

// Start starts a server. It listens when Start returns.
func Start(o Options) (*Server, error) {
	if o.Listener == nil {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, fmt.Errorf("authorization server: %w", err)
		}
		o.Listener = l
	}
	if len(o.Scopes) == 0 {
		o.Scopes = []string{"read:notes", "write:notes"}
	}
	o.Algorithm = cmp.Or(o.Algorithm, "RS256")
	o.TokenLifetime = cmp.Or(o.TokenLifetime, time.Hour)
	o.Path = strings.TrimSuffix(o.Path, "/")
	keys, err := newKeyRing()
	if err != nil {
		return nil, fmt.Errorf("authorization server: %w", err)
	}
	if !keys.has(o.Algorithm) {
		return nil, fmt.Errorf("authorization server: no key for algorithm %q", o.Algorithm)
	}
	s := &Server{
		issuer:    cmp.Or(o.Origin, "http://"+o.Listener.Addr().String()) + o.Path,
		options:   o,
		keys:      keys,
		store:     newStore(),
		requests:  map[string]int{},
		overrides: map[string]http.Handler{},
	}
	secret := make([]byte, 32)
	rand.Read(secret)
	s.composeProvider(secret)
	for _, c := range o.Clients {
		if err := s.addConfidentialClient(c); err != nil {
			return nil, fmt.Errorf("authorization server: %w", err)
		}
	}
	s.http = &http.Server{Handler: s.handler(), ReadHeaderTimeout: 10 * time.Second}
	go s.http.Serve(o.Listener)
	return s, nil
}

// Issuer returns the issuer identifier: the iss of every token.
func (s *Server) Issuer() string { return s.issuer }

// Addr returns the address that the server listens on, as host:port.
func (s *Server) Addr() string { return s.options.Listener.Addr().String() }

// Endpoint returns the URL of one of the server's endpoints: "authorize",
// "token", "revoke", "register", "introspect" or "jwks".
func (s *Server) Endpoint(name string) string { return s.issuer + "/" + name }

// ServeHTTP answers a request that came in by another listener than the
// server's own.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.http.Handler.ServeHTTP(w, r)
}

// Close ends the server and its open connections at once, as if it had been
// killed.
func (s *Server) Close() error { return s.http.Close() }

// handler routes the endpoints. The metadata has three addresses, because
// clients of an issuer with a path look in all three: RFC 8414 section 3.1
// (path inserted, both suffixes) and OpenID Connect Discovery section 4 (path
// appended).
func (s *Server) handler() http.Handler {
	p := s.options.Path
	mux := http.NewServeMux()
	for _, path := range s.metadataPaths() {
		mux.HandleFunc("GET "+path, s.serveMetadata)
	}
	mux.HandleFunc("GET "+p+"/jwks", s.serveKeys)
	mux.HandleFunc("GET "+p+"/authorize", s.serveAuthorize)
	mux.HandleFunc("POST "+p+"/authorize", s.serveAuthorize)
	mux.HandleFunc("POST "+p+"/token", s.serveToken)
	mux.HandleFunc("POST "+p+"/revoke", s.serveRevoke)
	if !s.options.NoRegistration {
		mux.HandleFunc("POST "+p+"/register", s.serveRegister)
	}
	mux.HandleFunc("POST "+p+"/introspect", s.serveIntrospect)
	return s.observe(allowCrossOrigin(mux))
}

func (s *Server) metadataPaths() []string {
	p := s.options.Path
	return slices.Compact([]string{
		"/.well-known/oauth-authorization-server" + p,
		"/.well-known/openid-configuration" + p,
		p + "/.well-known/openid-configuration",
	})
}

// allowCrossOrigin lets clients that run in a browser read every answer (the
// endpoints use no cookies, so there is nothing to protect) and answers their
// preflights.
func allowCrossOrigin(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Access-Control-Allow-Origin", "*")
		if r.Method == http.MethodOptions {
			h.Set("Access-Control-Allow-Methods", "GET, POST, OPTIONS")
			h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, MCP-Protocol-Version")
			h.Set("Access-Control-Max-Age", "3600")
			w.WriteHeader(http.StatusNoContent)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// observe counts the requests and lets [Server.Override] replace endpoints.
func (s *Server) observe(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.requests[r.URL.Path]++
		override := s.overrides[r.URL.Path]
		s.mu.Unlock()
		if override != nil {
			override.ServeHTTP(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// Requests returns how many requests the server has had for a path, for
// example "/jwks".
func (s *Server) Requests(path string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.requests[path]
}

// Secrets returns how many token requests were granted to confidential clients:
// to those that came with the client's secret.
func (s *Server) Secrets() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.secrets
}

// Override makes h answer every request for a path in the place of the server,
// for example to fail or to serve a broken document. A nil h ends that.
func (s *Server) Override(path string, h http.Handler) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.overrides[path] = h
}

// addConfidentialClient stores a client with its secret hashed.
func (s *Server) addConfidentialClient(c Client) error {
	hash, err := s.config.GetSecretsHasher(context.Background()).Hash(context.Background(), []byte(c.Secret))
	if err != nil {
		return err
	}
	client := &fosite.DefaultClient{
		ID: c.ID, Secret: hash,
		GrantTypes: []string{"client_credentials"},
		Scopes:     s.options.Scopes,
	}
	method := cmp.Or(c.AuthMethod, "client_secret_basic")
	if c.RedirectURIs != nil {
		client.RedirectURIs, client.ResponseTypes = c.RedirectURIs, []string{"code"}
		client.GrantTypes = append(client.GrantTypes, "authorization_code", "refresh_token")
	}
	s.store.addClient(client, method)
	return nil
}

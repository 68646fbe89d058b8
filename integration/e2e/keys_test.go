package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"mcpauth/envoy-example/authserver"
	"mcpauth/envoy-example/loopback"
	"mcpauth/envoy-example/mcpserver"
)

// recovery is how long the gateway may take to notice that keys are to be had:
// its longest back-off is 30 s, and the machine may be busy.
const recovery = 2 * time.Minute

// keyStage is a stage for one test whose authorization server can be stopped.
func keyStage(t *testing.T, s *stage, o authserver.Options) *stage {
	t.Helper()
	var err error
	own := &stage{version: s.version, binary: s.binary}
	if own.auth, err = authserver.Start(o); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { own.auth.Close() })
	if own.mcp, err = mcpserver.Start(nil); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { own.mcp.Close() })
	return own
}

func (s *stage) notesConfig() string {
	return toJSON(object{
		"authorization_servers": []object{{"issuer": s.auth.Issuer(), "cluster": "auth"}},
		"resources":             []object{{"resource": notes, "required_scopes": []string{"read:notes"}}},
	})
}

func (s *stage) minted(algorithm string) string {
	return s.auth.Mint(authserver.Token{Algorithm: algorithm, Resource: notes, Scope: "read:notes"})
}

// passes says what is wrong with the answer to a good token, or "".
func passes(g *gateway, token string) string {
	a, err := g.send(toolCall(http1, "/notes", bearer(token)))
	if err != nil {
		return err.Error()
	}
	if a.status != http.StatusOK {
		return fmt.Sprintf("status %d, challenge %s, body %.200q", a.status, a.challenge(), a.body)
	}
	return ""
}

// TestGatewayStartsBeforeTheAuthorizationServer: without keys nobody gets in,
// nobody is told that the token is bad, and the gateway finds the keys by
// itself once they are there.
func TestGatewayStartsBeforeTheAuthorizationServer(t *testing.T) {
	onEach(t, func(t *testing.T, s *stage) {
		port, err := loopback.Reserve(0)
		if err != nil {
			t.Fatal(err)
		}
		defer port.Release()
		l, err := port.Listen()
		if err != nil {
			t.Fatal(err)
		}
		own := keyStage(t, s, authserver.Options{Listener: l})
		config, options := own.notesConfig(), own.options(own.notesConfig())
		own.auth.Close() // nobody listens now
		g := own.start(t, options)

		if a := g.do(t, request{path: "/notes"}); a.status != http.StatusUnauthorized {
			t.Errorf("without a token: status %d, want 401 (no key is needed to say that)", a.status)
		}
		if a := g.do(t, request{path: wellKnown + "/notes"}); a.status != http.StatusOK {
			t.Errorf("metadata: status %d, want 200", a.status)
		}
		if a := g.do(t, request{path: "/notes", header: bearer("garbage")}); a.status != http.StatusUnauthorized {
			t.Errorf("a token that no key can make good: status %d, want 401", a.status)
		}
		start := time.Now()
		a := g.do(t, toolCall(http1, "/notes", bearer(own.minted("RS256"))))
		if a.status != http.StatusServiceUnavailable || a.header.Get("Retry-After") == "" || a.challenge() != "" || a.errorCode() != "temporarily_unavailable" {
			t.Errorf("without keys: status %d, headers %v, body %.200q", a.status, a.header, a.body)
		}
		if held := time.Since(start); held > 20*time.Second {
			t.Errorf("held for %v", held)
		}
		if n := own.mcp.Requests(); n != 0 {
			t.Errorf("%d requests reached the MCP server", n)
		}

		if l, err = port.Listen(); err != nil {
			t.Fatal(err)
		}
		if own.auth, err = authserver.Start(authserver.Options{Listener: l}); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { own.auth.Close() })
		if own.notesConfig() != config {
			t.Fatal("the second authorization server has another issuer")
		}
		eventually(t, recovery, func() string { return passes(g, own.minted("ES256")) })
	})
}

// TestRequestsAreHeldDuringTheFirstFetch: a gateway that has just started
// decides about a request when the keys are there, not before. Where the plugin
// is shown bodies of requests that it has stopped, they do not go on either.
func TestRequestsAreHeldDuringTheFirstFetch(t *testing.T) {
	t.Run("usual", func(t *testing.T) { testRequestsAreHeld(t, false) })
	t.Run("allow_on_headers_stop_iteration", func(t *testing.T) { testRequestsAreHeld(t, true) })
}

func testRequestsAreHeld(t *testing.T, headersStopIteration bool) {
	onEach(t, func(t *testing.T, s *stage) {
		own := keyStage(t, s, authserver.Options{})
		held := make(chan struct{})
		release := sync.OnceFunc(func() { close(held) })
		defer release()
		own.auth.Override("/jwks", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			<-held
			w.Write(own.auth.KeySet())
		}))
		o := own.options(own.notesConfig())
		o.HeadersStopIteration = headersStopIteration
		g := own.start(t, o)
		const n = 20
		answers := make(chan string, n)
		for i := range n {
			p := protocols[i%2]
			go func() {
				a, err := g.send(toolCall(p, "/notes", bearer(own.minted("ES256"))))
				if err != nil {
					answers <- err.Error()
				} else {
					answers <- fmt.Sprint(a.status)
				}
			}()
		}
		eventually(t, recovery, func() string {
			if own.auth.Requests("/jwks") == 0 {
				return "the keys have not been asked for"
			}
			return ""
		})
		select {
		case a := <-answers:
			t.Fatalf("answered before the keys were there: %s", a)
		case <-time.After(time.Second):
		}
		if n := own.mcp.Requests(); n != 0 {
			t.Errorf("%d requests have reached the server", n)
		}
		release()
		for range n {
			if a := <-answers; a != "200" {
				t.Errorf("held request: %s, want 200", a)
			}
		}
		if n := own.auth.Requests("/jwks"); n != 1 {
			t.Errorf("%d fetches of the keys by two workers and the main thread, want 1", n)
		}
	})
}

// TestKeyLifecycle goes through what happens to keys while the gateway runs:
// broken documents, unknown kids, rotation, the end of the server.
func TestKeyLifecycle(t *testing.T) {
	onEach(t, func(t *testing.T, s *stage) {
		own := keyStage(t, s, authserver.Options{})
		g := own.start(t, own.options(own.notesConfig()))
		eventually(t, recovery, func() string { return passes(g, own.minted("RS256")) })

		t.Run("hostile key sets change nothing", func(t *testing.T) { hostileKeySets(t, own, g) })
		t.Run("unknown kids do not hammer the server", func(t *testing.T) { unknownKeyIDs(t, own, g) })
		t.Run("rotation", func(t *testing.T) {
			old := own.minted("RS256")
			if err := own.auth.Rotate(false); err != nil {
				t.Fatal(err)
			}
			for _, algorithm := range []string{"RS256", "ES256"} {
				eventually(t, recovery, func() string { return passes(g, own.minted(algorithm)) })
			}
			// A key that the server has withdrawn is good for nothing any more.
			eventually(t, recovery, func() string {
				if passes(g, old) == "" {
					return "a token of the withdrawn key still passes"
				}
				return ""
			})
		})
		t.Run("the server goes away", func(t *testing.T) {
			own.auth.Close()
			for i := range 50 {
				if problem := passes(g, own.minted([]string{"RS256", "ES256"}[i%2])); problem != "" {
					t.Fatal(problem)
				}
			}
			a := g.do(t, toolCall(http1, "/notes", bearer(own.auth.Mint(authserver.Token{Resource: notes, Header: object{"kid": "unknown"}}))))
			if a.status != http.StatusServiceUnavailable { // nobody knows whether there is such a key
				t.Errorf("unknown kid: status %d", a.status)
			}
			if problem := passes(g, own.minted("RS256")); problem != "" {
				t.Error(problem)
			}
		})
	})
}

func hostileKeySets(t *testing.T, s *stage, g *gateway) {
	defer s.auth.Override("/jwks", nil)
	manyKeys := `{"keys":[` + strings.TrimSuffix(strings.Repeat(`{"kty":"oct","kid":"x","k":"AA"},`, 10_000), ",") + `]}`
	for name, serve := range map[string]http.HandlerFunc{
		"not JSON":     text(200, "<html>sorry</html>"),
		"10 MB":        text(200, `{"keys":[],"x":"`+longText(10<<20)+`"}`),
		"10,000 keys":  text(200, manyKeys),
		"no keys":      text(200, `{"keys":[]}`),
		"wrong types":  text(200, `{"keys":{"kty":["RSA"],"n":1,"e":null}}`),
		"broken keys":  text(200, `{"keys":[{"kty":"RSA","kid":"a","n":"!!","e":"AQAB"},{"kty":"EC","crv":"P-256","x":"AA","y":"AA"},7,null]}`),
		"server error": text(500, string(s.auth.KeySet())),
		"empty":        text(200, ""),
		"redirect": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/elsewhere", http.StatusFound)
		},
	} {
		s.auth.Override("/jwks", serve)
		before := s.auth.Requests("/jwks")
		// An unknown kid makes the gateway ask again, at most every 5 s.
		eventually(t, recovery, func() string {
			g.send(toolCall(http1, "/notes", bearer(s.auth.Mint(authserver.Token{Resource: notes, Header: object{"kid": "other-" + name}}))))
			if s.auth.Requests("/jwks") == before {
				return name + ": the key set has not been fetched"
			}
			return ""
		})
		for _, algorithm := range []string{"RS256", "ES256"} {
			for range 8 { // both workers get some
				if problem := passes(g, s.minted(algorithm)); problem != "" {
					t.Errorf("after %s: %s", name, problem)
				}
			}
		}
	}
}

func text(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		w.Write([]byte(body))
	}
}

func unknownKeyIDs(t *testing.T, s *stage, g *gateway) {
	// After fetches that failed the next comes up to 30 s later; until then nobody
	// knows whether a key is unknown.
	i := 0
	eventually(t, 40*time.Second, func() string {
		i++
		token := s.auth.Mint(authserver.Token{Algorithm: "ES256", Resource: notes, Scope: "read:notes", Header: object{"kid": fmt.Sprint("before-", i)}})
		if a, err := g.send(toolCall(http1, "/notes", bearer(token))); err != nil || a.status != http.StatusUnauthorized {
			return fmt.Sprintf("unknown kid: %v, %+v", err, a)
		}
		return ""
	})
	before, start := s.auth.Requests("/jwks"), time.Now()
	// Each waits for a fetch that begins after it: all at once, or it takes long.
	var wg sync.WaitGroup
	for i := range 300 {
		wg.Go(func() {
			token := s.auth.Mint(authserver.Token{Algorithm: "ES256", Resource: notes, Scope: "read:notes", Header: object{"kid": fmt.Sprint("random-", i)}})
			a, err := g.send(toolCall(protocols[i%2], "/notes", bearer(token)))
			if err != nil || a.status != http.StatusUnauthorized {
				t.Errorf("unknown kid: %v, %+v", err, a)
			}
		})
	}
	wg.Wait()
	if n, most := s.auth.Requests("/jwks")-before, int(time.Since(start)/(5*time.Second))+2; n > most {
		t.Errorf("%d fetches of the key set in %v, want at most %d", n, time.Since(start), most)
	}
}

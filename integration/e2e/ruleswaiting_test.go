package e2e

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"mcpauth/envoy-example/authserver"
	"mcpauth/envoy-example/envoy"
)

// onEachAsking runs a test on a gateway with rules whose authorization server is
// asked about each token, and answers when it is released. A token is its scopes,
// with "+" between them, and a number that makes it new.
func onEachAsking(t *testing.T, test func(t *testing.T, g *ruled, asked, release chan struct{})) {
	onEach(t, func(t *testing.T, s *stage) {
		for name, stops := range map[string]bool{"headers go on": false, "headers stop": true} {
			t.Run(name, func(t *testing.T) {
				own := keyStage(t, s, authserver.Options{Opaque: true})
				g := &ruled{stage: own, server: startRecorder(t), stops: stops}
				server := object{"issuer": own.auth.Issuer(), "cluster": "auth",
					"introspection": object{"client_id": "gateway", "client_secret": "secret", "endpoint": own.auth.Endpoint("introspect")}}
				o := own.options(toJSON(object{
					"authorization_servers":           []object{server},
					"allow_on_headers_stop_iteration": stops,
					"resources": []object{{
						"resource": notes, "required_scopes": []string{"read:notes"}, "max_body_bytes": 512 << 10,
						"tools": object{"delete_note": []string{"write:notes"}},
					}},
				}))
				o.HeadersStopIteration = stops
				o.Clusters[0] = envoy.ClusterAt("mcp", g.server.listener.Addr().String())
				asked, release := make(chan struct{}), make(chan struct{})
				own.auth.Override("/introspect", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					scope, _, _ := strings.Cut(r.PostFormValue("token"), ".")
					for _, c := range []chan struct{}{asked, release} {
						select {
						case c <- struct{}{}:
						case <-r.Context().Done():
							return
						}
					}
					w.Header().Set("Content-Type", "application/json")
					io.WriteString(w, toJSON(object{"active": true, "iss": own.auth.Issuer(), "aud": notes, "sub": "alice", "scope": strings.NewReplacer("+", " ", "~", ":").Replace(scope)}))
				}))
				g.gateway = own.start(t, o)
				test(t, g, asked, release)
			})
		}
	})
}

// TestRulesWhileAServerIsAsked: a body that comes, in part or whole, while the
// request waits for what its server says about the token, is decided on after
// that, and goes on as it was sent.
func TestRulesWhileAServerIsAsked(t *testing.T) {
	onEachAsking(t, func(t *testing.T, g *ruled, asked, release chan struct{}) {
		n := 0
		for _, p := range protocols {
			for _, before := range []string{"nothing", "half", "all"} {
				for _, size := range []int{0, 300 << 10} { // what Envoy takes while it waits, and more
					for scope, status := range map[string]int{"read~notes": 403, "read~notes+write~notes": 200} {
						for _, trailer := range []http.Header{nil, {"X-Checksum": {"1"}}} {
							t.Run(fmt.Sprintf("%s/%s/%d/%d/%d trailers", p, before, size, status, len(trailer)), func(t *testing.T) {
								text := tool("delete_note")
								text += strings.Repeat(" ", max(0, size-len(text)))
								first := map[string]int{"half": len(text) / 2, "all": len(text)}[before]
								n++
								g.server.forget()
								body, answered := g.postTrailers(t, p, fmt.Sprint(scope, ".", n), trailer)
								sent := make(chan struct{})
								go func() {
									defer close(sent)
									io.WriteString(body, text[:first])
									if before == "all" {
										body.Close()
									}
								}()
								<-asked
								time.Sleep(50 * time.Millisecond)
								if _, got := g.server.seen(); got != "" {
									t.Errorf("%d bytes have reached the server", len(got))
								}
								<-release
								<-sent
								io.WriteString(body, text[first:])
								body.Close()
								if a := answered(); a.status != status {
									t.Errorf("status %d, want %d", a.status, status)
								}
								if _, got := g.server.seen(); status == 200 && got != text || status != 200 && got != "" {
									t.Errorf("%d bytes have reached the server, of %d", len(got), len(text))
								}
							})
						}
					}
				}
			}
		}
	})
}

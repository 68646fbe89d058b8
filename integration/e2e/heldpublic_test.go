package e2e

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"mcpauth/envoy-example/authserver"
	"mcpauth/envoy-example/envoy"
)

// startHeldPublic is startHeldBodies for a resource with public operations, no rules and
// an audit trail.
func startHeldPublic(t *testing.T, s *stage, stops bool) *heldBodies {
	own := keyStage(t, s, authserver.Options{Opaque: true})
	g := &heldBodies{server: startRecorder(t), questions: questions{asked: map[string]chan struct{}{}, release: map[string]chan struct{}{}}}
	o := own.options(toJSON(object{
		"authorization_servers": []object{{"issuer": own.auth.Issuer(), "cluster": "auth",
			"introspection": object{"client_id": "gateway", "client_secret": "secret", "endpoint": own.auth.Endpoint("introspect")}}},
		"allow_on_headers_stop_iteration": stops,
		"audit":                           true,
		"resources":                       []object{{"resource": notes, "public": object{"methods": []string{"initialize"}}}},
	}))
	logFormat, _, _ := auditExamples(t)
	o.HeadersStopIteration, o.AccessLog = stops, toJSON(logFormat)
	o.Clusters[0] = envoy.ClusterAt("mcp", g.server.listener.Addr().String())
	own.auth.Override("/introspect", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked, release := g.about(r.PostFormValue("token"))
		close(asked)
		select {
		case <-release:
		case <-r.Context().Done():
			return
		}
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, toJSON(object{"active": true, "iss": own.auth.Issuer(), "aud": notes, "sub": "alice"}))
	}))
	g.gateway = own.start(t, o)
	return g
}

// TestAuditOfHeldBodies: a request that waits for the decision on its token and whose body
// is then not needed goes on with all of it, and the audit trail has its operation,
// whatever part of the body came during the wait.
func TestAuditOfHeldBodies(t *testing.T) {
	onEach(t, func(t *testing.T, s *stage) {
		for name, stops := range map[string]bool{"headers go on": false, "headers stop": true} {
			t.Run(name, func(t *testing.T) {
				g := startHeldPublic(t, s, stops)
				n := 0
				for _, f := range []framing{sized, chunked, stream2} {
					for _, first := range []string{"nothing", "half", "all"} {
						text := calling("delete_note")
						size := map[string]int{"half": len(text) / 2, "all": len(text)}[first]
						t.Run(string(f)+"/"+first, func(t *testing.T) {
							token := fmt.Sprint("write.", n)
							g.server.forget()
							asked, release := g.about(token)
							rest := make(chan struct{})
							ctx, cancel := context.WithTimeout(t.Context(), heldAnswerTime+time.Second)
							defer cancel()
							done := make(chan error, 1)
							go func() {
								status, err := g.post(ctx, f, token, text, size, rest)
								if err == nil && status != 200 {
									err = fmt.Errorf("status %d", status)
								}
								done <- err
							}()
							<-asked
							time.Sleep(50 * time.Millisecond) // for the body to come
							close(release)
							time.Sleep(300 * time.Millisecond) // for the request to go on
							close(rest)
							if err := <-done; err != nil {
								t.Error(err)
							}
							if _, got := g.server.seen(); got != text {
								t.Errorf("the server has %q of %q", got, text)
							}
							line := logLine(t, g.gateway, n)
							n++
							if line["rpc_method"] != "tools/call" || line["target"] != "delete_note" || line["unread"] != nil || line["outcome"] != "passed" {
								t.Error(strings.TrimSpace(toJSON(line)))
							}
						})
					}
				}
			})
		}
	})
}

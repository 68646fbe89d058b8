package e2e

import (
	"bufio"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"mcpauth/envoy-example/authserver"
	"mcpauth/envoy-example/envoy"
)

// recorder is a server that tells what of each request has reached it, also of
// those that never come to an end.
type recorder struct {
	listener net.Listener
	http     *http.Server
	events   chan struct{} // one for each event that its streams may send

	mu       sync.Mutex
	requests int
	body     strings.Builder // of all requests
	trailer  http.Header     // of the last
}

func startRecorder(t *testing.T) *recorder {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &recorder{listener: l, events: make(chan struct{})}
	r.http = &http.Server{Handler: r, ReadHeaderTimeout: 10 * time.Second}
	go r.http.Serve(l)
	t.Cleanup(func() { r.http.Close() })
	return r
}

// ServeHTTP reads the body and answers GET, and a request whose body has
// "stream", with a stream of events.
func (r *recorder) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	r.mu.Lock()
	r.requests++
	r.mu.Unlock()
	var whole strings.Builder
	if req.Header.Get("Upgrade") != "" {
		echo(w)
		return
	}
	buffer := make([]byte, 4096)
	for {
		n, err := req.Body.Read(buffer)
		r.mu.Lock()
		r.body.Write(buffer[:n])
		r.mu.Unlock()
		whole.Write(buffer[:n])
		if err != nil {
			break
		}
	}
	r.mu.Lock()
	r.trailer = req.Trailer.Clone()
	r.mu.Unlock()
	if req.Method != http.MethodGet && !strings.Contains(whole.String(), "stream") {
		io.WriteString(w, `{"jsonrpc":"2.0","id":1,"result":{}}`)
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	w.WriteHeader(http.StatusOK)
	w.(http.Flusher).Flush()
	for i := range 3 {
		select {
		case <-r.events:
		case <-req.Context().Done():
			return
		}
		fmt.Fprintf(w, "data: %d\n\n", i)
		w.(http.Flusher).Flush()
	}
}

// echo upgrades a connection, and sends back what comes.
func echo(w http.ResponseWriter) {
	c, rest, err := w.(http.Hijacker).Hijack()
	if err != nil {
		return
	}
	defer c.Close()
	io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
	io.Copy(c, rest)
}

// seen returns how many requests have come, and all of their bodies.
func (r *recorder) seen() (requests int, body string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.requests, r.body.String()
}

// lastTrailer returns the trailers of the last request.
func (r *recorder) lastTrailer() http.Header {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.trailer
}

func (r *recorder) forget() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.requests, r.trailer = 0, nil
	r.body.Reset()
}

const maxRuledBody = 64 << 10

func (s *stage) ruledConfig(stops bool, more object) string {
	resource := object{
		"resource": notes, "required_scopes": []string{"read:notes"}, "max_body_bytes": maxRuledBody,
		"tools":   object{"delete_note": []string{"write:notes"}},
		"methods": object{"prompts/*": []string{"write:notes"}},
	}
	maps.Copy(resource, more)
	return toJSON(object{
		"authorization_servers":           []object{{"issuer": s.auth.Issuer(), "cluster": "auth"}},
		"allow_on_headers_stop_iteration": stops,
		"resources":                       []object{resource, {"resource": open}},
	})
}

// ruled is a gateway with rules in front of a recorder.
type ruled struct {
	*gateway
	stage  *stage
	server *recorder
	stops  bool   // allow_on_headers_stop_iteration
	read   string // tokens with one scope and with both
	write  string
	open   string // for a resource with no rules
}

// onEachRuled runs a test on every version, with
// allow_on_headers_stop_iteration on and off.
func onEachRuled(t *testing.T, test func(t *testing.T, g *ruled)) {
	onEachRuledWith(t, nil, test)
}

// onEachRuledWith does the same with more members of the resource, and then with
// WebSocket connections let through and Envoy's checks of header names off.
func onEachRuledWith(t *testing.T, more object, test func(t *testing.T, g *ruled)) {
	onEach(t, func(t *testing.T, s *stage) {
		for name, stops := range map[string]bool{"headers go on": false, "headers stop": true} {
			t.Run(name, func(t *testing.T) {
				own := keyStage(t, s, authserver.Options{})
				g := &ruled{stage: own, server: startRecorder(t), stops: stops}
				o := own.options(own.ruledConfig(stops, more))
				o.HeadersStopIteration, o.Lenient, o.Upgrades = stops, more != nil, more != nil
				o.Clusters[0] = envoy.ClusterAt("mcp", g.server.listener.Addr().String())
				g.gateway = own.start(t, o)
				g.read = own.auth.Mint(authserver.Token{Resource: notes, Scope: "read:notes"})
				g.write = own.auth.Mint(authserver.Token{Resource: notes, Scope: "read:notes write:notes"})
				g.open = own.auth.Mint(authserver.Token{Resource: open})
				eventually(t, recovery, func() string { return passes(g.gateway, g.read) })
				g.server.forget()
				test(t, g)
			})
		}
	})
}

func tool(name string) string {
	return `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"` + name + `","arguments":{}}}`
}

// post sends a request whose body the test writes piece by piece.
func (g *ruled) post(t *testing.T, p protocol, token string, more ...string) (body *io.PipeWriter, answered func() *answer) {
	t.Helper()
	return g.postTrailers(t, p, token, nil, more...)
}

// postTrailers does the same with trailers.
func (g *ruled) postTrailers(t *testing.T, p protocol, token string, trailer http.Header, more ...string) (body *io.PipeWriter, answered func() *answer) {
	t.Helper()
	r, w := io.Pipe()
	req, err := http.NewRequest(http.MethodPost, "http://"+g.Addr()+"/notes", r)
	if err != nil {
		t.Fatal(err)
	}
	req.Host, req.Trailer = "mcp.example.com", trailer
	req.Header = bearer(token, append([]string{"Content-Type", "application/json", "Accept", "application/json, text/event-stream"}, more...)...)
	done := make(chan *answer, 1)
	go func() {
		res, err := clients[p].Do(req)
		if err != nil {
			done <- &answer{body: err.Error()}
			return
		}
		defer res.Body.Close()
		text, _ := io.ReadAll(res.Body)
		done <- &answer{res.StatusCode, res.Header, string(text)}
	}()
	return w, func() *answer {
		t.Helper()
		select {
		case a := <-done:
			return a
		case <-time.After(requestTimeout):
			t.Fatal("no answer")
			return nil
		}
	}
}

// wantNothing checks that no byte of a body has reached the server, and no
// headers where they are stopped. No time is asked of what has to happen: what
// must not happen gets some to show.
func (g *ruled) wantNothing(t *testing.T) {
	t.Helper()
	requests, body := g.server.seen()
	if body != "" || g.stops && requests != 0 {
		t.Errorf("%d requests and of their bodies %.200q have reached the server", requests, body)
	}
}

// TestRulesByTheBody: nothing of a request reaches the server before its body
// is decided on, however it comes, and all of it does after.
func TestRulesByTheBody(t *testing.T) {
	onEachRuled(t, func(t *testing.T, g *ruled) {
		for _, p := range protocols {
			for _, c := range []struct {
				name, token, body string
				status            int
			}{
				{"granted", g.write, tool("delete_note"), 200},
				{"not granted", g.read, tool("delete_note"), 403},
				{"no rule", g.read, tool("list_notes"), 200},
				{"a batch", g.read, "[" + tool("list_notes") + "," + tool("delete_note") + "]", 403},
				{"malformed", g.write, tool("list_notes") + "}", 400},
				{"large", g.read, strings.Replace(tool("list_notes"), "{}", `"`+strings.Repeat("x", maxRuledBody-200)+`"`, 1), 200},
				{"too large", g.write, strings.Replace(tool("list_notes"), "{}", `"`+strings.Repeat("x", 4*maxRuledBody)+`"`, 1), 413},
			} {
				t.Run(fmt.Sprintf("%s/%s", p, c.name), func(t *testing.T) {
					g.server.forget()
					body, answered := g.post(t, p, c.token)
					for i, size := 0, len(c.body)/3+1; i < len(c.body); i += size {
						time.Sleep(100 * time.Millisecond)
						g.wantNothing(t)
						if _, err := io.WriteString(body, c.body[i:min(i+size, len(c.body))]); err != nil {
							break // an answer has come first
						}
					}
					body.Close()
					a := answered()
					if a.status != c.status {
						t.Fatalf("status %d, want %d: %s", a.status, c.status, a.body)
					}
					if c.status != 200 {
						g.wantNothing(t)
						if c.status == 403 && !strings.Contains(a.challenge(), `error="insufficient_scope", scope="read:notes write:notes"`) {
							t.Errorf("challenge %s", a.challenge())
						}
						return
					}
					if n, got := g.server.seen(); n != 1 || got != c.body {
						t.Errorf("%d requests, %d bytes of body reached the server, want %d", n, len(got), len(c.body))
					}
				})
			}
		}
	})
}

// TestRulesByTheHeaders: where the headers say what is asked for, the answer
// comes before the body, and nothing reaches the server in either mode.
func TestRulesByTheHeaders(t *testing.T) {
	onEachRuled(t, func(t *testing.T, g *ruled) {
		current := []string{"MCP-Protocol-Version", "2026-07-28", "Mcp-Method", "tools/call"}
		for _, p := range protocols {
			for _, c := range []struct {
				name, token string
				header      []string
				status      int
			}{
				{"a rule", g.read, append(current, "Mcp-Name", "delete_note"), 403},
				{"encoded", g.read, append(current, "Mcp-Name", "=?base64?ZGVsZXRlX25vdGU=?="), 403},
				{"malformed", g.write, append(current, "Mcp-Name", "=?base64?ZGVsZXRlX25vdGU?="), 400},
				{"twice", g.write, append(current, "Mcp-Name", "list_notes", "Mcp-Name", "list_notes"), 400},
				{"compressed", g.write, []string{"Content-Encoding", "gzip"}, 415},
			} {
				t.Run(fmt.Sprintf("%s/%s", p, c.name), func(t *testing.T) {
					g.server.forget()
					body, answered := g.post(t, p, c.token, c.header...)
					defer body.Close()
					if a := answered(); a.status != c.status {
						t.Errorf("status %d, want %d: %s", a.status, c.status, a.body)
					}
					if n, _ := g.server.seen(); n != 0 {
						t.Error("the request has reached the server")
					}
				})
			}
			t.Run(fmt.Sprintf("%s/a lie", p), func(t *testing.T) {
				g.server.forget()
				r := toolCall(p, "/notes", bearer(g.read, append(current, "Mcp-Name", "list_notes")...))
				r.body = tool("delete_note")
				if a := g.do(t, r); a.status != 400 || !strings.Contains(string(a.body), `{"code":-32020,`) {
					t.Errorf("status %d, %s", a.status, a.body)
				}
				g.wantNothing(t)
				r.body = tool("list_notes")
				if a := g.do(t, r); a.status != 200 {
					t.Errorf("the truth: status %d, %s", a.status, a.body)
				}
			})
		}
	})
}

// TestStreamsOfRuledResources: answers come as the server sends them, and the
// GET stream of a session stays open.
func TestStreamsOfRuledResources(t *testing.T) {
	onEachRuled(t, func(t *testing.T, g *ruled) {
		for _, p := range protocols {
			for _, method := range []string{http.MethodGet, http.MethodPost} {
				t.Run(fmt.Sprintf("%s/%s", p, method), func(t *testing.T) {
					var body io.Reader
					if method == http.MethodPost {
						body = strings.NewReader(tool("stream"))
					}
					req, err := http.NewRequest(method, "http://"+g.Addr()+"/notes", body)
					if err != nil {
						t.Fatal(err)
					}
					req.Host, req.Header = "mcp.example.com", bearer(g.read, "Content-Type", "application/json", "Accept", "text/event-stream")
					res, err := clients[p].Do(req)
					if err != nil {
						t.Fatal(err)
					}
					defer res.Body.Close()
					if res.StatusCode != http.StatusOK {
						t.Fatalf("status %d", res.StatusCode)
					}
					lines := bufio.NewReader(res.Body)
					for i := range 3 { // each is sent when the one before has come
						g.server.events <- struct{}{}
						line, err := lines.ReadString('\n')
						if want := fmt.Sprintf("data: %d\n", i); err != nil || line != want {
							t.Fatalf("%q, %v, want %q", line, err, want)
						}
						lines.ReadString('\n')
					}
				})
			}
		}
	})
}

// TestRulesAndTrailers: a body that ends with trailers is decided on as well,
// and Expect: 100-continue gets its answer before the body.
func TestRulesAndTrailers(t *testing.T) {
	onEachRuled(t, func(t *testing.T, g *ruled) {
		for name, status := range map[string]int{"list_notes": 200, "delete_note": 403} {
			for _, p := range protocols {
				t.Run(fmt.Sprintf("%s/%s", p, name), func(t *testing.T) {
					g.server.forget()
					body := io.MultiReader(strings.NewReader(tool(name)[:30]), strings.NewReader(tool(name)[30:]))
					req := &http.Request{
						Method: http.MethodPost, URL: &url.URL{Scheme: "http", Host: g.Addr(), Path: "/notes"}, Host: "mcp.example.com",
						Header: bearer(g.read, "Content-Type", "application/json"), Body: io.NopCloser(body), ContentLength: -1,
						Trailer: http.Header{"X-Checksum": {"1"}, "Authorization": {"x"}},
					}
					res, err := clients[p].Do(req)
					if err != nil {
						t.Fatal(err)
					}
					res.Body.Close()
					if res.StatusCode != status {
						t.Errorf("status %d, want %d", res.StatusCode, status)
					}
					if status != 200 {
						g.wantNothing(t)
					} else if _, got := g.server.seen(); got != tool(name) || g.server.lastTrailer().Get("Authorization") != "" {
						t.Errorf("body %q, trailers %v", got, g.server.lastTrailer())
					}
				})
			}
			t.Run("100-continue/"+name, func(t *testing.T) {
				g.server.forget()
				c, err := net.Dial("tcp", g.Addr())
				if err != nil {
					t.Fatal(err)
				}
				defer c.Close()
				c.SetDeadline(time.Now().Add(requestTimeout))
				fmt.Fprintf(c, "POST /notes HTTP/1.1\r\nHost: mcp.example.com\r\nAuthorization: Bearer %s\r\nExpect: 100-continue\r\nContent-Length: %d\r\n\r\n", g.read, len(tool(name)))
				lines := bufio.NewReader(c)
				if line, err := lines.ReadString('\n'); err != nil || !strings.Contains(line, " 100 ") {
					t.Fatalf("%q, %v", line, err)
				}
				lines.ReadString('\n')
				io.WriteString(c, tool(name))
				res, err := http.ReadResponse(lines, nil)
				if err != nil {
					t.Fatal(err)
				}
				res.Body.Close()
				if res.StatusCode != status {
					t.Errorf("status %d, want %d", res.StatusCode, status)
				}
			})
		}
	})
}

// TestLargeBodiesAndEnvoysBuffer: over HTTP/1.1 Envoy itself keeps no more of a
// body than per_connection_buffer_limit_bytes, 1 MiB by default, and answers 413
// beyond; over HTTP/2 max_body_bytes alone counts.
func TestLargeBodiesAndEnvoysBuffer(t *testing.T) {
	onEach(t, func(t *testing.T, s *stage) {
		for name, stops := range map[string]bool{"headers go on": false, "headers stop": true} {
			t.Run(name, func(t *testing.T) {
				own := keyStage(t, s, authserver.Options{})
				g := &ruled{server: startRecorder(t), stops: stops}
				o := own.options(own.ruledConfig(stops, object{"max_body_bytes": 4 << 20}))
				o.HeadersStopIteration = stops
				o.Clusters[0] = envoy.ClusterAt("mcp", g.server.listener.Addr().String())
				g.gateway = own.start(t, o)
				token := own.auth.Mint(authserver.Token{Resource: notes, Scope: "read:notes"})
				eventually(t, recovery, func() string { return passes(g.gateway, token) })
				for _, c := range []struct {
					proto        protocol
					size, status int
				}{{http1, 1 << 20, 200}, {http1, 1<<20 + 1, 413}, {http1, 5 << 20, 413}, {http2, 4 << 20, 200}, {http2, 4<<20 + 1, 413}} {
					g.server.forget()
					r := toolCall(c.proto, "/notes", bearer(token))
					r.body = tool("list_notes")
					r.body += strings.Repeat(" ", c.size-len(r.body))
					a, err := g.send(r)
					if err != nil {
						// The answer came, and the end of the connection with it,
						// while the client was still sending.
						if c.status == 200 {
							t.Errorf("%s, %d bytes: %v", c.proto, c.size, err)
						}
					} else if a.status != c.status {
						t.Errorf("%s, %d bytes: status %d, want %d", c.proto, c.size, a.status, c.status)
					}
					if c.status != 200 {
						g.wantNothing(t)
					} else if _, body := g.server.seen(); len(body) != c.size {
						t.Errorf("%s, %d bytes: %d have reached the server", c.proto, c.size, len(body))
					}
				}
			})
		}
	})
}

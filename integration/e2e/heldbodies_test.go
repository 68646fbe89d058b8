package e2e

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"strings"
	"sync"
	"testing"
	"time"

	"mcpauth/envoy-example/authserver"
	"mcpauth/envoy-example/envoy"
)

// heldAnswerTime is how soon a request is answered once its token is decided on,
// or once Envoy has had more of its body than it keeps.
const heldAnswerTime = 5 * time.Second

// questions are those about tokens that an authorization server has been asked
// and has not answered.
type questions struct {
	mu      sync.Mutex
	asked   map[string]chan struct{}
	release map[string]chan struct{}
}

// about returns what is closed when a token has been asked about, and what to close
// for the answer.
func (q *questions) about(token string) (asked, release chan struct{}) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.asked[token] == nil {
		q.asked[token], q.release[token] = make(chan struct{}), make(chan struct{})
	}
	return q.asked[token], q.release[token]
}

// heldBodies is a gateway whose authorization server answers about each token when
// the test lets it. A token's first word says what the answer is.
type heldBodies struct {
	*gateway
	questions
	server *recorder
}

func startHeldBodies(t *testing.T, s *stage, stops bool, bufferLimit, maxBody int) *heldBodies {
	own := keyStage(t, s, authserver.Options{Opaque: true})
	g := &heldBodies{server: startRecorder(t), questions: questions{asked: map[string]chan struct{}{}, release: map[string]chan struct{}{}}}
	o := own.options(toJSON(object{
		"authorization_servers": []object{{"issuer": own.auth.Issuer(), "cluster": "auth",
			"introspection": object{"client_id": "gateway", "client_secret": "secret", "endpoint": own.auth.Endpoint("introspect")}}},
		"allow_on_headers_stop_iteration": stops,
		"resources": []object{{
			"resource": notes, "required_scopes": []string{"read:notes"}, "max_body_bytes": maxBody,
			"tools": object{"delete_note": []string{"write:notes"}},
		}},
	}))
	o.HeadersStopIteration, o.BufferLimit = stops, bufferLimit
	o.Clusters[0] = envoy.ClusterAt("mcp", g.server.listener.Addr().String())
	own.auth.Override("/introspect", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token := r.PostFormValue("token")
		asked, release := g.about(token)
		close(asked)
		select {
		case <-release:
		case <-r.Context().Done():
			return
		}
		w.Header().Set("Content-Type", "application/json")
		answer := object{"active": true, "iss": own.auth.Issuer(), "aud": notes, "sub": "alice", "scope": "read:notes"}
		switch word, _, _ := strings.Cut(token, "."); word {
		case "write":
			answer["scope"] = "read:notes write:notes"
		case "inactive":
			answer["active"] = false
		case "outage":
			w.WriteHeader(http.StatusInternalServerError)
		}
		io.WriteString(w, toJSON(answer))
	}))
	g.gateway = own.start(t, o)
	return g
}

// framing is how a body is sent.
type framing string

const (
	sized   framing = "HTTP/1.1, Content-Length"
	chunked framing = "HTTP/1.1, chunked"
	stream2 framing = "HTTP/2"
)

// post sends a body, the first bytes of it at once and the rest when it is let on,
// and returns the status of the answer, which may come before the end of the body.
func (g *heldBodies) post(ctx context.Context, f framing, token, text string, first int, goOn <-chan struct{}) (status int, err error) {
	if f == stream2 {
		r, w := io.Pipe()
		go func() {
			io.WriteString(w, text[:first])
			<-goOn
			io.WriteString(w, text[first:])
			w.Close()
		}()
		defer r.Close()
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+g.Addr()+"/notes", r)
		if err != nil {
			return 0, err
		}
		req.Host, req.Header = "mcp.example.com", bearer(token, "Content-Type", "application/json")
		res, err := clients[http2].Do(req)
		if err != nil {
			return 0, err
		}
		res.Body.Close()
		return res.StatusCode, nil
	}
	c, err := net.Dial("tcp", g.Addr())
	if err != nil {
		return 0, err
	}
	defer c.Close()
	defer context.AfterFunc(ctx, func() { c.Close() })()
	head := "POST /notes HTTP/1.1\r\nHost: mcp.example.com\r\nContent-Type: application/json\r\nAuthorization: Bearer " + token + "\r\n"
	go func() {
		if f == sized {
			fmt.Fprintf(c, "%sContent-Length: %d\r\n\r\n%s", head, len(text), text[:first])
			<-goOn
			io.WriteString(c, text[first:])
			return
		}
		io.WriteString(c, head+"Transfer-Encoding: chunked\r\n\r\n")
		w := httputil.NewChunkedWriter(c)
		io.WriteString(w, text[:first])
		<-goOn
		io.WriteString(w, text[first:])
		w.Close()
		io.WriteString(c, "\r\n")
	}()
	res, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return 0, err
	}
	return res.StatusCode, nil
}

// TestBodiesOfHeldRequests: whatever comes of a body while its request waits for the
// decision on its token, and however it comes, the request has the right answer soon,
// and none hangs. A body above what Envoy keeps of it gets 413.
func TestBodiesOfHeldRequests(t *testing.T) {
	for _, c := range []struct {
		name          string
		bufferLimit   int // of Envoy's configuration
		kept, maxBody int // by Envoy and by the plugin
		sizes         []int
		framings      []framing
	}{
		{"64 KiB buffer", 64 << 10, 64 << 10, 256 << 10, []int{1 << 10, 64 << 10, 64<<10 + 1, 80 << 10, 256 << 10, 256<<10 + 1, 1 << 20}, []framing{sized, chunked, stream2}},
		{"small max_body_bytes", 64 << 10, 64 << 10, 32 << 10, []int{32 << 10, 32<<10 + 1, 128 << 10}, []framing{sized, chunked, stream2}},
		{"default buffer", 0, 1 << 20, 4 << 20, []int{1 << 20, 1<<20 + 1, 3 << 20}, []framing{sized, chunked}},
		{"default window", 0, 16 << 20, 4 << 20, []int{1 << 20, 4 << 20, 4<<20 + 1}, []framing{stream2}},
	} {
		limit := min(c.maxBody, c.kept)
		t.Run(c.name, func(t *testing.T) {
			onEach(t, func(t *testing.T, s *stage) {
				for name, stops := range map[string]bool{"headers go on": false, "headers stop": true} {
					t.Run(name, func(t *testing.T) {
						g := startHeldBodies(t, s, stops, c.bufferLimit, c.maxBody)
						n := 0
						for _, f := range c.framings {
							for _, size := range c.sizes {
								for _, before := range []string{"nothing", "half", "all"} {
									for word, status := range map[string]int{"write": 200, "read": 403, "inactive": 401, "outage": 503} {
										if word != "write" && before != "all" {
											continue
										}
										n++
										t.Run(fmt.Sprintf("%s/%d/%s/%s", f, size, before, word), func(t *testing.T) {
											g.held(t, f, fmt.Sprint(word, ".", n), size, before, status, limit, c.maxBody)
										})
									}
								}
							}
						}
					})
				}
			})
		})
	}
}

func (g *heldBodies) held(t *testing.T, f framing, token string, size int, before string, status, limit, maxBody int) {
	text := tool("delete_note")
	text += strings.Repeat(" ", size-len(text))
	first := map[string]int{"half": size / 2, "all": size}[before]
	g.server.forget()
	asked, release := g.about(token)
	ctx, cancel := context.WithTimeout(t.Context(), heldAnswerTime+time.Second)
	defer cancel()
	type result struct {
		status int
		err    error
	}
	done := make(chan result, 1)
	go func() {
		status, err := g.post(ctx, f, token, text, first, release)
		done <- result{status, err}
	}()
	select {
	case <-asked:
	case <-ctx.Done():
		t.Fatal("the server is not asked")
	}
	time.Sleep(10*time.Millisecond + time.Duration(first>>20)*20*time.Millisecond) // for the body to come
	close(release)
	r := <-done
	// Envoy may give on the last bytes of a body without keeping them, and a token
	// that is bad may be refused before too much has come.
	may := size <= limit || status == 401 || status == 503 || size <= maxBody && size < limit+limit/2
	if r.err != nil || (r.status != status || !may) && (r.status != 413 || size <= limit) {
		t.Errorf("status %d, %v, want %d, or 413 above %d bytes", r.status, r.err, status, limit)
	}
	if _, got := g.server.seen(); r.status != 200 && got != "" {
		t.Errorf("%d bytes have reached the server", len(got))
	} else if r.status == 200 && got != text {
		t.Errorf("%d bytes have reached the server, of %d", len(got), size)
	}
}

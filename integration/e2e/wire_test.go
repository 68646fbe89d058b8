package e2e

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// protocol is the version of HTTP between client and gateway.
type protocol string

const (
	http1 protocol = "HTTP/1.1"
	http2 protocol = "HTTP/2"
)

var protocols = []protocol{http1, http2}

// requestTimeout is much longer than the gateway holds a request (10 s).
const requestTimeout = time.Minute

var clients = map[protocol]*http.Client{
	http1: newClient(http1),
	http2: newClient(http2),
}

func newClient(p protocol) *http.Client {
	var protocols http.Protocols
	protocols.SetHTTP1(p == http1)
	protocols.SetUnencryptedHTTP2(p == http2)
	return &http.Client{
		Timeout:   requestTimeout,
		Transport: &http.Transport{Protocols: &protocols, MaxIdleConnsPerHost: 16, DisableCompression: true},
		// A redirect is an answer of the gateway.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// request is one to the gateway. Path goes out byte by byte as it is here.
type request struct {
	proto        protocol
	method, path string // default GET, required
	host         string // default mcp.example.com
	header       http.Header
	body         string
}

type answer struct {
	status int
	header http.Header
	body   string
}

func (a *answer) challenge() string { return strings.Join(a.header.Values("WWW-Authenticate"), " | ") }

// errorCode is the error member of the JSON body, "" if there is none.
func (a *answer) errorCode() string {
	var doc struct{ Error string }
	json.Unmarshal([]byte(a.body), &doc)
	return doc.Error
}

func (g *gateway) send(r request) (*answer, error) {
	if r.proto == "" {
		r.proto = http1
	}
	if r.method == "" {
		r.method = http.MethodGet
	}
	if r.host == "" {
		r.host = "mcp.example.com"
	}
	u := &url.URL{Scheme: "http", Host: g.Addr()}
	if strings.HasPrefix(r.path, "//") {
		u.Path = r.path // Opaque would turn this one into a URL of another host
	} else {
		u.Opaque = r.path
	}
	req := &http.Request{Method: r.method, URL: u, Host: r.host, Header: http.Header{}}
	for name, values := range r.header {
		req.Header[name] = values
	}
	if r.body != "" {
		req.Body = io.NopCloser(strings.NewReader(r.body))
		req.ContentLength = int64(len(r.body))
	}
	res, err := clients[r.proto].Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	if want := map[protocol]int{http1: 1, http2: 2}[r.proto]; res.ProtoMajor != want {
		return nil, fmt.Errorf("answered over HTTP/%d, want HTTP/%d", res.ProtoMajor, want)
	}
	body, err := io.ReadAll(res.Body)
	return &answer{res.StatusCode, res.Header, string(body)}, err
}

func (g *gateway) do(t *testing.T, r request) *answer {
	t.Helper()
	a, err := g.send(r)
	if err != nil {
		t.Fatalf("%s %s %s: %v", r.proto, r.method, r.path, err)
	}
	return a
}

// raw sends bytes over TCP and reads one HTTP/1.1 answer: for requests that no
// client library agrees to send.
func (g *gateway) raw(t *testing.T, text string) *answer {
	t.Helper()
	c, err := net.Dial("tcp", g.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(requestTimeout))
	if _, err := io.WriteString(c, text); err != nil {
		t.Fatal(err)
	}
	res, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	defer res.Body.Close()
	body, _ := io.ReadAll(res.Body)
	return &answer{res.StatusCode, res.Header, string(body)}
}

// bearer returns an Authorization header, with more headers as name, value
// pairs.
func bearer(token string, more ...string) http.Header {
	return headers(append([]string{"Authorization", "Bearer " + token}, more...)...)
}

// headers keeps names as they are written and values in order.
func headers(pairs ...string) http.Header {
	h := http.Header{}
	for i := 0; i+1 < len(pairs); i += 2 {
		h[pairs[i]] = append(h[pairs[i]], pairs[i+1])
	}
	return h
}

// whoami is a tool call: what clients send most.
const whoami = `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"whoami"}}`

func toolCall(proto protocol, path string, h http.Header) request {
	r := request{proto: proto, method: http.MethodPost, path: path, header: h.Clone(), body: whoami}
	if r.header == nil {
		r.header = http.Header{}
	}
	r.header["Content-Type"] = []string{"application/json"}
	r.header["Accept"] = []string{"application/json, text/event-stream"}
	return r
}

// issued gets a token from the authorization server as a client would.
func (s *stage) issued(t *testing.T, resource, scope string) string {
	t.Helper()
	res, err := http.PostForm(s.auth.Endpoint("token"), url.Values{
		"grant_type": {"client_credentials"}, "client_id": {testClient.ID}, "client_secret": {testClient.Secret},
		"resource": {resource}, "scope": {scope},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var doc struct {
		AccessToken string `json:"access_token"`
	}
	if err := json.NewDecoder(res.Body).Decode(&doc); err != nil || doc.AccessToken == "" {
		t.Fatalf("no token: status %d, %v", res.StatusCode, err)
	}
	return doc.AccessToken
}

// eventually repeats a check until it returns "" or the time is over.
func eventually(t *testing.T, limit time.Duration, check func() string) {
	t.Helper()
	deadline := time.Now().Add(limit)
	for {
		problem := check()
		if problem == "" {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("still after %v: %s", limit, problem)
		}
		time.Sleep(100 * time.Millisecond)
	}
}

package e2e

import (
	"bufio"
	"compress/gzip"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"mcpauth/envoy-example/authserver"
	"mcpauth/envoy-example/envoy"
)

const (
	allTools   = `{"name":"list_notes"},{"name":"add_note"},{"name":"purge_all"}`
	shownTools = `{"name":"list_notes"}`
)

// toolList is a response to tools/list.
func toolList(tools string) string {
	return `{"jsonrpc":"2.0","id":1,"result":{"tools":[` + tools + `]}}`
}

// eventOf is an event of a stream.
func eventOf(message string) string {
	return "event: message\r\nid: 1\r\ndata: " + message + "\r\n\r\n"
}

// A listServer answers as the header X-Answer says.
type listServer struct {
	*httptest.Server
	answers map[string]http.HandlerFunc
}

func startListServer(t *testing.T, answers map[string]http.HandlerFunc) *listServer {
	t.Helper()
	s := &listServer{answers: answers}
	s.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if contentType := r.Header.Get("X-Early"); contentType != "" {
			w.Header().Set("Content-Type", contentType)
			http.NewResponseController(w).EnableFullDuplex()
			w.(http.Flusher).Flush()
		}
		io.Copy(io.Discard, r.Body)
		if got := r.Header.Get("Accept-Encoding"); got != "" {
			w.Header().Set("X-Accept-Encoding", got)
		}
		if answer := s.answers[r.Header.Get("X-Answer")]; answer != nil {
			answer(w, r)
		}
	}))
	s.Config.Protocols = new(http.Protocols)
	s.Config.Protocols.SetHTTP1(true)
	s.Config.Protocols.SetUnencryptedHTTP2(true)
	s.Start()
	t.Cleanup(s.Close)
	return s
}

// listAnswer answers with a body of a type, in parts of size bytes.
func listAnswer(contentType, body string, size int, more ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", contentType)
		for i := 0; i < len(more); i += 2 {
			w.Header().Set(more[i], more[i+1])
		}
		for rest := body; len(rest) > 0; {
			n := min(size, len(rest))
			io.WriteString(w, rest[:n])
			w.(http.Flusher).Flush()
			rest = rest[n:]
		}
	}
}

// filtering is a gateway behind which the lists of a server fit the caller.
type filtering struct {
	*gateway
	stage *stage
	stops bool // allow_on_headers_stop_iteration
}

// second is a resource like notes. Between Envoy and its server is HTTP/2.
const second = "https://second.example.com/notes"

// onEachFiltering runs a test on each Envoy with headers that stop and that go on.
func onEachFiltering(t *testing.T, more object, bufferLimit int, answers map[string]http.HandlerFunc, test func(t *testing.T, g *filtering)) {
	onEach(t, func(t *testing.T, s *stage) {
		server := startListServer(t, answers)
		for name, stops := range map[string]bool{"headers go on": false, "headers stop": true} {
			t.Run(name, func(t *testing.T) {
				var resources []object
				for _, resource := range []string{notes, second} {
					u, _ := url.Parse(resource)
					r := object{
						"resource": resource, "match": object{"hosts": []string{u.Host}}, "filter_lists": "all",
						"tools": object{
							"add_note": []string{"write:notes"},
							"purge_*":  object{"claims": object{"groups": "admins"}},
						},
					}
					maps.Copy(r, more)
					resources = append(resources, r)
				}
				own := keyStage(t, s, authserver.Options{})
				o := own.options(toJSON(object{
					"authorization_servers":           []object{{"issuer": own.auth.Issuer(), "cluster": "auth"}},
					"allow_on_headers_stop_iteration": stops,
					"resources":                       resources,
				}))
				o.HeadersStopIteration, o.BufferLimit = stops, bufferLimit
				address := server.Listener.Addr().String()
				o.Clusters[0] = envoy.ClusterAt("mcp", address)
				host, port, _ := strings.Cut(address, ":")
				o.Hosts = map[string]string{"second.example.com": "http2"}
				o.Extra = fmt.Sprintf(`  - name: http2
    typed_extension_protocol_options:
      envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
        "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
        explicit_http_config: {http2_protocol_options: {}}
    load_assignment: {cluster_name: http2, endpoints: [{lb_endpoints: [{endpoint: {address: {socket_address: {address: %s, port_value: %s}}}}]}]}
`, host, port)
				g := &filtering{own.start(t, o), own, stops}
				eventually(t, recovery, func() string { return passes(g.gateway, own.auth.Mint(authserver.Token{Resource: notes})) })
				test(t, g)
			})
		}
	})
}

// TestFilterLists: what becomes of responses that may have a list, in both protocols.
func TestFilterLists(t *testing.T) {
	const max = 4096
	whole, want := toolList(allTools), toolList(shownTools)
	stream := ": ping\n\n" + eventOf(`{"jsonrpc":"2.0","method":"notifications/progress"}`) + eventOf(whole)
	streamed := ": ping\n\n" + eventOf(`{"jsonrpc":"2.0","method":"notifications/progress"}`) + eventOf(want)
	const jsonType, streamType = "application/json", "text/event-stream"
	zipped := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", jsonType)
		w.Header().Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(w)
		io.WriteString(z, whole)
		z.Close()
	}
	trailing := func(contentType, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Trailer", "X-Trailer")
			listAnswer(contentType, body, 50)(w, r)
			w.Header().Set("X-Trailer", "yes")
		}
	}
	cases := []struct {
		name   string
		answer http.HandlerFunc
		want   string
		status int    // 0: 200; 502 may be a response that breaks off where headers go on
		passed string // of a stream that breaks off
	}{
		{"JSON", listAnswer(jsonType, whole, 1000, "Content-Length", strconv.Itoa(len(whole)), "Etag", `"x"`), want, 0, ""},
		{"JSON in chunks", listAnswer(jsonType, whole, 10), want, 0, ""},
		{"JSON with trailers", trailing(jsonType, whole), want, 0, ""},
		{"nothing hidden", listAnswer(jsonType, want, 10, "Content-Length", strconv.Itoa(len(want))), want, 0, ""},
		{"stream", listAnswer(streamType, stream, 1000), streamed, 0, ""},
		{"stream in chunks", listAnswer(streamType, stream, 7), streamed, 0, ""},
		{"stream with trailers", trailing(streamType, stream), streamed, 0, ""},
		{"stream with a length", listAnswer(streamType, stream, 1000, "Content-Length", strconv.Itoa(len(stream))), streamed, 0, ""},
		{"stream of one event without an end", listAnswer(streamType, "data: "+whole, 9), "data: " + want, 0, ""},
		{"large events", listAnswer(streamType, strings.Repeat(eventOf(whole), 500), 10_000), strings.Repeat(eventOf(want), 500), 0, ""},
		{"accepted", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(202); io.WriteString(w, "Accepted") }, "Accepted", 202, ""},
		{"accepted, no body", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(202) }, "", 202, ""},
		{"an error page", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			w.WriteHeader(500)
			io.WriteString(w, "<style>a{}</style>")
		}, "<style>a{}</style>", 500, ""},
		{"compressed", zipped, "", 502, ""},
		{"a part", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", streamType)
			w.WriteHeader(206)
			io.WriteString(w, whole[20:])
		}, "", 502, ""},
		{"cut short", listAnswer(jsonType, whole[:60], 1000), "", 502, ""},
		{"too large", listAnswer(jsonType, strings.Repeat(" ", max)+whole, 1000), "", 502, ""},
		{"a bad event", listAnswer(streamType, eventOf("{}")+eventOf(whole[:60])+eventOf("{}"), 1000), "", 502, ""},
		{"a bad event, later", listAnswer(streamType, stream+eventOf(whole[:60]), len(stream)), "", 502, streamed},
		{"a large event", listAnswer(streamType, stream+eventOf(strings.Repeat(" ", max)+whole), len(stream)), "", 502, streamed},
		{"a crash", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "", 503, ""},
	}
	answers := map[string]http.HandlerFunc{}
	for _, c := range cases {
		answers[c.name] = c.answer
	}
	onEachFiltering(t, object{"max_body_bytes": max}, 0, answers, func(t *testing.T, g *filtering) {
		stops := g.stops
		for _, c := range cases {
			for _, p := range protocols {
				host, resource := "mcp.example.com", notes
				if p == http2 {
					host, resource = "second.example.com", second
				}
				token := g.stage.auth.Mint(authserver.Token{Resource: resource, Scope: "read:notes"})
				for _, r := range []request{
					{method: http.MethodPost, body: `{"jsonrpc":"2.0","id":1,"method":"tools/list"}`},
					{method: http.MethodGet}, // a stream of another client
				} {
					r.proto, r.host, r.path, r.header = p, host, "/notes", bearer(token, "Content-Type", jsonType, "Accept-Encoding", "gzip", "X-Answer", c.name)
					name := fmt.Sprintf("%s, %s, %s", c.name, p, r.method)
					if r.method == http.MethodGet && !strings.Contains(c.name, "event") && !strings.HasPrefix(c.name, "stream") {
						continue
					}
					a, err := g.send(r)
					status := c.status
					if status == 0 {
						status = 200
					}
					switch {
					case c.status == 502 && a == nil:
						if stops && !strings.Contains(c.name, "event") {
							t.Errorf("%s: %v, want 502", name, err)
						}
					case c.status == 502 && err != nil:
						if a.status != 200 || !strings.HasPrefix(c.passed, a.body) || stops && !strings.Contains(c.name, "event") {
							t.Errorf("%s: status %d, %v, %q; want 502, or what comes before it of %q", name, a.status, err, a.body, c.passed)
						}
					case err != nil:
						t.Errorf("%s: %v", name, err)
					case a.status != status || a.body != c.want && status < 502:
						t.Errorf("%s: status %d, %q; want %d, %q", name, a.status, a.body, status, c.want)
					case a.header.Get("X-Accept-Encoding") != "" || a.header.Get("Etag") != "":
						t.Errorf("%s: headers %v", name, a.header)
					case a.header.Get("Content-Length") != "" && a.header.Get("Content-Length") != strconv.Itoa(len(a.body)):
						t.Errorf("%s: Content-Length %s of %d bytes", name, a.header.Get("Content-Length"), len(a.body))
					case status == 502 && a.errorCode() != "bad_gateway":
						t.Errorf("%s: body %s", name, a.body)
					}
				}
			}
		}
	})
}

// TestFilterListsOfEarlyResponses: where headers go on before the body, a server may send
// headers of its response before it has the body.
func TestFilterListsOfEarlyResponses(t *testing.T) {
	answers := map[string]http.HandlerFunc{"list": func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, toolList(allTools)) }}
	onEachFiltering(t, nil, 0, answers, func(t *testing.T, g *filtering) {
		token := g.stage.auth.Mint(authserver.Token{Resource: notes, Scope: "read:notes"})
		const body = `{"jsonrpc":"2.0","id":1,"method":"tools/list"}`
		c, err := net.Dial("tcp", g.Addr())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		c.SetDeadline(time.Now().Add(requestTimeout))
		fmt.Fprintf(c, "POST /notes HTTP/1.1\r\nHost: mcp.example.com\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nX-Answer: list\r\nX-Early: application/json\r\nContent-Length: %d\r\n\r\n", token, len(body))
		early := bufio.NewReader(c)
		if !g.stops { // the headers of the response come before the body of the request
			if _, err := early.Peek(1); err != nil {
				t.Fatal(err)
			}
		}
		io.WriteString(c, body)
		res, err := http.ReadResponse(early, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		if got, err := io.ReadAll(res.Body); err != nil || string(got) != toolList(shownTools) {
			t.Errorf("got %s, %v", got, err)
		}
	})
}

// TestFilterListsBeyondTheBuffer: Envoy keeps no more of an answer than its buffer holds. An
// event stream needs no more of it than a part.
func TestFilterListsBeyondTheBuffer(t *testing.T) {
	const limit = 65536
	tools := strings.Repeat(allTools+",", 3*limit/len(allTools)) + shownTools
	shown := strings.Repeat(shownTools+",", 3*limit/len(allTools)) + shownTools
	answers := map[string]http.HandlerFunc{
		"JSON":   listAnswer("application/json", toolList(tools), 16384),
		"stream": listAnswer("text/event-stream", eventOf(toolList(tools)), 16384),
	}
	onEachFiltering(t, nil, limit, answers, func(t *testing.T, g *filtering) {
		ask := func(kind string) (*answer, error) {
			return g.send(request{method: http.MethodPost, path: "/notes", body: `{"jsonrpc":"2.0","id":1,"method":"tools/list"}`,
				header: bearer(g.stage.auth.Mint(authserver.Token{Resource: notes, Scope: "read:notes"}), "Content-Type", "application/json", "X-Answer", kind)})
		}
		a, err := ask("JSON")
		switch {
		case g.stops && (err != nil || a.status != 500):
			t.Errorf("%+v, %v, want 500", a, err)
		case !g.stops && err == nil:
			t.Errorf("status %d, %d bytes, want a break", a.status, len(a.body))
		case a != nil && strings.Contains(a.body, "purge"):
			t.Error("hidden tools have passed")
		}
		if a, err := ask("stream"); err != nil || a.status != 200 || a.body != eventOf(toolList(shown)) {
			t.Errorf("a stream: %v, %d bytes, want %d", err, len(a.body), len(eventOf(toolList(shown))))
		}
	})
}

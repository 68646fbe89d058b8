package main

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"fortio.org/fortio/periodic"
)

// echo is a server that speaks both versions of HTTP and counts what it gets.
func echo(t *testing.T, answer func(token string) int) (address string, got map[string]int) {
	got = map[string]int{}
	var mu sync.Mutex
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token := r.Header.Get("Authorization")
		mu.Lock()
		got[r.Proto+" "+r.Method+" "+r.Host+r.URL.Path+" "+token]++
		mu.Unlock()
		w.WriteHeader(answer(strings.TrimPrefix(token, "Bearer ")))
	}))
	s.Config.Protocols = new(http.Protocols)
	s.Config.Protocols.SetHTTP1(true)
	s.Config.Protocols.SetUnencryptedHTTP2(true)
	s.Start()
	t.Cleanup(s.Close)
	return s.Listener.Addr().String(), got
}

// TestLoadSendsEachTokenInTurn: a cold token must be sent once only.
func TestLoadSendsEachTokenInTurn(t *testing.T) {
	for p, proto := range map[protocol]string{http1: "HTTP/1.1", http2c: "HTTP/2.0"} {
		for _, rate := range []float64{0, 2000} {
			address, got := echo(t, func(string) int { return http.StatusOK })
			all, err := dialAll(p, address)
			if err != nil {
				t.Fatal(err)
			}
			defer all.close()
			const n = 2 * connections
			tokens := make([]string, n)
			for i := range tokens {
				tokens[i] = strings.Repeat("x", i+1)
			}
			l := &load{form: &call, token: inTurn(tokens), status: http.StatusOK}
			o, err := l.run(t.Context(), all, 1, rate) // becomes n
			if err != nil {
				t.Fatal(err)
			}
			if o.requests != n || o.wall <= 0 {
				t.Errorf("%s: %d requests in %v", p, o.requests, o.wall)
			}
			if rate != 0 && len(o.pace.sorted()) != n {
				t.Errorf("%s: %d latencies", p, len(o.pace.sorted()))
			}
			for _, token := range tokens {
				if k := proto + " POST mcp.example.com/notes Bearer " + token; got[k] != 1 {
					t.Errorf("%s, rate %v: a token came %d times: %s", p, rate, got[k], token)
				}
			}
		}
	}
}

// TestClientChangesForm: between a call with a token and a GET without one
// nothing may stay behind.
func TestClientChangesForm(t *testing.T) {
	for p, proto := range map[protocol]string{http1: "HTTP/1.1", http2c: "HTTP/2.0"} {
		address, got := echo(t, func(string) int { return http.StatusOK })
		c, err := dial(p, address)
		if err != nil {
			t.Fatal(err)
		}
		defer c.close()
		get := &form{method: http.MethodGet, path: "/metadata"}
		for _, x := range []struct {
			f     *form
			token string
		}{{&call, "a"}, {&call, ""}, {get, ""}, {&call, "b"}} {
			if status, err := c.send(x.f, x.token, ""); err != nil || status != http.StatusOK {
				t.Fatal(status, err)
			}
		}
		for _, want := range []string{"POST mcp.example.com/notes Bearer a", "POST mcp.example.com/notes ", "GET mcp.example.com/metadata ", "POST mcp.example.com/notes Bearer b"} {
			if got[proto+" "+want] != 1 {
				t.Errorf("%s: %d times %q", p, got[proto+" "+want], want)
			}
		}
	}
}

// TestLoadFailsOnAWrongStatus: one wrong answer among thousands ends the run.
func TestLoadFailsOnAWrongStatus(t *testing.T) {
	for _, rate := range []float64{0, 2000} {
		address, _ := echo(t, func(token string) int {
			if token == "bad" {
				return http.StatusUnauthorized
			}
			return http.StatusOK
		})
		all, err := dialAll(http1, address)
		if err != nil {
			t.Fatal(err)
		}
		defer all.close()
		l := &load{form: &call, token: inTurn([]string{"good", "good", "bad"}), status: http.StatusOK}
		if _, err := l.run(t.Context(), all, 1_000_000, rate); err == nil || !strings.Contains(err.Error(), "status 401, want 200") {
			t.Errorf("rate %v: error %v", rate, err)
		}
	}
}

func TestLoadEndsWithItsContext(t *testing.T) {
	address, _ := echo(t, func(string) int { return http.StatusOK })
	all, err := dialAll(http1, address)
	if err != nil {
		t.Fatal(err)
	}
	defer all.close()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	l := &load{form: &call, token: inTurn([]string{""}), status: http.StatusOK}
	if _, err := l.run(ctx, all, 1_000_000_000, 0); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error %v", err)
	}
}

// TestPaceCountsStalls: a request that was due while the one before was under
// way counts from when it was due; one that the generator sent late does not.
func TestPaceCountsStalls(t *testing.T) {
	p := newPace(1, 4, 100) // one every 10 ms
	start := time.Now()
	at := func(ms float64) time.Time { return start.Add(time.Duration(ms * float64(time.Millisecond))) }
	for n, x := range []struct{ sent, took float64 }{
		{0, 1},
		{12, 25}, // due at 10: the generator was late; a stall until 37
		{37, 1},  // due at 20
		{38, 1},  // due at 30
		{43, 1},  // due at 40
	} {
		p.Report(t.Context(), periodic.ThreadID(0), int64(n), at(x.sent), x.took/1000, true, "")
	}
	want := []time.Duration{1, 1, 9, 18, 25}
	for i, got := range p.sorted() {
		if d := got - want[i]*time.Millisecond; d.Abs() > time.Microsecond {
			t.Errorf("latency %d: %v, want %d ms", i, got, want[i])
		}
	}
}

func TestPercentile(t *testing.T) {
	var hundred []time.Duration
	for i := range 100 {
		hundred = append(hundred, time.Duration(i+1))
	}
	for percent, want := range map[float64]time.Duration{50: 50, 99: 99, 99.9: 100, 100: 100, 0: 1} {
		if got := percentile(hundred, percent); got != want {
			t.Errorf("%v%%: %d, want %d", percent, got, want)
		}
	}
	if got := percentile(nil, 50); got != 0 {
		t.Errorf("of nothing: %d", got)
	}
}

// TestLoadSendsForms: each request has the form of its number.
func TestLoadSendsForms(t *testing.T) {
	for p, proto := range map[protocol]string{http1: "HTTP/1.1", http2c: "HTTP/2.0"} {
		address, got := echo(t, func(string) int { return http.StatusOK })
		all, err := dialAll(p, address)
		if err != nil {
			t.Fatal(err)
		}
		defer all.close()
		forms := []form{{http.MethodPost, "/a", []byte("a")}, {http.MethodPost, "/b", []byte("b")}, {http.MethodGet, "/c", nil}}
		l := &load{forms: func(i int) *form { return &forms[i%3] }, token: func(i int) string { return []string{"1", "2", "3"}[i%3] }, status: http.StatusOK}
		if _, err := l.run(t.Context(), all, 6*connections, 0); err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{"POST mcp.example.com/a Bearer 1", "POST mcp.example.com/b Bearer 2", "GET mcp.example.com/c Bearer 3"} {
			if n := got[proto+" "+want]; n != 2*connections {
				t.Errorf("%s: %d times %q", p, n, want)
			}
		}
	}
}

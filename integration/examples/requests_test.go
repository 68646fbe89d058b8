package examples

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// forged returns a header with the guard's mark, in spellings that a server may take for it.
func forged(h http.Header) http.Header {
	h = h.Clone()
	if h == nil {
		h = http.Header{}
	}
	for _, name := range []string{"x-mcpauth-verdict", "X-Mcpauth-Verdict", "x_mcpauth_verdict"} {
		h[name] = []string{"token"}
	}
	return h
}

// serves waits until a valid token passes.
func (w *world) serves(t *testing.T, scheme string) {
	t.Helper()
	client, token := w.client(1), w.token(scheme, "ready", "read:notes")
	defer client.CloseIdleConnections()
	eventually(t, func() string {
		a, err := call(client, w.resource(scheme), whoami, bearer(token))
		if err != nil || a.status != http.StatusOK {
			return fmt.Sprintf("a valid token: %+v, %v", a, err)
		}
		return ""
	})
}

// check sends what every example must answer, over both versions of HTTP.
func (w *world) check(t *testing.T, scheme string) {
	t.Helper()
	w.serves(t, scheme)
	url := w.resource(scheme)
	valid := bearer(w.token(scheme, "alice", "read:notes"))
	metadata := scheme + "://" + w.port.Addr() + "/.well-known/oauth-protected-resource/notes"
	for _, version := range []int{1, 2} {
		client := w.client(version)
		before := w.mcp.Requests()
		for name, c := range map[string]struct {
			url, body string
			header    http.Header
			status    int
		}{
			"no token":                   {url, whoami, nil, 401},
			"no token, no body":          {url, "", nil, 401},
			"forged, no token":           {url, whoami, forged(nil), 401},
			"forged, a bad token":        {url, whoami, forged(bearer("x")), 401},
			"forged, no resource":        {url + "s", whoami, forged(nil), 404},
			"metadata":                   {metadata, "", nil, 200},
			"a token without its scopes": {url, whoami, bearer(w.token(scheme, "alice", "other")), 403},
		} {
			a := mustCall(t, client, c.url, c.body, c.header)
			if a.status != c.status || a.version != version {
				t.Errorf("HTTP/%d, %s: status %d over HTTP/%d, want %d: %s", version, name, a.status, a.version, c.status, a.body)
			}
			if challenge := a.header.Get("WWW-Authenticate"); c.status == 401 && !strings.Contains(challenge, `resource_metadata="`+metadata+`"`) {
				t.Errorf("HTTP/%d, %s: the challenge is %q", version, name, challenge)
			}
			if c.url == metadata && !strings.Contains(a.body, `"resource":"`+url+`"`) {
				t.Errorf("HTTP/%d: the metadata is %s", version, a.body)
			}
		}
		if n := w.mcp.Requests() - before; n != 0 {
			t.Errorf("HTTP/%d: %d requests without a good token reached the MCP server", version, n)
		}
		for _, h := range []http.Header{valid, forged(valid)} {
			a := mustCall(t, client, url, whoami, h)
			if a.status != http.StatusOK || !strings.Contains(a.body, "You are alice.") {
				t.Errorf("HTTP/%d, a valid token: status %d, %s", version, a.status, a.body)
			}
			if got := w.mcp.Last().Header.Values("X-Mcpauth-Verdict"); !slices.Equal(got, []string{"token"}) {
				t.Errorf("HTTP/%d: the server got the verdicts %q", version, got)
			}
		}
		client.CloseIdleConnections()
	}
}

// published is the list of scopes in the metadata, which tells configurations apart.
func (w *world) published(scheme string) string {
	client := w.client(1)
	defer client.CloseIdleConnections()
	a, err := call(client, scheme+"://"+w.port.Addr()+"/.well-known/oauth-protected-resource/notes", "", nil)
	if err != nil {
		return err.Error()
	}
	var doc struct {
		Scopes []string `json:"scopes_supported"`
	}
	if err := json.Unmarshal([]byte(a.body), &doc); err != nil {
		return fmt.Sprintf("status %d, %v", a.status, err)
	}
	return strings.Join(doc.Scopes, " ")
}

// stream sends requests until it is stopped: each 2 ms one without a token, which carries
// the forged mark every other time, and one after the other with a token.
func (w *world) stream(t *testing.T, scheme string) (stop func()) {
	t.Helper()
	var mu sync.Mutex
	counts, problems := map[string]int{}, []string{}
	note := func(kind string, a *answer, err error, want int) {
		mu.Lock()
		defer mu.Unlock()
		counts[kind]++
		if err != nil || a.status != want {
			problems = append(problems, fmt.Sprintf("%s: %+v, %v", kind, a, err))
		}
	}
	done := make(chan struct{})
	var senders sync.WaitGroup
	for _, version := range []int{1, 2} {
		polls, calls := w.client(version), w.client(version)
		senders.Go(func() {
			tick := time.NewTicker(4 * time.Millisecond)
			defer tick.Stop()
			var underWay sync.WaitGroup
			for n := 0; ; n++ {
				select {
				case <-done:
					underWay.Wait()
					polls.CloseIdleConnections()
					return
				case <-tick.C:
				}
				h := http.Header{}
				if n%2 == 1 {
					h = forged(nil)
				}
				underWay.Go(func() {
					a, err := call(polls, w.resource(scheme), "", h)
					note("no token", a, err, http.StatusUnauthorized)
				})
			}
		})
		senders.Go(func() {
			defer calls.CloseIdleConnections()
			for n := 0; ; n++ {
				select {
				case <-done:
					return
				default:
				}
				// One subject sends few requests: one example has a rate limit.
				a, err := call(calls, w.resource(scheme), whoami, bearer(w.token(scheme, fmt.Sprint("user", version, n/20), "read:notes")))
				note("a valid token", a, err, http.StatusOK)
			}
		})
	}
	return func() {
		close(done)
		senders.Wait()
		t.Logf("requests: %v", counts)
		if counts["no token"] < 200 || counts["a valid token"] < 50 {
			t.Errorf("too few requests: %v", counts)
		}
		if len(problems) > 0 {
			t.Errorf("%d requests got something else, the first:\n%s", len(problems), strings.Join(problems[:min(5, len(problems))], "\n"))
		}
	}
}

package examples

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"mcpauth/envoy-example/envoy"
)

// stat returns the sum of the counters whose names match.
func stat(t *testing.T, p *envoy.Process, names string) (sum int64) {
	t.Helper()
	stats, err := p.Stats(t.Context(), names)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range stats {
		sum += n
	}
	return sum
}

// changed is an example with another list of scopes.
func changed(t *testing.T, text string) string {
	t.Helper()
	const old = `"scopes_supported": ["read:notes", "write:notes"]`
	if strings.Count(text, old) != 1 {
		t.Fatalf("not one %q in\n%s", old, text)
	}
	return strings.Replace(text, old, `"scopes_supported": ["read:notes"]`, 1)
}

// wrong is an example with a mistake in the plugin's configuration.
func wrong(text string) string {
	return strings.Replace(text, `"required_scopes"`, `"requird_scopes"`, 1)
}

const bothScopes = "read:notes write:notes"

// stage is how long requests go on between two changes of a file.
const stage = time.Second

// TestStatic: envoy.yaml, with nothing changed but addresses.
func TestStatic(t *testing.T) {
	onEach(t, func(t *testing.T, binary string) {
		w := newWorld(t, binary)
		text := w.example(t, static)
		p := w.start(t, text)
		w.check(t, "http")
		testRule(t, w, "http")
		eventually(t, func() string { // the plugin counts on its tick
			if text, err := p.Prometheus(t.Context()); err != nil || !strings.Contains(text, `mcpauth_requests_total{result="`) {
				return fmt.Sprintf("the metrics have no labels: %v", err)
			}
			return ""
		})
	})
}

// testRule: the example's rule about a tool, which is in the body.
func testRule(t *testing.T, w *world, scheme string) {
	t.Helper()
	const addNote = `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"add_note","arguments":{"text":"x"}}}`
	for _, version := range []int{1, 2} {
		client := w.client(version)
		for scope, status := range map[string]int{"read:notes": http.StatusForbidden, bothScopes: http.StatusOK} {
			before := w.mcp.Requests()
			a := mustCall(t, client, w.resource(scheme), addNote, bearer(w.token(scheme, "alice", scope)))
			if a.status != status {
				t.Errorf("HTTP/%d, add_note with %s: status %d, want %d: %s", version, scope, a.status, status, a.body)
			}
			if reached := w.mcp.Requests() - before; reached != 0 && status != http.StatusOK {
				t.Errorf("HTTP/%d: a refused call reached the MCP server", version)
			}
		}
		client.CloseIdleConnections()
	}
}

// without returns an example from which the filter mcpauth is gone, but for the guard.
func without(t *testing.T, text string) string {
	t.Helper()
	from := strings.Index(text, "- name: mcpauth\n")
	to := strings.LastIndex(text, "- name: envoy.filters.http.rbac\n")
	if from < 0 || to < from {
		t.Fatalf("no filter mcpauth before the guard in\n%s", text)
	}
	return text[:from] + text[to:]
}

// TestGuardOfTheExamples: whoever takes mcpauth out of an example gets 403 for everything.
func TestGuardOfTheExamples(t *testing.T) {
	onEach(t, func(t *testing.T, binary string) {
		for _, example := range []string{static, ldsBootstrap, ecdsFile} {
			t.Run(example, func(t *testing.T) {
				w := newWorld(t, binary)
				text, scheme := w.example(t, example), "http"
				if example == ldsBootstrap {
					scheme = "https"
					w.put(t, ldsListener, without(t, w.example(t, ldsListener)))
				} else {
					text = without(t, text)
				}
				w.start(t, text)
				valid := bearer(w.token(scheme, "alice", bothScopes))
				for _, version := range []int{1, 2} {
					client := w.client(version)
					for name, h := range map[string]http.Header{
						"nothing": nil, "a token": valid, "forged": forged(nil), "forged, a token": forged(valid), "forged, public": {"X-Mcpauth-Verdict": {"public"}},
					} {
						a := mustCall(t, client, w.resource(scheme), whoami, h)
						if a.status != http.StatusForbidden || a.body != "RBAC: access denied" {
							t.Errorf("HTTP/%d, %s: status %d, %s", version, name, a.status, a.body)
						}
					}
					client.CloseIdleConnections()
				}
				if n := w.mcp.Requests(); n != 0 {
					t.Errorf("%d requests reached the MCP server", n)
				}
			})
		}
	})
}

// TestLDS: the listener in a file of its own, with TLS, HTTP/2, an access log and a rate
// limit for each caller; changes of the file under load, right and wrong, and its loss.
func TestLDS(t *testing.T) {
	onEach(t, func(t *testing.T, binary string) {
		w := newWorld(t, binary)
		good := w.example(t, ldsListener)
		w.put(t, ldsListener, good)
		p := w.start(t, w.example(t, ldsBootstrap))
		w.check(t, "https")
		testAccessLog(t, w, p)

		stop := w.stream(t, "https")
		time.Sleep(stage)
		w.put(t, ldsListener, changed(t, good))
		eventually(t, func() string { return differs(w.published("https"), "read:notes") })
		time.Sleep(stage)
		w.put(t, ldsListener, wrong(good))
		eventually(t, func() string { return atLeastOne(stat(t, p, `listener_manager\.lds\.update_rejected`)) })
		if err := os.Remove(w.path(ldsListener)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(stage)
		if got := w.published("https"); got != "read:notes" {
			t.Errorf("after a wrong file and its removal, the metadata has %s", got)
		}
		w.put(t, ldsListener, good)
		eventually(t, func() string { return differs(w.published("https"), bothScopes) })
		time.Sleep(w.drain + stage)
		stop()
		if !strings.Contains(p.Log(), "requird_scopes") {
			t.Error("the log does not name the mistake in the wrong file")
		}

		testRateLimit(t, w)
		testNoListener(t, w, p)
	})
}

func differs(got, want string) string {
	if got != want {
		return fmt.Sprintf("the metadata has %q, want %q", got, want)
	}
	return ""
}

func atLeastOne(n int64) string {
	if n == 0 {
		return "Envoy has not refused the wrong file"
	}
	return ""
}

// testAccessLog: each line is JSON and names the caller, whatever a client claims.
func testAccessLog(t *testing.T, w *world, p *envoy.Process) {
	t.Helper()
	client := w.client(2)
	defer client.CloseIdleConnections()
	mustCall(t, client, w.resource("https")+"/log1?secret=1", whoami, bearer(w.token("https", "alice", "read:notes")))
	mustCall(t, client, w.resource("https")+"/log2?secret=1", whoami, http.Header{"X-Mcpauth-Subject": {"alice"}})
	for path, want := range map[string]map[string]any{
		"/notes/log1": {"subject": "alice", "client": "app", "protocol": "HTTP/2", "status": 200.0, "details": "via_upstream"},
		"/notes/log2": {"subject": nil, "client": nil, "protocol": "HTTP/2", "status": 401.0},
	} {
		eventually(t, func() string {
			for line := range strings.Lines(p.Log()) {
				var got map[string]any
				if json.Unmarshal([]byte(line), &got) != nil || got["path"] != path {
					continue
				}
				for name, value := range want {
					if got[name] != value {
						t.Errorf("%s is %v in the access log, want %v: %s", name, got[name], value, line)
					}
				}
				return ""
			}
			return "no line for " + path + " in the access log"
		})
	}
	if strings.Contains(p.Log(), "secret=1") {
		t.Error("a query is in the log")
	}
}

// testRateLimit: the 61st request of a subject gets 429, that of another passes.
func testRateLimit(t *testing.T, w *world) {
	t.Helper()
	client := w.client(2)
	defer client.CloseIdleConnections()
	heavy, light := bearer(w.token("https", "heavy", "read:notes")), bearer(w.token("https", "light", "read:notes"))
	for n := range 60 {
		if a := mustCall(t, client, w.resource("https"), whoami, heavy); a.status != http.StatusOK {
			t.Fatalf("request %d: status %d", n+1, a.status)
		}
	}
	// A minute may end in between, and bring another 60.
	limited := false
	for range 65 {
		a := mustCall(t, client, w.resource("https"), whoami, heavy)
		limited = limited || a.status == http.StatusTooManyRequests
	}
	if !limited {
		t.Error("no request of a heavy caller got 429")
	}
	if a := mustCall(t, client, w.resource("https"), whoami, light); a.status != http.StatusOK {
		t.Errorf("another caller got status %d: %s", a.status, a.body)
	}
}

// testNoListener: a file without a listener takes the listener away, and nothing passes.
func testNoListener(t *testing.T, w *world, p *envoy.Process) {
	t.Helper()
	w.put(t, ldsListener, "resources: []\n")
	eventually(t, func() string {
		client := w.client(1)
		defer client.CloseIdleConnections()
		a, err := call(client, w.resource("https"), whoami, nil)
		if err == nil && a.status != http.StatusUnauthorized {
			t.Fatalf("status %d", a.status)
		}
		if err == nil {
			return "the listener is still there"
		}
		return ""
	})
}

// TestECDS: the filter in a file of its own; changes of it under load, right and wrong,
// and its loss.
func TestECDS(t *testing.T) {
	onEach(t, func(t *testing.T, binary string) {
		w := newWorld(t, binary)
		good := w.example(t, ecdsFilter)
		w.put(t, ecdsFilter, good)
		p := w.start(t, w.example(t, ecdsFile))
		w.check(t, "http")
		testRule(t, w, "http")
		testLargeBody(t, w)

		stop := w.stream(t, "http")
		time.Sleep(stage)
		w.put(t, ecdsFilter, changed(t, good))
		eventually(t, func() string { return differs(w.published("http"), "read:notes") })
		time.Sleep(stage)
		refused := func() int64 {
			return stat(t, p, `extension_config_discovery\..*mcpauth\.(config_fail|update_rejected|update_failure)`)
		}
		for name, text := range wrongFilters(good) {
			before := refused()
			w.put(t, ecdsFilter, text)
			eventually(t, func() string {
				if refused() == before {
					return name + ": Envoy has not refused the wrong file"
				}
				return ""
			})
		}
		if err := os.Remove(w.path(ecdsFilter)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(stage)
		if got := w.published("http"); got != "read:notes" {
			t.Errorf("after wrong files and the removal, the metadata has %s", got)
		}
		w.put(t, ecdsFilter, good)
		eventually(t, func() string { return differs(w.published("http"), bothScopes) })
		time.Sleep(stage)
		stop()
	})
}

// wrongFilters are files that Envoy or mcpauth must refuse.
func wrongFilters(good string) map[string]string {
	return map[string]string{
		"a mistake in the plugin's configuration": wrong(good),
		"no YAML":               "resources: [",
		"an empty file":         "",
		"no resources":          "resources: []\n",
		"the filter is another": strings.Replace(good, "filters.http.wasm.v3.Wasm", "filters.http.router.v3.Router", 1),
		"no such plugin":        strings.Replace(good, "mcpauth.wasm}", "missing.wasm}", 1),
	}
}

// testLargeBody: a body above the limit of Envoy's buffers gets 413.
func testLargeBody(t *testing.T, w *world) {
	t.Helper()
	body := strings.Replace(whoami, `"arguments":{}`, `"arguments":{"x":"`+strings.Repeat("x", 2<<20)+`"}`, 1)
	for _, version := range []int{1, 2} {
		client := w.client(version)
		before := w.mcp.Requests()
		// Envoy may end the connection before the client has sent it all.
		if a, err := call(client, w.resource("http"), body, bearer(w.token("http", "alice", "read:notes"))); err == nil && a.status != http.StatusRequestEntityTooLarge {
			t.Errorf("HTTP/%d, a large body: status %d", version, a.status)
		}
		if w.mcp.Requests() != before {
			t.Errorf("HTTP/%d: a request with a large body reached the MCP server", version)
		}
		client.CloseIdleConnections()
	}
}

// TestECDSWithoutAFilter: Envoy does not start without the file, and with a wrong one it
// answers 500 to everything until a good one comes.
func TestECDSWithoutAFilter(t *testing.T) {
	onEach(t, func(t *testing.T, binary string) {
		w := newWorld(t, binary)
		bootstrap := w.example(t, ecdsFile)
		p, err := envoy.Start(t.Context(), w.binary, envoy.Options{Bootstrap: bootstrap})
		var start *envoy.StartError
		if err == nil {
			p.Stop()
		}
		if !errors.As(err, &start) || !strings.Contains(start.Log, "must refer to an existing path") {
			t.Errorf("Envoy without the file: %v", err)
		}
		good := w.example(t, ecdsFilter)
		for name, text := range wrongFilters(good) {
			w.put(t, ecdsFilter, text)
			p := w.start(t, bootstrap)
			for _, version := range []int{1, 2} {
				client := w.client(version)
				for _, h := range []http.Header{nil, bearer(w.token("http", "alice", "read:notes")), forged(nil)} {
					if a := mustCall(t, client, w.resource("http"), whoami, h); a.status != http.StatusInternalServerError {
						t.Errorf("%s: HTTP/%d, status %d, want 500", name, version, a.status)
					}
				}
				client.CloseIdleConnections()
			}
			if n := w.mcp.Requests(); n != 0 {
				t.Errorf("%s: %d requests reached the MCP server", name, n)
			}
			if strings.Contains(name, "configuration") {
				w.put(t, ecdsFilter, good)
				w.check(t, "http")
				w.mcp.Close()
				return
			}
			p.Stop()
		}
	})
}

package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"mcpauth/envoy-example/authserver"
	"mcpauth/envoy-example/envoy"
)

// On Envoy up to 1.38 Go's runtime dies at a garbage collection once any timer
// has existed, unless it was built with the project's overlay: the requests of
// that VM get 503. The plugin makes no timer of its own, but a library or the
// runtime may, so there are three tests: the built file as it is, the plugin
// with a timer added, and, to know that the second would notice, the same
// without the overlay.

// TestManyCollections puts the built file under load until it has collected
// many times, which the runtime's own trace proves. Every answer has to be
// right.
func TestManyCollections(t *testing.T) {
	onEach(t, func(t *testing.T, s *stage) {
		l := load(t, s, wasm, 2500, often)
		l.check(t)
	})
}

// TestManyCollectionsAfterATimer is about the overlay, which only old hosts need.
func TestManyCollectionsAfterATimer(t *testing.T) {
	for _, v := range versions {
		if lacksPoll(v) {
			t.Run("envoy-"+v, func(t *testing.T) { testCollectionsAfterATimer(t, stages[v]) })
		}
	}
}

func testCollectionsAfterATimer(t *testing.T, s *stage) {
	t.Run("with the overlay", func(t *testing.T) {
		l := load(t, s, buildWithTimer(t, true), 2500, often)
		l.check(t)
	})
	t.Run("without the overlay", func(t *testing.T) {
		l := load(t, s, buildWithTimer(t, false), 2500, "") // it must not die before it has started
		if l.wrong == 0 {
			t.Errorf("%d collections, %d crashes, %d wrong answers: Envoy %s needs no overlay any more, or this test cannot tell",
				l.collections, l.crashes, l.wrong, s.version)
		}
		if l.passed > l.good {
			t.Errorf("%d requests reached the MCP server, only %d were good", l.passed, l.good)
		}
	})
}

// often is a GOGC with which collections are frequent: requests leave so little
// garbage that with the usual one there is hardly any.
const often = "10"

// loadResult is what became of a load.
type loadResult struct {
	requests, wrong      int // answers that were not as they should be
	good, passed         int // good tokens sent, requests that reached the MCP server
	collections, crashes int
	problem              string
}

func (l loadResult) check(t *testing.T) {
	t.Helper()
	if l.wrong > 0 {
		t.Errorf("%d of %d answers wrong, the last: %s", l.wrong, l.requests, l.problem)
	}
	if l.passed != l.good {
		t.Errorf("%d requests reached the MCP server, want %d", l.passed, l.good)
	}
	if l.crashes > 0 {
		t.Errorf("the plugin crashed %d times", l.crashes)
	}
	if l.collections < 4 {
		t.Errorf("only %d collections: the test proves nothing", l.collections)
	}
}

// load sends requests of all kinds, with tokens not seen before, from four
// clients at once, each of them n.
func load(t *testing.T, s *stage, wasm string, n int, gogc string) loadResult {
	t.Helper()
	own := keyStage(t, s, authserver.Options{})
	o := own.options(own.notesConfig())
	o.Wasm = wasm
	o.PluginEnv = map[string]string{"GODEBUG": "gctrace=1", "GOGC": gogc}
	g, err := startGateway(t.Context(), s.binary, "load", o)
	if err != nil {
		t.Fatal(err)
	}
	defer g.Stop()
	eventually(t, recovery, func() string { return passes(g, own.minted("ES256")) })
	reached := own.mcp.Requests()

	const clients = 4
	var good, wrong atomic.Int64
	var problem atomic.Value
	var wg sync.WaitGroup
	for c := range clients {
		proto := protocols[c%len(protocols)]
		wg.Go(func() {
			for i := range n {
				r, want := request{proto: proto, path: "/notes"}, http.StatusUnauthorized
				switch i % 5 {
				case 0:
					r, want = toolCall(proto, r.path, bearer(own.minted("ES256"))), http.StatusOK
					good.Add(1)
				case 1:
					// A wrong signature would wait for new keys.
					r.header = bearer(own.auth.Mint(authserver.Token{Algorithm: "ES256", Resource: notes + "/other"}))
				case 2:
					r.header = bearer(fmt.Sprintf("garbage.%d.%d", c, i) + longText(4000))
				case 3:
					r.path, want = wellKnown+"/notes", http.StatusOK
				case 4:
					r.path += "?" + longText(2000)
				}
				a, err := g.send(r)
				if err != nil {
					wrong.Add(1)
					problem.Store(err.Error())
				} else if a.status != want {
					wrong.Add(1)
					problem.Store(fmt.Sprintf("status %d, want %d for request %d of client %d", a.status, want, i, c))
				}
			}
		})
	}
	wg.Wait()
	log := g.Log()
	l := loadResult{
		requests: clients * n, wrong: int(wrong.Load()), good: int(good.Load()), passed: own.mcp.Requests() - reached,
		// The trace comes in pieces; this one once for each collection.
		collections: strings.Count(log, " ms cpu, "),
		crashes:     strings.Count(log, "Uncaught RuntimeError"),
	}
	l.problem, _ = problem.Load().(string)
	t.Logf("Envoy %s: %d collections, %d crashes, %d of %d answers wrong", s.version, l.collections, l.crashes, l.wrong, l.requests)
	return l
}

// buildWithTimer builds the plugin with a timer in it, with or without the
// project's changes to the runtime, and returns the file.
func buildWithTimer(t *testing.T, overlay bool) string {
	t.Helper()
	root, err := envoy.Root()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	run := func(command ...string) {
		if _, err := output(root, command...); err != nil {
			t.Fatal(err)
		}
	}
	replace := struct{ Replace map[string]string }{map[string]string{}}
	if overlay {
		run("go", "run", "./internal/build/overlay", "-plain", dir)
		doc, err := os.ReadFile(filepath.Join(dir, "overlay.json"))
		if err == nil {
			err = json.Unmarshal(doc, &replace)
		}
		if err != nil {
			t.Fatal(err)
		}
		if len(replace.Replace) == 0 {
			t.Fatal("internal/build/overlay replaces nothing")
		}
	}
	source := filepath.Join(dir, "timer.go")
	if err := os.WriteFile(source, []byte("package main\n\nimport \"time\"\n\nfunc init() { time.AfterFunc(time.Hour, func() {}) }\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	replace.Replace[filepath.Join(root, "plugin", "added_timer.go")] = source
	overlayFile := filepath.Join(dir, "with-timer.json")
	if err := os.WriteFile(overlayFile, []byte(toJSON(replace)), 0o600); err != nil {
		t.Fatal(err)
	}
	built := filepath.Join(dir, "plugin.wasm")
	run("env", "GOOS=wasip1", "GOARCH=wasm", "go", "build", "-buildmode=c-shared", "-ldflags=-s -w", "-overlay="+overlayFile, "-o", built, "./plugin")
	return built
}

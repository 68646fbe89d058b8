package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"mcpauth/envoy-example/authserver"
	"mcpauth/envoy-example/envoy"
	"mcpauth/integration/load"
)

// A way is one in which Envoy gets a new configuration from a file. Istio pushes filters,
// Envoy Gateway listeners.
type way struct {
	options  func(*envoy.Options)
	update   func(*envoy.Process, string) error
	rejected string // the statistic that counts refused configurations
}

// drainTime is how long connections of a replaced listener may go on: longer than a
// request waits.
const drainTime = 20 * time.Second

var (
	byFilter = way{
		func(o *envoy.Options) { o.DynamicFilter = true }, (*envoy.Process).UpdateFilter,
		`^extension_config_discovery\..*mcpauth\.(config_fail|update_rejected)$`,
	}
	byListener = way{
		func(o *envoy.Options) { o.DynamicListener, o.DrainTime = true, drainTime }, (*envoy.Process).UpdateListener,
		`^listener_manager\.lds\.update_rejected$`,
	}
)

// uses returns a problem unless all workers of a proxy use a configuration of a name:
// resource_name in the metadata.
func (f *fleet) uses(p *proxy, name string) string {
	client := load.NewClient(false)
	defer client.CloseIdleConnections()
	for range 4 * f.workers {
		req, err := http.NewRequest(http.MethodGet, "http://"+p.Addr()+"/.well-known/oauth-protected-resource"+path, nil)
		if err != nil {
			return err.Error()
		}
		req.Close = true // a connection may go on with the configuration that it began with
		res, err := client.Do(req)
		if err != nil {
			return err.Error()
		}
		var doc struct {
			Name string `json:"resource_name"`
		}
		err = json.NewDecoder(res.Body).Decode(&doc)
		res.Body.Close()
		if err != nil || doc.Name != name {
			return fmt.Sprintf("status %d, the configuration %q is in use, not %q", res.StatusCode, doc.Name, name)
		}
	}
	return ""
}

func rejections(t *testing.T, p *proxy, w way) int64 {
	t.Helper()
	stats, err := p.Stats(t.Context(), w.rejected)
	if err != nil {
		t.Fatal(err)
	}
	var sum int64
	for _, n := range stats {
		sum += n
	}
	return sum
}

// TestRollingPush pushes configurations to three proxies, one after the other, while all
// of them serve valid and invalid tokens: no valid one is refused, no invalid one passes.
// Configurations with mistakes are refused, and the old ones go on.
func TestRollingPush(t *testing.T) {
	t.Parallel()
	ways := []way{byFilter, byFilter, byListener}
	f := newTestFleet(t, 2)
	named := func(name string, change func(server, resource object)) string {
		return f.plugin(func(server, r object) {
			r["metadata"] = object{"resource_name": name}
			if change != nil {
				change(server, r)
			}
		})
	}
	f.auth.freeze("/first" + keysPath)
	firstKeys := func(server, _ object) {
		delete(server, "discovery")
		server["jwks_uri"] = f.auth.Issuer() + "/first" + keysPath
		server["introspection"].(object)["endpoint"] = f.auth.Issuer() + introspectionPath
	}
	if err := f.grow(t.Context(), len(ways), func(i int, o *envoy.Options) {
		ways[i].options(o)
		o.Plugin = named("first", firstKeys)
	}); err != nil {
		t.Fatal(err)
	}
	seen := f.token(authserver.Token{})
	if err := f.auth.AddKeys(); err != nil { // published, but not at the address of the first keys
		t.Fatal(err)
	}
	for _, p := range f.proxies {
		if err := await(30*time.Second, func() string { return f.uses(p, "first") }); err != nil {
			t.Fatal(err)
		}
		if err := f.connect(p).each(t.Context(), http.StatusOK, seen); err != nil {
			t.Fatal(err)
		}
	}
	load := newTraffic(f)
	for _, p := range f.proxies {
		load.start(p.Addr(), 100)
	}
	status := func(p *proxy, path, token string, want int) {
		t.Helper()
		c := f.connect(p)
		defer c.close()
		for range 2 {
			if err := c.get(t.Context(), path, want, token); err != nil {
				t.Errorf("%s: %v", path, err)
			}
		}
	}
	readOnly := f.token(authserver.Token{Scope: "read:notes"})
	more := f.token(authserver.Token{Resource: resource + "-more"})
	for _, push := range []struct {
		name   string
		change func(server, resource object)
		after  func(*proxy)
	}{
		{"another resource", firstKeys, func(p *proxy) {
			status(p, path+"-more", more, http.StatusOK)
			status(p, path, readOnly, http.StatusOK)
		}},
		{"another scope", func(server, r object) {
			firstKeys(server, r)
			r["required_scopes"] = []string{"read:notes", "write:notes"}
		}, func(p *proxy) {
			status(p, path, readOnly, http.StatusForbidden) // its verdict of before is forgotten
			status(p, path, seen, http.StatusOK)
		}},
		{"other keys", nil, func(p *proxy) { status(p, path, seen, http.StatusOK) }},
		{"the first keys again", firstKeys, func(p *proxy) { status(p, path, readOnly, http.StatusOK) }},
		{"other keys again", nil, func(p *proxy) { status(p, path, seen, http.StatusOK) }},
	} {
		document := named(push.name, push.change)
		if push.name == "another resource" {
			document = strings.Replace(document, `"resources":[`, `"resources":[{"resource":"`+resource+`-more"},`, 1)
		}
		for i, p := range f.proxies {
			if err := ways[i].update(p.Process, document); err != nil {
				t.Fatal(err)
			}
			if err := await(30*time.Second, func() string { return f.uses(p, push.name) }); err != nil {
				t.Fatalf("%s: proxy %d: %v", push.name, i, err)
			}
			push.after(p)
			time.Sleep(300 * time.Millisecond) // of load
		}
		for _, mistake := range []string{strings.Replace(document, `"resources"`, `"resource"`, 1), document[:len(document)-1]} {
			for i, p := range f.proxies {
				before := rejections(t, p, ways[i])
				if err := ways[i].update(p.Process, mistake); err != nil {
					t.Fatal(err)
				}
				if err := await(30*time.Second, func() string {
					if rejections(t, p, ways[i]) == before {
						return "a configuration with a mistake was not refused"
					}
					return f.uses(p, push.name)
				}); err != nil {
					t.Errorf("%s: proxy %d: %v", push.name, i, err)
				}
			}
		}
	}
	load.judge(t)

	// The keys that came with the last configuration are those in use.
	f.auth.SwitchKeys()
	for _, p := range f.proxies {
		status(p, path, f.token(authserver.Token{}), http.StatusOK)
	}
}

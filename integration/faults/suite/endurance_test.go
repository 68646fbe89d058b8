//go:build faults

package suite

import (
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"mcpauth/envoy-example/authserver"
	"mcpauth/envoy-example/envoy"
	"mcpauth/integration/faults"
	"mcpauth/integration/load"
)

// TestEndurance lets all happen at once that the other tests try one by one, at full
// load, on the oldest and on the newest Envoy: keys rotate, configurations change, an
// authorization server fails in every way, clients send garbage or leave, requests are
// held for keys, and rules read bodies. No invalid request passes, the calm target
// refuses no valid one, the plugin does not crash, and Envoy's memory stays flat.
//
// ENDURANCE says how long it lasts on each Envoy: see make test-endurance.
func TestEndurance(t *testing.T) {
	lasts := 30 * time.Second
	if named := os.Getenv("ENDURANCE"); named != "" {
		var err error
		if lasts, err = time.ParseDuration(named); err != nil {
			t.Fatal("ENDURANCE: ", err)
		}
	}
	for _, version := range []string{"1.36.4", envoy.DefaultVersion} {
		t.Run("envoy-"+version, func(t *testing.T) {
			binary, err := envoy.Binary(t.Context(), version)
			if err != nil {
				t.Fatal(err)
			}
			endure(t, binary, lasts)
		})
	}
}

func endure(t *testing.T, binary string, lasts time.Duration) {
	calm, storm := newTarget(t, "calm"), newTarget(t, "storm")
	r := newRigOn(t, binary, []*target{calm, storm}, func(o *envoy.Options) {
		o.DynamicFilter, o.HeadersStopIteration = true, true
		o.Plugin = endured([]*target{calm, storm}, "first")
	})
	r.ready()
	stopAll := r.underLoad(slices.Concat(quiet(), ruled), load.Options{Clients: 2 * workers})
	// Those that are held would keep clients from sending anything else.
	stopHeld := r.underLoad([]kind{*kindOf("unknown kid"), *kindOf("bad signature")}, load.Options{Rate: 40})

	ended := make(chan struct{})
	var all sync.WaitGroup
	all.Go(func() { r.rotate(calm, ended) })
	all.Go(func() { r.fail(storm, ended) })
	all.Go(func() { r.reload(ended) })
	all.Go(func() { r.sendGarbage(ended) })
	var memory []int64 // every 2 s
	for begin := time.Now(); time.Since(begin) < lasts; time.Sleep(2 * time.Second) {
		now, err := r.RSS()
		if err != nil {
			t.Error(err)
			break
		}
		if memory = append(memory, now>>20); len(memory)%30 == 1 {
			t.Logf("%3.0f s: RSS %d MB", time.Since(begin).Seconds(), now>>20)
		}
	}
	close(ended)
	all.Wait()
	stopAll()
	stopHeld()
	for _, g := range r.targets {
		if p := r.serves(g, returnWithoutKeys+slack); p != "" {
			t.Error("at the end: " + p)
		}
	}
	r.judge(t, calm)
	// The storm refuses what it cannot check. What matters there is what passes.
	r.judge(t, storm, window{from: r.started, to: time.Now(), late: true})
	if n := r.upstream.count("any", "garbage"); n > 0 {
		t.Errorf("%d pieces of garbage reached the upstream", n)
	}
	if n := countLines(r.Log(), "Uncaught"); n > 0 {
		t.Errorf("%d crashes of the plugin", n)
	}
	third := len(memory) / 3
	middle, last := median(memory[third:2*third]), median(memory[2*third:])
	t.Logf("%.0f requests a second, %d in all; RSS %d MB in the middle third, %d MB in the last",
		float64(len(r.log.all()))/lasts.Seconds(), len(r.log.all()), middle, last)
	if last > middle+soakGrowth>>20 {
		t.Errorf("RSS grew from %d to %d MB", middle, last)
	}
}

// endured is the configuration of TestEndurance, with rules and a name. Nothing of a
// request reaches the upstream before its body is decided on.
func endured(targets []*target, name string) string {
	more := maps.Clone(toolRules)
	more["metadata"] = object{"resource_name": name}
	return `{"allow_on_headers_stop_iteration":true,` + strings.TrimPrefix(pluginConfig(targets, more), "{")
}

func median(list []int64) int64 { return slices.Sorted(slices.Values(list))[len(list)/2] }

// pause waits, and reports whether the test goes on.
func pause(d time.Duration, ended <-chan struct{}) bool {
	select {
	case <-ended:
		return false
	case <-time.After(d):
		return true
	}
}

// rotate replaces the keys of a server again and again, as servers should: the new
// ones are published before they sign, the old ones stay until their tokens are gone.
func (r *rig) rotate(g *target, ended <-chan struct{}) {
	for n := 1; pause(5*time.Second, ended); n++ {
		published := time.Now()
		if err := g.server.Auth.AddKeys(); err != nil {
			r.t.Error(err)
			return
		}
		if p := await(newKeys+slack, func() string {
			if keys, _ := faults.Documents(g.server.Seen(published)); keys == 0 {
				return g.name + ": the keys have not been fetched"
			}
			return ""
		}); p != "" {
			r.t.Error(p)
			return
		}
		time.Sleep(2 * spreadTime)
		g.rekey(r.t, func() error { g.server.Auth.SwitchKeys(); return nil })
		time.Sleep(2 * spreadTime) // tokens that are under way
		g.server.Auth.RemoveKeys()
		r.t.Logf("%s: rotation %d", g.name, n)
	}
}

// fail lets a server fail in one way after the other, each time followed by new keys.
func (r *rig) fail(g *target, ended <-chan struct{}) {
	defer g.server.Set(faults.None)
	ways := slices.Concat(faults.Lasting, []faults.Fault{faults.Late})
	for n := 0; pause(3*time.Second, ended); n++ {
		g.server.Set(ways[n%len(ways)])
		pause(8*time.Second, ended)
		g.server.Set(faults.None)
		g.rekey(r.t, func() error { return g.server.Auth.Rotate(n%2 == 0) })
	}
}

// reload replaces the configuration every three seconds.
func (r *rig) reload(ended <-chan struct{}) {
	for n := 1; pause(3*time.Second, ended); n++ {
		if err := r.UpdateFilter(endured(r.targets, fmt.Sprint("configuration ", n))); err != nil {
			r.t.Error(err)
			return
		}
	}
}

// sendGarbage sends pieces of garbage, fifty a second, each on a connection of its own.
func (r *rig) sendGarbage(ended <-chan struct{}) {
	for pause(20*time.Millisecond, ended) {
		conn, err := net.Dial("tcp", r.Addr())
		if err != nil {
			r.t.Error(err)
			return
		}
		io.WriteString(conn, r.garbage())
		if rand.IntN(2) == 0 { // the others leave at once
			conn.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
			io.Copy(io.Discard, conn)
		}
		conn.Close()
	}
}

// garbage is what no client should send, with tokens that are good in parts.
func (r *rig) garbage() string {
	g := r.targets[rand.IntN(len(r.targets))]
	good := g.bearer(authserver.Token{Scope: "read:notes"})
	begin := func(method, path string) string {
		return method + " " + path + " HTTP/1.1\r\nHost: " + host + "\r\n" + labelHeader + ": " + label("any", "garbage") + "\r\n"
	}
	noise := make([]byte, 1+rand.IntN(4000))
	for i := range noise {
		noise[i] = byte(rand.IntN(256))
	}
	flipped := []byte(good)
	flipped[rand.IntN(len(flipped)-2)] ^= byte(1 + rand.IntN(255))
	header, _, _ := strings.Cut(good, ".")
	all := []string{
		string(noise),
		"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + string(noise),
		begin("GET", "/"+g.name) + "Authorization: Bearer " + string(flipped) + "\r\n\r\n",
		begin("GET", "/"+g.name) + "Authorization: Bearer " + good[:rand.IntN(len(good))] + "\r\n\r\n",
		begin("GET", "/"+g.name) + "Authorization: Bearer " + header + "." + strings.Repeat("W", 8000) + ".e30\r\n\r\n",
		begin("GET", "/"+g.name) + strings.Repeat("Authorization: Bearer "+good+"\r\n", 2) + "\r\n",
		begin("GET", "/"+g.name+"?access_token="+good) + "\r\n",
		begin("GET", "/"+g.name+"/%2e%2e/..;/"+g.name) + "\r\n",
		begin("POST", "/"+g.name) + "Authorization: Bearer " + good + "\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{\"jso\r\nXYZ",
		begin("POST", "/"+g.name) + "Authorization: Bearer " + good + "\r\nContent-Type: application/json\r\nContent-Length: 20000\r\n\r\n" + strings.Repeat("[", 10000),
		begin("POST", "/"+g.name) + "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		begin("GET", "/"+g.name) + "Upgrade: websocket\r\nConnection: Upgrade\r\nAuthorization: Bearer " + good + "\r\n\r\n",
	}
	return all[rand.IntN(len(all))]
}

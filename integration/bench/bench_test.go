package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v3"
)

// TestBench runs the benchmark with little of everything, so that the command
// works on the day that somebody wants its figures. What the figures are is not
// its business. What differs from the rest only in numbers is left out, for
// each Envoy takes seconds to compile the plugins.
func TestBench(t *testing.T) {
	s := settings{
		Rounds: 1, Rounds2: 1, Requests: 2 * connections, Tokens: 2 * connections, ProcessRounds: 1,
		Paced: 100 * time.Millisecond, Budget: time.Hour, Protocols: []protocol{http1, http2c},
		Variants: variantNames(), Algorithms: []jose.SignatureAlgorithm{jose.RS256, jose.EdDSA}, only: regexp.MustCompile("RS256|EdDSA|401|GET|latency|start-up"),
	}
	folder := t.TempDir()
	var out bytes.Buffer
	if err := run(t.Context(), s, folder, "", "", &out); err != nil {
		t.Fatal(err)
	}
	doc, err := os.ReadFile(filepath.Join(folder, "result.json"))
	if err != nil {
		t.Fatal(err)
	}
	var r Result
	if err := json.Unmarshal(doc, &r); err != nil {
		t.Fatal(err)
	}
	for _, p := range s.Protocols {
		for _, w := range selected(jose.RS256, s.only) {
			for i := range variants {
				v := &variants[i]
				c := r.cost(p, w.Name, v.Name)
				if !w.applies(v) {
					continue
				}
				if c == nil || len(c.CPU) != 1 || c.CPU[0] <= 0 || c.Rate[0] <= 0 || (len(c.Added) == 1) != (v.Name != "none") {
					t.Errorf("%s, %s, %s: %+v", p, w.Name, v.Name, c)
				}
			}
		}
		if r.Rates[p] <= 0 {
			t.Errorf("%s: rate at half load %v", p, r.Rates[p])
		}
	}
	if n := len(r.Latencies); n != 2*4 {
		t.Errorf("%d latencies", n)
	}
	if n := len(r.Processes); n != 3 {
		t.Errorf("%d kinds of process", n)
	}
	for _, g := range r.Goals {
		if left := strings.Contains(g.Name, "ES256") || strings.Contains(g.Name, "further worker"); (g.Value == nil) != left {
			t.Errorf("%+v", g)
		}
	}
	if r.Machine.Envoy == "" || r.Machine.CPU == "" || len(r.Machine.Files) != 4 {
		t.Errorf("machine: %+v", r.Machine)
	}
}

// Each variant is alone with no filter, and all take turns to be first.
func TestGroups(t *testing.T) {
	g := &gateway{}
	for _, name := range []string{"none", "native", "mcpauth"} {
		g.variants = append(g.variants, &variant{Name: name})
	}
	for round, want := range []string{"none+native none+mcpauth", "none+mcpauth none+native", "none+native none+mcpauth"} {
		var groups []string
		for _, group := range g.groups(true, round) {
			groups = append(groups, group[0].Name+"+"+group[1].Name)
		}
		if got := strings.Join(groups, " "); got != want {
			t.Errorf("round %d: %s, want %s", round, got, want)
		}
	}
	if got := g.groups(false, 1); len(got) != 1 || len(got[0]) != 3 {
		t.Errorf("together: %v", got)
	}
}

func TestSoak(t *testing.T) {
	b, err := newBench(t.Context(), settings{Tokens: connections, Algorithms: usual, Variants: []string{"mcpauth"}})
	if err != nil {
		t.Fatal(err)
	}
	defer b.gateway.release()
	var out bytes.Buffer
	if err := b.soak(t.Context(), &out, 2*connections*soakSteps); err != nil {
		t.Fatal(err)
	}
	if n := bytes.Count(out.Bytes(), []byte("\n| ")); n != 1+1+soakSteps { // heading, before, steps
		t.Errorf("%d rows in\n%s", n, out.String())
	}
}

// TestPin: threads of another process that run already are moved too.
func TestPin(t *testing.T) {
	c, err := chooseCPUs()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cmd := exec.CommandContext(ctx, "sleep", "60")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait()
	defer cancel()
	last := c.all[len(c.all)-1]
	if err := pin(cmd.Process.Pid, last); err != nil {
		t.Fatal(err)
	}
	status, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(cmd.Process.Pid), "status"))
	if err != nil {
		t.Fatal(err)
	}
	if got := regexp.MustCompile(`Cpus_allowed_list:\s*(\S+)`).FindSubmatch(status); got == nil || string(got[1]) != strconv.Itoa(last) {
		t.Errorf("allowed: %s, want %d", got, last)
	}
	if used, err := cpuTime(cmd.Process.Pid); err != nil || used <= 0 {
		t.Errorf("processor time: %v, %v", used, err)
	}
}

func TestListed(t *testing.T) {
	for list, want := range map[string]bool{"3": true, "0-3,8\n": true, "0,3": true, "0-2,8": false, "13": false, "": false, "x-y": false} {
		if got := listed(list, 3); got != want {
			t.Errorf("3 in %q: %v", list, got)
		}
	}
}

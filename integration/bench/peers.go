package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"time"

	"mcpauth/envoy-example/envoy"
)

// peerSettings say how much of the peers is measured.
type peerSettings struct {
	Rounds   int           `json:"rounds"`
	Requests int           `json:"requests"` // of a measurement that is not of new tokens
	Tokens   int           `json:"tokens"`   // new ones, in each round and algorithm
	WarmUp   int           `json:"warm_up"`  // requests before the first measurement
	Paced    time.Duration `json:"paced_ns"` // time of a measurement at a fixed rate
	Patience time.Duration `json:"patience_ns"`
	Budget   time.Duration `json:"budget_ns"` // after the first round, none starts that would not fit in
}

// fullPeers takes about eight minutes on two processors, quickPeers three.
var (
	fullPeers = peerSettings{
		Rounds: 5, Requests: 3000, Tokens: 2000, WarmUp: 8000, Paced: 2 * time.Second, Patience: 45 * time.Second, Budget: 11 * time.Minute,
	}
	quickPeers = peerSettings{
		Rounds: 2, Requests: 1000, Tokens: 1000, WarmUp: 4000, Paced: time.Second, Patience: 45 * time.Second, Budget: 5 * time.Minute,
	}
)

// PeerResult is all that was found out about the peers, as it stands in peers.json.
type PeerResult struct {
	Machine   Machine           `json:"machine"`
	Settings  peerSettings      `json:"settings"`
	Versions  map[string]string `json:"versions"`
	Costs     []*PeerCost       `json:"costs"`
	Latencies []*PeerLatency    `json:"latencies"`
	// Memory is that of the services at the end, in megabytes.
	Memory     map[string]float64 `json:"resident_mb"`
	Behaviours []*Behaviour       `json:"behaviours"`
}

// comparePeers measures all peers, and writes the report to out and, with the other files, into a
// folder. With docs, it also writes the tables into the pages.
func comparePeers(ctx context.Context, s peerSettings, folder string, docs bool, out io.Writer) error {
	r, err := measurePeers(ctx, s)
	if err != nil {
		return err
	}
	if err := r.write(folder, out); err != nil || !docs {
		return err
	}
	root, err := envoy.Root()
	if err != nil {
		return err
	}
	return r.writeDocs(root)
}

// measurePeers probes and measures all peers.
func measurePeers(ctx context.Context, s peerSettings) (*PeerResult, error) {
	began := time.Now()
	say := func(format string, args ...any) {
		fmt.Fprintf(os.Stderr, "%4.0f s  %s\n", time.Since(began).Seconds(), fmt.Sprintf(format, args...))
	}
	binary, err := envoy.Find(ctx)
	if err != nil {
		return nil, err
	}
	chosen, err := chooseCPUs()
	if err != nil {
		return nil, err
	}
	say("building and installing the peers")
	p, err := newPrograms(ctx)
	if err != nil {
		return nil, err
	}
	defer p.remove()
	r := &PeerResult{Settings: s}
	b := &bench{binary: binary, cpus: chosen, began: began, gateway: &gateway{}}
	if r.Machine, err = b.machine(ctx); err != nil {
		return nil, err
	}
	if r.Versions, err = p.versions(ctx); err != nil {
		return nil, err
	}
	if r.Behaviours, err = behaviours(ctx, binary, p, s.Patience, say); err != nil {
		return nil, err
	}
	return r, r.measure(ctx, binary, p, chosen, began, say)
}

// measure measures costs and latencies, round after round.
func (r *PeerResult) measure(ctx context.Context, binary string, p *programs, chosen cpus, began time.Time, say func(string, ...any)) error {
	say("starting all set-ups")
	stage, err := newPeerStage(ctx, binary, p, false, true)
	if err != nil {
		return err
	}
	defer stage.stop()
	m := &peerCosts{peerSettings: r.Settings, stage: stage, result: r, say: say}
	defer m.close()
	if err := m.prepare(ctx, chosen); err != nil {
		return err
	}
	longest := time.Duration(0)
	for round := range r.Settings.Rounds {
		start := time.Now()
		if round > 0 && start.Add(longest).After(began.Add(r.Settings.Budget)) {
			say("no time for round %d and later ones", round+1)
			break
		}
		if err := m.round(ctx, round); err != nil {
			return err
		}
		longest = max(longest, time.Since(start))
	}
	if r.Memory, err = stage.memory(); err != nil {
		return err
	}
	return m.checkConnections(ctx)
}

// versions returns the versions of what is compared, by name.
func (p *programs) versions(ctx context.Context) (map[string]string, error) {
	all := map[string]string{"Go": strings.TrimPrefix(runtime.Version(), "go")}
	lists := map[string]*regexp.Regexp{
		filepath.Join(p.source, "python", "requirements-peers.txt"): regexp.MustCompile(`(?m)^(mcp|fastmcp|PyJWT|starlette|uvicorn)==(\S+)$`),
		filepath.Join(p.source, "typescript", "package.json"):       regexp.MustCompile(`"(@modelcontextprotocol/(?:server|express)|express|jose)": "([^"]+)"`),
		filepath.Join(p.source, "..", "..", "go.mod"):               regexp.MustCompile(`(?m)^\s(github.com/coreos/go-oidc/v3) v(\S+)$`),
		filepath.Join(p.source, "..", "..", "..", "VERSION"):        regexp.MustCompile(`^()(\S+)`),
	}
	for path, pattern := range lists {
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		found := pattern.FindAllStringSubmatch(string(text), -1)
		if found == nil {
			return nil, fmt.Errorf("%s names no version", path)
		}
		for _, m := range found {
			name := m[1]
			if name == "" {
				name = "mcpauth"
			}
			all[name] = m[2]
		}
	}
	for name, command := range map[string][]string{"Python": {"python3", "--version"}, "Node.js": {"node", "--version"}} {
		out, err := exec.CommandContext(ctx, command[0], command[1:]...).Output()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", strings.Join(command, " "), err)
		}
		all[name] = strings.TrimLeft(strings.TrimSpace(string(out)), "Pythonv ")
	}
	return all, nil
}

// write writes peers.json, peers.md and peers.svg.
func (r *PeerResult) write(folder string, out io.Writer) error {
	var report, picture bytes.Buffer
	r.markdown(&report)
	if err := r.picture(&picture); err != nil {
		return err
	}
	return writeReport(folder, "peers", r, report.Bytes(), map[string][]byte{"peers.svg": picture.Bytes()}, out)
}

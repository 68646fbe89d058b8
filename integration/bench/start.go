package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"time"

	"github.com/go-jose/go-jose/v3"

	"mcpauth/envoy-example/envoy"
	"mcpauth/integration/page"
)

// A start is one way to start an Envoy.
type start struct {
	title   string
	variant *variant
	workers int

	ready, cpu    sample // until it is ready: seconds, and milliseconds of processors
	first, second sample // requests: milliseconds
	memory        []memoryParts
}

// median returns the median of one part of the memory.
func (s *start) median(part func(memoryParts) float64) float64 {
	var all sample
	for _, m := range s.memory {
		all = append(all, part(m))
	}
	return all.median()
}

func allOf(m memoryParts) float64 { return m.All }

// A started plugin has been started in steps, each with all that the one before does:
// its bytes, as a section of a module that does nothing; all of it, compiled, with no
// function called; the start of Go's runtime and of the packages; all of it, configured.
type started struct {
	title string
	steps [4]*start
	more  []*start // with more workers
}

// starts are all that are measured.
type starts struct {
	bench       *bench
	gateway     gateway
	none, floor *start
	plugins     [2]*started
}

const startRounds = 3

// measureStarts measures the start of an Envoy by its parts, and writes the tables to
// the standard output and, if path is not empty, into that page.
func measureStarts(ctx context.Context, path string) error {
	s := quick
	s.Variants, s.Algorithms, s.Tokens = []string{"none", "empty", "floor", "mcpauth"}, usual, connections
	s.only = regexp.MustCompile("")
	b, err := newBench(ctx, s)
	if err != nil {
		return err
	}
	defer b.gateway.release()
	dir, err := os.MkdirTemp("", "mcpauth-start-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	all := &starts{bench: b, gateway: *b.gateway}
	all.gateway.CacheEntries = 0 // the default
	if err := all.prepare(dir); err != nil {
		return err
	}
	for round := range startRounds {
		for _, one := range all.list() {
			fmt.Fprintf(os.Stderr, "%4.0f s  round %d of %d: %s\n", time.Since(b.began).Seconds(), round+1, startRounds, one.title)
			if err := all.measure(ctx, one); err != nil {
				return fmt.Errorf("%s: %w", one.title, err)
			}
		}
	}
	m, err := b.machine(ctx)
	if err != nil {
		return err
	}
	text := all.markdown(m)
	fmt.Print(text)
	if path == "" {
		return nil
	}
	return page.Write(path, map[string]string{"start": "\n" + text + "\n"})
}

// prepare writes the modules that are cut short to a folder.
func (s *starts) prepare(dir string) error {
	g := &s.gateway
	s.none = &start{title: "no filter", variant: g.find("none"), workers: 1}
	s.floor = &start{title: "a module of 2 kB", variant: g.find("floor"), workers: 1}
	least, err := os.ReadFile(s.floor.variant.Wasm)
	if err != nil {
		return err
	}
	for i, name := range []string{"empty", "mcpauth"} {
		v := g.find(name)
		file, err := os.ReadFile(v.Wasm)
		if err != nil {
			return err
		}
		compiled, err := exporting(file)
		if err != nil {
			return err
		}
		initialized, err := exporting(file, "_initialize")
		if err != nil {
			return err
		}
		p := &started{title: v.Title}
		for n, module := range [][]byte{padded(least, len(file)), compiled, initialized} {
			part := &variant{Name: v.Name, Title: v.Title, Port: v.Port, Wasm: filepath.Join(dir, fmt.Sprintf("%s-%d.wasm", name, n))}
			if err := os.WriteFile(part.Wasm, module, 0o600); err != nil {
				return err
			}
			p.steps[n] = &start{title: fmt.Sprintf("%s, step %d", v.Title, n+1), variant: part, workers: 1}
		}
		p.steps[3] = &start{title: v.Title, variant: v, workers: 1}
		for _, workers := range []int{2, 4} {
			p.more = append(p.more, &start{title: fmt.Sprintf("%s, %d workers", v.Title, workers), variant: v, workers: workers})
		}
		s.plugins[i] = p
	}
	return nil
}

func (s *starts) list() []*start {
	all := []*start{s.none, s.floor}
	for _, p := range s.plugins {
		all = append(append(all, p.steps[:]...), p.more...)
	}
	return all
}

// measure starts an Envoy once. Two requests follow where the plugin is complete.
func (s *starts) measure(ctx context.Context, one *start) error {
	bootstrap, err := s.gateway.bootstrap(one.variant)
	if err != nil {
		return err
	}
	began := time.Now()
	p, err := envoy.Start(ctx, s.bench.binary, envoy.Options{Bootstrap: bootstrap, Workers: one.workers})
	if err != nil {
		return err
	}
	defer p.Stop()
	one.ready = append(one.ready, time.Since(began).Seconds())
	cpu, err := cpuTime(p.PID())
	if err != nil {
		return err
	}
	one.cpu = append(one.cpu, float64(cpu.Milliseconds()))
	m, err := memoryOf(ctx, p)
	if err != nil {
		return err
	}
	one.memory = append(one.memory, m)
	c, err := dial(http1, one.variant.Port.Addr())
	if err != nil {
		return err
	}
	defer c.close()
	for _, times := range []*sample{&one.first, &one.second} {
		began := time.Now()
		if _, err := c.send(&call, s.bench.tokens[jose.RS256][0], ""); err != nil {
			return err
		}
		*times = append(*times, float64(time.Since(began).Microseconds())/1000)
	}
	return nil
}

// markdown writes the tables.
func (s *starts) markdown(m Machine) string {
	var b bytes.Buffer
	empty, full := s.plugins[0], s.plugins[1]
	fmt.Fprintf(&b, "%s, %d processors, Envoy %s; medians of %d starts. The empty plugin has %.2f MB, mcpauth %.2f.\n\n", m.CPU, m.Cores, m.Envoy, startRounds,
		float64(m.Files["empty"])/1e6, float64(m.Files["mcpauth"])/1e6)
	fmt.Fprint(&b, "| with one worker, over the row above | ready, s | processors, ms | resident, MB |\n|---|---:|---:|---:|\n")
	row := func(title string, now, before *start) {
		if before == nil {
			before = &start{ready: sample{0}, cpu: sample{0}, memory: []memoryParts{{}}}
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", title, figure("%.2f", now.ready.median()-before.ready.median()),
			figure("%.0f", now.cpu.median()-before.cpu.median()), figure("%.1f", now.median(allOf)-before.median(allOf)))
	}
	row("Envoy", s.none, nil)
	row("the smallest plugin, 2 kB", s.floor, s.none)
	for _, p := range s.plugins {
		before := s.floor
		for i, part := range []string{"its bytes", "V8 compiles it", "Go's runtime and the packages start", "it is configured"} {
			row(p.title+": "+part, p.steps[i], before)
			before = p.steps[i]
		}
		row(p.title+", together, over no filter", p.steps[3], s.none)
	}
	fmt.Fprintf(&b, "\nThe first request takes %.1f ms, the second %.1f ms, without a plugin %.1f and %.1f ms.\n",
		full.steps[3].first.median(), full.steps[3].second.median(), s.none.first.median(), s.none.second.median())
	fmt.Fprint(&b, "\n| resident, MB | no filter | 2 kB | an empty plugin | mcpauth |\n|---|---:|---:|---:|---:|\n")
	for _, part := range []struct {
		title string
		of    func(memoryParts) float64
	}{
		{"the files of Envoy and its libraries, as far as read", func(m memoryParts) float64 { return m.Files }},
		{"compiled code", func(m memoryParts) float64 { return m.Code }},
		{"the memories of the VMs", func(m memoryParts) float64 { return m.Plugins }},
		{"what Envoy and V8 use", func(m memoryParts) float64 { return m.Used }},
		{"what they have freed and the allocator keeps; stacks", memoryParts.Free},
		{"all", allOf},
	} {
		fmt.Fprintf(&b, "| %s |", part.title)
		for _, one := range []*start{s.none, s.floor, empty.steps[3], full.steps[3]} {
			fmt.Fprintf(&b, " %s |", figure("%.1f", one.median(part.of)))
		}
		fmt.Fprintln(&b)
	}
	fmt.Fprint(&b, "\n| | workers | VMs | ready, s | processors, ms | resident, MB |\n|---|---:|---:|---:|---:|---:|\n")
	for _, p := range s.plugins {
		for _, one := range slices.Concat([]*start{p.steps[3]}, p.more) {
			fmt.Fprintf(&b, "| %s | %d | %.0f | %.2f | %.0f | %.1f |\n", p.title, one.workers, one.median(func(m memoryParts) float64 { return m.VMs }),
				one.ready.median(), one.cpu.median(), one.median(allOf))
		}
	}
	return b.String()
}

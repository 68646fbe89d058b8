package main

import (
	"fmt"
	"math"
)

// Goal is one of the project's goals for speed, with what was measured.
type Goal struct {
	Name   string `json:"name"`
	Target string `json:"target"`
	// Value is null, and so is Met, if it was not measured.
	Value *float64 `json:"value"`
	Unit  string   `json:"unit"`
	Met   *bool    `json:"met"`
}

// goals compares the figures with the goals. "Added" is processor time per
// request over no filter; a ratio is the quotient of two medians.
func (r *Result) goals() []Goal {
	var list []Goal
	add := func(name, target, unit string, value, limit float64) {
		g := Goal{Name: name, Target: target, Unit: unit}
		if !math.IsNaN(value) && !math.IsInf(value, 0) {
			met := value <= limit
			g.Value, g.Met = &value, &met
		}
		list = append(list, g)
	}
	for _, p := range r.Settings.Protocols {
		added := func(work, variant string) float64 {
			if c := r.cost(p, work, variant); c != nil {
				return c.Added.median()
			}
			return math.NaN()
		}
		for _, a := range []string{"RS256", "ES256"} {
			w := a + ", warm"
			name := fmt.Sprintf("%s, 5,000 tokens, %s", w, p)
			add(name, "added at most 0.4 × jwt_authn", "×", added(w, "mcpauth")/added(w, "native"), 0.4)
			add(name, "added at most jwt_authn with its cache + 6 µs", "µs more", added(w, "mcpauth")-added(w, "cached"), 6)
		}
		for _, a := range []string{"RS256", "ES256"} {
			w := a + ", cold"
			add(fmt.Sprintf("%s, %s", w, p), "added at most 1.25 × jwt_authn", "×", added(w, "mcpauth")/added(w, "native"), 1.25)
		}
		for _, work := range []struct {
			name  string
			limit float64
		}{{"RS256, warm", 1.35}, {"ES256, warm", 1.35}, {"no token (401)", 1.3}, {"metadata (GET)", 1.3}} {
			add(fmt.Sprintf("%s, %s", work.name, p), fmt.Sprintf("added at most %v × the least that a plugin costs", work.limit), "×",
				added(work.name, "mcpauth")/added(work.name, "floor"), work.limit)
		}
		w := "no token (401)"
		add(fmt.Sprintf("%s, %s", w, p), "added at most 1.2 × jwt_authn's own 401", "×", added(w, "mcpauth")/added(w, "native"), 1.2)
		w = "metadata (GET)"
		add(fmt.Sprintf("%s, %s", w, p), "added over the direct response at most 12 µs", "µs", added(w, "mcpauth"), 12)
		add(fmt.Sprintf("RS256, cold, signatures in Wasm, %s", p), "added at most 100 µs", "µs", added("RS256, cold", "jwtlite"), 100)
		add(fmt.Sprintf("ES256, cold, signatures in Wasm, %s", p), "added at most 180 µs", "µs", added("ES256, cold", "jwtlite"), 180)
		late := func(variant string) float64 {
			if l := r.latency(p, variant); l != nil {
				return l.P999.median()
			}
			return math.NaN()
		}
		add(fmt.Sprintf("p99.9 at half load, warm, %s", p), "at most 1.3 × jwt_authn", "×", late("mcpauth")/late("native"), 1.3)
	}
	ready := func(variant string) float64 {
		if p := r.process(variant, 1); p != nil {
			return p.Ready.median()
		}
		return math.NaN()
	}
	add("start-up", "at most 1.3 s over no filter", "s", ready("mcpauth")-ready("none"), 1.3)
	add("start-up", "at most 1.5 × an empty plugin", "×", ready("mcpauth")/ready("empty"), 1.5)
	memory := func(workers int) float64 {
		with, without := r.process("mcpauth", workers), r.process("none", workers)
		if with == nil || without == nil {
			return math.NaN()
		}
		return with.Memory.median() - without.Memory.median()
	}
	add("memory, one worker", "at most 90 MB over no filter", "MB", memory(1), 90)
	if mcpauth, empty := r.process("mcpauth", 1), r.process("empty", 1); mcpauth != nil && empty != nil {
		add("memory, one worker", "at most 1.15 × an empty plugin", "×", mcpauth.Memory.median()/empty.Memory.median(), 1.15)
	}
	add("memory, each further worker", "at most 5 MB over no filter", "MB", (memory(4)-memory(1))/3, 5)
	size := math.NaN()
	if n, ok := r.Machine.Files["mcpauth"]; ok {
		size = float64(n) / 1e6
	}
	add("file", "at most 3.0 MB", "MB", size, 3)
	return list
}

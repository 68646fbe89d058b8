package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"regexp"
	"time"

	"github.com/go-jose/go-jose/v3"

	"mcpauth/envoy-example/envoy"
	"mcpauth/integration/page"
)

// growthScale says how much is measured of how the cost grows.
type growthScale struct {
	Rounds   int `json:"rounds"`
	Requests int `json:"requests"` // of a measurement with warm tokens
	Tokens   int `json:"tokens"`   // distinct ones of a measurement with cold tokens, and of those with resources
	Warm     int `json:"warm"`     // distinct ones of a measurement with warm tokens
	// MaxCycle bounds the distinct tokens of a measurement of the cache.
	MaxCycle int `json:"max_cycle"`
	// BodyBytes is about what the bodies of a measurement have together.
	BodyBytes int           `json:"body_bytes"`
	Workers   []int         `json:"workers"`
	Budget    time.Duration `json:"budget_ns"` // no round begins that would not fit in
	// endsOnly leaves out all but the least and the most of what takes an Envoy each.
	endsOnly bool
	only     *regexp.Regexp
}

// fullGrowth fits in 15 minutes on two processors, quickGrowth in three.
var (
	fullGrowth = growthScale{
		Rounds: 7, Requests: 5000, Tokens: 1000, Warm: 100, MaxCycle: 25_000, BodyBytes: 64 << 20,
		Workers: []int{1, 2, 4, 8}, Budget: 14 * time.Minute,
	}
	quickGrowth = growthScale{
		Rounds: 2, Requests: 2000, Tokens: 1000, Warm: 100, MaxCycle: 25_000, BodyBytes: 16 << 20,
		Workers: []int{1, 2, 4, 8}, Budget: 170 * time.Second,
	}
)

// growthSettingsOf returns the scale that the flags ask for.
func growthSettingsOf(quick bool, rounds int, only *regexp.Regexp) growthScale {
	s := fullGrowth
	if quick {
		s = quickGrowth
	}
	if rounds > 0 {
		s.Rounds, s.Budget = rounds, 24*time.Hour
	}
	s.only = only
	return s
}

// ends returns list, or its first and its last value.
func (s *growthScale) ends(list ...int) []int {
	if s.endsOnly && len(list) > 2 {
		return []int{list[0], list[len(list)-1]}
	}
	return list
}

// growth is what all measurements of how the cost grows share.
type growth struct {
	*bench
	scale  growthScale
	keySet string
	wasm   string
	mint   *mint
}

// grow measures, and writes the report to out, into a folder, and into a page if path is
// not empty.
func grow(ctx context.Context, scale growthScale, folder, path string, out io.Writer) error {
	g, err := newGrowth(ctx, scale)
	if err != nil {
		return err
	}
	g.progress = func(format string, args ...any) {
		fmt.Fprintf(os.Stderr, "%4.0f s  %s\n", time.Since(g.began).Seconds(), fmt.Sprintf(format, args...))
	}
	r := &growthResult{Scale: scale}
	if r.Machine, err = g.machine(ctx); err != nil {
		return err
	}
	if err := g.measure(ctx, r); err != nil {
		return err
	}
	return r.write(folder, path, out)
}

// newGrowth finds Envoy and the plugin.
func newGrowth(ctx context.Context, scale growthScale) (*growth, error) {
	g := &growth{scale: scale, bench: &bench{began: time.Now(), progress: func(string, ...any) {}}}
	var err error
	if g.binary, err = envoy.Find(ctx); err != nil {
		return nil, err
	}
	if g.wasm, err = envoy.Wasm(); err != nil {
		return nil, err
	}
	if g.cpus, err = chooseCPUs(); err != nil {
		return nil, err
	}
	g.gateway = &gateway{variants: []*variant{{Name: "mcpauth", Wasm: g.wasm}}} // for the sizes of the files
	return g, g.newKeys()
}

// newKeys makes the key of the tokens, ES256: its signatures are made fast.
func (g *growth) newKeys() (err error) {
	if g.keys, err = newKeys([]jose.SignatureAlgorithm{jose.ES256}); err != nil {
		return err
	}
	if g.keySet, err = g.keys.set(); err != nil {
		return err
	}
	g.mint, err = g.keys.mint(jose.ES256)
	return err
}

// measure measures all series that are asked for, round after round. Each round has new
// Envoys.
func (g *growth) measure(ctx context.Context, r *growthResult) error {
	scenes := map[string][]*scene{}
	for _, s := range allSeries {
		if !g.scale.only.MatchString(s.Name) {
			continue
		}
		g.progress("%s: signing the tokens", s.Name)
		var err error
		if scenes[s.Name], err = s.scenes(g); err != nil {
			return fmt.Errorf("%s: %w", s.Name, err)
		}
		r.Tables = append(r.Tables, &growthTable{series: s, Name: s.Name})
	}
	longest := time.Duration(0) // time of one round
	for round := range g.scale.Rounds {
		began := time.Now()
		if round > 0 && began.Add(longest).After(g.began.Add(g.scale.Budget)) {
			g.progress("no time for round %d and later ones", round+1)
			break
		}
		for _, t := range r.Tables {
			g.progress("round %d of %d: %s", round+1, g.scale.Rounds, t.Name)
			for _, s := range scenes[t.Name] {
				if err := g.play(ctx, t, s, round); err != nil {
					return fmt.Errorf("%s: %w", t.Name, err)
				}
			}
		}
		longest = max(longest, time.Since(began))
	}
	for _, t := range r.Tables {
		t.conclude()
	}
	return nil
}

// write writes growth.json and growth.md, and the tables into a page.
func (r *growthResult) write(folder, path string, out io.Writer) error {
	var report bytes.Buffer
	r.markdown(&report)
	if path != "" {
		if err := page.Write(path, map[string]string{"growth": "\n" + report.String() + "\n"}); err != nil {
			return err
		}
	}
	return writeReport(folder, "growth", r, report.Bytes(), nil, out)
}

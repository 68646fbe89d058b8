// Command bench measures what mcpauth costs beside Envoy's native jwt_authn
// filter: processor time of Envoy per request, rate at full load, latency at
// half load, start-up, memory and size.
//
//	go run ./bench [-quick] [-only REGEXP] [-variants NAME,...] [-http 1|2] [-rounds N] [-svg FILE]
//	go run ./bench -algorithms [...]
//	go run ./bench -soak N [-variants NAME,...]
//	go run ./bench -peers [-quick] [-docs]
//	go run ./bench -start [-docs]
//	go run ./bench -growth [-quick] [-only REGEXP] [-rounds N] [-docs]
//
// What a gateway pays is processor time; how many requests a second get through
// says as much about the generator of the load and the machine. Variants take
// turns within each round, each round in another order, so that a machine whose
// speed drifts treats them alike.
//
// The tables go to the standard output, and to build/bench as result.md,
// result.json and performance.svg. -only takes a regular expression for the
// names of work as they stand in the tables, and "latency", "start-up" and
// "memory":
//
//	go run ./bench -only 'RS256, (cold|warm)' -variants none,native,mcpauth -rounds 3
//
// -growth measures instead how the cost of a request grows: with the number of
// resources, of rules and of claims, with the size of bodies and of tokens, with
// the token cache, and with the workers. -only chooses among these by name. The
// tables go to build/bench as growth.md and growth.json, and -docs writes them
// into a page.
//
// The environment variable MCPAUTH_WASM names another file to measure as
// mcpauth, and ENVOY another Envoy. Linux only.
package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/go-jose/go-jose/v3"

	"mcpauth/envoy-example/envoy"
)

// settings say how much is measured.
type settings struct {
	Rounds   int `json:"rounds"`       // of HTTP/1.1, and at most of HTTP/2
	Rounds2  int `json:"rounds_http2"` // of HTTP/2
	Requests int `json:"requests"`     // of a measurement that is not cold
	Tokens   int `json:"tokens"`       // distinct ones
	// ProcessRounds is how often start-up and memory are measured.
	ProcessRounds int           `json:"process_rounds"`
	Paced         time.Duration `json:"paced_ns"`  // time of a measurement at half load
	Budget        time.Duration `json:"budget_ns"` // after the first round, no Envoy starts that would not fit in
	Protocols     []protocol    `json:"protocols"`
	Variants      []string      `json:"variants"`
	// Alone gives each variant an Envoy of its own, in which only no filter is beside it: a
	// gateway has one plugin, and another one's code takes room in the processor's caches.
	Alone bool `json:"alone"`
	// Algorithms are those of the tokens.
	Algorithms []jose.SignatureAlgorithm `json:"algorithms"`
	only       *regexp.Regexp
}

func (s *settings) rounds(p protocol) int {
	if p == http2c {
		return min(s.Rounds, s.Rounds2)
	}
	return s.Rounds
}

// full fits in 15 minutes on two processors, quick in four.
var (
	full = settings{
		Rounds: 5, Rounds2: 3, Requests: 10_000, Tokens: 5000, ProcessRounds: 3, Paced: 3 * time.Second,
		Budget: 14 * time.Minute, Protocols: []protocol{http1, http2c}, Alone: true,
	}
	quick = settings{
		Rounds: 2, Requests: 5000, Tokens: 5000, ProcessRounds: 1, Paced: 2 * time.Second,
		Budget: 3 * time.Minute, Protocols: []protocol{http1}, Alone: true,
	}
)

func main() {
	if err := command(); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func command() error {
	isQuick := flag.Bool("quick", false, "fewer rounds and requests, HTTP/1.1 only")
	only := flag.String("only", "", "measure only what has a name that matches this `regexp`")
	variants := flag.String("variants", "", "only these, comma separated: "+strings.Join(variantNames(), ","))
	rounds := flag.Int("rounds", 0, "so many rounds of each protocol")
	requests := flag.Int("requests", 0, "so many requests in a measurement that is not cold")
	algorithms := flag.Bool("algorithms", false, "new tokens of every signature algorithm, and nothing else unless -only says so")
	http := flag.String("http", "", "only this version of HTTP, 1 or 2")
	soak := flag.Int("soak", 0, "instead, send so `many` requests with distinct tokens and watch the memory")
	start := flag.Bool("start", false, "instead, measure the start of Envoy and its memory by their parts")
	svg := flag.String("svg", "", "write the picture to this `file` too")
	peers := flag.Bool("peers", false, "instead, compare with other ways to protect an MCP server")
	docs := flag.Bool("docs", false, "also write the tables and the picture into the pages that show them")
	growth := flag.Bool("growth", false, "instead, measure how the cost of a request grows")
	flag.Parse()
	s := full
	if *isQuick {
		s = quick
	}
	if *rounds > 0 {
		s.Rounds, s.Rounds2, s.Budget = *rounds, *rounds, 24*time.Hour
	}
	s.Requests = cmp.Or(*requests, s.Requests)
	switch *http {
	case "":
	case "1":
		s.Protocols = []protocol{http1}
	case "2":
		s.Protocols = []protocol{http2c}
	default:
		return fmt.Errorf("-http %q: want 1 or 2", *http)
	}
	s.Variants = variantNames()
	if *soak > 0 {
		s.Variants, s.Tokens = []string{"mcpauth"}, connections
	}
	if *variants != "" {
		s.Variants = strings.Split(*variants, ",")
		for _, v := range s.Variants {
			if !slices.Contains(variantNames(), v) {
				return fmt.Errorf("-variants: no variant %q", v)
			}
		}
	}
	var err error
	s.Algorithms = usual
	if *algorithms {
		s.Algorithms, *only = allAlgorithms(), cmp.Or(*only, "cold")
	}
	if s.only, err = regexp.Compile(*only); err != nil {
		return fmt.Errorf("-only: %w", err)
	}
	root, err := envoy.Root()
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if *docs && (*soak > 0 || *only != "" || *variants != "") {
		return errors.New("-docs goes with whole measurements")
	}
	page := func(name string) string { // empty if no page is to be written
		if !*docs {
			return ""
		}
		return filepath.Join(root, "docs", name)
	}
	if *start {
		return measureStarts(ctx, page("performance.md"))
	}
	if *soak > 0 {
		return watch(ctx, s, *soak)
	}
	if *peers {
		p := fullPeers
		if *isQuick {
			p = quickPeers
		}
		p.Rounds = cmp.Or(*rounds, p.Rounds)
		p.Requests = cmp.Or(*requests, p.Requests)
		return comparePeers(ctx, p, filepath.Join(root, "build", "bench"), *docs, os.Stdout)
	}
	if *growth {
		return grow(ctx, growthSettingsOf(*isQuick, *rounds, s.only), filepath.Join(root, "build", "bench"), page("scaling.md"), os.Stdout)
	}
	docsRoot := ""
	if *docs {
		docsRoot = root
	}
	return run(ctx, s, filepath.Join(root, "build", "bench"), *svg, docsRoot, os.Stdout)
}

// run measures, and writes the report to out and, with the other files, into a
// folder, and tables into the pages of a repository unless its root is empty.
func run(ctx context.Context, s settings, folder, svg, docsRoot string, out io.Writer) error {
	b, err := newBench(ctx, s)
	if err != nil {
		return err
	}
	defer b.gateway.release()
	b.progress = func(format string, args ...any) {
		fmt.Fprintf(os.Stderr, "%4.0f s  %s\n", time.Since(b.began).Seconds(), fmt.Sprintf(format, args...))
	}
	r := &Result{Settings: s}
	if r.Machine, err = b.machine(ctx); err != nil {
		return err
	}
	if err := b.processes(ctx, r); err != nil {
		return err
	}
	if err := b.requests(ctx, r); err != nil {
		return err
	}
	r.Goals = r.goals()
	if docsRoot != "" {
		if err := r.writeDocs(docsRoot); err != nil {
			return err
		}
		svg = cmp.Or(svg, filepath.Join(docsRoot, "docs", "performance.svg"))
	}
	return r.write(folder, svg, out)
}

// write writes result.json, result.md and performance.svg, and the picture to svg too unless
// that is empty.
func (r *Result) write(folder, svg string, out io.Writer) error {
	var report, picture bytes.Buffer
	r.markdown(&report)
	if err := r.picture(&picture); err != nil {
		return err
	}
	if svg != "" {
		if err := os.WriteFile(svg, picture.Bytes(), 0o644); err != nil {
			return err
		}
	}
	return writeReport(folder, "result", r, report.Bytes(), map[string][]byte{"performance.svg": picture.Bytes()}, out)
}

// writeReport writes a result as name.json, its report as name.md, and further files into a
// folder, and the report to out.
func writeReport(folder, name string, result any, report []byte, more map[string][]byte, out io.Writer) error {
	doc, err := json.MarshalIndent(result, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	files := map[string][]byte{name + ".json": append(doc, '\n'), name + ".md": report}
	maps.Copy(files, more)
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(folder, name), content, 0o644); err != nil {
			return err
		}
	}
	_, err = out.Write(report)
	return err
}

// watch prints how the memory moves.
func watch(ctx context.Context, s settings, requests int) error {
	b, err := newBench(ctx, s)
	if err != nil {
		return err
	}
	defer b.gateway.release()
	b.gateway.CacheEntries = 0 // the default
	return b.soak(ctx, os.Stdout, requests)
}

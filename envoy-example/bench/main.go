// Command bench measures what mcpauth costs beside Envoy's native jwt_authn
// filter, in one Envoy with one worker: processor time of the Envoy process
// per request, time until it is ready, memory, and the size of the file.
//
//	go run ./bench [-requests N] [-rounds N]
//
// Processor time is what a gateway pays; how many requests a second a load
// generator on the same machine gets through says little about that. Variants
// take turns within each round, so that a machine whose speed drifts treats
// them alike, and the medians over the rounds are printed as a Markdown table.
// Linux only.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"time"

	"mcpauth/envoy-example/envoy"
)

func main() {
	requests := flag.Int("requests", 10_000, "requests of one measurement")
	rounds := flag.Int("rounds", 3, "measurements of each kind")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *requests, *rounds); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, requests, rounds int) error {
	binary, err := envoy.Find(ctx)
	if err != nil {
		return err
	}
	wasm, err := envoy.Wasm()
	if err != nil {
		return err
	}
	g, err := newGateway(wasm)
	if err != nil {
		return err
	}
	defer g.release()
	if err := perProcess(ctx, binary, g, rounds); err != nil {
		return err
	}
	return perRequest(ctx, binary, g, requests, rounds)
}

// perProcess prints what an Envoy costs that only starts, with and without the
// plugin.
func perProcess(ctx context.Context, binary string, g *gateway, rounds int) error {
	variants := []variant{g.variant("none"), g.variant("mcpauth")}
	ready := make([][]float64, len(variants))
	memory := make([][]float64, len(variants))
	for range rounds {
		for i, v := range variants {
			bootstrap, err := g.bootstrap(v)
			if err != nil {
				return err
			}
			began := time.Now()
			p, err := envoy.Start(ctx, binary, envoy.Options{Bootstrap: bootstrap, Workers: 1})
			if err != nil {
				return err
			}
			ready[i] = append(ready[i], time.Since(began).Seconds())
			time.Sleep(time.Second) // what is freed after the start is gone then
			rss, err := p.RSS()
			p.Stop()
			if err != nil {
				return err
			}
			memory[i] = append(memory[i], float64(rss)/1e6)
		}
	}
	info, err := os.Stat(g.Wasm)
	if err != nil {
		return err
	}
	fmt.Printf("File: %.2f MB\n\n", float64(info.Size())/1e6)
	fmt.Printf("| Envoy with one worker | ready after, s | resident memory, MB |\n|---|---|---|\n")
	for i, v := range variants {
		fmt.Printf("| %s | %.2f | %.0f |\n", v.Title, median(ready[i]), median(memory[i]))
	}
	fmt.Println()
	return nil
}

// perRequest prints the processor time of each kind of work.
func perRequest(ctx context.Context, binary string, g *gateway, requests, rounds int) error {
	bootstrap, err := g.bootstrap(g.all...)
	if err != nil {
		return err
	}
	p, err := envoy.Start(ctx, binary, envoy.Options{Bootstrap: bootstrap, Workers: 1})
	if err != nil {
		return err
	}
	defer p.Stop()

	works, err := g.works(requests)
	if err != nil {
		return err
	}
	fmt.Printf("Processor time of Envoy in microseconds per request (median of %d rounds of %d requests; added: over no filter)\n\n", rounds, requests)
	fmt.Printf("| work | variant | per request | added | spread |\n|---|---|---|---|---|\n")
	for _, w := range works {
		times := make([][]float64, len(g.all))
		for range rounds {
			for i, v := range g.all {
				t, err := w.measure(ctx, p, v, requests)
				if err != nil {
					return fmt.Errorf("%s, %s: %w", w.name, v.Name, err)
				}
				times[i] = append(times[i], t)
			}
		}
		base := median(times[0])
		for i, v := range g.all {
			low, high := extent(times[i])
			fmt.Printf("| %s | %s | %.1f | %.1f | %.1f–%.1f |\n", w.name, v.Title, median(times[i]), median(times[i])-base, low, high)
		}
	}
	return nil
}

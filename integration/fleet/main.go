// Command fleet measures what an authorization server sees of fleets of proxies of
// several sizes, computes it for larger ones, and computes how many requests of typical
// fleets find their token in a cache.
//
//	go run ./fleet [-quick] [-computed] [-docs]
//
// Each fleet is of real Envoys on this machine. The requests to the authorization server
// are counted, so the figures do not depend on how fast the machine is. It takes up to
// ten minutes. The tables go to the standard output and to build/bench/fleet.md.
package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"mcpauth/envoy-example/envoy"
	"mcpauth/integration/page"
)

// sizes are the fleets that are measured.
var sizes = []struct{ proxies, workers int }{{1, 1}, {1, 2}, {2, 1}, {2, 2}, {4, 1}, {4, 2}, {8, 1}, {8, 2}}

const (
	floodKeys = 10_000
	floodRate = 1000 // a second, at each proxy

	// peace is how long the last fleet is watched with no more than its usual load, with
	// keys that are to be fetched each minute.
	peace      = 125 * time.Second
	peaceFresh = time.Minute
)

func main() {
	if err := command(); err != nil {
		fmt.Fprintln(os.Stderr, "fleet:", err)
		os.Exit(1)
	}
}

func command() error {
	quick := flag.Bool("quick", false, "measure one and two proxies only")
	computed := flag.Bool("computed", false, "measure nothing")
	docs := flag.Bool("docs", false, "also write the tables into docs/scaling.md")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	root, err := envoy.Root()
	if err != nil {
		return err
	}
	blocks := map[string]string{computedBlock: computedTable(), hitRateBlock: hitRateTable()}
	var report bytes.Buffer
	if !*computed {
		measured, err := measureAll(ctx, *quick)
		if err != nil {
			return err
		}
		blocks[measuredBlock] = measuredTable(measured)
	}
	for _, name := range []string{measuredBlock, computedBlock, hitRateBlock} {
		if blocks[name] != "" {
			fmt.Fprintf(&report, "%s\n", blocks[name])
		}
	}
	folder := filepath.Join(root, "build", "bench")
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(folder, "fleet.md"), report.Bytes(), 0o644); err != nil {
		return err
	}
	if _, err := os.Stdout.Write(report.Bytes()); err != nil || !*docs {
		return err
	}
	return page.Write(filepath.Join(root, "docs", "scaling.md"), blocks)
}

// measureAll measures the fleets of all sizes.
func measureAll(ctx context.Context, quick bool) ([]*Measured, error) {
	began := time.Now()
	var all []*Measured
	for i, size := range sizes {
		if quick && size.proxies > 2 {
			break
		}
		fmt.Fprintf(os.Stderr, "%4.0f s  %d proxies of %d workers\n", time.Since(began).Seconds(), size.proxies, size.workers)
		o := measurement{proxies: size.proxies, workers: size.workers, unknown: floodKeys, rate: floodRate}
		if i == len(sizes)-1 {
			o.peace = peace
		}
		m, err := o.run(ctx)
		if err != nil {
			return nil, fmt.Errorf("%d proxies of %d workers: %w", size.proxies, size.workers, err)
		}
		all = append(all, m)
	}
	return all, nil
}

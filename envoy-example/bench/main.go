// Command bench measures what mcpauth costs beside Envoy's native jwt_authn
// filter, in one Envoy with one worker.
//
//	go run ./bench [-quick] [-only REGEXP] [-variants NAME,...] [-rounds N] [-requests N]
//
// The processor time of the Envoy process per request is what a gateway pays.
// Variants take turns within each round, each time in another order, so that a
// machine whose speed drifts treats them alike. Linux only.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"time"
)

// settings say how much is measured.
type settings struct {
	Rounds    int        `json:"rounds"`
	Requests  int        `json:"requests"` // of a measurement that is not cold
	Tokens    int        `json:"tokens"`   // distinct ones
	Protocols []protocol `json:"protocols"`
	Variants  []string   `json:"variants"`
	only      *regexp.Regexp
}

func main() {
	s := settings{Rounds: 5, Requests: 10_000, Tokens: 5000, Protocols: []protocol{http1, http2c}, Variants: variantNames}
	quick := flag.Bool("quick", false, "two rounds, HTTP/1.1 only")
	only := flag.String("only", "", "measure only what has a name that matches this regular expression")
	variants := flag.String("variants", "", "only these variants: "+strings.Join(variantNames, ","))
	rounds := flag.Int("rounds", 0, "rounds, instead of the usual number")
	requests := flag.Int("requests", s.Requests, "requests of a measurement")
	flag.Parse()
	err := func() (err error) {
		if *quick {
			s.Rounds, s.Protocols = 2, []protocol{http1}
		}
		if *rounds > 0 {
			s.Rounds = *rounds
		}
		s.Requests = *requests
		if *variants != "" {
			s.Variants = strings.Split(*variants, ",")
			for _, v := range s.Variants {
				if !slices.Contains(variantNames, v) {
					return fmt.Errorf("no variant %q", v)
				}
			}
		}
		if s.only, err = regexp.Compile(*only); err != nil {
			return err
		}
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		defer stop()
		return run(ctx, s)
	}()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, s settings) error {
	b, err := newBench(ctx, s)
	if err != nil {
		return err
	}
	defer b.gateway.release()
	began := time.Now()
	b.progress = func(format string, args ...any) {
		fmt.Fprintf(os.Stderr, "%4.0f s  %s\n", time.Since(began).Seconds(), fmt.Sprintf(format, args...))
	}
	r := &Result{}
	if err := b.costs(ctx, r); err != nil {
		return err
	}
	for _, c := range r.Costs {
		fmt.Printf("%-9s %-16s %-8s cpu %6.1f  added %6.1f (%.1f–%.1f)  rate %6.0f envoy %.2f load %.2f\n", c.Protocol, c.Work, c.Variant,
			c.CPU.median(), c.Added.median(), slices.Min(c.Added), slices.Max(c.Added), c.Rate.median(), c.EnvoyBusy.median(), c.LoadBusy.median())
	}
	return nil
}

// Command jwtlite runs the benchmarks of package jwtlite as a plugin's code
// runs, compiled to WebAssembly, in V8 with its optimiser alone, and natively,
// and prints the times as a Markdown table.
//
//	go run ./bench/jwtlite [-bench PATTERN] [-rounds N]
//
// The two take turns, and the fastest of several runs counts: what else runs on
// the machine only ever adds. The ratio is to the verification of the standard
// library, which runs beside each. Needs Node.js.
package main

import (
	"context"
	_ "embed"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

//go:embed run.mjs
var runner []byte

func main() {
	bench := flag.String("bench", "Parse/|Judge|Verify|Prepare|SHA256", "which benchmarks, as for go test")
	rounds := flag.Int("rounds", 7, "runs of each, of which the fastest counts")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *bench, *rounds); err != nil {
		fmt.Fprintln(os.Stderr, "jwtlite:", err)
		os.Exit(1)
	}
}

// results are the times of each benchmark, in the order in which they ran.
type results struct {
	names []string
	times map[string][]float64 // in nanoseconds
}

func run(ctx context.Context, bench string, rounds int) error {
	dir, err := os.MkdirTemp("", "jwtlite")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	script := filepath.Join(dir, "run.mjs")
	if err := os.WriteFile(script, runner, 0o600); err != nil {
		return err
	}
	native, wasm := filepath.Join(dir, "native"), filepath.Join(dir, "wasm")
	if err := build(ctx, native); err != nil {
		return err
	}
	if err := build(ctx, wasm, "GOOS=wasip1", "GOARCH=wasm"); err != nil {
		return err
	}

	args := []string{"-test.run=^$", "-test.bench=" + bench, "-test.benchtime=50ms", "-test.cpu=1"}
	var v8, here results
	for range rounds {
		if err := v8.add(ctx, "node", append([]string{"--no-warnings", "--no-liftoff", script, wasm}, args...)); err != nil {
			return err
		}
		if err := here.add(ctx, native, args); err != nil {
			return err
		}
	}
	fmt.Println("| benchmark | V8, µs | of std | native, µs | of std |\n|---|---|---|---|---|")
	for _, name := range v8.names {
		fmt.Printf("| %s | %s | %s |\n", name, v8.cells(name), here.cells(name))
	}
	return nil
}

func build(ctx context.Context, out string, env ...string) error {
	c := exec.CommandContext(ctx, "go", "test", "-c", "-o", out, "mcpauth/jwtlite")
	c.Env = append(os.Environ(), env...)
	c.Stderr = os.Stderr
	return c.Run()
}

var line = regexp.MustCompile(`(?m)^Benchmark(\S+)\s+\d+\s+([\d.]+) ns/op`)

func (r *results) add(ctx context.Context, program string, args []string) error {
	c := exec.CommandContext(ctx, program, args...)
	c.Stderr = os.Stderr
	out, err := c.Output()
	if err != nil {
		return fmt.Errorf("%s: %w", program, err)
	}
	if r.times == nil {
		r.times = map[string][]float64{}
	}
	for _, match := range line.FindAllStringSubmatch(string(out), -1) {
		ns, err := strconv.ParseFloat(match[2], 64)
		if err != nil {
			return err
		}
		if _, ok := r.times[match[1]]; !ok {
			r.names = append(r.names, match[1])
		}
		r.times[match[1]] = append(r.times[match[1]], ns)
	}
	if len(r.names) == 0 {
		return fmt.Errorf("%s ran no benchmark", program)
	}
	return nil
}

// cells returns the time in microseconds and its ratio to that of the standard
// library for the same algorithm.
func (r *results) cells(name string) string {
	ratio := ""
	group, algorithm, _ := strings.Cut(name, "/")
	algorithm, _, _ = strings.Cut(algorithm, "/")
	if std := r.fastest(group + "/" + algorithm + "/std"); std > 0 {
		ratio = fmt.Sprintf("%.2f", r.fastest(name)/std)
	}
	return fmt.Sprintf("%.1f | %s", r.fastest(name)/1000, ratio)
}

// fastest returns 0 for a benchmark that did not run.
func (r *results) fastest(name string) float64 {
	if len(r.times[name]) == 0 {
		return 0
	}
	return slices.Min(r.times[name])
}

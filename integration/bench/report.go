package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
)

// title is the name of a variant for readers.
func (r *Result) title(variant string) string {
	for _, v := range variants {
		if v.Name == variant {
			return v.Title
		}
	}
	return variant
}

// markdown writes all figures as tables.
func (r *Result) markdown(w io.Writer) {
	m, s := r.Machine, r.Settings
	fmt.Fprintf(w, "Measured %s on %s, %d processors, Linux %s, with Envoy %s and Go %s.\n", m.Time.Format("2006-01-02"), m.CPU, m.Cores, m.Kernel, m.Envoy, m.Go)
	if !m.Chosen.Pinned {
		fmt.Fprintln(w, "With one processor only, Envoy and the load take it from each other: the rates and latencies say little.")
	} else if m.Chosen.Shared {
		fmt.Fprintln(w, "Envoy and the load ran on two threads of one core, which slow each other down.")
	}
	if len(r.Costs) > 0 {
		fmt.Fprintf(w, `
## Processor time per request

Microseconds of Envoy's processor per request: one worker on a processor of its
own with a listener for the filter and one for none, the load on another, %d connections that stay open, as fast as the answers
come. Cold: %d tokens of about 900 bytes that this Envoy has never seen. Warm:
the same ones again, in turn, %d requests. Added: over no filter in the same
round. All figures are medians over the rounds; in brackets the least and the
most. Each cache holds %d tokens. A buffer filter before all others collects the
body of the POST, for an answer before that would close the connection.
Busy: the share of the time in which Envoy, or the load, used its processor. The
rate is Envoy's only where Envoy is the one at 100%%.
`, connections, s.Tokens, s.Requests, cacheEntries)
		if !r.undisturbed() {
			fmt.Fprint(w, `
**In much of the time neither Envoy nor the load had its processor to itself:
something else ran on this machine. Take the figures with care.**
`)
		}
		for _, p := range s.Protocols {
			r.costTable(w, p)
		}
	}
	if len(r.Latencies) > 0 {
		fmt.Fprint(w, `
## Latency at half load

Milliseconds until the answer is read, warm RS256 tokens, at one fixed rate for
all: half of what the slowest of them got through at full load. The time runs
from when a request was sent, or from when it was due if its connection was
still busy then, so that a stall counts for all the requests that it delays.

| | | rate | p50 | p99 | p99.9 |
|---|---|---:|---:|---:|---:|
`)
		for _, l := range r.Latencies {
			fmt.Fprintf(w, "| %s | %s | %.0f/s | %s | %s | %s |\n", l.Protocol, r.title(l.Variant), l.Rate.median(), ms(l.P50), ms(l.P99), ms(l.P999))
		}
	}
	if len(r.Processes) > 0 {
		fmt.Fprintf(w, `
## Start-up and memory

From the start of Envoy, on all processors, until it is ready; resident memory
after %d requests with distinct tokens. Default settings.

| | workers | ready, s | memory, MB |
|---|---:|---:|---:|
`, memoryRequests)
		for _, p := range r.Processes {
			fmt.Fprintf(w, "| %s | %d | %s | %s |\n", r.title(p.Variant), p.Workers, spread(p.Ready, "%.2f"), spread(p.Memory, "%.0f"))
		}
	}
	fmt.Fprintf(w, "\n## Files\n\n| | bytes |\n|---|---:|\n")
	for _, v := range variants {
		if n, ok := m.Files[v.Name]; ok {
			fmt.Fprintf(w, "| %s | %d |\n", v.Title, n)
		}
	}
	r.goalTable(w)
}

func (r *Result) costTable(w io.Writer, p protocol) {
	rounds := 0
	for _, c := range r.Costs {
		if c.Protocol == p {
			rounds = len(c.CPU)
		}
	}
	fmt.Fprintf(w, "\n### %s, rounds: %d\n\n", p, rounds)
	fmt.Fprint(w, "| work | filter | per request | added | × jwt_authn | requests/s | Envoy busy | load busy |\n|---|---|---:|---:|---:|---:|---:|---:|\n")
	last := ""
	for _, k := range works {
		for _, v := range variants {
			c := r.cost(p, k.Name, v.Name)
			if c == nil {
				continue
			}
			name := k.Name
			if name == last {
				name = ""
			}
			last = k.Name
			added, ratio := "", ""
			if v.Name != "none" && len(c.Added) > 0 {
				added = spread(c.Added, "%.1f")
				if native := r.cost(p, k.Name, "native"); native != nil {
					ratio = figure("%.2f", c.Added.median()/native.Added.median())
				}
			}
			fmt.Fprintf(w, "| %s | %s | %s | %s | %s | %.0f | %.0f%% | %.0f%% |\n", name, v.Title, spread(c.CPU, "%.1f"), added, ratio,
				c.Rate.median(), 100*c.EnvoyBusy.median(), 100*c.LoadBusy.median())
		}
	}
}

func (r *Result) goalTable(w io.Writer) {
	fmt.Fprintf(w, "\n## The goals of the project\n\n| | goal | measured | met |\n|---|---|---:|---|\n")
	for _, g := range r.Goals {
		value, met := "–", "not measured"
		if g.Value != nil {
			value = figure("%.2f", *g.Value) + " " + g.Unit
			met = map[bool]string{true: "yes", false: "**no**"}[*g.Met]
		}
		fmt.Fprintf(w, "| %s | %s | %s | %s |\n", g.Name, g.Target, value, met)
	}
	fmt.Fprintf(w, "\nHow much garbage a request makes is held by the tests of the built file and of jwtlite.\n")
}

// undisturbed tells whether in most measurements one of the two that share the
// machine was at work all the time, as it must be if nothing else is.
func (r *Result) undisturbed() bool {
	var busiest sample
	for _, c := range r.Costs {
		for i := range c.EnvoyBusy {
			busiest = append(busiest, max(c.EnvoyBusy[i], c.LoadBusy[i]))
		}
	}
	return len(busiest) == 0 || busiest.median() >= 0.9
}

// figure formats a number with a real minus sign.
func figure(verb string, value float64) string {
	return strings.Replace(fmt.Sprintf(verb, value), "-", "−", 1)
}

// spread formats a median, and the least and the most if there are several.
func spread(s sample, verb string) string {
	if len(s) < 2 {
		return figure(verb, s.median())
	}
	return fmt.Sprintf("%s (%s–%s)", figure(verb, s.median()), figure(verb, slices.Min(s)), figure(verb, slices.Max(s)))
}

// ms formats microseconds as milliseconds.
func ms(s sample) string {
	var in sample
	for _, v := range s {
		in = append(in, v/1000)
	}
	return spread(in, "%.2f")
}

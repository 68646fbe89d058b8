package main

import (
	"fmt"
	"strings"
	"time"

	"mcpauth/internal/tokencache/hitrate"
)

// The blocks of docs/scaling.md that this command writes.
const (
	measuredBlock = "fleet"
	computedBlock = "fleet-computed"
	hitRateBlock  = "fleet-hit-rates"
)

// sum adds up the requests of all proxies.
func sum(list []tally) tally {
	var all tally
	for _, t := range list {
		for what, n := range t {
			all[what] += n
		}
	}
	return all
}

// most returns the most that one proxy asked for.
func most(list []tally) tally {
	var all tally
	for _, t := range list {
		for what, n := range t {
			all[what] = max(all[what], n)
		}
	}
	return all
}

// measuredTable has a row for each measured fleet.
func measuredTable(all []*Measured) string {
	var b strings.Builder
	fmt.Fprintf(&b, "| proxies × workers | start: metadata, keys | rotation: keys | flood of %s unknown keys at each proxy: keys | %d opaque tokens at all workers: questions |\n", thousands(all[0].FloodKeys), opaqueTokens)
	b.WriteString("|---:|---:|---:|---:|---:|\n")
	var start, rotation, flood tally
	perWorker := 0
	for _, m := range all {
		fmt.Fprintf(&b, "| %d × %d | %d, %d | %d | %d in %.0f s | %s |\n", m.Proxies, m.Workers, sum(m.Start)[metadata], sum(m.Start)[keys],
			sum(m.Rotation)[keys], sum(m.Flood)[keys], m.FloodTime.Seconds(), thousands(sum(m.Opaque)[introspection]))
		perWorker = max(perWorker, ceilDiv(most(m.Opaque)[introspection], m.Workers))
		start, rotation, flood = most([]tally{start, most(m.Start)}), most([]tally{rotation, most(m.Rotation)}), most([]tally{flood, most(m.Flood)})
	}
	fmt.Fprintf(&b, "| most of one proxy | %d, %d | %d | %d | %d for each worker |\n", start[metadata], start[keys], rotation[keys], flood[keys], perWorker)
	for _, m := range all {
		if m.Peace == nil {
			continue
		}
		fmt.Fprintf(&b, "\nIn %.0f quiet seconds after their start, with keys that are to be fetched each minute, %d proxies of %d workers asked for keys %d times and for metadata %d times. No proxy asked for keys more than %d times.\n",
			m.PeaceTime.Seconds(), m.Proxies, m.Workers, sum(m.Peace)[keys], sum(m.Peace)[metadata], most(m.Peace)[keys])
	}
	return b.String()
}

// computedTable has what fleets ask for, by the bounds of one proxy.
func computedTable() string {
	var b strings.Builder
	b.WriteString("| what happens | asked for | 1 proxy | 10 proxies | 100 proxies |\n|---|---|---:|---:|---:|\n")
	row := func(what, asked string, least, most int) {
		fmt.Fprintf(&b, "| %s | %s |", what, asked)
		for _, n := range []int{1, 10, 100} {
			if least == most {
				fmt.Fprintf(&b, " %s |", thousands(n*most))
			} else {
				fmt.Fprintf(&b, " %s to %s |", thousands(n*least), thousands(n*most))
			}
		}
		b.WriteString("\n")
	}
	row("all start", "metadata", atStart()[metadata], atStart()[metadata])
	row("", "keys", atStart()[keys], atStart()[keys])
	row("a new key is in use, after quiet times", "keys", atRotation()[keys], atRotation()[keys])
	for _, fresh := range []struct {
		text string
		time time.Duration
	}{
		{"an hour, keys with `max-age=60`, `no-store` or `no-cache`", time.Minute},
		{"an hour, keys without `Cache-Control` or with `max-age=300`", refreshInterval},
		{"an hour, keys with `max-age=3600` or more", time.Hour},
	} {
		least, most := inPeace(time.Hour, fresh.time)
		row(fresh.text, "keys", least[keys], most[keys])
	}
	row("an hour, whatever `Cache-Control` says", "metadata", 0, 1)
	minute, hour := inFlood(time.Minute)[keys], inFlood(time.Hour)[keys]
	row("a minute of ever new unknown keys", "keys", minute, minute)
	row("an hour of ever new unknown keys", "keys", hour, hour)
	with, without := inOutage(time.Hour)
	row("an hour of failure, with keys in hand", "fetches, at most", with, with)
	row("an hour of failure, without keys, while requests come", "fetches, at most", without, without)
	for _, workers := range []int{2, 8} {
		n := forOpaque(1000, workers)[introspection]
		row(fmt.Sprintf("a minute, 1,000 opaque tokens at all workers, %d workers in each proxy", workers), "questions, at most", n, n)
	}
	return b.String()
}

// What a request adds to the processor time of Envoy, in microseconds: the RS256 rows of
// README.md.
const (
	warmCost = 18
	coldCost = 79
)

// hitRateTable has a row for each typical fleet.
func hitRateTable() string {
	var b strings.Builder
	b.WriteString("| fleet | proxies × workers | balanced | `max_entries` | hit rate | with room for all | verified in a second, in all | µs a request |\n|---|---:|---|---:|---:|---:|---:|---:|\n")
	for _, f := range hitrate.Typical {
		r := f.Simulate()
		cost := fmt.Sprintf("%.0f", r.Cost(warmCost, coldCost))
		if f.Remembered != 0 {
			cost = "–" // it is the question that costs
		}
		fmt.Fprintf(&b, "| %s | %d × %d | %s | %s | %.1f %% | %.1f %% | %s | %s |\n", f.Name, f.Proxies, f.Workers, f.Balancing, thousands(f.Entries),
			100*r.HitRate(), 100*r.Ideal(), rate(f.RequestsPerHour()*(1-r.HitRate())/3600), cost)
	}
	return b.String()
}

// rate formats a number of events in a second.
func rate(n float64) string {
	switch {
	case n < 1:
		return fmt.Sprintf("%.2f", n)
	case n < 10:
		return fmt.Sprintf("%.1f", n)
	}
	return thousands(int(n + 0.5))
}

// thousands formats a number with commas.
func thousands(n int) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

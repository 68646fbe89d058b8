package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// The marks of a state in tables.
const possibleByCode = "†"

// peersIn returns the set-ups that were measured or probed and are no base, in their order.
func (r *PeerResult) peersIn() []*peer { return protecting(allPeers()) }

// markdown writes all that was found as tables.
func (r *PeerResult) markdown(w io.Writer) {
	fmt.Fprintf(w, "%s\n", r.machineText())
	if !r.undisturbed() {
		fmt.Fprint(w, `
**In much of the time what was measured did not have its processor to itself: something else ran on
this machine. Take the figures with care.**
`)
	}
	fmt.Fprintf(w, `
## Costs

Microseconds of processor time per request, in all processes that take part. Added: over the same
server without the part that checks tokens, in the same round. All figures are medians over the
rounds; in brackets the least and the most. %d connections stay open, on one processor; Envoy, the
authorization service and the server share another. New: %d tokens of about 900 bytes in each round.
Seen before: the same ones again, in turn, %d requests.
`, connections, r.Settings.Tokens, r.Settings.Requests)
	for _, work := range peerWorks {
		r.workTable(w, work)
	}
	fmt.Fprintf(w, "\n## Memory\n\nMegabytes that the processes besides Envoy have at the end.\n\n%s", r.memoryTable())
	fmt.Fprintf(w, "\n## Latency\n\n%s\n%s", latencyText, r.latencyTable(allPeers()))
	fmt.Fprintf(w, "\n## Behaviours\n\n%s\n%s", r.behaviourTable(), behaviourNote)
	fmt.Fprintf(w, "\n## Times of what takes time, in seconds\n\n%s", r.secondsTable())
	fmt.Fprintf(w, "\n## Versions\n\n%s\n", r.versionsText())
}

const latencyText = `Milliseconds until the answer is read, RS256 tokens that were seen before, at two fixed rates: half of
what this set-up gets through, and one for all, half of what the slowest gets through.
`

const behaviourNote = `
† Whoever runs it could add this in code of their own: to the service, the verifier or the tools.
`

// machineText says what was measured where.
func (r *PeerResult) machineText() string {
	m := r.Machine
	return fmt.Sprintf("Measured %s on %s, %d processors, Linux %s, with Envoy %s: %d rounds.",
		m.Time.Format("2006-01-02"), m.CPU, m.Cores, m.Kernel, m.Envoy, r.rounds())
}

// rounds is how many were measured.
func (r *PeerResult) rounds() int {
	for _, c := range r.Costs {
		return len(c.CPU)
	}
	return 0
}

// versionsText lists the versions of all that was compared.
func (r *PeerResult) versionsText() string {
	var list []string
	for _, name := range slices.SortedFunc(maps.Keys(r.Versions), func(a, b string) int {
		return strings.Compare(strings.ToLower(a), strings.ToLower(b))
	}) {
		list = append(list, "`"+name+"` "+r.Versions[name])
	}
	return wrap("Versions: Envoy "+r.Machine.Envoy+", "+strings.Join(list, ", ")+".", 100)
}

// wrap breaks a text into lines.
func wrap(text string, width int) string {
	var lines []string
	line := ""
	for word := range strings.FieldsSeq(text) {
		if line != "" && len(line)+1+len(word) > width {
			lines, line = append(lines, line), ""
		}
		line = strings.TrimSpace(line + " " + word)
	}
	return strings.Join(append(lines, line), "\n")
}

func (r *PeerResult) workTable(w io.Writer, work peerWork) {
	fmt.Fprintf(w, "\n### %s\n\n| set-up | per request | added | in Envoy | in the service | in the server | requests/s |\n|---|---:|---:|---:|---:|---:|---:|\n", work.Name)
	for _, p := range allPeers() {
		c := r.cost(work.Name, p.Name)
		if c == nil {
			continue
		}
		added, parts := "", []string{"", "", ""}
		if len(c.Added) > 0 {
			added = spread(c.Added, "%.0f")
			for i, part := range []string{"envoy", "service", "server"} {
				if s := c.AddedParts[part]; len(s) > 0 {
					parts[i] = figure("%.0f", s.median())
				}
			}
		}
		fmt.Fprintf(w, "| %s | %s | %s | %s | %.0f |\n", p.Title, spread(c.CPU, "%.0f"), added, strings.Join(parts, " | "), c.Rate.median())
	}
}

// costTable is the short form of the costs, for the page.
func (r *PeerResult) costTable() string {
	var b strings.Builder
	b.WriteString("| set-up | RS256, seen before | RS256, new | ES256, seen before | ES256, new | no token (401), in all | requests/s |\n|---|---:|---:|---:|---:|---:|---:|\n")
	for _, p := range r.peersIn() {
		fmt.Fprintf(&b, "| %s |", p.Title)
		for _, i := range []int{1, 0, 3, 2, 4} { // as in the head
			work, text := peerWorks[i], "–"
			c := r.cost(work.Name, p.Name)
			switch {
			case c == nil:
			case work.kind == noToken:
				text = figure("%.0f", c.CPU.median())
			default:
				text = spread(c.Added, "%.0f")
			}
			fmt.Fprintf(&b, " %s |", text)
		}
		rate := "–"
		if c := r.cost(peerWorks[1].Name, p.Name); c != nil {
			rate = figure("%.0f", c.Rate.median())
		}
		fmt.Fprintf(&b, " %s |\n", rate)
	}
	return b.String()
}

// baseTable has what the bases cost.
func (r *PeerResult) baseTable() string {
	var b strings.Builder
	b.WriteString("| server, no token checked | per request | requests/s |\n|---|---:|---:|\n")
	for _, p := range allPeers() {
		if c := r.cost(peerWorks[1].Name, p.Name); c != nil && !p.filters() {
			fmt.Fprintf(&b, "| %s | %s | %.0f |\n", p.Title, spread(c.CPU, "%.0f"), c.Rate.median())
		}
	}
	return b.String()
}

// memoryTable has the memory of the processes besides Envoy.
func (r *PeerResult) memoryTable() string {
	var b strings.Builder
	b.WriteString("| process | MB |\n|---|---:|\n")
	for _, p := range allPeers() {
		name, title := p.Server, p.Title
		if p.Authz != "" {
			name, title = p.Authz, p.Title+": the service"
		}
		if mb, ok := r.Memory[name]; ok && (p.Authz != "" || p.Name == "envoy" || p.Base != "envoy") {
			if p.Name == "envoy" {
				title = "the server of the gateways"
			}
			fmt.Fprintf(&b, "| %s | %.0f |\n", title, mb)
		}
	}
	return b.String()
}

func (r *PeerResult) latencyTable(peers []*peer) string {
	var b strings.Builder
	b.WriteString("| set-up | half of its own rate | p50 | p99 | rate for all | p50 | p99 |\n|---|---:|---:|---:|---:|---:|---:|\n")
	for _, p := range peers {
		if l := r.latency(p.Name); l != nil {
			fmt.Fprintf(&b, "| %s | %.0f/s | %s | %s | %.0f/s | %s | %s |\n", p.Title,
				l.Half.Rate, msMedian(l.Half.P50), msMedian(l.Half.P99), l.Common.Rate, msMedian(l.Common.P50), msMedian(l.Common.P99))
		}
	}
	return b.String()
}

// msMedian formats the median of microseconds as milliseconds.
func msMedian(s sample) string { return figure("%.2f", s.median()/1000) }

// behaviourTable has a row for each behaviour and a column for each set-up.
func (r *PeerResult) behaviourTable() string {
	var b strings.Builder
	b.WriteString("| behaviour | where it stands |")
	peers := r.peersIn()
	for _, p := range peers {
		b.WriteString(" " + p.Short + " |")
	}
	b.WriteString("\n|---|---|" + strings.Repeat("---|", len(peers)) + "\n")
	for _, each := range r.Behaviours {
		fmt.Fprintf(&b, "| %s | %s |", each.Name, each.Section)
		for _, p := range peers {
			state := each.States[p.Name]
			if state == no && each.ByCode && p.Code {
				state += possibleByCode
			}
			fmt.Fprintf(&b, " %s |", state)
		}
		b.WriteString("\n")
	}
	b.WriteString("| **yes, of those that apply** | |")
	for _, p := range peers {
		fmt.Fprintf(&b, " **%s** |", r.score(p.Name))
	}
	b.WriteString("\n")
	return b.String()
}

// secondsTable has how long it took the set-ups to recover and to learn of new keys.
func (r *PeerResult) secondsTable() string {
	var b strings.Builder
	b.WriteString("| |")
	peers := r.peersIn()
	for _, p := range peers {
		b.WriteString(" " + p.Short + " |")
	}
	b.WriteString("\n|---|" + strings.Repeat("---:|", len(peers)) + "\n")
	for _, each := range r.Behaviours {
		if each.Seconds == nil {
			continue
		}
		fmt.Fprintf(&b, "| %s |", each.Name)
		for _, p := range peers {
			text := fmt.Sprintf("not in %.0f", r.Settings.Patience.Seconds())
			if s, ok := each.Seconds[p.Name]; ok {
				text = figure("%.1f", s)
			}
			fmt.Fprintf(&b, " %s |", text)
		}
		b.WriteString("\n")
	}
	return b.String()
}

// score says how many of the behaviours that apply to a set-up it has.
func (r *PeerResult) score(name string) string {
	have, of := 0, 0
	for _, b := range r.Behaviours {
		switch b.States[name] {
		case yes:
			have++
			of++
		case no:
			of++
		}
	}
	return fmt.Sprintf("%d of %d", have, of)
}

// readmeTable is what the README has.
func (r *PeerResult) readmeTable() string {
	var b strings.Builder
	b.WriteString("| set-up | seen before | new token | 401, in all | p99, ms | behaviours |\n|---|---:|---:|---:|---:|---:|\n")
	for _, p := range r.peersIn() {
		seenBefore, fresh, refused, l := r.cost(peerWorks[1].Name, p.Name), r.cost(peerWorks[0].Name, p.Name), r.cost(peerWorks[4].Name, p.Name), r.latency(p.Name)
		if seenBefore == nil || fresh == nil || refused == nil || l == nil {
			continue
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s |\n", p.Title, figure("%.0f", seenBefore.Added.median()), figure("%.0f", fresh.Added.median()),
			figure("%.0f", refused.CPU.median()), figure("%.1f", l.Half.P99.median()/1000), r.score(p.Name))
	}
	return b.String()
}

package main

import (
	"cmp"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
)

// growthResult is all that growth.json has.
type growthResult struct {
	Machine Machine        `json:"machine"`
	Scale   growthScale    `json:"scale"`
	Tables  []*growthTable `json:"tables"`
}

// A growthTable has the figures of a series.
type growthTable struct {
	*series `json:"-"`
	Name    string          `json:"name"`
	Columns []*growthColumn `json:"columns"`
}

// A growthColumn is one figure at all sizes, in the order in which they are measured:
// ascending.
type growthColumn struct {
	Title string `json:"title"`
	// Unit is that of the values: µs are processor time of Envoy per request, those of a
	// filter over no filter in the same round.
	Unit   string         `json:"unit"`
	Points []*growthPoint `json:"points"`
	// Growth says in words how the values grow.
	Growth string `json:"growth"`
}

// A growthPoint has one value for each round.
type growthPoint struct {
	X      float64 `json:"x"`
	Label  string  `json:"label"`
	Values sample  `json:"values"`
}

// record adds the value of a round.
func (t *growthTable) record(title, unit string, x float64, label string, value float64) {
	c := t.column(title)
	if c == nil {
		c = &growthColumn{Title: title, Unit: unit}
		t.Columns = append(t.Columns, c)
	}
	i := slices.IndexFunc(c.Points, func(p *growthPoint) bool { return p.Label == label })
	if i < 0 {
		i = len(c.Points)
		c.Points = append(c.Points, &growthPoint{X: x, Label: label})
	}
	c.Points[i].Values = append(c.Points[i].Values, value)
}

// recordCosts adds what a step costs with each filter in a round, over no filter.
func (t *growthTable) recordCosts(s *step, filters []string, costs map[string]sample) {
	none := costs["none"].median()
	if slices.Contains(filters, "mcpauth") { // the other Envoy has a figure of its own, which says the same
		t.record(s.title("none"), "µs", s.x, s.label, none)
	}
	for _, filter := range filters[1:] {
		if of := costs[filter]; of != nil {
			t.record(s.title(filter), "µs", s.x, s.label, of.median()-none)
		}
	}
}

func (t *growthTable) column(title string) *growthColumn {
	for _, c := range t.Columns {
		if c.Title == title {
			return c
		}
	}
	return nil
}

// conclude says of each column how it grows.
func (t *growthTable) conclude() {
	for _, c := range t.Columns {
		c.Growth = c.describe(t.Unit, t.zeroApart && c.Unit == "µs")
	}
}

// noise is how far apart two medians may be by chance: the median distance of a value from
// the median of its rounds, twice, and at least 2 % and a third of a µs.
func (p *growthPoint) noise() float64 {
	m := p.median()
	var distances sample
	for _, v := range p.Values {
		distances = append(distances, math.Abs(v-m))
	}
	return max(2*distances.median(), 0.02*math.Abs(m), 0.3)
}

func (p *growthPoint) median() float64 { return p.Values.median() }

// describe says in words how the values grow by each unit. With apart, the first point is
// no part of the growth.
func (c *growthColumn) describe(unit string, apart bool) string {
	points := c.Points
	prefix := ""
	if apart && len(points) > 1 && points[0].X == 0 {
		prefix = fmt.Sprintf("%s without any; ", c.amount(points[0].median()))
		points = points[1:]
	}
	if len(points) < 2 {
		return prefix + "one figure only"
	}
	first, last := points[0], points[len(points)-1]
	byMedian := func(a, b *growthPoint) int { return cmp.Compare(a.median(), b.median()) }
	least, most := slices.MinFunc(points, byMedian), slices.MaxFunc(points, byMedian)
	if most.median()-least.median() <= least.noise()+most.noise() {
		return prefix + fmt.Sprintf("constant: %s to %s", figure("%.3g", least.median()), c.amount(most.median()))
	}
	rate := func(a, b *growthPoint) float64 { return (b.median() - a.median()) / (b.X - a.X) }
	if len(points) > 2 {
		// The last step against all before it, each with its noise in favour of linear.
		before := points[len(points)-2]
		highest := (before.median() - first.median() + before.noise() + first.noise()) / (before.X - first.X)
		lowest := (before.median() - first.median() - before.noise() - first.noise()) / (before.X - first.X)
		kind := ""
		switch final, noise := rate(before, last), (before.noise()+last.noise())/(last.X-before.X); {
		case final-noise > 1.3*max(highest, 0):
			kind = "faster than linear"
		case final+noise < 0.7*lowest:
			kind = "slower than linear"
		}
		if kind != "" {
			return prefix + fmt.Sprintf("%s: %s up to %s, %s beyond", kind, c.each(rate(first, before), unit), before.Label, c.each(rate(before, last), unit))
		}
	}
	return prefix + "linear: " + c.each(rate(first, last), unit)
}

// each writes a rate with a number that can be read: "0.4 µs for each 100 rules".
func (c *growthColumn) each(rate float64, unit string) string {
	value := c.Unit
	if value == "MB" {
		for _, smaller := range []string{"KB", "bytes"} {
			if math.Abs(rate) < 0.1 {
				rate, value = 1000*rate, smaller
			}
		}
	}
	number := 1
	for math.Abs(rate) < 0.1 && number < 100_000 {
		rate, number = 10*rate, 10*number
	}
	of := unit
	if number > 1 {
		of = thousands(number) + " " + plural(unit)
	}
	return fmt.Sprintf("%s %s for each %s", figure("%.2g", rate), value, of)
}

func (c *growthColumn) amount(v float64) string { return figure("%.3g", v) + " " + c.Unit }

func plural(unit string) string {
	switch {
	case unit == "KB":
		return unit
	case strings.HasSuffix(unit, "y"):
		return strings.TrimSuffix(unit, "y") + "ies"
	}
	return unit + "s"
}

// markdown writes the tables.
func (r *growthResult) markdown(w io.Writer) {
	m, rounds := r.Machine, 0
	for _, t := range r.Tables {
		for _, c := range t.Columns {
			for _, p := range c.Points {
				rounds = max(rounds, len(p.Values))
			}
		}
	}
	fmt.Fprintf(w, "Measured %s on %s, %d processors, with Envoy %s and a plugin of %s bytes. Rounds: %d.\n",
		m.Time.Format("2006-01-02"), m.CPU, m.Cores, m.Envoy, thousands(int(m.Files["mcpauth"])), rounds)
	fmt.Fprint(w, `
Microseconds are processor time of Envoy per request over HTTP/1.1: one worker on a processor of
its own, as fast as the answers come. Those of a filter are what it adds to no filter in the
same round. Tokens are signed with ES256. Cold ones are new, warm ones have been seen. A table has
the medians over the rounds, and in brackets the least and the most. The lines below it are
computed from the medians; "constant" means that they differ no more than the rounds do.
`)
	for _, t := range r.Tables {
		t.markdown(w)
	}
}

func (t *growthTable) markdown(w io.Writer) {
	fmt.Fprintf(w, "\n### %s\n\n%s\n\n| %s |", strings.ToUpper(t.Name[:1])+t.Name[1:], t.Text, t.Head)
	for _, c := range t.Columns {
		fmt.Fprintf(w, " %s, %s |", c.Title, c.Unit)
	}
	fmt.Fprintf(w, "\n|---|%s\n", strings.Repeat("---:|", len(t.Columns)))
	var rows []*growthPoint
	for _, c := range t.Columns {
		if len(c.Points) > len(rows) {
			rows = c.Points
		}
	}
	for _, row := range rows {
		fmt.Fprintf(w, "| %s |", row.Label)
		for _, c := range t.Columns {
			cell := ""
			for _, p := range c.Points {
				if p.Label == row.Label {
					cell = spread(p.Values, verbOf(c.Unit))
				}
			}
			fmt.Fprintf(w, " %s |", cell)
		}
		fmt.Fprintln(w)
	}
	fmt.Fprintln(w)
	for _, c := range t.Columns {
		if !strings.Contains(c.Title, filterTitles["none"]) {
			fmt.Fprintf(w, "- %s: %s\n", c.Title, c.Growth)
		}
	}
}

// verbOf is how values of a unit are written.
func verbOf(unit string) string {
	switch unit {
	case "s":
		return "%.2f"
	case "MB":
		return "%.0f"
	}
	return "%.1f"
}

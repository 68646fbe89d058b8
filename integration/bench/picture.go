package main

import (
	_ "embed"
	"fmt"
	"html"
	"io"
	"math"
	"text/template"
)

//go:embed picture.svg.tmpl
var pictureText string

var pictureTemplate = template.Must(template.New("picture").Funcs(template.FuncMap{"xml": html.EscapeString}).Parse(pictureText))

// Measures of the picture, in its own units.
const (
	pictureWidth = 700
	plotLeft     = 130 // where the bars begin
	plotWidth    = 500
	barHeight    = 15
	barStep      = 19
	groupGap     = 16
	pictureTop   = 62 // below the title and the legend
)

// bar is one of the picture.
type bar struct {
	Class       string
	Title       string
	Value       string
	Y, W        float64
	TextX, Text float64
	Cut         bool // longer than the picture is wide
}

// group is the bars of one kind of work.
type group struct {
	Title string
	Y     float64
	Bars  []bar
}

// pictureVariants are the ones shown.
var pictureVariants = []string{"empty", "native", "cached", "mcpauth", "jwtlite"}

// picture draws what each variant adds, with HTTP/1.1 if it was measured.
func (r *Result) picture(w io.Writer) error {
	p := r.Settings.Protocols[0]
	longest := 0.0
	for _, c := range r.Costs {
		// Signatures in Wasm, on hosts that cannot verify, may take many times
		// as long as all else, which would then not be seen.
		if c.Protocol == p && c.Variant != "none" && c.Variant != "jwtlite" && len(c.Added) > 0 {
			longest = max(longest, c.Added.median())
		}
	}
	longest = max(1, longest*1.25)
	var groups []group
	y := float64(pictureTop)
	for _, k := range works {
		if k.kind == one { // much like warm
			continue
		}
		g := group{Title: k.Name, Y: y + barHeight - 3}
		for _, name := range pictureVariants {
			c := r.cost(p, k.Name, name)
			if c == nil || len(c.Added) == 0 || k.kind != cold && name == "jwtlite" { // no signature: like mcpauth
				continue
			}
			value := c.Added.median()
			width := math.Max(1, value/longest*plotWidth)
			b := bar{Class: name, Title: r.title(name), Value: figure("%.0f", value), Y: y}
			if b.Cut = width > plotWidth; b.Cut {
				width = plotWidth
			}
			b.W, b.TextX, b.Text = width, plotLeft+width+6, y+barHeight-3
			g.Bars = append(g.Bars, b)
			y += barStep
		}
		if len(g.Bars) > 0 {
			groups = append(groups, g)
			y += groupGap
		}
	}
	type legend struct {
		Class, Title string
		X            float64
	}
	var legends []legend
	x := 10.0
	for _, name := range pictureVariants {
		legends = append(legends, legend{name, r.title(name), x})
		x += 30 + 6.8*float64(len(r.title(name)))
	}
	return pictureTemplate.Execute(w, map[string]any{
		"Width": pictureWidth, "Height": y + 22, "Left": plotLeft, "BarHeight": barHeight,
		"Right": plotLeft + plotWidth, "Legends": legends, "Groups": groups, "FootY": y + 8,
		"Foot": fmt.Sprintf("%s, Envoy %s with one worker, %s. Less is better.", p, r.Machine.Envoy, r.Machine.CPU),
	})
}

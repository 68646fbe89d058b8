package main

import (
	_ "embed"
	"fmt"
	"html"
	"io"
	"math"
	"text/template"
)

//go:embed peers.svg.tmpl
var peersPictureText string

var peersPictureTemplate = template.Must(template.New("picture of the peers").Funcs(template.FuncMap{"xml": html.EscapeString}).Parse(peersPictureText))

// peersPlotLeft is where the bars of the picture of the peers begin: right of the longest title.
const peersPlotLeft = 260

// picture draws what each set-up adds to a request with an RS256 token.
func (r *PeerResult) picture(w io.Writer) error {
	shown := []peerWork{peerWorks[1], peerWorks[0]}
	longest := 1.0
	for _, work := range shown {
		for _, p := range r.peersIn() {
			if c := r.cost(work.Name, p.Name); c != nil {
				longest = max(longest, c.Added.median())
			}
		}
	}
	const room = pictureWidth - peersPlotLeft - 60 // the figures stand right of the bars
	var groups []group
	y := 48.0
	for _, work := range shown {
		g := group{Title: work.Name, Y: y}
		y += 10
		for _, p := range r.peersIn() {
			c := r.cost(work.Name, p.Name)
			if c == nil {
				continue
			}
			value := c.Added.median()
			width := math.Max(1, value/longest*room)
			b := bar{Class: "gateway", Title: p.Title, Value: figure("%.0f", value), Y: y, W: width, TextX: peersPlotLeft + width + 6, Text: y + barHeight - 3}
			switch {
			case p.Name == "mcpauth":
				b.Class = "mcpauth"
			case p.Identity == "":
				b.Class = "library"
			}
			g.Bars = append(g.Bars, b)
			y += barStep
		}
		groups = append(groups, g)
		y += groupGap + 14
	}
	return peersPictureTemplate.Execute(w, map[string]any{
		"Width": pictureWidth, "Height": y + 24, "Left": peersPlotLeft, "BarHeight": barHeight, "Groups": groups, "FootY": y,
		"Foot":  "Over the same server behind Envoy without the check. The last three are libraries in it. Less is better.",
		"Foot2": fmt.Sprintf("Envoy %s with one worker, HTTP/1.1, %s.", r.Machine.Envoy, r.Machine.CPU),
	})
}

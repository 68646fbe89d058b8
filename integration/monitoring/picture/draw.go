package main

import (
	_ "embed"
	"fmt"
	"html"
	"io"
	"math"
	"strconv"
	"strings"
	"text/template"
	"time"

	"mcpauth/integration/monitoring"
)

//go:embed dashboard.svg.tmpl
var svgText string

var svg = template.Must(template.New("dashboard").Funcs(template.FuncMap{"xml": html.EscapeString}).Parse(svgText))

// Measures of the picture, in its own units. Grafana's grid has 24 columns.
const (
	columnWidth = 50
	rowHeight   = 27
	gap         = 8
	top         = 34 // below the title
	colors      = 8  // in the template
)

// missing is the value of a point that has none.
var missing = math.NaN()

// A series is one line of a panel: a value for each point in time, NaN where there is none.
type series struct {
	Name   string
	Values []float64
}

// A graph is a panel of the dashboard with its data.
type graph struct {
	monitoring.Panel
	Series []series
}

// A scene is what happened during a part of the time.
type scene struct {
	Name string
	At   time.Duration // since the beginning
}

type (
	label struct {
		X, Y float64
		Text string
	}
	shape struct {
		Class int
		Path  string
		Area  bool
	}
	entry struct {
		Class int
		X, Y  float64
		Text  string
	}
	frame struct {
		X, Y, W, H               float64
		Title                    string
		Row                      bool
		Left, Right, Top, Bottom float64
		YLabels, XLabels         []label
		Shapes                   []shape
		Legend                   []entry
		Marks                    []float64
	}
)

// draw writes the panels with their data, for points in time of one step.
func draw(w io.Writer, graphs []graph, step time.Duration, scenes []scene, foot string) error {
	var frames []frame
	height := 0.0
	for _, g := range graphs {
		f := newFrame(g, step, scenes)
		height = max(height, f.Y+f.H)
		frames = append(frames, f)
	}
	return svg.Execute(w, map[string]any{
		"Width": 24*columnWidth + gap, "Height": height + gap + 44, "Frames": frames,
		"Foot": foot, "FootY": height + gap + 16, "Scenes": sceneText(scenes), "ScenesY": height + gap + 34,
	})
}

func sceneText(scenes []scene) string {
	var parts []string
	for _, s := range scenes {
		parts = append(parts, fmt.Sprintf("%s %s", clock(s.At), s.Name))
	}
	return strings.Join(parts, ";  ")
}

func newFrame(g graph, step time.Duration, scenes []scene) frame {
	p := g.Position
	f := frame{
		X: float64(p.X*columnWidth + gap), Y: float64(p.Y*rowHeight + top),
		W: float64(p.W*columnWidth - gap), H: float64(p.H*rowHeight - gap),
		Title: g.Title, Row: g.Type == "row",
	}
	if f.Row {
		return f
	}
	f.Left, f.Right, f.Top = f.X+52, f.X+f.W-10, f.Y+30
	f.Bottom = f.Y + f.H - 20 - f.legend(g.Series)
	stacked := g.Fields.Defaults.Custom.Stacking.Mode == "normal"
	lines, points := g.Series, 1
	if stacked {
		lines = stack(g.Series)
	}
	highest := 0.0
	for _, s := range lines {
		points = max(points, len(s.Values))
		for _, v := range s.Values {
			if !math.IsNaN(v) {
				highest = max(highest, v)
			}
		}
	}
	tick := tickFor(highest)
	limit := tick * max(1, math.Ceil(highest/tick))
	x := func(i int) float64 { return f.Left + (f.Right-f.Left)*float64(i)/float64(max(1, points-1)) }
	y := func(v float64) float64 { return f.Bottom - (f.Bottom-f.Top)*v/limit }
	for v := 0.0; v <= limit*1.001; v += tick {
		f.YLabels = append(f.YLabels, label{f.Left - 6, y(v), figure(v, g.Fields.Defaults.Unit)})
	}
	for i := 0; i < points; i += int(30 * time.Second / step) {
		f.XLabels = append(f.XLabels, label{x(i), f.Bottom + 14, clock(time.Duration(i) * step)})
	}
	for _, s := range scenes {
		if i := int(s.At / step); i > 0 && i < points {
			f.Marks = append(f.Marks, x(i))
		}
	}
	for i := len(lines) - 1; i >= 0; i-- { // the lower ones of a stack in front
		f.Shapes = append(f.Shapes, shapes(lines[i].Values, i%colors, stacked, x, y)...)
	}
	return f
}

// legend places the names of the series and returns the height of their lines.
func (f *frame) legend(list []series) float64 {
	lines, x := 1, f.X+10
	var entries []entry
	for i, s := range list {
		width := 22 + 5.6*float64(len([]rune(s.Name)))
		if x+width > f.X+f.W && x > f.X+10 {
			lines++
			x = f.X + 10
		}
		entries = append(entries, entry{i % colors, x, float64(lines), s.Name})
		x += width
	}
	for i := range entries {
		entries[i].Y = f.Y + f.H - 8 - 13*(float64(lines)-entries[i].Y)
	}
	f.Legend = entries
	return 13*float64(lines) + 2
}

// stack adds to each series the ones before it.
func stack(list []series) []series {
	var stacked []series
	var sum []float64
	for _, s := range list {
		values := make([]float64, len(s.Values))
		for i, v := range s.Values {
			if !math.IsNaN(v) {
				values[i] = v
			}
			if i < len(sum) {
				values[i] += sum[i]
			}
		}
		stacked, sum = append(stacked, series{s.Name, values}), values
	}
	return stacked
}

// shapes returns the line through the values, in pieces where some are missing, or the
// area below it.
func shapes(values []float64, class int, area bool, x func(int) float64, y func(float64) float64) (list []shape) {
	var path strings.Builder
	begin := -1
	end := func(i int) {
		if begin >= 0 {
			if area {
				fmt.Fprintf(&path, "V%.1fH%.1fZ", y(0), x(begin))
			}
			list = append(list, shape{class, path.String(), area})
		}
		begin = -1
		path.Reset()
	}
	for i, v := range values {
		switch {
		case math.IsNaN(v):
			end(i)
		case begin < 0:
			begin = i
			fmt.Fprintf(&path, "M%.1f %.1f", x(i), y(v))
		default:
			fmt.Fprintf(&path, "L%.1f %.1f", x(i), y(v))
		}
	}
	end(len(values))
	return list
}

// tickFor returns a round distance of the lines of a grid up to a value.
func tickFor(highest float64) float64 {
	if highest <= 0 {
		return 1
	}
	base := math.Pow(10, math.Floor(math.Log10(highest)))
	for _, factor := range []float64{0.25, 0.5, 1, 2.5} {
		if highest/(base*factor) <= 4 {
			return base * factor
		}
	}
	return base * 5
}

func figure(v float64, unit string) string {
	text := strconv.FormatFloat(math.Round(v*1000)/1000, 'f', -1, 64)
	switch unit {
	case "percentunit":
		return strconv.FormatFloat(math.Round(v*1000)/10, 'f', -1, 64) + " %"
	case "reqps":
		return text + "/s"
	case "s", "ms":
		return text + " " + unit
	}
	return text
}

func clock(d time.Duration) string {
	return fmt.Sprintf("%d:%02d", int(d.Minutes()), int(d.Seconds())%60)
}

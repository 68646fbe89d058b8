package main

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestDraw: the picture is well-formed XML, whatever the names hold, and has each panel
// and each series, in pieces where values are missing.
func TestDraw(t *testing.T) {
	var graphs []graph
	if err := json.Unmarshal([]byte(`[
		{"title": "Row <1>", "type": "row", "gridPos": {"x": 0, "y": 0, "w": 24, "h": 1}},
		{"title": "Lines & more", "type": "timeseries", "gridPos": {"x": 0, "y": 1, "w": 12, "h": 8}},
		{"title": "Areas", "type": "timeseries", "gridPos": {"x": 12, "y": 1, "w": 12, "h": 8},
			"fieldConfig": {"defaults": {"custom": {"stacking": {"mode": "normal"}}}}}
	]`), &graphs); err != nil {
		t.Fatal(err)
	}
	graphs[1].Series = []series{{"a <b>", []float64{1, 2, missing, 3, 4}}, {"zero", []float64{0, 0, 0, 0, 0}}}
	graphs[2].Series = []series{{"a", []float64{1, 2, 3}}, {"b", []float64{1, missing, 3}}}
	var b bytes.Buffer
	if err := draw(&b, graphs, time.Second, []scene{{"begin", 0}, {"then", 2 * time.Second}}, "foot"); err != nil {
		t.Fatal(err)
	}
	count := map[string]int{}
	for d := xml.NewDecoder(bytes.NewReader(b.Bytes())); ; {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("%v in\n%s", err, b.String())
		}
		e, ok := token.(xml.StartElement)
		if !ok {
			continue
		}
		for _, a := range e.Attr {
			if a.Name.Local == "class" {
				count[strings.Fields(a.Value)[0]]++
			}
			if strings.Contains(a.Value, "NaN") || strings.Contains(a.Value, "Inf") {
				t.Errorf("%s is %s", a.Name.Local, a.Value)
			}
		}
	}
	if count["panel"] != 2 || count["line"] != 3 || count["area"] != 2 {
		t.Errorf("%v: want 2 panels, 3 pieces of lines and 2 areas", count)
	}
}

func TestTicks(t *testing.T) {
	for _, highest := range []float64{0, 0.003, 0.9, 1, 4, 7, 38, 99, 1234} {
		tick := tickFor(highest)
		if n := highest / tick; tick <= 0 || n > 5 || highest > 0 && n < 1 {
			t.Errorf("up to %v: a line each %s", highest, strconv.FormatFloat(tick, 'g', -1, 64))
		}
	}
}

package main

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"
)

// TestPicture: the picture is well-formed XML, whatever the names hold, its
// bars stay inside it, and a bar that would not is marked as cut.
func TestPicture(t *testing.T) {
	r := example()
	r.Machine.CPU = `Some <CPU> & "more"`
	var svg bytes.Buffer
	if err := r.picture(&svg); err != nil {
		t.Fatal(err)
	}
	d := xml.NewDecoder(bytes.NewReader(svg.Bytes()))
	bars := 0
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("%v in\n%s", err, svg.String())
		}
		if e, ok := token.(xml.StartElement); ok && e.Name.Local == "rect" {
			bars++
			for _, a := range e.Attr {
				if strings.HasPrefix(a.Value, "-") {
					t.Errorf("%s is %s", a.Name.Local, a.Value)
				}
			}
		}
	}
	// Five in the legend; RS256 cold has five bars and warm four.
	if want := 5 + 5 + 4; bars != want {
		t.Errorf("%d rectangles, want %d", bars, want)
	}
	if n := strings.Count(svg.String(), `class="cut"`); n != 1 {
		t.Errorf("%d bars cut, want only that of signatures in Wasm", n)
	}
}

// Where nothing was measured there is still a picture.
func TestPictureOfNothing(t *testing.T) {
	r := &Result{Settings: settings{Protocols: []protocol{http1}}}
	if err := r.picture(io.Discard); err != nil {
		t.Error(err)
	}
}

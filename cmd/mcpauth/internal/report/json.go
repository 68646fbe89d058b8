package report

import (
	"encoding/json"
	"io"
)

// JSON writes a report as one JSON object.
func JSON(w io.Writer, r *Report) error {
	results := r.Results
	if results == nil {
		results = []Result{}
	}
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(struct {
		Target  string   `json:"target"`
		Failed  bool     `json:"failed"`
		Cause   *Result  `json:"cause"`
		Results []Result `json:"results"`
	}{r.Target, r.Failed(), r.Cause(), results})
}

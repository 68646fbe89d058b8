// Package report holds what checks have found, and writes it for people and for
// pipelines.
package report

import (
	"encoding/json"
	"fmt"
)

// A Status is the outcome of a check.
type Status int

const (
	Pass    Status = iota // all is well
	Note                  // a fact that is neither good nor bad
	Skipped               // not checked: Message says why
	Warning               // some clients or some days have a problem
	Failure               // it does not work
)

var statusNames = [...]string{"pass", "note", "skipped", "warning", "failure"}

func (s Status) String() string { return statusNames[s] }

// MarshalJSON returns the name of s.
func (s Status) MarshalJSON() ([]byte, error) { return json.Marshal(s.String()) }

// A Result is what one check has found.
type Result struct {
	// Check is the name of the check. It does not change between versions.
	Check  string `json:"check"`
	Status Status `json:"status"`
	// Subject is the URL, the issuer or the file that the result is about.
	Subject string `json:"subject,omitempty"`
	Message string `json:"message"`
	// Fix says what to do.
	Fix string `json:"fix,omitempty"`
	// Setting is the member of the plugin's configuration to change, as a JSON path.
	Setting string `json:"setting,omitempty"`
	// File and Line are where that member stands, if the configuration was given.
	File string `json:"file,omitempty"`
	Line int    `json:"line,omitempty"`
}

// Place returns where the configuration is to be changed: FILE:LINE: PATH, as far as
// that is known.
func (r *Result) Place() string {
	switch {
	case r.File != "" && r.Line > 0 && r.Setting != "":
		return fmt.Sprintf("%s:%d: %s", r.File, r.Line, r.Setting)
	case r.File != "" && r.Line > 0:
		return fmt.Sprintf("%s:%d", r.File, r.Line)
	case r.File != "" && r.Setting != "":
		return r.File + ": " + r.Setting
	}
	return r.Setting + r.File
}

// A Report is the results of all checks, in their order.
type Report struct {
	// Target is the URL or the file that was checked.
	Target  string
	Results []Result
}

// Add appends results.
func (r *Report) Add(results ...Result) { r.Results = append(r.Results, results...) }

// Count returns the number of results with a status.
func (r *Report) Count(s Status) int {
	n := 0
	for i := range r.Results {
		if r.Results[i].Status == s {
			n++
		}
	}
	return n
}

// Failed reports whether a check has failed.
func (r *Report) Failed() bool { return r.Count(Failure) > 0 }

// Cause returns the result to look at first, nil if there is nothing to do. That is the
// first failure: later ones may follow from it. Without a failure it is the first warning.
func (r *Report) Cause() *Result {
	for _, s := range []Status{Failure, Warning} {
		for i := range r.Results {
			if r.Results[i].Status == s {
				return &r.Results[i]
			}
		}
	}
	return nil
}

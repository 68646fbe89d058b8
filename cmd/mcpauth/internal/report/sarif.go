package report

import (
	"encoding/json"
	"io"
	"path/filepath"
)

// The parts of SARIF 2.1.0 that a report needs.
type (
	sarifText struct {
		Text string `json:"text"`
	}
	sarifRule struct {
		ID string `json:"id"`
	}
	sarifArtifact struct {
		URI string `json:"uri"`
	}
	sarifRegion struct {
		StartLine int `json:"startLine"`
	}
	sarifPhysical struct {
		Artifact sarifArtifact `json:"artifactLocation"`
		Region   *sarifRegion  `json:"region,omitempty"`
	}
	sarifLocation struct {
		Physical sarifPhysical `json:"physicalLocation"`
	}
	sarifResult struct {
		RuleID    string          `json:"ruleId"`
		Kind      string          `json:"kind"`
		Level     string          `json:"level"`
		Message   sarifText       `json:"message"`
		Locations []sarifLocation `json:"locations,omitempty"`
	}
	sarifDriver struct {
		Name           string      `json:"name"`
		Version        string      `json:"version,omitempty"`
		InformationURI string      `json:"informationUri,omitempty"`
		Rules          []sarifRule `json:"rules"`
	}
	sarifTool struct {
		Driver sarifDriver `json:"driver"`
	}
	sarifRun struct {
		Tool    sarifTool     `json:"tool"`
		Results []sarifResult `json:"results"`
	}
	sarifLog struct {
		Schema  string     `json:"$schema"`
		Version string     `json:"version"`
		Runs    []sarifRun `json:"runs"`
	}
)

// The kind and the level of a status (SARIF 2.1.0, sections 3.27.9 and 3.27.10).
var sarifKinds = [...]struct{ kind, level string }{
	Pass:    {"pass", "none"},
	Note:    {"informational", "none"},
	Skipped: {"notApplicable", "none"},
	Warning: {"fail", "warning"},
	Failure: {"fail", "error"},
}

// SARIF writes a report in the format that code hosts show beside changes.
func SARIF(w io.Writer, r *Report, version string) error {
	run := sarifRun{Tool: sarifTool{sarifDriver{Name: "mcpauth", Version: version, Rules: []sarifRule{}}}, Results: []sarifResult{}}
	known := map[string]bool{}
	for i := range r.Results {
		x := &r.Results[i]
		if !known[x.Check] {
			known[x.Check] = true
			run.Tool.Driver.Rules = append(run.Tool.Driver.Rules, sarifRule{x.Check})
		}
		text := x.Message
		if x.Subject != "" {
			text = x.Subject + ": " + text
		}
		if x.Fix != "" {
			text += " Fix: " + x.Fix
		}
		result := sarifResult{RuleID: x.Check, Kind: sarifKinds[x.Status].kind, Level: sarifKinds[x.Status].level, Message: sarifText{text}}
		if x.File != "" {
			location := sarifPhysical{Artifact: sarifArtifact{filepath.ToSlash(x.File)}}
			if x.Line > 0 {
				location.Region = &sarifRegion{x.Line}
			}
			result.Locations = []sarifLocation{{location}}
		}
		run.Results = append(run.Results, result)
	}
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(sarifLog{"https://json.schemastore.org/sarif-2.1.0.json", "2.1.0", []sarifRun{run}})
}

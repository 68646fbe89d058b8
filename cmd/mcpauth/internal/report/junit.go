package report

import (
	"encoding/xml"
	"io"
)

type junitSuite struct {
	XMLName  xml.Name    `xml:"testsuite"`
	Name     string      `xml:"name,attr"`
	Tests    int         `xml:"tests,attr"`
	Failures int         `xml:"failures,attr"`
	Skipped  int         `xml:"skipped,attr"`
	Cases    []junitCase `xml:"testcase"`
}

type junitCase struct {
	Class   string        `xml:"classname,attr"`
	Name    string        `xml:"name,attr"`
	Failure *junitMessage `xml:"failure"`
	Skipped *junitMessage `xml:"skipped"`
	Output  string        `xml:"system-out,omitempty"`
}

type junitMessage struct {
	Message string `xml:"message,attr"`
	Text    string `xml:",chardata"`
}

// JUnit writes a report as the XML that build servers show as tests. Warnings pass, with
// their text as output.
func JUnit(w io.Writer, r *Report) error {
	suite := junitSuite{Name: "mcpauth " + r.Target, Tests: len(r.Results), Failures: r.Count(Failure), Skipped: r.Count(Skipped)}
	for i := range r.Results {
		x := &r.Results[i]
		c := junitCase{Class: x.Check, Name: x.Check}
		if x.Subject != "" {
			c.Name += " " + x.Subject
		}
		text := x.Message
		if x.Fix != "" {
			text += "\nfix: " + x.Fix
		}
		if place := x.Place(); place != "" {
			text += "\nat: " + place
		}
		switch x.Status {
		case Failure:
			c.Failure = &junitMessage{x.Message, text}
		case Skipped:
			c.Skipped = &junitMessage{Message: x.Message}
		default:
			c.Output = text
		}
		suite.Cases = append(suite.Cases, c)
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	e := xml.NewEncoder(w)
	e.Indent("", "  ")
	if err := e.Encode(suite); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}

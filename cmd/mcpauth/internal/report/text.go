package report

import (
	"fmt"
	"io"
	"strings"
)

// The labels of the statuses. Without colour, the words alone tell them apart.
var labels = [...]struct{ word, colour string }{
	Pass:    {"ok", "32"},
	Note:    {"note", "36"},
	Skipped: {"skip", "2"},
	Warning: {"warn", "33"},
	Failure: {"FAIL", "31;1"},
}

// Text writes a report for people, one line for each result.
type Text struct {
	W      io.Writer
	Colour bool
	// Quiet leaves out all results but warnings and failures.
	Quiet bool

	subject string
}

// Result writes one result.
func (t *Text) Result(r *Result) {
	if t.Quiet && r.Status < Warning {
		return
	}
	if r.Subject != t.subject && r.Subject != "" {
		t.subject = r.Subject
		fmt.Fprintf(t.W, "\n%s\n", t.paint("1", r.Subject))
	}
	l := labels[r.Status]
	fmt.Fprintf(t.W, "  %s  %s: %s\n", t.paint(l.colour, fmt.Sprintf("%-4s", l.word)), r.Check, r.Message)
	t.advice(r, "        ")
}

// advice writes what to do about a result.
func (t *Text) advice(r *Result, indent string) {
	if r.Fix != "" {
		fmt.Fprintf(t.W, "%sfix: %s\n", indent, r.Fix)
	}
	if place := r.Place(); place != "" && r.Status >= Warning {
		fmt.Fprintf(t.W, "%sat:  %s\n", indent, place)
	}
}

// Summary writes the end of a report: the counts, and the cause to look at first.
func (t *Text) Summary(r *Report) {
	var counts []string
	for _, s := range []Status{Failure, Warning, Pass} {
		if n := r.Count(s); n > 0 {
			word := map[Status]string{Failure: "failed", Warning: "warnings", Pass: "passed"}[s]
			if s == Warning && n == 1 {
				word = "warning"
			}
			counts = append(counts, fmt.Sprintf("%d %s", n, word))
		}
	}
	fmt.Fprintf(t.W, "\n%s\n", strings.Join(counts, ", "))
	cause := r.Cause()
	if cause == nil {
		return
	}
	title := "Look at this first"
	if cause.Status == Failure {
		title = "The cause"
	}
	fmt.Fprintf(t.W, "%s: %s\n  %s\n", t.paint("1", title), cause.Check, cause.Message)
	t.advice(cause, "  ")
}

func (t *Text) paint(code, s string) string {
	if !t.Colour {
		return s
	}
	return "\x1b[" + code + "m" + s + "\x1b[0m"
}

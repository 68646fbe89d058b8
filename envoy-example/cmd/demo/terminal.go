package main

import (
	"fmt"
	"io"
	"os"
	"strings"
)

// terminal prints the walk and counts the failed checks. It uses colours on a terminal
// unless NO_COLOR is set (no-color.org).
type terminal struct {
	out    io.Writer
	colour bool
	step   int
	failed int
}

func newTerminal(out io.Writer) *terminal {
	t := &terminal{out: out}
	if f, ok := out.(*os.File); ok && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb" {
		info, err := f.Stat()
		t.colour = err == nil && info.Mode()&os.ModeCharDevice != 0
	}
	return t
}

// SGR codes of ECMA-48.
const (
	bold  = "1"
	faint = "2"
	red   = "31"
	green = "32"
)

func (t *terminal) paint(code, s string) string {
	if !t.colour {
		return s
	}
	return "\x1b[" + code + "m" + s + "\x1b[0m"
}

func (t *terminal) title(s string) { fmt.Fprintf(t.out, "\n%s\n", t.paint(bold, s)) }

func (t *terminal) text(s string) { fmt.Fprintln(t.out, s) }

func (t *terminal) row(name, value string) { fmt.Fprintf(t.out, "  %-22s%s\n", name, value) }

func (t *terminal) note(s string) { fmt.Fprintf(t.out, "  note: %s\n", s) }

// begin starts a step of the walk.
func (t *terminal) begin(title string) {
	t.step++
	t.title(fmt.Sprintf("%d  %s", t.step, title))
}

// request and answer show lines with their direction.
func (t *terminal) request(lines ...string) { t.arrows(">", lines) }
func (t *terminal) answer(lines ...string)  { t.arrows("<", lines) }

func (t *terminal) arrows(arrow string, lines []string) {
	for _, block := range lines {
		for _, line := range strings.Split(block, "\n") {
			fmt.Fprintf(t.out, "   %s %s\n", t.paint(faint, arrow), line)
		}
	}
}

// check prints whether a check has succeeded.
func (t *terminal) check(ok bool, what string) bool {
	if ok {
		fmt.Fprintf(t.out, "   %s %s\n", t.paint(green, "ok"), what)
		return true
	}
	t.failed++
	fmt.Fprintf(t.out, "   %s %s\n", t.paint(red, "FAILED:"), what)
	return false
}

// equal checks a value and shows both when it is wrong.
func (t *terminal) equal(what, got, want string) bool {
	if got == want {
		return t.check(true, what)
	}
	return t.check(false, fmt.Sprintf("%s\n      got  %s\n      want %s", what, got, want))
}

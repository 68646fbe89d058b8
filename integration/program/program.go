// Package program runs the programs in other languages with which tests compare how servers
// read an input.
package program

import (
	"bufio"
	"encoding/hex"
	"io"
	"os"
	"os/exec"
	"testing"
)

// A Program answers each line of its standard input, an input in hexadecimal, with a line.
type Program struct {
	in  io.Writer
	out *bufio.Reader
}

// Start starts a program, which ends with the test. needs says for a person what must be
// installed.
func Start(t testing.TB, needs string, command []string) *Program {
	t.Helper()
	cmd := exec.Command(command[0], command[1:]...)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatalf("%v: this test needs %s", err, needs)
	}
	t.Cleanup(func() {
		in.Close()
		if err := cmd.Wait(); err != nil {
			t.Error(err)
		}
	})
	return &Program{in, bufio.NewReaderSize(out, 1<<20)}
}

// Ask returns the line that answers an input.
func (p *Program) Ask(t testing.TB, input string) string {
	t.Helper()
	if _, err := io.WriteString(p.in, hex.EncodeToString([]byte(input))+"\n"); err != nil {
		t.Fatal(err)
	}
	line, err := p.out.ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return line
}

package main

import (
	"bufio"
	"context"
	"io"
	"net"
	"os/exec"
	"strings"
	"testing"
)

// TestRun: both servers run, and the command that is printed gets a token.
func TestRun(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	out, in := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		ended <- run(ctx, in, "127.0.0.1:0", "127.0.0.1:0", "http://127.0.0.1:10000/notes")
		in.Close()
	}()
	command := ""
	for s := bufio.NewScanner(out); s.Scan(); {
		if _, curl, ok := strings.Cut(s.Text(), " curl "); ok {
			command = "curl " + curl
		}
		if strings.HasPrefix(s.Text(), "Ctrl-C") {
			break
		}
	}
	answer, err := exec.CommandContext(t.Context(), "sh", "-c", command).Output()
	if err != nil || !strings.Contains(string(answer), `"access_token":"`) {
		t.Errorf("%q: %v, %s", command, err, answer)
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// TestRunReportsATakenPort: a port that is in use is an error, for either server.
func TestRunReportsATakenPort(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	taken := l.Addr().String()
	if err := run(t.Context(), io.Discard, taken, "127.0.0.1:0", "http://127.0.0.1:10000/notes"); err == nil || !strings.Contains(err.Error(), "authorization server") {
		t.Error(err)
	}
	if err := run(t.Context(), io.Discard, "127.0.0.1:0", taken, "http://127.0.0.1:10000/notes"); err == nil || !strings.Contains(err.Error(), "MCP server") {
		t.Error(err)
	}
}

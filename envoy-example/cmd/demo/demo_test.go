package main

import (
	"bytes"
	"context"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// lockedBuffer can be read while the demo writes.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// TestDemo runs the demo as make run does, and then the lines that it invites
// to try, in a shell, as a reader would.
func TestDemo(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var out lockedBuffer
	ended := make(chan error, 1)
	go func() { ended <- run(ctx, &out, false, 0, 0) }()
	deadline := time.After(5 * time.Minute)
	for !strings.Contains(out.String(), "Ctrl-C ends everything.") {
		select {
		case err := <-ended:
			t.Fatalf("the demo ended: %v\n%s", err, out.String())
		case <-deadline:
			t.Fatalf("the demo has not come to its end:\n%s", out.String())
		case <-time.After(50 * time.Millisecond):
		}
	}
	text := out.String()
	if token := regexp.MustCompile(`eyJ[\w-]{40,}`).FindString(text); token != "" {
		t.Errorf("the output has a token in it: %.20s...", token)
	}
	if strings.Contains(text, "\x1b[") {
		t.Error("colour although nobody looks")
	}
	_, invitation, _ := strings.Cut(text, "Try it, in another terminal:\n")
	invitation, _, _ = strings.Cut(invitation, "or connect an MCP client")
	answers, err := exec.CommandContext(ctx, "sh", "-e", "-c", invitation).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s\n%s", err, invitation, answers)
	}
	for _, want := range []string{"401 Unauthorized", "authorization_servers", "200 OK", `"x-mcpauth-subject":"demo"`} {
		if !strings.Contains(string(answers), want) {
			t.Errorf("the lines to try do not show %q:\n%s", want, answers)
		}
	}
	stop()
	if err := <-ended; err != nil {
		t.Errorf("after Ctrl-C: %v", err)
	}
}

// TestPortInUse: a port that the user asks for is taken or refused, not
// replaced.
func TestPortInUse(t *testing.T) {
	d := &demo{term: newTerminal(&bytes.Buffer{})}
	defer d.stop()
	first, err := d.reserve("gateway-port", 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	l, err := first.Listen()
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if _, err := d.reserve("gateway-port", first.Number(), usualGatewayPort); err == nil || !strings.Contains(err.Error(), "-gateway-port") {
		t.Errorf("error = %v", err)
	}
	other, err := d.reserve("gateway-port", 0, first.Number())
	if err != nil || other.Number() == first.Number() {
		t.Errorf("no free port in the place of the usual one: %v, %v", other, err)
	}
}

func TestShorten(t *testing.T) {
	token := "eyJhbGciOiJSUzI1NiJ9." + strings.Repeat("x", 100) + ".signature"
	if got := shorten("Bearer " + token); got != "Bearer eyJhbGciOi...nature" {
		t.Errorf("token: %q", got)
	}
	const url = "http://127.0.0.1:10000/.well-known/oauth-protected-resource/notes"
	if got := shorten(url); got != url {
		t.Errorf("URL: %q", got)
	}
}

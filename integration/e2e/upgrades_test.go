package e2e

import (
	"net"
	"strings"
	"testing"
	"time"
)

// TestUpgradesOfRuledResources: the frames of a WebSocket cannot be looked at, so it
// is refused at once where rules apply, and passes whole where there are none.
func TestUpgradesOfRuledResources(t *testing.T) {
	onEachTrusting(t, func(t *testing.T, g *ruled) {
		handshake := func(path, token string) string {
			return "GET " + path + " HTTP/1.1\r\nHost: mcp.example.com\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n" +
				"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nAuthorization: Bearer " + token + "\r\n\r\n"
		}
		for name, token := range map[string]string{"read": g.read, "write": g.write, "none": "x"} {
			g.server.forget()
			start := time.Now()
			if a := g.raw(t, handshake("/notes", token)); a.status != 400 || a.errorCode() != "invalid_request" {
				t.Errorf("%s: status %d, %s", name, a.status, a.body)
			}
			if d := time.Since(start); d > heldAnswerTime {
				t.Errorf("%s: after %v", name, d)
			}
			if n, _ := g.server.seen(); n != 0 {
				t.Errorf("%s: the request has reached the server", name)
			}
			connect := fields2(token, [2]string{":protocol", "websocket"}, [2]string{"sec-websocket-version", "13"})
			connect[0][1], connect[4], connect[len(connect)-2] = "CONNECT", connect[len(connect)-2], connect[4]
			if status := g.raw2(t, "\x00", connect...); status != 400 {
				t.Errorf("%s, HTTP/2: status %d", name, status)
			}
		}
		// With no rules it is the server's.
		c, err := net.Dial("tcp", g.Addr())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		c.SetDeadline(time.Now().Add(requestTimeout))
		if _, err := c.Write([]byte(handshake("/open", g.open))); err != nil {
			t.Fatal(err)
		}
		buffer := make([]byte, 4096)
		n, err := c.Read(buffer)
		if got := string(buffer[:n]); err != nil || !strings.HasPrefix(got, "HTTP/1.1 101 ") {
			t.Fatalf("%q, %v", got, err)
		}
		for _, frame := range []string{"one", "two"} {
			if _, err := c.Write([]byte(frame)); err != nil {
				t.Fatal(err)
			}
			if n, err := c.Read(buffer); err != nil || string(buffer[:n]) != frame {
				t.Fatalf("%q, %v, want %q", buffer[:n], err, frame)
			}
		}
	})
}

package e2e

import (
	"net/http"
	"net/url"
	pathpkg "path"
	"slices"
	"strings"
	"testing"
)

// evilPaths are spellings of /notes, or ways to it past /open, that a server
// behind the gateway may take for /notes.
var evilPaths = []string{
	"//notes", "/./notes", "/%6eotes", "/%6Eotes", "/x/../notes", "/x/%2e%2e/notes", "/%2e/notes",
	"/open/../notes", "/open/%2e%2e/notes", "/open/%2E%2e/notes", "/open/.%2e/notes", "/open//../notes", "/open/./../notes",
	"/open/..%2fnotes", "/open/..%2Fnotes", "/open%2f..%2fnotes", "/open/..%5cnotes", "/open/..%5Cnotes", `/open/..\notes`, `/open\..\notes`,
	"/open/..;/notes", "/open/..;x=1/notes", "/open/%252e%252e/notes", "/open/..%252fnotes", "/open/..%c0%afnotes",
	"/open/%00/../notes", "/open/..%00/notes", "/open/%zz/../notes", "/open/%", "/open/%2",
	"/open#/../notes", "/open/../notes#", "/open/..%23/notes", "/open/%2e%2e%2fnotes",
	"/notes;x=1", "/notes%3bx=1", "/notes%2f", "/notes%2fadmin", "/notes%5cadmin", `/notes\admin`, "/notes%00", "/notes%", "/notes/%zz",
	"/notes/admin/..%2f", "/notes//admin", "/notes/./admin", "/notes/x/../admin", "/notes/%61dmin",
	"/../notes", "/../../notes", "/.;/notes", "/;/notes",
	"/a/b/../../notes;x=1", "////notes;x=1", "/open/a/b/../../../notes;x=1", "/open////../notes;x=1",
	"/y/../notes/z/%2e%2e/../secret", "/x%252f..%252fnotes", "/notes%253fx", "/notes%3fx", "/notes%20", "/notes.", "/note%c5%bf", "/open/..%20/notes", "/notes%2500",
	"/NOTES", "/Notes/x", "/open/../NOTES", "//open/notes", "///x/notes",
}

// TestEvilPathsReachNothing sends each path with no token, with garbage, and
// with a good one for another resource. Which of 400, 401, 403 and 404 comes
// back depends on Envoy's settings too; that nothing gets past the token's own
// resource must not.
func TestEvilPathsReachNothing(t *testing.T) {
	onEach(t, func(t *testing.T, s *stage) {
		openToken := s.issued(t, open, "read:notes write:notes")
		for _, g := range s.gateways() {
			for _, p := range protocols {
				for _, path := range evilPaths {
					for name, h := range map[string]http.Header{"no token": {}, "garbage": bearer("garbage"), "token for open": bearer(openToken)} {
						before := s.mcp.Requests()
						a, err := g.send(toolCall(p, path, h))
						if err != nil {
							t.Errorf("%s %s %s, %s: %v", g.name, p, path, name, err)
							continue
						}
						reached := s.mcp.Requests() != before
						if reached && (name != "token for open" || !belowOpen(s.mcp.Last().URL.RequestURI())) {
							t.Errorf("%s %s %s, %s: reached the MCP server as %s", g.name, p, path, name, s.mcp.Last().URL.RequestURI())
						}
						if !reached && (a.status < 400 || a.status >= 500) {
							t.Errorf("%s %s %s, %s: status %d", g.name, p, path, name, a.status)
						}
					}
				}
			}
		}
	})
}

// belowOpen tells whether a server that decodes a path and resolves its dot
// segments, in either order, stays below /open. (Envoy may have rewritten the
// path before the plugin saw it.)
func belowOpen(requestURI string) bool {
	raw, _, _ := strings.Cut(requestURI, "?")
	decoded, err := url.PathUnescape(raw)
	return err == nil && strings.HasPrefix(pathpkg.Clean(raw), "/open/") && strings.HasPrefix(pathpkg.Clean(decoded), "/open/")
}

// TestNotesTokenPassesOnItsOwnPathsOnly is the other side: harmless spellings
// of a path are no reason to refuse a good token, but the resource below needs
// its own.
func TestNotesTokenPassesOnItsOwnPathsOnly(t *testing.T) {
	onEach(t, func(t *testing.T, s *stage) {
		token := bearer(s.issued(t, notes, "read:notes write:notes"))
		for _, g := range s.gateways() {
			for path, passes := range map[string]bool{
				"/notes": true, "/notes/": true, "/notes/a%20b": true, "/notes/a.b/..c": true, "/notes?x=/../open": true, "/notes?%2f%00": true,
				"/notes/%61": true, "/notes/adminx": true,
				"/notes/admin": false, "/notes/admin/": false, "/notes/admin?x": false, "/notes/%61dmin": false, "/notes//admin": false, "/notesx": false,
				"/notes/ADMIN": false, "/notes////admin;x=1": false, "/notes/a/b/../../admin;x=1": false, "//x/notes": false,
			} {
				before := s.mcp.Requests()
				a := g.do(t, toolCall(http1, path, token))
				if reached := s.mcp.Requests() != before; reached != passes || (a.status == http.StatusOK) != passes {
					t.Errorf("%s %s: status %d, reached the MCP server: %v, want %v", g.name, path, a.status, reached, passes)
				}
			}
		}
	})
}

// TestRawRequests sends what client libraries refuse to.
func TestRawRequests(t *testing.T) {
	onEach(t, func(t *testing.T, s *stage) {
		openToken := s.issued(t, open, "")
		for _, g := range s.gateways() {
			for name, c := range map[string]struct {
				text     string
				statuses []int // nil = any 4xx
			}{
				"control character in the path": {"GET /notes\x01 HTTP/1.1\r\nHost: mcp.example.com\r\n\r\n", nil},
				"bytes beyond ASCII":            {"GET /open/\xff\xfe HTTP/1.1\r\nHost: mcp.example.com\r\n\r\n", nil},
				"absolute form":                 {"GET http://mcp.example.com/notes HTTP/1.1\r\nHost: other\r\n\r\n", []int{401}},
				"absolute form, open to notes":  {"GET http://mcp.example.com/open/../notes HTTP/1.1\r\nHost: mcp.example.com\r\nAuthorization: Bearer " + openToken + "\r\n\r\n", nil},
				"asterisk form":                 {"OPTIONS * HTTP/1.1\r\nHost: mcp.example.com\r\n\r\n", nil},
				"CONNECT":                       {"CONNECT mcp.example.com:443 HTTP/1.1\r\nHost: mcp.example.com:443\r\n\r\n", nil},
				"empty Authorization":           {"GET /notes HTTP/1.1\r\nHost: mcp.example.com\r\nAuthorization:\r\n\r\n", []int{401}},
				"tab after the scheme":          {"GET /notes HTTP/1.1\r\nHost: mcp.example.com\r\nAuthorization: Bearer\t" + openToken + "\r\n\r\n", []int{400, 401}},
				"upper-case host with a port":   {"GET /shared HTTP/1.1\r\nHost: A.EXAMPLE.COM:8443\r\n\r\n", []int{401}},
				"host with a dot at the end":    {"GET /shared HTTP/1.1\r\nHost: a.example.com.\r\n\r\n", []int{401, 404}},
				"no host":                       {"GET /shared HTTP/1.0\r\n\r\n", nil},
				"very long token":               {"GET /notes HTTP/1.1\r\nHost: mcp.example.com\r\nAuthorization: Bearer " + longText(40_000) + "\r\n\r\n", []int{401}},
				"upgrade":                       {"GET /notes HTTP/1.1\r\nHost: mcp.example.com\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n", nil},
			} {
				before := s.mcp.Requests()
				a := g.raw(t, c.text)
				if n := s.mcp.Requests() - before; n != 0 {
					t.Errorf("%s, %s: reached the MCP server", g.name, name)
				}
				ok := a.status >= 400 && a.status < 500
				if c.statuses != nil {
					ok = slices.Contains(c.statuses, a.status)
				}
				if !ok {
					t.Errorf("%s, %s: status %d, body %.100q, want %v", g.name, name, a.status, a.body, c.statuses)
				}
			}
		}
	})
}

func longText(n int) string { return strings.Repeat("a", n) }

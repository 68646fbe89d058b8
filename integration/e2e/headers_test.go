package e2e

import (
	"bytes"
	"net"
	"strconv"
	"testing"
	"time"

	wire "golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// raw2 sends header fields as they are over HTTP/2, and data if there is any, and
// returns the status of the answer, 0 if the stream was reset: for requests that no
// client library agrees to send. With data "\x00" the stream stays open.
func (g *gateway) raw2(t *testing.T, data string, fields ...[2]string) (status int) {
	t.Helper()
	c, err := net.Dial("tcp", g.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(heldAnswerTime))
	var block bytes.Buffer
	encoder := hpack.NewEncoder(&block)
	for _, f := range fields {
		encoder.WriteField(hpack.HeaderField{Name: f[0], Value: f[1]})
	}
	if _, err := c.Write([]byte(wire.ClientPreface)); err != nil {
		t.Fatal(err)
	}
	framer := wire.NewFramer(c, c)
	framer.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	framer.WriteSettings()
	framer.WriteHeaders(wire.HeadersFrameParam{StreamID: 1, BlockFragment: block.Bytes(), EndHeaders: true, EndStream: data == ""})
	if data != "" && data != "\x00" {
		framer.WriteData(1, true, []byte(data))
	}
	for {
		frame, err := framer.ReadFrame()
		if err != nil {
			t.Fatalf("%q: %v", fields, err)
		}
		switch f := frame.(type) {
		case *wire.MetaHeadersFrame:
			status, _ := strconv.Atoi(f.PseudoValue("status"))
			return status
		case *wire.RSTStreamFrame, *wire.GoAwayFrame:
			return 0
		}
	}
}

// fields2 is a POST to /notes over HTTP/2 with more fields.
func fields2(token string, more ...[2]string) [][2]string {
	return append([][2]string{
		{":method", "POST"}, {":scheme", "http"}, {":authority", "mcp.example.com"}, {":path", "/notes"},
		{"authorization", "Bearer " + token}, {"accept", "application/json, text/event-stream"},
	}, more...)
}

func version2(v string) [2]string { return [2]string{"mcp-protocol-version", v} }

// TestHeadersThatServersReadDifferently: Envoy passes header names with "_" on, and
// over HTTP/2 the white space at the ends of values. With trust_mcp_headers neither
// lets an operation past its rule, whatever a server makes of them.
func TestHeadersThatServersReadDifferently(t *testing.T) {
	json := [2]string{"content-type", "application/json"}
	onEachTrusting(t, func(t *testing.T, g *ruled) {
		for name, c := range map[string]struct {
			fields [][2]string
			want   int // 403 where the body decides
		}{
			"trusted":                     {[][2]string{json, version2("2026-07-28"), {"mcp-method", "ping"}}, 200},
			"version with _":              {[][2]string{json, {"mcp_protocol_version", "2026-07-28"}, {"mcp-method", "ping"}}, 400},
			"version with .":              {[][2]string{json, {"mcp.protocol.version", "2026-07-28"}, {"mcp-method", "ping"}}, 400},
			"version with _ and -":        {[][2]string{json, {"mcp_protocol-version", "2025-11-25"}, version2("2026-07-28"), {"mcp-method", "ping"}}, 400},
			"method with _":               {[][2]string{json, version2("2026-07-28"), {"mcp_method", "ping"}}, 400},
			"name with _":                 {[][2]string{json, version2("2026-07-28"), {"mcp-method", "tools/call"}, {"mcp_name", "list_notes"}}, 400},
			"two versions":                {[][2]string{json, version2("2026-07-28"), version2("2025-11-25"), {"mcp-method", "ping"}}, 400},
			"two versions, the old first": {[][2]string{json, version2("2025-11-25"), version2("2026-07-28"), {"mcp-method", "ping"}}, 400},
			"versions with a comma":       {[][2]string{json, version2("2026-07-28, 2025-11-25"), {"mcp-method", "ping"}}, 400},
			"version with a space":        {[][2]string{json, version2(" 2026-07-28"), {"mcp-method", "ping"}}, 400},
			"version with a tab":          {[][2]string{json, version2("2026-07-28\t"), {"mcp-method", "ping"}}, 400},
			"method with a space":         {[][2]string{json, version2("2026-07-28"), {"mcp-method", " tools/call"}, {"mcp-name", "delete_note"}}, 400},
			"method with a tab":           {[][2]string{json, version2("2026-07-28"), {"mcp-method", "tools/call\t"}, {"mcp-name", "delete_note"}}, 400},
			"name with a space":           {[][2]string{json, version2("2026-07-28"), {"mcp-method", "tools/call"}, {"mcp-name", "delete_note "}}, 400},
			"empty method":                {[][2]string{json, version2("2026-07-28"), {"mcp-method", ""}}, 400},
			"empty name":                  {[][2]string{json, version2("2026-07-28"), {"mcp-method", "tools/call"}, {"mcp-name", ""}}, 400},
			"encoded in other letters":    {[][2]string{json, version2("2026-07-28"), {"mcp-method", "tools/call"}, {"mcp-name", "=?BASE64?ZGVsZXRlX25vdGU=?="}}, 400},
			"charset with a space":        {[][2]string{{"content-type", " application/json; charset=utf-16 "}}, 415},
			"charset with _":              {[][2]string{json, {"content_type", "application/json; charset=utf-16"}}, 415},
			"encoding with a space":       {[][2]string{json, {"content-encoding", " gzip"}}, 415},
			"encoding with .":             {[][2]string{json, {"content.encoding", "gzip"}}, 415},
			"length with _":               {[][2]string{json, {"content_length", "2"}}, 400},
			"no MCP headers":              {[][2]string{json}, 403},
		} {
			t.Run(name, func(t *testing.T) {
				g.server.forget()
				if status := g.raw2(t, tool("delete_note"), fields2(g.read, c.fields...)...); status != c.want {
					t.Errorf("status %d, want %d", status, c.want)
				}
				if c.want != 200 {
					g.wantNothing(t)
				}
			})
		}
		t.Run("origin with a space", func(t *testing.T) {
			for _, origin := range []string{" https://app.example", "https://app.example\t", "https://APP.example", "https://app.example."} {
				if status := g.raw2(t, tool("list_notes"), fields2(g.read, json, [2]string{"origin", origin})...); status != 403 {
					t.Errorf("%q: status %d", origin, status)
				}
			}
		})
	})
}

// onEachTrusting is onEachRuled with trust_mcp_headers, allowed_origins, and Envoy's
// checks of header names off.
func onEachTrusting(t *testing.T, test func(t *testing.T, g *ruled)) {
	onEachRuledWith(t, object{"trust_mcp_headers": true, "allowed_origins": []string{"https://app.example"}}, test)
}

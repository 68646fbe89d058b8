package wasmtest

import (
	"encoding/base64"
	"testing"
)

// trusting is a resource whose rules are decided by the headers alone.
func trusting(members object) object {
	return ruled(with(object{"trust_mcp_headers": true}, members))
}

// A header that decides counts under its exact name alone: a server that does not
// find it there compares nothing, one that folds the characters of a name finds two.
// Where rules apply, another spelling is refused, with a body or without.
func TestRespelledHeaders(t *testing.T) {
	for _, resource := range []object{trusting(nil), ruled(nil)} {
		onBoth(t, server(nil), resource, func(t *testing.T, h *Host, vm *VM, stops bool) {
			token := rsaKey.bearer(claims(h, object{"scope": "read:notes"}))
			version, method := [2]string{"mcp-protocol-version", "2026-07-28"}, [2]string{"mcp-method", "ping"}
			for _, headers := range [][][2]string{
				{{"mcp_protocol_version", "2026-07-28"}, method},
				{{"MCP_Protocol_Version", "2026-07-28"}, method},
				{{"mcp-protocol_version", "2026-07-28"}, method},
				{{"mcp.protocol.version", "2026-07-28"}, method},
				{{"mcp~protocol~version", "2026-07-28"}, method},
				{{"mcp_protocol_version", "2025-11-25"}, version, method},
				{version, {"mcp_method", "ping"}},
				{version, {"mcp+method", "ping"}},
				{version, method, {"mcp_method", "tools/call"}},
				{version, {"mcp-method", "tools/call"}, {"mcp-name", "list_notes"}, {"mcp_name", "delete_note"}},
				{version, {"mcp-method", "tools/call"}, {"mcp.name", "list_notes"}},
				{version, method, {"mcp_method", ""}},
				{version, method, {"content_length", "1"}},
				{version, method, {"transfer_encoding", "chunked"}},
			} {
				s := vm.Open(rpc("/notes", token, headers...), false)
				wantError(t, s, 400, "invalid_request")
				wantNothingSent(t, s, true)
				wantError(t, vm.Request(request("GET", "/notes", append(headers, [2]string{"authorization", token})...)), 400, "invalid_request")
			}
			// Others that look like them are nobody's.
			for _, header := range [][2]string{{"mcp-param-name", "a"}, {"mcp_session_id", "a"}, {"mcp-methods", "a"}, {"x-mcp_method", "a"}, {"mcpxmethod", "a"}} {
				s := vm.Open(rpc("/notes", token, header), false)
				s.Body(call("list_notes"), true)
				wantForwarded(t, s)
			}
		})
	}
	// Where there are no rules nothing depends on them.
	h := newHost(t, Options{})
	vm := start(t, h, usual())
	wantForwarded(t, vm.Open(rpc("/notes", rsaKey.bearer(claims(h, nil)), [2]string{"mcp_method", "ping"}), false))
}

// White space at the ends of a value comes over HTTP/2, and servers trim it. What
// else a server may read in another way is not trusted: the body decides.
func TestValuesThatServersReadDifferently(t *testing.T) {
	encoded := func(s string) string { return "=?base64?" + base64.StdEncoding.EncodeToString([]byte(s)) + "?=" }
	for _, trusted := range []bool{true, false} {
		onBoth(t, server(nil), ruled(object{"trust_mcp_headers": trusted}), func(t *testing.T, h *Host, vm *VM, stops bool) {
			token := rsaKey.bearer(claims(h, object{"scope": "read:notes"}))
			version := [2]string{"mcp-protocol-version", "2026-07-28"}
			for _, headers := range [][][2]string{
				{version, {"mcp-method", " tools/call"}},
				{version, {"mcp-method", "tools/call "}},
				{version, {"mcp-method", "\ttools/call"}},
				{version, {"mcp-method", "tools/call\t"}},
				{version, {"mcp-method", "tools/call\u00a0"}},
				{version, {"mcp-method", "\xa0tools/call"}},
				{version, {"mcp-method", "\vtools/call"}},
				{version, {"mcp-method", encoded(" tools/call")}},
				{version, {"mcp-method", encoded("tools/call\n")}},
				{version, {"mcp-method", encoded("\u3000tools/call")}},
				{version, {"mcp-method", " " + encoded("tools/call")}},
				{version, {"mcp-method", "tools/call"}, {"mcp-name", " delete_note"}},
				{version, {"mcp-method", "tools/call"}, {"mcp-name", "delete_note\t"}},
				{version, {"mcp-method", "tools/call"}, {"mcp-name", encoded("delete_note ")}},
				{version, {"mcp-method", "tools/call"}, {"mcp-name", encoded("\ufeffdelete_note")}},
				{{"mcp-protocol-version", " 2026-07-28"}, {"mcp-method", "ping"}},
				{{"mcp-protocol-version", "2026-07-28 "}, {"mcp-method", "ping"}},
				{{"mcp-protocol-version", "2026-07-28\t"}, {"mcp-method", "ping"}},
				{{"mcp-protocol-version", "2026-07-28\u00a0"}, {"mcp-method", "ping"}},
				{{"mcp-protocol-version", "2026-07-28"}, {"mcp-protocol-version", "2025-11-25"}, {"mcp-method", "ping"}},
				{{"mcp-protocol-version", "2025-11-25"}, {"mcp-protocol-version", "2026-07-28"}, {"mcp-method", "ping"}},
				{{"mcp-protocol-version", "2026-07-28 "}, {"mcp-protocol-version", "2025-11-25"}, {"mcp-method", "ping"}},
				{version, version, {"mcp-method", "tools/call"}},
			} {
				s := vm.Open(rpc("/notes", token, headers...), false)
				wantError(t, s, 400, headerMismatch)
				wantNothingSent(t, s, true)
			}
			for _, headers := range [][][2]string{
				{version, {"mcp-method", ""}},
				{version, {"mcp-method", "ping,tools/call"}},
				{version, {"mcp-method", "ping, tools/call"}},
				{version, {"mcp-method", encoded("ping")}},
				{version, {"mcp-method", "=?BASE64?cGluZw==?="}},
				{version, {"mcp-method", "=?utf-8?Q?tools=2Fcall?="}},
				{version, {"mcp-method", "tools/call"}, {"mcp-name", ""}},
				{version, {"mcp-method", "tools/call"}, {"mcp-name", encoded("")}},
				{version, {"mcp-method", "tools/call"}, {"mcp-name", "list_notes,delete_note"}},
				{version, {"mcp-method", "tools/call"}, {"mcp-name", "=?BASE64?ZGVsZXRlX25vdGU=?="}},
				{version, {"mcp-method", "tools/call"}, {"mcp-name", "=?utf-8?B?ZGVsZXRlX25vdGU=?="}},
				{version, {"mcp-method", "tools/call"}, {"mcp-name", encoded(encoded("delete_note"))}},
				{{"mcp-protocol-version", "2026-07-28, 2025-11-25"}, {"mcp-method", "ping"}},
			} {
				s := vm.Open(rpc("/notes", token, headers...), false)
				if s.State() != Answered {
					s.Body(call("delete_note"), true)
				}
				wantError(t, s, 400, headerMismatch)
				wantNothingSent(t, s, stops)
			}
			// In a body too.
			for _, method := range []string{" tools/call", "tools/call\u00a0", "\ufefftools/call", `tools/call\u0020`} {
				s := vm.Open(rpc("/notes", token), false)
				s.Body(message(method, `{"name":"delete_note"}`), true)
				wantError(t, s, 400, "invalid_request")
				wantNothingSent(t, s, stops)
			}
			if !trusted {
				return
			}
			// What every server reads alike is trusted still.
			for _, headers := range [][][2]string{mirrored("tools/call", "list_notes"), mirrored("tools/call", encoded("für später")), mirrored("tools/list", "")} {
				wantForwarded(t, vm.Open(rpc("/notes", token, headers...), false))
			}
		})
	}
}

// A Content-Type or Content-Encoding that only some servers see may refuse a body,
// but never makes one readable.
func TestContentHeadersInOtherSpellings(t *testing.T) {
	h := newHost(t, Options{})
	vm := start(t, h, config(server(nil), ruled(nil), nil))
	token := rsaKey.bearer(claims(h, nil))
	utf16, utf8 := "application/json; charset=utf-16", "application/json; charset=utf-8"
	for _, headers := range [][][2]string{
		{{"content_type", utf16}}, {{"content.type", utf16}}, {{"content-type", utf8}, {"content_type", utf16}}, {{"content-type", utf16}, {"content_type", utf8}},
		{{"content_type", utf8}, {"content_type", utf16}}, {{"content_type", utf16}, {"content_type", utf8}},
		{{"content.encoding", "gzip"}}, {{"content_encoding", "gzip"}, {"content_encoding", "identity"}}, {{"content-encoding", "identity"}, {"content_encoding", "br"}},
		{{"content-encoding", " gzip"}}, {{"content-encoding", "gzip\t"}}, {{"content-encoding", "identity"}, {"content-encoding", "gzip"}},
		{{"content-type", " application/json;\tcharset=utf-16 "}}, {{"content-type", "application/json; charset*=utf-8''utf-16"}},
		{{"content-type", `application/json; x="; charset=utf-8"; charset=utf-16`}}, {{"content-type", utf16}, {"content-type", utf8}},
	} {
		wantError(t, vm.Open(rpc("/notes", token, headers...), false), 415, "unsupported_media_type")
	}
	for _, headers := range [][][2]string{{{"content_type", utf8}}, {{"content_encoding", "identity"}}} {
		s := vm.Open(rpc("/notes", token, headers...), false)
		s.Body(call("list_notes"), true)
		wantForwarded(t, s)
	}
}

// A server that merges trailers into the headers must not find there what decided.
func TestTrailersOfHeadersThatDecide(t *testing.T) {
	onBoth(t, server(nil), trusting(nil), func(t *testing.T, h *Host, vm *VM, stops bool) {
		token := rsaKey.bearer(claims(h, object{"scope": "read:notes"}))
		s := vm.Open(rpc("/notes", token, mirrored("tools/call", "list_notes")...), false)
		s.Body(call("list_notes"), false)
		trailers := Headers{{"x-checksum", "1"}}
		for _, name := range []string{"mcp-method", "mcp_name", "mcp.protocol.version", "content-type", "content_encoding", "content-length", "origin", "authorization", "host", "transfer-encoding", "x-http-method-override", "x_original_url"} {
			trailers = append(trailers, [2]string{name, "x"})
		}
		if got := s.Trailers(trailers); len(got) != 1 || !got.Has("x-checksum") {
			t.Errorf("trailers %v", got)
		}
		wantForwarded(t, s)
	})
}

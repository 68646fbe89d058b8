package config_test

import (
	"testing"

	"mcpauth/config"
)

func TestHeadersThatMustNotBeSet(t *testing.T) {
	for _, name := range []string{
		"Authorization", "host", "cookie", "origin", "expect",
		"Connection", "keep-alive", "te", "trailer", "transfer-encoding", "transfer_encoding", "upgrade",
		"proxy-authorization", "proxy-connection", "content-length", "Content-Type", "accept", "accept-encoding",
		"Mcp-Method", "mcp-session-id", "last-event-id", "access-control-request-method", "sec-fetch-mode",
		"x-mcpauth-subject", "X_MCPAUTH_anything", "x-mcpauth_subject",
		"x-envoy-original-path", "x-request-id", "x-forwarded-for", "x_forwarded_client_cert",
	} {
		_, err := config.Parse([]byte(withResource(`"forward_payload_header": "` + name + `"`)))
		const want = "resources[0].forward_payload_header: must not be this header, which has a meaning of its own"
		if err == nil || err.Error() != want {
			t.Errorf("%s: got %v, want %s", name, err, want)
		}
	}
}

// Names that only begin like a reserved one are free: the list must not grow
// into those that identity-aware proxies commonly set.
func TestHeadersThatMayBeSet(t *testing.T) {
	for _, name := range []string{"x-user", "x-forwarded-user", "x-forwarded-email", "hostname", "accepted", "remote-user", "x-mcpauthx", "dated"} {
		c, err := config.Parse([]byte(withResource(`"forward_payload_header": "` + name + `"`)))
		if err != nil {
			t.Error(name, err)
		} else if got := c.Resources[0].ForwardPayloadHeader; got != name {
			t.Errorf("got %q, want %q", got, name)
		}
	}
}

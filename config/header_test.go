package config_test

import (
	"strings"
	"testing"

	"mcpauth/config"
)

func TestHeadersThatMustNotBeSet(t *testing.T) {
	for _, name := range []string{
		"Authorization", "host", "cookie", "origin", "expect",
		"Connection", "keep-alive", "te", "trailer", "transfer-encoding", "transfer_encoding", "upgrade",
		"proxy-authorization", "proxy-connection", "content-length", "Content-Type", "accept", "accept-encoding",
		"Mcp-Method", "mcp-session-id", "last-event-id", "access-control-request-method", "sec-fetch-mode",
		"x-mcpauth-subject", "X_MCPAUTH_anything", "X-Mcpauth-Verdict", "x_mcpauth_verdict", "x.mcpauth-verdict", "x-mcpauth_subject",
		"x-envoy-original-path", "x-request-id", "x-forwarded-for", "x_forwarded_client_cert",
		"trailers", "http2-settings", "TE", "Range", "if-none-match", "If-Match", "if", "date", "max-forwards", "prefer", "early-data", "set-cookie", "dpop",
		"X-HTTP-Method-Override", "x-http-method", "x-method-override", "x-original-url", "x-rewrite-url", "x-original-host", "x-host",
		"forwarded", "x-forwarded", "x-forwarded-anything", "x-forwarded-prefix", "x-real-ip", "true-client-ip", "cf-connecting-ip", "client-cert",
		"ssl-client-verify", "x-accel-redirect", "destination", "traceparent", "grpc-timeout", "x-csrf-token",
		"content.length", "transfer.encoding", "x.envoy.original.path", "mcp!method", "x.mcpauth.subject", "x~forwarded~for", "Proxy.Authorization",
	} {
		_, err := config.Parse([]byte(withResource(`"forward_payload_header": "` + name + `"`)))
		const want = "resources[0].forward_payload_header: must not be this header, which has a meaning of its own"
		if err == nil || err.Error() != want {
			t.Errorf("%s: got %v, want %s", name, err, want)
		}
	}
}

// The header with the verdict is nobody else's, whether it is set or not.
func TestVerdictHeaderMustNotBeSet(t *testing.T) {
	for _, top := range []string{"", `"verdict_header": true, `} {
		for _, name := range []string{config.VerdictHeaderName, "X-Mcpauth-Verdict", "x_mcpauth_verdict"} {
			for path, resource := range map[string]string{
				"forward_payload_header":          `"forward_payload_header": "` + name + `"`,
				"claim_to_headers[0].header_name": `"claim_to_headers": [{"claim_name": "a", "header_name": "` + name + `"}]`,
			} {
				doc := "{" + top + strings.TrimPrefix(withResource(resource), "{")
				if _, err := config.Parse([]byte(doc)); err == nil || err.Error() != "resources[0]."+path+": must not be this header, which has a meaning of its own" {
					t.Errorf("%s%s: %v", top, resource, err)
				}
			}
		}
	}
}

// Names that only begin like a reserved one are free: the list must not grow
// into those that identity-aware proxies commonly set.
func TestHeadersThatMayBeSet(t *testing.T) {
	for _, name := range []string{"x-user", "x-forwarded-user", "x-forwarded-email", "x-forwarded-groups", "hostname", "x.obj", "fromage", "iffy", "x-hosts", "accepted", "remote-user", "x-mcpauthx", "dated"} {
		c, err := config.Parse([]byte(withResource(`"forward_payload_header": "` + name + `"`)))
		if err != nil {
			t.Error(name, err)
		} else if got := c.Resources[0].ForwardPayloadHeader; got != name {
			t.Errorf("got %q, want %q", got, name)
		}
	}
}

// Names that a server could take for one another have one value between them.
func TestHeadersThatAreTheSame(t *testing.T) {
	for _, name := range []string{"x-obj", "X-Obj", "x_obj", "x.obj", "x!obj", "x~obj", "x^obj", "x|obj", "x*obj", "x'obj"} {
		_, err := config.Parse([]byte(withResource(`"forward_payload_header": "x-obj", "claim_to_headers": [{"claim_name": "a", "header_name": "` + name + `"}]`)))
		const want = "resources[0].claim_to_headers[0].header_name: is the same header as resources[0].forward_payload_header"
		if err == nil || err.Error() != want {
			t.Errorf("%s: got %v, want %s", name, err, want)
		}
	}
}

// An operator must not send a provider what makes it act on another request, or
// for another caller, than that of the token.
func TestHeadersThatMustNotBeSentToAProvider(t *testing.T) {
	send := func(name string) error {
		_, err := config.Parse([]byte(withServer(`"userinfo": {"endpoint": "https://a/u", "audience_unchecked": true, "headers": {"` + name + `": "x"}}`)))
		return err
	}
	for _, name := range []string{
		"Authorization", "proxy-authorization", "cookie", "Host", "connection", "keep-alive", "TE", "trailer", "transfer-encoding", "upgrade", "expect",
		"content-length", "content_length", "Content.Type", "accept-encoding", "range", "if-none-match", "if-modified-since", "x-http-method-override", "X-HTTP-Method", "x-original-url",
		"x-envoy-upstream-rq-timeout-ms", "x-forwarded-for", "forwarded", "mcp-session-id", "x-mcpauth-subject", "dpop",
	} {
		const want = ": must not be this header, on which the gateway, the connection or the provider acts"
		if err := send(name); err == nil || !strings.HasSuffix(err.Error(), want) || strings.Count(err.Error(), "\n") != 0 {
			t.Errorf("%s: got %v", name, err)
		}
	}
	for _, name := range []string{"Accept", "accept-language", "User-Agent", "X-GitHub-Api-Version", "x-api-key", "cache-control", "notion-version"} {
		if err := send(name); err != nil {
			t.Error(name, err)
		}
	}
	_, err := config.Parse([]byte(withServer(`"userinfo": {"endpoint": "https://a/u", "audience_unchecked": true, "headers": {"x-key": "x", "X_Key": "y"}}`)))
	if err == nil || !strings.HasSuffix(err.Error(), "headers.X_Key: is there twice") {
		t.Error(err)
	}
}

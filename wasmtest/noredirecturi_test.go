package wasmtest

import (
	"net/url"
	"testing"
	"time"
)

// OAuth 2.1, section 4.1.3, has no redirect_uri in token requests: the gateway has its own
// for the provider.
func TestTokenRequestWithoutRedirectURI(t *testing.T) {
	h, vm, p := proxyVM(t, nil)
	for _, uri := range []url.Values{{"redirect_uri": nil}, {"redirect_uri": {callback}}} {
		p.forms = nil
		s := post(vm, "/token", formType, form(uri))
		p.run(h, time.Second)
		wantStatus(t, s, 200)
		sent, _ := url.ParseQuery(string(p.forms[0].Body))
		if got := sent.Get("redirect_uri"); got != "https://mcp.example.com/callback" {
			t.Errorf("redirect_uri %q", got)
		}
	}
	wantError(t, post(vm, "/token", formType, form(url.Values{"redirect_uri": {"https://evil.example/"}})), 400, "invalid_grant")
}

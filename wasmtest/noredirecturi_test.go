package wasmtest

import (
	"net/url"
	"testing"
	"time"
)

// OAuth 2.1, section 4.1.3, has no redirect_uri in token requests: with callback the
// gateway has its own for the provider, else the provider decides.
func TestTokenRequestWithoutRedirectURI(t *testing.T) {
	for _, callback := range []bool{true, false} {
		h, vm, p := proxyVM(t, object{"callback": callback})
		s := post(vm, "/token", formType, form(url.Values{"redirect_uri": nil}))
		p.run(h, time.Second)
		wantStatus(t, s, 200)
		want := ""
		if callback {
			want = "https://mcp.example.com/callback"
		}
		sent, _ := url.ParseQuery(string(p.forms[0].Body))
		if got := sent.Get("redirect_uri"); got != want {
			t.Errorf("callback %v: redirect_uri %q, want %q", callback, got, want)
		}
		wantError(t, post(vm, "/token", formType, form(url.Values{"redirect_uri": {"https://evil.example/"}})), 400, "invalid_grant")
	}
}

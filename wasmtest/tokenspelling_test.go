package wasmtest

import (
	"strings"
	"testing"
	"time"
)

// spelled are Authorization headers that name a token in other forms than the
// standard one. Over HTTP/2, Envoy passes white space at their ends on.
var spelled = []string{"bearer TOKEN", "BEARER TOKEN", "Bearer   TOKEN", "Bearer TOKEN ", " Bearer TOKEN", "\tbEARER \t TOKEN\t ", "Bearer\tTOKEN"}

func spell(form, authorization string) string {
	_, token, _ := strings.Cut(authorization, " ")
	return strings.ReplaceAll(form, "TOKEN", token)
}

// However a client spells its token, the server gets it in the standard form, or
// not at all.
func TestForwardedTokenIsInTheStandardForm(t *testing.T) {
	want := func(t *testing.T, s *Stream, authorization string) {
		t.Helper()
		if got := s.Upstream().Values("authorization"); s.State() != Forwarded || len(got) != 1 || got[0] != authorization {
			t.Errorf("%s: authorization %q, want %q", describe(s), got, authorization)
		}
		s.Close()
	}
	for _, form := range spelled {
		t.Run(form, func(t *testing.T) {
			h := newHost(t, Options{})
			vm := start(t, h, config(server(nil), notes(object{"forward": true}), nil))
			token := rsaKey.bearer(claims(h, nil))
			for range 3 { // once verified, and then remembered
				want(t, vm.Request(rpc("/notes", spell(form, token))), token)
			}
			want(t, vm.Request(rpc("/notes", token)), token)
			want(t, vm.Request(rpc("/notes", spell(form, token))), token)

			// One that had to wait.
			h = newHost(t, Options{})
			vm = start(t, h, config(fetching(nil), notes(object{"forward": true}), nil))
			token = rsaKey.bearer(claims(h, nil))
			held := vm.Request(rpc("/notes", spell(form, token)))
			if held.State() != Held {
				t.Fatalf("%s, want held", describe(held))
			}
			goodServer(rsaKey).run(h, time.Second)
			want(t, held, token)

			h = newHost(t, Options{})
			vm = start(t, h, config(server(nil), notes(nil), nil))
			token = rsaKey.bearer(claims(h, nil))
			for range 2 {
				s := vm.Request(rpc("/notes", spell(form, token)))
				if s.State() != Forwarded || s.Upstream().Has("authorization") {
					t.Errorf("without forward: %s", describe(s))
				}
				s.Close()
			}
		})
	}
}

// A token that was verified is remembered, however the client spells it.
func TestSpelledTokenIsVerifiedOnce(t *testing.T) {
	for _, form := range spelled {
		h := newHost(t, Options{})
		vm := start(t, h, config(server(nil), notes(nil), nil))
		token := rsaKey.bearer(claims(h, nil))
		for i := range 3 {
			s := vm.Request(rpc("/notes", spell(form, token)))
			wantForwarded(t, s)
			if n := s.HostCalls()["proxy_call_foreign_function"]; i > 0 && n != 0 {
				t.Errorf("%q: verified again", form)
			}
		}
	}
}

// What other white space stands around is no token of ours, and two tokens are
// two, whatever stands between them.
func TestOtherWhiteSpaceMakesNoToken(t *testing.T) {
	for _, server := range []object{server(nil), opaque(nil)} {
		h := newHost(t, Options{})
		vm := start(t, h, config(server, notes(object{"forward": true}), nil))
		token := rsaKey.bearer(claims(h, nil))
		for _, space := range []string{"\v", "\f", "\x1c", "\x85", "\xa0", "\u00a0", "\u2003", "\ufeff"} {
			for _, form := range []string{"Bearer" + space + "TOKEN", space + "Bearer TOKEN", "Bearer TOKEN" + space, "Bearer " + space + "TOKEN"} {
				wantStatus(t, vm.Request(rpc("/notes", spell(form, token))), 401)
			}
		}
		for _, form := range []string{"Bearer TOKEN TOKEN", "Bearer TOKEN\tTOKEN", "Bearer TOKEN,", "Basic eA==,Bearer TOKEN", "Basic eA== , \tbearer\tTOKEN", ",,,Bearer TOKEN"} {
			wantError(t, vm.Request(rpc("/notes", spell(form, token))), 400, "invalid_request")
		}
	}
}

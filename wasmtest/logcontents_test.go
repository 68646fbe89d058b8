package wasmtest

import (
	"regexp"
	"strings"
	"testing"
	"time"
)

// marker stands in every place of a request that a client can write to.
const marker = "zqMARKERqz"

// Neither the log nor an answer repeats what a client has sent: a token is a
// secret, and the rest a way to write into somebody's log or page.
func TestNothingIsReflected(t *testing.T) {
	h := newHost(t, Options{})
	vm := start(t, h, config(fetching(nil), notes(nil), nil))
	held := vm.Request(rpc("/notes", rsaKey.bearer(claims(h, object{"sub": marker}))))
	goodServer(rsaKey).run(h, 2*time.Second)
	wantForwarded(t, held)

	c := claims(h, object{"sub": marker, "client_id": marker, "jti": marker, "x": marker})
	header := func(members object) string { return rsaKey.sign(toJSON(with(rsaKey.header(), members)), toJSON(c)) }
	claim := func(members object) string { return rsaKey.token(with(c, members)) }
	tokens := []string{
		rsaKey.token(c), impostorRSA.token(c), marker, marker + "." + marker + "." + marker,
		header(object{"kid": marker}), header(object{"alg": marker}), header(object{"typ": marker}), header(object{"crit": []string{marker}}), header(object{marker: marker}),
		claim(object{"iss": "https://" + marker + ".example"}), claim(object{"aud": marker}), claim(object{"scope": marker}), claim(object{"exp": 1}),
		claim(object{"exp": marker}), claim(object{"nbf": marker}), claim(object{"cnf": marker}), claim(object{"nonce": marker}), claim(object{"sub": []string{marker}}),
		rsaKey.sign(`{"alg":"RS256","`+marker+`":1,"`+marker+`":2}`, toJSON(c)), rsaKey.sign(toJSON(rsaKey.header()), `{"`+marker), rsaKey.sign(marker, marker),
	}
	check := func(s *Stream) {
		t.Helper()
		goodServer(rsaKey).run(h, 11*time.Second)
		if s.State() != Answered {
			return
		}
		if text := describe(s); strings.Contains(text, marker) || strings.Contains(text, strings.ToLower(marker)) {
			t.Errorf("reflected: %s", text)
		}
		s.Close()
	}
	for _, token := range tokens {
		check(vm.Request(rpc("/notes", "Bearer "+token, [2]string{"origin", "https://app.example"})))
	}
	hostile := [2]string{"x-any", marker}
	for _, r := range []Headers{
		rpc("/notes/"+marker, "", hostile), rpc("/notes?x="+marker, "", hostile), rpc("/"+marker, "", hostile), rpc("/notes%2F"+marker, "", hostile),
		rpc("/notes", marker+" "+marker), rpc("/notes", "Bearer "+marker+", Bearer "+marker), rpc("/notes", "Bearer "+marker+" "+marker),
		rpc("/notes", "", [2]string{"origin", "https://" + marker}), request(marker, "/notes"), request(marker, prm+"/notes"),
		request("GET", prm+"/"+marker), request("GET", prm+"/notes", [2]string{"origin", "https://" + marker}),
		{{":method", "GET"}, {":path", "/notes"}, {":authority", marker + ".example"}, {":scheme", marker}},
		{{":method", "GET"}, {":path", prm + "/notes"}, {":authority", marker + ".example"}, {"x-forwarded-host", marker}, {"forwarded", "host=" + marker}},
	} {
		check(vm.Request(r))
	}
	// Why a token is refused is told, with what it says of itself in quotes.
	own := regexp.MustCompile(`(issuer|audience|alg|kid) "[ !#-\[\]-~]*"`)
	for _, l := range h.Logs() {
		text := l.Message
		if strings.HasPrefix(text, "mcpauth: refused at ") {
			text = own.ReplaceAllString(text, "")
		}
		if strings.Contains(strings.ToLower(text), strings.ToLower(marker)) {
			t.Errorf("the log holds what a client sent: %q", l.Message)
		}
		for _, token := range tokens {
			for _, part := range strings.Split(token, ".") {
				for i := 0; i+16 <= len(part); i += 8 {
					if strings.Contains(l.Message, part[i:i+16]) {
						t.Errorf("the log holds a part of a token: %q", l.Message)
					}
				}
			}
		}
	}
}

// A log line that each request can write is a way to fill a disk.
func TestRequestsDoNotFillTheLog(t *testing.T) {
	h := newHost(t, Options{})
	vm := start(t, h, config(fetching(nil), notes(nil), nil))
	goodServer(rsaKey).run(h, 2*time.Second)
	before := len(h.Logs())
	for range 100 {
		for _, authorization := range []string{"", "Bearer x", rsaKey.bearer(claims(h, object{"exp": 1})), "Bearer a, Bearer b"} {
			vm.Request(rpc("/notes", authorization)).Close()
			vm.Request(rpc("/%2F", authorization)).Close()
		}
	}
	visible := 0
	for _, l := range h.Logs()[before:] {
		if l.Level >= LogInfo {
			visible++
		}
	}
	if visible > 10 {
		t.Errorf("%d log lines for 800 requests", visible)
	}
}

// A server that stays down is reported, but not each time.
func TestFailuresAreLoggedOnce(t *testing.T) {
	h := newHost(t, Options{})
	vm := start(t, h, config(fetching(nil), notes(nil), nil))
	vm.Request(rpc("/notes", rsaKey.bearer(claims(h, nil))))
	h.Run(10*time.Minute, func() {
		for _, c := range h.Callouts() {
			c.Answer("500", nil, nil)
		}
	})
	var lines []string
	for _, l := range h.Logs() {
		if l.Level >= LogWarn {
			lines = append(lines, l.Message)
		}
	}
	if len(lines) == 0 || len(lines) > 20 {
		t.Errorf("%d warnings in 10 minutes:\n%s", len(lines), strings.Join(lines, "\n"))
	}
	if text := strings.Join(lines, "\n"); !strings.Contains(text, issuer) || !strings.Contains(text, "500") {
		t.Errorf("the warnings do not say what is wrong, and where:\n%s", text)
	}
}

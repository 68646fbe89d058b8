package wasmtest

import (
	"strings"
	"testing"
	"time"
)

// What the 401 says tells causes apart that have different cures.
func TestErrorDescriptions(t *testing.T) {
	vm := usualVM(t)
	c := claims(vm.host, nil)
	alg := func(name string) string {
		return rsaKey.sign(toJSON(with(rsaKey.header(), object{"alg": name})), toJSON(c))
	}
	for token, want := range map[string]string{
		rsaKey.token(with(c, object{"aud": nil})):                "the token names no audience",
		rsaKey.token(with(c, object{"aud": []string{}})):         "the token names no audience",
		rsaKey.token(with(c, object{"aud": ""})):                 "the token is for another audience",
		rsaKey.token(with(c, object{"aud": []string{"a", "b"}})): "the token is for another audience",
		alg("PS256"):                       "the token algorithm PS256 is not accepted",
		alg("HS256"):                       "the token algorithm HS256 is not accepted",
		alg("none"):                        "the token algorithm none is not accepted",
		alg("EdDSA"):                       "the token algorithm EdDSA is not accepted",
		alg("X256"):                        "the token algorithm is not accepted",
		alg("PS256\r\nx: y"):               "the token algorithm is not accepted",
		alg(`PS256", error="ok`):           "the token algorithm is not accepted",
		alg(strings.Repeat("PS256", 1000)): "the token algorithm is not accepted",
	} {
		wantInvalid(t, vm.Request(rpc("/notes", "Bearer "+token)), "^"+want+"$")
	}
}

// Some servers, and some editors, put a byte order mark before a document. A token
// has none.
func TestByteOrderMarks(t *testing.T) {
	const mark = "\ufeff"
	h := newHost(t, Options{})
	vm := start(t, h, mark+toJSON(config(fetching(object{"jwks_uri": issuer + "/keys"}), notes(nil), nil)))
	documents{"/keys": mark + toJSON(keySet(rsaKey))}.run(h, 2*time.Second)
	wantForwarded(t, vm.Request(rpc("/notes", rsaKey.bearer(claims(h, nil)))))
	// Another worker takes over the same document.
	other := start(t, h, config(fetching(object{"jwks_uri": issuer + "/keys"}), notes(nil), nil))
	wantForwarded(t, other.Request(rpc("/notes", rsaKey.bearer(claims(h, nil)))))
	wantInvalid(t, vm.Request(rpc("/notes", "Bearer "+rsaKey.sign(mark+toJSON(rsaKey.header()), toJSON(claims(h, nil))))), "malformed")
	wantInvalid(t, vm.Request(rpc("/notes", "Bearer "+rsaKey.sign(toJSON(rsaKey.header()), mark+toJSON(claims(h, nil))))), "malformed")
	wantRefused(t, mark+mark+usual(), "$")

	h = newHost(t, Options{})
	vm = start(t, h, config(opaque(nil), notes(object{"forward_payload_header": "x-payload"}), nil))
	s := vm.Request(rpc("/notes", "Bearer opaque"))
	h.Run(10*time.Millisecond, nil)
	about := toJSON(aboutToken(h, nil))
	for _, c := range h.Callouts() {
		c.Answer("200", Headers{{"content-type", "application/json"}}, []byte(mark+about))
	}
	h.Run(10*time.Millisecond, nil)
	if got := s.Upstream().Get("x-payload"); got != b64([]byte(about)) {
		t.Errorf("payload %q", got)
	}
	wantForwarded(t, s)
}

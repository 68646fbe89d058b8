package wasmtest

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"
)

// clientKey is the key of a client that binds its tokens, and thiefKey that of another.
var clientKey, thiefKey = newEC(""), newEC("")

// thumbprint is the "jkt" of a key: RFC 7638.
func (s *signer) thumbprint() string {
	required := object{}
	for name, value := range s.jwk() {
		if slices.Contains([]string{"crv", "e", "kty", "n", "x", "y"}, name) {
			required[name] = value
		}
	}
	digest := sha256.Sum256([]byte(toJSON(required)))
	return b64(digest[:])
}

var proofCount int

// proof makes a DPoP proof for a request such as rpc makes, with changes to its claims.
func (s *signer) proof(h *Host, token string, changes object) string {
	digest := sha256.Sum256([]byte(token))
	proofCount++
	claims := with(object{"jti": fmt.Sprint("proof-", proofCount), "htm": "POST", "htu": resource, "iat": h.Clock().Now().Unix(), "ath": b64(digest[:])}, changes)
	return s.sign(toJSON(object{"typ": "dpop+jwt", "alg": s.alg(), "jwk": with(s.jwk(), object{"kid": nil})}), toJSON(claims))
}

// boundToKey returns the claims of a token that is bound to a key.
func boundToKey(h *Host, key *signer, changes object) object {
	return with(claims(h, object{"cnf": object{"jkt": key.thumbprint()}}), changes)
}

// dpopRPC is an MCP request with a token and a proof.
func dpopRPC(token, proof string) Headers {
	return rpc("/notes", "DPoP "+token, [2]string{"dpop", proof})
}

// ofKey is a request for the resource /keyed with a token that is bound to clientKey, and
// with a proof by a key.
func ofKey(h *Host, key *signer, changes object) Headers {
	start := h.options.Now.Unix()
	token := rsaKey.token(boundToKey(h, clientKey, object{"iat": start, "exp": start + 3600})) // the same each time
	return rpc("/keyed", "DPoP "+token, [2]string{"dpop", key.proof(h, token, with(object{"htu": "https://mcp.example.com/keyed"}, changes))})
}

// wantProofError checks a 401 of DPoP: one challenge, with this error.
func wantProofError(t testing.TB, s *Stream, code, description string) {
	t.Helper()
	wantStatus(t, s, 401)
	challenges := s.Local().Headers.Values("www-authenticate")
	if len(challenges) != 1 || !strings.HasPrefix(challenges[0], `DPoP algs="ES256 RS256", error="`+code+`", `) || !strings.Contains(challenges[0], description) ||
		!strings.Contains(challenges[0], `resource_metadata="`+prmURL+`"`) {
		t.Errorf("challenges %q, want %s with %q", challenges, code, description)
	}
	var body map[string]string
	if err := json.Unmarshal(s.Local().Body, &body); err != nil || body["error"] != code {
		t.Errorf("body %s", s.Local().Body)
	}
}

func dpopConfig(server object, members object) object {
	return config(server, notes(with(object{"dpop": "accept"}, members)), nil)
}

// A bound token passes with a proof, whoever verifies the signature, and the server gets
// neither. A proof passes once in all workers.
func TestDPoP(t *testing.T) {
	for name, functions := range map[string]map[string]ForeignFunction{"verify_signature": nil, "jwtlite": {}} {
		for _, client := range []*signer{clientKey, otherRSA} {
			t.Run(name+", "+client.alg(), func(t *testing.T) {
				h := newHost(t, Options{Functions: functions})
				vms := []*VM{start(t, h, dpopConfig(server(nil), nil)), start(t, h, dpopConfig(server(nil), nil))}
				token := rsaKey.token(boundToKey(h, client, nil))
				proof := client.proof(h, token, nil)
				calls := h.ForeignCalls("verify_signature")
				s := vms[0].Request(dpopRPC(token, proof))
				if up := s.Upstream(); up.Has("authorization") || up.Has("dpop") || up.Get("x-mcpauth-subject") != "alice" {
					t.Errorf("the server gets %v", up)
				}
				wantForwarded(t, s)
				if made := h.ForeignCalls("verify_signature") - calls; functions == nil && made != 2 {
					t.Errorf("%d signatures were verified by the host, want that of the token and that of the proof", made)
				}
				for _, vm := range []*VM{vms[1], vms[0]} {
					wantProofError(t, vm.Request(dpopRPC(token, proof)), "invalid_dpop_proof", "it has been used before")
					wantForwarded(t, vm.Request(dpopRPC(token, client.proof(h, token, nil))))
					bearer := vm.Request(rpc("/notes", "Bearer "+token))
					wantStatus(t, bearer, 401)
					if c := bearer.Local().Headers.Values("www-authenticate"); len(c) != 2 || parseChallenge(t, c[0])["error"] != "invalid_token" || c[1] != `DPoP algs="ES256 RS256"` {
						t.Errorf("challenges %q", c)
					}
					wantProofError(t, vm.Request(rpc("/notes", "DPoP "+token)), "invalid_dpop_proof", "there is none")
					forged := client.proof(h, token, nil)
					wantProofError(t, vm.Request(dpopRPC(token, forged[:len(forged)-8]+"AAAAAAAA")), "invalid_dpop_proof", "")
					wantProofError(t, vm.Request(dpopRPC(token, thiefKey.proof(h, token, nil))), "invalid_token", "another key")
					wantProofError(t, vm.Request(append(dpopRPC(token, client.proof(h, token, nil)), [2]string{"dpop", client.proof(h, token, nil)})), "invalid_dpop_proof", "more than one")
					plain := rsaKey.token(claims(h, nil))
					wantForwarded(t, vm.Request(rpc("/notes", "Bearer "+plain)))
					wantProofError(t, vm.Request(dpopRPC(plain, client.proof(h, plain, nil))), "invalid_token", "not bound to a key")
				}
				for name, want := range map[string]uint64{"invalid_dpop_proof.reason=replayed": 2, "invalid_dpop_proof.reason=invalid": 6, "invalid_token.reason=key_binding": 2, "invalid_token.reason=unbound": 2, "invalid_token.reason=bound": 2} {
					h.Run(2*time.Second, nil)
					if got := h.Counter("mcpauth_requests_total.result=" + name); got != want {
						t.Errorf("%s: %d, want %d", name, got, want)
					}
				}
				for _, secret := range []string{token, proof, strings.Split(proof, ".")[1], clientKey.thumbprint()} {
					if strings.Contains(h.LogText(), secret) {
						t.Errorf("the log has %q", secret)
					}
				}
			})
		}
	}
}

// A request that is held for keys uses its proof up once, when the token has passed; the
// time of the proof is that of the request's arrival. Of two with one proof, one passes.
func TestDPoPWhileRequestsAreHeld(t *testing.T) {
	h := newHost(t, Options{})
	vms := []*VM{start(t, h, dpopConfig(fetching(nil), nil)), start(t, h, dpopConfig(fetching(nil), nil))}
	token := rsaKey.token(boundToKey(h, clientKey, nil))
	proof := clientKey.proof(h, token, object{"iat": h.Clock().Now().Unix() - 60})
	var held []*Stream
	for _, vm := range vms {
		for range 2 {
			held = append(held, vm.Request(dpopRPC(token, proof)))
		}
	}
	late := vms[1].Request(dpopRPC(token, clientKey.proof(h, token, nil)))
	h.Clock().Advance(3 * time.Second)
	goodServer(rsaKey).run(h, 2*time.Second)
	forwarded := 0
	for _, s := range held {
		if s.State() == Forwarded {
			forwarded++
			s.Close()
			continue
		}
		wantProofError(t, s, "invalid_dpop_proof", "it has been used before")
	}
	if forwarded != 1 {
		t.Errorf("%d requests with one proof went on", forwarded)
	}
	wantForwarded(t, late)
	// The proof is too old for a request that comes now.
	wantProofError(t, vms[0].Request(dpopRPC(token, proof)), "invalid_dpop_proof", "too old")
}

// A proof that is refused, or whose token is, is not used up.
func TestRefusedProofsTakeNoRoom(t *testing.T) {
	h := newHost(t, Options{})
	vm := start(t, h, dpopConfig(server(nil), nil))
	token := rsaKey.token(boundToKey(h, clientKey, nil))
	before := h.SharedData().Keys()
	foreign := impostorRSA.token(boundToKey(h, thiefKey, nil))
	expired := rsaKey.token(boundToKey(h, clientKey, object{"exp": h.Clock().Now().Unix() - 100}))
	for _, s := range []*Stream{
		vm.Request(dpopRPC(token, thiefKey.proof(h, token, nil))),
		vm.Request(dpopRPC(foreign, thiefKey.proof(h, foreign, nil))),
		vm.Request(dpopRPC(expired, clientKey.proof(h, expired, nil))),
	} {
		wantStatus(t, s, 401)
	}
	after := slices.DeleteFunc(h.SharedData().Keys(), func(name string) bool { return !strings.Contains(name, "dpop") })
	if len(after) != 0 {
		t.Errorf("shared data %q, before %q", after, before)
	}
}

// Requests with proofs make few entries, each of bounded size, and old proofs give their
// room back.
func TestProofStoreIsBounded(t *testing.T) {
	h := newHost(t, Options{})
	vm := start(t, h, dpopConfig(server(nil), nil))
	token := rsaKey.token(boundToKey(h, clientKey, nil))
	size := func() (entries, bytes int) {
		for _, name := range h.SharedData().Keys() {
			if strings.HasPrefix(name, "mcpauth.dpop 1 ") {
				value, _ := h.SharedData().Get(name)
				entries, bytes = entries+1, bytes+len(value)
			}
		}
		return entries, bytes
	}
	for range 200 {
		wantForwarded(t, vm.Request(dpopRPC(token, clientKey.proof(h, token, nil))))
	}
	entries, bytes := size()
	if entries > 200 || bytes != 200*16 {
		t.Errorf("%d entries of %d bytes", entries, bytes)
	}
	fillProofStore(h)
	s := vm.Request(dpopRPC(token, clientKey.proof(h, token, nil)))
	wantError(t, s, 503, "temporarily_unavailable")
	if s.Local().Headers.Get("retry-after") == "" || !strings.Contains(h.LogText(), "503: the store of used DPoP proofs is full") {
		t.Errorf("%v\n%s", s.Local().Headers, h.LogText())
	}
	for i := range 4096 {
		h.SharedData().Set(fmt.Sprint("mcpauth.dpop 1 ", i), []byte(strings.Repeat("\x01", 128*16)), 0)
	}
	wantForwarded(t, vm.Request(dpopRPC(token, clientKey.proof(h, token, nil))))
}

// fillProofStore fills all lists of used proofs.
func fillProofStore(h *Host) {
	for i := range 4096 {
		h.SharedData().Set(fmt.Sprint("mcpauth.dpop 1 ", i), []byte(strings.Repeat("\xff", 128*16)), 0)
	}
}

// If a call of the host fails, no proof passes of which the store might know.
func TestProofStoreThatFails(t *testing.T) {
	for _, function := range []string{"proxy_get_shared_data", "proxy_set_shared_data"} {
		h := newHost(t, Options{})
		vm := start(t, h, dpopConfig(server(nil), nil))
		token := rsaKey.token(boundToKey(h, clientKey, nil))
		proof := clientKey.proof(h, token, nil)
		wantForwarded(t, vm.Request(dpopRPC(token, proof)))
		h.FailCall(function, InternalFailure)
		if function == "proxy_set_shared_data" {
			proof = clientKey.proof(h, token, nil)
		}
		wantError(t, vm.Request(dpopRPC(token, proof)), 503, "temporarily_unavailable")
	}
}

// A response about an opaque token says to which key it is bound: RFC 9449, section 6.2.
func TestDPoPIntrospection(t *testing.T) {
	h := newHost(t, Options{})
	vm := start(t, h, dpopConfig(opaque(nil), nil))
	bound := object{"token_type": "DPoP", "cnf": object{"jkt": clientKey.thumbprint()}}
	a := newAsked(map[string]object{
		"bound":         with(aboutToken(h, nil), bound),
		"bound, typed":  with(aboutToken(h, nil), with(bound, object{"token_type": "Bearer"})),
		"of no key":     with(aboutToken(h, nil), object{"token_type": "DPoP"}),
		"of no token":   with(aboutToken(h, nil), object{"token_type": "N_A", "cnf": bound["cnf"]}),
		"plain":         aboutToken(h, nil),
		"of other kind": with(aboutToken(h, nil), object{"cnf": object{"kid": "x"}}),
	})
	for token, text := range map[string]string{"bound": "", "bound, typed": "", "of no key": "no bearer access token", "of no token": "no bearer access token", "plain": "not bound to a key", "of other kind": "bound"} {
		name := strings.ReplaceAll(token, " ", "-")
		name = strings.ReplaceAll(name, ",", "")
		a.known[name] = a.known[token]
		for range 2 { // the second answer comes from the cache
			s := vm.Request(dpopRPC(name, clientKey.proof(h, name, nil)))
			a.run(h, 10*time.Millisecond)
			if text == "" {
				wantForwarded(t, s)
			} else {
				wantProofError(t, s, "invalid_token", text)
			}
		}
		if text == "" {
			s := a.decided(h, vm, name)
			wantStatus(t, s, 401)
			if c := s.Local().Headers.Values("www-authenticate"); len(c) != 2 || !strings.Contains(c[0], `error="invalid_token"`) {
				t.Errorf("%s as bearer token: %q", token, c)
			}
			wantProofError(t, vm.Request(rpc("/notes", "DPoP "+name)), "invalid_dpop_proof", "there is none")
		}
	}
	t.Run("userinfo", func(t *testing.T) {
		h := newHost(t, Options{})
		vm := start(t, h, dpopConfig(userinfo(nil), nil))
		s := vm.Request(dpopRPC("opaque", clientKey.proof(h, "opaque", nil)))
		for len(h.Callouts()) > 0 || s.State() == Held && h.Dispatched() == 0 {
			h.Run(10*time.Millisecond, nil)
			for _, c := range h.Callouts() {
				c.Answer("200", Headers{{"content-type", "application/json"}}, []byte(`{"sub":"alice","scope":"read:notes","cnf":{"jkt":"`+clientKey.thumbprint()+`"}}`))
			}
		}
		wantStatus(t, s, 401)
	})
}

// The nonce comes with the 401. Its secret may come from the environment, and workers and
// gateways agree on it.
func TestDPoPNonce(t *testing.T) {
	options := Options{Environment: map[string]string{"DPOP": "0123456789abcdef0123456789abcdef"}}
	text := with(dpopConfig(server(nil), object{"dpop": "required"}), object{"dpop_nonce": object{"secret_env": "DPOP", "lifetime_seconds": 60}})
	h, other := newHost(t, options), newHost(t, options)
	vm, elsewhere := start(t, h, text), start(t, other, text)
	token := rsaKey.token(boundToKey(h, clientKey, nil))
	s := vm.Request(append(dpopRPC(token, clientKey.proof(h, token, nil)), [2]string{"origin", "https://app.example"}))
	wantProofError(t, s, "use_dpop_nonce", "needs the nonce in the DPoP-Nonce header")
	nonces := s.Local().Headers.Values("dpop-nonce")
	if exposed := s.Local().Headers.Get("access-control-expose-headers"); len(nonces) != 1 || !strings.Contains(exposed, "DPoP-Nonce") {
		t.Fatalf("nonces %q, exposed %q", nonces, exposed)
	}
	wantForwarded(t, vm.Request(dpopRPC(token, clientKey.proof(h, token, object{"nonce": nonces[0]}))))
	wantForwarded(t, elsewhere.Request(dpopRPC(token, clientKey.proof(other, token, object{"nonce": nonces[0]}))))
	h.Clock().Advance(2 * time.Minute)
	s = vm.Request(dpopRPC(token, clientKey.proof(h, token, object{"nonce": nonces[0]})))
	wantProofError(t, s, "use_dpop_nonce", "")
	if next := s.Local().Headers.Get("dpop-nonce"); next == "" || next == nonces[0] {
		t.Errorf("next nonce %q", next)
	}
	if strings.Contains(h.LogText(), options.Environment["DPOP"]) {
		t.Error("the log has the secret")
	}
}

// The metadata tells clients what a resource takes, and a preflight lets pages send proofs.
func TestDPoPMetadata(t *testing.T) {
	for mode, want := range map[string]object{
		"off":      {},
		"accept":   {"dpop_signing_alg_values_supported": []any{"EdDSA", "ES256"}},
		"required": {"dpop_signing_alg_values_supported": []any{"EdDSA", "ES256"}, "dpop_bound_access_tokens_required": true},
	} {
		members := object{"dpop": mode, "dpop_signing_algorithms": []string{"EdDSA", "ES256"}}
		if mode == "off" {
			delete(members, "dpop_signing_algorithms")
		}
		vm := start(t, newHost(t, Options{}), dpopConfig(server(nil), members))
		s := vm.Request(request("GET", prm+"/notes"))
		var document map[string]any
		if err := json.Unmarshal(s.Local().Body, &document); err != nil {
			t.Fatal(err)
		}
		maps.DeleteFunc(document, func(name string, _ any) bool { return !strings.HasPrefix(name, "dpop_") })
		if toJSON(document) != toJSON(want) {
			t.Errorf("%s: %v, want %v", mode, document, want)
		}
		s.Close()
		s = vm.Request(request("OPTIONS", "/notes", [2]string{"origin", "https://app.example"}, [2]string{"access-control-request-method", "POST"}, [2]string{"access-control-request-headers", "authorization,content-type,dpop"}))
		if got := s.Local().Headers.Get("access-control-allow-headers"); got != "authorization,content-type,dpop" {
			t.Errorf("allowed headers %q", got)
		}
		s.Close()
	}
}

// What forward keeps, and what becomes of a proof that nobody asked for.
func TestDPoPUpstream(t *testing.T) {
	h := newHost(t, Options{})
	vm := start(t, h, dpopConfig(server(nil), object{"forward": true}))
	token := rsaKey.token(boundToKey(h, clientKey, nil))
	proof := clientKey.proof(h, token, nil)
	s := vm.Request(rpc("/notes", "dpop  "+token, [2]string{"dpop", proof}))
	if up := s.Upstream(); up.Get("authorization") != "DPoP "+token || up.Get("dpop") != proof {
		t.Errorf("%v", up)
	}
	wantForwarded(t, s)
	off := start(t, h, config(server(nil), notes(object{"public": object{"paths": []string{"/notes/about"}}}), nil))
	for _, s := range []*Stream{
		off.Request(rpc("/notes", rsaKey.bearer(claims(h, nil)), [2]string{"dpop", "x"}, [2]string{"dpop", "y"})),
		off.Request(request("GET", "/notes/about", [2]string{"dpop", "x"})),
	} {
		if s.Upstream().Has("dpop") {
			t.Errorf("%v", s.Upstream())
		}
		wantForwarded(t, s)
	}
}

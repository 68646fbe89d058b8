package main

import (
	"github.com/proxy-wasm/proxy-wasm-go-sdk/proxywasm"

	"mcpauth/jwtlite"
)

// verifier checks signatures by the host's verify_signature, for the
// algorithms for which it was seen to work, and by jwtlite otherwise.
type verifier struct {
	host     [jwtlite.ES256 + 1]bool
	software jwtlite.Software
	message  []byte // reused
	der      []byte // reused
}

// newVerifier probes the host with known answers: for each algorithm a good
// signature must verify and the same one with a bit flipped must not.
func newVerifier() *verifier {
	v := &verifier{}
	if !hostSignatures {
		return v
	}
	for _, p := range probes {
		v.host[p.algorithm] = v.probe(p)
	}
	return v
}

func (v *verifier) describe() string {
	switch rs, es := v.host[jwtlite.RS256], v.host[jwtlite.ES256]; {
	case !hostSignatures:
		return "by jwtlite, the host is not asked"
	case rs && es:
		return "by the host's verify_signature"
	case rs:
		return "RS256 by the host's verify_signature, ES256 by jwtlite"
	case es:
		return "ES256 by the host's verify_signature, RS256 by jwtlite"
	}
	return "by jwtlite, the host has no verify_signature that works"
}

func (v *verifier) probe(p probe) bool {
	set, _, err := jwtlite.ParseKeySet([]byte(p.keySet))
	if err != nil {
		return false
	}
	var t jwtlite.Token
	if err := t.Parse(p.token); err != nil {
		return false
	}
	key, signature := set.Key(0), t.Signature()
	if good, answered := v.ask(key, t.SigningInput(), signature); !good || !answered {
		return false
	}
	signature[len(signature)-1] ^= 1
	good, answered := v.ask(key, t.SigningInput(), signature)
	return answered && !good
}

// prepare is called with the keys that come into use. Where the host verifies
// ES256, tables for them would be memory for nothing.
func (v *verifier) prepare(set *jwtlite.KeySet) {
	if !v.host[jwtlite.ES256] {
		v.software.Prepare(set)
	}
}

// Verify implements [jwtlite.Verifier].
func (v *verifier) Verify(k *jwtlite.Key, signingInput string, signature []byte) error {
	if v.host[k.Algorithm()] {
		if good, answered := v.ask(k, signingInput, signature); answered {
			if !good {
				return jwtlite.ErrSignature
			}
			return nil
		}
	}
	return v.software.Verify(k, signingInput, signature)
}

// ask calls verify_signature, whose argument and answer are the protobuf
// messages VerifySignatureArguments and VerifySignatureResult of Envoy's
// source/extensions/common/wasm/ext. answered is false if the host has no such
// function or it failed.
func (v *verifier) ask(k *jwtlite.Key, signingInput string, signature []byte) (good, answered bool) {
	if k.Algorithm() == jwtlite.ES256 {
		if len(signature) != 64 { // RFC 7518 section 3.4
			return false, true
		}
		v.der = jwtlite.ECDSASignatureDER(v.der[:0], signature)
		signature = v.der
	}
	m := v.message[:0]
	m = appendField(m, 1, "sha256")
	m = appendField(m, 2, k.SPKI())
	m = appendField(m, 3, signature)
	m = appendField(m, 4, signingInput)
	v.message = m
	answer, err := proxywasm.CallForeignFunction("verify_signature", m)
	if err != nil {
		return false, false
	}
	return result(answer), true
}

// appendField appends a protobuf field of the type bytes or string.
func appendField[T string | []byte](m []byte, number byte, value T) []byte {
	m = append(m, number<<3|2)
	n := len(value)
	for ; n >= 0x80; n >>= 7 {
		m = append(m, byte(n)|0x80)
	}
	m = append(m, byte(n))
	return append(m, value...)
}

// result reads field 1 of the answer, a bool; true only for the one encoding
// of true, first in the message, that protobuf writers produce.
func result(answer []byte) bool {
	return len(answer) >= 2 && answer[0] == 1<<3 && answer[1] == 1
}

package main

import (
	"github.com/proxy-wasm/proxy-wasm-go-sdk/proxywasm"

	"mcpauth/jwtlite"
)

// verifier checks signatures by the host's verify_signature for the algorithms that
// the host has shown to verify correctly, and by jwtlite for the others.
type verifier struct {
	host     [jwtlite.ES256 + 1]bool // by algorithm
	software jwtlite.Software
	message  []byte // reused
	der      []byte // reused
}

// newVerifier tests the host with known answers. For each algorithm the host must
// accept a valid signature, and refuse the same signature with one bit flipped.
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

// describe returns a text for the log.
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
	if good, answered := v.verifyByHost(key, t.SigningInput(), signature); !good || !answered {
		return false
	}
	signature[len(signature)-1] ^= 1
	good, answered := v.verifyByHost(key, t.SigningInput(), signature)
	return answered && !good
}

// prepare is called with keys that come into use. If the host verifies ES256, it
// does nothing: jwtlite's tables for these keys would be wasted memory.
func (v *verifier) prepare(set *jwtlite.KeySet) {
	if !v.host[jwtlite.ES256] {
		v.software.Prepare(set)
	}
}

// Verify implements [jwtlite.Verifier].
func (v *verifier) Verify(k *jwtlite.Key, signingInput string, signature []byte) error {
	if v.host[k.Algorithm()] {
		if good, answered := v.verifyByHost(k, signingInput, signature); answered {
			if !good {
				return jwtlite.ErrSignature
			}
			return nil
		}
	}
	return v.software.Verify(k, signingInput, signature)
}

// verifyByHost calls verify_signature. Its argument and its result are the protobuf
// messages VerifySignatureArguments and VerifySignatureResult of Envoy's
// source/extensions/common/wasm/ext. answered is false if the host has no such
// function or the call failed.
func (v *verifier) verifyByHost(k *jwtlite.Key, signingInput string, signature []byte) (good, answered bool) {
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
	result, err := proxywasm.CallForeignFunction("verify_signature", m)
	if err != nil {
		return false, false
	}
	return verified(result), true
}

// appendField appends a protobuf field of type bytes or string.
func appendField[T string | []byte](m []byte, number byte, value T) []byte {
	m = append(m, number<<3|2)
	n := len(value)
	for ; n >= 0x80; n >>= 7 {
		m = append(m, byte(n)|0x80)
	}
	m = append(m, byte(n))
	return append(m, value...)
}

// verified reads field 1 of a VerifySignatureResult, a bool. It accepts true only
// at the start of the message and in the one encoding that protobuf writers produce.
func verified(result []byte) bool {
	return len(result) >= 2 && result[0] == 1<<3 && result[1] == 1
}

package main

import (
	"github.com/proxy-wasm/proxy-wasm-go-sdk/proxywasm"

	"mcpauth/config"
	"mcpauth/jwtlite"
)

// verifier checks signatures by the host's verify_signature for the algorithms that
// the host has shown to verify correctly, and by jwtlite for the others.
type verifier struct {
	used     algorithms // in the configuration
	host     algorithms // those that the host verifies
	software jwtlite.Software
	message  []byte // reused
	der      []byte // reused
}

// algorithms is a set of algorithms.
type algorithms uint32

func (s *algorithms) add(list []jwtlite.Algorithm) {
	for _, a := range list {
		*s |= 1 << a
	}
}

func (s algorithms) has(a jwtlite.Algorithm) bool { return s>>a&1 != 0 }

// newVerifier tests the host with known answers, for the algorithms of tokens and DPoP proofs. For
// each the host must accept a valid signature, and refuse the same signature with one bit
// flipped.
func newVerifier(c *config.Config) *verifier {
	v := &verifier{}
	for _, s := range c.AuthorizationServers {
		v.used.add(s.Algorithms)
	}
	for _, r := range c.Resources {
		v.used.add(r.DPoPAlgorithms)
	}
	if !hostSignatures {
		return v
	}
	for _, p := range probes {
		if v.used.has(p.algorithm) && v.probe(p) {
			v.host |= 1 << p.algorithm
		}
	}
	return v
}

// describe returns a text for the log.
func (v *verifier) describe() string {
	switch software := v.used &^ v.host; {
	case !hostSignatures:
		return "by jwtlite, the host is not asked"
	case software == 0:
		return "by the host's verify_signature"
	case v.host != 0:
		return v.host.names() + " by the host's verify_signature, " + software.names() + " by jwtlite"
	}
	for _, p := range probes {
		if v.used.has(p.algorithm) {
			return "by jwtlite, the host has no verify_signature that works"
		}
	}
	return "by jwtlite"
}

// names returns the names of the algorithms.
func (s algorithms) names() (text string) {
	for a := jwtlite.Algorithm(1); s>>a != 0; a++ {
		if s.has(a) {
			if text != "" {
				text += " and "
			}
			text += a.String()
		}
	}
	return text
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
	if good, answered := v.verifyByHost(key, p.algorithm, t.SigningInput(), signature); !good || !answered {
		return false
	}
	signature[len(signature)-1] ^= 1
	good, answered := v.verifyByHost(key, p.algorithm, t.SigningInput(), signature)
	return answered && !good
}

// prepare is called with keys that come into use. If the host verifies ES256, it
// does nothing: jwtlite's tables for these keys would be wasted memory.
func (v *verifier) prepare(set *jwtlite.KeySet) {
	if !v.host.has(jwtlite.ES256) {
		v.software.Prepare(set)
	}
}

// Verify implements [jwtlite.Verifier].
func (v *verifier) Verify(k *jwtlite.Key, alg jwtlite.Algorithm, signingInput string, signature []byte) error {
	if v.host.has(alg) {
		if good, answered := v.verifyByHost(k, alg, signingInput, signature); answered {
			if !good {
				return jwtlite.ErrSignature
			}
			return nil
		}
	}
	return v.software.Verify(k, alg, signingInput, signature)
}

// verifyByHost calls verify_signature. Its argument and its result are the protobuf
// messages VerifySignatureArguments and VerifySignatureResult of Envoy's
// source/extensions/common/wasm/ext. answered is false if the host has no such
// function or the call failed.
func (v *verifier) verifyByHost(k *jwtlite.Key, alg jwtlite.Algorithm, signingInput string, signature []byte) (good, answered bool) {
	if !k.Allows(alg) {
		return false, true
	}
	hash := "sha256"
	switch alg {
	case jwtlite.RS384, jwtlite.ES384:
		hash = "sha384"
	case jwtlite.RS512, jwtlite.ES512:
		hash = "sha512"
	}
	switch alg {
	case jwtlite.ES256, jwtlite.ES384, jwtlite.ES512:
		var ok bool
		if v.der, ok = jwtlite.ECDSASignatureDER(v.der[:0], alg, signature); !ok {
			return false, true
		}
		signature = v.der
	}
	m := v.message[:0]
	m = appendField(m, 1, hash)
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

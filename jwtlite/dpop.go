package jwtlite

import (
	"encoding/base64"
	"slices"
	"unsafe"

	"mcpauth/internal/jsontext"
	"mcpauth/internal/sha256"
)

// MaxProofSize is the length in bytes of the longest DPoP proof that [Proof.Parse]
// accepts. One with an RSA key of 4096 bits has about 2,000.
const MaxProofSize = 8 << 10

const (
	maxProofID      = 512  // bytes of a jti, which should have 96 bits of randomness
	maxProofRSABits = 4096 // of the key of a proof, which anybody can choose
	typeProof       = "dpop+jwt"
)

// Proof is a DPoP proof: RFC 9449, section 4.2. The zero Proof is ready for
// [Proof.Parse], which may be called again and again and keeps its buffers. All strings
// that come from a Proof are valid until the next call. A Proof must not be copied, nor
// used by two goroutines at once.
//
// Nothing in a Proof can be trusted before [Proof.Verify]. Its key says nothing about the
// sender unless an access token is bound to it.
type Proof struct {
	ID        string      // jti
	Method    string      // htm
	URL       string      // htu
	IssuedAt  NumericDate // iat
	TokenHash string      // ath; empty if it is absent
	Nonce     string      // nonce; empty if it is absent

	token      Token
	key        jwk
	members    []member // of key
	canonical  []byte   // the input of the thumbprint
	thumbprint [sha256.Size]byte
	complete   bool // Parse has succeeded
	element    objectReader
}

// ErrProof reports a DPoP proof that does not meet RFC 9449, section 4.3. Its variants say
// more.
var ErrProof error = proofError("")

// proofError is a variant of ErrProof.
type proofError string

func (e proofError) Error() string {
	if e == "" {
		return "the DPoP proof is invalid"
	}
	return "the DPoP proof is invalid: " + string(e)
}

// Is makes all variants ErrProof for errors.Is.
func (e proofError) Is(target error) bool { return target == ErrProof }

const (
	errProofSize      = proofError("it is too large")
	errProofForm      = proofError("it is not a JWT in the compact form")
	errProofCritical  = proofError("it has a critical header parameter that is not understood")
	errProofType      = proofError("its typ is not dpop+jwt")
	errProofAlgorithm = proofError("its alg is not accepted")
	errProofKey       = proofError("its jwk is not a public key that is accepted")
	errProofPrivate   = proofError("its jwk has a private key")
	errProofClaims    = proofError("it needs jti, htm, htu and iat, of the right types")
	errProofSignature = proofError("its signature does not verify")
)

// Parse reads a proof: its structure, its header and its claims, and those members of its
// key that the thumbprint depends on. The algorithms are those that are accepted. It checks
// neither the signature nor that the claims fit a request: see [Proof.Verify].
//
// The error is a variant of [ErrProof]. The Proof is empty after an error.
func (p *Proof) Parse(compact string, algorithms []Algorithm) error {
	p.reset()
	if err := p.parse(compact, algorithms); err != nil {
		p.reset()
		return err
	}
	p.complete = true
	return nil
}

// reset empties the Proof and keeps its buffers.
func (p *Proof) reset() {
	p.token.reset()
	p.ID, p.Method, p.URL, p.IssuedAt, p.TokenHash, p.Nonce = "", "", "", NumericDate{}, "", ""
	p.key, p.members, p.element.decoded = jwk{}, p.members[:0], p.element.decoded[:0]
	p.thumbprint, p.complete = [sha256.Size]byte{}, false
}

func (p *Proof) parse(compact string, algorithms []Algorithm) error {
	if len(compact) > MaxProofSize {
		return errProofSize
	}
	t := &p.token
	header, err := t.split(compact)
	if err != nil {
		return errProofForm
	}
	switch t.parseHeader(header) {
	case nil:
	case ErrCritical:
		return errProofCritical
	default:
		return errProofForm
	}
	if t.typ != typeProof {
		return errProofType
	}
	if t.algorithm == 0 || !slices.Contains(algorithms, t.algorithm) {
		return errProofAlgorithm
	}
	if err := p.parseKey(); err != nil {
		return err
	}
	return p.parseClaims()
}

// parseKey reads "jwk" of the header: RFC 7515, section 4.1.3. Members that are null are
// refused like those of a wrong type: another reader might take them for absent.
func (p *Proof) parseKey() error {
	at := slices.IndexFunc(p.token.header, func(m member) bool { return m.name == "jwk" })
	if at < 0 || p.token.header[at].Kind != KindObject {
		return errProofKey
	}
	var fault jsontext.Fault
	p.members, fault = p.element.readString(p.token.header[at].Raw, p.members)
	if fault != jsontext.None {
		return errProofKey
	}
	err := p.key.read(p.members)
	for i := range p.members {
		if p.members[i].name == "k" { // RFC 7518, section 6.4.1
			p.key.private = true
		}
	}
	switch {
	case p.key.private:
		return errProofPrivate
	case err != nil:
		return errProofKey
	}
	return p.computeThumbprint()
}

// computeThumbprint computes the thumbprint of the key: RFC 7638, section 3. The values in
// it are the only encodings of what they encode, so that a key has one thumbprint.
func (p *Proof) computeThumbprint() error {
	j := &p.key
	t := typeRSA
	members := [...]int{jwkE, jwkType, jwkN, 0} // those that the type of key requires, by name
	switch j.text[jwkType] {
	case "RSA":
	case "EC":
		t, members = j.curve(typeP256, typeP521), [...]int{jwkCurve, jwkType, jwkX, jwkY}
	case "OKP": // RFC 8037, section 2
		t, members = j.curve(typeEd25519, typeEd25519), [...]int{jwkCurve, jwkType, jwkX, 0}
	default:
		t = 0
	}
	if t == 0 || !algorithmsFor(t).has(p.token.algorithm) {
		return errProofKey
	}
	b := p.canonical[:0]
	for n, at := range members {
		if n == 3 && at == 0 {
			break
		}
		separator := `","`
		if n == 0 {
			separator = `{"`
		}
		b = append(append(append(b, separator...), jwkStrings[at]...), `":"`...)
		var ok bool
		if b, ok = appendCanonical(b, j.text[at], at, t); !ok {
			return errProofKey
		}
	}
	p.canonical = append(b, `"}`...)
	p.thumbprint = sha256.Sum(unsafe.String(unsafe.SliceData(p.canonical), len(p.canonical)))
	return nil
}

// appendCanonical appends the value of a member of a key to dst, in its one form. It returns
// false if the value has no such form.
func appendCanonical(dst []byte, text string, member int, t keyType) ([]byte, bool) {
	if member == jwkType || member == jwkCurve {
		return append(dst, text...), true
	}
	var room [maxProofRSABits/8 + 8]byte // for some zeros in front
	if len(text) > base64.RawURLEncoding.EncodedLen(len(room)) {
		return dst, false
	}
	value, ok := appendBase64URL(room[:0], text)
	if t == typeRSA { // a number: RFC 7518, section 2
		value = trimZeros(value)
		ok = ok && len(value) > 0 && len(value) <= maxProofRSABits/8
	} else {
		size := keyTypes[t].coordinate
		if t == typeEd25519 {
			size = 32
		}
		ok = ok && len(value) == size
	}
	return base64.RawURLEncoding.AppendEncode(dst, value), ok
}

// parseClaims reads the payload. Claims that RFC 9449 does not define do not matter.
func (p *Proof) parseClaims() error {
	t := &p.token
	var fault jsontext.Fault
	t.claims.members, fault = t.reader.read(t.payload, t.claims.members, maxDepth)
	if fault != jsontext.None {
		return errProofForm
	}
	for i := range t.claims.members {
		m := &t.claims.members[i]
		to, ok := (*string)(nil), true
		switch m.name {
		case "jti":
			to = &p.ID
		case "htm":
			to = &p.Method
		case "htu":
			to = &p.URL
		case "ath":
			to = &p.TokenHash
		case "nonce":
			to = &p.Nonce
		case "iat":
			p.IssuedAt, ok = m.date()
		}
		if to != nil {
			*to, ok = m.Text, m.Kind == KindString
		}
		if !ok {
			return errProofClaims
		}
	}
	if p.ID == "" || len(p.ID) > maxProofID || p.Method == "" || p.URL == "" || !p.IssuedAt.Set {
		return errProofClaims
	}
	return nil
}

// Algorithm returns the algorithm of the proof, one of those that were accepted.
func (p *Proof) Algorithm() Algorithm { return p.token.algorithm }

// Thumbprint returns the JWK SHA-256 thumbprint of the key of the proof (RFC 7638, section
// 3), which "jkt" of a token has in base64url (RFC 9449, section 6.1). It says nothing
// unless the signature has been verified.
func (p *Proof) Thumbprint() [32]byte { return p.thumbprint }

// Verify verifies the signature of the proof by v, with the key in the proof. The key is
// not kept. The error is a variant of [ErrProof].
func (p *Proof) Verify(v Verifier) error {
	if !p.complete {
		return ErrProof
	}
	k, err := p.key.key(nil, &p.element)
	if err != nil || !k.Allows(p.token.algorithm) {
		return errProofKey
	}
	if v.Verify(k, p.token.algorithm, p.token.signingInput, p.token.signature) != nil {
		return errProofSignature
	}
	return nil
}

package jwtlite

import (
	"strings"

	"mcpauth/internal/jsontext"
)

// MaxTokenSize is the length in bytes of the longest token that [Token.Parse]
// accepts. A caller with a lower limit checks the length first.
const MaxTokenSize = 64 << 10

// Token is a JWT in the compact serialization of a JWS: RFC 7519 and RFC 7515,
// section 7.1. The zero Token is ready for [Token.Parse], which may be called again
// and again and keeps its buffers. All strings and slices that come from a Token and
// its [Claims] are valid until the next call: clone those that you keep. A Token must
// not be copied, nor used by two goroutines at once.
//
// Nothing in a Token can be trusted before its signature has been verified.
type Token struct {
	header       []member
	payload      []byte
	signature    []byte
	signingInput string

	algorithm     Algorithm
	algorithmName string
	keyID         string
	hasKeyID      bool
	typ           string
	hasType       bool
	claims        Claims

	decoded []byte // the three parts, decoded
	reader  objectReader
}

// Parse reads a compact token: its structure, its header and its claims. It checks
// neither the signature nor the claims: see [KeySet.Verify], [Policy.CheckHeader] and
// [Policy.CheckClaims].
//
// The error is [ErrTooLarge], [ErrMalformed] or its variant [ErrEncrypted],
// [ErrDuplicateMember] or [ErrCritical]. The Token is empty after an error.
func (t *Token) Parse(compact string) error {
	t.reset()
	if err := t.parse(compact); err != nil {
		t.reset()
		return err
	}
	return nil
}

// ParseClaims reads a claims set that is not part of a JWT, such as an introspection
// response (RFC 7662, section 2.2). It is as strict as Parse, except that it skips a
// byte order mark in front. Afterwards only the methods Claims and Payload return
// something. The document must not change as long as the caller uses their results.
//
// The error is [ErrMalformed] or [ErrDuplicateMember].
func (t *Token) ParseClaims(document []byte) error {
	t.reset()
	t.payload = jsontext.TrimBOM(document)
	if err := t.parsePayload(); err != nil {
		t.reset()
		return err
	}
	return nil
}

func (t *Token) parse(compact string) error {
	header, err := t.split(compact)
	if err != nil {
		return err
	}
	if err := t.parseHeader(header); err != nil {
		return err
	}
	return t.parsePayload()
}

// reset empties the Token and keeps its buffers.
func (t *Token) reset() {
	*t = Token{
		header:  t.header[:0],
		claims:  Claims{members: t.claims.members[:0], audiences: t.claims.audiences[:0], scopes: t.claims.scopes[:0]},
		decoded: t.decoded[:0],
		reader:  objectReader{json: t.reader.json, decoded: t.reader.decoded[:0]},
	}
}

// split takes the compact serialization apart and decodes its three parts:
// RFC 7515, section 5.2, steps 1, 2, 6 and 7.
func (t *Token) split(compact string) (header []byte, err error) {
	if len(compact) > MaxTokenSize {
		return nil, ErrTooLarge
	}
	header64, rest, ok1 := strings.Cut(compact, ".")
	payload64, signature64, ok2 := strings.Cut(rest, ".")
	if !ok1 || !ok2 {
		return nil, errParts
	}
	if dots := strings.Count(signature64, "."); dots > 0 {
		if dots == 2 && t.isJWE(header64) {
			return nil, ErrEncrypted
		}
		return nil, errParts
	}
	t.signingInput = compact[:len(compact)-len(signature64)-1]

	// The buffer has room for all three parts, so that appending moves none.
	if need := len(compact) / 4 * 3; cap(t.decoded) < need {
		t.decoded = make([]byte, 0, (need+bufferUnit-1)/bufferUnit*bufferUnit)
	}
	decoded, ok1 := appendBase64URL(t.decoded, header64)
	endHeader := len(decoded)
	decoded, ok2 = appendBase64URL(decoded, payload64)
	endPayload := len(decoded)
	decoded, ok3 := appendBase64URL(decoded, signature64)
	if !ok1 || !ok2 || !ok3 {
		return nil, errBase64
	}
	t.decoded, t.payload, t.signature = decoded, decoded[endHeader:endPayload:endPayload], decoded[endPayload:]
	return decoded[:endHeader], nil
}

// The size of the buffer for the decoded parts is a multiple of bufferUnit. Otherwise
// each token that is a little longer than the one before would need a new buffer.
const bufferUnit = 4 << 10

// isJWE reports whether a token of five parts is a JWE, whose header has "enc": RFC
// 7516, sections 4.1.2 and 9.
func (t *Token) isJWE(header64 string) bool {
	header, ok := appendBase64URL(t.decoded, header64)
	t.decoded = header[:0]
	if !ok {
		return false
	}
	members, fault := t.reader.read(header, t.header, maxDepth)
	t.header = members
	if fault != jsontext.None {
		return false
	}
	for i := range members {
		if members[i].name == "enc" {
			return members[i].Kind == KindString
		}
	}
	return false
}

var (
	errParts         = malformed("it is not three parts with dots between")
	errBase64        = malformed("a part is not base64url without padding")
	errHeader        = malformed("the header is not a JSON object")
	errHeaderTypes   = malformed("alg, kid and typ must be strings")
	errNested        = malformed("its payload is another JWT, by cty") // RFC 7519, section 7.2, step 8
	errHeaderBounds  = malformed("the header has too many members or levels")
	errPayload       = malformed("the payload is not a JSON object")
	errPayloadBounds = malformed("the payload has too many members or levels")
)

// parseHeader reads the JOSE header: RFC 7515, section 4.1. It never reads jwk, jku,
// x5u and x5c, by which a token would choose its own key.
func (t *Token) parseHeader(text []byte) error {
	var fault jsontext.Fault
	t.header, fault = t.reader.read(text, t.header, maxDepth)
	switch fault {
	case jsontext.None:
	case jsontext.DuplicateName:
		return ErrDuplicateMember
	case jsontext.TooDeep, jsontext.TooManyMembers:
		return errHeaderBounds
	default:
		return errHeader
	}
	var alg, kid, typ *member
	for i := range t.header {
		m := &t.header[i]
		if m.Kind == KindNull && m.name != "crit" && m.name != "b64" {
			continue // counts as absent
		}
		switch m.name {
		case "alg":
			alg = m
		case "kid":
			kid = m
		case "typ":
			typ = m
		case "crit", "b64":
			// This package supports no extension, so crit always lists one
			// that it does not support: RFC 7515, section 4.1.11. b64
			// changes the signing input and must be in crit: RFC 7797.
			return ErrCritical
		case "cty":
			if equalFold(subtype(m.Text), "jwt") {
				return errNested
			}
			continue
		default:
			continue
		}
		if m.Kind != KindString {
			return errHeaderTypes
		}
	}
	if alg == nil {
		return errHeaderTypes
	}
	t.hasKeyID, t.hasType = kid != nil, typ != nil
	t.algorithmName, t.keyID, t.typ = alg.Text, kid.text(), typ.text()
	t.algorithm, _ = ParseAlgorithm(t.algorithmName)
	return nil
}

// parsePayload reads the claims set: RFC 7519, section 7.2, step 10.
func (t *Token) parsePayload() error {
	c := &t.claims
	var fault jsontext.Fault
	c.members, fault = t.reader.read(t.payload, c.members, maxDepth)
	switch fault {
	case jsontext.None:
		for i := range c.members {
			c.hasAudience = c.hasAudience || c.members[i].name == "aud"
		}
		c.members = dropNull(c.members)
		return c.read(&t.reader)
	case jsontext.DuplicateName:
		return ErrDuplicateMember
	case jsontext.TooDeep, jsontext.TooManyMembers:
		return errPayloadBounds
	default:
		return errPayload
	}
}

// Algorithm returns the algorithm in the header, 0 if this package does not verify
// it.
func (t *Token) Algorithm() Algorithm { return t.algorithm }

// AlgorithmName returns the "alg" of the header, which is untrusted text.
func (t *Token) AlgorithmName() string { return t.algorithmName }

// KeyID returns the "kid" of the header, which is untrusted text, and whether there
// is one.
func (t *Token) KeyID() (string, bool) { return t.keyID, t.hasKeyID }

// Type returns the "typ" of the header, unchanged, "" if there is none.
func (t *Token) Type() string { return t.typ }

// SigningInput returns the text that was signed, the first two parts of the token with
// the dot between them: RFC 7515, section 2.
func (t *Token) SigningInput() string { return t.signingInput }

// Signature returns the third part of the token, decoded. It may be empty.
func (t *Token) Signature() []byte { return t.signature }

// Payload returns the second part of the token, decoded: a JSON object.
func (t *Token) Payload() []byte { return t.payload }

// Claims returns the claims of the token. They are valid until the next [Token.Parse].
func (t *Token) Claims() *Claims { return &t.claims }

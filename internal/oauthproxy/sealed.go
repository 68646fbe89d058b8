package oauthproxy

import (
	"encoding/base64"
	"encoding/binary"
	"strings"

	"mcpauth/internal/sha256"
)

// A purpose is what a sealed value is for. A value of one purpose is none of another.
type purpose string

const (
	forClient  purpose = "client"  // a client ID: a registration
	forCookie  purpose = "cookie"  // what a browser keeps
	forConsent purpose = "consent" // the request that a user is asked about
	forState   purpose = "state"   // the state parameter for the provider
	forCode    purpose = "code"    // the provider's code, with the client that may exchange it
	forRefresh purpose = "refresh" // the provider's refresh token, with its client
)

// A sealer signs the values that the gateway gives away and gets back. It keeps none of
// them. A value has the form "payload.mac", both in base64url. It is not encrypted: nobody
// may get a value with a secret that is not theirs.
type sealer struct {
	keys     []string // the first signs, all verify
	provider string   // the issuer of the provider
}

// seal returns a value of these fields for an issuer.
func (s sealer) seal(p purpose, issuer string, fields ...string) string {
	text := base64.RawURLEncoding.EncodeToString(joinFields(fields))
	return text + "." + s.mac(s.keys[0], p, issuer, text)
}

// open returns the fields of a value, and false unless it is one of n fields that seal has
// made for the same purpose and issuer. The code covers the encoded text, so that no other
// spelling of a value passes.
func (s sealer) open(p purpose, issuer, value string, n int) ([]string, bool) {
	text, code, ok := strings.Cut(value, ".")
	if !ok {
		return nil, false
	}
	signed := false
	for _, key := range s.keys {
		signed = sha256.Equal(s.mac(key, p, issuer, text), code) || signed
	}
	if !signed {
		return nil, false
	}
	return splitFields(unbase64(text, 0), n)
}

// version is part of what is signed: fields of another version would have another meaning.
const version = "mcpauth 1 "

// mac returns the code of a text. The key is derived for the purpose, the issuer and, except
// for client IDs, the provider: when the gateway gets another provider, that one must not
// get codes and refresh tokens of the one before, nor count as the one to which a user has
// agreed.
func (s sealer) mac(key string, p purpose, issuer, text string) string {
	context := string(p) + " " + issuer
	if p != forClient {
		context += " " + s.provider
	}
	derived := sha256.HMAC(key, version+context)
	code := sha256.HMAC(string(derived[:]), text)
	return base64.RawURLEncoding.EncodeToString(code[:])
}

// joinFields returns the fields, each after its length.
func joinFields(fields []string) []byte {
	var b []byte
	for _, f := range fields {
		b = append(binary.AppendUvarint(b, uint64(len(f))), f...)
	}
	return b
}

// splitFields undoes joinFields. It reports false unless there are n fields; n < 0 stands
// for any number.
func splitFields(text string, n int) ([]string, bool) {
	var fields []string
	for text != "" {
		size, used := binary.Uvarint([]byte(text[:min(len(text), binary.MaxVarintLen64)]))
		if used <= 0 || size > uint64(len(text)-used) {
			return nil, false
		}
		fields = append(fields, text[used:used+int(size)])
		text = text[used+int(size):]
	}
	return fields, n < 0 || len(fields) == n
}

// digest returns the SHA-256 of fields, which differs whenever a field does.
func digest(fields ...string) string {
	sum := sha256.Sum(string(joinFields(fields)))
	return string(sum[:])
}

// base64Digest returns the SHA-256 of a text in base64url, as PKCE has it (RFC 7636,
// section 4.2).
func base64Digest(text string) string {
	sum := sha256.Sum(text)
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

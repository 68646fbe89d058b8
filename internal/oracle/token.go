package oracle

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	_ "crypto/sha512" // for ES384 and others
	"encoding/base64"
	"encoding/json"
	"errors"
	"math/big"
	"regexp"
	"slices"
	"strings"

	"github.com/go-jose/go-jose/v4"
)

// A caller is who calls by a token that passed every check but those of scopes and claims.
type caller struct {
	*claims
	issuer  string
	payload string // base64url
	scopes  []string
}

var compact = regexp.MustCompile(`^([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)$`)

// decode64 decodes base64url as RFC 7515 has it: no padding, no unused bits.
func decode64(s string) ([]byte, error) { return base64.RawURLEncoding.Strict().DecodeString(s) }

// verifyJWT does the checks of docs/security.md, "The checks", from 1 to 11.
func (r *resource) verifyJWT(token string) (*caller, error) {
	parts := compact.FindStringSubmatch(token)
	if parts == nil {
		return nil, errors.New("no compact JWS")
	}
	header64, err1 := decode64(parts[1])
	payload, err2 := decode64(parts[2])
	signature, err3 := decode64(parts[3])
	if err := errors.Join(err1, err2, err3); err != nil {
		return nil, err
	}
	header, err := strictObject(header64)
	if err != nil {
		return nil, err
	}
	if header["crit"] != nil || header["b64"] != nil {
		return nil, errors.New("crit or b64")
	}
	for name, raw := range header {
		if isNull(raw) {
			delete(header, name)
		}
	}
	if cty, _ := text(header["cty"]); strings.EqualFold(cty, "JWT") || strings.EqualFold(cty, "application/jwt") {
		return nil, errors.New("a nested JWT")
	}
	alg, ok := text(header["alg"])
	kid, okKid := text(header["kid"])
	if !ok || header["kid"] != nil && !okKid {
		return nil, errors.New("alg or kid is no string")
	}
	c, err := readClaims(payload)
	if err != nil {
		return nil, err
	}
	c.strict = c.strict || depth(header64) > 32 || len(header64) > 2048
	for _, v := range r.servers {
		if v.Introspection != nil || v.Userinfo != nil || !v.issued(c) {
			continue
		}
		if !contains(v.Algorithms, alg) && !(alg == "Ed25519" && contains(v.Algorithms, "EdDSA")) {
			return nil, errors.New("alg")
		}
		if !v.allowsType(header["typ"]) {
			return nil, errors.New("typ")
		}
		if !v.verify(token, alg, kid, signature) {
			return nil, errors.New("signature")
		}
		who := &caller{c, c.issuer, parts[2], c.scopes}
		if v.ScopeClaims != nil {
			who.scopes = c.namedScopes(v.ScopeClaims)
		}
		return who, r.checkClaims(c, v, false)
	}
	return nil, errors.New("iss")
}

// issued reports whether the claims are those of a token of v, in one of its tenants.
func (v *server) issued(c *claims) bool {
	before, after, placeholder := strings.Cut(v.Issuer, "{")
	if !placeholder {
		return c.issuer == v.Issuer
	}
	name, after, _ := strings.Cut(after, "}")
	for _, tenant := range v.Tenants {
		if of, ok := text(c.all[name]); ok && of == tenant && c.issuer == before+tenant+after {
			return true
		}
	}
	return false
}

func (v *server) allowsType(raw json.RawMessage) bool {
	if raw == nil {
		return v.Typ == ""
	}
	typ, ok := text(raw)
	typ = asciiLower(typ)
	if rest, found := strings.CutPrefix(typ, "application/"); found {
		typ = rest
	}
	return ok && (typ == "at+jwt" || typ == "jwt" && v.Typ == "")
}

// asciiLower is strings.ToLower for ASCII letters alone.
func asciiLower(s string) string {
	return strings.Map(func(c rune) rune {
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		return c
	}, s)
}

// verify verifies a signature: docs/operations.md, "Which key verifies a token".
func (v *server) verify(token, alg, kid string, signature []byte) bool {
	var fit []jose.JSONWebKey
	named := false
	for _, k := range v.Keys.Keys {
		if keyFits(&k, alg) {
			fit = append(fit, k)
			named = named || k.KeyID != "" && kid != ""
		}
	}
	for _, k := range fit {
		if named && k.KeyID != kid {
			continue
		}
		if verifies(k.Key, alg, token[:strings.LastIndex(token, ".")], signature) {
			return true
		}
	}
	return false
}

// verifies verifies a signature with the standard library. go-jose, which has read the keys,
// refuses tokens with a malformed jwk or x5c in the header, which the gateway ignores.
func verifies(key any, alg, input string, signature []byte) bool {
	if strings.HasPrefix(alg, "Ed") {
		return ed25519.Verify(key.(ed25519.PublicKey), []byte(input), signature)
	}
	hash := map[string]crypto.Hash{"256": crypto.SHA256, "384": crypto.SHA384, "512": crypto.SHA512}[alg[2:]]
	h := hash.New()
	h.Write([]byte(input))
	digest := h.Sum(nil)
	switch key := key.(type) {
	case *rsa.PublicKey:
		if alg[:2] == "RS" {
			return rsa.VerifyPKCS1v15(key, hash, digest, signature) == nil
		}
		return rsa.VerifyPSS(key, hash, digest, signature, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash}) == nil
	case *ecdsa.PublicKey:
		half := (key.Params().BitSize + 7) / 8
		return len(signature) == 2*half && ecdsa.Verify(key, digest, new(big.Int).SetBytes(signature[:half]), new(big.Int).SetBytes(signature[half:]))
	}
	return false
}

func keyFits(k *jose.JSONWebKey, alg string) bool {
	for _, s := range append(slices.Clone(firstKeys), secondKey) {
		if s.kid == k.KeyID && contains(s.algorithms, alg) {
			return true
		}
	}
	return false
}

// accessTokens are the names of access tokens, for members that say what a token is.
var accessTokens = []string{"bearer", "access", "access_token", "access-token", "jwt", "at+jwt", "application/at+jwt"}

// checkClaims does the checks from 7 on, for a token of v or an answer of v about one.
func (r *resource) checkClaims(c *claims, v *server, opaque bool) error {
	now, skew := new(big.Rat).SetInt64(Now.Unix()), new(big.Rat).SetFloat64(v.skew())
	late, early := new(big.Rat).Add(now, skew), new(big.Rat).Sub(now, skew)
	switch {
	case c.exp == nil && !opaque, c.exp != nil && early.Cmp(c.exp) >= 0:
		return errors.New("exp")
	case c.nbf != nil && c.nbf.Cmp(late) > 0, c.iat != nil && c.iat.Cmp(late) > 0:
		return errors.New("nbf or iat")
	}
	if v.MaxLifetime > 0 {
		if c.iat == nil || new(big.Rat).Sub(c.exp, c.iat).Cmp(new(big.Rat).SetFloat64(v.MaxLifetime)) > 0 {
			return errors.New("lifetime")
		}
	}
	if err := r.checkAudience(c, v); err != nil {
		return err
	}
	if err := checkKind(c); err != nil {
		return err
	}
	if !opaque && c.subject == "" && c.client == "" {
		return errors.New("nobody")
	}
	if v.Typ == "at+jwt" && (c.subject == "" || !c.hasID || c.client == "" || c.id == "" || c.iat == nil) {
		return errors.New("a claim of RFC 9068")
	}
	return nil
}

// checkAudience follows docs/resources.md, "The audience".
func (r *resource) checkAudience(c *claims, v *server) error {
	var accepted []string
	for i, a := range append([]string{r.Resource}, r.Audiences...) {
		accepted = append(accepted, a)
		if i == 0 {
			accepted = append(accepted, strings.Replace(a, ":443", "", 1))
		}
	}
	for _, a := range slices.Clone(accepted) {
		if m := urlParts.FindStringSubmatch(a); m != nil && strings.Trim(m[3], "/") == "" {
			accepted = append(accepted, m[1]+"://"+m[2], m[1]+"://"+m[2]+"/")
		}
	}
	for _, a := range c.audiences {
		if contains(accepted, a) || contains(accepted, lowerHost(a)) {
			return nil
		}
	}
	_, there := c.all["aud"]
	if !there && !c.null["aud"] && v.Typ == "" && v.Userinfo == nil && c.client != "" && contains(r.Clients, c.client) {
		return nil
	}
	return errors.New("aud")
}

var urlParts = regexp.MustCompile(`^(?s)([Hh][Tt][Tt][Pp][Ss]?)://([^/?#]*)(.*)$`)

func lowerHost(s string) string {
	if m := urlParts.FindStringSubmatch(s); m != nil {
		return asciiLower(m[1]) + "://" + asciiLower(m[2]) + m[3]
	}
	return s
}

// checkKind follows docs/security.md, "Which tokens are no access tokens".
func checkKind(c *claims) error {
	for _, name := range []string{"typ", "token_use", "token_type", "tokenType"} {
		if raw, there := c.all[name]; there {
			if s, ok := text(raw); !ok || !contains(accessTokens, asciiLower(s)) {
				return errors.New(name)
			}
		}
	}
	for _, name := range []string{
		"events", "token_introspection", "response_type", "redirect_uris", "jwks", "vct", "_sd", "_sd_alg",
		"nonce", "at_hash", "c_hash", "s_hash", "urn:openid:params:jwt:claim:rt_hash", "urn:openid:params:jwt:claim:auth_req_id",
		"ati", "cnf",
	} {
		if _, there := c.all[name]; there {
			return errors.New(name)
		}
	}
	if s, _ := text(c.all["type"]); asciiLower(s) == "refresh" || asciiLower(s) == "refresh_token" {
		return errors.New("type")
	}
	if s, _ := text(c.all["drn"]); s == "DSR" {
		return errors.New("drn")
	}
	return nil
}

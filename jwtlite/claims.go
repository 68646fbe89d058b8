package jwtlite

import "slices"

// Claims are the claims of a [Token]: RFC 7519, section 4, with those of
// RFC 9068, section 2.2. Names are compared byte by byte after their escapes have been
// decoded.
type Claims struct {
	Issuer    string      // iss
	Subject   string      // sub
	ClientID  string      // client_id, else azp, else Okta's cid
	ID        string      // jti
	Expires   NumericDate // exp
	NotBefore NumericDate // nbf
	IssuedAt  NumericDate // iat

	Confirmation Confirmation // cnf

	members   []member
	audiences []string // aud
	scopes    []string // scope, else scp, else scopes

	hasClientID bool
	hasIssuer   bool
	hasAudience bool // it has "aud", be it null

	dpopType  bool // it says that it is of the type DPoP
	idToken   bool // it has a claim that only ID tokens have
	otherType bool // it has a claim that only other types of tokens have, or that names another type
}

// HasAudience reports whether "aud" is aud or has it as an element, compared byte by
// byte.
func (c *Claims) HasAudience(aud string) bool { return slices.Contains(c.audiences, aud) }

// AppendAudience appends the audiences of the token to dst.
func (c *Claims) AppendAudience(dst []string) []string { return append(dst, c.audiences...) }

// HasScope reports whether the token has the scope s, compared byte by byte.
//
// Scopes come from the first of these claims that is present: "scope" (RFC 8693,
// section 4.2), "scp", "scopes". Each is a string or an array of strings, in which
// spaces separate scopes. No RFC defines "scp" and "scopes": either counts as absent if
// it has another type.
func (c *Claims) HasScope(s string) bool {
	return slices.Contains(c.scopes, s)
}

// AppendScopes appends the scopes of the token to dst: see [Claims.HasScope].
func (c *Claims) AppendScopes(dst []string) []string { return append(dst, c.scopes...) }

// Lookup returns the top-level claim with the given name. A claim that is null counts
// as absent.
func (c *Claims) Lookup(name string) (Value, bool) {
	for i := range c.members {
		if c.members[i].name == name {
			return c.members[i].Value, true
		}
	}
	return Value{}, false
}

var (
	errStringClaim = malformed("iss, sub, jti, client_id and azp must be strings")
	errDateClaim   = malformed("exp, nbf and iat must be dates in seconds")
	errAudience    = malformed("aud must be a string or an array of strings")
	errScope       = malformed("scope must be a string or an array of strings")
)

// read fills in the claims from their members, none of which is null. A registered
// claim of the wrong type makes the token malformed.
func (c *Claims) read(r *objectReader) error {
	// Local variables take less code than fields: the compiler adds a write barrier
	// to each store of a pointer in a field.
	var iss, sub, jti, clientID, azp, cid string
	var scope, scp, scopes *Value
	for i := range c.members {
		m := &c.members[i]
		ok, err := true, errStringClaim
		switch m.name {
		case "iss":
			ok = m.Kind == KindString
			iss, c.hasIssuer = m.Text, true
		case "sub":
			ok = m.Kind == KindString
			sub = m.Text
		case "jti":
			ok = m.Kind == KindString
			jti = m.Text
		case "client_id":
			ok = m.Kind == KindString
			clientID, c.hasClientID = m.Text, true
		case "azp":
			ok = m.Kind == KindString
			azp = m.Text
		case "cid": // no RFC defines it: it counts as absent if it has another type
			cid = m.Text
		case "exp":
			c.Expires, ok = m.date()
			err = errDateClaim
		case "nbf":
			c.NotBefore, ok = m.date()
			err = errDateClaim
		case "iat":
			c.IssuedAt, ok = m.date()
			err = errDateClaim
		case "aud":
			c.audiences, ok = appendStrings(c.audiences, r, &m.Value)
			err = errAudience
		case "scope":
			scope = &m.Value
		case "scp":
			scp = &m.Value
		case "scopes":
			scopes = &m.Value
		case "typ", "token_use", "token_type", "tokenType":
			if m.name == "token_type" && equalFold(m.Text, "dpop") {
				c.dpopType = true // RFC 9449, section 6.2
				break
			}
			c.readType(m)
		case "nonce", "at_hash", "c_hash", "s_hash", "urn:openid:params:jwt:claim:rt_hash", "urn:openid:params:jwt:claim:auth_req_id":
			c.idToken = true
		case "events", "token_introspection", "response_type", "redirect_uris", "jwks", "vct", "_sd", "_sd_alg":
			// RFC 8417, RFC 9701, RFC 9101, RFC 7591, OpenID Federation, SD-JWT.
			c.otherType = true
		case "ati": // in refresh tokens of Spring Security OAuth, the ID of the access token
			c.otherType = true
		case "type": // marks refresh tokens of Flask-JWT-Extended; elsewhere it may mean anything
			c.otherType = c.otherType || equalFold(m.Text, "refresh") || equalFold(m.Text, "refresh_token")
		case "drn":
			c.otherType = c.otherType || m.Text == "DSR" // Descope's refresh tokens
		case "cnf":
			c.readConfirmation(r, &m.Value)
		}
		if !ok {
			return err
		}
	}
	if !c.hasClientID {
		if clientID = azp; clientID == "" {
			clientID = cid
		}
	}
	c.Issuer, c.Subject, c.ID, c.ClientID = iss, sub, jti, clientID
	return c.readScopes(r, scope, scp, scopes)
}

// readType reads a claim that names the type of the token. No RFC defines such a claim,
// but some servers distinguish their tokens by it alone: Keycloak by typ, Amazon Cognito
// and Ory by token_use, others by token_type or tokenType. readType accepts only the
// names of access tokens, since no list of the other names is complete.
func (c *Claims) readType(m *member) {
	for _, name := range [...]string{"bearer", "access", "access_token", "access-token", "jwt", "at+jwt", "application/at+jwt"} {
		if equalFold(m.Text, name) {
			return
		}
	}
	for _, name := range [...]string{"id", "id_token", "id-token", "serialized-id"} {
		if equalFold(m.Text, name) {
			c.idToken = true
			return
		}
	}
	c.otherType = true
}

// date reads the value as a NumericDate.
func (v *Value) date() (NumericDate, bool) {
	if v.Kind != KindNumber {
		return NumericDate{}, false
	}
	return parseNumericDate(v.Raw)
}

package oracle

import (
	"fmt"
	"slices"
	"strings"
)

// An objectText is an object as a client writes it: members in any order, perhaps twice.
type objectText [][2]string

func (o *objectText) set(name, raw string) {
	for i := range *o {
		if (*o)[i][0] == name {
			(*o)[i][1] = raw
			return
		}
	}
	*o = append(*o, [2]string{name, raw})
}

func (o *objectText) remove(name string) {
	*o = slices.DeleteFunc(*o, func(m [2]string) bool { return m[0] == name })
}

func (o objectText) String() string {
	var list []string
	for _, m := range o {
		list = append(list, quote(m[0])+":"+m[1])
	}
	return "{" + strings.Join(list, ",") + "}"
}

// quote returns a JSON string, with bytes that are no UTF-8 as they are.
func quote(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			b.WriteString(`\` + string(rune(c)))
		case c < ' ':
			fmt.Fprintf(&b, `\u%04x`, c)
		default:
			b.WriteByte(c)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// token returns a token that is good, or nearly.
func (g *generator) token() string {
	if v := g.resource.introspector(); v != nil && !g.once(4) {
		g.answer(v)
		return pick(&g.choices, "opaque-", "a.b", "mF_9.B5f-4.1JqM", "a~b+c/d==", "a?b", "eyJhbGciOiJub25lIn0", "é", "eyJlbmMiOiJBMjU2R0NNIiwiYWxnIjoiUlNBLU9BRVAifQ.a.b.c.d") + g.id
	}
	v := anyOf(&g.choices, g.resource.servers...)
	if g.once(24) {
		v = anyOf(&g.choices, g.settings.Servers...)
	}
	s := p256Key
	switch {
	case len(v.Keys.Keys) == 1:
		s = secondKey
	case g.below(3) == 2:
		s = anyOf(&g.choices, firstKeys...)
	}
	alg := anyOf(&g.choices, s.algorithms...)
	header := objectText{{"alg", quote(alg)}, {"kid", quote(s.kid)}}
	if v.Typ != "" || g.below(2) == 1 {
		header.set("typ", `"at+jwt"`)
	}
	if g.once(6) {
		g.spoilHeader(&header)
	}
	payload := g.claims(v)
	return g.sign(s, alg, header.String(), payload)
}

func (g *generator) spoilHeader(header *objectText) {
	c := &g.choices
	switch g.below(8) {
	case 0:
		header.remove(anyOf(c, "kid", "typ", "alg"))
	case 1:
		header.set("alg", anyOf(c, `"none"`, `"HS256"`, `"ES256"`, `"RS256"`, `"PS256"`, `"es256"`, `"EdDSA"`, `"Ed25519"`, `1`, `"ES384"`, `null`))
	case 2:
		header.set("kid", anyOf(c, `"ec-1"`, `"rsa-1"`, `"ed-1"`, `""`, `null`, `1`, `"unknown"`, `"\u0065c-1"`))
	case 3, 4:
		header.set("typ", anyOf(c, `"JWT"`, `"at+JWT"`, `"application/at+jwt"`, `"id+jwt"`, `""`, `1`, `null`, `"oauth-id-jag+jwt"`, `"application/application/jwt"`, `"jwt "`, `"dpop+jwt"`, `"\u212awt"`))
	case 5:
		*header = append(*header, [2]string{anyOf(c, "alg", "kid", "typ", "cr\u0131t", "KID", "b64", "crit"), anyOf(c, `"ES256"`, `"ec-1"`, `null`, `["exp"]`)})
	case 6:
		*header = append(*header, [2]string{anyOf(c, "crit", "b64", "jwk", "cty", "x5c"), anyOf(c, `["exp"]`, `true`, `{"kty":"EC"}`, `"JWT"`, `null`, `"application/jwt"`, `"json"`)})
	case 7:
		*header = append(*header, [2]string{"x", anyOf(c, `[{"a":1,"a":2}]`, `"\ud800"`, `{"a":{"b":[]}}`, strings.Repeat("[", 40)+strings.Repeat("]", 40), "\"\xff\"")})
	}
}

// claims returns the payload of a token of v.
func (g *generator) claims(v *server) string {
	c, r := &g.choices, g.resource
	now := Now.Unix()
	issuer, tenant := v.Issuer, ""
	if before, after, ok := strings.Cut(issuer, "{"); ok {
		tenant = pick(c, "sales", "research", "all", "")
		_, after, _ = strings.Cut(after, "}")
		issuer = before + tenant + after
	}
	o := objectText{{"iss", quote(issuer)}, {"aud", quote(r.Resource)}, {"sub", `"alice"`}, {"client_id", `"client-1"`}, {"exp", fmt.Sprint(now + 300)}, {"iat", fmt.Sprint(now)}, {"jti", `"1"`}}
	if tenant != "" {
		o.set("realm", quote(pick(c, tenant, "sales")))
	}
	g.grants(&o, v)
	if g.below(5) > 2 {
		for range 1 + g.below(2) {
			g.spoilClaims(&o)
		}
	}
	text := o.String()
	if g.place == claimsPlace {
		text = anyOf(c, text[:len(text)-1]+","+g.text+"}", g.text, "{"+g.text+","+text[1:])
	}
	return text
}

// grants adds the scopes and the claims that requests need, or not.
func (g *generator) grants(o *objectText, v *server) {
	c := &g.choices
	scopes := pick(c, "read write", "admin", "read", "write", "", "other", "read  write", " read", "Read", "read,write", "readwrite", "read\twrite", "read wr\\u0069te")
	name := pick(c, "scope", "scp", "scopes")
	if v.ScopeClaims != nil {
		name = pick(c, "scp", "scope")
	}
	o.set(name, anyOf(c, `"`+scopes+`"`, `["`+strings.Join(strings.Split(scopes, " "), `","`)+`"]`, `"`+scopes+`"`, `["`+scopes+`"]`))
	if g.below(2) == 1 {
		o.set("groups", anyOf(c, `["staff","admins"]`, `"admins"`, `["admins"]`, `["staff"]`, `7`, `[7.0]`, `["7"]`, `"Admins"`, `[["admins"]]`, `{"admins":1}`, `"staff admins"`, `[]`, `null`, `[0.7e1,null]`))
	}
	if g.below(2) == 1 {
		o.set("realm_access", anyOf(c, `{"level":1,"roles":["read"]}`, `{"level":true}`, `{"level":[true],"roles":"read write"}`, `{"level":"1"}`, `{"level":1.0}`, `{}`, `null`, `[{"level":1}]`, `{"roles":["re ad","x"]}`, `{"level":1e0,"roles":[1]}`, `{"roles":null}`))
	}
	if g.once(6) {
		o.set("email", anyOf(c, `"a@example.com"`, `"a\r\nx-evil: 1"`, `" é%41 "`, `{"a": [1, 2]}`, `true`, `null`, `""`, `1.50`, `"\u0000"`))
	}
	if g.resource.RequiredClaims != nil && g.below(2) == 0 {
		o.set("groups", `["staff"]`)
		o.set("realm_access", `{"level":1}`)
	}
	if g.once(12) {
		o.set(anyOf(c, "realm_access.level", "realm_access.roles"), anyOf(c, `1`, `null`, `["read"]`, `true`, `""`))
	}
}

// spoilClaims changes one claim.
func (g *generator) spoilClaims(o *objectText) {
	c, now := &g.choices, Now.Unix()
	date := func() string {
		n := now + int64(anyOf(c, -60, -61, -59, 60, 61, 59, 0, 1, -1, 3600, 3601, 86400))
		return fmt.Sprintf(pick(c, "%d", "%d.5", "%d.999999999", "%d.0000000001", "%de0", `"%d"`, "-%d", "%d0e-1"), n)
	}
	switch g.below(12) {
	case 0:
		o.set("exp", date())
	case 1:
		o.set(anyOf(c, "nbf", "iat"), date())
	case 2:
		o.remove(anyOf(c, "exp", "aud", "iss", "sub", "client_id", "iat", "jti", "realm", "scope"))
		if g.once(4) {
			o.remove("sub")
			o.remove("client_id")
		}
	case 3, 4:
		r := g.resource.Resource
		o.set("aud", anyOf(c, `["x",`+quote(r)+`]`, quote(strings.ToUpper(r[:12])+r[12:]), quote(r+"/"), quote(strings.TrimSuffix(r, "/")), `"https://mcp.example.com:443/notes"`, `"x"`, `null`, `[]`, `""`,
			`"api://files"`, `"https://files.example.com/"`, `"HTTPS://files.example.com"`, `"API://files"`, `["https://mcp.example.com/notes","https://mcp.example.com/files/"]`, `[1]`, `{}`,
			quote("x "+r), quote(strings.Replace(r, "://", "://u@", 1)), `"https://mcp.example.com/"`, `"https://mcp.example.com/mcp"`, quote(strings.ToUpper(r))))
	case 5:
		o.set("iss", anyOf(c, `"https://auth.example.com"`, `"https://auth.example.com/"`, `"https://login.example.net/"`, `null`, `1`, `"https://id.example.com/realms/sales"`, `"https://id.example.com/realms/{realm}"`, `"https://id.example.com/realms/Sales"`, `"https://strict.example.com"`, `"https://opaque.example.com"`))
	case 6:
		o.set(anyOf(c, "sub", "client_id", "azp", "cid", "jti", "realm"), anyOf(c, `""`, `null`, `1`, `"client-2"`, `"bob smith"`, `["x"]`, `"é"`, `"client-1"`, `"sales"`))
	case 7:
		o.set(anyOf(c, "cnf", "nonce", "at_hash", "events", "ati", "_sd", "jwks", "vct", "redirect_uris"), anyOf(c, `{"jkt":"x"}`, `"x"`, `null`, `{}`, `{"x5t#S256":"x"}`))
	case 8:
		o.set(anyOf(c, "typ", "token_use", "token_type", "tokenType", "type", "drn"), anyOf(c, `"Bearer"`, `"ID"`, `"access"`, `"refresh"`, `"Refresh_Token"`, `null`, `1`, `"at+jwt"`, `"DSR"`, `"access_token"`, `"N_A"`))
	case 9:
		m := anyOf(c, *o...)
		*o = append(*o, [2]string{anyOf(c, m[0], strings.ToUpper(m[0]), m[0]+"\x00", "x"), anyOf(c, m[1], `"x"`, `null`, `{"a":1,"a":2}`, `"\ud800"`, `1e999`, "\"\xff\"", `{"a":[[[]]]}`)})
	case 10:
		o.set(anyOf(c, "scope", "scp", "scopes"), anyOf(c, `"read"`, `["read","write"]`, `1`, `null`, `[1]`, `{}`, `["read write"]`, `[]`, `""`, `"admin"`))
	case 11:
		first := (*o)[0]
		*o = append((*o)[1:], first)
	}
}

// sign returns the token, perhaps with a signature that does not verify.
func (g *generator) sign(s *signer, alg, header, payload string) string {
	c := &g.choices
	input := b64([]byte(header)) + "." + b64([]byte(payload))
	if !g.once(8) {
		return input + "." + b64(s.sign(alg, input))
	}
	signature := s.sign(alg, input)
	switch g.below(8) {
	case 0:
		signature[g.below(len(signature))] ^= 1 << g.below(8)
	case 1:
		signature = unknownKey.sign("ES256", input)
	case 2:
		signature = signature[:g.below(len(signature))]
	case 3:
		return input + "." + b64(signature) + anyOf(c, "=", "==", "A", ".", ".a.b", "\t", "+")
	case 4:
		signature = append(signature, 0)
	case 5:
		token := input + "." + b64(signature)
		at := (g.below(256) << 8 & (g.below(256) - 1)) % len(token)
		return token[:at] + anyOf(c, "A", "_", ".", "=", "+", "/", "", "%") + token[at+1:]
	case 6: // the bits of the last character that decode to nothing
		token := input + "." + b64(signature)
		return token[:len(token)-1] + anyOf(c, "A", "B", "C", "Q", "g", "w", "z")
	case 7:
		signature = anyOf(c, secondKey, p256Key, edKey).sign("", input)
	}
	return input + "." + b64(signature)
}

// answer makes the answer of the server about an opaque token.
func (g *generator) answer(v *server) {
	c := &g.choices
	o := objectText{{"active", "true"}, {"sub", `"alice"`}, {"client_id", `"client-1"`}, {"aud", quote(g.resource.Resource)}, {"exp", fmt.Sprint(Now.Unix() + 300)}}
	if v.Userinfo != nil {
		o = objectText{{"id", anyOf(c, `"alice"`, `7`, `"7"`, `null`, `""`, `1e3`, `{}`, `["x"]`, `"\ufffd"`)}, {"for", quote(g.resource.Resource)}}
		if g.once(4) {
			o.set("for", anyOf(c, `null`, `["x"]`, `7`, quote(g.resource.Resource+"/"), `["`+g.resource.Resource+`"]`))
		}
	}
	g.grants(&o, v)
	if g.once(3) {
		g.spoilClaims(&o)
	}
	if g.once(8) {
		o.set("active", anyOf(c, `false`, `null`, `"true"`, `1`))
	}
	text := o.String()
	if g.place == answerPlace {
		text = anyOf(c, text[:len(text)-1]+","+g.text+"}", g.text, "{"+g.text+","+text[1:])
	}
	g.c.Answer = Answer{Status: 200, ContentType: "application/json", Body: text}
	if g.once(12) {
		g.c.Answer.Status = anyOf(c, 401, 500, 403, 400, 204, 302, 201, 429)
	}
	if g.once(12) {
		g.c.Answer.ContentType = anyOf(c, "application/json; charset=utf-8", "text/html", "application/jwt", "", "application/token-introspection+jwt", "APPLICATION/JSON", "application/json2")
	}
	if g.once(24) {
		g.c.Answer.Body = anyOf(c, "", "null", "[]", "\ufeff"+text, text+"x", text[:len(text)-1], `"active"`)
	}
}

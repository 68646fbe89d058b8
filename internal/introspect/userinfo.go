package introspect

import (
	"strings"

	"github.com/tidwall/gjson"

	"mcpauth/config"
	"mcpauth/internal/callout"
	"mcpauth/internal/wellknown"
)

// userinfoClaims returns the answer of a userinfo endpoint, a JSON object, as claims.
// The subject, the client and the scopes come from the members that the configuration
// names, and from nowhere else. Restrictions of the token count in any case: of a
// claim that stands both at the top level and in a named member, both are heeded. The
// error is [ErrNoUser] if the answer has no user.
func (c *Client) userinfoClaims(r *callout.Response) (claims []byte, err error) {
	u := c.cfg.Userinfo
	document := gjson.ParseBytes(r.Body)
	scopes := memberAt(document, u.Scopes)
	if u.ScopesHeader != "" {
		scopes = gjson.Result{Type: gjson.String}
		var all []byte
		for _, h := range r.Headers {
			if h[0] == u.ScopesHeader {
				all = append(append(all, ' '), h[1]...)
			}
		}
		scopes.Str = string(all)
	}
	subject := stringClaim(memberAt(document, u.Subject))
	if subject == "null" || strings.Contains(subject, "\ufffd") { // no valid text: two users would become one
		return nil, ErrNoUser
	}
	top := func(name string) gjson.Result { return gjson.Parse(wellknown.Member(document.Raw, name)) }
	return wellknown.MergePatch(r.Body, []byte(`{"jti":null,"azp":null,"cid":null,"scp":null,"scopes":null`+
		`,"sub":`+subject+
		`,"client_id":`+stringClaim(memberAt(document, u.ClientID))+
		`,"scope":`+scopeList(scopes)+
		`,"aud":`+commonAudience(top("aud"), memberAt(document, u.Audience))+
		`,"exp":`+earlierTime(top("exp"), memberAt(document, u.Expires))+
		`,"nbf":`+numericDate(top("nbf"))+
		`,"iat":`+numericDate(top("iat"))+`}`))
}

// memberAt returns the value at a path, nothing for an empty path. No answer with two
// members of one name comes here.
func memberAt(document gjson.Result, path config.MemberPath) gjson.Result {
	if len(path) == 0 {
		return gjson.Result{}
	}
	for _, name := range path {
		document = gjson.Parse(wellknown.Member(document.Raw, name))
	}
	return document
}

// The functions below return the JSON of a claim; null stands for an absent one.

// stringClaim returns a string or a number as a JSON string, else null.
func stringClaim(v gjson.Result) string {
	text := v.Str
	if v.Type == gjson.Number {
		text = v.Raw
	}
	if text == "" {
		return "null"
	}
	return string(gjson.AppendJSONString(nil, text))
}

// scopeList returns an array as it is, and a string as the array of its parts between
// spaces and commas; null for anything else.
func scopeList(v gjson.Result) string {
	if v.IsArray() {
		return v.Raw
	}
	if v.Type != gjson.String {
		return "null"
	}
	text := []byte{'['}
	for rest := v.Str; rest != ""; {
		part := rest
		if i := strings.IndexAny(rest, " ,"); i >= 0 {
			part, rest = rest[:i], rest[i+1:]
		} else {
			rest = ""
		}
		if part != "" {
			if len(text) > 1 {
				text = append(text, ',')
			}
			text = gjson.AppendJSONString(text, part)
		}
	}
	if len(text) == 1 {
		return "null"
	}
	return string(append(text, ']'))
}

// audience returns a number as a string, and any other value as it is. It splits
// nothing, since an audience may hold any character. A value of another type makes
// the claims unreadable.
func audience(v gjson.Result) string {
	switch v.Type {
	case gjson.Null:
		return "null"
	case gjson.Number:
		return stringClaim(v)
	}
	return v.Raw
}

// commonAudience returns the audience of an answer that names it at two places. If the
// two differ, the token is for nobody.
func commonAudience(a, b gjson.Result) string {
	first, second := audience(a), audience(b)
	switch {
	case second == "null" || first == second:
		return first
	case first == "null":
		return second
	}
	return "[]"
}

// earlierTime returns the earlier of two times of an answer. A value that is no time
// makes the claims unreadable.
func earlierTime(a, b gjson.Result) string {
	first, second := numericDate(a), numericDate(b)
	x, y := gjson.Parse(first), gjson.Parse(second)
	switch {
	case second == "null":
		return first
	case first == "null" || y.Type != gjson.Number:
		return second
	case x.Type != gjson.Number || x.Num <= y.Num:
		return first
	}
	return second
}

// numericDate returns a number, or the number in a string. Any other value makes the
// claims unreadable.
func numericDate(v gjson.Result) string {
	switch {
	case v.Type == gjson.Null:
		return "null"
	case v.Type == gjson.String && gjson.Valid(v.Str) && gjson.Parse(v.Str).Type == gjson.Number:
		return v.Str
	}
	return v.Raw
}

package introspect

import (
	"strings"

	"github.com/tidwall/gjson"

	"mcpauth/config"
	"mcpauth/internal/wellknown"
)

// mapped returns the answer of a userinfo endpoint, a JSON object, as claims. Who
// calls and with which scopes comes from where the configuration says, and from
// nowhere else. What restricts the token is heeded in any case: where a claim
// stands at the top level and at another place, both count. The fault is
// [ErrNoUser] if the answer has no user.
func (c *Checker) mapped(r Response) (claims []byte, fault error) {
	u := c.how.Userinfo
	document := gjson.ParseBytes(r.Body)
	scopes := at(document, u.Scopes)
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
	subject := name(at(document, u.Subject))
	if subject == "null" || strings.Contains(subject, "\ufffd") { // no text: two users would be one
		return nil, ErrNoUser
	}
	top := func(name string) gjson.Result { return gjson.Parse(wellknown.Member(document.Raw, name)) }
	claims, err := wellknown.MergePatch(r.Body, []byte(`{"jti":null,"azp":null,"cid":null,"scp":null,"scopes":null`+
		`,"sub":`+subject+
		`,"client_id":`+name(at(document, u.ClientID))+
		`,"scope":`+list(scopes)+
		`,"aud":`+same(top("aud"), at(document, u.Audience))+
		`,"exp":`+earlier(top("exp"), at(document, u.Expires))+
		`,"nbf":`+seconds(top("nbf"))+
		`,"iat":`+seconds(top("iat"))+`}`))
	return claims, err
}

// at returns the value at a path, which is empty for none. Of members of one name
// it takes the first, but such an answer is refused as claims.
func at(document gjson.Result, path config.MemberPath) gjson.Result {
	if len(path) == 0 {
		return gjson.Result{}
	}
	for _, name := range path {
		document = gjson.Parse(wellknown.Member(document.Raw, name))
	}
	return document
}

// name returns the text of a string or a number as a JSON string, else null.
func name(v gjson.Result) string {
	text := v.Str
	if v.Type == gjson.Number {
		text = v.Raw
	}
	if text == "" {
		return "null"
	}
	return string(gjson.AppendJSONString(nil, text))
}

// list returns an array of strings: those of an array, or the parts of a string
// between spaces and commas; null for anything else.
func list(v gjson.Result) string {
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

// audience returns null for an audience that is not there, and a number as a
// string. Nothing is split, since an audience may hold any character. One of
// another type makes the claims unreadable.
func audience(v gjson.Result) string {
	switch v.Type {
	case gjson.Null:
		return "null"
	case gjson.Number:
		return name(v)
	}
	return v.Raw
}

// same returns the audience in claims of which two places tell. If they do not say
// the same, it is for nobody.
func same(a, b gjson.Result) string {
	first, second := audience(a), audience(b)
	switch {
	case second == "null" || first == second:
		return first
	case first == "null":
		return second
	}
	return "[]"
}

// earlier returns the time in claims of which two places tell: if both do, the
// earlier one. What is no time makes the claims unreadable.
func earlier(a, b gjson.Result) string {
	first, second := seconds(a), seconds(b)
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

// seconds returns a number, or the number in a string, and null for what is not
// there; what is no number makes the claims unreadable.
func seconds(v gjson.Result) string {
	switch {
	case v.Type == gjson.Null:
		return "null"
	case v.Type == gjson.String && gjson.Valid(v.Str) && gjson.Parse(v.Str).Type == gjson.Number:
		return v.Str
	}
	return v.Raw
}

package introspect

import (
	"strings"

	"github.com/tidwall/gjson"

	"mcpauth/internal/wellknown"
)

// mapped returns the answer of a userinfo endpoint as claims: the members as
// they are, but for those that mean something in claims, which come from where
// the configuration says. It returns nil if the answer has no user, or is not
// JSON.
func (c *Checker) mapped(r Response) []byte {
	u := c.how.Userinfo
	document := gjson.ParseBytes(r.Body)
	scopes := at(document, u.Scopes)
	if u.ScopesHeader != "" {
		var lines []byte
		for _, h := range r.Headers {
			if h[0] == u.ScopesHeader {
				lines = append(append(lines, ' '), h[1]...)
			}
		}
		scopes = gjson.Result{Type: gjson.String, Str: string(lines)}
	}
	subject := name(at(document, u.Subject))
	if subject == "null" || strings.Contains(subject, "\ufffd") { // no text: two users would be one
		return nil
	}
	claims, _ := wellknown.MergePatch(r.Body, []byte(`{"iat":null,"nbf":null,"jti":null,"azp":null,"scp":null,"scopes":null`+
		`,"sub":`+subject+
		`,"client_id":`+name(at(document, u.ClientID))+
		`,"scope":`+list(scopes)+
		`,"aud":`+audience(at(document, u.Audience))+
		`,"exp":`+seconds(at(document, u.Expires))+`}`))
	return claims
}

// at returns the value at a path of members, which is empty for none. Of members
// of one name it takes the first, but such an answer is refused as claims.
func at(document gjson.Result, path string) gjson.Result {
	if path == "" {
		return gjson.Result{}
	}
	name, rest, deeper := strings.Cut(path, ".")
	value := gjson.Parse(wellknown.Member(document.Raw, name))
	if deeper {
		return at(value, rest)
	}
	return value
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
	var text []byte
	before := byte('[')
	for rest := v.Str; rest != ""; {
		part := rest
		if i := strings.IndexAny(rest, " ,"); i >= 0 {
			part, rest = rest[:i], rest[i+1:]
		} else {
			rest = ""
		}
		if part != "" {
			text = gjson.AppendJSONString(append(text, before), part)
			before = ','
		}
	}
	if text == nil {
		return "null"
	}
	return string(append(text, ']'))
}

// audience returns an array as it is, or what name returns: nothing is split,
// since an audience may hold any character.
func audience(v gjson.Result) string {
	if v.IsArray() {
		return v.Raw
	}
	return name(v)
}

// seconds returns a number, or the number in a string; what is no number makes
// the claims unreadable.
func seconds(v gjson.Result) string {
	switch {
	case v.Raw == "":
		return "null"
	case v.Type == gjson.String && gjson.Valid(v.Str):
		return v.Str
	}
	return v.Raw
}

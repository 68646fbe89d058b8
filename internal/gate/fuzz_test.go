package gate

import (
	"mime"
	"strings"
	"testing"
)

// FuzzPresentedToken: a token is one word behind the one word "Bearer".
func FuzzPresentedToken(f *testing.F) {
	for _, s := range []string{"Bearer a", "bearer\ta ", "Bearer a,Bearer b", "Basic x, Bearer a", "Bearer", "a", "", "Bearer a b", "Bearera", " Bearer  a"} {
		f.Add(s, 1)
	}
	f.Add("Bearer a", 2)
	f.Fuzz(func(t *testing.T, value string, count int) {
		if count < 1 {
			return
		}
		token, _, err := presentedToken(&Request{Authorization: value, Authorizations: count}, false)
		words := strings.FieldsFunc(value, func(c rune) bool { return c == ' ' || c == '\t' })
		one := count == 1 && len(words) == 2 && strings.EqualFold(words[0], "Bearer") && !strings.Contains(words[1], ",")
		if one != (err == nil) || one && token != words[1] || !one && token != "" {
			t.Errorf("%q, %d times: %q, %v", value, count, token, err)
		}
		if (count > 1) != (err == errTwoTokens) && !strings.Contains(value, ",") && len(words) < 3 {
			t.Errorf("%q, %d times: %v", value, count, err)
		}
	})
}

// FuzzContentType: a Content-Type that counts as UTF-8 names no other charset to mime, and one
// that counts as JSON is JSON to it.
func FuzzContentType(f *testing.F) {
	for _, s := range []string{"application/json", "application/json; charset=utf-8", `application/json;charset="UTF-8"`, "application/json; charset=utf-16", "application/json; x=y; charset=utf8",
		"application/json; charset=utf-8; charset=latin1", "application/json; charset*=utf-8''latin1", "application/json; charset*0=ut; charset*1=f-16", "application/json, text/plain", "application/json; CHARSET =utf-7"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, value string) {
		media, parameters, err := mime.ParseMediaType(value)
		if err != nil {
			return
		}
		if charset, ok := parameters["charset"]; ok && isUTF8(value) && !strings.EqualFold(charset, "utf-8") && !strings.EqualFold(charset, "utf8") {
			t.Errorf("%q is read as UTF-8, and has the charset %q", value, charset)
		}
		if r := (&Request{ContentType: value}); r.isJSON() && media != "application/json" {
			t.Errorf("%q is read as JSON, and has the type %q", value, media)
		}
	})
}

package oauthproxy

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html"
	"net/url"
	"strings"
	"testing"
)

// encodings are forms in which a server may give a text back.
var encodings = map[string]func(string) string{
	"as it is":         func(s string) string { return s },
	"form":             url.QueryEscape,
	"path":             url.PathEscape,
	"lower case hex":   func(s string) string { return strings.ToLower(percent(s)) },
	"every byte":       percent,
	"JSON":             jsonText,
	"JSON, all of it":  jsonEscaped,
	"JSON, a slash":    func(s string) string { return strings.ReplaceAll(jsonText(s), "/", `\/`) },
	"HTML":             html.EscapeString,
	"HTML, all of it":  func(s string) string { return each(s, func(r rune) string { return fmt.Sprintf("&#%d;", r) }) },
	"HTML, hex":        func(s string) string { return each(s, func(r rune) string { return fmt.Sprintf("&#x%X;", r) }) },
	"base64":           func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) },
	"base64url":        func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) },
	"base64 within":    func(s string) string { return base64.StdEncoding.EncodeToString([]byte("id:" + s)) },
	"base64 within, 2": func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte("i:" + s + "&x")) },
	"Basic, encoded in part": func(s string) string {
		return base64.StdEncoding.EncodeToString([]byte("gate:way:" + url.PathEscape(s)))
	},
	"base64 in lines": func(s string) string {
		text := base64.StdEncoding.EncodeToString([]byte("some text before it: " + s))
		return text[:7] + "\r\n" + text[7:]
	},
	"Basic": func(s string) string {
		return base64.StdEncoding.EncodeToString([]byte("gate%3Away:" + url.QueryEscape(s)))
	},
}

func percent(s string) string {
	var b strings.Builder
	for i := range len(s) {
		fmt.Fprintf(&b, "%%%02X", s[i])
	}
	return b.String()
}

func each(s string, f func(rune) string) string {
	var b strings.Builder
	for _, r := range s {
		b.WriteString(f(r))
	}
	return b.String()
}

func jsonText(s string) string {
	b, _ := json.Marshal(s)
	return string(b[1 : len(b)-1])
}

func jsonEscaped(s string) string {
	return each(s, func(r rune) string {
		if r > 0xFFFF {
			r -= 0x10000
			return fmt.Sprintf(`\u%04x\u%04x`, 0xD800+r>>10, 0xDC00+r&0x3FF)
		}
		return fmt.Sprintf(`\u%04X`, r)
	})
}

var hidden = []string{
	"s3cr3t:&+ü", "correct horse/battery+staple", `quotes"and\backslashes<>&`, "100%25 & p%41q&amp;r", "plain-and-long_enough.~", "emoji \U0001F511 key",
	"a\\u0041b&#65;c%2541", "Zm9vYmFy+/==",
}

// The secret is found in each form, in two at once, and with text around it.
func TestSecretIsFound(t *testing.T) {
	for _, secret := range hidden {
		s := newClientSecret(secret)
		for name, encode := range encodings {
			for again, twice := range encodings {
				if strings.HasPrefix(again, "base64") || strings.HasPrefix(again, "Basic") {
					twice, again = encodings["as it is"], "" // not of what is encoded already
				}
				text := `{"error_description":"bad credentials: ` + twice(encode(secret)) + ` was given"}`
				if !s.in(text) {
					t.Errorf("%q as %s, then %s, is not found in %s", secret, name, again, text)
				}
			}
		}
	}
}

func TestOtherTextsAreNotTheSecret(t *testing.T) {
	for _, secret := range hidden {
		s := newClientSecret(secret)
		for _, text := range []string{
			"", "a", secret[1:], secret[:len(secret)-1], `{"access_token":"eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhbGljZSJ9.c2lnbmF0dXJl","token_type":"Bearer","expires_in":3600}`,
			`{"error":"invalid_grant","error_description":"AADSTS54005: the code was already redeemed \u0027x\u0027 100% & more \\ "}`, "%", "%2", "&#", "&#x;", `\`, `\u`, `\u00`, `\ud800\u`,
		} {
			if s.in(text) {
				t.Errorf("%q is found in %s", secret, text)
			}
		}
	}
}

// A text without end to its encodings is refused rather than read on.
func TestSecretBehindManyEncodings(t *testing.T) {
	s := newClientSecret("s3cr3t&more")
	text := "s3cr3t&more"
	for range 30 {
		text = url.QueryEscape(text)
	}
	if !s.in(text) {
		t.Error("not found")
	}
	if text := strings.Repeat("%25", 100_000); s.in(text) {
		t.Error("a long text is refused")
	}
}

func FuzzSecret(f *testing.F) {
	f.Add("s3cr3t:&+ü", "before", "after")
	f.Fuzz(func(t *testing.T, secret, before, after string) {
		if secret == "" || len(secret)+len(before)+len(after) > 1000 {
			return
		}
		s := newClientSecret(secret)
		if text := before + percent(secret) + after; !s.in(text) && !strings.ContainsAny(before+after, `%&\`) {
			t.Errorf("%q is not found in %q", secret, text)
		}
	})
}

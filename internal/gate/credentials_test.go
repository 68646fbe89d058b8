package gate

import (
	"errors"
	"testing"
)

func TestBearerWhiteSpace(t *testing.T) {
	for _, test := range []struct {
		authorization string
		token         string
		err           error
	}{
		{"Bearer tok", "tok", nil},
		{"bearer   tok", "tok", nil},
		{" \tBEARER \t tok \t ", "tok", nil},
		{"Bearer\ttok", "tok", nil},
		{"", "", errNoToken},
		{" ", "", errNoToken},
		{"Bearer", "", errNoToken},
		{"Bearer \t ", "", errNoToken},
		{"Basic tok", "", errNoToken},
		{"Bearertok", "", errNoToken},
		{",,,,", "", errNoToken},
		{"Bearer a b", "", errTwoTokens},
		{"Bearer a\tb", "", errTwoTokens},
		{"Bearer a,b", "", errTwoTokens},
		{"Basic a, Bearer b", "", errTwoTokens},
		{"Basic a,bearer b", "", errTwoTokens},
		{",,Bearer", "", errTwoTokens},
		{"Basic a,\tBearer\tb,c", "", errTwoTokens},
		{"Basic a, Bearerb", "", errNoToken},
		// Other white space separates and trims nothing.
		{"Bearer\vtok", "", errNoToken},
		{"Bearer\ftok", "", errNoToken},
		{"Bearer\u00a0tok", "", errNoToken},
		{"\vBearer tok", "", errNoToken},
		{"\u00a0Bearer tok", "", errNoToken},
		{"\xa0Bearer tok", "", errNoToken},
		{"Bearer tok\v", "tok\v", nil}, // no token: its characters are refused later
	} {
		token, _, err := presentedToken(&Request{Authorization: test.authorization, Authorizations: 1}, false)
		if token != test.token || !errors.Is(err, test.err) {
			t.Errorf("%q: %q, %v, want %q, %v", test.authorization, token, err, test.token, test.err)
		}
	}
	if _, _, err := presentedToken(&Request{Authorization: "Bearer a", Authorizations: 2}, false); err != errTwoTokens {
		t.Errorf("two headers: %v", err)
	}
}

func TestBearer(t *testing.T) {
	for _, test := range []struct {
		name, header string
		count        int
		token        string
		err          error
	}{
		{"no header", "", 0, "", errNoToken},
		{"empty header", "", 1, "", errNoToken},
		{"token", "Bearer abc.def.ghi", 1, "abc.def.ghi", nil},
		{"scheme in lower case", "bearer abc", 1, "abc", nil},
		{"scheme in mixed case", "bEaReR abc", 1, "abc", nil},
		{"space around", "  Bearer \t abc  ", 1, "abc", nil},
		{"scheme only", "Bearer", 1, "", errNoToken},
		{"scheme and space", "Bearer   ", 1, "", errNoToken},
		{"other scheme", "Basic dXNlcjpwYXNz", 1, "", errNoToken},
		{"scheme that starts like it", "BearerToken abc", 1, "", errNoToken},
		{"scheme with parameters", `Digest username="a", realm="b"`, 1, "", errNoToken},
		{"token only", "abc.def.ghi", 1, "", errNoToken},
		{"two headers", "Bearer abc", 2, "", errTwoTokens},
		{"two headers, one of another scheme", "Basic abc", 2, "", errTwoTokens},
		{"two tokens", "Bearer abc def", 1, "", errTwoTokens},
		{"two tokens, comma", "Bearer abc,def", 1, "", errTwoTokens},
		{"two joined headers", "Bearer abc, Bearer def", 1, "", errTwoTokens},
		{"two joined headers, the first empty", ",Bearer def", 1, "", errTwoTokens},
		{"two joined headers, the second Bearer", "Basic abc, bearer def", 1, "", errTwoTokens},
	} {
		token, _, err := presentedToken(&Request{Authorization: test.header, Authorizations: test.count}, false)
		if token != test.token || err != test.err {
			t.Errorf("%s: %q, %v, want %q, %v", test.name, token, err, test.token, test.err)
		}
	}
}

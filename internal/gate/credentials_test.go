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
		token, err := bearer(&Request{Authorization: test.authorization, Authorizations: 1})
		if token != test.token || !errors.Is(err, test.err) {
			t.Errorf("%q: %q, %v, want %q, %v", test.authorization, token, err, test.token, test.err)
		}
	}
	if _, err := bearer(&Request{Authorization: "Bearer a", Authorizations: 2}); err != errTwoTokens {
		t.Errorf("two headers: %v", err)
	}
}

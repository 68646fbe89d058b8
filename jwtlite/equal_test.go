package jwtlite_test

import (
	"strings"
	"testing"

	"mcpauth/jwtlite"
)

func TestKeySetEqual(t *testing.T) {
	const key = `{"kty":"EC","crv":"P-256","kid":"1","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}`
	other := strings.Replace(key, `"kid":"1"`, `"kid":"2"`, 1)
	unnamed := strings.Replace(key, `"kid":"1",`, ``, 1)
	set := func(keys ...string) *jwtlite.KeySet {
		s, _, err := jwtlite.ParseKeySet([]byte(`{"keys":[` + strings.Join(keys, ",") + `]}`))
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	for _, tt := range []struct {
		a, b *jwtlite.KeySet
		want bool
	}{
		{set(key), set(key), true},
		{set(key, other), set(other, key), true},
		{set(key, `{"kty":"oct"}`), set(key), true},
		{set(key), set(other), false},
		{set(key), set(unnamed), false},
		{set(key, other), set(key), false},
		{set(key), set(key, other), false},
	} {
		if got := tt.a.Equal(tt.b); got != tt.want {
			t.Errorf("%v, want %v", got, tt.want)
		}
	}
}

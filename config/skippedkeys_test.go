package config_test

import (
	"strconv"
	"testing"
)

// Inline keys that cannot be used are skipped like those of a fetched set, each
// with its place and the reason.
func TestSkippedKeys(t *testing.T) {
	c := mustParse(t, withServer(`"algorithms": ["ES256"], "jwks": {"keys": [
		{"kty": "AKP", "kid": "o"}, EC_JWK, RSA_JWK, {"kty": "RSA", "alg": "PS256", "kid": "p"}, PRIVATE_JWK, EC_JWK]}`))
	source := c.AuthorizationServers[0].Source
	if source.Keys.Len() != 2 {
		t.Errorf("%d keys", source.Keys.Len())
	}
	got := ""
	for _, s := range source.Skipped {
		got += strconv.Itoa(s.Index) + " " + s.KeyID + ": " + s.Reason.Error() + "\n"
	}
	const want = `0 o: the key is not usable: its type is not RSA, EC or OKP
2 a: the key is not usable: it is an RSA key, and none of algorithms is for such keys
3 p: the key is not usable: it is for PS256, which is not in algorithms
4 a: the key is not usable: its private part is published
`
	if got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

package jwtlite

import (
	"fmt"
	"testing"
)

// largeToken has about what the tokens of large identity providers have.
func largeToken(s signers) string {
	payload := goodPayload[:len(goodPayload)-1] + `,"name":"J\u00fcrgen","realm_access":{"roles":["a","b"]},"groups":["g1","g2","g3"],"aud2":null,"ver":1.0}`
	return s.token(goodHeader, payload)
}

// What runs for each request must not make garbage.
func TestAllocations(t *testing.T) {
	s := testSigners()
	compact := largeToken(s)
	arrays := s.token(`{"alg":"RS256","kid":"\u0072"}`, `{"iss":"https://auth.example.com","aud":["\u0061","https://mcp.example.com/notes"],"exp":1.8000003e9,"scp":["a b","\u0063"]}`)
	var token Token
	for _, compact := range []string{compact, arrays, "x", s.token(goodHeader, goodPayload+"x")} {
		want := token.Parse(compact)
		if n := testing.AllocsPerRun(100, func() {
			if token.Parse(compact) != want {
				t.Fatal("another result")
			}
		}); n != 0 {
			t.Errorf("Parse: %v allocations", n)
		}
	}
	if err := token.Parse(arrays); err != nil {
		t.Fatal(err)
	}
	if n := testing.AllocsPerRun(100, func() {
		if testPolicy.CheckHeader(&token) != nil || testPolicy.CheckClaims(&token, testNow) != nil {
			t.Fatal("refused")
		}
		c := token.Claims()
		if _, ok := c.Lookup("scp"); !ok || !c.HasScope("c") || !c.HasAudience("a") {
			t.Fatal("claims")
		}
	}); n != 0 {
		t.Errorf("checks: %v allocations", n)
	}
	var scopes [8]string
	if n := testing.AllocsPerRun(100, func() {
		if len(token.Claims().AppendScopes(scopes[:0])) != 3 {
			t.Fatal("scopes")
		}
	}); n != 0 {
		t.Errorf("AppendScopes: %v allocations", n)
	}
	for _, size := range []int{1, maxKeys} {
		var keys []*Key
		for i := range size {
			keys = append(keys, &Key{algorithm: RS256, id: fmt.Sprint("r", i)})
		}
		keys[size-1].id = "r"
		set, err := NewKeySet(keys...)
		if err != nil {
			t.Fatal(err)
		}
		if n := testing.AllocsPerRun(100, func() {
			if k, err := set.Find(&token); k == nil || err != nil {
				t.Fatal(err)
			}
		}); n != 0 {
			t.Errorf("Find among %d: %v allocations", size, n)
		}
	}
	der, signature := make([]byte, 0, 72), s.sign(ES256, "x")
	if n := testing.AllocsPerRun(100, func() { der = ECDSASignatureDER(der[:0], signature) }); n != 0 {
		t.Errorf("ECDSASignatureDER: %v allocations", n)
	}
}

func BenchmarkParse(b *testing.B) {
	compact := largeToken(testSigners())
	var token Token
	b.SetBytes(int64(len(compact)))
	b.ReportAllocs()
	for b.Loop() {
		if err := token.Parse(compact); err != nil {
			b.Fatal(err)
		}
	}
}

// The costliest token that is accepted: names in as many objects as fit, each
// as full as allowed.
func BenchmarkParseHostile(b *testing.B) {
	payload := `{`
	for i := range 8 {
		payload += fmt.Sprintf(`"%d":{`, i)
		for j := range maxMembers {
			payload += fmt.Sprintf(`"%x":0,`, j)
		}
		payload = payload[:len(payload)-1] + `},`
		if len(payload) > 10<<10 {
			break
		}
	}
	compact := encode64(goodHeader) + "." + encode64(payload[:len(payload)-1]+"}") + "."
	var token Token
	b.ReportAllocs()
	for b.Loop() {
		if err := token.Parse(compact); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkFind(b *testing.B) {
	var keys []*Key
	for i := range 16 {
		keys = append(keys, &Key{algorithm: ES256, id: fmt.Sprintf("key-%02d", i)})
	}
	keys[15].id = "e"
	set, err := NewKeySet(keys...)
	if err != nil {
		b.Fatal(err)
	}
	var token Token
	if err := token.Parse(largeToken(testSigners())); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := set.Find(&token); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCheckClaims(b *testing.B) {
	var token Token
	if err := token.Parse(largeToken(testSigners())); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if err := testPolicy.CheckClaims(&token, testNow); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkVerify(b *testing.B) {
	s := testSigners()
	for _, key := range s.set.keys {
		b.Run(key.Algorithm().String(), func(b *testing.B) {
			input := encode64(goodHeader) + "." + encode64(goodPayload)
			signature := s.sign(key.Algorithm(), input)
			b.ReportAllocs()
			for b.Loop() {
				if err := (Software{}).Verify(key, input, signature); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

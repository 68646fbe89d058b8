package jwtlite

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"
)

// with returns goodPayload with another member in front.
func with(member string) string { return "{" + member + "," + goodPayload[1:] }

// without returns goodPayload with old, which must be in it, replaced.
func without(old, new string) string {
	if !strings.Contains(goodPayload, old) {
		panic(old)
	}
	return strings.Replace(goodPayload, old, new, 1)
}

// Every token here is signed by the right key, so that only the check under test can
// refuse it.
func TestHostileTokens(t *testing.T) {
	manyMembers := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, `"m%d":0,`, i)
		}
		return b.String()
	}
	deep := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	tests := []struct {
		name, header, payload string
		want                  error
	}{
		{"good", goodHeader, goodPayload, nil},

		// The header.
		{"alg none", `{"alg":"none"}`, goodPayload, ErrAlgorithm},
		{"alg None", `{"alg":"None"}`, goodPayload, ErrAlgorithm},
		{"alg empty", `{"alg":""}`, goodPayload, ErrAlgorithm},
		{"alg HS256", `{"alg":"HS256","kid":"e"}`, goodPayload, ErrAlgorithm},
		{"alg PS256", `{"alg":"PS256","kid":"r"}`, goodPayload, ErrAlgorithm},
		{"alg ES256K", `{"alg":"ES256K","kid":"e"}`, goodPayload, ErrAlgorithm},
		{"alg es256", `{"alg":"es256","kid":"e"}`, goodPayload, ErrAlgorithm},
		{"alg rs256", `{"alg":"rs256","kid":"r"}`, goodPayload, ErrAlgorithm},
		{"alg with NUL", `{"alg":"ES256\u0000","kid":"e"}`, goodPayload, ErrAlgorithm},
		{"alg missing", `{"kid":"e"}`, goodPayload, ErrMalformed},
		{"alg number", `{"alg":256,"kid":"e"}`, goodPayload, ErrMalformed},
		{"alg array", `{"alg":["ES256"],"kid":"e"}`, goodPayload, ErrMalformed},
		{"alg null", `{"alg":null,"kid":"e"}`, goodPayload, ErrMalformed},
		{"ALG", `{"ALG":"ES256","kid":"e"}`, goodPayload, ErrMalformed},
		{"alg of the other key", `{"alg":"RS256","kid":"e"}`, goodPayload, ErrUnknownKey},
		{"kid number", `{"alg":"ES256","kid":1}`, goodPayload, ErrMalformed},
		{"kid unknown", `{"alg":"ES256","kid":"../e"}`, goodPayload, ErrUnknownKey},
		{"kid case", `{"alg":"ES256","kid":"E"}`, goodPayload, ErrUnknownKey},
		{"kid escaped is the same kid", `{"alg":"ES256","kid":"\u0065"}`, goodPayload, nil},
		{"typ number", `{"alg":"ES256","kid":"e","typ":1}`, goodPayload, ErrMalformed},
		{"crit empty", `{"alg":"ES256","kid":"e","crit":[]}`, goodPayload, ErrCritical},
		{"crit unknown", `{"alg":"ES256","kid":"e","crit":["x"],"x":1}`, goodPayload, ErrCritical},
		{"crit of a known name", `{"alg":"ES256","kid":"e","crit":["alg"]}`, goodPayload, ErrCritical},
		{"crit escaped", `{"alg":"ES256","kid":"e","cr\u0069t":["x"]}`, goodPayload, ErrCritical},
		{"crit null", `{"alg":"ES256","kid":"e","crit":null}`, goodPayload, ErrCritical},
		{"b64 false", `{"alg":"ES256","kid":"e","b64":false,"crit":["b64"]}`, goodPayload, ErrCritical},
		{"b64 alone", `{"alg":"ES256","kid":"e","b64":true}`, goodPayload, ErrCritical},
		{"duplicate alg", `{"alg":"none","alg":"ES256","kid":"e"}`, goodPayload, ErrDuplicateMember},
		{"duplicate alg, escaped", `{"alg":"ES256","kid":"e","\u0061lg":"none"}`, goodPayload, ErrDuplicateMember},
		{"duplicate in a header's object", `{"alg":"ES256","kid":"e","jwk":{"a":1,"a":2}}`, goodPayload, ErrDuplicateMember},
		{"cty of a nested JWT", `{"alg":"ES256","kid":"e","cty":"JWT"}`, goodPayload, ErrMalformed},
		{"cty of a nested JWT in full", `{"alg":"ES256","kid":"e","cty":"application/jwt"}`, goodPayload, ErrMalformed},
		{"cty of something else", `{"alg":"ES256","kid":"e","cty":"json"}`, goodPayload, nil},
		{"empty header", `{}`, goodPayload, ErrMalformed},
		{"header array", `[{"alg":"ES256"}]`, goodPayload, ErrMalformed},
		{"header string", `"ES256"`, goodPayload, ErrMalformed},
		{"header of no bytes", ``, goodPayload, ErrMalformed},
		{"header twice", goodHeader + goodHeader, goodPayload, ErrMalformed},
		{"header with BOM", "\ufeff" + goodHeader, goodPayload, ErrMalformed},
		{"header with trailing NUL", goodHeader + "\x00", goodPayload, ErrMalformed},
		{"header with space around", " \t\r\n" + goodHeader + " \t\r\n", goodPayload, nil},
		{"header with many members", `{` + manyMembers(300) + `"alg":"ES256"}`, goodPayload, ErrMalformed},
		{"header too deep", `{"alg":"ES256","x":` + deep(32) + `}`, goodPayload, ErrMalformed},

		// A token does not choose its key.
		{"jwk", `{"alg":"ES256","kid":"e2","jwk":{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}}`, goodPayload, ErrUnknownKey},
		{"jku", `{"alg":"ES256","kid":"e2","jku":"https://evil.example"}`, goodPayload, ErrUnknownKey},
		{"x5c is not read", `{"alg":"ES256","kid":"e","x5c":"?"}`, goodPayload, nil},

		// The types of other tokens.
		{"typ absent", `{"alg":"ES256","kid":"e"}`, goodPayload, nil},
		{"typ JWT", `{"alg":"ES256","kid":"e","typ":"jwt"}`, goodPayload, nil},
		{"typ application/at+jwt", `{"alg":"ES256","kid":"e","typ":"Application/AT+JWT"}`, goodPayload, nil},
		{"typ empty", `{"alg":"ES256","kid":"e","typ":""}`, goodPayload, ErrType},
		{"typ prefix alone", `{"alg":"ES256","kid":"e","typ":"application/"}`, goodPayload, ErrType},
		{"typ prefix twice", `{"alg":"ES256","kid":"e","typ":"application/application/jwt"}`, goodPayload, ErrType},
		{"typ with parameter", `{"alg":"ES256","kid":"e","typ":"at+jwt;v=1"}`, goodPayload, ErrType},
		{"typ with space", `{"alg":"ES256","kid":"e","typ":"at+jwt "}`, goodPayload, ErrType},
		{"typ id-jag", `{"alg":"ES256","kid":"e","typ":"oauth-id-jag+jwt"}`, goodPayload, ErrType},
		{"typ logout", `{"alg":"ES256","kid":"e","typ":"logout+jwt"}`, goodPayload, ErrType},
		{"typ dpop", `{"alg":"ES256","kid":"e","typ":"dpop+jwt"}`, goodPayload, ErrType},
		{"typ secevent", `{"alg":"ES256","kid":"e","typ":"secevent+jwt"}`, goodPayload, ErrType},
		{"typ JOSE", `{"alg":"ES256","kid":"e","typ":"JOSE"}`, goodPayload, ErrType},
		{"events", goodHeader, with(`"events":{"http://schemas.openid.net/event/backchannel-logout":{}}`), ErrType},
		{"nonce", goodHeader, with(`"nonce":"n"`), ErrIDToken},
		{"nonce null", goodHeader, with(`"nonce":null`), nil},
		{"at_hash", goodHeader, with(`"at_hash":"h"`), ErrIDToken},
		{"c_hash", goodHeader, with(`"c_hash":"h"`), ErrIDToken},
		{"cnf jkt", goodHeader, with(`"cnf":{"jkt":"0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"}`), ErrBoundToken},
		{"cnf x5t#S256", goodHeader, with(`"cnf":{"x5t#S256":"0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"}`), ErrBoundToken},
		{"cnf empty", goodHeader, with(`"cnf":{}`), ErrBoundToken},
		{"cnf null", goodHeader, with(`"cnf":null`), nil},
		{"cnf string", goodHeader, with(`"cnf":""`), ErrBoundToken},
		{"cnf escaped", goodHeader, with(`"c\u006ef":{}`), ErrBoundToken},

		// The payload as JSON.
		{"payload of no bytes", goodHeader, ``, ErrMalformed},
		{"payload null", goodHeader, `null`, ErrMalformed},
		{"payload array", goodHeader, `[` + goodPayload + `]`, ErrMalformed},
		{"payload twice", goodHeader, goodPayload + goodPayload, ErrMalformed},
		{"payload cut short", goodHeader, goodPayload[:len(goodPayload)-1], ErrMalformed},
		{"payload with BOM", goodHeader, "\ufeff" + goodPayload, ErrMalformed},
		{"payload with space around", goodHeader, " \t\r\n" + goodPayload + "\n ", nil},
		{"payload with no-break space", goodHeader, goodPayload + "\u00a0", ErrMalformed},
		{"payload with form feed", goodHeader, goodPayload + "\f", ErrMalformed},
		{"payload with NUL", goodHeader, goodPayload + "\x00", ErrMalformed},
		{"payload in UTF-16", goodHeader, "\xff\xfe{\x00}\x00", ErrMalformed},
		{"trailing comma", goodHeader, goodPayload[:len(goodPayload)-1] + `,}`, ErrMalformed},
		{"leading comma", goodHeader, with(``), ErrMalformed},
		{"comment", goodHeader, with(`/**/"x":1`), ErrMalformed},
		{"single quotes", goodHeader, with(`'x':1`), ErrMalformed},
		{"bare name", goodHeader, with(`x:1`), ErrMalformed},
		{"NaN", goodHeader, with(`"x":NaN`), ErrMalformed},
		{"leading zero", goodHeader, with(`"x":01`), ErrMalformed},
		{"plus sign", goodHeader, with(`"x":+1`), ErrMalformed},
		{"bare point", goodHeader, with(`"x":1.`), ErrMalformed},
		{"huge number elsewhere", goodHeader, with(`"x":1e99999`), nil},
		{"raw newline in a string", goodHeader, with("\"x\":\"\n\""), ErrMalformed},
		{"raw NUL in a string", goodHeader, with("\"x\":\"\x00\""), ErrMalformed},
		{"invalid UTF-8", goodHeader, with("\"x\":\"\xff\""), ErrMalformed},
		{"overlong UTF-8", goodHeader, with("\"x\":\"\xc0\xaf\""), ErrMalformed},
		{"surrogate in UTF-8", goodHeader, with("\"x\":\"\xed\xa0\x80\""), ErrMalformed},
		{"lone high surrogate", goodHeader, with(`"x":"\ud800"`), ErrMalformed},
		{"lone low surrogate", goodHeader, with(`"x":"\udc00"`), ErrMalformed},
		{"surrogates the wrong way round", goodHeader, with(`"x":"\udc00\ud800"`), ErrMalformed},
		{"high surrogate twice", goodHeader, with(`"x":"\ud800\ud800"`), ErrMalformed},
		{"lone surrogate in a name", goodHeader, with(`"\ud800":1`), ErrMalformed},
		{"surrogate pair", goodHeader, with(`"x":"\ud83d\ude00"`), nil},
		{"unknown escape", goodHeader, with(`"x":"\x41"`), ErrMalformed},
		{"short escape", goodHeader, with(`"x":"\u12"`), ErrMalformed},
		{"deep arrays", goodHeader, with(`"x":` + deep(5000)), ErrMalformed},
		{"too deep", goodHeader, with(`"x":` + deep(maxDepth)), ErrMalformed},
		{"as deep as allowed", goodHeader, with(`"x":` + deep(maxDepth-1)), nil},
		{"deep objects", goodHeader, with(`"x":` + strings.Repeat(`{"a":`, 1500) + `1` + strings.Repeat(`}`, 1500)), ErrMalformed},
		{"many members", goodHeader, "{" + manyMembers(900) + goodPayload[1:], ErrMalformed},
		{"as many members as allowed", goodHeader, "{" + manyMembers(maxMembers-8) + goodPayload[1:], nil},
		{"one member too many", goodHeader, "{" + manyMembers(maxMembers-7) + goodPayload[1:], ErrMalformed},
		{"duplicate aud", goodHeader, with(`"aud":"x"`), ErrDuplicateMember},
		{"duplicate aud, escaped", goodHeader, with(`"\u0061ud":"x"`), ErrDuplicateMember},
		{"duplicate name of no meaning", goodHeader, with(`"x":1,"x":1`), ErrDuplicateMember},
		{"duplicate empty name", goodHeader, with(`"":1,"":1`), ErrDuplicateMember},
		{"duplicate deep inside", goodHeader, with(`"x":[{"y":{"z":1,"\u007a":2}}]`), ErrDuplicateMember},
		{"same name in other objects", goodHeader, with(`"x":[{"x":1},{"x":{"x":1}}]`), nil},

		// Names are compared exactly. encoding/json takes these for aud.
		{"AUD", goodHeader, without(`"aud"`, `"AUD"`), ErrAudience},
		{"Exp", goodHeader, without(`"exp"`, `"Exp"`), ErrNoExpiry},
		{"iss with long s", goodHeader, without(`"iss"`, `"i\u017fs"`), ErrIssuer},
		{"AUD beside aud", goodHeader, with(`"AUD":"x","Cnf":{}`), nil},
		{"aud with NUL", goodHeader, without(`"aud"`, `"aud\u0000"`), ErrAudience},
		{"aud escaped is aud", goodHeader, without(`"aud"`, `"\u0061\u0075d"`), nil},

		// The types of the claims.
		{"iss number", goodHeader, without(`"https://auth.example.com"`, `1`), ErrMalformed},
		{"iss array", goodHeader, without(`"https://auth.example.com"`, `["https://auth.example.com"]`), ErrMalformed},
		{"sub null", goodHeader, without(`"alice"`, `null`), nil},
		{"sub number", goodHeader, without(`"alice"`, `7`), ErrMalformed},
		{"jti number", goodHeader, without(`"jti":"1"`, `"jti":1`), ErrMalformed},
		{"client_id object", goodHeader, without(`"vscode"`, `{}`), ErrMalformed},
		{"azp number", goodHeader, with(`"azp":1`), ErrMalformed},
		{"aud number", goodHeader, without(`"https://mcp.example.com/notes"`, `1`), ErrMalformed},
		{"aud object", goodHeader, without(`"https://mcp.example.com/notes"`, `{"https://mcp.example.com/notes":1}`), ErrMalformed},
		{"aud array with a number", goodHeader, without(`"https://mcp.example.com/notes"`, `["https://mcp.example.com/notes",1]`), ErrMalformed},
		{"aud array in an array", goodHeader, without(`"https://mcp.example.com/notes"`, `[["https://mcp.example.com/notes"]]`), ErrMalformed},
		{"aud empty array", goodHeader, without(`"https://mcp.example.com/notes"`, `[]`), ErrAudience},
		{"aud empty", goodHeader, without(`"https://mcp.example.com/notes"`, `""`), ErrAudience},
		{"aud prefix", goodHeader, without(`"https://mcp.example.com/notes"`, `"https://mcp.example.com/note"`), ErrAudience},
		{"aud longer", goodHeader, without(`"https://mcp.example.com/notes"`, `"https://mcp.example.com/notes2"`), ErrAudience},
		{"aud list in one string", goodHeader, without(`"https://mcp.example.com/notes"`, `"x https://mcp.example.com/notes"`), ErrAudience},
		{"aud array", goodHeader, without(`"https://mcp.example.com/notes"`, `[ "x" , "https:\/\/mcp.example.com\/notes" ]`), nil},
		{"scope number", goodHeader, without(`"read:notes write:notes"`, `1`), ErrMalformed},
		{"scope array with null", goodHeader, without(`"read:notes write:notes"`, `[null]`), ErrMalformed},

		// Dates.
		{"exp missing", goodHeader, without(`"exp":1800000300,`, ``), ErrNoExpiry},
		{"exp string", goodHeader, without(`1800000300`, `"1800000300"`), ErrMalformed},
		{"exp null", goodHeader, without(`1800000300`, `null`), ErrNoExpiry},
		{"exp true", goodHeader, without(`1800000300`, `true`), ErrMalformed},
		{"exp negative", goodHeader, without(`1800000300`, `-1`), ErrMalformed},
		{"exp huge", goodHeader, without(`1800000300`, `1e400`), ErrMalformed},
		{"exp of many digits", goodHeader, without(`1800000300`, strings.Repeat("9", 5000)), ErrMalformed},
		{"exp in milliseconds of year 33658", goodHeader, without(`1800000300`, `1000000000000`), ErrMalformed},
		{"exp 2^63", goodHeader, without(`1800000300`, `9223372036854775808`), ErrMalformed},
		{"exp 2^64+exp", goodHeader, without(`1800000300`, `18446744075509551916`), ErrMalformed},
		{"exp zero", goodHeader, without(`1800000300`, `0`), ErrExpired},
		{"exp within the skew", goodHeader, without(`1800000300`, `1799999941`), nil},
		{"exp at the skew", goodHeader, without(`1800000300`, `1799999940`), ErrExpired},
		{"exp a fraction within the skew", goodHeader, without(`1800000300`, `1799999940.001`), nil},
		{"exp with exponent", goodHeader, without(`1800000300`, `1.8000003e9`), nil},
		{"nbf string", goodHeader, with(`"nbf":"0"`), ErrMalformed},
		{"nbf at the skew", goodHeader, with(`"nbf":1800000060`), nil},
		{"nbf past the skew", goodHeader, with(`"nbf":1800000060.5`), ErrNotYetValid},
		{"iat string", goodHeader, without(`"iat":1800000000`, `"iat":"1800000000"`), ErrMalformed},
		{"iat at the skew", goodHeader, without(`"iat":1800000000`, `"iat":1800000060`), nil},
		{"iat past the skew", goodHeader, without(`"iat":1800000000`, `"iat":1800000061`), ErrIssuedInFuture},
		{"iat missing", goodHeader, without(`"iat":1800000000,`, ``), nil},

		// The issuer is compared byte by byte.
		{"iss missing", goodHeader, without(`"iss":"https://auth.example.com",`, ``), ErrIssuer},
		{"iss empty", goodHeader, without(`"https://auth.example.com"`, `""`), ErrIssuer},
		{"iss with slash", goodHeader, without(`"https://auth.example.com"`, `"https://auth.example.com/"`), ErrIssuer},
		{"iss in capitals", goodHeader, without(`"https://auth.example.com"`, `"HTTPS://auth.example.com"`), ErrIssuer},
	}
	s := testSigners()
	var token Token // one for all: nothing may be left over from one to the next
	for _, test := range tests {
		err := accept(&testPolicy, s.set, &token, s.token(test.header, test.payload), testNow)
		if !errors.Is(err, test.want) {
			t.Errorf("%s: got %v, want %v", test.name, err, test.want)
		}
	}
}

// The compact serialization has one spelling.
func TestHostileSpellings(t *testing.T) {
	s := testSigners()
	good := s.token(goodHeader, goodPayload)
	parts := strings.Split(good, ".")
	signature, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil {
		t.Fatal(err)
	}
	input := parts[0] + "." + parts[1]
	resign := func(header, payload string) string {
		return header + "." + payload + "." + encode64(string(s.sign(ES256, header+"."+payload)))
	}
	// The last of the 86 characters of the signature has four unused bits.
	last := parts[2][len(parts[2])-1]
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	tail := alphabet[strings.IndexByte(alphabet, last)|1]
	der, _ := ECDSASignatureDER(nil, ES256, signature)
	swapped := append(append([]byte(nil), signature[32:]...), signature[:32]...)

	tests := []struct {
		name, token string
		want        error
	}{
		{"good", good, nil},
		{"empty", "", ErrMalformed},
		{"dots alone", "..", ErrMalformed},
		{"one part", parts[0], ErrMalformed},
		{"two parts", input, ErrMalformed},
		{"four parts", good + ".", ErrMalformed},
		{"five parts", good + "..", ErrMalformed},
		{"no header", "." + parts[1] + "." + parts[2], ErrMalformed},
		{"no payload", parts[0] + ".." + parts[2], ErrMalformed},
		{"no signature", input + ".", ErrSignature},
		{"padded signature", good + "==", ErrMalformed},
		{"padded header", resign(base64.URLEncoding.EncodeToString([]byte(goodHeader+" ")), parts[1]), ErrMalformed},
		{"unused bits set", good[:len(good)-1] + string(tail), ErrMalformed},
		{"leading space", " " + good, ErrMalformed},
		{"trailing space", good + " ", ErrMalformed},
		{"trailing newline", good + "\n", ErrMalformed},
		{"newline in the payload", resign(parts[0], parts[1][:4]+"\n"+parts[1][4:]), ErrMalformed},
		{"carriage return in the header", resign(parts[0][:4]+"\r"+parts[0][4:], parts[1]), ErrMalformed},
		{"NUL at the end", good + "\x00", ErrMalformed},
		{"standard alphabet", input + "." + base64.RawStdEncoding.EncodeToString(append([]byte{0xfb, 0xff}, signature[2:]...)), ErrMalformed},
		{"a part of length 1 mod 4", good + "AAA", ErrMalformed},
		{"JSON serialization", `{"payload":"` + parts[1] + `","protected":"` + parts[0] + `","signature":"` + parts[2] + `"}`, ErrMalformed},
		{"too large", good + strings.Repeat("A", MaxTokenSize), ErrTooLarge},
		{"65 bytes of signature", input + "." + encode64(string(signature)+"\x00"), ErrSignature},
		{"65 bytes, zero in front", input + "." + encode64("\x00"+string(signature)), ErrSignature},
		{"63 bytes", input + "." + encode64(string(signature[:63])), ErrSignature},
		{"66 bytes, each half longer", input + "." + encode64("\x00"+string(signature[:32])+"\x00"+string(signature[32:])), ErrSignature},
		{"128 bytes", input + "." + encode64(string(signature)+string(signature)), ErrSignature},
		{"signature in DER", input + "." + encode64(string(der)), ErrSignature},
		{"r and s swapped", input + "." + encode64(string(swapped)), ErrSignature},
		{"all zeros", input + "." + encode64(string(make([]byte, 64))), ErrSignature},
		{"signature of another token", input + "." + strings.Split(s.token(goodHeader, goodPayload+" "), ".")[2], ErrSignature},
		{"RS256 signature", input + "." + encode64(string(s.sign(RS256, input))), ErrSignature},
	}
	for _, test := range tests {
		var token Token
		err := accept(&testPolicy, s.set, &token, test.token, testNow)
		if !errors.Is(err, test.want) {
			t.Errorf("%s: got %v, want %v", test.name, err, test.want)
		}
	}
}

// A user in a thousand groups, as Entra ID writes them.
func TestManyGroups(t *testing.T) {
	s := testSigners()
	groups := make([]string, 1000)
	for i := range groups {
		groups[i] = fmt.Sprintf(`"%08x-aaaa-bbbb-cccc-0123456789ab"`, i)
	}
	compact := s.token(goodHeader, with(`"groups":[`+strings.Join(groups, ",")+`]`))
	if len(compact) < 50<<10 {
		t.Fatal(len(compact))
	}
	var token Token
	if err := accept(&testPolicy, s.set, &token, compact, testNow); err != nil {
		t.Error(err)
	}
	if v, ok := token.Claims().Lookup("groups"); !ok || strings.Count(v.Raw, ",") != 999 {
		t.Error("not all groups are there")
	}
	if n := testing.AllocsPerRun(10, func() { _ = accept(&testPolicy, s.set, &token, compact, testNow) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// The buffers of a Token are as large as its tokens need, and not as large as the
// largest token may need.
func TestBuffersGrowWithTokens(t *testing.T) {
	var token Token
	if err := token.Parse(testSigners().token(goodHeader, goodPayload)); err != nil {
		t.Fatal(err)
	}
	if cap(token.decoded)+cap(token.reader.decoded) > 2*bufferUnit {
		t.Errorf("buffers of %d and %d bytes", cap(token.decoded), cap(token.reader.decoded))
	}
}

func TestMaxTokenSize(t *testing.T) {
	var token Token
	long := encode64(goodHeader) + "." + encode64(with(`"x":"`+strings.Repeat("x", 44<<10)+`"`)) + "."
	if err := token.Parse(long + strings.Repeat("A", (MaxTokenSize-len(long))/4*4)); err != nil {
		t.Error(err)
	}
	if err := token.Parse(strings.Repeat("A", MaxTokenSize)); !errors.Is(err, ErrMalformed) {
		t.Error(err)
	}
	if err := token.Parse(strings.Repeat("A", MaxTokenSize+1)); err != ErrTooLarge {
		t.Error(err)
	}
}

// A Token is empty after a failure.
func TestTokenIsEmptyAfterError(t *testing.T) {
	s := testSigners()
	var token Token
	for _, bad := range []string{"x", s.token(goodHeader, goodPayload+"x"), s.token(`{"alg":"ES256","crit":[]}`, goodPayload), s.token(goodHeader, with(`"exp":"x"`))} {
		if err := token.Parse(s.token(goodHeader, goodPayload)); err != nil {
			t.Fatal(err)
		}
		if token.Parse(bad) == nil {
			t.Fatal("no error")
		}
		_, hasKeyID := token.KeyID()
		c := token.Claims()
		if token.Algorithm() != 0 || token.AlgorithmName() != "" || hasKeyID || token.Type() != "" || token.SigningInput() != "" ||
			len(token.Payload()) > 0 || len(token.Signature()) > 0 || c.Issuer != "" || c.Subject != "" || c.Expires.Set ||
			len(c.AppendAudience(nil)) > 0 || len(c.AppendScopes(nil)) > 0 {
			t.Errorf("left over: %+v", token)
		}
		if _, ok := c.Lookup("iss"); ok {
			t.Error("claims left over")
		}
		if testPolicy.CheckHeader(&token) != ErrAlgorithm || testPolicy.CheckClaims(&token, testNow) != ErrIssuer {
			t.Error("an empty token is accepted")
		}
	}
}

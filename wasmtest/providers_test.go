package wasmtest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha512"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// A provider is one authorization server as it is found in the world, in a file
// of testdata/providers: the shapes are those that the provider publishes, the
// values are made up. RSA_N in a document stands for the modulus of the key
// that signs the tokens, OTHER_N for that of another, and P384_X and P384_Y for the
// coordinates of the key that signs those with ES384; iat, exp, nbf and
// auth_time in claims are seconds from now.
type provider struct {
	Provider      string // its name in docs/providers
	Configuration object // of the plugin, as its page has it
	Answers       map[string]struct {
		Headers map[string]string
		Body    json.RawMessage
		// Token is what the request must carry for this answer; anything else
		// gets 401.
		Token string
	} // by URL; anything else is 404
	Tokens []struct {
		Name     string
		Header   object // of a JWT,
		Claims   object // whose claims these are;
		Token    string // or another token as it is
		Refused  string // how error_description of the 401 begins; empty: it goes on
		Identity map[string]string
	}
}

func providers(t *testing.T) map[string]provider {
	t.Helper()
	files, err := filepath.Glob("testdata/providers/*.json")
	if err != nil || len(files) < 11 {
		t.Fatalf("%d providers: %v", len(files), err)
	}
	all := map[string]provider{}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		text := strings.NewReplacer("RSA_N", rsaKey.jwk()["n"].(string), "OTHER_N", otherRSA.jwk()["n"].(string),
			"P384_X", b64(p384Key().X.FillBytes(make([]byte, 48))), "P384_Y", b64(p384Key().Y.FillBytes(make([]byte, 48)))).Replace(string(b))
		var p provider
		d := json.NewDecoder(strings.NewReader(text))
		d.DisallowUnknownFields()
		if err := d.Decode(&p); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		all[p.Provider] = p
	}
	return all
}

// serve answers the callouts and notes what was asked for. A cluster leads to
// one host, as it does in a gateway.
func (p provider) serve(t *testing.T, h *Host, d time.Duration) (asked map[string]int) {
	t.Helper()
	asked, leads := map[string]int{}, map[string]string{}
	h.Run(d, func() {
		for len(h.Callouts()) > 0 {
			c := h.Callouts()[0]
			host := c.Headers.Get(":authority")
			if other, ok := leads[c.Cluster]; ok && other != host {
				t.Errorf("cluster %s is asked for %s and for %s", c.Cluster, host, other)
			}
			leads[c.Cluster] = host
			url := c.Headers.Get(":scheme") + "://" + host + c.Path()
			a, ok := p.Answers[url]
			if !ok {
				c.Answer("404", nil, []byte("not found"))
				continue
			}
			if a.Token != "" && c.Headers.Get("authorization") != "Bearer "+a.Token {
				c.Answer("401", Headers{{"content-type", "application/json"}}, []byte(`{"message":"Bad credentials"}`))
				continue
			}
			asked[url]++
			headers := Headers{{"content-type", "application/json"}}
			for name, value := range a.Headers {
				headers = append(headers, [2]string{name, value})
			}
			c.Answer("200", headers, a.Body)
		}
	})
	return asked
}

func TestProviders(t *testing.T) {
	for name, p := range providers(t) {
		t.Run(name, func(t *testing.T) {
			h := newHost(t, Options{})
			vm := start(t, h, p.Configuration)
			asked := p.serve(t, h, 2*time.Second)
			for url, a := range p.Answers {
				if a.Token == "" && asked[url] != 1 {
					t.Errorf("%s is asked for %d times", url, asked[url])
				}
			}
			passed := 0
			for _, token := range p.Tokens {
				t.Run(token.Name, func(t *testing.T) {
					text := token.Token
					if text == "" {
						text = providerToken(t, token.Header, dated(h, token.Claims))
					}
					s := vm.Request(rpc("/notes", "Bearer "+text))
					p.serve(t, h, 100*time.Millisecond)
					if token.Refused != "" {
						wantInvalid(t, s, "^"+regexp.QuoteMeta(token.Refused))
						return
					}
					passed++
					upstream := s.Upstream()
					wantForwarded(t, s)
					for name, want := range token.Identity {
						if got := upstream.Values(name); !reflect.DeepEqual(got, []string{want}) {
							t.Errorf("%s: %q, want %q", name, got, want)
						}
					}
					if token.Token != "" {
						return
					}
					forged := providerToken(t, token.Header, with(dated(h, token.Claims), object{"aud": "https://other.example.com"}))
					wantInvalid(t, vm.Request(rpc("/notes", "Bearer "+forged)), "audience")
				})
			}
			if passed == 0 {
				t.Error("no token goes on")
			}
		})
	}
}

// p384Key signs tokens with ES384.
var p384Key = sync.OnceValue(func() *ecdsa.PrivateKey {
	key, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		panic(err)
	}
	return key
})

func providerToken(t *testing.T, header, claims object) string {
	t.Helper()
	if header["alg"] != "ES384" {
		return rsaKey.sign(toJSON(header), toJSON(claims))
	}
	input := b64([]byte(toJSON(header))) + "." + b64([]byte(toJSON(claims)))
	digest := sha512.Sum384([]byte(input))
	r, s, err := ecdsa.Sign(rand.Reader, p384Key(), digest[:])
	if err != nil {
		t.Fatal(err)
	}
	return input + "." + b64(append(r.FillBytes(make([]byte, 48)), s.FillBytes(make([]byte, 48))...))
}

// dated puts times in the place of seconds from now.
func dated(h *Host, claims object) object {
	claims = with(claims, nil)
	for _, name := range []string{"iat", "exp", "nbf", "auth_time"} {
		if seconds, ok := claims[name].(float64); ok {
			claims[name] = h.Clock().Now().Unix() + int64(seconds)
		}
	}
	return claims
}

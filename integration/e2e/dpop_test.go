package e2e

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v3"
	"github.com/go-jose/go-jose/v3/jwt"

	"mcpauth/envoy-example/authserver"
	"mcpauth/envoy-example/envoy"
	"mcpauth/envoy-example/loopback"
	"mcpauth/integration/providers"
)

// A dpopKey is the key of a client that binds its tokens.
type dpopKey struct {
	*ecdsa.PrivateKey
	count int
}

func newDPoPKey(t *testing.T) *dpopKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return &dpopKey{PrivateKey: key}
}

// bound returns the claim of a token that is bound to the key.
func (k *dpopKey) bound(t *testing.T) object {
	t.Helper()
	thumbprint, err := (&jose.JSONWebKey{Key: k.Public()}).Thumbprint(crypto.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	return object{"cnf": object{"jkt": base64.RawURLEncoding.EncodeToString(thumbprint)}}
}

// proof returns a proof for a POST to a URL with a token.
func (k *dpopKey) proof(t *testing.T, url, token string) string {
	t.Helper()
	options := (&jose.SignerOptions{EmbedJWK: true}).WithType("dpop+jwt")
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: k.PrivateKey}, options)
	if err != nil {
		t.Fatal(err)
	}
	k.count++
	digest := sha256.Sum256([]byte(token))
	proof, err := jwt.Signed(signer).Claims(object{
		"jti": fmt.Sprint("e2e-", k.count), "htm": "POST", "htu": url, "iat": time.Now().Unix(), "ath": base64.RawURLEncoding.EncodeToString(digest[:]),
	}).CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return proof
}

// dpopGateway is a gateway whose resource is at its true address.
type dpopGateway struct {
	*gateway
	stage    *stage
	port     *loopback.Port
	resource string
}

// startDPoP starts a gateway whose resource has these members, and waits for its keys.
func startDPoP(t *testing.T, s *stage, workers int, top, members object) *dpopGateway {
	t.Helper()
	g := newDPoPGateway(t, s)
	g.begin(t, workers, object{"issuer": g.stage.auth.Issuer(), "cluster": "auth"}, g.stage.auth.Addr(), top, members)
	g.awaitKeys(t)
	return g
}

// newDPoPGateway returns a gateway that has not started, so that its resource can be told.
func newDPoPGateway(t *testing.T, s *stage) *dpopGateway {
	t.Helper()
	port, err := loopback.Reserve(0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(port.Release)
	return &dpopGateway{stage: keyStage(t, s, authserver.Options{}), port: port, resource: port.Origin() + "/mcp"}
}

// begin starts the gateway for an authorization server at an address.
func (g *dpopGateway) begin(t *testing.T, workers int, server object, address string, top, members object) {
	t.Helper()
	config := object{
		"authorization_servers": []object{server},
		"resources":             []object{with(object{"resource": g.resource, "required_scopes": []string{"read:notes"}}, members)},
	}
	o := g.stage.options(toJSON(with(config, top)))
	for i := range o.Clusters {
		if o.Clusters[i].Name == "auth" {
			o.Clusters[i] = envoy.ClusterAt("auth", address)
		}
	}
	o.Port, o.Workers, o.BalanceConnections = g.port.Number(), workers, true
	o.PluginEnv = map[string]string{"DPOP_SECRET": strings.Repeat("secret", 6), "GATEWAY_SECRET": gatewaySecret}
	g.gateway = g.stage.start(t, o)
}

// gatewaySecret is the secret of the clients of oidc-provider.
const gatewaySecret = "the gateway's secret"

func (g *dpopGateway) awaitKeys(t *testing.T) {
	t.Helper()
	eventually(t, recovery, func() string {
		if !strings.Contains(g.Log(), " usable keys from ") {
			return "no keys"
		}
		return ""
	})
}

// with returns o with further members.
func with(o, members object) object {
	for name, value := range members {
		o[name] = value
	}
	return o
}

// token returns a token for the resource, with further claims.
func (g *dpopGateway) token(claims object) string {
	return g.stage.auth.Mint(authserver.Token{Resource: g.resource, Scope: "read:notes", Claims: claims})
}

// send sends a tool call.
func (g *dpopGateway) call(t *testing.T, p protocol, headers ...string) *answer {
	t.Helper()
	h := http.Header{}
	for i := 0; i < len(headers); i += 2 {
		h[headers[i]] = append(h[headers[i]], headers[i+1])
	}
	return g.do(t, toolCall(p, "/mcp", h))
}

// Clients of others get through, with nonces and without; the server gets neither token nor
// proof.
func TestDPoPClients(t *testing.T) {
	command := node(t, "dpop")
	onEach(t, func(t *testing.T, s *stage) {
		for mode, nonce := range map[string]object{"accept": nil, "required": {"dpop_nonce": object{"secret_env": "DPOP_SECRET", "lifetime_seconds": 10}}} {
			g := startDPoP(t, s, 2, nonce, object{"dpop": mode})
			key := newDPoPKey(t)
			private, err := json.Marshal(jose.JSONWebKey{Key: key.PrivateKey})
			if err != nil {
				t.Fatal(err)
			}
			token := g.token(key.bound(t))
			for _, library := range []string{"dpop", "oauth4webapi"} {
				before := g.stage.mcp.Requests()
				report := runDPoPClient(t, command, object{"library": library, "url": g.resource, "body": whoami, "times": 6, "key": json.RawMessage(private), "token": token})
				if !slices.Equal(report.Status, []int{200, 200, 200, 200, 200, 200}) || g.stage.mcp.Requests()-before != 6 {
					t.Errorf("%s, %s: %+v", mode, library, report)
				}
				// A nonce lasts for ten seconds at least, so that the client asked for
				// one or two.
				errors := strings.Join(report.Errors, ", ")
				if wanted := strings.Count(errors, "use_dpop_nonce"); len(report.Errors) != wanted || (wanted > 0) != (nonce != nil) || wanted > 3 {
					t.Errorf("%s, %s: errors %s", mode, library, errors)
				}
				last := g.stage.mcp.Last()
				if last.Header.Get("Authorization") != "" || last.Header.Get("DPoP") != "" || last.Header.Get("X-Mcpauth-Scope") != "read:notes" {
					t.Errorf("%s, %s: the server got %v", mode, library, last.Header)
				}
				// With the key of another client.
				report = runDPoPClient(t, command, object{"library": library, "url": g.resource, "body": whoami, "token": token})
				if !slices.Equal(report.Status, []int{401}) || !strings.HasSuffix(report.Errors[len(report.Errors)-1], "invalid_token") {
					t.Errorf("%s, %s, another key: %+v", mode, library, report)
				}
			}
			if strings.Contains(g.Log(), token) {
				t.Error("the log has a token")
			}
		}
	})
}

// oidc-provider binds a token to the key of its client, which oauth4webapi makes, and the
// gateway takes the token with the proofs of that client alone: a JWT, and an opaque token
// about which it asks.
func TestDPoPWithOIDCProvider(t *testing.T) {
	command := node(t, "dpop")
	on(t, versions[:1], func(t *testing.T, s *stage) {
		for _, format := range []string{"jwt", "opaque"} {
			t.Run(format, func(t *testing.T) {
				g := newDPoPGateway(t, s)
				provider, err := providers.StartOIDCProvider(t.Context(), g.resource, format, "RS256")
				if err != nil {
					t.Fatal(err)
				}
				defer provider.Stop()
				server := object{"issuer": provider.Issuer(), "cluster": "auth"}
				if format == "opaque" {
					server["introspection"] = object{"client_id": "gateway", "client_secret_env": "GATEWAY_SECRET"}
				}
				g.begin(t, 2, server, strings.TrimPrefix(provider.Issuer(), "http://"), nil, object{"dpop": "required"})
				if format == "jwt" {
					g.awaitKeys(t)
				}
				report := runDPoPClient(t, command, object{
					"library": "oauth4webapi", "url": g.resource, "body": whoami, "times": 4,
					"issuer": provider.Issuer(), "tokenEndpoint": provider.Issuer() + "/token", "client_id": "keyed", "client_secret": gatewaySecret,
					"scope": "read:notes", "resource": g.resource,
				})
				if !slices.Equal(report.Status, []int{200, 200, 200, 200}) || report.TokenType != "dpop" || strings.Contains(report.Token, ".") != (format == "jwt") {
					t.Fatalf("%+v\n%s", report, provider.Log())
				}
				// Whoever has the token alone gets nowhere.
				for _, headers := range [][]string{
					{"Authorization", "Bearer " + report.Token},
					{"Authorization", "DPoP " + report.Token},
					{"Authorization", "DPoP " + report.Token, "DPoP", newDPoPKey(t).proof(t, g.resource, report.Token)},
				} {
					if a := g.call(t, http1, headers...); a.status != 401 {
						t.Errorf("status %d for a stolen token with %d headers", a.status, len(headers)/2)
					}
				}
			})
		}
	})
}

type dpopReport struct {
	Status           []int
	Errors           []string
	TokenType, Token string
}

// runDPoPClient runs the program in ../clients/dpop.
func runDPoPClient(t *testing.T, command []string, job object) (r dpopReport) {
	t.Helper()
	c := exec.CommandContext(t.Context(), command[0], command[1:]...)
	c.Stdin = strings.NewReader(toJSON(job))
	out, err := c.Output()
	if err == nil {
		err = json.Unmarshal(out, &r)
	}
	if err != nil {
		message := ""
		if exit, ok := err.(*exec.ExitError); ok {
			message = string(exit.Stderr)
		}
		t.Fatalf("%v: %s%s", err, out, message)
	}
	return r
}

// Of fifty requests with one proof at the same time, over connections of all workers, one
// passes.
func TestDPoPReplayAcrossWorkers(t *testing.T) {
	onEach(t, func(t *testing.T, s *stage) {
		g := startDPoP(t, s, 4, nil, object{"dpop": "accept"})
		key := newDPoPKey(t)
		token := g.token(key.bound(t))
		for round := range 5 {
			proof := key.proof(t, g.resource, token)
			before := g.stage.mcp.Requests()
			answers := make([]*answer, 50)
			errs := make([]error, len(answers))
			var wg sync.WaitGroup
			start := make(chan struct{})
			for i := range answers {
				wg.Go(func() {
					<-start
					r := toolCall(http1, "/mcp", http.Header{"Authorization": {"DPoP " + token}, "Dpop": {proof}})
					r.header["Connection"] = []string{"close"}
					answers[i], errs[i] = g.send(r)
				})
			}
			close(start)
			wg.Wait()
			passed := 0
			for i, a := range answers {
				switch {
				case errs[i] != nil:
					t.Error(errs[i])
				case a.status == 200:
					passed++
				case a.status != 401 || !strings.Contains(a.challenge(), `error="invalid_dpop_proof"`) || !strings.Contains(a.challenge(), "used before"):
					t.Errorf("status %d, challenge %s", a.status, a.challenge())
				}
			}
			if got := g.stage.mcp.Requests() - before; passed != 1 || got != 1 {
				t.Errorf("round %d: %d passed, %d reached the server", round, passed, got)
			}
		}
	})
}

// What is refused on real Envoy, in both protocols: two headers, headers that Envoy passes on
// with white space, a proof for another URL, a bound token without its proof.
func TestDPoPRefusals(t *testing.T) {
	onEach(t, func(t *testing.T, s *stage) {
		g := startDPoP(t, s, 2, nil, object{"dpop": "accept"})
		key := newDPoPKey(t)
		token := g.token(key.bound(t))
		plain := g.token(nil)
		proof := func() string { return key.proof(t, g.resource, token) }
		for _, p := range protocols {
			for name, c := range map[string]struct {
				headers []string
				status  int
				want    string // in the challenge
			}{
				"good":              {[]string{"Authorization", "DPoP " + token, "DPoP", proof()}, 200, ""},
				"scheme in lower":   {[]string{"Authorization", "dpop " + token, "DPoP", proof()}, 200, ""},
				"bearer":            {[]string{"Authorization", "Bearer " + plain}, 200, ""},
				"bearer, bound":     {[]string{"Authorization", "Bearer " + token}, 401, `Bearer error="invalid_token"`},
				"bearer with proof": {[]string{"Authorization", "Bearer " + token, "DPoP", proof()}, 401, `Bearer error="invalid_token"`},
				"no proof":          {[]string{"Authorization", "DPoP " + token}, 401, `error="invalid_dpop_proof"`},
				"two proofs":        {[]string{"Authorization", "DPoP " + token, "DPoP", proof(), "DPoP", proof()}, 401, `error="invalid_dpop_proof"`},
				"two in one":        {[]string{"Authorization", "DPoP " + token, "DPoP", proof() + "," + proof()}, 401, `error="invalid_dpop_proof"`},
				"two tokens":        {[]string{"Authorization", "DPoP " + token, "Authorization", "Bearer " + plain, "DPoP", proof()}, 400, `error="invalid_request"`},
				"another URL":       {[]string{"Authorization", "DPoP " + token, "DPoP", key.proof(t, g.resource+"/x", token)}, 401, `error="invalid_dpop_proof"`},
				"another token":     {[]string{"Authorization", "DPoP " + token, "DPoP", key.proof(t, g.resource, plain)}, 401, `error="invalid_dpop_proof"`},
				"not bound":         {[]string{"Authorization", "DPoP " + plain, "DPoP", key.proof(t, g.resource, plain)}, 401, `error="invalid_token"`},
				"another key":       {[]string{"Authorization", "DPoP " + token, "DPoP", newDPoPKey(t).proof(t, g.resource, token)}, 401, `error="invalid_token"`},
				"no token":          {nil, 401, `Bearer scope="read:notes"`},
			} {
				a := g.call(t, p, c.headers...)
				challenges := strings.Join(a.header.Values("Www-Authenticate"), ", ")
				if a.status != c.status || !strings.Contains(challenges, c.want) || (a.status == 401) != strings.Contains(challenges, `DPoP algs="ES256 RS256"`) {
					t.Errorf("%s, %s: status %d, challenges %s", name, p, a.status, challenges)
				}
			}
		}
	})
}

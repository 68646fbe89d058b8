package main

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v3"
	"github.com/go-jose/go-jose/v3/jwt"

	"mcpauth/envoy-example/authserver"
)

// The states of a behaviour.
const (
	yes           = "yes"
	no            = "no"
	notApplicable = "n/a"
)

// A probe looks with real requests whether a peer behaves as a standard says.
type probe struct {
	Name string
	// Section is where that stands.
	Section string
	// Gateway is set if the behaviour is only one of those who check a token in front of a server.
	Gateway bool
	// ByCode is set if the people who run a peer with code of their own could add it there.
	ByCode bool
	look   func(ctx context.Context, t *target) (bool, *seen, error)
}

// target is a peer that is probed.
type target struct {
	peer  *peer
	stage *peerStage
}

// send sends a request to the peer.
func (t *target) send(ctx context.Context, r probeRequest) (*seen, error) {
	return send(ctx, t.peer.Port.Addr(), r)
}

// mint returns a good token with changes.
func (t *target) mint(change authserver.Token) string {
	if change.Resource == "" {
		change.Resource = resource
	}
	if change.Scope == "" {
		change.Scope = peerScope
	}
	return t.stage.auth.Mint(change)
}

// with sends a token, and judges the answer by a predicate.
func with(token func(t *target) (string, error), judge func(*seen) bool) func(context.Context, *target) (bool, *seen, error) {
	return func(ctx context.Context, t *target) (bool, *seen, error) {
		text, err := token(t)
		if err != nil {
			return false, nil, err
		}
		s, err := t.send(ctx, probeRequest{Token: text})
		if err != nil {
			return false, nil, err
		}
		return judge(s), s, nil
	}
}

// minted returns a token for [with].
func minted(change authserver.Token) func(t *target) (string, error) {
	return func(t *target) (string, error) { return t.mint(change), nil }
}

func noTokenAtAll(*target) (string, error) { return "", nil }

// request sends a request, and judges the answer by a predicate.
func request(r probeRequest, judge func(*seen) bool) func(context.Context, *target) (bool, *seen, error) {
	return func(ctx context.Context, t *target) (bool, *seen, error) {
		s, err := t.send(ctx, r)
		if err != nil {
			return false, nil, err
		}
		return judge(s), s, nil
	}
}

// probesAtStart need an authorization server that cannot be reached.
var probesAtStart = []probe{
	{
		Name: "no token passes while the keys are missing", Section: "RFC 9068 §4",
		look: with(minted(authserver.Token{}), func(s *seen) bool { return !s.ok() }),
	},
	{
		Name: "503 with `Retry-After` while the keys are missing", Section: "RFC 9110 §15.6.4", ByCode: true,
		look: with(minted(authserver.Token{}), isUnavailable),
	},
}

// probesOnReturn come right after the authorization server can be reached.
var probesOnReturn = []probe{
	{Name: "works when the authorization server comes up late", Section: "no standard", look: with(minted(authserver.Token{}), (*seen).ok)},
}

// probesInService are about requests.
var probesInService = []probe{
	{Name: "metadata of the resource", Section: "RFC 9728 §3", look: metadataServed},
	{Name: "401 names the metadata", Section: "RFC 9728 §5.1", look: with(noTokenAtAll, namesMetadata)},
	{Name: "401 without a token has no `error`", Section: "RFC 6750 §3.1", look: with(noTokenAtAll, isFirstChallenge)},
	{Name: "401 names the scopes", Section: "MCP, Scope Selection Strategy", look: with(noTokenAtAll, func(s *seen) bool {
		return s.Status == http.StatusUnauthorized && slices.Contains(s.scopes(), peerScope)
	})},
	{Name: "another audience: 401 `invalid_token`", Section: "MCP, Token Handling", look: with(minted(authserver.Token{Resource: "https://mcp.example.com/other"}), isInvalidToken)},
	{Name: "another issuer: 401 `invalid_token`", Section: "RFC 9068 §4", look: with(minted(authserver.Token{Claims: map[string]any{"iss": "https://other.example.com"}}), isInvalidToken)},
	{Name: "expired: 401 `invalid_token`", Section: "RFC 6750 §3.1", look: with(expired, isInvalidToken)},
	{Name: "`alg` none: 401 `invalid_token`", Section: "RFC 8725 §3.1", look: with(unsigned, isInvalidToken)},
	{Name: "HS256 with the public key: 401 `invalid_token`", Section: "RFC 8725 §2.1", look: with(confused, isInvalidToken)},
	{Name: "scope missing: 403 `insufficient_scope` with `scope`", Section: "RFC 6750 §3.1", look: with(minted(authserver.Token{Scope: "profile"}), func(s *seen) bool { return isInsufficientScope(s, peerScope) })},
	{Name: "scope of a single tool: the call is refused", Section: "MCP, Scope Challenge Handling", ByCode: true, look: toolRefused},
	{Name: "scope of a single tool: 403 with that scope", Section: "MCP, Scope Challenge Handling", ByCode: true, look: toolScope},
	{Name: "token removed before the server", Section: "MCP, Access Token Privilege Restriction", Gateway: true, look: tokenRemoved},
	{Name: "the client cannot forge the caller", Section: "RFC 9700 §4.13", Gateway: true, look: identityReplaced},
	{Name: "no token in the query", Section: "MCP, Token Requirements", look: tokenInQuery},
	{Name: "two `Authorization` headers are refused", Section: "RFC 9110 §5.3", look: twoHeaders},
	{Name: "web pages: preflight", Section: "Fetch, CORS protocol", look: preflight},
	{Name: "web pages can read the 401", Section: "Fetch, CORS protocol", look: readableRefusal},
	{Name: "web pages can read the metadata", Section: "Fetch, CORS protocol", look: readableMetadata},
	{Name: "DPoP: a proof is checked", Section: "RFC 9449 §7.1", ByCode: true, look: dpopProof},
	{Name: "DPoP: a bound token as Bearer is refused", Section: "RFC 9449 §7.2", ByCode: true, look: with(minted(authserver.Token{Claims: map[string]any{"cnf": map[string]any{"jkt": strings.Repeat("A", 43)}}}), isInvalidToken)},
	{Name: "mutual TLS: the certificate is checked", Section: "RFC 8705 §3", ByCode: true, look: certificate},
	{Name: "mutual TLS: a bound token without it is refused", Section: "RFC 8705 §3", ByCode: true, look: with(minted(authserver.Token{Claims: map[string]any{"cnf": map[string]any{"x5t#S256": strings.Repeat("A", 43)}}}), isInvalidToken)},
}

// probesOfRotation come last: the authorization server signs with new keys.
var probesOfRotation = []probe{
	{Name: "new keys without a restart, within 45 s", Section: "OpenID Connect Core §10.1.1", look: with(minted(authserver.Token{}), (*seen).ok)},
}

// isUnavailable tells whether the client is told to come again.
func isUnavailable(s *seen) bool {
	return s.Status == http.StatusServiceUnavailable && s.Header.Get("Retry-After") != "" && s.challenge() == nil
}

// namesMetadata tells whether a 401 leads to the metadata.
func namesMetadata(s *seen) bool {
	return s.Status == http.StatusUnauthorized && s.challenge()["resource_metadata"] == "https://"+host+peerMetadataPath
}

// isFirstChallenge tells whether a 401 has a Bearer challenge without an error.
func isFirstChallenge(s *seen) bool {
	c := s.challenge()
	_, hasError := c["error"]
	return s.Status == http.StatusUnauthorized && c != nil && !hasError
}

// isInvalidToken tells whether the token was refused as such.
func isInvalidToken(s *seen) bool {
	return s.Status == http.StatusUnauthorized && s.challenge()["error"] == "invalid_token"
}

// isInsufficientScope tells whether the client is told to ask for a scope.
func isInsufficientScope(s *seen, scope string) bool {
	return s.Status == http.StatusForbidden && s.challenge()["error"] == "insufficient_scope" && slices.Contains(s.scopes(), scope)
}

// isReadable tells whether a web page may read an answer, and the challenge in it.
func isReadable(s *seen) bool {
	allowed := s.Header.Get("Access-Control-Allow-Origin")
	if allowed != peerOrigin && allowed != "*" {
		return false
	}
	return s.challenge() == nil || lists(s.Header.Values("Access-Control-Expose-Headers"), "www-authenticate")
}

// isPreflight tells whether a web page may send a token.
func isPreflight(s *seen) bool {
	allowed := s.Header.Get("Access-Control-Allow-Origin")
	return s.ok() && (allowed == peerOrigin || allowed == "*") && lists(s.Header.Values("Access-Control-Allow-Headers"), "authorization")
}

// lists tells whether one of the values, lists with commas, has a name.
func lists(values []string, name string) bool {
	for _, value := range values {
		for each := range strings.SplitSeq(value, ",") {
			if strings.EqualFold(strings.TrimSpace(each), name) {
				return true
			}
		}
	}
	return false
}

// isMetadata tells whether an answer is the metadata of the resource.
func isMetadata(s *seen, issuer string) bool {
	var doc struct {
		Resource string   `json:"resource"`
		Servers  []string `json:"authorization_servers"`
	}
	return s.Status == http.StatusOK && strings.HasPrefix(s.Header.Get("Content-Type"), "application/json") &&
		json.Unmarshal([]byte(s.Body), &doc) == nil && doc.Resource == resource && slices.Contains(doc.Servers, issuer)
}

func metadataServed(ctx context.Context, t *target) (bool, *seen, error) {
	return request(probeRequest{Method: http.MethodGet, Path: peerMetadataPath}, func(s *seen) bool {
		return isMetadata(s, t.stage.auth.Issuer())
	})(ctx, t)
}

func expired(t *target) (string, error) {
	return t.mint(authserver.Token{Claims: map[string]any{"exp": time.Now().Add(-time.Hour).Unix()}}), nil
}

// unsigned returns a token that says that it needs no signature.
func unsigned(t *target) (string, error) {
	token := t.mint(authserver.Token{Header: map[string]any{"alg": "none"}})
	return token[:strings.LastIndex(token, ".")+1], nil
}

// confused returns a token whose MAC has the PEM text of the public key as its secret.
func confused(t *target) (string, error) {
	answer, err := http.Get(t.stage.auth.Endpoint("jwks"))
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	doc, err := io.ReadAll(answer.Body)
	if err != nil {
		return "", err
	}
	var set jose.JSONWebKeySet
	if err := json.Unmarshal(doc, &set); err != nil {
		return "", err
	}
	i := slices.IndexFunc(set.Keys, func(k jose.JSONWebKey) bool { return k.Algorithm == string(jose.RS256) })
	if i < 0 {
		return "", fmt.Errorf("no key for RS256 among %d", len(set.Keys))
	}
	der, err := x509.MarshalPKIXPublicKey(set.Keys[i].Key)
	if err != nil {
		return "", err
	}
	token := t.mint(authserver.Token{Header: map[string]any{"alg": "HS256"}})
	input := token[:strings.LastIndex(token, ".")]
	mac := hmac.New(sha256.New, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
	mac.Write([]byte(input))
	return input + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil)), nil
}

// toolRefused calls the tool that needs another scope, without it.
func toolRefused(ctx context.Context, t *target) (bool, *seen, error) {
	return request(probeRequest{Tool: "delete_note", Token: t.mint(authserver.Token{})}, isRefusedCall)(ctx, t)
}

// isRefusedCall tells whether a call of a tool came to nothing, by its status or by an error of
// JSON-RPC or of the tool.
func isRefusedCall(s *seen) bool {
	var doc struct {
		Error  json.RawMessage `json:"error"`
		Result struct {
			IsError bool `json:"isError"`
		} `json:"result"`
	}
	return !s.ok() || json.Unmarshal([]byte(s.Body), &doc) == nil && (doc.Error != nil || doc.Result.IsError)
}

// toolScope calls the tool that needs another scope, without it and with it.
func toolScope(ctx context.Context, t *target) (bool, *seen, error) {
	refused, err := t.send(ctx, probeRequest{Tool: "delete_note", Token: t.mint(authserver.Token{})})
	if err != nil || !isInsufficientScope(refused, peerToolScope) {
		return false, refused, err
	}
	allowed, err := t.send(ctx, probeRequest{Tool: "delete_note", Token: t.mint(authserver.Token{Scope: peerScope + " " + peerToolScope})})
	if err != nil || !allowed.ok() {
		return false, allowed, err
	}
	return true, refused, nil
}

// arrived returns the headers about the caller that the trivial server got.
func (s *seen) arrived() (headers map[string]string, err error) {
	var doc struct {
		Result struct {
			Seen map[string]string `json:"seen"`
		} `json:"result"`
	}
	err = json.Unmarshal([]byte(s.Body), &doc)
	return doc.Result.Seen, err
}

func tokenRemoved(ctx context.Context, t *target) (bool, *seen, error) {
	s, err := t.send(ctx, probeRequest{Token: t.mint(authserver.Token{})})
	if err != nil || !s.ok() {
		return false, s, err
	}
	headers, err := s.arrived()
	return headers["authorization"] == "", s, err
}

// identityReplaced sends the header by which the server learns who calls, twice, beside a token of
// somebody else.
func identityReplaced(ctx context.Context, t *target) (bool, *seen, error) {
	forged := http.Header{t.peer.Identity: {"mallory", "mallory"}}
	s, err := t.send(ctx, probeRequest{Token: t.mint(authserver.Token{}), Header: forged})
	if err != nil || !s.ok() {
		return false, s, err
	}
	headers, err := s.arrived()
	return headers[t.peer.Identity] == authserver.User, s, err
}

func tokenInQuery(ctx context.Context, t *target) (bool, *seen, error) {
	return request(probeRequest{Path: peerPath + "?access_token=" + t.mint(authserver.Token{})}, func(s *seen) bool { return !s.ok() })(ctx, t)
}

// twoHeaders sends a good token beside a bad one, in both orders.
func twoHeaders(ctx context.Context, t *target) (bool, *seen, error) {
	good, bad := "Bearer "+t.mint(authserver.Token{}), "Bearer bad"
	var s *seen
	for _, both := range [][]string{{good, bad}, {bad, good}} {
		var err error
		s, err = t.send(ctx, probeRequest{Header: http.Header{"Authorization": both}})
		if err != nil || s.ok() {
			return false, s, err
		}
	}
	return true, s, nil
}

func preflight(ctx context.Context, t *target) (bool, *seen, error) {
	return request(probeRequest{Method: http.MethodOptions, Header: http.Header{
		"Origin": {peerOrigin}, "Access-Control-Request-Method": {http.MethodPost},
		"Access-Control-Request-Headers": {"authorization,content-type,mcp-protocol-version"},
	}}, isPreflight)(ctx, t)
}

func readableRefusal(ctx context.Context, t *target) (bool, *seen, error) {
	return request(probeRequest{Header: http.Header{"Origin": {peerOrigin}}}, func(s *seen) bool {
		return s.Status == http.StatusUnauthorized && s.challenge() != nil && isReadable(s)
	})(ctx, t)
}

func readableMetadata(ctx context.Context, t *target) (bool, *seen, error) {
	return request(probeRequest{Method: http.MethodGet, Path: peerMetadataPath, Header: http.Header{"Origin": {peerOrigin}}}, func(s *seen) bool {
		return s.ok() && isReadable(s)
	})(ctx, t)
}

// dpopProof sends a bound token with its proof, and with a proof for another URL.
func dpopProof(ctx context.Context, t *target) (bool, *seen, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return false, nil, err
	}
	thumbprint, err := (&jose.JSONWebKey{Key: key.Public()}).Thumbprint(crypto.SHA256)
	if err != nil {
		return false, nil, err
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: key}, (&jose.SignerOptions{EmbedJWK: true}).WithType("dpop+jwt"))
	if err != nil {
		return false, nil, err
	}
	token := t.mint(authserver.Token{Claims: map[string]any{"cnf": map[string]any{"jkt": base64.RawURLEncoding.EncodeToString(thumbprint)}}})
	digest := sha256.Sum256([]byte(token))
	var last *seen
	for _, x := range []struct {
		url   string
		valid bool
	}{{resource, true}, {"https://mcp.example.com/other", false}} {
		proof, err := jwt.Signed(signer).Claims(map[string]any{
			"jti": rand.Text(), "htm": http.MethodPost, "htu": x.url, "iat": time.Now().Unix(),
			"ath": base64.RawURLEncoding.EncodeToString(digest[:]),
		}).CompactSerialize()
		if err != nil {
			return false, nil, err
		}
		last, err = t.send(ctx, probeRequest{Header: http.Header{"Authorization": {"DPoP " + token}, "Dpop": {proof}}})
		if err != nil || last.ok() != x.valid {
			return false, last, err
		}
	}
	return true, last, nil
}

// certificate sends a token that is bound to a certificate, with that and with another one. A
// proxy in front of the gateway would say which one the client has.
func certificate(ctx context.Context, t *target) (bool, *seen, error) {
	digest := sha256.Sum256([]byte("a certificate"))
	other := sha256.Sum256([]byte("another certificate"))
	token := t.mint(authserver.Token{Claims: map[string]any{"cnf": map[string]any{"x5t#S256": base64.RawURLEncoding.EncodeToString(digest[:])}}})
	var last *seen
	for _, x := range []struct {
		digest [sha256.Size]byte
		valid  bool
	}{{digest, true}, {other, false}} {
		var err error
		last, err = t.send(ctx, probeRequest{Token: token, Header: http.Header{"X-Forwarded-Client-Cert": {"Hash=" + hex.EncodeToString(x.digest[:])}}})
		if err != nil || last.ok() != x.valid {
			return false, last, err
		}
	}
	return true, last, nil
}

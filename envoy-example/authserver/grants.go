package authserver

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/go-jose/go-jose/v3"
	"github.com/ory/fosite"
	"github.com/ory/fosite/compose"
	"github.com/ory/fosite/handler/oauth2"
	"github.com/ory/fosite/token/jwt"
)

// composeProvider configures the library's grants, tokens and checks. secret is the key
// of its codes and refresh tokens.
func (s *Server) composeProvider(secret []byte) {
	s.config = &fosite.Config{
		AccessTokenIssuer:   s.issuer,
		AccessTokenLifespan: s.options.TokenLifetime,
		GlobalSecret:        secret,
		HashCost:            4, // secrets are random here: no dictionary to slow down
		JWTScopeClaimKey:    jwt.JWTScopeFieldString,
		ScopeStrategy:       fosite.ExactScopeStrategy,
		// Any resource may be asked for: see takeResource.
		AudienceMatchingStrategy: func(_, _ []string) error { return nil },
		RefreshTokenScopes:       s.refreshTokenScopes(),
		EnforcePKCE:              true,
		// PKCE protects the exchange, so a short state, which OAuth 2.1 section
		// 4.1.1 leaves to the client, is no weakness: see serveAuthorize.
		MinParameterEntropy: 1,
	}
	getKey := func(context.Context) (any, error) {
		k := s.keys.key(s.options.Algorithm)
		return &jose.JSONWebKey{Key: k.private, KeyID: k.id, Algorithm: k.algorithm, Use: "sig"}, nil
	}
	opaque := compose.NewOAuth2HMACStrategy(s.config)
	var strategy oauth2.CoreStrategy = opaque
	if !s.options.Opaque {
		strategy = compose.NewOAuth2JWTStrategy(getKey, opaque, s.config)
	}
	s.oauth = compose.Compose(s.config, s.store, strategy,
		compose.OAuth2AuthorizeExplicitFactory,
		compose.OAuth2ClientCredentialsGrantFactory,
		compose.OAuth2RefreshTokenGrantFactory,
		compose.OAuth2PKCEFactory,
		compose.OAuth2TokenIntrospectionFactory,
		compose.OAuth2TokenRevocationFactory,
	)
}

// refreshTokenScopes returns the scopes of which a client needs one to get a refresh
// token. If there are none, every client that registered the grant gets refresh tokens.
func (s *Server) refreshTokenScopes() []string {
	if slices.Contains(s.options.Scopes, offlineAccess) {
		return []string{offlineAccess}
	}
	return []string{}
}

// offlineAccess is the scope of OpenID Connect Core section 11.
const offlineAccess = "offline_access"

// newSession describes the token to come. The library adds exp, iat, iss, aud,
// scope and jti; typ, sub and client_id complete RFC 9068 section 2.
func newSession(subject, clientID string) *oauth2.JWTSession {
	return &oauth2.JWTSession{
		Subject: subject,
		JWTClaims: &jwt.JWTClaims{
			Subject: subject,
			Extra:   map[string]any{"client_id": clientID},
		},
		JWTHeader: &jwt.Headers{Extra: map[string]any{"typ": "at+jwt"}},
	}
}

// serveAuthorize is the authorization endpoint (RFC 6749 section 3.1). It asks no user:
// it grants every valid request in the name of [User], but for the scopes
// that the options' Consent holds back.
func (s *Server) serveAuthorize(w http.ResponseWriter, r *http.Request) {
	ctx := r.Context()
	if !s.options.NoIssuerParameter {
		w = issuerWriter{w, s.issuer}
	}
	if err := takeResource(r); err != nil {
		s.oauth.WriteAuthorizeError(ctx, w, fosite.NewAuthorizeRequest(), err)
		return
	}
	if r.Form.Get("redirect_uri") == "" { // the library would take the client's only one
		s.oauth.WriteAuthorizeError(ctx, w, fosite.NewAuthorizeRequest(), fosite.ErrInvalidRequest.WithHint("The redirect_uri is missing."))
		return
	}
	noState := r.Form.Get("state") == ""
	if noState {
		r.Form.Set("state", "-") // the library insists on one; some MCP clients send none
	}
	req, err := s.oauth.NewAuthorizeRequest(ctx, r)
	if ar, ok := req.(*fosite.AuthorizeRequest); ok && noState {
		ar.State = ""
	}
	if err == nil {
		err = s.grantAudience(req)
	}
	if err != nil {
		s.oauth.WriteAuthorizeError(ctx, w, req, err)
		return
	}
	granted := []string(req.GetRequestedScopes())
	if s.options.Consent != nil {
		granted = s.options.Consent(Authorization{ClientID: req.GetClient().GetID(), State: req.GetState(), Scopes: granted})
	}
	for _, scope := range granted {
		req.GrantScope(scope)
	}
	res, err := s.oauth.NewAuthorizeResponse(ctx, req, newSession(User, req.GetClient().GetID()))
	if err != nil {
		s.oauth.WriteAuthorizeError(ctx, w, req, err)
		return
	}
	s.oauth.WriteAuthorizeResponse(ctx, w, req, res)
}

// issuerWriter adds the issuer to each authorization response, errors too (RFC
// 9207 section 2).
type issuerWriter struct {
	http.ResponseWriter
	issuer string
}

func (w issuerWriter) WriteHeader(status int) {
	if u, err := url.Parse(w.Header().Get("Location")); err == nil && u.IsAbs() {
		q := u.Query()
		q.Set("iss", w.issuer)
		u.RawQuery = q.Encode()
		w.Header().Set("Location", u.String())
	}
	w.ResponseWriter.WriteHeader(status)
}

// serveToken is the token endpoint (RFC 6749 section 3.2).
func (s *Server) serveToken(w http.ResponseWriter, r *http.Request) {
	ctx := r.Context()
	if err := takeResource(r); err != nil {
		s.oauth.WriteAccessError(ctx, w, nil, err)
		return
	}
	req, err := s.oauth.NewAccessRequest(ctx, r, newSession("", ""))
	if err != nil {
		s.oauth.WriteAccessError(ctx, w, req, err)
		return
	}
	if req.GetGrantTypes().ExactOne("client_credentials") {
		for _, scope := range req.GetRequestedScopes() {
			req.GrantScope(scope)
		}
		err = s.grantAudience(req)
		// RFC 9068 section 2.2: without a resource owner sub is the client.
		req.SetSession(withExpiry(newSession(req.GetClient().GetID(), req.GetClient().GetID()), req.GetSession()))
	} else if !containsAll(req.GetRequestedAudience(), r.PostForm["resource"]) {
		// The other grants repeat what the authorization request was granted
		// (RFC 8707 section 2.2).
		err = errInvalidTarget.WithHint("The resource is not one that the authorization was given for.")
	} else if scopes := strings.Fields(r.PostForm.Get("scope")); req.GetGrantTypes().ExactOne("refresh_token") && !containsAll(req.GetGrantedScopes(), scopes) {
		// RFC 6749 section 6; the library gives the old scopes whatever is asked.
		err = fosite.ErrInvalidScope.WithHint("A refresh token is good for the scopes that were granted with it.")
	}
	if err != nil {
		s.oauth.WriteAccessError(ctx, w, req, err)
		return
	}
	res, err := s.oauth.NewAccessResponse(ctx, req)
	if err != nil {
		s.oauth.WriteAccessError(ctx, w, req, err)
		return
	}
	if !req.GetClient().IsPublic() {
		s.mu.Lock()
		s.secrets++
		s.mu.Unlock()
	}
	s.oauth.WriteAccessResponse(ctx, w, req, res)
}

// serveRevoke is the revocation endpoint (RFC 7009 section 2).
func (s *Server) serveRevoke(w http.ResponseWriter, r *http.Request) {
	s.oauth.WriteRevocationResponse(r.Context(), w, s.oauth.NewRevocationRequest(r.Context(), r))
}

func withExpiry(to *oauth2.JWTSession, from fosite.Session) *oauth2.JWTSession {
	to.SetExpiresAt(fosite.AccessToken, from.GetExpiresAt(fosite.AccessToken))
	return to
}

// serveIntrospect is the introspection endpoint (RFC 7662 section 2), for the
// confidential clients.
func (s *Server) serveIntrospect(w http.ResponseWriter, r *http.Request) {
	ctx := r.Context()
	if _, _, ok := r.BasicAuth(); !ok { // the library would take any access token
		s.oauth.WriteIntrospectionError(ctx, w, fosite.ErrRequestUnauthorized)
		return
	}
	res, err := s.oauth.NewIntrospectionRequest(ctx, r, newSession("", ""))
	if err != nil {
		s.oauth.WriteIntrospectionError(ctx, w, err)
		return
	}
	s.oauth.WriteIntrospectionResponse(ctx, w, res)
}

// errInvalidTarget is the error of RFC 8707 section 2.
var errInvalidTarget = &fosite.RFC6749Error{
	ErrorField:       "invalid_target",
	DescriptionField: "The requested resource is invalid, missing, unknown, or malformed.",
	CodeField:        http.StatusBadRequest,
}

// takeResource checks the resource parameters (RFC 8707 section 2: absolute
// URIs without a fragment) and hands them to the library under the name that
// it knows. Its own audience parameter is no way around that.
func takeResource(r *http.Request) error {
	if err := r.ParseForm(); err != nil {
		return fosite.ErrInvalidRequest.WithHint("The request is not a valid form.")
	}
	for _, resource := range r.Form["resource"] {
		if u, err := url.Parse(resource); err != nil || !u.IsAbs() || u.Fragment != "" {
			return errInvalidTarget.WithHint("A resource must be an absolute URI without a fragment.")
		}
	}
	r.Form["audience"] = r.Form["resource"]
	r.PostForm["audience"] = r.PostForm["resource"]
	return nil
}

// grantAudience grants the resources asked for, or the default.
func (s *Server) grantAudience(req fosite.Requester) error {
	resources := req.GetRequestedAudience()
	if len(resources) == 0 {
		if s.options.DefaultResource == "" {
			return errInvalidTarget.WithHint("The resource parameter is missing.")
		}
		resources = []string{s.options.DefaultResource}
		req.SetRequestedAudience(resources)
	}
	for _, resource := range resources {
		if s.options.Resources != nil && !slices.Contains(s.options.Resources, resource) {
			return errInvalidTarget.WithHint("The resource is not one that tokens are issued for.")
		}
		req.GrantAudience(resource)
	}
	return nil
}

package authserver

import (
	"context"
	"net/http"
	"net/url"

	"github.com/go-jose/go-jose/v3"
	"github.com/ory/fosite"
	"github.com/ory/fosite/compose"
	"github.com/ory/fosite/handler/oauth2"
	"github.com/ory/fosite/token/jwt"
)

// composeProvider sets the library up: which grants, how tokens look, how
// strictly requests are checked. secret keys its codes and refresh tokens.
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
		// Refresh tokens for every client that registered the grant.
		RefreshTokenScopes: []string{},
		EnforcePKCE:        true,
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

// serveAuthorize is the authorization endpoint (RFC 6749 section 3.1). It asks
// nobody: every valid request is granted in the name of [User].
func (s *Server) serveAuthorize(w http.ResponseWriter, r *http.Request) {
	ctx := r.Context()
	if err := takeResource(r); err != nil {
		s.oauth.WriteAuthorizeError(ctx, w, fosite.NewAuthorizeRequest(), err)
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
	if err != nil {
		s.oauth.WriteAuthorizeError(ctx, w, req, err)
		return
	}
	for _, scope := range req.GetRequestedScopes() {
		req.GrantScope(scope)
	}
	if err := s.grantAudience(req); err != nil {
		s.oauth.WriteAuthorizeError(ctx, w, req, err)
		return
	}
	res, err := s.oauth.NewAuthorizeResponse(ctx, req, newSession(User, req.GetClient().GetID()))
	if err != nil {
		s.oauth.WriteAuthorizeError(ctx, w, req, err)
		return
	}
	if !s.options.NoIssuerParameter {
		res.AddParameter("iss", s.issuer) // RFC 9207 section 2
	}
	s.oauth.WriteAuthorizeResponse(ctx, w, req, res)
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
		req.GrantAudience(resource)
	}
	return nil
}

package authserver

import (
	"encoding/json"
	"net/http"
)

// metadata is the authorization server metadata of RFC 8414 section 2, with
// the members that OpenID Connect Discovery section 3 requires besides.
type metadata struct {
	Issuer                     string   `json:"issuer"`
	AuthorizationEndpoint      string   `json:"authorization_endpoint"`
	TokenEndpoint              string   `json:"token_endpoint"`
	RegistrationEndpoint       string   `json:"registration_endpoint,omitempty"`
	RevocationEndpoint         string   `json:"revocation_endpoint"`
	IntrospectionEndpoint      string   `json:"introspection_endpoint"`
	IntrospectionAuthMethods   []string `json:"introspection_endpoint_auth_methods_supported"`
	JWKSURI                    string   `json:"jwks_uri"`
	ScopesSupported            []string `json:"scopes_supported"`
	ResponseTypesSupported     []string `json:"response_types_supported"`
	ResponseModesSupported     []string `json:"response_modes_supported"`
	GrantTypesSupported        []string `json:"grant_types_supported"`
	TokenEndpointAuthMethods   []string `json:"token_endpoint_auth_methods_supported"`
	CodeChallengeMethods       []string `json:"code_challenge_methods_supported"`
	IssParameterSupported      bool     `json:"authorization_response_iss_parameter_supported"` // RFC 9207
	SubjectTypesSupported      []string `json:"subject_types_supported"`
	IDTokenSigningAlgSupported []string `json:"id_token_signing_alg_values_supported"`
}

func (s *Server) serveMetadata(w http.ResponseWriter, _ *http.Request) {
	registration := s.Endpoint("register")
	if s.options.NoRegistration {
		registration = ""
	}
	grants := []string{"authorization_code", "refresh_token", "client_credentials"}
	if s.options.NoRefreshTokens {
		grants = []string{"authorization_code", "client_credentials"}
	}
	writeJSON(w, http.StatusOK, metadata{
		Issuer:                     s.issuer,
		AuthorizationEndpoint:      s.Endpoint("authorize"),
		TokenEndpoint:              s.Endpoint("token"),
		RegistrationEndpoint:       registration,
		RevocationEndpoint:         s.Endpoint("revoke"),
		IntrospectionEndpoint:      s.Endpoint("introspect"),
		IntrospectionAuthMethods:   []string{"client_secret_basic"},
		JWKSURI:                    s.Endpoint("jwks"),
		ScopesSupported:            s.options.Scopes,
		ResponseTypesSupported:     []string{"code"},
		ResponseModesSupported:     []string{"query"},
		GrantTypesSupported:        grants,
		TokenEndpointAuthMethods:   []string{"none", "client_secret_basic", "client_secret_post"},
		CodeChallengeMethods:       []string{"S256"},
		IssParameterSupported:      !s.options.NoIssuerParameter,
		SubjectTypesSupported:      []string{"public"},
		IDTokenSigningAlgSupported: []string{"RS256", "ES256"},
	})
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(v)
}

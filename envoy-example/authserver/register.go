package authserver

import (
	"crypto/rand"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/ory/fosite"
)

// registration is a client's metadata: the request of RFC 7591 section 3.1 and,
// with the members at the end, the answer of section 3.2.1.
type registration struct {
	RedirectURIs            []string `json:"redirect_uris"`
	TokenEndpointAuthMethod string   `json:"token_endpoint_auth_method,omitempty"`
	GrantTypes              []string `json:"grant_types,omitempty"`
	ResponseTypes           []string `json:"response_types,omitempty"`
	ClientName              string   `json:"client_name,omitempty"`
	ClientURI               string   `json:"client_uri,omitempty"`
	Scope                   string   `json:"scope,omitempty"`

	ClientID              string `json:"client_id"`
	ClientSecret          string `json:"client_secret,omitempty"`
	ClientIDIssuedAt      int64  `json:"client_id_issued_at"`
	ClientSecretExpiresAt *int64 `json:"client_secret_expires_at,omitempty"` // present with a secret; 0 = never
}

// serveRegister is the registration endpoint of RFC 7591 section 3. Anyone may
// register; a client gets a secret unless it says that it can keep none.
func (s *Server) serveRegister(w http.ResponseWriter, r *http.Request) {
	var reg registration
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 64<<10)).Decode(&reg); err != nil {
		refuseRegistration(w, "invalid_client_metadata", "the body is not a JSON object of client metadata")
		return
	}
	if len(reg.GrantTypes) == 0 {
		reg.GrantTypes = []string{"authorization_code"}
	}
	if len(reg.ResponseTypes) == 0 {
		reg.ResponseTypes = []string{"code"}
	}
	if reg.TokenEndpointAuthMethod == "" {
		reg.TokenEndpointAuthMethod = "client_secret_basic"
	}
	if msg := checkRedirectURIs(reg.RedirectURIs); msg != "" {
		refuseRegistration(w, "invalid_redirect_uri", msg)
		return
	}
	switch {
	case !containsAll([]string{"authorization_code", "refresh_token"}, reg.GrantTypes):
		refuseRegistration(w, "invalid_client_metadata", "only the grant types authorization_code and refresh_token can be registered")
		return
	case !containsAll([]string{"code"}, reg.ResponseTypes):
		refuseRegistration(w, "invalid_client_metadata", "only the response type code is supported")
		return
	case !slices.Contains([]string{"none", "client_secret_basic", "client_secret_post"}, reg.TokenEndpointAuthMethod):
		refuseRegistration(w, "invalid_client_metadata", "unsupported token_endpoint_auth_method")
		return
	case !containsAll(s.options.Scopes, strings.Fields(reg.Scope)):
		refuseRegistration(w, "invalid_client_metadata", "unknown scope")
		return
	}
	if s.options.NoRefreshTokens {
		reg.GrantTypes = slices.DeleteFunc(reg.GrantTypes, func(g string) bool { return g == "refresh_token" })
	}
	client := &fosite.DefaultClient{
		ID:            "client-" + rand.Text(),
		RedirectURIs:  reg.RedirectURIs,
		GrantTypes:    reg.GrantTypes,
		ResponseTypes: reg.ResponseTypes,
		Scopes:        s.registeredScopes(&reg),
		Public:        reg.TokenEndpointAuthMethod == "none",
	}
	if !client.Public {
		reg.ClientSecret = rand.Text()
		reg.ClientSecretExpiresAt = new(int64)
		hash, err := s.config.GetSecretsHasher(r.Context()).Hash(r.Context(), []byte(reg.ClientSecret))
		if err != nil {
			http.Error(w, "cannot hash the client secret", http.StatusInternalServerError)
			return
		}
		client.Secret = hash
	}
	s.store.addClient(client, reg.TokenEndpointAuthMethod)
	reg.ClientID = client.ID
	reg.ClientIDIssuedAt = time.Now().Unix()
	writeJSON(w, http.StatusCreated, reg)
}

// registeredScopes returns the scopes that a client may ask for, and puts them
// into its metadata, where the answer must tell them (RFC 7591 section 3.2.1).
func (s *Server) registeredScopes(reg *registration) []string {
	scopes := strings.Fields(reg.Scope)
	if len(scopes) == 0 || s.options.LenientScopes {
		scopes = s.options.Scopes
	}
	reg.Scope = strings.Join(scopes, " ")
	return scopes
}

// checkRedirectURIs returns what is wrong with the list, or "". Private-use
// schemes (RFC 8252 section 7.1) are fine: editors use them.
func checkRedirectURIs(uris []string) string {
	if len(uris) == 0 {
		return "redirect_uris is missing"
	}
	for _, uri := range uris {
		u, err := url.Parse(uri)
		switch {
		case err != nil || !u.IsAbs() || u.Fragment != "":
			return "a redirect URI must be absolute and without a fragment"
		case u.Scheme == "http" && !slices.Contains([]string{"localhost", "127.0.0.1", "::1"}, u.Hostname()):
			return "a redirect URI with http must be on the loopback interface"
		case slices.Contains([]string{"javascript", "data", "file"}, u.Scheme):
			return "unsupported scheme of a redirect URI"
		}
	}
	return ""
}

func containsAll(set, items []string) bool {
	for _, item := range items {
		if !slices.Contains(set, item) {
			return false
		}
	}
	return true
}

// refuseRegistration answers as RFC 7591 section 3.2.2 says.
func refuseRegistration(w http.ResponseWriter, code, description string) {
	writeJSON(w, http.StatusBadRequest, map[string]string{"error": code, "error_description": description})
}

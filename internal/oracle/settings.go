package oracle

import (
	"encoding/json"
	"strings"

	"github.com/go-jose/go-jose/v4"
)

// settings is a configuration as the oracle reads it.
type settings struct {
	Unmatched     string `json:"unmatched"`
	VerdictHeader bool   `json:"verdict_header"`
	MaxTokenBytes int    `json:"max_token_bytes"`

	Servers   []*server   `json:"authorization_servers"`
	Resources []*resource `json:"resources"`
}

type server struct {
	Issuer        string             `json:"issuer"`
	Tenants       []string           `json:"tenants"`
	Keys          jose.JSONWebKeySet `json:"jwks"`
	Algorithms    []string           `json:"algorithms"`
	Skew          *float64           `json:"clock_skew_seconds"`
	MaxLifetime   float64            `json:"max_token_lifetime_seconds"`
	Typ           string             `json:"typ"`
	ScopeClaims   []string           `json:"scope_claims"`
	Introspection *struct{}          `json:"introspection"`
	Userinfo      *struct{}          `json:"userinfo"`
}

type resource struct {
	Resource       string   `json:"resource"`
	ServerNames    []string `json:"authorization_servers"`
	servers        []*server
	Match          struct{ Hosts []string }
	Audiences      []string            `json:"audiences"`
	Clients        []string            `json:"clients"`
	RequiredScopes []string            `json:"required_scopes"`
	Hierarchy      map[string][]string `json:"scope_hierarchy"`
	RequiredClaims requiredClaims      `json:"required_claims"`
	Origins        []string            `json:"allowed_origins"`
	Tools          map[string]rule     `json:"tools"`
	Prompts        map[string]rule     `json:"prompts"`
	URIs           map[string]rule     `json:"resources"`
	Methods        map[string]rule     `json:"methods"`
	Public         *public             `json:"public"`
	TrustHeaders   bool                `json:"trust_mcp_headers"`
	MaxBody        int                 `json:"max_body_bytes"`
	FilterLists    string              `json:"filter_lists"`
	Forward        bool                `json:"forward"`
	PayloadHeader  string              `json:"forward_payload_header"`
	Identity       []string            `json:"identity_headers"`
	ClaimHeaders   []struct {
		Claim  string `json:"claim_name"`
		Header string `json:"header_name"`
	} `json:"claim_to_headers"`
}

type public struct {
	Methods, Tools, Prompts, Resources, Paths []string
	Lists                                     bool
}

// requiredClaims has lists of values by claims.
type requiredClaims map[string][]json.RawMessage

// A rule is what an operation needs.
type rule struct {
	Scopes []string
	Claims requiredClaims
	public bool
}

// UnmarshalJSON reads an array of scopes, or an object.
func (r *rule) UnmarshalJSON(text []byte) error {
	if text[0] == '[' {
		return json.Unmarshal(text, &r.Scopes)
	}
	type plain rule
	return json.Unmarshal(text, (*plain)(r))
}

var allSettings = func() (list []*settings) {
	for _, text := range Configurations {
		s := &settings{Unmatched: "deny", MaxTokenBytes: 16384}
		if err := json.Unmarshal([]byte(text), s); err != nil {
			panic(err)
		}
		for _, v := range s.Servers {
			if v.Algorithms == nil {
				v.Algorithms = []string{"RS256", "ES256"}
			}
		}
		for _, r := range s.Resources {
			if r.MaxBody == 0 {
				r.MaxBody = 1 << 20
			}
			for _, v := range s.Servers {
				if r.ServerNames == nil || contains(r.ServerNames, v.Issuer) {
					r.servers = append(r.servers, v)
				}
			}
		}
		list = append(list, s)
	}
	return list
}()

func contains(list []string, s string) bool {
	for _, one := range list {
		if one == s {
			return true
		}
	}
	return false
}

// path returns the path of the resource without the slash at its end.
func (r *resource) path() string {
	_, rest, _ := strings.Cut(r.Resource, "://")
	_, path, ok := strings.Cut(rest, "/")
	if !ok {
		return ""
	}
	return strings.TrimSuffix("/"+path, "/")
}

// hasRules reports whether operations may need more than others.
func (r *resource) hasRules() bool {
	return len(r.Tools)+len(r.Prompts)+len(r.URIs)+len(r.Methods) > 0
}

// introspector returns the server that is asked about opaque tokens, nil if there is none.
func (r *resource) introspector() *server {
	for _, v := range r.servers {
		if v.Introspection != nil || v.Userinfo != nil {
			return v
		}
	}
	return nil
}

func (v *server) skew() float64 {
	if v.Skew != nil {
		return *v.Skew
	}
	return 60
}

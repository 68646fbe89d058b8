package oracle

import (
	"strings"
	"time"
)

// Now is the time of all cases.
var Now = time.Unix(1_767_225_600, 0)

// Configurations are the configurations of the cases. Each has what the others have not,
// and several resources, so that each may be taken for another.
var Configurations = func() []string {
	var list []string
	for _, text := range []string{rulesConfiguration, publicConfiguration, tenantsConfiguration, opaqueConfiguration} {
		list = append(list, strings.NewReplacer("FIRST_KEYS", keySet(firstKeys), "SECOND_KEYS", keySet([]*signer{secondKey})).Replace(text))
	}
	return list
}()

const allAlgorithms = `["RS256","RS384","RS512","PS256","PS384","PS512","ES256","ES384","ES512","EdDSA"]`

// Two issuers, rules by scopes and by claims, nested paths, a forwarded token.
const rulesConfiguration = `{
  "allow_on_headers_stop_iteration": true,
  "audit": true,
  "authorization_servers": [
    {"issuer": "https://auth.example.com", "jwks": FIRST_KEYS, "algorithms": ` + allAlgorithms + `},
    {"issuer": "https://login.example.net/", "jwks": SECOND_KEYS, "clock_skew_seconds": 0, "max_token_lifetime_seconds": 3600}
  ],
  "resources": [
    {
      "resource": "https://mcp.example.com/notes",
      "required_scopes": ["read"],
      "scope_hierarchy": {"admin": ["write"], "write": ["read"]},
      "tools": {"add": ["write"], "purge_*": {"scopes": ["admin"], "claims": {"groups": ["admins", 7]}}, "purge_help": []},
      "prompts": {"*": ["write"]},
      "resources": {"note:///archive/*": ["admin"]},
      "methods": {"logging/*": ["admin"], "tools/list": ["write"]},
      "max_body_bytes": 2048,
      "claim_to_headers": [{"claim_name": "email", "header_name": "x-email"}, {"claim_name": "realm_access.roles", "header_name": "x-roles"}]
    },
    {
      "resource": "https://mcp.example.com/notes/private",
      "authorization_servers": ["https://login.example.net/"],
      "required_claims": {"groups": ["staff", "admins"], "realm_access.level": [1, true]},
      "forward": true,
      "forward_payload_header": "x-payload"
    },
    {
      "resource": "https://mcp.example.com/files/",
      "audiences": ["api://files", "https://files.example.com"],
      "allowed_origins": ["https://*.example.com"],
      "identity_headers": ["subject", "scope"]
    }
  ]
}`

// Public operations and paths, filtered lists, trusted headers.
const publicConfiguration = `{
  "verdict_header": true,
  "authorization_servers": [
    {"issuer": "https://auth.example.com", "jwks": FIRST_KEYS},
    {"issuer": "https://login.example.net/", "jwks": SECOND_KEYS}
  ],
  "resources": [
    {
      "resource": "https://mcp.example.com",
      "required_scopes": ["read"],
      "tools": {"add": ["write"], "purge_*": {"scopes": ["admin"], "claims": {"groups": ["admins"]}}, "open_secret": ["write"]},
      "prompts": {"secret": ["write"]},
      "filter_lists": "all",
      "max_body_bytes": 2048,
      "public": {
        "methods": ["initialize", "notifications/*", "ping"],
        "lists": true,
        "tools": ["open_*", "purge_help"],
        "prompts": ["*"],
        "paths": ["/docs/*", "/favicon.ico"]
      }
    },
    {
      "resource": "https://mcp.example.com/trusting",
      "authorization_servers": ["https://auth.example.com"],
      "tools": {"add": ["write"]},
      "resources": {"note:///archive/*": ["admin"]},
      "trust_mcp_headers": true,
      "filter_lists": "claims",
      "methods": {"tools/call": {"claims": {"groups": ["staff"]}}}
    }
  ]
}`

// Tenants, tokens without an audience, hosts, a strict profile, unmatched requests.
const tenantsConfiguration = `{
  "unmatched": "allow",
  "verdict_header": true,
  "max_token_bytes": 2048,
  "authorization_servers": [
    {
      "issuer": "https://id.example.com/realms/{realm}",
      "tenants": ["research", "sales"],
      "metadata_issuer": "https://id.example.com/realms/all",
      "jwks": FIRST_KEYS,
      "algorithms": ["ES256", "EdDSA"],
      "scope_claims": ["scp", "realm_access.roles"]
    },
    {"issuer": "https://strict.example.com", "jwks": SECOND_KEYS, "typ": "at+jwt"}
  ],
  "resources": [
    {
      "resource": "https://bank.example.com/mcp",
      "match": {"hosts": ["bank.example.com", "*.bank.example.com"]},
      "clients": ["client-1"],
      "required_scopes": ["read"]
    },
    {
      "resource": "https://mcp.example.com:443/mcp",
      "authorization_servers": ["https://strict.example.com"],
      "filter_state": ["subject", "expires"]
    }
  ]
}`

// Opaque tokens, by introspection and by a userinfo endpoint.
const opaqueConfiguration = `{
  "authorization_servers": [
    {
      "issuer": "https://opaque.example.com",
      "introspection": {"endpoint": "https://opaque.example.com/introspect", "cluster": "auth", "client_id": "gateway", "client_secret": "s3cr3t"}
    },
    {
      "issuer": "https://users.example.com",
      "userinfo": {"endpoint": "https://users.example.com/user", "cluster": "auth", "claims": {"subject": "id", "scopes": "scope", "audience": "for"}}
    },
    {"issuer": "https://auth.example.com", "jwks": FIRST_KEYS}
  ],
  "resources": [
    {
      "resource": "https://mcp.example.com/notes",
      "authorization_servers": ["https://opaque.example.com", "https://auth.example.com"],
      "required_scopes": ["read"],
      "tools": {"add": ["write"], "purge_*": {"scopes": ["admin"], "claims": {"groups": ["admins"]}}},
      "claim_to_headers": [{"claim_name": "email", "header_name": "x-email"}]
    },
    {
      "resource": "https://mcp.example.com/users",
      "authorization_servers": ["https://users.example.com"],
      "required_scopes": ["read"]
    }
  ]
}`

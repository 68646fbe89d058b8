package wellknown

import (
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/tidwall/gjson"

	"mcpauth/config"
)

// ParseServerMetadata reads an authorization server's metadata (RFC 8414 section
// 3.2) and returns it as a JSON object, with the overrides of the server, a merge patch,
// applied. The issuer in the result must be that of the server (section 3.3):
// see [config.AuthorizationServer.AcceptsIssuer]. An operator whose server names another
// vouches for it by an issuer in overrides.
func ParseServerMetadata(document []byte, server *config.AuthorizationServer) (gjson.Result, error) {
	if !Valid(document) {
		return gjson.Result{}, errors.New("the metadata is not JSON of at most 32 levels")
	}
	metadata := gjson.ParseBytes(document)
	if !metadata.IsObject() {
		return gjson.Result{}, errors.New("the metadata is not a JSON object")
	}
	if overrides := server.Source.Overrides; overrides != "" {
		metadata = gjson.Parse(merge(metadata.Raw, overrides))
	}
	if named := member(metadata, "issuer"); named.Type != gjson.String || !server.AcceptsIssuer(named.Str) {
		return gjson.Result{}, errors.New("the metadata names the issuer " + quote(named.Str) + ", not " + quote(server.Issuer))
	}
	return metadata, nil
}

// Valid reports whether a document is JSON, and nested no deeper than 32 levels:
// gjson's recursion over more would use up the stack, which a host may have
// little of.
func Valid(document []byte) bool {
	depth := 0
	for i := 0; i < len(document); i++ {
		switch document[i] {
		case '"':
			for i++; i < len(document) && document[i] != '"'; i++ {
				if document[i] == '\\' {
					i++
				}
			}
		case '[', '{':
			if depth++; depth > 32 {
				return false
			}
		case ']', '}':
			depth--
		}
	}
	return gjson.ValidBytes(document)
}

// Endpoint returns the URL that a member of metadata, such as jwks_uri, names.
// It must use https unless insecure is set or it names a loopback host.
func Endpoint(metadata gjson.Result, name string, insecure bool) (*config.URL, error) {
	uri := member(metadata, name)
	if uri.Type != gjson.String {
		return nil, errors.New("the metadata has no " + name)
	}
	u, err := config.ParseURL(uri.Str)
	if err == nil && u.Scheme != "https" && !insecure && !u.IsLoopback() {
		err = errors.New("must use https")
	}
	if err != nil {
		place, _, _ := strings.Cut(uri.Str, "?") // a query may hold a secret
		return nil, errors.New(name + " " + quote(place) + ": " + err.Error())
	}
	return u, nil
}

// NoRegistration is the log line about metadata that does not pass AllowsRegistration.
const NoRegistration = "the metadata has no registration_endpoint and does not take client ID metadata documents: " +
	"clients must be registered there by hand, or through oauth_proxy; some of the others ask the gateway for /register and show its 404"

// AllowsRegistration reports whether metadata lets unknown clients register: dynamically
// (RFC 7591), or by a client ID metadata document.
func AllowsRegistration(metadata gjson.Result) bool {
	return member(metadata, "registration_endpoint").Type == gjson.String ||
		member(metadata, "client_id_metadata_document_supported").Type == gjson.True
}

// quote returns the first 200 bytes of a server's text as a JSON string, for the log.
func quote(s string) string { return jsonString(s[:min(len(s), 200)]) }

func jsonString(s string) string { return string(gjson.AppendJSONString(nil, s)) }

// Document returns the metadata of a protected resource (RFC 9728 section 2)
// as JSON. It has the resource and the issuers byte for byte as configured, since
// clients compare them so. The gateway's own issuer takes the place of one with an
// OAuthProxy.
func Document(r *config.Resource) []byte {
	var issuers []string
	for _, s := range r.AuthorizationServers {
		issuer := s.PublicIssuer()
		if s.OAuthProxy != nil {
			issuer = r.GatewayIssuer() // the gateway stands for it
		}
		if !slices.Contains(issuers, issuer) { // tenants of two servers may sign in at one
			issuers = append(issuers, issuer)
		}
	}
	text := `{"resource":` + jsonString(r.Resource.Raw) + `,"authorization_servers":` + jsonArray(issuers)
	if len(r.ScopesSupported) > 0 {
		text += `,"scopes_supported":` + jsonArray(r.RequestedScopes(r.ScopesSupported))
	}
	text += `,"bearer_methods_supported":["header"]`
	if r.DPoP != config.BindingOff {
		text += `,"dpop_signing_alg_values_supported":` + jsonArray(r.DPoPAlgorithmNames())
	}
	if r.DPoP == config.BindingRequired {
		text += `,"dpop_bound_access_tokens_required":true`
	}
	if r.MutualTLS != config.BindingOff {
		text += `,"tls_client_certificate_bound_access_tokens":true`
	}
	for _, m := range r.Metadata {
		text += "," + jsonString(m.Name) + ":" + m.Raw
	}
	text += "}\n"
	return []byte(text)
}

// EntityTag returns a strong entity tag (RFC 9110 section 8.8.3) for a document:
// the upper 63 bits of its FNV-1a with 64.
func EntityTag(document []byte) string {
	h := uint64(14695981039346656037)
	for _, c := range document {
		h = (h ^ uint64(c)) * 1099511628211
	}
	return `"` + strconv.FormatInt(int64(h>>1), 16) + `"`
}

// jsonArray returns a list, which is not empty, as a JSON array.
func jsonArray(list []string) string {
	text, before := "", "["
	for _, s := range list {
		text += before + jsonString(s)
		before = ","
	}
	return text + "]"
}

// ProxyDocument returns the metadata (RFC 8414 section 2) of the gateway as the
// authorization server of a resource. revokes says whether it has a revocation endpoint.
func ProxyDocument(r *config.Resource, cfg *config.OAuthProxy, revokes bool) []byte {
	issuer := r.Resource.Origin() + cfg.IssuerPath
	endpoint := func(name string) string { return jsonString(issuer + cfg.PathPrefix + name) }
	text := `{"issuer":` + jsonString(issuer) +
		`,"authorization_endpoint":` + endpoint(config.AuthorizeEndpoint) +
		`,"token_endpoint":` + endpoint(config.TokenEndpoint)
	if len(cfg.RedirectURIs) > 0 {
		text += `,"registration_endpoint":` + endpoint(config.RegisterEndpoint)
	}
	if len(cfg.ClientDocuments) > 0 {
		text += `,"client_id_metadata_document_supported":true`
	}
	if revokes {
		text += `,"revocation_endpoint":` + endpoint(config.RevokeEndpoint) + `,"revocation_endpoint_auth_methods_supported":["none"]`
	}
	scopes := cfg.Scopes
	if len(scopes) == 0 {
		scopes = r.RequestedScopes(r.ScopesSupported)
	}
	if len(scopes) > 0 {
		text += `,"scopes_supported":` + jsonArray(scopes)
	}
	return []byte(text + `,"authorization_response_iss_parameter_supported":true,"response_types_supported":["code"],"response_modes_supported":["query"]` +
		`,"grant_types_supported":["authorization_code","refresh_token"],"token_endpoint_auth_methods_supported":["none"]` +
		`,"code_challenge_methods_supported":["S256"]}` + "\n")
}

package wellknown

import (
	"errors"

	"github.com/tidwall/gjson"

	"mcpauth/config"
)

// ServerMetadata reads an authorization server's metadata (RFC 8414 section
// 3.2) and returns it as JSON text, with overrides, a merge patch, applied if
// it is not empty. The issuer in the result must be the configured one byte for
// byte (section 3.3): an operator whose server names another, such as the
// template of a server with many tenants, vouches for it by an issuer in
// overrides.
func ServerMetadata(document []byte, overrides, issuer string) ([]byte, error) {
	if !gjson.ValidBytes(document) {
		return nil, errors.New("the metadata is not JSON")
	}
	if !gjson.ParseBytes(document).IsObject() {
		return nil, errors.New("the metadata is not a JSON object")
	}
	if overrides != "" {
		var err error
		if document, err = MergePatch(document, []byte(overrides)); err != nil {
			return nil, err
		}
	}
	named := gjson.GetBytes(document, "issuer")
	if named.Type != gjson.String || named.Str != issuer {
		return nil, errors.New("the metadata names the issuer " + quote(named.Str) + ", not " + quote(issuer))
	}
	return document, nil
}

// Endpoint returns the URL that a member of metadata, such as jwks_uri, names.
// It must use https unless insecure is set or it names a loopback host.
func Endpoint(metadata []byte, member string, insecure bool) (*config.URL, error) {
	uri := gjson.GetBytes(metadata, member)
	if uri.Type != gjson.String {
		return nil, errors.New("the metadata has no " + member)
	}
	u, err := config.ParseURL(uri.Str)
	if err != nil {
		return nil, errors.New(member + " " + quote(uri.Str) + ": " + err.Error())
	}
	if u.Scheme != "https" && !insecure && !u.IsLoopback() {
		return nil, errors.New(member + " " + quote(uri.Str) + " does not use https")
	}
	return u, nil
}

// quote returns what a server sent in a form and of a length fit for a log.
func quote(s string) string {
	return string(gjson.AppendJSONString(nil, s[:min(len(s), 200)]))
}

// Document returns the metadata of a protected resource (RFC 9728 section 2)
// as JSON. The resource and the issuers stand in it byte for byte as they were
// configured: clients compare them so.
func Document(r *config.Resource) []byte {
	b := append([]byte(nil), `{"resource":`...)
	b = gjson.AppendJSONString(b, r.Resource.Raw)
	b = append(b, `,"authorization_servers":[`...)
	for i, s := range r.AuthorizationServers {
		if i > 0 {
			b = append(b, ',')
		}
		b = gjson.AppendJSONString(b, s.Issuer)
	}
	b = append(b, ']')
	if len(r.ScopesSupported) > 0 {
		b = append(b, `,"scopes_supported":[`...)
		for i, s := range r.ScopesSupported {
			if i > 0 {
				b = append(b, ',')
			}
			b = gjson.AppendJSONString(b, s)
		}
		b = append(b, ']')
	}
	b = append(b, `,"bearer_methods_supported":["header"]`...)
	for _, m := range r.Metadata {
		b = append(b, ',')
		b = gjson.AppendJSONString(b, m.Name)
		b = append(b, ':')
		b = append(b, m.Raw...)
	}
	return append(b, '}', '\n')
}

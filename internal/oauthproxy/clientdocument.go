package oauthproxy

import (
	"strings"

	"github.com/tidwall/gjson"

	"mcpauth/config"
	"mcpauth/internal/callout"
	"mcpauth/internal/jsontext"
	"mcpauth/internal/wellknown"
)

// This file has client ID metadata documents
// (draft-ietf-oauth-client-id-metadata-document): a client whose ID is an https URL
// publishes there what others register.

// maxClientDocument is the size in bytes of the largest document (section 8.7 of the draft,
// in its version 02).
const maxClientDocument = 5 << 10

// isDocumentID reports whether a client ID is the URL of a document. No ID that the gateway
// makes is: it has no colon.
func isDocumentID(id string) bool { return strings.HasPrefix(id, "https:") }

// documentURL returns the ID of a client if it is a URL, else "".
func (c *client) documentURL() string {
	if isDocumentID(c.id) {
		return c.id
	}
	return ""
}

// impersonable reports whether any program on the user's device can pose as the client
// with a redirect URI: everyone knows the client's ID, and nobody proves who listens on
// loopback or opens a private-use scheme (RFC 8252, section 8.6).
func (c *client) impersonable(redirectURI string) bool {
	return isDocumentID(c.id) && !isSecure(redirectURI)
}

// permits reports whether the configuration lets a client use a redirect URI. A client
// whose ID is a URL, which is not empty, may also use URIs on loopback, and at the origin
// of that URL. The draft allows such a relation to be demanded (section 8.1): without it,
// a document could send codes anywhere.
func (p *Proxy) permits(documentURL, uri string) bool {
	if documentURL == "" {
		return p.allowsRedirectURI(uri)
	}
	if p.sourceOf(documentURL) == nil || !config.IsRedirectURI(uri) {
		return false
	}
	_, _, loopback := splitLoopback(uri)
	return loopback || isSecure(uri) && hostOf(uri) == hostOf(documentURL) || p.allowsRedirectURI(uri)
}

// readDocument reads the response with the document of a client, and returns the client's
// name and redirect URIs, or what is wrong.
func (p *Proxy) readDocument(url string, r *callout.Response) (c client, problem string) {
	if err := r.DocumentError(); err != nil {
		return c, err.Error()
	}
	var reader jsontext.Reader
	reader.Reset(r.Body, jsontext.Options{MaxDepth: 16, MaxMembers: 128, UniqueDepth: 16})
	text := string(r.Body)
	member := func(name string) gjson.Result { return gjson.Parse(wellknown.Member(text, name)) }
	switch {
	case r.Size > maxClientDocument:
		return c, "it has more than 5 kB"
	case !callout.IsJSON(r.Header("content-type"), true):
		return c, "it is not served as application/json"
	case reader.Kind() != jsontext.Object || !reader.Skip() || !reader.End():
		return c, "it is no JSON object whose members all have different names"
	case member("client_id").Str != url: // section 4 of the draft: simple string comparison
		return c, "its client_id is not its URL, byte for byte"
	case member("client_secret").Raw != "" || member("client_secret_expires_at").Raw != "":
		return c, "it has a client secret, which everyone could read"
	case member("token_endpoint_auth_method").Raw != "" && member("token_endpoint_auth_method").Str != "none":
		return c, "its token_endpoint_auth_method is not none, the only one that the gateway supports"
	case member("client_name").Str == "": // MCP demands it
		return c, "it has no client_name"
	}
	c.id, c.name = url, cleanName(member("client_name").Str)
	if n, _ := p.takeRedirectURIs(&c, member("redirect_uris"), maxDocumentURIs); n == 0 || n > maxDocumentURIs {
		return c, "its redirect_uris is not an array of 1 to 64 strings"
	}
	if c.redirectURIs == nil {
		return c, "none of its redirect_uris is allowed: they are neither on loopback, nor at the host of the document, nor in oauth_proxy.redirect_uris"
	}
	return c, ""
}

// maxDocumentURIs bounds the redirect URIs of a document.
const maxDocumentURIs = 64

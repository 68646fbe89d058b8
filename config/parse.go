package config

import (
	"strconv"
	"strings"

	"github.com/tidwall/gjson"

	"mcpauth/internal/jsontext"
	"mcpauth/jwtlite"
)

// The members of the document and of token_cache.
var (
	documentMembers   = []string{"authorization_servers", "resources", "unmatched", "allow_insecure_http", "allow_on_headers_stop_iteration", "verdict_header", "audit", "dpop_nonce", "max_token_bytes", "token_cache"}
	tokenCacheMembers = []string{"max_entries"}
)

// Parse reads a configuration document: a JSON object of at most [MaxDocumentSize] bytes.
// The error has the type [Errors] and has all errors in the document, in a fixed order.
// If the document is not a JSON text, it has the first syntax error only.
func Parse(doc []byte) (*Config, error) {
	var errs Errors
	top := &value{path: "$", errs: &errs}
	config := top.document(doc)
	if len(errs) > 0 {
		return nil, errs
	}
	return config, nil
}

// document reads the whole document.
func (v *value) document(doc []byte) *Config {
	if len(doc) > MaxDocumentSize {
		v.fail("must be at most " + strconv.Itoa(MaxDocumentSize) + " bytes")
		return nil
	}
	text := string(jsontext.TrimBOM(doc))
	if strings.TrimSpace(text) == "" {
		v.fail("must not be empty: authorization_servers and resources are required")
		return nil
	}
	if fault := checkSyntax(text); fault != "" {
		v.fail(fault)
		return nil
	}
	v.json = gjson.Parse(text)
	if !v.closedObject(documentMembers) {
		return nil
	}

	config := &Config{}
	config.Unmatched = Unmatched(v.get("unmatched").oneOf("deny", "allow"))
	config.AllowInsecureHTTP = v.get("allow_insecure_http").bool()
	config.StopsHeaders = v.get("allow_on_headers_stop_iteration").bool()
	config.VerdictHeader = v.get("verdict_header").bool()
	config.Audit = v.get("audit").bool()
	config.MaxTokenBytes = v.get("max_token_bytes").integer(minTokenBytes, jwtlite.MaxTokenSize, DefaultTokenBytes)
	cache := v.get("token_cache")
	cache.closedObject(tokenCacheMembers)
	config.TokenCache.MaxEntries = cache.get("max_entries").integer(0, maxCacheEntries, DefaultCacheEntries)

	servers := &serverParser{allowHTTP: config.AllowInsecureHTTP, stopsHeaders: config.StopsHeaders, unmatched: config.Unmatched}
	servers.parse(v.require("authorization_servers"))
	config.AuthorizationServers = servers.list
	config.Resources = parseResources(v.require("resources"), servers, config.Unmatched)
	config.DPoPNonce = v.get("dpop_nonce").dpopNonce(config.Resources)
	servers.warnHeaders(v, config.Resources)
	config.Warnings = servers.warnings
	return config
}

package config

import (
	"strconv"
	"strings"

	"github.com/tidwall/gjson"
)

// Known members of the document and of token_cache.
var (
	documentMembers   = []string{"authorization_servers", "resources", "unmatched", "allow_insecure_http", "token_cache"}
	tokenCacheMembers = []string{"max_entries"}
)

// Parse reads a configuration document: a JSON object of at most
// [MaxDocumentSize] bytes. The error is of type [Errors] and holds everything
// that is wrong, in a fixed order; only when the document is no JSON text at
// all does it stop at the first fault.
func Parse(doc []byte) (*Config, error) {
	var errs Errors
	top := value{path: "$", errs: &errs}
	config := top.document(doc)
	if len(errs) > 0 {
		return nil, errs
	}
	return config, nil
}

func (v value) document(doc []byte) *Config {
	if len(doc) > MaxDocumentSize {
		v.fail("must be at most " + strconv.Itoa(MaxDocumentSize) + " bytes")
		return nil
	}
	text := string(doc)
	if strings.TrimSpace(text) == "" {
		v.fail("must not be empty: authorization_servers and resources are required")
		return nil
	}
	if fault := checkSyntax(text); fault != "" {
		v.fail(fault)
		return nil
	}
	v.json = gjson.Parse(text)
	o, ok := v.closedObject(documentMembers)
	if !ok {
		return nil
	}

	config := &Config{TokenCache: TokenCache{MaxEntries: DefaultCacheEntries}}
	if m, ok := o.get("unmatched"); ok {
		config.Unmatched = Unmatched(m.oneOf("deny", "allow"))
	}
	if m, ok := o.get("allow_insecure_http"); ok {
		config.AllowInsecureHTTP = m.bool()
	}
	if m, ok := o.get("token_cache"); ok {
		if cache, ok := m.closedObject(tokenCacheMembers); ok {
			if n, ok := cache.get("max_entries"); ok {
				config.TokenCache.MaxEntries = n.integer(0, maxCacheEntries)
			}
		}
	}
	servers := &serverList{allowHTTP: config.AllowInsecureHTTP}
	if m, ok := o.require("authorization_servers"); ok {
		servers.parse(m)
	}
	config.AuthorizationServers = servers.list
	if m, ok := o.require("resources"); ok {
		config.Resources = parseResources(m, servers)
	}
	return config
}

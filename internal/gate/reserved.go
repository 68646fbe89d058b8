package gate

import "mcpauth/config"

// pathOverrides are the headers from which some servers take the path, or a part of it, in
// place of that of the request: those that run behind rewriting servers such as IIS, and
// servers of WSGI such as Gunicorn. A client could have a token checked for one resource,
// and reach another.
var pathOverrides = [...]string{"path-info", "script-name", "x-original-url", "x-override-url", "x-rewrite-url", "x-script-name"}

// reservedHeaders has the names of the headers that only the gate may set, beside
// those that begin with [config.IdentityHeaderPrefix], and pathOverrides.
type reservedHeaders struct {
	keys map[string]bool // see [config.HeaderKey]
	mask nameMask        // of keys
}

func newReservedHeaders(c *config.Config) reservedHeaders {
	r := reservedHeaders{keys: map[string]bool{}}
	add := func(name string) {
		if name != "" {
			key := config.HeaderKey(name)
			r.keys[key] = true
			r.mask.add(key)
		}
	}
	for _, name := range pathOverrides {
		add(name)
	}
	for _, p := range c.Resources {
		add(p.ForwardPayloadHeader)
		for _, h := range p.ClaimToHeaders {
			add(h.HeaderName)
		}
	}
	return r
}

// Reserved reports whether a header of a client's request must be removed on every
// route, because a server could take it for a header that the gate sets, or for the path. Many
// servers treat "_", "." and other such characters in a name as "-" (CGI and its
// heirs), and so does Reserved. The host passes names in lower case.
func (g *Gate) Reserved(name string) bool {
	const prefix = config.IdentityHeaderPrefix
	if len(name) >= len(prefix) && name[0] == prefix[0] && hasKey(name[:len(prefix)], prefix) {
		return true
	}
	return g.reserved.mask.has(name) && g.hasReservedKey(name)
}

// hasReservedKey is not inlined, since few headers come so far.
//
//go:noinline
func (g *Gate) hasReservedKey(name string) bool {
	if g.reserved.keys[name] {
		return true
	}
	for i := 0; i < len(name); i++ {
		if isSeparator(name[i]) {
			return g.reserved.keys[config.HeaderKey(name)]
		}
	}
	return false
}

// hasKey reports whether the [config.HeaderKey] of name, which is as long as key,
// is key.
func hasKey(name, key string) bool {
	for i := 0; i < len(key); i++ {
		if c := name[i]; c != key[i] && !(key[i] == '-' && isSeparator(c)) {
			return false
		}
	}
	return true
}

// isSeparator reports whether [config.HeaderKey] turns c into "-", and c is not
// "-" itself.
func isSeparator(c byte) bool {
	return !('a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '-')
}

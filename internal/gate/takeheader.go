package gate

import "mcpauth/config"

// taken are the names of the headers that TakeHeader reads, beside the methodOverrides, and
// those whose spellings matter: see takeContent.
var taken = [...]string{
	":method", ":authority", ":path", "authorization", "accept", "access-control-request-method", "access-control-request-headers", "origin",
	"if-none-match", "upgrade", "dpop", forwardedClientCert, "cookie", contentTypeHeader, contentEncodingHeader, sessionHeader,
	"content-length", "transfer-encoding", "mcp-method", "mcp-name", "mcp-protocol-version",
}

// newHeadersOfInterest returns the mask of all names for which TakeHeader does something.
func newHeadersOfInterest(reserved *reservedHeaders) (m nameMask) {
	for _, name := range taken {
		m.add(name)
	}
	for _, name := range methodOverrides {
		m.add(name)
	}
	m.addPrefix(config.IdentityHeaderPrefix)
	for i := range m {
		m[i] |= reserved.mask[i]
	}
	return m
}

// TakeHeader reads a header of a request into r, and reports whether the header must be
// removed from the request: see [Gate.Reserved]. The name is in lower case: HTTP/2 requires
// it, and Envoy converts those of HTTP/1.
func (g *Gate) TakeHeader(r *Request, name, value string) (reserved bool) {
	return g.interest.has(name) && g.takeHeader(r, name, value)
}

// takeHeader is TakeHeader for a name that is not empty. It switches on the first letter
// for speed.
func (g *Gate) takeHeader(r *Request, name, value string) (reserved bool) {
	switch name[0] {
	case ':':
		switch name {
		case ":method":
			r.Method = value
		case ":authority":
			r.Authority = value
		case ":path":
			r.Path = value
		}
		return false
	case 'a':
		switch name {
		case "authorization":
			if r.Authorizations == 0 {
				r.Authorization = value
			}
			r.Authorizations++
			return false
		case "accept":
			r.takeAccept(value)
		case "access-control-request-method":
			r.RequestMethod = value
			return false
		case "access-control-request-headers":
			r.RequestHeaders = value
			return false
		}
	case 'o':
		if name == "origin" {
			if r.HasOrigin {
				value = "" // two Origin headers are none that is allowed
			}
			r.HasOrigin, r.Origin = true, value
			return false
		}
	case 'i':
		if name == "if-none-match" && r.IfNoneMatch == "" {
			r.IfNoneMatch = value
		}
	case 'u':
		if name == "upgrade" {
			r.Upgrade = true
		}
	case 'd':
		if name == "dpop" {
			if r.Proofs == 0 {
				r.Proof = value
			}
			r.Proofs++
			return false
		}
	case 'x':
		if name == forwardedClientCert && g.forwardedCert {
			r.ForwardedClientCert = value
			r.ForwardedClientCerts++
		} else if g.hasPublic {
			r.takeOverride(name)
		}
	case 'm', 'c', 't':
		if name == "cookie" {
			if g.hasProxy {
				r.takeCookie(value)
			}
			return false
		}
		r.takeContent(name, value)
	}
	return g.Reserved(name)
}

package gate

// TakeHeader reads a header of a request into r, and reports whether the header must be
// removed from the request: see [Gate.Reserved]. The name is in lower case: HTTP/2 requires
// it, and Envoy converts those of HTTP/1.
//
// It switches on the first letter for speed: a request has some twenty headers, and most of
// them differ in it from those read here.
func (g *Gate) TakeHeader(r *Request, name, value string) (reserved bool) {
	if name == "" {
		return false
	}
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

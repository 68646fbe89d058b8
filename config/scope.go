package config

// scope reads a scope-token (RFC 6749, section 3.3).
func (v *value) scope() string {
	s, ok := v.string()
	if !ok || !v.checkScope(s) {
		return ""
	}
	return s
}

// proxyScope is scope for an authorization server, which may publish any.
func (v *value) proxyScope() string {
	s, ok := v.string()
	if ok && s != "offline_access" && !v.checkScope(s) {
		return ""
	}
	return s
}

// checkScope reports whether s, which stands at v, is a scope-token.
func (v *value) checkScope(s string) bool {
	switch {
	case s == "offline_access":
		v.fail("must not be offline_access: clients ask for refresh tokens themselves, a resource neither requires nor publishes them")
		return false
	case !isScope(s):
		v.fail(`must be one scope: printable ASCII without spaces, " and \`)
		return false
	}
	return true
}

func isScope(s string) bool {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c <= ' ' || c == '"' || c == '\\' || c >= 0x7F {
			return false
		}
	}
	return s != ""
}

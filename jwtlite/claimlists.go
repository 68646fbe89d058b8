package jwtlite

// readScopes fills in the scopes from the first claim that has them: see
// [Claims.HasScope].
func (c *Claims) readScopes(r *objectReader, scope, scp, scopes *Value) error {
	var ok bool
	if scope != nil {
		if c.scopes, ok = appendStrings(c.scopes, r, scope); !ok {
			return errScope
		}
		c.splitScopes()
		return nil
	}
	for _, v := range [...]*Value{scp, scopes} {
		if v == nil {
			continue
		}
		if c.scopes, ok = appendStrings(c.scopes, r, v); ok {
			c.splitScopes()
			return nil
		}
		c.scopes = c.scopes[:0]
	}
	return nil
}

// splitScopes splits the strings of a scope claim.
func (c *Claims) splitScopes() {
	lists := len(c.scopes)
	for i := range lists {
		c.scopes = AppendScopes(c.scopes, c.scopes[i])
	}
	c.scopes = c.scopes[:copy(c.scopes, c.scopes[lists:])]
}

// AppendScopes appends the scopes of a list, which have spaces between them, to dst: RFC
// 6749, section 3.3.
func AppendScopes(dst []string, list string) []string {
	start := 0
	for j := 0; j <= len(list); j++ {
		if j < len(list) && list[j] != ' ' {
			continue
		}
		if start < j {
			dst = append(dst, list[start:j])
		}
		start = j + 1
	}
	return dst
}

// appendStrings appends the strings of v, a string or an array of strings. It returns
// false if v is neither.
func appendStrings(dst []string, r *objectReader, v *Value) ([]string, bool) {
	switch v.Kind {
	case KindString:
		return append(dst, v.Text), true
	case KindArray:
	default:
		return dst, false
	}
	for more := r.beginArray(v); more && r.json.NextElement(); {
		s, ok := r.json.String()
		if !ok {
			return dst, false
		}
		dst = append(dst, r.json.Decode(s, &r.decoded))
	}
	return dst, r.json.End()
}

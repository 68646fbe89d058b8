package oracle

import (
	"bytes"
	"encoding/json"
	"errors"
	"math/big"
	"regexp"
	"slices"
	"strings"
)

// claims are the claims of a token, or an answer about one, with no member that is null.
type claims struct {
	all       map[string]json.RawMessage
	null      map[string]bool // the names of members that are null
	strict    bool            // the gateway may refuse what it says, by a bound or an unusual form
	issuer    string
	subject   string
	client    string
	id        string
	hasID     bool // client_id is there
	audiences []string
	scopes    []string
	exp       *big.Rat
	nbf, iat  *big.Rat
}

var errClaimType = errors.New("a claim of another type")

// readClaims reads a payload: docs/security.md, "The checks"; docs/identity.md.
func readClaims(payload []byte) (*claims, error) {
	object, err := strictObject(payload)
	if err != nil {
		return nil, err
	}
	c := &claims{all: map[string]json.RawMessage{}, null: map[string]bool{}, strict: depth(payload) > 32 || bytes.Count(payload, []byte{':'}) > 100}
	for name, raw := range object {
		if c.null[name] = isNull(raw); !c.null[name] {
			c.all[name] = raw
		}
	}
	ok := true
	str := func(name string) string {
		raw, there := c.all[name]
		s, isText := text(raw)
		ok = ok && (!there || isText)
		return s
	}
	c.issuer, c.subject, c.id = str("iss"), str("sub"), str("jti")
	c.client = str("client_id")
	_, c.hasID = c.all["client_id"]
	azp := str("azp")
	if !c.hasID {
		c.client = azp
		if c.client == "" {
			c.client, _ = text(c.all["cid"])
		}
	}
	c.exp, c.nbf, c.iat = c.date("exp", &ok), c.date("nbf", &ok), c.date("iat", &ok)
	if raw, there := c.all["aud"]; there {
		var isList bool
		c.audiences, isList = texts(raw)
		ok = ok && isList
	}
	if raw, there := c.all["scope"]; there {
		_, isList := texts(raw)
		ok = ok && isList
	}
	if !ok {
		return nil, errClaimType
	}
	c.scopes = c.usualScopes()
	return c, nil
}

// usualScopes returns the scopes of the first of scope, scp and scopes.
func (c *claims) usualScopes() (scopes []string) {
	for _, name := range []string{"scope", "scp", "scopes"} {
		if raw, there := c.all[name]; there {
			if list, ok := texts(raw); ok {
				for _, s := range list {
					scopes = append(scopes, split(s)...)
				}
				return scopes
			}
		}
	}
	return nil
}

// split splits a list at its spaces, and at nothing else.
func split(s string) (list []string) {
	for _, part := range strings.Split(s, " ") {
		if part != "" {
			list = append(list, part)
		}
	}
	return list
}

// namedScopes returns the scopes of the first of the claims that is there: docs/resources.md,
// "Where tokens have their scopes".
func (c *claims) namedScopes(names []string) (scopes []string) {
	for _, name := range names {
		raw := c.at(name)
		if raw == nil {
			continue
		}
		if s, ok := text(raw); ok {
			return split(s)
		}
		if list, ok := texts(raw); ok {
			for _, s := range list {
				if s != "" && !strings.Contains(s, " ") {
					scopes = append(scopes, s)
				}
			}
			return scopes
		}
	}
	return nil
}

var plainDate = regexp.MustCompile(`^[0-9]{1,11}(\.[0-9]{1,9})?$`)

// date returns a date, in seconds and cut to nanoseconds.
func (c *claims) date(name string, ok *bool) *big.Rat {
	raw, there := c.all[name]
	if !there {
		return nil
	}
	number := string(bytes.TrimSpace(raw))
	if !plainDate.MatchString(number) {
		c.strict = true // beyond the year 9999, negative, or with an exponent
	}
	return parseDate(number, ok)
}

func parseDate(number string, ok *bool) *big.Rat {
	if number[0] != '-' && (number[0] < '0' || number[0] > '9') {
		*ok = false
		return nil
	}
	_, exponent, _ := strings.Cut(strings.ToLower(number), "e")
	if len(strings.TrimLeft(exponent, "+-0")) > 2 {
		*ok = false // far out of range
		return nil
	}
	r, valid := new(big.Rat).SetString(number)
	*ok = *ok && valid
	if valid {
		r.Mul(r, big.NewRat(1e9, 1))
		r.SetFrac(new(big.Int).Quo(r.Num(), r.Denom()), big.NewInt(1e9))
	}
	return r
}

// at returns the claim of a name, or else the one at the path with dots. A claim of that name
// that is null hides the path: docs/identity.md, "What the server gets".
func (c *claims) at(name string) json.RawMessage {
	if raw, ok := c.all[name]; ok || c.null[name] {
		return raw
	}
	object := c.all
	for rest := name; ; {
		first, more, ok := strings.Cut(rest, ".")
		raw, there := object[first]
		if !there || isNull(raw) {
			return nil
		}
		if !ok {
			return raw
		}
		rest, object = more, map[string]json.RawMessage{}
		list, _ := members(raw)
		for _, m := range list {
			object[m.name] = m.raw
		}
	}
}

// has reports whether the claims have one of the values of each required claim.
func (c *claims) has(required requiredClaims) bool {
	for name, values := range required {
		raw := c.at(name)
		var elements []json.RawMessage
		if raw == nil {
			return false
		}
		if json.Unmarshal(raw, &elements) != nil {
			elements = []json.RawMessage{raw}
		}
		if !slices.ContainsFunc(elements, func(e json.RawMessage) bool {
			return slices.ContainsFunc(values, func(v json.RawMessage) bool { return sameValue(e, v) })
		}) {
			return false
		}
	}
	return true
}

// sameValue compares strings, numbers and booleans by type and value.
func sameValue(a, b json.RawMessage) bool {
	a, b = bytes.TrimSpace(a), bytes.TrimSpace(b)
	if s, ok := text(a); ok {
		t, ok := text(b)
		return ok && s == t
	}
	if len(a) > 64 || len(b) > 64 {
		return false
	}
	x, okX := new(big.Rat), false
	y, okY := new(big.Rat), false
	if strings.IndexByte("-0123456789", a[0]) >= 0 && strings.IndexByte("-0123456789", b[0]) >= 0 && !hugeExponent(a) && !hugeExponent(b) {
		x, okX = x.SetString(string(a))
		y, okY = y.SetString(string(b))
		return okX && okY && x.Cmp(y) == 0
	}
	return string(a) == string(b) && (string(a) == "true" || string(a) == "false")
}

func hugeExponent(number []byte) bool {
	i := bytes.IndexAny(number, "eE")
	return i >= 0 && len(bytes.TrimLeft(number[i+1:], "+-0")) > 3
}

// grants reports whether scopes have one, or a broader one that implies it.
func (r *resource) grants(scopes []string, scope string) bool {
	if contains(scopes, scope) {
		return true
	}
	for broader, narrower := range r.Hierarchy {
		if contains(narrower, scope) && r.grants(scopes, broader) {
			return true
		}
	}
	return false
}

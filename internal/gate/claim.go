package gate

import (
	"strings"
	"unsafe"

	"github.com/tidwall/gjson"

	"mcpauth/config"
	"mcpauth/jwtlite"
)

// payloadText returns the payload of t, a JSON object, without copying it.
func payloadText(t *jwtlite.Token) string {
	return unsafe.String(unsafe.SliceData(t.Payload()), len(t.Payload()))
}

// A claimReader finds claims in payloads. It reads a payload once, however many claims it
// is asked for. The zero claimReader looks for none.
type claimReader struct {
	root  claimNode
	found []string // of each claim, twice: by its name, and by its path
	pass  uint64   // counts the payloads
}

// A claimNode is a place in a payload that is a part of the path of some claim.
type claimNode struct {
	members map[string]*claimNode
	at      []int  // indexes in claimReader.found of what ends here
	pass    uint64 // the last payload that has the place
}

// add adds a claim and returns its number.
func (r *claimReader) add(c *config.Claim) int {
	number := len(r.found) / 2
	r.found = append(r.found, "", "")
	if c.Name != "" {
		n := r.root.member(c.Name)
		n.at = append(n.at, 2*number)
	}
	n := &r.root
	for _, name := range c.Path {
		n = n.member(name)
	}
	n.at = append(n.at, 2*number+1)
	return number
}

//go:noinline
func (n *claimNode) member(name string) *claimNode {
	if n.members == nil {
		n.members = map[string]*claimNode{}
	}
	m := n.members[name]
	if m == nil {
		m = &claimNode{}
		n.members[name] = m
	}
	return m
}

// read finds the claims of a payload, which must not change until release.
func (r *claimReader) read(payload string) {
	if len(r.found) > 0 {
		r.pass++
		r.object(&r.root, payload)
	}
}

// release forgets the payload.
func (r *claimReader) release() { clear(r.found) }

// object reads the members of an object at a place.
func (r *claimReader) object(n *claimNode, text string) {
	object := gjson.Parse(text)
	if len(n.members) == 0 || !object.IsObject() {
		return // gjson would go through the elements of an array too
	}
	left := len(n.members)
	object.ForEach(func(name, value gjson.Result) bool {
		m := n.members[name.Str]
		if m == nil || m.pass == r.pass {
			return true
		}
		m.pass = r.pass
		for _, i := range m.at {
			r.found[i] = value.Raw
		}
		r.object(m, value.Raw)
		left--
		return left > 0
	})
}

// claim returns the JSON of the claim with a number, empty if the last payload lacks it.
func (r *claimReader) claim(number int) string {
	if text := r.found[2*number]; text != "" {
		return text
	}
	return r.found[2*number+1]
}

// A ruleClaim is a claim of the payload with all that the rules of a resource require of it.
// Rules that name one group each do not read the groups of a token one time each.
type ruleClaim struct {
	name   string
	number int // in a claimReader
	index  config.ClaimIndex
}

// addRuleClaims adds the claims of a list. In what it returns, each is the bit of its index.
func (r *claimReader) addRuleClaims(list []*config.RequiredClaim) (all []ruleClaim) {
	for bit, c := range list {
		i := 0
		for i < len(all) && all[i].name != c.Claim.Name {
			i++
		}
		if i == len(all) {
			all = append(all, ruleClaim{name: c.Claim.Name, number: r.add(&c.Claim)})
		}
		all[i].index.Add(c, bit)
	}
	return all
}

// granted returns the bits of the required claims that a claim, as JSON, is.
func (c *ruleClaim) granted(text string) (bits uint64) {
	claim := gjson.Parse(text)
	if !claim.IsArray() {
		return c.accepting(claim)
	}
	claim.ForEach(func(_, element gjson.Result) bool {
		bits |= c.accepting(element)
		return true
	})
	return bits
}

func (c *ruleClaim) accepting(v gjson.Result) uint64 {
	if value, ok := config.NewClaimValue(v); ok {
		return c.index.Accepting(&value)
	}
	return 0
}

// hasClaim reports whether a claim, as JSON, is a required one.
func hasClaim(text string, c *config.RequiredClaim) (has bool) {
	claim := gjson.Parse(text)
	if !claim.IsArray() {
		return hasValue(claim, c)
	}
	claim.ForEach(func(_, element gjson.Result) bool {
		has = hasValue(element, c)
		return !has
	})
	return has
}

// hasValue reports whether v is one of the values of c.
func hasValue(v gjson.Result, c *config.RequiredClaim) bool {
	value, ok := config.NewClaimValue(v)
	return ok && c.Accepts(&value)
}

// appendScopes appends the scopes of t, which is of s and whose claims r has read, to dst.
func (s *trustedServer) appendScopes(dst []string, t *jwtlite.Token, r *claimReader) []string {
	if s.scopeClaims == nil {
		return t.Claims().AppendScopes(dst)
	}
	for i := range s.scopeClaims {
		claim := gjson.Parse(r.claim(s.firstScopeClaim + i))
		if claim.Type == gjson.String {
			return jwtlite.AppendScopes(dst, claim.Str)
		}
		list, ok := dst, claim.IsArray()
		claim.ForEach(func(_, element gjson.Result) bool {
			ok = ok && element.Type == gjson.String
			// A scope has no space, but other names may. The parts of a role such as
			// "no admin" are no scopes.
			if ok && element.Str != "" && strings.IndexByte(element.Str, ' ') < 0 {
				list = append(list, element.Str)
			}
			return ok
		})
		if ok {
			return list
		}
	}
	return dst
}

package config

import (
	"strconv"
	"strings"

	"github.com/tidwall/gjson"

	"mcpauth/internal/jsontext"
)

// A Claim says where a claim is in a token.
type Claim struct {
	// Name is the decoded name of a top-level claim. It is empty if the configuration
	// has a path.
	Name string

	// Path locates the claim if the token has no claim Name. It is Name, split at its
	// dots, or the path in the configuration.
	Path MemberPath
}

// A RequiredClaim is a claim that must have one of some values, or be an array that has
// one of them.
type RequiredClaim struct {
	Claim  Claim
	Values []ClaimValue // at least one; they differ; see [ClaimValue.find] for their order
}

// A ClaimValue is a string, a number, or true or false. Two are equal if their values
// are: 1, 1.0 and 1e0 are one number, and no number is a string.
type ClaimValue struct {
	kind    gjson.Type
	text    string // of a string; the digits of a number, for the order in lists
	decimal jsontext.Decimal
}

// NewClaimValue returns the value of v. It returns false for any other type, and for a
// number that cannot be compared exactly: see [jsontext.ParseDecimal]. The result may
// share memory with v.
func NewClaimValue(v gjson.Result) (c ClaimValue, ok bool) {
	c.kind = v.Type
	switch v.Type {
	case gjson.String:
		c.text, ok = v.Str, true
	case gjson.Number:
		c.decimal, ok = jsontext.ParseDecimal(v.Raw)
		c.text = c.decimal.Digits()
	case gjson.True, gjson.False:
		ok = true
	}
	return c, ok
}

// Accepts reports whether v is one of the values.
func (c *RequiredClaim) Accepts(v *ClaimValue) bool {
	_, found := v.find(c.Values)
	return found
}

// find returns whether c is in a list, which is in the order of the texts, and where it
// belongs there. A token may have a thousand groups, and rules may name as many.
func (c *ClaimValue) find(list []ClaimValue) (place int, found bool) {
	for high := len(list); place < high; {
		if m := (place + high) / 2; list[m].text < c.text {
			place = m + 1
		} else {
			high = m
		}
	}
	for i := place; i < len(list) && list[i].text == c.text; i++ {
		if list[i] == *c {
			return i, true
		}
	}
	return place, false
}

// A ClaimIndex tells which of several required claims accept a value. It finds them in one
// search, however many they are. The claims are bits of a word.
type ClaimIndex struct {
	values []ClaimValue // in the order of the texts, each once
	claims []uint64     // that accept the value with the same index
}

// Add adds the values of c, which is a bit.
func (x *ClaimIndex) Add(c *RequiredClaim, bit int) {
	var merged ClaimIndex
	next := 0 // of x, to be merged
	for i := range c.Values {
		place, found := c.Values[i].find(x.values)
		if found {
			x.claims[place] |= 1 << bit
			continue
		}
		if place > next {
			merged.add(x.values[next:place], x.claims[next:place])
			next = place
		}
		merged.add(c.Values[i:i+1], []uint64{1 << bit})
	}
	merged.add(x.values[next:], x.claims[next:])
	*x = merged
}

func (x *ClaimIndex) add(values []ClaimValue, claims []uint64) {
	x.values, x.claims = append(x.values, values...), append(x.claims, claims...)
}

// Accepting returns the claims that accept v.
func (x *ClaimIndex) Accepting(v *ClaimValue) uint64 {
	if i, found := v.find(x.values); found {
		return x.claims[i]
	}
	return 0
}

// Index returns the index of c in a list, len(list) if it is not there.
func (c *RequiredClaim) Index(list []*RequiredClaim) int {
	for i, other := range list {
		if c.equal(other) {
			return i
		}
	}
	return len(list)
}

// equal reports whether c and other have the same values.
func (c *RequiredClaim) equal(other *RequiredClaim) bool {
	if c.Claim.Name != other.Claim.Name || len(c.Values) != len(other.Values) {
		return false
	}
	for i := range c.Values {
		if c.Values[i] != other.Values[i] {
			return false
		}
	}
	return true
}

// Limits of required_claims and of claims in a rule.
const (
	// MaxRuleClaims bounds the different required claims in the rules of one resource,
	// which internal/gate keeps as the bits of a word.
	MaxRuleClaims = 64

	maxRequiredClaims = 16 // in one object
	maxClaimValues    = 256
	maxClaimText      = 1024 // bytes of a name or a string
	maxClaimNumber    = 64   // bytes
)

// claimName reads the name of a claim, which may also be a path with dots between its
// names.
func claimName(name string) Claim { return Claim{Name: name, Path: strings.Split(name, ".")} }

// claim reads a claim's name, or a path that is an array.
func (v *value) claim() Claim {
	if v != nil && v.json.IsArray() {
		return Claim{Path: v.memberNames()}
	}
	if name := v.nonEmptyString(); name != "" {
		return claimName(name)
	}
	return Claim{}
}

// requiredClaims reads an object that has the accepted values of claims by their names.
func (v *value) requiredClaims() []RequiredClaim {
	if !v.object() {
		return nil
	}
	switch {
	case len(v.members) == 0:
		v.fail("must not be empty: without it, no claim is required")
	case len(v.members) > maxRequiredClaims:
		v.fail("must have at most " + strconv.Itoa(maxRequiredClaims) + " claims")
		return nil
	}
	var list []RequiredClaim
	for _, m := range v.members {
		switch {
		case m.name == "":
			m.fail("must have a name")
		case hasControl(m.name):
			m.fail("must not have control characters in its name")
		case !IsPlainName(m.name, false):
			m.fail("must not have white space at the ends of its name")
		case len(m.name) > maxClaimText:
			m.fail("must have a name of at most " + strconv.Itoa(maxClaimText) + " bytes")
		}
		list = append(list, RequiredClaim{claimName(m.name), m.claimValues()})
	}
	return list
}

// claimValues reads the values of a claim: one, or an array.
func (v *value) claimValues() []ClaimValue {
	elements := []*value{v}
	if v.json.IsArray() {
		elements = v.nonEmptyArray()
	}
	if len(elements) > maxClaimValues {
		v.fail("must have at most " + strconv.Itoa(maxClaimValues) + " values")
		return nil
	}
	var list []ClaimValue
	for _, element := range elements {
		value, ok := element.claimValue()
		place, found := value.find(list)
		switch {
		case !ok:
		case found:
			element.fail("is the same as another value of this claim")
		default:
			list = append(list, value)
			copy(list[place+1:], list[place:])
			list[place] = value
		}
	}
	return list
}

// literal reads a string that is compared as it stands. White space at its ends, or "*"
// for any value, can only be a mistake.
func (v *value) literal() string {
	text := v.nonEmptyString()
	switch {
	case text == "*":
		v.fail("must not be \"*\": it is no pattern, and no claim has this value")
	case !IsPlainName(text, false):
		v.fail("must not have white space at its ends")
	}
	return text
}

// claimValue reads a value that a claim may have.
func (v *value) claimValue() (ClaimValue, bool) {
	if v.json.Type == gjson.String {
		text := v.literal()
		if len(text) > maxClaimText {
			v.fail("must be at most " + strconv.Itoa(maxClaimText) + " bytes")
		}
		return ClaimValue{kind: gjson.String, text: text}, text != ""
	}
	json := v.json
	json.Raw = strings.Clone(json.Raw)
	value, ok := NewClaimValue(json)
	switch {
	case json.Type == gjson.Number && (!ok || len(json.Raw) > maxClaimNumber):
		v.fail("must be a number of at most " + strconv.Itoa(maxClaimNumber) + " characters, with an exponent of at most a million")
	case !ok:
		v.fail("must be a string, a number, true or false, or an array of these")
	}
	return value, ok
}

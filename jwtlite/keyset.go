package jwtlite

import "mcpauth/internal/jsontext"

// Limits of a JWK set.
const (
	maxKeySetSize = 256 << 10
	maxKeys       = 256
)

// KeySet is a set of public keys. It does not change, and any number of goroutines may
// use it.
type KeySet struct {
	keys []*Key
}

// SkippedKey is a key of a JWK set that cannot be used.
type SkippedKey struct {
	// Index is the key's place in the "keys" array.
	Index int
	// KeyID is its "kid", "" if it has none or the key cannot be read.
	KeyID string
	// Reason is an [ErrKey].
	Reason error
}

// NewKeySet returns the set of the given keys, of which there must be from 1 to 256.
// The error is [ErrNoUsableKey] or [ErrKeySet].
func NewKeySet(keys ...*Key) (*KeySet, error) {
	if len(keys) == 0 {
		return nil, ErrNoUsableKey
	}
	if len(keys) > maxKeys {
		return nil, errTooManyKeys
	}
	for _, k := range keys {
		if k == nil || k.algorithms == 0 {
			return nil, ErrNoUsableKey
		}
	}
	return &KeySet{append([]*Key(nil), keys...)}, nil
}

var (
	errKeySetSize   = badKeySet("it is larger than 256 KiB")
	errTooManyKeys  = badKeySet("it has more than 256 keys")
	errKeySetObject = badKeySet("it is not one JSON object with unique names and 32 levels at most")
	errNoKeys       = badKeySet("it has no array of keys")
)

// ParseKeySet reads a JWK set: RFC 7517, section 5. Its keys are used with the given
// algorithms only, or with all of this package if none is given. It skips keys that cannot
// be used, as that section demands, and returns them with the reasons, with an error too.
// A member that is null counts as absent. A byte order mark in front is skipped. The
// error is [ErrKeySet] or [ErrNoUsableKey]. The set shares no memory with doc.
func ParseKeySet(doc []byte, algorithms ...Algorithm) (*KeySet, []SkippedKey, error) {
	return parseKeySet(doc, nil, algorithms)
}

func parseKeySet(doc []byte, tenants *Tenants, algorithms []Algorithm) (*KeySet, []SkippedKey, error) {
	if len(doc) > maxKeySetSize {
		return nil, nil, errKeySetSize
	}
	// set checks the names of the outer object only, and parseJWK those of each key.
	// So a key with duplicate names does not spoil the others.
	var set, element objectReader
	members, fault := set.read(jsontext.TrimBOM(doc), nil, 1)
	if fault != jsontext.None {
		return nil, nil, errKeySetObject
	}
	var keys Value
	for _, m := range members {
		if m.name == "keys" {
			keys = m.Value
		}
	}
	if keys.Kind != KindArray {
		return nil, nil, errNoKeys
	}

	var found []*Key
	var skipped []SkippedKey
	set.beginArray(&keys)
	for index := 0; set.json.NextElement(); index++ {
		if index == maxKeys {
			return nil, nil, errTooManyKeys
		}
		v, ok := set.value()
		if !ok {
			return nil, nil, errKeySetObject
		}
		k, id, err := parseJWK(v.Raw, tenants, algorithms, &element)
		if err != nil {
			skipped = append(skipped, SkippedKey{index, id, err})
			continue
		}
		found = append(found, k)
	}
	if len(found) == 0 {
		return nil, skipped, ErrNoUsableKey
	}
	return &KeySet{found}, skipped, nil
}

// Len returns the number of keys.
func (s *KeySet) Len() int { return len(s.keys) }

// Key returns a key by its place among the usable ones, from 0 to Len()-1.
func (s *KeySet) Key(i int) *Key { return s.keys[i] }

// MaxCandidates is the number of keys that are tried for one token.
const MaxCandidates = 4

// Candidates are the keys of a set that may verify a token.
type Candidates struct {
	keys  [MaxCandidates]*Key
	count int // the number of keys that fit, up to MaxCandidates+1
}

// Keys returns the first [MaxCandidates] candidates, at least one, in the order of the
// set.
func (c *Candidates) Keys() []*Key { return c.keys[:min(c.count, MaxCandidates)] }

// add adds k, unless an equal key is there.
func (c *Candidates) add(k *Key) {
	if c.count > MaxCandidates {
		return
	}
	for _, have := range c.Keys() {
		if string(have.spki) == string(k.spki) {
			return
		}
	}
	if c.count < MaxCandidates {
		c.keys[c.count] = k
	}
	c.count++
}

// Find returns the keys that may verify t: the keys for the algorithm of t whose ID is
// the "kid" of t. If t has no "kid", or no key for the algorithm has an ID, it returns
// all keys for the algorithm. A key for the tokens of another issuer does not fit: see
// [Tenants.ParseKeySet]. Equal keys count once, whatever their IDs.
//
// The error is [ErrUnknownKey] or its variant [ErrKeyIssuer] if no key fits: a newer key
// set may have one. It is [ErrAlgorithm] if this package does not verify the algorithm of
// t.
func (s *KeySet) Find(t *Token) (found Candidates, err error) {
	if t.algorithm == 0 {
		return found, notAccepted(t.algorithmName)
	}
	byID := false
	for _, k := range s.keys {
		if k.Allows(t.algorithm) && k.id != "" && t.keyID != "" {
			byID = true
			break
		}
	}
	err = ErrUnknownKey
	for _, k := range s.keys {
		switch {
		case !k.Allows(t.algorithm) || byID && k.id != t.keyID:
		case k.issuer != "" && k.issuer != t.claims.Issuer:
			err = ErrKeyIssuer
		default:
			found.add(k)
		}
	}
	if found.count == 0 {
		return found, err
	}
	return found, nil
}

// Verify verifies the signature of t by v, with the keys that [KeySet.Find] returns, one
// after the other.
//
// The error is that of Find, [ErrSignature], or [ErrAmbiguousKey] if more than
// [MaxCandidates] keys fit. A newer key set may verify t unless it is [ErrAlgorithm].
func (s *KeySet) Verify(v Verifier, t *Token) error {
	found, err := s.Find(t)
	if err != nil {
		return err
	}
	for _, k := range found.Keys() {
		if v.Verify(k, t.algorithm, t.signingInput, t.signature) == nil {
			return nil
		}
	}
	if found.count > MaxCandidates {
		return ErrAmbiguousKey
	}
	return ErrSignature
}

package jwtlite

// Bounds of a JWK set.
const (
	maxKeySetSize = 256 << 10
	maxKeys       = 256
)

// KeySet is a set of public keys. It does not change and may be used by any
// number of goroutines.
type KeySet struct {
	keys []*Key
}

// SkippedKey is a key of a JWK set that is not usable.
type SkippedKey struct {
	// Index is the key's place in the "keys" array.
	Index int
	// KeyID is its "kid", "" if it has none or cannot be read.
	KeyID string
	// Reason is an [ErrKey].
	Reason error
}

// NewKeySet returns the set of the given keys, from 1 to 256. The error is
// [ErrNoUsableKey] or [ErrKeySet].
func NewKeySet(keys ...*Key) (*KeySet, error) {
	if len(keys) == 0 {
		return nil, ErrNoUsableKey
	}
	if len(keys) > maxKeys {
		return nil, errTooManyKeys
	}
	for _, k := range keys {
		if k == nil || k.algorithm == 0 {
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

// ParseKeySet reads a JWK set: RFC 7517, section 5. A key that is not usable
// is skipped, as that section asks for, and listed with the reason. The error
// is [ErrKeySet] or [ErrNoUsableKey]; the skipped keys come with it. Nothing
// of doc is kept.
func ParseKeySet(doc []byte) (*KeySet, []SkippedKey, error) {
	if len(doc) > maxKeySetSize {
		return nil, nil, errKeySetSize
	}
	// Names are unique in the outer object here, and in each key below, so
	// that a bad key spoils itself alone.
	var set, element scanner
	members, err := set.object(doc, nil, 1)
	if err != nil {
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
	set.enter(keys.Raw)
	for index := 0; set.next(); index++ {
		if index == maxKeys {
			return nil, nil, errTooManyKeys
		}
		v, err := set.value(false, 1)
		if err != nil {
			return nil, nil, errKeySetObject
		}
		k, id, err := parseJWK(bytesOf(v.Raw), &element)
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

// Find returns the key that t is to be verified with: the only one for the
// algorithm of t whose ID is the "kid" of t. Where t has no "kid", or no key
// for the algorithm has an ID, it is the only one for the algorithm.
//
// The error is [ErrUnknownKey] if no key fits, which a newer key set may cure,
// [ErrAmbiguousKey] if several do, and [ErrAlgorithm] if t names an algorithm
// that is not verified here.
func (s *KeySet) Find(t *Token) (*Key, error) {
	if t.algorithm == 0 {
		return nil, ErrAlgorithm
	}
	var named, any *Key
	var countNamed, countAny int
	haveIDs := false
	for _, k := range s.keys {
		if k.algorithm != t.algorithm {
			continue
		}
		any = k
		countAny++
		if k.id == "" {
			continue
		}
		haveIDs = true
		if k.id == t.keyID {
			named = k
			countNamed++
		}
	}
	key, count := any, countAny
	if haveIDs && t.keyID != "" {
		key, count = named, countNamed
	}
	switch count {
	case 0:
		return nil, ErrUnknownKey
	case 1:
		return key, nil
	}
	return nil, ErrAmbiguousKey
}

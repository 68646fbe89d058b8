package jwtlite

import "bytes"

// Equal reports whether two sets have the same keys in any order, with the same IDs and
// for the same algorithms and issuers.
func (s *KeySet) Equal(other *KeySet) bool {
	if len(s.keys) != len(other.keys) {
		return false
	}
	for _, k := range s.keys {
		if s.count(k) != other.count(k) {
			return false
		}
	}
	return true
}

// count returns the number of keys in the set that are equal to a key.
func (s *KeySet) count(of *Key) (n int) {
	for _, k := range s.keys {
		if k.id == of.id && k.issuer == of.issuer && k.algorithms == of.algorithms && bytes.Equal(k.spki, of.spki) {
			n++
		}
	}
	return n
}

package jwtlite

import "mcpauth/jwtlite/internal/ed25519"

// newEd25519Key returns the key with the given encoding: RFC 8032, section 5.1.5.
func newEd25519Key(point []byte) (*Key, error) {
	public, ok := ed25519.NewPublicKey(point)
	if !ok {
		return nil, errEd25519
	}
	k := newKey(typeEd25519)
	k.spki, k.ed = newSPKI(oidEd25519, point), public
	return k, nil
}

package dpop

import (
	"encoding/base64"
	"encoding/binary"

	"mcpauth/internal/callout"
	"mcpauth/internal/sha256"
)

// Nonces makes and checks the nonces of one resource: RFC 9449, section 9. It keeps no
// state: a nonce is the HMAC-SHA-256 of a slot of time and of the resource, under a secret
// that all gateways share. One that is not accepted tells nothing about another.
type Nonces struct {
	secret   string
	lifetime int64 // of a slot, in milliseconds
	resource string

	// The nonces of the slot and of its neighbours, which the last call has computed.
	slot   int64
	nonces [3]string
}

// NewNonces returns the nonces of a resource. A nonce is accepted for the lifetime in
// seconds, and at most twice as long.
func NewNonces(secret string, lifetimeSeconds int, resource string) *Nonces {
	return &Nonces{secret: secret, lifetime: int64(lifetimeSeconds) * 1000, resource: resource}
}

// The indices into Nonces.nonces.
const (
	current = iota
	previous
	next // of gateways whose clocks are ahead
)

// Current returns the nonce that clients are to use now.
func (n *Nonces) Current(now callout.UnixMilli) string { return n.at(now, current) }

// accepts reports whether a nonce is one that was handed out not long before now.
func (n *Nonces) accepts(nonce string, now callout.UnixMilli) bool {
	for i := current; i <= next; i++ {
		if sha256.Equal(nonce, n.at(now, i)) {
			return true
		}
	}
	return false
}

// at returns a nonce, which it computes once for each slot.
func (n *Nonces) at(now callout.UnixMilli, index int) string {
	slot := int64(now) / n.lifetime
	if slot != n.slot {
		n.slot, n.nonces = slot, [3]string{}
	}
	if n.nonces[index] == "" {
		number := binary.BigEndian.AppendUint64(nil, uint64(slot+[...]int64{0, -1, 1}[index]))
		code := sha256.HMAC(n.secret, "mcpauth DPoP nonce "+string(number)+n.resource)
		n.nonces[index] = base64.RawURLEncoding.EncodeToString(code[:])
	}
	return n.nonces[index]
}

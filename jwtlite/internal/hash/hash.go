// Package hash names the hash functions of signatures.
package hash

import (
	"unsafe"

	"mcpauth/internal/sha256"
	"mcpauth/jwtlite/internal/sha512"
)

// Hash is a hash function.
type Hash uint8

// The functions of FIPS 180-4 that JWS uses.
const (
	SHA256 Hash = iota
	SHA384
	SHA512
)

// MaxSize is the length of the longest digest in bytes.
const MaxSize = sha512.Size

// Size returns the length of a digest in bytes.
func (h Hash) Size() int {
	switch h {
	case SHA384:
		return sha512.Size384
	case SHA512:
		return sha512.Size
	}
	return sha256.Size
}

// Sum returns the digest of message, in buffer.
func (h Hash) Sum(buffer *[MaxSize]byte, message string) []byte {
	switch h {
	case SHA384:
		digest := sha512.Sum384(message)
		return buffer[:copy(buffer[:], digest[:])]
	case SHA512:
		*buffer = sha512.Sum512(message)
		return buffer[:]
	}
	digest := sha256.Sum(message)
	return buffer[:copy(buffer[:], digest[:])]
}

// SumBytes is Sum for bytes.
func (h Hash) SumBytes(buffer *[MaxSize]byte, message []byte) []byte {
	return h.Sum(buffer, unsafe.String(unsafe.SliceData(message), len(message)))
}

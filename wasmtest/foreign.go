package wasmtest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	_ "crypto/sha256" // the hash functions that verify_signature knows
	_ "crypto/sha512"
	"crypto/x509"
	"encoding/binary"
	"errors"
)

// ForeignFunction is a function outside the ABI that the host offers by name. The guest
// gets the result only if the status is OK.
type ForeignFunction func(argument []byte) (result []byte, status Status)

// VerifySignature is Envoy's foreign function verify_signature. The argument
// is a protobuf message: 1 the name of the hash function, 2 the public key as
// DER SubjectPublicKeyInfo, 3 the signature (RSA: PKCS #1 v1.5, EC: ASN.1 DER),
// 4 the text. The result: 1 a bool, 2 an error text. A signature that does not
// verify is a result, not an error; a key that cannot be read is BadArgument.
func VerifySignature(argument []byte) ([]byte, Status) {
	fields, err := protobufBytes(argument)
	if err != nil {
		return nil, BadArgument
	}
	key, err := x509.ParsePKIXPublicKey(fields[2])
	if err != nil {
		return nil, BadArgument
	}
	hash, ok := map[string]crypto.Hash{
		"sha224": crypto.SHA224, "sha256": crypto.SHA256, "sha384": crypto.SHA384, "sha512": crypto.SHA512,
	}[string(fields[1])]
	if !ok {
		return verifyResult(false, string(fields[1])+" is not supported."), OK
	}
	h := hash.New()
	h.Write(fields[4])
	digest := h.Sum(nil)
	switch key := key.(type) {
	case *rsa.PublicKey:
		ok = rsa.VerifyPKCS1v15(key, hash, digest, fields[3]) == nil
	case *ecdsa.PublicKey:
		ok = ecdsa.VerifyASN1(key, digest, fields[3])
	default:
		ok = false
	}
	if !ok {
		return verifyResult(false, "Failed to verify digest. Error code: 0"), OK
	}
	return verifyResult(true, ""), OK
}

func verifyResult(ok bool, text string) []byte {
	var out []byte
	if ok {
		out = append(out, 1<<3, 1)
	}
	if text != "" {
		out = binary.AppendUvarint(append(out, 2<<3|2), uint64(len(text)))
		out = append(out, text...)
	}
	return out
}

// protobufBytes returns the length-delimited fields of a message by number;
// of a repeated one, the last.
func protobufBytes(message []byte) (map[uint64][]byte, error) {
	errMalformed := errors.New("malformed protobuf message")
	fields := map[uint64][]byte{}
	for len(message) > 0 {
		tag, n := binary.Uvarint(message)
		if n <= 0 || tag&7 != 2 {
			return nil, errMalformed
		}
		message = message[n:]
		size, n := binary.Uvarint(message)
		if n <= 0 || size > uint64(len(message)-n) {
			return nil, errMalformed
		}
		fields[tag>>3] = message[n : n+int(size)]
		message = message[n+int(size):]
	}
	return fields, nil
}

func (vm *VM) proxyCallForeignFunction(a args) Status {
	name, ok := vm.read(a.u32(0), a.u32(1))
	if !ok {
		return InvalidMemoryAccess
	}
	argument, ok := vm.read(a.u32(2), a.u32(3))
	if !ok {
		return InvalidMemoryAccess
	}
	f := vm.host.functions[string(name)]
	if f == nil {
		return NotFound
	}
	vm.host.foreignCalls[string(name)]++
	result, status := f(append([]byte(nil), argument...))
	if status != OK {
		// As in exports.cc: both results are written whatever the status.
		vm.writeU32(a.u32(4), 0)
		vm.writeU32(a.u32(5), 0)
		return status
	}
	return vm.give(result, a.u32(4), a.u32(5))
}

// ForeignCalls returns how often guests have called the foreign function name
// while it was present.
func (h *Host) ForeignCalls(name string) int { return h.foreignCalls[name] }

// SetFunction makes a foreign function present, or absent with a nil f.
func (h *Host) SetFunction(name string, f ForeignFunction) {
	if f == nil {
		delete(h.functions, name)
		return
	}
	h.functions[name] = f
}

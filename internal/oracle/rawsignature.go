package oracle

import (
	"encoding/asn1"
	"math/big"
)

// rawSignature returns an ECDSA signature in the form of RFC 7518, section 3.4.
func rawSignature(der []byte, size int) []byte {
	var pair struct{ R, S *big.Int }
	if _, err := asn1.Unmarshal(der, &pair); err != nil {
		panic(err)
	}
	raw := make([]byte, 2*size)
	pair.R.FillBytes(raw[:size])
	pair.S.FillBytes(raw[size:])
	return raw
}

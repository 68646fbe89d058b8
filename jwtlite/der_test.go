package jwtlite

import (
	"strings"
	"testing"
)

func TestDERLengths(t *testing.T) {
	for size, header := range map[int]int{0: 2, 1: 2, 127: 2, 128: 3, 255: 3, 256: 4, 65535: 4} {
		contents := strings.Repeat("c", size)
		der := appendElement(nil, tagSequence, "", []byte(contents))
		if len(der) != header+size {
			t.Errorf("%d: header of %d bytes", size, len(der)-size)
		}
		got, rest, ok := readDER(append(der, "rest"...), tagSequence)
		if !ok || string(got) != contents || string(rest) != "rest" {
			t.Errorf("%d: read %d, rest %q, %v", size, len(got), rest, ok)
		}
		if _, _, ok := readDER(der[:len(der)-1], tagSequence); ok {
			t.Errorf("%d: cut short, but read", size)
		}
	}
	for _, der := range []string{
		"", "\x30", "\x02\x00", "\x30\x80\x00\x00", "\x30\x81", "\x30\x81\x01c", "\x30\x81\x7f" + strings.Repeat("c", 127),
		"\x30\x82\x01", "\x30\x82\x00\x80" + strings.Repeat("c", 128), "\x30\x83\x00\x00\x01c", "\x30\x84\xff\xff\xff\xff", "\x30\xff",
	} {
		if _, _, ok := readDER([]byte(der), tagSequence); ok {
			t.Errorf("%x is read", der)
		}
	}
}

func TestDERIntegers(t *testing.T) {
	for der, want := range map[string]string{"\x02\x01\x01": "\x01", "\x02\x01\x7f": "\x7f", "\x02\x02\x00\x80": "\x80", "\x02\x02\x01\x00": "\x01\x00"} {
		n, rest, ok := readPositive([]byte(der))
		if !ok || string(n) != want || len(rest) > 0 {
			t.Errorf("%x: %x, %v", der, n, ok)
		}
		if got := appendInteger(nil, []byte(want)); string(got) != der {
			t.Errorf("%x: %x", want, got)
		}
	}
	// Zero is useless in a key too.
	for _, der := range []string{"\x02\x00", "\x02\x01\x00", "\x02\x01\x80", "\x02\x02\x00\x7f", "\x02\x02\x00\x00", "\x02\x02\xff\x00", "\x03\x01\x01"} {
		if _, _, ok := readPositive([]byte(der)); ok {
			t.Errorf("%x is read", der)
		}
	}
}

// Every element must be in its place, with nothing between them and after them.
func TestSPKIStructure(t *testing.T) {
	type node struct {
		tag      byte
		contents string
		inner    []node
	}
	var encode func(nodes []node) string
	encode = func(nodes []node) string {
		var der []byte
		for _, n := range nodes {
			contents := n.contents + encode(n.inner)
			der = appendElement(der, n.tag, contents, nil)
		}
		return string(der)
	}
	null := node{tag: 0x05}
	modulus := "\x00" + strings.Repeat("\xff", 256)
	point := string(testSigners().set.keys[1].spki[26:])
	oid := func(s string) node { return node{tag: 0x06, contents: s[2:]} }
	sequence := func(inner ...node) node { return node{tag: tagSequence, inner: inner} }
	bits := func(s string) node { return node{tag: tagBitString, contents: "\x00" + s} }
	n, e := node{tag: tagInteger, contents: modulus}, node{tag: tagInteger, contents: "\x03"}
	rsaKey := encode([]node{sequence(n, e)})
	rsaID, ecID := sequence(oid(oidRSAEncryption), null), sequence(oid(oidECPublicKey), oid(oidP256))

	for i, good := range []node{sequence(rsaID, bits(rsaKey)), sequence(ecID, bits(point))} {
		if _, err := parseSPKI([]byte(encode([]node{good}))); err != nil {
			t.Fatalf("%d: %v", i, err)
		}
	}
	for i, bad := range []node{
		sequence(),
		sequence(rsaID),
		sequence(bits(rsaKey)),
		sequence(rsaID, bits(rsaKey), null),
		sequence(null, rsaID, bits(rsaKey)),
		sequence(sequence(), bits(rsaKey)),
		sequence(sequence(null), bits(rsaKey)),
		sequence(sequence(oid(oidRSAEncryption)), bits(rsaKey)),
		sequence(sequence(oid(oidRSAEncryption), null, null), bits(rsaKey)),
		sequence(rsaID, node{tag: tagBitString}),
		sequence(rsaID, bits("")),
		sequence(rsaID, bits(point)),
		sequence(rsaID, bits(encode([]node{sequence()}))),
		sequence(rsaID, bits(encode([]node{sequence(n)}))),
		sequence(rsaID, bits(encode([]node{sequence(n, e, e)}))),
		sequence(rsaID, bits(encode([]node{sequence(n, e), null}))),
		sequence(rsaID, bits(encode([]node{sequence(e, n)}))),
		sequence(rsaID, bits(encode([]node{sequence(node{tag: tagInteger, contents: "\x00" + modulus}, e)}))),
		sequence(sequence(oid(oidECPublicKey)), bits(point)),
		sequence(sequence(oid(oidECPublicKey), null), bits(point)),
		sequence(sequence(oid(oidECPublicKey), oid(oidP256), null), bits(point)),
		sequence(ecID, bits(rsaKey)),
		sequence(ecID, bits(point+"\x00")),
		sequence(ecID, bits("\x00")),
	} {
		if _, err := parseSPKI([]byte(encode([]node{bad}))); err == nil {
			t.Errorf("%d is read", i)
		}
	}
}

package sha512

import (
	std "crypto/sha512"
	"encoding/hex"
	"strings"
	"testing"
)

// The examples of FIPS 180-2, appendices C and D.
func TestSHA512Vectors(t *testing.T) {
	const long = "abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu"
	for message, want := range map[string][2]string{
		"abc": {
			"cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7",
			"ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
		},
		long: {
			"09330c33f71147e83d192fc782cd1b4753111b173b3b05d22fa08086e3b0f712fcc7c71a557e2db966c3e9fa91746039",
			"8e959b75dae313da8cf4f72814fc143f8f7779c6eb9f7fa17299aeadb6889018501d289e4900f7e4331b99dec4b5433ac7d329eeb6dd26545e96e55b874be909",
		},
		strings.Repeat("a", 1_000_000): {
			"9d0e1809716474cb086e834e310a4a1ced149e9c00f248527972cec5704c2a5b07b8b3dc38ecc4ebae97ddd87f3d8985",
			"e718483d0ce769644e2e42c7bc15b4638e1f98b13b2044285632a803afa973ebde0ff244877ea60a4cb0432ce577c31beb009c5c2c49aa2e4eadb217ad8cc09b",
		},
	} {
		if digest := Sum384(message); hex.EncodeToString(digest[:]) != want[0] {
			t.Errorf("SHA-384 of %.60q: %x, want %s", message, digest, want[0])
		}
		if digest := Sum512(message); hex.EncodeToString(digest[:]) != want[1] {
			t.Errorf("SHA-512 of %.60q: %x, want %s", message, digest, want[1])
		}
	}
}

// Every length around the borders of a block, and of the padding in it, in one part and
// in three.
func TestSHA512Lengths(t *testing.T) {
	text := strings.Repeat("\xff\x80\x00mcpauth", 40)
	for n := range len(text) {
		want384, want512 := std.Sum384([]byte(text[:n])), std.Sum512([]byte(text[:n]))
		if got := Sum384(text[:n]); got != want384 {
			t.Fatalf("SHA-384, length %d: %x, want %x", n, got, want384)
		}
		if got := Sum512(text[:n]); got != want512 {
			t.Fatalf("SHA-512, length %d: %x, want %x", n, got, want512)
		}
		if got := Sum512(text[:n/3], "", text[n/3:n/2], text[n/2:n]); got != want512 {
			t.Fatalf("SHA-512, length %d in parts: %x, want %x", n, got, want512)
		}
	}
}

func FuzzSHA512(f *testing.F) {
	f.Add("abc", 1)
	f.Fuzz(func(t *testing.T, message string, at int) {
		at = min(max(at, 0), len(message))
		if got, want := Sum384(message[:at], message[at:]), std.Sum384([]byte(message)); got != want {
			t.Fatalf("SHA-384: %x, want %x", got, want)
		}
		if got, want := Sum512(message[:at], message[at:]), std.Sum512([]byte(message)); got != want {
			t.Fatalf("SHA-512: %x, want %x", got, want)
		}
	})
}

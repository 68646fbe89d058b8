package sha256

import (
	std "crypto/sha256"
	"encoding/hex"
	"strings"
	"testing"
)

// The examples of FIPS 180-2, appendix B, and the empty message.
func TestSHA256Vectors(t *testing.T) {
	for message, want := range map[string]string{
		"":    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
		"abc": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
		"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq": "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
		strings.Repeat("a", 1_000_000):                             "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0",
	} {
		if digest := Sum(message); hex.EncodeToString(digest[:]) != want {
			t.Errorf("%.60q: %x, want %s", message, digest, want)
		}
	}
}

// Every length around the borders of a block, and of the padding in it.
func TestSHA256Lengths(t *testing.T) {
	text := strings.Repeat("\xff\x80\x00mcpauth", 40)
	for n := range len(text) {
		if got, want := Sum(text[:n]), std.Sum256([]byte(text[:n])); got != want {
			t.Fatalf("length %d: %x, want %x", n, got, want)
		}
	}
}

func FuzzSHA256(f *testing.F) {
	f.Add("abc")
	f.Fuzz(func(t *testing.T, message string) {
		if got, want := Sum(message), std.Sum256([]byte(message)); got != want {
			t.Fatalf("%x, want %x", got, want)
		}
	})
}

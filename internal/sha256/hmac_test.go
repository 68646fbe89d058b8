package sha256_test

import (
	"crypto/hmac"
	stdsha256 "crypto/sha256"
	"strings"
	"testing"

	"mcpauth/internal/sha256"
)

// TestHMAC compares with Go's own package, for keys and messages around each border of a
// block.
func TestHMAC(t *testing.T) {
	for _, keySize := range []int{0, 1, 32, 63, 64, 65, 200} {
		for _, size := range []int{0, 1, 55, 56, 63, 64, 65, 1000} {
			key, message := strings.Repeat("k", keySize), strings.Repeat("m", size)
			want := hmac.New(stdsha256.New, []byte(key))
			want.Write([]byte(message))
			if got := sha256.HMAC(key, message); string(got[:]) != string(want.Sum(nil)) {
				t.Errorf("HMAC of %d bytes under a key of %d bytes is wrong", size, keySize)
			}
		}
	}
}

func TestEqual(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{{"", "", true}, {"abc", "abc", true}, {"abc", "abd", false}, {"abc", "xbc", false}, {"abc", "ab", false}, {"", "a", false}} {
		if got := sha256.Equal(c.a, c.b); got != c.want {
			t.Errorf("Equal(%q, %q) is %v, want %v", c.a, c.b, got, c.want)
		}
	}
}

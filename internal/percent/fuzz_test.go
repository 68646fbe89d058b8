package percent

import (
	"net/url"
	"testing"
)

// FuzzDecode: what is decoded, net/url decodes likewise.
func FuzzDecode(f *testing.F) {
	for _, s := range []string{"%41", "%2f", "%", "%4", "%gg", "%e9x", "a%41", "%+1", "%0x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		c, ok := Decode(s)
		want, err := url.PathUnescape(s[:min(len(s), 3)])
		if valid := err == nil && len(s) >= 3 && s[0] == '%'; ok != valid || ok && want != string([]byte{c}) {
			t.Errorf("%q: %#x, %v, want %q, %v", s, c, ok, want, err)
		}
	})
}

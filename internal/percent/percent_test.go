package percent

import (
	"strconv"
	"testing"
)

func TestDecode(t *testing.T) {
	for high := range 256 {
		for low := range 256 {
			s := "%" + string([]byte{byte(high), byte(low)})
			want, err := strconv.ParseUint(s[1:], 16, 8)
			if c, ok := Decode(s + "x"); ok != (err == nil) || uint64(c) != want && ok {
				t.Errorf("%q: %#x, %v", s, c, ok)
			}
		}
	}
	for _, s := range []string{"", "%", "%4", "41", "x41", "%%41"} {
		if c, ok := Decode(s); ok {
			t.Errorf("%q: %#x", s, c)
		}
	}
}

package headermap

import (
	"encoding/binary"
	"slices"
	"testing"
)

func encode(pairs [][2]string) string {
	b := binary.LittleEndian.AppendUint32(nil, uint32(len(pairs)))
	for _, p := range pairs {
		b = binary.LittleEndian.AppendUint32(b, uint32(len(p[0])))
		b = binary.LittleEndian.AppendUint32(b, uint32(len(p[1])))
	}
	for _, p := range pairs {
		b = append(append(b, p[0]...), 0)
		b = append(append(b, p[1]...), 0)
	}
	return string(b)
}

func all(m string) (pairs [][2]string, err error) {
	r := Read(m)
	for {
		name, value, ok := r.Next()
		if !ok {
			return pairs, r.Err()
		}
		pairs = append(pairs, [2]string{name, value})
	}
}

func TestRead(t *testing.T) {
	for _, pairs := range [][][2]string{
		nil,
		{{":path", "/"}},
		{{":method", "POST"}, {"x-empty", ""}, {"", ""}, {"a\x00b", "\x00"}, {"authorization", "Bearer x"}},
	} {
		if got, err := all(encode(pairs)); err != nil || !slices.Equal(got, pairs) {
			t.Errorf("%q: %q, %v", pairs, got, err)
		}
	}
	if got, err := all(""); err != nil || got != nil {
		t.Errorf("no bytes: %q, %v", got, err)
	}
}

// A map cut short anywhere is a fault and never a shorter map: a header that
// went unseen could be one that only the gate may set.
func TestCutShort(t *testing.T) {
	whole := encode([][2]string{{":path", "/"}, {"x-mcpauth-subject", "mallory"}})
	for n := 1; n < len(whole); n++ {
		if got, err := all(whole[:n]); err == nil {
			t.Errorf("%d of %d bytes: %q", n, len(whole), got)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add(encode([][2]string{{":path", "/"}, {"a", "b"}}))
	f.Add("\xff\xff\xff\xff\xff\xff\xff\xff")
	f.Fuzz(func(t *testing.T, m string) {
		pairs, err := all(m)
		if err != nil || m == "" {
			return
		}
		// Whatever stands behind the last pair is not read.
		if again := encode(pairs); len(again) > len(m) || len(pairs) > len(m)/8 {
			t.Errorf("%q from %q", pairs, m)
		}
	})
}

package headermap

import (
	"slices"
	"testing"
)

func write(pairs [][2]string) string { return string(Append(nil, pairs)) }

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
		if got, err := all(write(pairs)); err != nil || !slices.Equal(got, pairs) {
			t.Errorf("%q: %q, %v", pairs, got, err)
		}
	}
	if got, err := all(""); err != nil || got != nil {
		t.Errorf("no bytes: %q, %v", got, err)
	}
}

// The exact bytes, in which Read and Append could have the same mistake.
func TestForm(t *testing.T) {
	const want = "\x02\x00\x00\x00" + "\x01\x00\x00\x00\x02\x00\x00\x00" + "\x03\x00\x00\x00\x00\x00\x00\x00" + "a\x00bc\x00def\x00\x00"
	if got := write([][2]string{{"a", "bc"}, {"def", ""}}); got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// A truncated map is malformed and never a shorter map: an unseen header could be one
// that only the gate may set.
func TestCutShort(t *testing.T) {
	whole := write([][2]string{{":path", "/"}, {"x-mcpauth-subject", "mallory"}})
	for n := 1; n < len(whole); n++ {
		if got, err := all(whole[:n]); err == nil {
			t.Errorf("%d of %d bytes: %q", n, len(whole), got)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add(write([][2]string{{":path", "/"}, {"a", "b"}}))
	f.Add("\xff\xff\xff\xff\xff\xff\xff\xff")
	f.Fuzz(func(t *testing.T, m string) {
		pairs, err := all(m)
		if err != nil || m == "" {
			return
		}
		// Bytes after the last pair are ignored.
		if again := write(pairs); len(again) > len(m) || len(pairs) > len(m)/8 {
			t.Errorf("%q from %q", pairs, m)
		}
	})
}

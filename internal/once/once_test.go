package once

import (
	"slices"
	"strconv"
	"testing"
)

// A list has a bound, and forgets nothing before its time.
func TestBound(t *testing.T) {
	const most = 128
	id := func(i int) []byte { return []byte(strconv.Itoa(i + 1000)) }
	var list []byte
	var err error
	for i := range most {
		if list, err = add(list, id(i), 10, 9, most); err != nil {
			t.Fatal(err)
		}
	}
	if len(list) != most*(4+TimeSize) {
		t.Errorf("a list takes %d bytes", len(list))
	}
	last, fresh := id(most-1), id(most)
	if _, err := add(slices.Clone(list), fresh, 20, 9, most); err != ErrFull {
		t.Errorf("a full list: %v", err)
	}
	if _, err := add(slices.Clone(list), last, 10, 9, most); err != ErrUsed {
		t.Errorf("another use at a full list: %v", err)
	}
	if b, err := add(slices.Clone(list), fresh, 20, 10, most); err != nil || string(b) != string(fresh)+"\x14\x00\x00\x00" {
		t.Errorf("%q, %v, after all entries have expired", b, err)
	}
	// An entry is used even if its time is over.
	if _, err := add(slices.Clone(list), last, 10, 10, most); err != ErrUsed {
		t.Errorf("another use of an expired entry: %v", err)
	}
	// Foreign data could hide one.
	if _, err := add([]byte("garbage"), last, 10, 9, most); err != ErrFull {
		t.Errorf("garbage: %v", err)
	}
}

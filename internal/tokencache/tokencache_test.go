package tokencache

import (
	"strconv"
	"strings"
	"testing"
)

func TestHoldsAtMostItsEntries(t *testing.T) {
	c := New[int](100)
	for i := range 10_000 {
		c.Put(0, strconv.Itoa(i), i, 100)
		if n := len(c.at); n > 100 || len(c.slots) > 100 {
			t.Fatalf("%d entries", n)
		}
	}
	if v := c.Get(0, "9999"); v == nil || *v != 9999 {
		t.Error("the newest entry is gone")
	}
	if c.Get(0, "1") != nil {
		t.Error("an old entry is there")
	}
}

// An entry in use survives any number of others.
func TestKeepsWhatIsUsed(t *testing.T) {
	c := New[int](100)
	c.Put(0, "used", 1, 100)
	for i := range 10_000 {
		c.Put(0, strconv.Itoa(i), i, 100)
		if c.Get(0, "used") == nil {
			t.Fatalf("gone after %d others", i)
		}
	}
}

func TestTokenOfAnotherResource(t *testing.T) {
	c := New[int](100)
	c.Put(1, "t", 1, 100)
	if c.Get(2, "t") != nil {
		t.Error("found for another resource")
	}
	c.Delete(1, "t")
	if c.Get(1, "t") != nil {
		t.Error("found after Delete")
	}
}

func TestBytesAreBounded(t *testing.T) {
	c := New[int](100_000)
	for i := range 3000 {
		c.Put(0, strings.Repeat("x", 8<<10)+strconv.Itoa(i), i, 8<<10)
		if c.bytes > maxBytes || len(c.at) > maxBytes/(16<<10) {
			t.Fatalf("%d bytes, %d entries", c.bytes, len(c.at))
		}
	}
	for i := range 3000 {
		c.Delete(0, strings.Repeat("x", 8<<10)+strconv.Itoa(i))
	}
	if c.bytes != 0 || len(c.at) != 0 || len(c.free) != len(c.slots) {
		t.Errorf("%d bytes left in %d entries", c.bytes, len(c.at))
	}
}

func TestOffWithNoEntries(t *testing.T) {
	c := New[int](0)
	c.Put(0, "t", 1, 100)
	if c.Get(0, "t") != nil {
		t.Error("found in a cache of none")
	}
}

// All of them, not half as a cache in generations would.
func TestHoldsAllItsEntries(t *testing.T) {
	c := New[int](100)
	for round := range 3 {
		for i := range 100 {
			if v := c.Get(0, strconv.Itoa(i)); (v != nil) != (round > 0) || v != nil && *v != i {
				t.Fatalf("round %d: %d is missing or wrong", round, i)
			} else if v == nil {
				c.Put(0, strconv.Itoa(i), i, 100)
			}
		}
	}
}

// The hash reads the end only: the rest must be compared.
func TestTokensWithOneEnd(t *testing.T) {
	c := New[int](100)
	end := strings.Repeat("e", 64)
	c.Put(0, "a"+end, 1, 100)
	if c.Get(0, "b"+end) != nil {
		t.Error("a token that was never put in is found")
	}
	c.Delete(0, "b"+end)
	if c.Get(0, "a"+end) == nil {
		t.Error("another token's Delete took it away")
	}
	c.Put(0, "b"+end, 2, 100)
	if v := c.Get(0, "b"+end); v == nil || *v != 2 || c.Get(0, "a"+end) != nil || len(c.at) != 1 {
		t.Error("of two tokens with one end the later one stays")
	}
}

// A value that would take all the room is not worth keeping, and must not turn
// the hand for ever.
func TestTooLarge(t *testing.T) {
	c := New[int](100)
	c.Put(0, "t", 1, 100)
	c.Put(0, "u", 1, maxBytes)
	if c.Get(0, "u") != nil || c.Get(0, "t") == nil {
		t.Error("the large one was kept, or the small one was not")
	}
}

// A look-up makes no garbage.
func TestAllocations(t *testing.T) {
	c := New[int](100)
	token := strings.Repeat("t", 900)
	c.Put(0, token, 1, 100)
	if n := testing.AllocsPerRun(100, func() {
		if c.Get(0, token) == nil || c.Get(1, token) != nil {
			t.Fatal("missing")
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

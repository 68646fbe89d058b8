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
		if n := len(c.young) + len(c.old); n > 100 {
			t.Fatalf("%d entries", n)
		}
	}
	if v, ok := c.Get(0, "9999"); !ok || v != 9999 {
		t.Error("the newest entry is gone")
	}
	if _, ok := c.Get(0, "1"); ok {
		t.Error("an old entry is there")
	}
}

// An entry in use survives any number of others.
func TestKeepsWhatIsUsed(t *testing.T) {
	c := New[int](100)
	c.Put(0, "used", 1, 100)
	for i := range 10_000 {
		c.Put(0, strconv.Itoa(i), i, 100)
		if _, ok := c.Get(0, "used"); !ok {
			t.Fatalf("gone after %d others", i)
		}
	}
}

func TestTokenOfAnotherResource(t *testing.T) {
	c := New[int](100)
	c.Put(1, "t", 1, 100)
	if _, ok := c.Get(2, "t"); ok {
		t.Error("found for another resource")
	}
	c.Delete(1, "t")
	if _, ok := c.Get(1, "t"); ok {
		t.Error("found after Delete")
	}
}

func TestBytesAreBounded(t *testing.T) {
	c := New[int](100_000)
	for i := range 3000 {
		c.Put(0, strings.Repeat("x", 8<<10)+strconv.Itoa(i), i, 8<<10)
		if c.bytes > maxBytes || len(c.young)+len(c.old) > 2*maxBytes/(16<<10) {
			t.Fatalf("%d bytes, %d entries", c.bytes, len(c.young)+len(c.old))
		}
	}
	for i := range 3000 {
		c.Delete(0, strings.Repeat("x", 8<<10)+strconv.Itoa(i))
	}
	if c.bytes != 0 || len(c.young)+len(c.old) != 0 {
		t.Errorf("%d bytes left in %d entries", c.bytes, len(c.young)+len(c.old))
	}
}

func TestOffWithNoEntries(t *testing.T) {
	c := New[int](0)
	c.Put(0, "t", 1, 100)
	if _, ok := c.Get(0, "t"); ok {
		t.Error("found in a cache of none")
	}
}

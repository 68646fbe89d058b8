package tokencache

import (
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
)

func get(c *Cache[int], resource int, token string) *int {
	v, _ := c.Get(resource, token)
	return v
}

func TestHoldsAtMostItsEntries(t *testing.T) {
	c := New[int](100)
	for i := range 10_000 {
		c.Put(0, strconv.Itoa(i), i, nil)
		if n := c.count; n > 100 || len(c.slots) > 100 {
			t.Fatalf("%d entries", n)
		}
	}
	if v := get(c, 0, "9999"); v == nil || *v != 9999 {
		t.Error("the newest entry is gone")
	}
	if get(c, 0, "1") != nil {
		t.Error("an old entry is there")
	}
}

// An entry in use survives any number of others.
func TestKeepsWhatIsUsed(t *testing.T) {
	c := New[int](100)
	c.Put(0, "used", 1, nil)
	for i := range 10_000 {
		c.Put(0, strconv.Itoa(i), i, nil)
		if get(c, 0, "used") == nil {
			t.Fatalf("gone after %d others", i)
		}
	}
}

func TestTokenOfAnotherResource(t *testing.T) {
	c := New[int](100)
	c.Put(1, "t", 1, nil)
	if get(c, 2, "t") != nil {
		t.Error("found for another resource")
	}
	c.Delete(1, "t")
	if get(c, 1, "t") != nil {
		t.Error("found after Delete")
	}
}

func TestBytesAreBounded(t *testing.T) {
	c := New[int](100_000)
	for i := range 3000 {
		c.Put(0, strings.Repeat("x", 8<<10)+strconv.Itoa(i), i, make([]byte, 8<<10))
		if c.bytes > maxBytes || c.count > maxBytes/(16<<10) {
			t.Fatalf("%d bytes, %d entries", c.bytes, c.count)
		}
	}
	for i := range 3000 {
		c.Delete(0, strings.Repeat("x", 8<<10)+strconv.Itoa(i))
	}
	if c.bytes != 0 || c.count != 0 || len(c.free) != len(c.slots) {
		t.Errorf("%d bytes left in %d entries", c.bytes, c.count)
	}
}

func TestOffWithNoEntries(t *testing.T) {
	c := New[int](0)
	c.Put(0, "t", 1, nil)
	if get(c, 0, "t") != nil {
		t.Error("found in a cache of none")
	}
}

// The cache keeps all entries up to its limit, not half of them, as a cache with two
// generations would.
func TestHoldsAllItsEntries(t *testing.T) {
	c := New[int](100)
	for round := range 3 {
		for i := range 100 {
			if v := get(c, 0, strconv.Itoa(i)); (v != nil) != (round > 0) || v != nil && *v != i {
				t.Fatalf("round %d: %d is missing or wrong", round, i)
			} else if v == nil {
				c.Put(0, strconv.Itoa(i), i, nil)
			}
		}
	}
}

// Tokens with the same hash are compared as a whole.
func TestTokensWithOneEnd(t *testing.T) {
	c := New[int](100)
	end := strings.Repeat("e", 64)
	c.Put(0, "a"+end, 1, nil)
	if get(c, 0, "b"+end) != nil {
		t.Error("a token that was never put in is found")
	}
	c.Delete(0, "b"+end)
	if get(c, 0, "a"+end) == nil {
		t.Error("another token's Delete took it away")
	}
	c.Put(0, "b"+end, 2, nil)
	if v := get(c, 0, "b"+end); v == nil || *v != 2 || get(c, 0, "a"+end) != nil || c.count != 1 {
		t.Error("of two tokens with one end the later one stays")
	}
}

// An entry larger than the cache is not stored, and evict must not look for room for
// ever.
func TestTooLarge(t *testing.T) {
	c := New[int](100)
	c.Put(0, "t", 1, nil)
	c.Put(0, "u", 1, make([]byte, maxBytes))
	if get(c, 0, "u") != nil || get(c, 0, "t") == nil {
		t.Error("the large one was kept, or the small one was not")
	}
}

// Get returns the text of Put, also from memory that another entry had.
func TestText(t *testing.T) {
	c := New[int](2)
	for i := range 100 {
		text := strings.Repeat("t", i*7%50) + strconv.Itoa(i)
		c.Put(0, "token"+strconv.Itoa(i), i, []byte(text))
		if v, got := c.Get(0, "token"+strconv.Itoa(i)); v == nil || *v != i || got != text {
			t.Fatalf("%q, want %q", got, text)
		}
	}
}

// A look-up makes no garbage, nor does a new entry once the cache is full.
func TestAllocations(t *testing.T) {
	c := New[int](100)
	token := strings.Repeat("t", 900)
	c.Put(0, token, 1, []byte("text"))
	if n := testing.AllocsPerRun(100, func() {
		if get(c, 0, token) == nil || get(c, 1, token) != nil {
			t.Fatal("missing")
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
	tokens, text := make([]string, 300), make([]byte, 50)
	for i := range tokens {
		tokens[i] = strings.Repeat("t", 900) + strconv.Itoa(1000+i)
	}
	next := func() {
		c.Put(0, tokens[0], 1, text)
		tokens = append(tokens[1:], tokens[0])
	}
	for range 2 * len(tokens) {
		next()
	}
	if n := testing.AllocsPerRun(100, next); n > 1 { // that of tokens
		t.Errorf("%v allocations with each entry", n)
	}
}

// Whatever comes and goes, the cache finds each of its entries, and nothing else.
func TestIndex(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	c := New[int](500)
	want := map[string]int{} // may have entries that the cache has evicted
	for i := range 30_000 {
		token := "token-of-some-length-" + strconv.Itoa(random.IntN(2000))
		switch random.IntN(4) {
		case 0:
			c.Delete(0, token)
			delete(want, token)
		case 1:
			c.Put(0, token, i, nil)
			want[token] = i
		default:
			v, _ := c.Get(0, token)
			if v != nil && *v != want[token] || v != nil && want[token] == 0 {
				t.Fatalf("%s: %d, want %d", token, *v, want[token])
			}
		}
		if i%500 == 0 {
			checkIndex(t, c)
		}
	}
}

func checkIndex(t *testing.T, c *Cache[int]) {
	t.Helper()
	filled := 0
	for i, n := range c.index {
		if n == 0 {
			continue
		}
		filled++
		if s := &c.slots[n-1]; s.token == 0 || c.place(s.hash) != i {
			t.Fatalf("place %d has slot %d, which is empty or elsewhere", i, n-1)
		}
	}
	used := 0
	for i := range c.slots {
		if c.slots[i].token != 0 {
			used++
		}
	}
	if filled != c.count || used != c.count || 2*filled > len(c.index) {
		t.Fatalf("%d places and %d slots for %d entries, of %d places", filled, used, c.count, len(c.index))
	}
}

package main

import (
	"testing"

	"mcpauth/internal/tokencache"
)

func newTestGrowth(t *testing.T) *growth {
	g := &growth{bench: &bench{}}
	if err := g.newKeys(); err != nil {
		t.Fatal(err)
	}
	return g
}

// TestPaddedToken: tokens have the size that is asked for, and none is larger.
func TestPaddedToken(t *testing.T) {
	g := newTestGrowth(t)
	for _, size := range []int{512, 513, 514, 515, 4 << 10, 16<<10 + 1, 16<<10 + 40, growthTokenBytes} {
		tokens, err := g.mint.signAll(3, func(i int) map[string]any { return g.mint.paddedTo(size, claimsOf(i, resource)) })
		if err != nil {
			t.Fatal(err)
		}
		for _, token := range tokens {
			if n := len(token); n > size || n < size-3 {
				t.Errorf("%d bytes, want %d", n, size)
			}
		}
	}
}

// TestCacheHolds: the cache holds as many tokens as the benchmark thinks, so that a cycle of
// them is warm.
func TestCacheHolds(t *testing.T) {
	g := newTestGrowth(t)
	tokens, err := g.mint.signAll(1, func(i int) map[string]any { return claimsOf(i, resource) })
	if err != nil {
		t.Fatal(err)
	}
	n := cacheHolds(tokens[0])
	c := tokencache.New[int](100_000)
	for i := range n {
		c.Put(i, tokens[0], i, make([]byte, 200))
	}
	if v, _ := c.Get(0, tokens[0]); v == nil {
		t.Errorf("the cache holds fewer than %d", n)
	}
	for i := range 2 * n {
		c.Put(n+i, tokens[0], i, make([]byte, 200))
	}
	if v, _ := c.Get(0, tokens[0]); v != nil {
		t.Errorf("the cache holds three times %d", n)
	}
}

// Package tokencache remembers tokens that were verified, so that a token seen
// before costs no signature.
package tokencache

import "strings"

// maxBytes bounds the whole cache, whatever the entries: large tokens must not
// fill the worker's memory.
const maxBytes = 16 << 20

// Cache maps a token, byte for byte, and the resource that let it in to what
// was found out about it. Only tokens that passed are put in, so a flood of bad
// ones evicts nothing; and a flood of good ones, each seen once, does not evict
// what is in use: a hand goes round the entries, and one that was used since
// the hand last came by stays for another round (the CLOCK algorithm).
//
// Entries are found by [hash], which reads only a part of the token, and then
// compared as a whole. Of two with the same hash the later one stays.
type Cache[V any] struct {
	limit int // entries
	bytes int
	at    map[uint64]int32 // index into slots, by hash
	slots []slot[V]
	free  []int32 // slots that hold nothing
	hand  int     // the slot to look at next for room
}

type slot[V any] struct {
	token    string // "": nothing here
	resource int
	hash     uint64
	size     int // of the value and the token
	used     bool
	value    V
}

// New returns a Cache of at most maxEntries entries; one of none remembers
// nothing.
func New[V any](maxEntries int) *Cache[V] {
	return &Cache[V]{limit: maxEntries, at: map[uint64]int32{}}
}

// hash tells tokens apart by their ends, which of tokens that verified are
// their signatures: nobody can make many that have one end in common, and
// reading all of a token would take longer than all the rest of a look-up.
func hash(resource int, token string) uint64 {
	const prime = 0x9e3779b97f4a7c15 // 2^64 over the golden ratio: Knuth's multiplicative hashing
	h := uint64(resource)*prime ^ uint64(len(token))
	for i := max(0, len(token)-16); i < len(token); i++ {
		h = (h ^ uint64(token[i])) * prime
		h ^= h >> 29
	}
	return h
}

// Get returns what is known of a token at a resource, nil if nothing is. It is
// valid until the next Put or Delete.
func (c *Cache[V]) Get(resource int, token string) *V {
	i, ok := c.at[hash(resource, token)]
	if !ok {
		return nil
	}
	s := &c.slots[i]
	if s.resource != resource || s.token != token {
		return nil
	}
	s.used = true
	return &s.value
}

// Put remembers v, of about size bytes, for a token at a resource. It keeps a
// copy of the token.
func (c *Cache[V]) Put(resource int, token string, v V, size int) {
	size += len(token)
	if c.limit == 0 || size > maxBytes || token == "" {
		return
	}
	h := hash(resource, token)
	if i, ok := c.at[h]; ok {
		c.empty(i)
	}
	for len(c.at) >= c.limit || c.bytes+size > maxBytes {
		c.evict()
	}
	var i int32
	if n := len(c.free); n > 0 {
		i, c.free = c.free[n-1], c.free[:n-1]
	} else {
		i = int32(len(c.slots))
		c.slots = append(c.slots, slot[V]{})
	}
	c.slots[i] = slot[V]{strings.Clone(token), resource, h, size, false, v}
	c.at[h] = i
	c.bytes += size
}

// evict makes room by one entry; there is one.
func (c *Cache[V]) evict() {
	for {
		if c.hand >= len(c.slots) {
			c.hand = 0
		}
		i := c.hand
		c.hand++
		switch s := &c.slots[i]; {
		case s.token == "":
		case s.used:
			s.used = false
		default:
			c.empty(int32(i))
			return
		}
	}
}

// empty forgets the entry of a slot that has one.
func (c *Cache[V]) empty(i int32) {
	s := &c.slots[i]
	delete(c.at, s.hash)
	c.bytes -= s.size
	*s = slot[V]{}
	c.free = append(c.free, i)
}

// Delete forgets a token at a resource.
func (c *Cache[V]) Delete(resource int, token string) {
	if i, ok := c.at[hash(resource, token)]; ok && c.slots[i].resource == resource && c.slots[i].token == token {
		c.empty(i)
	}
}

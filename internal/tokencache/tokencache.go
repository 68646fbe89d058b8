// Package tokencache remembers what was found out about tokens, so that a token
// seen before costs no signature, and no question to its server.
package tokencache

import "unsafe"

// maxBytes bounds the whole cache, whatever the entries: large tokens must not
// fill the worker's memory.
const maxBytes = 16 << 20

// Cache maps a token, byte for byte, and a resource to what was found out about
// it. Tokens that passed and others belong into caches of their own, so that a
// flood of bad ones evicts no good one. A flood of tokens, each seen once, does
// not evict what is in use: a hand goes round the entries, and one that was used
// since the hand last came by stays for another round (the CLOCK algorithm).
//
// Entries are found by [hash], which reads only a part of the token, and then
// compared as a whole. Of two with the same hash the later one stays.
//
// An entry takes over the memory of the one that makes room for it, so that a
// flood of tokens makes no garbage.
type Cache[V any] struct {
	limit int // entries
	bytes int
	at    map[uint64]int32 // index into slots, by hash
	slots []slot[V]
	free  []int32 // slots that hold nothing
	hand  int     // the slot to look at next for room
}

type slot[V any] struct {
	text     []byte // the token, and then what is known of it
	token    int    // length of the token; 0: nothing here
	resource int
	hash     uint64
	used     bool
	value    V
}

// slotSize is about what a slot takes beside its text.
const slotSize = 128

func (s *slot[V]) is(resource int, token string) bool {
	return s.resource == resource && string(s.text[:s.token]) == token
}

// New returns a Cache of at most maxEntries entries; one of none remembers
// nothing.
func New[V any](maxEntries int) *Cache[V] {
	return &Cache[V]{limit: maxEntries, at: map[uint64]int32{}}
}

// hash tells tokens apart by their ends and some bytes from the middle. Ends of
// JWTs that verified are signatures: nobody can make many that have one in
// common, and reading all of a token would take longer than all the rest of a
// look-up. Opaque tokens may have another end; if all their differences are
// elsewhere, the cache remembers one of them.
func hash(resource int, token string) uint64 {
	const prime = 0x9e3779b97f4a7c15 // 2^64 over the golden ratio: Knuth's multiplicative hashing
	h := uint64(resource)*prime ^ uint64(len(token))
	for i := len(token) / 2; i < min(len(token)/2+4, len(token)-16); i++ {
		h = (h ^ uint64(token[i])) * prime
	}
	for i := max(0, len(token)-16); i < len(token); i++ {
		h = (h ^ uint64(token[i])) * prime
		h ^= h >> 29
	}
	return h
}

// Get returns what is known of a token at a resource, nil if nothing is. Both
// results are valid until the next Put or Delete.
func (c *Cache[V]) Get(resource int, token string) (*V, string) {
	i, ok := c.at[hash(resource, token)]
	if !ok {
		return nil, ""
	}
	s := &c.slots[i]
	if !s.is(resource, token) {
		return nil, ""
	}
	s.used = true
	text := s.text[s.token:]
	return &s.value, unsafe.String(unsafe.SliceData(text), len(text))
}

// Put remembers v and text for a token at a resource. It keeps copies of the
// token and of the text.
func (c *Cache[V]) Put(resource int, token string, v V, text []byte) {
	size := slotSize + len(token) + len(text)
	if c.limit == 0 || size > maxBytes || token == "" {
		return
	}
	h := hash(resource, token)
	var memory []byte // of an entry that makes room
	if i, ok := c.at[h]; ok {
		memory = c.empty(i)
	}
	for len(c.at) >= c.limit || c.bytes+size > maxBytes {
		memory = c.evict()
	}
	var i int32
	if n := len(c.free); n > 0 {
		i, c.free = c.free[n-1], c.free[:n-1]
	} else {
		i = int32(len(c.slots))
		c.slots = append(c.slots, slot[V]{})
	}
	if n := len(token) + len(text); cap(memory) < n || cap(memory) > 2*n {
		memory = make([]byte, 0, n)
	}
	memory = append(append(memory[:0], token...), text...)
	c.slots[i] = slot[V]{memory, len(token), resource, h, false, v}
	c.at[h] = i
	c.bytes += size
}

// evict makes room by one entry, of which there is one, and returns its memory.
func (c *Cache[V]) evict() []byte {
	for {
		if c.hand >= len(c.slots) {
			c.hand = 0
		}
		i := c.hand
		c.hand++
		switch s := &c.slots[i]; {
		case s.token == 0:
		case s.used:
			s.used = false
		default:
			return c.empty(int32(i))
		}
	}
}

// empty forgets the entry of a slot that has one, and returns its memory.
func (c *Cache[V]) empty(i int32) []byte {
	s := &c.slots[i]
	memory := s.text
	delete(c.at, s.hash)
	c.bytes -= slotSize + len(memory)
	*s = slot[V]{}
	c.free = append(c.free, i)
	return memory
}

// Delete forgets a token at a resource.
func (c *Cache[V]) Delete(resource int, token string) {
	if i, ok := c.at[hash(resource, token)]; ok && c.slots[i].is(resource, token) {
		c.empty(i)
	}
}

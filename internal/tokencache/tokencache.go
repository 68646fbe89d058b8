// Package tokencache caches the results of verifications, so that a token seen before
// costs no signature and no introspection.
package tokencache

import "unsafe"

// maxBytes bounds the memory of a cache, so that large tokens cannot fill the worker's
// memory.
const maxBytes = 16 << 20

// Cache maps a token and a resource to a value and a text. Valid and invalid tokens
// belong in separate caches, so that a flood of invalid tokens evicts no valid one.
//
// The cache evicts by the CLOCK algorithm: a hand goes round the entries, and an entry
// that was used since the hand last passed stays for another round. A flood of tokens
// that are used once therefore evicts no entry in use.
//
// The cache finds an entry by hash, which reads only a part of the token, and then
// compares the whole token. Of two tokens with the same hash it keeps the later one.
//
// A new entry reuses the memory of the entry that it evicts, so that a flood of tokens
// makes no garbage.
type Cache[V any] struct {
	limit int // entries
	bytes int
	count int     // entries
	index []int32 // a hash table with linear probing: 1 + the index into slots, or 0; at most half full
	slots []slot[V]
	free  []int32 // indexes of empty slots
	hand  int     // index of the slot that evict looks at next
}

type slot[V any] struct {
	text     []byte // the token and the text of Put
	token    int    // length of the token; 0 if the slot is empty
	resource int
	hash     uint64
	used     bool // since the hand last passed
	value    V
}

// slotSize is about the memory of a slot without its text.
const slotSize = 128

// holds reports whether the slot has a token's entry for a resource.
func (s *slot[V]) holds(resource int, token string) bool {
	return s.resource == resource && string(s.text[:s.token]) == token
}

// New returns a cache of at most maxEntries entries. With 0 it stores nothing.
func New[V any](maxEntries int) *Cache[V] {
	return &Cache[V]{limit: maxEntries, index: make([]int32, minIndex)}
}

// minIndex is the size of the first index, a power of two.
const minIndex = 64

// place returns where in the index the entry with a hash is, or where it would be. What is
// there is 0 if there is none.
func (c *Cache[V]) place(hash uint64) int {
	mask := len(c.index) - 1
	i := int(hash>>32) & mask
	for c.index[i] != 0 && c.slots[c.index[i]-1].hash != hash {
		i = (i + 1) & mask
	}
	return i
}

// grow doubles the index.
func (c *Cache[V]) grow() {
	old := c.index
	c.index = make([]int32, 2*len(old))
	for _, n := range old {
		if n != 0 {
			c.index[c.place(c.slots[n-1].hash)] = n
		}
	}
}

// unindex removes the entry at a place from the index. One that follows takes the place
// unless its probing begins behind it (Knuth, The Art of Computer Programming, volume 3,
// section 6.4, algorithm R).
func (c *Cache[V]) unindex(i int) {
	mask := len(c.index) - 1
	for j := (i + 1) & mask; c.index[j] != 0; j = (j + 1) & mask {
		home := int(c.slots[c.index[j]-1].hash>>32) & mask
		if (j-home)&mask >= (j-i)&mask {
			c.index[i] = c.index[j]
			i = j
		}
	}
	c.index[i] = 0
}

// hash returns a hash of a token's last 16 bytes and of some bytes in the middle. To hash
// the whole token would take longer than the rest of a look-up. A verified JWT ends with
// its signature, and nobody can make many JWTs whose signatures have the same end. If
// opaque tokens differ only in other bytes, the cache keeps one of them.
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

// Get returns the value and the text of a token at a resource, nil and "" if there is no
// entry. Both are valid until the next Put or Delete.
func (c *Cache[V]) Get(resource int, token string) (*V, string) {
	n := c.index[c.place(hash(resource, token))]
	if n == 0 {
		return nil, ""
	}
	s := &c.slots[n-1]
	if !s.holds(resource, token) {
		return nil, ""
	}
	s.used = true
	text := s.text[s.token:]
	return &s.value, unsafe.String(unsafe.SliceData(text), len(text))
}

// Put stores v and text for a token at a resource. It copies the token and the text.
func (c *Cache[V]) Put(resource int, token string, v V, text []byte) {
	size := slotSize + len(token) + len(text)
	if c.limit == 0 || size > maxBytes || token == "" {
		return
	}
	h := hash(resource, token)
	var memory []byte // of an evicted entry
	if n := c.index[c.place(h)]; n != 0 {
		memory = c.remove(n - 1)
	}
	for c.count >= c.limit || c.bytes+size > maxBytes {
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
	if 2*(c.count+1) > len(c.index) {
		c.grow()
	}
	c.index[c.place(h)] = i + 1
	c.count++
	c.bytes += size
}

// evict removes one entry and returns its memory. The cache must not be empty.
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
			return c.remove(int32(i))
		}
	}
}

// remove empties a slot that has an entry, and returns the memory of the entry.
func (c *Cache[V]) remove(i int32) []byte {
	s := &c.slots[i]
	memory := s.text
	c.unindex(c.place(s.hash))
	c.count--
	c.bytes -= slotSize + len(memory)
	*s = slot[V]{}
	c.free = append(c.free, i)
	return memory
}

// Delete removes the entry of a token at a resource.
func (c *Cache[V]) Delete(resource int, token string) {
	if n := c.index[c.place(hash(resource, token))]; n != 0 && c.slots[n-1].holds(resource, token) {
		c.remove(n - 1)
	}
}

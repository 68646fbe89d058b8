// Package tokencache remembers tokens that were verified, so that a token seen
// before costs no signature.
package tokencache

import "strings"

// maxBytes bounds one generation, whatever the entries: large tokens must not
// fill the worker's memory.
const maxBytes = 8 << 20

// Cache maps a token, byte for byte, and the resource that let it in to what
// was found out about it. It holds a bounded number of entries in two
// generations: when the young one is full it becomes the old one, and what was
// not used since the last time is forgotten. Only tokens that passed are put
// in, so a flood of bad ones evicts nothing.
type Cache[V any] struct {
	limit      int // entries in one generation
	young, old map[key]entry[V]
	bytes      int // in young
}

type entry[V any] struct {
	value V
	size  int // of the value and the token
}

type key struct {
	resource int
	token    string
}

// New returns a Cache of at most maxEntries entries, rounded up to an even
// number; one of none remembers nothing.
func New[V any](maxEntries int) *Cache[V] {
	return &Cache[V]{limit: (maxEntries + 1) / 2, young: map[key]entry[V]{}}
}

// Get returns what is known of a token at a resource.
func (c *Cache[V]) Get(resource int, token string) (V, bool) {
	k := key{resource, token}
	e, ok := c.young[k]
	if !ok {
		if e, ok = c.old[k]; ok {
			c.Put(resource, token, e.value, e.size-len(token))
		}
	}
	return e.value, ok
}

// Put remembers v, of about size bytes, for a token at a resource. It keeps a
// copy of the token.
func (c *Cache[V]) Put(resource int, token string, v V, size int) {
	if c.limit == 0 {
		return
	}
	c.Delete(resource, token)
	size += len(token)
	if len(c.young) >= c.limit || c.bytes+size > maxBytes {
		c.old, c.young, c.bytes = c.young, make(map[key]entry[V], len(c.young)), 0
	}
	c.young[key{resource, strings.Clone(token)}] = entry[V]{v, size}
	c.bytes += size
}

// Delete forgets a token at a resource.
func (c *Cache[V]) Delete(resource int, token string) {
	k := key{resource, token}
	if e, ok := c.young[k]; ok {
		delete(c.young, k)
		c.bytes -= e.size
	}
	delete(c.old, k)
}

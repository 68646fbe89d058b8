// Package contextmap maps the IDs of the host's contexts to values. The host enters the
// plugin some eight times for a request, and each time the plugin looks for the request's
// context: this map executes a tenth of the code that Go's does.
package contextmap

// Map maps context IDs to values. The zero Map is empty and ready for use. ID 0 is none:
// the proxy-wasm ABI gives it to no context.
//
// It is a hash table with linear probing, never more than half full.
type Map[V any] struct {
	entries []entry[V] // as many as a power of two
	len     int
}

type entry[V any] struct {
	id    uint32 // 0 if the entry is empty
	value V
}

// minEntries is the size of the first table.
const minEntries = 64

// home returns the index at which the probing for an ID begins. The host counts IDs up, so
// that without the multiplication the contexts that stay open would lie in one run.
func (m *Map[V]) home(id uint32) int {
	const prime = 0x9e3779b1 // 2^32 over the golden ratio: Knuth's multiplicative hashing
	return int(uint64(id*prime) * uint64(len(m.entries)) >> 32)
}

// Get returns the value of a context, and the zero value if there is none.
func (m *Map[V]) Get(id uint32) (v V) {
	if len(m.entries) == 0 {
		return v
	}
	for i := m.home(id); m.entries[i].id != 0; i = (i + 1) & (len(m.entries) - 1) {
		if m.entries[i].id == id {
			return m.entries[i].value
		}
	}
	return v
}

// Put sets the value of a context, whose ID must not be 0.
func (m *Map[V]) Put(id uint32, v V) {
	if 2*(m.len+1) > len(m.entries) {
		m.grow()
	}
	i := m.home(id)
	for m.entries[i].id != 0 && m.entries[i].id != id {
		i = (i + 1) & (len(m.entries) - 1)
	}
	if m.entries[i].id == 0 {
		m.len++
	}
	m.entries[i] = entry[V]{id, v}
}

//go:noinline
func (m *Map[V]) grow() {
	old := m.entries
	m.entries, m.len = make([]entry[V], max(minEntries, 2*len(old))), 0
	for _, e := range old {
		if e.id != 0 {
			m.Put(e.id, e.value)
		}
	}
}

// Delete removes a context, if it is there.
func (m *Map[V]) Delete(id uint32) {
	if len(m.entries) == 0 {
		return
	}
	mask := len(m.entries) - 1
	i := m.home(id)
	for m.entries[i].id != id {
		if m.entries[i].id == 0 {
			return
		}
		i = (i + 1) & mask
	}
	m.len--
	// An entry that follows takes the empty place unless its probing begins behind it
	// (Knuth, The Art of Computer Programming, volume 3, section 6.4, algorithm R).
	for j := (i + 1) & mask; m.entries[j].id != 0; j = (j + 1) & mask {
		if (j-m.home(m.entries[j].id))&mask >= (j-i)&mask {
			m.entries[i] = m.entries[j]
			i = j
		}
	}
	m.entries[i] = entry[V]{}
}

// Any reports whether f returns true for a value.
func (m *Map[V]) Any(f func(V) bool) bool {
	for _, e := range m.entries {
		if e.id != 0 && f(e.value) {
			return true
		}
	}
	return false
}

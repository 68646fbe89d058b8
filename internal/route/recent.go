package route

// Table.recent has four lookups for each resource, within these bounds.
const (
	minRecent = 16
	maxRecent = 4096 // as many as slot tells apart
)

// maxRecentBytes bounds a request line that the table remembers.
const maxRecentBytes = 256

// A lookup is a recent lookup and its result. MCP clients send all their requests
// to one target, and a target always leads to the same match.
type lookup struct {
	text   []byte // the authority and the target
	target int    // where the target begins in text
	match  Match
}

// recentSlots returns the number of lookups that a table of some resources remembers, a
// power of two. With four for each resource, few of the endpoints share a slot.
func recentSlots(resources int) int {
	n := minRecent
	for n < 4*resources && n < maxRecent {
		n *= 2
	}
	return n
}

// slot returns the place of a lookup in t.recent. It depends on the parts in which the
// endpoints of one gateway differ: the lengths, the end and the middle of the target and, if
// resources name their hosts, the start of the authority.
func (t *Table) slot(authority, target string) *lookup {
	const prime = 0x9e3779b97f4a7c15 // 2^64 over the golden ratio: Knuth's multiplicative hashing
	h := uint64(len(authority))<<32 | uint64(len(target))
	for i := len(target) / 2; i < min(len(target)/2+4, len(target)-6); i++ {
		h = h*31 + uint64(target[i])
	}
	for i := max(0, len(target)-6); i < len(target); i++ {
		h = h*31 + uint64(target[i])
	}
	if t.hasHosts {
		for i := 0; i < min(16, len(authority)); i++ {
			h = h*31 + uint64(authority[i])
		}
	}
	return &t.recent[h*prime>>52&uint64(len(t.recent)-1)]
}

// is reports whether l is a lookup of a target, which is not empty.
func (l *lookup) is(authority, target string) bool {
	return target != "" && len(l.text) == len(authority)+len(target) && l.target == len(authority) &&
		string(l.text[l.target:]) == target && string(l.text[:l.target]) == authority
}

// set reuses the memory of the lookup before it, so that a gateway with more endpoints than
// slots makes no garbage.
func (l *lookup) set(authority, target string, m Match) {
	if len(authority)+len(target) <= maxRecentBytes {
		l.text, l.target, l.match = append(append(l.text[:0], authority...), target...), len(authority), m
	}
}

package route

import "strings"

// maxRecentBytes bounds a request line that the table remembers.
const maxRecentBytes = 256

// A lookup is a recent lookup and its result. MCP clients send all their requests
// to one target, and a target always leads to the same match.
type lookup struct {
	authority, target string
	match             Match
}

// slot returns the place of a lookup in Table.recent. It depends on the parts in
// which the endpoints of one gateway differ.
func slot(authority, target string) int {
	h := uint(len(authority)) + uint(len(target))
	if target != "" {
		h += uint(target[len(target)-1]) + 3*uint(target[len(target)/2])
	}
	return int(h % uint(len(Table{}.recent)))
}

func (l *lookup) set(authority, target string, m Match) {
	if len(authority)+len(target) <= maxRecentBytes {
		*l = lookup{strings.Clone(authority), strings.Clone(target), m}
	}
}

package route

import "strings"

// maxRecent bounds the bytes of one target that is remembered.
const maxRecent = 256

// recent is what one of the last targets was for: clients of MCP send all their
// requests to one, and a target always leads to the same match.
type recent struct {
	authority, target string
	match             Match
}

// slot spreads targets over Table.recent by what tells the endpoints of one
// gateway apart.
func slot(authority, target string) int {
	h := uint(len(authority)) + uint(len(target))
	if target != "" {
		h += uint(target[len(target)-1]) + 3*uint(target[len(target)/2])
	}
	return int(h % uint(len(Table{}.recent)))
}

func (r *recent) remember(authority, target string, m Match) {
	if len(authority)+len(target) <= maxRecent {
		*r = recent{strings.Clone(authority), strings.Clone(target), m}
	}
}

package route

// hosts has the resources at one path by their hosts.
type hosts struct {
	other int // the resource without hosts, or -1

	// named has the entries by host. For a wildcard the key is the part after the
	// asterisk, which begins with a dot.
	named map[string][]entry
	// wildcards has bit n set if the key of a wildcard has n bytes.
	wildcards [(maxName + 64) / 64]uint64
}

// maxName bounds the keys of hosts.named: 253 bytes of a host name, and the dot of
// a wildcard.
const maxName = 254

// An entry is a resource on one port of a host; an empty port stands for any.
type entry struct {
	port     string
	resource int
}

// hostsAt returns the hosts of a path.
func hostsAt(paths map[string]*hosts, path string) *hosts {
	h := paths[path]
	if h == nil {
		h = &hosts{other: -1}
		paths[path] = h
	}
	return h
}

// add adds a resource on a host; an empty host stands for any. The configuration
// allows no two resources with one path and one host.
func (h *hosts) add(host string, resource int) {
	if host == "" {
		h.other = resource
		return
	}
	if h.named == nil {
		h.named = map[string][]entry{}
	}
	name, port := cutPort(host)
	if name[0] == '*' {
		name = name[1:]
		h.wildcards[len(name)/64] |= 1 << (len(name) % 64)
	}
	h.named[name] = append(h.named[name], entry{port, resource})
}

// find returns the resource with the most specific host for a query, or -1, and
// whether the resource names the host. Its work does not grow with the number of
// wildcards: it looks up only names that are as long as a wildcard of the table.
func (h *hosts) find(q *query) (resource int, byName bool) {
	if h == nil {
		return -1, false
	}
	host := q.host
	if h.named != nil && host != "" && host[0] != '.' && !(q.mode == literal && q.dot) {
		if i := findPort(h.named[host], q); i >= 0 {
			return i, true
		}
		for dot := max(1, len(host)-maxName); dot < len(host); dot++ {
			n := len(host) - dot
			if host[dot] != '.' || h.wildcards[n/64]>>(n%64)&1 == 0 {
				continue
			}
			if i := findPort(h.named[host[dot:]], q); i >= 0 {
				return i, true
			}
		}
	}
	return h.other, false
}

// findPort returns the resource of the entry that matches the port of a query, or
// -1. An entry for any port matches only if no other does. An authority without a
// port matches the default ports of both schemes: behind a proxy the scheme of the
// request is not known for sure.
func findPort(entries []entry, q *query) int {
	anyPortEntry := -1
	for _, e := range entries {
		switch {
		case e.port == "":
			if q.mode != literal || q.port == "" {
				anyPortEntry = e.resource
			}
		case e.port == q.port, q.port == "" && (e.port == "443" || e.port == "80"):
			return e.resource
		}
	}
	if anyPortEntry < 0 && q.mode == anyPort && len(entries) > 0 {
		return entries[0].resource
	}
	return anyPortEntry
}

package route

// hosts holds the resources that have one path, by the hosts that they have it
// on.
type hosts struct {
	any int // the resource on any other host, or -1

	// named has the names of hosts, and what stands behind the asterisk of a
	// wildcard, which begins with a dot.
	named map[string][]entry
	// wildcards has bit n for a name of n bytes that stands behind an asterisk.
	wildcards [(maxName + 64) / 64]uint64
}

// maxName bounds the names in hosts.named: 253 bytes, and the dot of a wildcard.
const maxName = 254

// An entry is a resource on one port of a host, "" for any.
type entry struct {
	port     string
	resource int
}

// at returns the hosts of a path.
//
//go:noinline
func at(paths map[string]*hosts, path string) *hosts {
	h := paths[path]
	if h == nil {
		h = &hosts{any: -1}
		paths[path] = h
	}
	return h
}

// add adds a resource. No other has the same host: config sees to it.
func (h *hosts) add(host string, resource int) {
	if host == "" {
		h.any = resource
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

// pick returns the nearest resource for a query, or -1, and whether it is there
// for this host by name. Its work does not grow with the number of wildcards
// that a host could fit: only names as long as one in the table are looked up.
func (h *hosts) pick(q *query) (resource int, named bool) {
	if h == nil {
		return -1, false
	}
	host := q.host
	if h.named != nil && host != "" && host[0] != '.' && !(q.how == literal && q.dot) {
		if i := onPort(h.named[host], q); i >= 0 {
			return i, true
		}
		for dot := max(1, len(host)-maxName); dot < len(host); dot++ {
			n := len(host) - dot
			if host[dot] != '.' || h.wildcards[n/64]>>(n%64)&1 == 0 {
				continue
			}
			if i := onPort(h.named[host[dot:]], q); i >= 0 {
				return i, true
			}
		}
	}
	return h.any, false
}

// onPort returns the resource of the entry that fits the port of a query, or -1;
// one for any port only if there is no other. A request for the default port has
// none, with either scheme: which one it came by is not known for sure behind a
// proxy.
//
//go:noinline
func onPort(entries []entry, q *query) int {
	any := -1
	for _, e := range entries {
		switch {
		case e.port == "":
			if q.how != literal || q.port == "" {
				any = e.resource
			}
		case e.port == q.port, q.port == "" && (e.port == "443" || e.port == "80"):
			return e.resource
		}
	}
	if any < 0 && q.how == anyPort && len(entries) > 0 {
		return entries[0].resource
	}
	return any
}

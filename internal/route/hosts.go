package route

import "strings"

// hosts holds the resources that have one path, by the hosts that they have it
// on.
type hosts struct {
	any int // the resource on any other host, or -1

	// named has the names of hosts, and what stands behind the asterisk of a
	// wildcard, which begins with a dot.
	named     map[string][]entry
	wildcards bool
}

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
	name, port := splitAuthority(host)
	if name[0] == '*' {
		name, h.wildcards = name[1:], true
	}
	h.named[name] = append(h.named[name], entry{port, resource})
}

// maxHost bounds the work on a host that could only fit a wildcard: RFC 1035
// section 2.3.4.
const maxHost = 255

// pick returns the nearest resource for host and port, or -1, and whether it is
// there for this host by name.
func (h *hosts) pick(host, port string) (resource int, named bool) {
	if h == nil {
		return -1, false
	}
	if h.named != nil && host != "" && host[0] != '.' {
		if i := onPort(h.named[host], port); i >= 0 {
			return i, true
		}
		if h.wildcards && len(host) <= maxHost {
			for dot := 1; dot < len(host); dot++ {
				if host[dot] != '.' {
					continue
				}
				if i := onPort(h.named[host[dot:]], port); i >= 0 {
					return i, true
				}
			}
		}
	}
	return h.any, false
}

// onPort returns the resource of the entry that fits a port, or -1; one for any
// port only if there is no other. A request for the default port has none, with
// either scheme: which one it came by is not known for sure behind a proxy.
//
//go:noinline
func onPort(entries []entry, port string) int {
	any := -1
	for _, e := range entries {
		switch {
		case e.port == "":
			any = e.resource
		case e.port == port, port == "" && (e.port == "443" || e.port == "80"):
			return e.resource
		}
	}
	return any
}

// splitAuthority splits an :authority value into the host, in lower case and
// with no dot at its end, and the port, "" where there is none.
func splitAuthority(authority string) (host, port string) {
	host = authority
	if i := strings.LastIndexByte(authority, ':'); i >= 0 && !strings.HasSuffix(authority, "]") {
		host, port = authority[:i], authority[i+1:]
	}
	return strings.ToLower(strings.TrimSuffix(host, ".")), port
}

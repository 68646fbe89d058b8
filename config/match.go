package config

import "strings"

func (v value) match() Match {
	var match Match
	o, _ := v.closedObject(matchMembers)
	if m, ok := o.get("hosts"); ok {
		elements, _ := m.nonEmptyArray()
		match.Hosts = texts(elements, value.host)
	}
	if m, ok := o.get("path_prefixes"); ok {
		elements, _ := m.nonEmptyArray()
		match.PathPrefixes = texts(elements, value.pathPrefix)
	}
	return match
}

// host reads host or host:port and returns it in lower case.
func (v value) host() (string, bool) {
	s, ok := v.string()
	if !ok {
		return "", false
	}
	host, port, err := splitHostPort(s)
	switch {
	case strings.Contains(s, "*"):
		v.fail("must be one host: wildcards are not supported yet")
	case strings.Contains(s, "/"):
		v.fail("must be host or host:port, without a scheme and a path")
	case err != nil:
		v.fail(err.Error())
	case port != "":
		return host + ":" + port, true
	default:
		return host, true
	}
	return "", false
}

func (v value) pathPrefix() (string, bool) {
	s, ok := v.string()
	if !ok {
		return "", false
	}
	if fault := pathFault(s); fault != "" {
		v.fail(fault)
		return "", false
	}
	return s, true
}

// occupied knows which identifiers and places resources have, each with the
// path of the resource in the document.
type occupied struct {
	identifiers map[string]string
	places      map[place]string
}

// place is a path on a host. Beside those that requests can have, host is anyHost
// for resources that match every host and someHost for all resources at the
// path; port is empty for all ports and somePort for all resources at the host.
type place struct{ path, host, port string }

const (
	anyHost  = ""
	someHost = "*"
	somePort = "*"
)

func newOccupied() *occupied {
	return &occupied{make(map[string]string), make(map[place]string)}
}

// add refuses a resource, which stands at v, if it has the identifier of one
// before it, or if requests for it, or for its metadata, could be taken for
// requests of one before it.
func (o *occupied) add(v value, r *Resource) {
	id := r.Resource.Scheme + "://" + r.Resource.Authority() + rootOr(r.Resource.Path)
	if other, taken := o.identifiers[id]; taken {
		v.path += ".resource"
		v.fail("is the same resource as " + other + ".resource")
		return
	}
	o.identifiers[id] = v.path

	metadata := metadataPlace + strings.TrimSuffix(r.Resource.Path, "/")
	fault := ""
	if other, taken := o.owner(metadata, r.Match.Hosts); taken {
		fault = other + ": both would serve their metadata at " + metadata
	}
	for _, prefix := range r.Match.PathPrefixes {
		if other, taken := o.owner(prefix, r.Match.Hosts); taken {
			fault = other + ": both have the path prefix " + prefix
			break
		}
	}
	if fault != "" {
		v.fail("needs match.hosts that do not overlap those (by default any host) of " + fault)
	}
	for _, path := range append([]string{metadata}, r.Match.PathPrefixes...) {
		o.occupy(path, r.Match.Hosts, v.path)
	}
}

// owner returns the first resource at path with a host in common.
func (o *occupied) owner(path string, hosts []string) (string, bool) {
	if len(hosts) == 0 {
		owner, taken := o.places[place{path, someHost, somePort}]
		return owner, taken
	}
	if owner, taken := o.places[place{path, anyHost, ""}]; taken {
		return owner, true
	}
	for _, s := range hosts {
		host, port, _ := splitHostPort(s)
		ports := []string{"", port}
		if port == "" {
			ports = []string{somePort}
		}
		for _, port := range ports {
			if owner, taken := o.places[place{path, host, port}]; taken {
				return owner, true
			}
		}
	}
	return "", false
}

func (o *occupied) occupy(path string, hosts []string, owner string) {
	set := func(host, port string) {
		if _, taken := o.places[place{path, host, port}]; !taken {
			o.places[place{path, host, port}] = owner
		}
	}
	set(someHost, somePort)
	if len(hosts) == 0 {
		set(anyHost, "")
	}
	for _, s := range hosts {
		host, port, _ := splitHostPort(s)
		set(host, port)
		set(host, somePort)
	}
}

package config

import "strings"

func (v *value) match() Match {
	v.closedObject(matchMembers, nil)
	return Match{
		Hosts:        texts(v.get("hosts").nonEmptyArray(), (*value).host),
		PathPrefixes: texts(v.get("path_prefixes").nonEmptyArray(), (*value).pathPrefix),
	}
}

// host reads host or host:port and returns it in lower case.
func (v *value) host() string {
	s, ok := v.string()
	if !ok {
		return ""
	}
	host, port, err := splitHostPort(s)
	if port != "" {
		host += ":" + port
	}
	switch {
	case strings.Contains(s, "*"):
		v.fail("must be one host: wildcards are not supported yet")
	case strings.Contains(s, "/"):
		v.fail("must be host or host:port, without a scheme and a path")
	case err != nil:
		v.fail(err.Error())
	default:
		return host
	}
	return ""
}

func (v *value) pathPrefix() string {
	s, ok := v.string()
	if !ok {
		return ""
	}
	if fault := pathFault(s); fault != "" {
		v.fail(fault)
		return ""
	}
	return s
}

// occupied knows which identifiers and places resources have, each with the
// path of the resource in the document. Its keys are identifiers, which are
// URLs, and places, see place.
type occupied map[string]string

// place is a path on a host. Beside those that requests can have, host is
// anyHost for resources that match every host and someHost for all resources
// at the path; port is empty for all ports and somePort for all resources at
// the host. None of the three has spaces. Paths that differ only in case are one
// place, since not every server tells them apart.
func place(path, host, port string) string {
	return strings.ToLower(path) + " " + host + " " + port
}

const (
	anyHost  = ""
	someHost = "*"
	somePort = "*"
)

// add refuses a resource, which stands at v, if it has the identifier of one
// before it, or if requests for it, or for its metadata, could be taken for
// requests of one before it.
func (o occupied) add(v *value, r *Resource) {
	id := r.Resource.Scheme + "://" + r.Resource.Authority() + rootOr(r.Resource.Path)
	if other, taken := o[id]; taken {
		v.get("resource").fail("is the same resource as " + other + ".resource")
		return
	}
	o[id] = v.path

	metadata := MetadataPath(r.Resource)
	fault := ""
	if other := o.owner(metadata, r.Match.Hosts); other != "" {
		fault = other + ": both would serve their metadata at " + metadata
	}
	for _, prefix := range r.Match.PathPrefixes {
		if other := o.owner(prefix, r.Match.Hosts); other != "" {
			fault = other + ": both have the path prefix " + prefix
			break
		}
	}
	if fault != "" {
		v.fail("needs match.hosts that do not overlap those (by default any host) of " + fault)
	}
	o.occupy(metadata, r.Match.Hosts, v.path)
	for _, prefix := range r.Match.PathPrefixes {
		o.occupy(prefix, r.Match.Hosts, v.path)
	}
}

// owner returns the first resource at path with a host in common, or "".
func (o occupied) owner(path string, hosts []string) string {
	if len(hosts) == 0 {
		return o[place(path, someHost, somePort)]
	}
	if owner := o[place(path, anyHost, "")]; owner != "" {
		return owner
	}
	for _, s := range hosts {
		host, port, _ := splitHostPort(s)
		allPorts := ""
		if port == "" {
			allPorts = somePort
		}
		for _, port := range [...]string{allPorts, port} {
			if owner := o[place(path, host, port)]; owner != "" {
				return owner
			}
		}
	}
	return ""
}

func (o occupied) occupy(path string, hosts []string, owner string) {
	o.set(place(path, someHost, somePort), owner)
	if len(hosts) == 0 {
		o.set(place(path, anyHost, ""), owner)
	}
	for _, s := range hosts {
		host, port, _ := splitHostPort(s)
		o.set(place(path, host, port), owner)
		o.set(place(path, host, somePort), owner)
	}
}

// set leaves a place to the one who had it before.
func (o occupied) set(place, owner string) {
	if o[place] == "" {
		o[place] = owner
	}
}

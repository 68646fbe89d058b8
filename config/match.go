package config

import "strings"

func (v *value) match() Match {
	v.closedObject(matchMembers)
	return Match{
		Hosts:        texts(v.get("hosts").nonEmptyArray(), (*value).host),
		PathPrefixes: texts(v.get("path_prefixes").nonEmptyArray(), (*value).pathPrefix),
	}
}

// host reads host or host:port, where the host may be a wildcard such as
// *.example.com, and returns it in lower case.
func (v *value) host() string {
	s, ok := v.string()
	if !ok {
		return ""
	}
	if strings.Contains(s, "/") {
		v.fail("must be host or host:port, without a scheme and a path")
		return ""
	}
	host, err := parsePattern(s)
	if err != nil {
		v.fail(err.Error())
		return ""
	}
	return host
}

const errWildcard = fault("must have a wildcard only as the whole first label, such as *.example.com")

// parsePattern parses host, host:port, or one of them with "*." in front, and
// returns it in lower case. Each has one accepted form.
func parsePattern(s string) (string, error) {
	name, wildcard := strings.CutPrefix(s, "*.")
	host, _, err := splitHostPort(name)
	if err == errBadHost && strings.IndexByte(name, '*') >= 0 || err == nil && wildcard && (isIPv4(host) || host[0] == '[') {
		err = errWildcard
	}
	return strings.ToLower(s), err
}

func (v *value) pathPrefix() string {
	s, ok := v.string()
	if !ok {
		return ""
	}
	if fault := pathPrefixFault(s); fault != "" {
		v.fail(fault)
		return ""
	}
	return s
}

// occupied knows which identifiers and places resources have, each with the
// path of the resource in the document. Its keys are identifiers, which are
// URLs with no slash at the end, and places, see place.
type occupied map[string]string

// place is a path on a host, as host or host:port may stand in match.hosts; ""
// is any host. Paths that differ only in case are one place, since not every
// server tells them apart, and so are the default ports, since a request with
// no port is for either.
func place(path, host string) string {
	if name, ok := strings.CutSuffix(host, ":80"); ok {
		host = name + ":443"
	}
	return FoldPath(path) + " " + host
}

// add refuses a resource, which stands at v, if it has the identifier of one
// before it, or if for some request, or for the metadata, it and one before it
// would be equally near: internal/route says which is nearer.
func (o occupied) add(v *value, r *Resource) {
	id := r.Resource.Scheme + "://" + r.Resource.Authority() + strings.TrimSuffix(r.Resource.Path, "/")
	if other, taken := o[id]; taken {
		v.get("resource").fail("is the same resource as " + other + ".resource")
		return
	}
	o[id] = v.path

	hosts := r.Match.Hosts
	if len(hosts) == 0 {
		hosts = []string{""}
	}
	metadata := []string{MetadataPath(r.Resource)}
	if r.RootMetadata {
		metadata = append(metadata, ProtectedResourcePlace)
	}
	fault := ""
	for _, prefix := range r.Match.PathPrefixes {
		if other := o.occupy(prefix, hosts, v.path); other != "" && fault == "" {
			fault = other + ": both have the path prefix " + prefix
		}
	}
	for _, path := range metadata {
		if other := o.occupy(path, hosts, v.path); other != "" && fault == "" {
			fault = other + ": both would serve their metadata at " + path
		}
	}
	if fault != "" {
		v.fail("needs other match.hosts (by default any host) than " + fault)
	}
}

// occupy takes a path on hosts for the resource owner. It returns one that
// has it on one of them already, and leaves it that one, or "".
func (o occupied) occupy(path string, hosts []string, owner string) (other string) {
	for _, host := range hosts {
		at := place(path, host)
		switch o[at] {
		case "":
			o[at] = owner
		case owner:
		default:
			other = o[at]
		}
	}
	return other
}

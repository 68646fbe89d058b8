package config

import "strings"

// match reads the member match.
func (v *value) match() Match {
	v.closedObject(matchMembers)
	return Match{
		Hosts:        uniqueStrings(v.get("hosts").nonEmptyArray(), (*value).host),
		PathPrefixes: uniqueStrings(v.get("path_prefixes").nonEmptyArray(), (*value).pathPrefix),
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

// parsePattern parses host or host:port, with or without "*." before it, and returns it
// in lower case. It accepts one form of each.
func parsePattern(s string) (string, error) {
	name, wildcard := strings.CutPrefix(s, "*.")
	host, _, err := splitHostPort(name)
	if err == errBadHost && strings.IndexByte(name, '*') >= 0 || err == nil && wildcard && (isIPv4(host) || host[0] == '[') {
		err = errWildcard
	}
	return strings.ToLower(s), err
}

// pathPrefix reads a path prefix.
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

// reservedPaths maps the identifiers of resources, and the paths that resources and the
// gateway's own endpoints have, to their owners: mostly the resource's path in the
// document. The keys are identifiers without a trailing slash, and the results of
// pathOnHost.
type reservedPaths map[string]string

// pathOnHost returns the key of a path on a host, which is an entry of match.hosts, or ""
// for any host. Paths that differ only in case have one key, since some servers do not
// distinguish them. So have the two default ports, since a request without a port
// matches either.
func pathOnHost(path, host string) string {
	if name, ok := strings.CutSuffix(host, ":80"); ok {
		host = name + ":443"
	}
	return FoldPath(path) + " " + host
}

// add reserves the identifier and the paths of the resource at v. It refuses the resource
// if an earlier one has the same identifier, or matches some request, or the path of
// the metadata, equally well (internal/route prefers the longer prefix and the more
// specific host).
func (o reservedPaths) add(v *value, r *Resource) {
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
		metadata = append(metadata, ProtectedResourceWellKnown)
	}
	fault := ""
	for _, prefix := range r.Match.PathPrefixes {
		if other := o.reserve(prefix, hosts, v.path); other != "" && fault == "" {
			fault = other + ": both have the path prefix " + prefix
		}
	}
	for _, path := range metadata {
		if other := o.reserve(path, hosts, v.path); other != "" && fault == "" {
			fault = other + ": both would serve their metadata at " + path
		}
	}
	if fault != "" {
		v.fail("needs other match.hosts (by default any host) than " + fault)
	}
}

// reserve reserves a path on hosts for an owner. It returns the earlier owner of the path
// on one of the hosts, or "". The earlier owner keeps the path.
func (o reservedPaths) reserve(path string, hosts []string, owner string) (other string) {
	for _, host := range hosts {
		key := pathOnHost(path, host)
		switch o[key] {
		case "":
			o[key] = owner
		case owner:
		default:
			other = o[key]
		}
	}
	return other
}

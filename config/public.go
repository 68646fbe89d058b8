package config

import (
	"slices"
	"strings"
)

// maxPublicPaths bounds the paths that are compared with each reading of a path.
const maxPublicPaths = 64

var publicMembers = []string{"methods", "lists", "tools", "prompts", "resources", "paths"}

// listMethods are the methods that public.lists stands for.
var listMethods = [...]string{"tools/list", "prompts/list", "resources/list", "resources/templates/list"}

// public reads the member public of the resource at v, whose rules have been read.
func (v *value) public(r *Resource) {
	p, before := v.get("public"), len(*v.errs)
	if !p.closedObject(publicMembers) {
		return
	}
	methods := v.get("methods")
	if lists := p.get("lists"); lists.bool() {
		for _, method := range listMethods {
			lists.checkNotRuled(methods.get(method))
			r.Public.add(method, "")
		}
	}
	for _, method := range p.get("methods").publicNames(func(e *value, pattern string) {
		e.checkPattern(pattern, "its end", true)
		e.checkOpensNoNames(pattern)
		e.checkNotRuled(methods.get(pattern))
	}) {
		r.Public.add(method, "")
	}
	for _, named := range namedRules {
		for _, name := range p.get(named.member).publicNames(func(e *value, pattern string) {
			e.checkPattern(pattern, "its end", false)
			if text, prefix := strings.CutSuffix(pattern, "*"); named.member == "resources" && !IsPlainURI(text, prefix) {
				e.fail(faultURI)
			}
			e.checkNotRuled(v.get(named.member).get(pattern))
			for _, method := range named.methods {
				if pattern == "*" {
					e.checkNotRuled(methods.get(method))
				}
			}
		}) {
			for _, method := range named.methods {
				r.Public.add(method, name)
			}
		}
	}
	if paths := p.get("paths"); paths != nil && len(paths.array()) > maxPublicPaths {
		paths.fail("must have at most 64 elements")
		return
	}
	r.Public.Paths = p.get("paths").publicNames(func(e *value, path string) { e.checkPublicPath(r, path) })
	if len(*v.errs) == before && r.Public.Operations == nil && r.Public.Paths == nil {
		p.fail("must name something that needs no token")
	}
}

// add adds an operation, unless it is there: lists and methods may name one both.
func (p *Public) add(method, name string) {
	for i := range p.Operations {
		if o := &p.Operations[i]; o.Method == method && o.Name == name {
			return
		}
	}
	p.Operations = append(p.Operations, Rule{Method: method, Name: name})
}

// publicNames reads a list of names, patterns or paths, each of which check checks.
func (v *value) publicNames(check func(element *value, name string)) []string {
	list := v.nonEmptyArray()
	if len(list) > maxRules {
		v.fail("must have at most 1024 elements")
		return nil
	}
	return uniqueStrings(list, func(e *value) string {
		name := e.nonEmptyString()
		if name != "" {
			check(e, name)
		}
		return name
	})
}

// checkOpensNoNames refuses a pattern for methods that matches one whose operations have
// names: all tools would be public, although nothing says so.
func (v *value) checkOpensNoNames(pattern string) {
	text, prefix := strings.CutSuffix(pattern, "*")
	for _, named := range namedRules {
		for _, method := range named.methods {
			if method == text || prefix && strings.HasPrefix(method, text) {
				v.fail("would open " + method + " whatever its name: list the methods that need no token, and name " + named.member +
					" in public." + named.member + `, where "*" is for all`)
				return
			}
		}
	}
}

// checkNotRuled refuses what is public if rule, which may be nil, has the same pattern.
func (v *value) checkNotRuled(rule *value) {
	if rule != nil {
		v.fail("opens what " + rule.path + " has a rule for")
	}
}

// checkPublicPath refuses a path of r that cannot be public, or that no request for r can
// have.
func (v *value) checkPublicPath(r *Resource, path string) {
	text, prefix := strings.CutSuffix(path, "*")
	fault := ""
	switch {
	case prefix && !strings.HasSuffix(text, "/"):
		fault = "must have * only as the whole last segment, such as /docs/*"
	case pathFault(text) != "":
		fault = pathFault(text)
	case strings.IndexByte(text, '%') >= 0: // a server that does not decode it reads another path
		fault = "must have a path without percent-encodings"
	case r.Match.PathPrefixes == nil: // the resource has other errors
	case !r.Match.covers(text):
		fault = "must lie in a path prefix of the resource"
	case r.hasEndpoint(text, prefix):
		fault = "must not be or cover the path to which MCP clients go: GET is the stream of a session there"
	default:
		for _, own := range r.GatewayPaths() {
			if FoldPath(own) == FoldPath(strings.TrimSuffix(text, "/")) {
				fault = "has no effect: the gateway itself serves " + own
			}
		}
	}
	if fault != "" {
		v.fail(fault)
	}
}

// covers reports whether a path prefix of m covers a path.
func (m *Match) covers(path string) bool { return m.longestPrefix(path) >= 0 }

// longestPrefix returns the length of the longest path prefix of m that covers a path, -1
// if there is none.
func (m *Match) longestPrefix(path string) int {
	longest := -1
	for _, prefix := range m.PathPrefixes {
		if prefix = strings.TrimSuffix(prefix, "/"); strings.HasPrefix(path+"/", prefix+"/") {
			longest = max(longest, len(prefix))
		}
	}
	return longest
}

// hasEndpoint reports whether MCP clients go to a path, or to one under it if prefix is
// set. They go to that of the identifier. If the gateway does not see that path, because
// something before the plugin rewrites it, they may go to each path prefix.
func (r *Resource) hasEndpoint(path string, prefix bool) bool {
	endpoints := []string{r.Resource.Path}
	if !r.Match.covers(r.Resource.Path) {
		endpoints = r.Match.PathPrefixes
	}
	path = FoldPath(path)
	for _, endpoint := range endpoints {
		endpoint = FoldPath(strings.TrimSuffix(endpoint, "/"))
		if endpoint == strings.TrimSuffix(path, "/") || prefix && strings.HasPrefix(endpoint+"/", path) {
			return true
		}
	}
	return false
}

// publicPathsElsewhere refuses the public paths of the resource at v, r, that lie in
// longer path prefixes of other resources on all hosts of r.
func (v *value) publicPathsElsewhere(r *Resource, all []*Resource) {
	for _, path := range r.Public.Paths {
		text := strings.TrimSuffix(path, "*")
		for _, other := range all {
			if other.Match.longestPrefix(text) > r.Match.longestPrefix(text) && other.Match.hasHostsOf(&r.Match) {
				v.get("public").get("paths").fail("has no effect on " + path + ": it is a path of " + other.Resource.Raw)
			}
		}
	}
}

// hasHostsOf reports whether m has every host of n.
func (m *Match) hasHostsOf(n *Match) bool {
	for _, host := range n.Hosts {
		if m.Hosts != nil && !slices.Contains(m.Hosts, host) {
			return false
		}
	}
	return m.Hosts == nil || n.Hosts != nil
}

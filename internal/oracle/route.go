package oracle

import (
	"net/url"
	"path"
	"regexp"
	"strings"
)

// readings returns the paths that servers may understand by a path: docs/security.md,
// "Paths". The first is the path as it was sent. complete is false if there are too many.
func readings(sent string) (list []string, complete bool) {
	list = []string{sent}
	seen := map[string]bool{sent: true}
	for i := 0; i < len(list); i++ {
		if len(list) > 100 {
			return list, false
		}
		for _, step := range steps {
			if next := step(list[i]); !seen[next] {
				seen[next] = true
				list = append(list, next)
			}
		}
	}
	return list, true
}

var encoded = regexp.MustCompile(`%[0-9A-Fa-f]{2}`)

var steps = []func(string) string{
	func(p string) string { // decoded
		return encoded.ReplaceAllStringFunc(p, func(s string) string {
			decoded, _ := url.PathUnescape(s)
			return decoded
		})
	},
	func(p string) string { // dot segments removed and slashes merged
		if !strings.HasPrefix(p, "/") {
			return p
		}
		clean := path.Clean(p)
		if strings.HasSuffix(p, "/") && clean != "/" {
			clean += "/"
		}
		return clean
	},
	func(p string) string { // dot segments removed alone
		u, err := url.Parse("http://h")
		if err != nil || !strings.HasPrefix(p, "/") || strings.HasPrefix(p, "//") {
			return p
		}
		return u.ResolveReference(&url.URL{Path: p}).Path
	},
	func(p string) string { // without a leading host
		if rest, ok := strings.CutPrefix(p, "//"); ok {
			_, rest, _ = strings.Cut(strings.TrimLeft(rest, "/"), "/")
			return "/" + rest
		}
		return p
	},
	func(p string) string {
		return segments(p, func(s string) string { s, _, _ = strings.Cut(s, ";"); return s })
	},
	func(p string) string { // cut at "?" or "#"
		p, _, _ = strings.Cut(p, "?")
		p, _, _ = strings.Cut(p, "#")
		return p
	},
	func(p string) string { // dots and spaces at the ends of segments trimmed
		return segments(p, func(s string) string {
			if s == "." || s == ".." {
				return s
			}
			return strings.TrimRight(s, ". ")
		})
	},
	func(p string) string { return strings.ReplaceAll(p, `\`, "/") },
	strings.ToLower,
}

func segments(p string, change func(string) string) string {
	list := strings.Split(p, "/")
	for i, s := range list {
		list[i] = change(s)
	}
	return strings.Join(list, "/")
}

var (
	plainPath = regexp.MustCompile(`^(/[a-z0-9_~-]+)*(/[a-z0-9_~-]+(\.[a-z0-9_~-]+)?)?/?$`)
	plainHost = regexp.MustCompile(`^([a-z0-9-]+\.)+[a-z]+$`)
	wellKnown = regexp.MustCompile(`/\.well-known/(oauth-protected-resource|oauth-authorization-server|openid-configuration)`)
)

// A target is what a request is for.
type target struct {
	resources []*resource // in all readings; a request goes on only if there is one at most
	none      bool        // in some reading, it belongs to no resource
	exact     bool        // there is one reading
	path      string
	all       []string // the readings of the path
	document  bool     // the gateway may serve a document there, or 404
}

// target returns what a request is for: docs/resources.md, "Which resource a request is for".
func (s *settings) target(authority, sent string) *target {
	sent, _, _ = strings.Cut(sent, "?")
	t := &target{path: sent}
	hosts, exactHost := readHosts(authority)
	t.exact = plainPath.MatchString(sent) && sent != "" && (exactHost || !s.namesHosts())
	t.all = []string{sent}
	if !plainPath.MatchString(sent) || sent == "" {
		t.all, _ = readings(sent)
	}
	if !s.namesHosts() {
		hosts = hosts[:1]
	}
	for _, p := range t.all {
		t.document = t.document || wellKnown.MatchString(p)
		for _, h := range hosts {
			if r := s.find(h, p); r == nil {
				t.none = true
			} else if len(t.resources) == 0 || t.resources[0] != r {
				t.resources = append(t.resources, r)
			}
		}
	}
	return t
}

func (s *settings) namesHosts() bool {
	for _, r := range s.Resources {
		if r.Match.Hosts != nil {
			return true
		}
	}
	return false
}

// readHosts returns the hosts that Envoy or a server may understand by an authority.
func readHosts(authority string) (list []string, exact bool) {
	host := strings.ToLower(authority) // case never matters
	list = []string{host}
	if _, after, ok := strings.Cut(host, "@"); ok {
		host = after
		list = append(list, host)
	}
	if before, _, ok := strings.Cut(host, ":"); ok {
		host = before
		list = append(list, host)
	}
	list = append(list, strings.TrimSuffix(host, "."))
	return list, plainHost.MatchString(authority)
}

// find returns the resource with the longest prefix, and the nearest host, for one reading
// of a host and a path.
func (s *settings) find(host, p string) (found *resource) {
	p = strings.ToLower(p)
	longest, nearest := -1, -1
	for _, r := range s.Resources {
		prefix := strings.ToLower(r.path())
		if p != prefix && !strings.HasPrefix(p, prefix+"/") {
			continue
		}
		near := -1
		if r.Match.Hosts == nil {
			near = 0
		}
		for _, h := range r.Match.Hosts {
			if suffix, ok := strings.CutPrefix(h, "*"); ok && strings.HasSuffix(host, suffix) && len(host) > len(suffix) {
				near = max(near, len(suffix))
			}
			if h == host {
				near = 1000
			}
		}
		if near >= 0 && (len(prefix) > longest || len(prefix) == longest && near > nearest) {
			found, longest, nearest = r, len(prefix), near
		}
	}
	return found
}

// isPublicPath reports whether all readings of the path are public.
func (r *resource) isPublicPath(t *target) bool {
	if r.Public == nil {
		return false
	}
	for _, p := range t.all {
		public := false
		for _, pattern := range r.Public.Paths {
			public = public || matches(pattern, p)
		}
		if !public {
			return false
		}
	}
	return true
}

// matches reports whether a pattern, which may end in "*", is for a name.
func matches(pattern, name string) bool {
	prefix, ok := strings.CutSuffix(pattern, "*")
	return pattern == name || ok && strings.HasPrefix(name, prefix)
}

package gate

import (
	"strings"

	"mcpauth/config"
)

// audiences returns the values of aud that are accepted for a resource: its
// own URL and those that the configuration adds, see appendSpellings. Scheme and
// host may be in any case: see [jwtlite.Policy].
func audiences(r *config.Resource) []string {
	list := appendSpellings(nil, r.Resource)
	for _, a := range r.Audiences {
		list = append(list, a)
		if u, err := config.ParseURL(a); err == nil && u.Query == "" && strings.TrimSuffix(u.Path, "/") == "" {
			list = appendSpellings(list, u)
		}
	}
	return list
}

// appendSpellings appends a URL as it is written and without the default port,
// and both with and without a slash if it has no path: clients send either.
func appendSpellings(list []string, u *config.URL) []string {
	for _, url := range [...]string{u.Raw, u.Origin() + u.Path} {
		list = append(list, url)
		if len(u.Path) < 2 {
			url = strings.TrimSuffix(url, "/")
			list = append(list, url, url+"/")
		}
	}
	return list
}

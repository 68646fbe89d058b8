package gate

import (
	"strings"

	"mcpauth/config"
)

// audiences returns the values of "aud" that a resource accepts: its own URL in the
// spellings of appendSpellings, and the audiences of the configuration as written. An
// audience that is a URL without a path or query may have those spellings too. The
// case of scheme and host does not matter: see [jwtlite.Policy].
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

// appendSpellings appends a URL as written and without the default port, and each
// of these with and without a slash if the path is empty: clients send either.
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

// Package redact keeps secrets and control characters out of what is printed.
package redact

import (
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"unicode"
)

// Placeholder stands for a secret.
const Placeholder = "[secret]"

// jwt matches a text that looks like a compact JWT or JWE: three or five parts, or two
// when the signature was cut off.
var jwt = regexp.MustCompile(`[eE]y[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*){1,4}`)

// minLength is the length from which a secret is recognized: a shorter one would be found in
// ordinary words.
const minLength = 6

// A Redactor knows secrets. The zero Redactor knows none, and removes JWTs all the same.
// It is safe for concurrent use.
type Redactor struct {
	mu      sync.Mutex
	secrets []string
}

// Add makes secrets known, also in the forms that URLs and forms give them.
func (r *Redactor) Add(secrets ...string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range secrets {
		for _, form := range []string{s, url.QueryEscape(s), url.PathEscape(s)} {
			if len(form) >= minLength && !slices.Contains(r.secrets, form) {
				r.secrets = append(r.secrets, form)
			}
		}
	}
	// A secret that contains another one goes first.
	slices.SortStableFunc(r.secrets, func(a, b string) int { return len(b) - len(a) })
}

// Printable returns a text with spaces for control characters, so that a server or a token
// cannot write to the terminal of the user.
func Printable(text string) string {
	return strings.Map(func(c rune) rune {
		if unicode.IsControl(c) || unicode.Is(unicode.Cf, c) {
			return ' '
		}
		return c
	}, strings.ToValidUTF8(text, "?"))
}

// Clean returns a text without secrets, and [Printable].
func (r *Redactor) Clean(text string) string {
	text = Printable(text)
	if r != nil {
		r.mu.Lock()
		defer r.mu.Unlock()
		for _, s := range r.secrets {
			text = strings.ReplaceAll(text, s, Placeholder)
		}
	}
	return jwt.ReplaceAllString(text, Placeholder)
}

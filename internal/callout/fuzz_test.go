package callout

import (
	"strings"
	"testing"
)

// FuzzResponse: whatever the headers of a response say, what is read of them is within its
// bounds and fit for the log.
func FuzzResponse(f *testing.F) {
	f.Add("max-age=60, no-cache", "5", "https://u:p@h/x?y", "gzip, br", "120")
	f.Add(`max-age="99999999999999999999"`, "-1", "//h\\x", "\x00\"", "Sun, 06 Nov 1994 08:49:37 GMT")
	f.Fuzz(func(t *testing.T, cacheControl, age, location, encoding, retryAfter string) {
		r := NewResponse([][2]string{{":status", "200"}, {"cache-control", cacheControl}, {"age", age}, {"location", location}, {"content-encoding", encoding}, {"retry-after", retryAfter}}, 0)
		if r.Fresh != 0 && (r.Fresh < MinFresh || r.Fresh > MaxFresh) {
			t.Errorf("%q, %q: fresh for %v", cacheControl, age, r.Fresh)
		}
		if n := r.RetryAfter(); n < 0 || n > maxRetryAfter {
			t.Errorf("%q: %d", retryAfter, n)
		}
		for _, text := range []string{r.RedirectHost, r.ContentEncoding} {
			if strings.ContainsAny(text, "\r\n\x00") || len(text) > 2000 {
				t.Errorf("%q is no text for the log", text)
			}
		}
		if user, _, ok := strings.Cut(location, "@"); ok && strings.HasPrefix(location, "https://") && !strings.ContainsAny(location[8:], `/?#\`) && strings.Contains(r.RedirectHost, user[8:]+"@") {
			t.Errorf("%q: %q has user information", location, r.RedirectHost)
		}
	})
}

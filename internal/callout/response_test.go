package callout

import (
	"testing"
	"time"
)

func TestFreshness(t *testing.T) {
	const never = time.Duration(0)
	for _, test := range []struct {
		cacheControl, age string
		want              time.Duration
	}{
		{"", "", never},
		{"public", "", never},
		{"max-age=600", "", 10 * time.Minute},
		{"public, max-age=600, must-revalidate", "", 10 * time.Minute},
		{"Max-Age=600", "", 10 * time.Minute},
		{`max-age="600"`, "", 10 * time.Minute},
		{",, max-age=600 ,", "", 10 * time.Minute},
		{"max-age=600,max-age=300", "", 5 * time.Minute},
		{"max-age=300,max-age=600", "", 5 * time.Minute},
		{"max-age=600", "200", 400 * time.Second},
		{"max-age=600", "yesterday", 10 * time.Minute},
		{"max-age=600", "-1", 10 * time.Minute},
		{"max-age=600", "601", MinFresh},
		{"max-age=600", "99999999999999999999", MinFresh},
		{"", "200", never},
		// Between the floor and the ceiling.
		{"max-age=0", "", MinFresh},
		{"max-age=59", "", MinFresh},
		{"max-age=61", "", 61 * time.Second},
		{"max-age=3599", "", 3599 * time.Second},
		{"max-age=86400", "", MaxFresh},
		{"max-age=4294967296", "", MaxFresh},
		{"max-age=99999999999999999999", "", MaxFresh},
		{"max-age=86400", "86300", 100 * time.Second},
		{"no-store", "", MinFresh},
		{"No-Cache", "", MinFresh},
		{`no-cache="set-cookie", max-age=600`, "", MinFresh},
		{"max-age=600, no-store", "", MinFresh},
		// What is no max-age says nothing.
		{"max-age", "", never},
		{"max-age=", "", never},
		{"max-age=x", "", never},
		{"max-age=-5", "", never},
		{"max-age=1.5", "", never},
		{"s-maxage=600", "", never},
		{"x-max-age=600", "", never},
		{"stale-while-revalidate=600", "", never},
	} {
		if got := freshness(test.cacheControl, test.age); got != test.want {
			t.Errorf("%q, age %q: %v, want %v", test.cacheControl, test.age, got, test.want)
		}
	}
}

func TestNewResponse(t *testing.T) {
	r := NewResponse([][2]string{
		{":status", "302"}, {"cache-control", "public"}, {"location", "https://login.example.com/?code=secret"},
		{"cache-control", "max-age=100"}, {"age", "10"},
	}, 5)
	if r.Status != 302 || r.Size != 5 || r.Fresh != 90*time.Second || r.RedirectHost != `"login.example.com"` {
		t.Errorf("%+v", r)
	}
}

// A redirect may carry a secret; only the host is for the log.
func TestRedirectHost(t *testing.T) {
	for location, want := range map[string]string{
		"https://h/p?q=secret":          `"h"`,
		"HTTPS://H:8443/p":              `"h:8443"`,
		"http://h?q=secret":             `"h"`,
		"https://h#secret":              `"h"`,
		"https://user:secret@h/p@x":     `"h"`,
		"https://secret@x@h":            `"h"`,
		`https://h\secret`:              `"h"`,
		"//h/p":                         `"h"`,
		"/p?next=https://secret/":       "the same host",
		"p":                             "the same host",
		"":                              "the same host",
		"login?next=https://secret/":    "the same host",
		"https://h\r\nmcpauth: forged/": `"h\r\nmcpauth: forged"`,
	} {
		if got := redirectHost(location); got != want {
			t.Errorf("%q: %s, want %s", location, got, want)
		}
	}
}

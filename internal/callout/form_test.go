package callout

import (
	"net/url"
	"strings"
	"testing"
)

func FuzzFormEncode(f *testing.F) {
	f.Add("client:id")
	f.Add("ü%&= +/~")
	f.Fuzz(func(t *testing.T, s string) {
		encoded := formEncode(s)
		if back, err := url.QueryUnescape(encoded); err != nil || back != s {
			t.Errorf("%q: form %q: %q, %v", s, encoded, back, err)
		}
		if strings.ContainsAny(encoded, "&=+ :\r\n") {
			t.Errorf("%q: form %q", s, encoded)
		}
	})
}

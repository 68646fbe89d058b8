package redact

import (
	"strings"
	"testing"
)

func TestClean(t *testing.T) {
	var r Redactor
	r.Add("s3cr3t/with+signs", "", "abc")
	for text, want := range map[string]string{
		"plain text":                         "plain text",
		"abc is too short":                   "abc is too short",
		"a s3cr3t/with+signs b":              "a [secret] b",
		"x=s3cr3t%2Fwith%2Bsigns&y":          "x=[secret]&y",
		"Bearer eyJhbGciOiJub25lIn0.e30.abc": "Bearer [secret]",
		"\x1b[31mred\u202e":                  " [31mred ",
		"bad \xff byte":                      "bad ? byte",
	} {
		if got := r.Clean(text); got != want {
			t.Errorf("Clean(%q) = %q, want %q", text, got, want)
		}
	}
	var none *Redactor
	if got := none.Clean("eyJhbGciOiJub25lIn0.e30."); strings.Contains(got, "eyJ") {
		t.Errorf("a nil Redactor keeps %q", got)
	}
}

package reply

import (
	"strings"
	"testing"
)

func TestAllowHeaders(t *testing.T) {
	for asked, want := range map[string]string{
		"":                            mcpHeaders,
		"authorization, content-type": "authorization, content-type",
		"x\r\ny":                      mcpHeaders,
		"a b":                         mcpHeaders,
		"a,,b":                        mcpHeaders,
		`"x"`:                         mcpHeaders,
		strings.Repeat("a,", 600):     mcpHeaders,
	} {
		if got := allowHeaders(asked); got != want {
			t.Errorf("allowHeaders(%q) = %q, want %q", asked, got, want)
		}
	}
}

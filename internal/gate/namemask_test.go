package gate

import (
	"strings"
	"testing"

	"mcpauth/config"
)

// A mask has whatever was added, in every spelling that some server takes for it.
func TestNameMask(t *testing.T) {
	for _, name := range []string{":path", "a", "x", "xy", "-a", "x-a", "x-mcpauth-subject", "mcp-name", "0-a", "x-0", "x--a", strings.Repeat("a-", 40)} {
		var m nameMask
		m.add(name)
		for c := range 256 {
			for _, spelled := range []string{name, strings.ToUpper(name)} {
				spelled = strings.ReplaceAll(spelled, "-", string([]byte{byte(c)}))
				if config.HeaderKey(spelled) == config.HeaderKey(name) && !m.has(spelled) {
					t.Errorf("%q does not have %q", name, spelled)
				}
			}
		}
		for _, other := range []string{"", name + "-", "q" + name[1:]} {
			if len(name) < 63 && m.has(other) {
				t.Errorf("%q has %q", name, other)
			}
		}
	}
	var m nameMask
	m.addPrefix("x-mcpauth-")
	for n := range 100 {
		if name := "x_mcpauth." + strings.Repeat("a", n); !m.has(name) {
			t.Errorf("the mask of a prefix has no %q", name)
		}
	}
	if m.has("x-mcpauth") || m.has("x-forwarded-for") {
		t.Error("the mask of a prefix has other names")
	}
}

// FuzzTakeHeader: TakeHeader passes over no header for which takeHeader does something.
func FuzzTakeHeader(f *testing.F) {
	for _, name := range append(append(taken[:], methodOverrides[:]...), pathOverrides[:]...) {
		for _, spelled := range []string{name, strings.ReplaceAll(name, "-", "_"), strings.ToUpper(name), name + "x"} {
			f.Add(spelled, "identity")
			f.Add(spelled, "x; charset=utf-7")
		}
	}
	f.Add("x_mcpauth_subject", "root")
	f.Add("x-tenant", "a")
	f.Add("7.payload", "a")
	f.Fuzz(func(t *testing.T, name, value string) {
		if name == "" {
			return
		}
		g := &Gate{forwardedCert: true, hasPublic: true, hasProxy: true, reserved: newReservedHeaders(&config.Config{Resources: []*config.Resource{
			{ForwardPayloadHeader: "7-payload", ClaimToHeaders: []config.ClaimToHeader{{HeaderName: "x-tenant"}}},
		}})}
		g.interest = newHeadersOfInterest(&g.reserved)
		var got, want Request
		removed, wantRemoved := g.TakeHeader(&got, name, value), g.takeHeader(&want, name, value)
		if removed != wantRemoved || got != want {
			t.Errorf("%q: %v, %+v; without the mask %v, %+v", name, removed, got, wantRemoved, want)
		}
	})
}

package wasmtest

import (
	"strings"
	"testing"
	"time"
)

// That a server works again is told although it does so within the minute in which
// there is no further line, although nobody asks later, and although another
// worker said that it did not.
func TestRecoveryIsLoggedOnce(t *testing.T) {
	const fails, works = "tokens cannot be checked", "tokens can be checked again"
	h := newHost(t, Options{})
	vms := []*VM{start(t, h, config(opaque(nil), notes(nil), nil)), start(t, h, config(opaque(nil), notes(nil), nil))}
	a := newAsked(map[string]object{"one": aboutToken(h, nil), "two": aboutToken(h, nil), "three": aboutToken(h, nil)})
	wantForwarded(t, a.decided(h, vms[1], "one")) // for this worker all is well
	fail := func(vm *VM, token string) {
		s := vm.Request(rpc("/notes", "Bearer "+token))
		h.Run(10*time.Millisecond, func() {
			for _, c := range h.Callouts() {
				c.Answer("500", nil, nil)
			}
		})
		wantUnavailable(t, s)
	}
	count := func(text string, want int) {
		t.Helper()
		if n := strings.Count(h.LogText(), text); n != want {
			t.Errorf("%d lines with %q, want %d:\n%s", n, text, want, h.LogText())
		}
	}
	fail(vms[0], "two")
	count(fails, 1)
	h.Run(10*time.Second, nil)
	wantForwarded(t, a.decided(h, vms[1], "two"))
	count(works, 0)
	h.Run(55*time.Second, nil)
	count(works, 1)

	// What came and went within the minute is not told late.
	fail(vms[0], "three")
	h.Run(2*time.Second, nil)
	wantForwarded(t, a.decided(h, vms[0], "three"))
	h.Run(5*time.Minute, nil)
	count(fails, 1)
	count(works, 1)
}

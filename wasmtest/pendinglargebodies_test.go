package wasmtest

import (
	"strings"
	"testing"
	"time"
)

// A body that is too large for the host to keep while its request waits ends the
// wait where rules are to look at it, with 413; where there are none, the host reads
// no further until the request goes on, and loses nothing. No request hangs.
func TestLargeBodiesOfHeldRequests(t *testing.T) {
	const limit = 4096
	for name, tt := range map[string]struct {
		resource object
		rules    bool
	}{"rules": {ruled(object{"max_body_bytes": 4 * limit}), true}, "no rules": {notes(nil), false}} {
		for mode, stops := range map[string]bool{"headers go on": false, "headers stop": true} {
			for _, size := range []int{limit / 2, limit, limit + 1, 2 * limit, 8 * limit} {
				for _, before := range []int{0, size / 2, size} { // what comes before the keys
					h := newHost(t, Options{HeadersStopIteration: stops, BufferLimit: limit})
					vm := start(t, h, config(fetching(nil), tt.resource, object{"allow_on_headers_stop_iteration": stops}))
					s := vm.Open(rpc("/notes", rsaKey.bearer(claims(h, nil))), false)
					text := call("list_notes")
					text += strings.Repeat(" ", size-len(text))
					sent, next := 0, 0
					send := func(to int) {
						for ; sent < to && s.State() != Answered; sent = next {
							next = min(sent+1000, to)
							s.Body(text[sent:next], next == size)
						}
					}
					send(before)
					goodServer(rsaKey).run(h, time.Second)
					send(size)
					switch {
					case s.State() == Held:
						t.Errorf("%s, %s, %d bytes, %d before: still held", name, mode, size, before)
					case !tt.rules || size <= limit:
						if s.State() != Forwarded || s.UpstreamBody() != text {
							t.Errorf("%s, %s, %d bytes, %d before: %s, %d bytes", name, mode, size, before, describe(s), len(s.UpstreamBody()))
						}
					case s.State() == Forwarded && s.UpstreamBody() == "":
						t.Errorf("%s, %s, %d bytes, %d before: hangs", name, mode, size, before)
					case s.State() == Answered && s.Local().Status != 413:
						t.Errorf("%s, %s, %d bytes, %d before: %s", name, mode, size, before, describe(s))
					case s.State() == Answered && s.UpstreamBody() != "":
						t.Errorf("%s, %s, %d bytes, %d before: %d bytes went on", name, mode, size, before, len(s.UpstreamBody()))
					}
					s.Close()
				}
			}
		}
	}
}

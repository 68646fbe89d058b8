package main

import (
	"time"

	"github.com/proxy-wasm/proxy-wasm-go-sdk/proxywasm"
	"github.com/proxy-wasm/proxy-wasm-go-sdk/proxywasm/types"

	"mcpauth/internal/gate"
)

const (
	maxHeld     = 1024             // requests of one worker
	maxHeldTime = 10 * time.Second // of one request: two callouts that time out

	// maxReleased is how many requests are let go in one callback. The host
	// carries out what a callback asks for after it, each within the callbacks
	// of the one before: some 300 answers at once overflow the stack of Envoy's
	// worker, and the VM is dead.
	maxReleased = 32
)

// held are the requests that wait, in the order of their arrival.
type held struct {
	list []waiter
	more bool // some could be let go at the next tick
}

type waiter struct {
	stream  *stream
	request *gate.Request // shares no memory with the host's headers; nil if the body is to be decided on
	arrived int64         // Unix milliseconds
	wait    gate.Wait
	ended   uint64 // what wait.Ended returned when it was last looked at
}

// room reports whether there is room for a request with this verdict.
func (h *held) room(v gate.Verdict) bool {
	room := maxHeld
	if v.Yields {
		room /= 2
	}
	return len(h.list) < room
}

// add takes a request in that arrived at a time, in Unix milliseconds.
func (h *held) add(s *stream, r *gate.Request, arrived int64, wait gate.Wait) {
	h.list = append(h.list, waiter{s, r, arrived, wait, wait.Ended()})
}

func (h *held) remove(s *stream) {
	for i, w := range h.list {
		if w.stream == s {
			h.list = append(h.list[:i], h.list[i+1:]...)
			return
		}
	}
}

// review decides anew on each request for which what it waits for has ended, and
// refuses those that have waited too long. It leaves to the next tick what is
// too much for one.
func (h *held) review(p *plugin) {
	h.more = false
	if len(h.list) == 0 {
		return
	}
	now := clock()
	list, released := h.list, 0
	h.list = nil
	for i, w := range list {
		if released == maxReleased {
			h.list, h.more = append(h.list, list[i:]...), true
			break
		}
		waited := now.UnixMilli() - w.arrived
		expired := waited < 0 || waited >= maxHeldTime.Milliseconds()
		if w.wait.Waiting() && w.wait.Ended() == w.ended && !expired {
			h.list = append(h.list, w)
			continue
		}
		if err := proxywasm.SetEffectiveContext(w.stream.id); err != nil {
			// Its client has left.
			logError("a request that waited is gone: " + err.Error())
			continue
		}
		v, err := w.ask(p, now)
		if v.Wait != nil && !expired {
			h.list = append(h.list, waiter{w.stream, w.request, w.arrived, v.Wait, v.Wait.Ended()})
			continue
		}
		released++
		if w.release(p, v, err) == types.ActionContinue {
			w.stream.resumed = true
			if err := proxywasm.ResumeHttpRequest(); err != nil {
				logError("a request that waited cannot go on: " + err.Error())
			}
		}
	}
	if err := proxywasm.SetEffectiveContext(p.id); err != nil {
		logError("the plugin's own context is gone: " + err.Error())
	}
}

// ask returns the verdict on a request anew.
func (w *waiter) ask(p *plugin, now time.Time) (gate.Verdict, error) {
	if w.request == nil {
		return w.stream.askBody()
	}
	return p.gate.Decide(w.request, now), nil
}

// release carries out a verdict on a request that has waited.
func (w *waiter) release(p *plugin, v gate.Verdict, err error) types.Action {
	s := w.stream
	s.stage = open
	switch {
	case err != nil:
		return s.fault("the request's body cannot be read", err)
	case w.request == nil:
		if v.Wait != nil {
			v = s.body.GiveUp(v.Wait)
		}
		return s.settle(v)
	case v.Wait != nil:
		v = p.gate.GiveUp(w.request, v.Wait)
	}
	return s.carryOut(v)
}

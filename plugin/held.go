package main

import (
	"time"

	"github.com/proxy-wasm/proxy-wasm-go-sdk/proxywasm"
	"github.com/proxy-wasm/proxy-wasm-go-sdk/proxywasm/types"

	"mcpauth/internal/gate"
	"mcpauth/internal/keys"
)

const (
	// maxHeld is how many places all requests of one worker take together: see
	// gate.Queue. Beyond, each queue has gate.Share.
	maxHeld = 4096

	maxHeldTime = keys.MaxWait // of one request: two callouts that time out

	// maxReleased is how many requests are let go in one callback. The host
	// carries out what a callback asks for after it, each within the callbacks
	// of the one before: some 300 answers at once overflow the stack of Envoy's
	// worker, and the VM is dead.
	maxReleased = 32
)

// held are the requests that wait, in the order of their arrival.
type held struct {
	list   []*waiter
	byID   map[uint32]*waiter // those in the list whose clients are there
	places int                // that they take
	more   bool               // some could be let go at the next tick
}

type waiter struct {
	stream  *stream
	request *gate.Request // shares no memory with the host's headers; nil if the body is to be decided on
	arrived int64         // Unix milliseconds
	places  int
	queue   *gate.Queue
	wait    gate.Wait
	ended   uint64 // what wait.Ended returned when it was last looked at
	gone    bool   // its client has left
}

// room reports whether there are places in a queue.
func (h *held) room(q *gate.Queue, places int) bool {
	return q.Room(places, h.places+places > maxHeld)
}

// add takes a request in that arrived at a time, in Unix milliseconds.
func (h *held) add(s *stream, r *gate.Request, arrived int64, wait gate.Wait, queue *gate.Queue) {
	places := 1
	if r != nil {
		places = r.Places()
	}
	if h.byID == nil {
		h.byID = map[uint32]*waiter{}
	}
	if len(h.list) > 2*len(h.byID)+maxReleased {
		h.forgetGone()
	}
	w := &waiter{stream: s, request: r, arrived: arrived, places: places, queue: queue, wait: wait, ended: wait.Ended()}
	h.take(w, places)
	h.list, h.byID[s.id] = append(h.list, w), w
}

func (h *held) take(w *waiter, places int) {
	w.queue.Take(places)
	h.places += places
}

// remove takes out a request whose client has left. The list is put in order
// later, lest many that leave go through it many times.
func (h *held) remove(s *stream) {
	if w := h.byID[s.id]; w != nil {
		h.leave(w)
		w.gone, w.request = true, nil
	}
}

// leave gives back the places of a request.
func (h *held) leave(w *waiter) {
	delete(h.byID, w.stream.id)
	h.take(w, -w.places)
}

// forgetGone takes those whose clients have left from the list.
func (h *held) forgetGone() {
	list := h.list
	h.list = h.list[:0]
	for _, w := range list {
		if !w.gone {
			h.list = append(h.list, w)
		}
	}
	clear(list[len(h.list):])
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
		if w.gone {
			continue
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
			h.leave(w)
			continue
		}
		v, err := w.ask(p, now)
		if v.Kind() == gate.KindWait && !expired && h.stays(w, v.Wait(), v.Queue()) {
			h.list = append(h.list, w)
			continue
		}
		released++
		h.leave(w)
		if w.release(p, v, err, expired) == types.ActionContinue {
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

// stays lets a request wait for what a new verdict says, perhaps in another queue,
// and reports whether there is room.
func (h *held) stays(w *waiter, wait gate.Wait, queue *gate.Queue) bool {
	if queue != w.queue {
		h.take(w, -w.places)
		if !h.room(queue, w.places) {
			h.take(w, w.places)
			return false
		}
		w.queue = queue
		h.take(w, w.places)
	}
	w.wait, w.ended = wait, wait.Ended()
	return true
}

// ask returns the verdict on a request anew.
func (w *waiter) ask(p *plugin, now time.Time) (gate.Verdict, error) {
	if w.request == nil {
		return w.stream.askBody()
	}
	return p.gate.Decide(w.request, now), nil
}

// release carries out a verdict on a request that has waited: until its time was
// over, or until there is an answer or no room to wait for another.
func (w *waiter) release(p *plugin, v gate.Verdict, err error, expired bool) types.Action {
	s := w.stream
	s.stage = open
	switch {
	case err != nil:
		return s.fault("the request's body cannot be read", err)
	case w.request == nil:
		if v.Kind() == gate.KindWait && expired {
			v = s.body.TimedOut(v.Wait())
		}
		return s.settle(v)
	case v.Kind() == gate.KindWait && expired:
		v = w.request.TimedOut(v.Wait())
	}
	return s.carryOut(v)
}

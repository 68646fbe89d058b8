package main

import (
	"time"

	"github.com/proxy-wasm/proxy-wasm-go-sdk/proxywasm"
	"github.com/proxy-wasm/proxy-wasm-go-sdk/proxywasm/types"

	"mcpauth/internal/gate"
	"mcpauth/internal/keys"
)

const (
	// maxPlaces is the number of places that the pending requests of one worker
	// share (see gate.Queue). Once they are taken, each queue has gate.Share more.
	maxPlaces = 4096

	// maxPendingTime bounds the wait of one request: two callouts that time out.
	maxPendingTime = keys.MaxWait

	// maxResumed bounds the requests that one callback resumes. The host acts on
	// the calls of a callback after it, each within the callbacks of the one
	// before: some 300 answers at once overflow the stack of Envoy's worker, which
	// kills the VM.
	maxResumed = 32
)

// pending holds the requests that wait, in the order of their arrival.
type pending struct {
	list   []*pendingRequest
	byID   map[uint32]*pendingRequest // the requests in list that are not gone
	places int                        // taken by the requests in byID
	more   bool                       // resumeReady left requests for the next tick
}

type pendingRequest struct {
	stream  *stream
	request *gate.Request // shares no memory with the host's headers; nil if the body is to be decided on
	arrived gate.UnixMilli
	places  int
	queue   *gate.Queue
	wait    gate.Wait
	ended   uint64 // wait.Ended() when the request was last decided on
	gone    bool   // withdrawn
}

// hasRoom reports whether a queue has room for a request that takes places.
func (p *pending) hasRoom(q *gate.Queue, places int) bool {
	return q.Room(places, p.places+places > maxPlaces)
}

// add makes a request wait for w in a queue. r is nil if the body is to be
// decided on.
func (p *pending) add(s *stream, r *gate.Request, arrived gate.UnixMilli, w gate.Wait, queue *gate.Queue) {
	places := 1
	if r != nil {
		places = r.Places()
	}
	if p.byID == nil {
		p.byID = map[uint32]*pendingRequest{}
	}
	if len(p.list) > 2*len(p.byID)+maxResumed {
		p.compact()
	}
	added := &pendingRequest{stream: s, request: r, arrived: arrived, places: places, queue: queue, wait: w, ended: w.Ended()}
	p.takePlaces(added, places)
	p.list, p.byID[s.id] = append(p.list, added), added
}

// takePlaces takes places for a request, or returns them if the number is negative.
func (p *pending) takePlaces(r *pendingRequest, places int) {
	r.queue.Take(places)
	p.places += places
}

// withdraw removes the request of a stream, such as one whose client has left. It
// leaves the list to compact and resumeReady: to search the list for each of many
// requests would take quadratic time.
func (p *pending) withdraw(s *stream) {
	if r := p.byID[s.id]; r != nil {
		p.remove(r)
		r.gone, r.request = true, nil
	}
}

// remove returns the places of a request, which the caller takes from the list.
func (p *pending) remove(r *pendingRequest) {
	delete(p.byID, r.stream.id)
	p.takePlaces(r, -r.places)
}

// compact removes withdrawn requests from the list.
func (p *pending) compact() {
	list := p.list
	p.list = p.list[:0]
	for _, r := range list {
		if !r.gone {
			p.list = append(p.list, r)
		}
	}
	clear(list[len(p.list):])
}

// resumeReady decides again on each request whose wait has ended, and refuses the
// requests that have waited too long. After maxResumed requests it leaves the rest
// to the next tick.
func (p *pending) resumeReady(plugin *plugin) {
	p.more = false
	if len(p.list) == 0 {
		return
	}
	now := clock()
	list, resumed := p.list, 0
	p.list = nil
	for i, r := range list {
		if resumed == maxResumed {
			p.list, p.more = append(p.list, list[i:]...), true
			break
		}
		if r.gone {
			continue
		}
		waited := gate.UnixMilli(now.UnixMilli()).Sub(r.arrived)
		expired := waited < 0 || waited >= maxPendingTime // negative if the clock was set back
		if r.wait.Waiting() && r.wait.Ended() == r.ended && !expired {
			p.list = append(p.list, r)
			continue
		}
		if err := proxywasm.SetEffectiveContext(r.stream.id); err != nil {
			// The client has left.
			logError("a request that waited is gone: " + err.Error())
			p.remove(r)
			continue
		}
		v, err := r.decide(plugin, now)
		if v.Kind() == gate.KindWait && !expired && p.waitAgain(r, v.Wait(), v.Queue()) {
			p.list = append(p.list, r)
			continue
		}
		resumed++
		p.remove(r)
		if r.applyVerdict(plugin, v, err, expired) == types.ActionContinue {
			r.stream.resumed = true
			if err := proxywasm.ResumeHttpRequest(); err != nil {
				logError("a request that waited cannot go on: " + err.Error())
			}
		}
	}
	if err := proxywasm.SetEffectiveContext(plugin.id); err != nil {
		logError("the plugin's own context is gone: " + err.Error())
	}
}

// waitAgain makes a pending request wait for w in a queue, which may be another
// one than before, and reports whether that queue has room.
func (p *pending) waitAgain(r *pendingRequest, w gate.Wait, queue *gate.Queue) bool {
	if queue != r.queue {
		p.takePlaces(r, -r.places)
		if !p.hasRoom(queue, r.places) {
			p.takePlaces(r, r.places)
			return false
		}
		r.queue = queue
		p.takePlaces(r, r.places)
	}
	r.wait, r.ended = w, w.Ended()
	return true
}

// decide returns a new verdict on a pending request.
func (r *pendingRequest) decide(p *plugin, now time.Time) (gate.Verdict, error) {
	if r.request == nil {
		return r.stream.bodyVerdict()
	}
	v := p.gate.Decide(r.request, now)
	return v, r.stream.audit(&v)
}

// applyVerdict carries out a verdict on a request that waits no longer: the verdict
// is final, the request has expired, or no queue has room for it.
func (r *pendingRequest) applyVerdict(p *plugin, v gate.Verdict, err error, expired bool) types.Action {
	s := r.stream
	s.stage = open
	switch {
	case err != nil:
		return s.fault("the request that waited cannot be decided on", err)
	case r.request == nil:
		if v.Kind() == gate.KindWait && expired {
			v = s.body.TimedOut(v.Wait())
		}
		return s.applyBodyVerdict(v)
	case v.Kind() == gate.KindWait && expired:
		v = r.request.TimedOut(v.Wait())
	}
	return s.applyVerdict(v)
}

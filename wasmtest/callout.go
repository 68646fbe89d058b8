package wasmtest

import (
	"slices"
	"time"
)

type clusterState int

const (
	clusterHealthy clusterState = iota + 1
	// clusterEmpty is known but has no host to send to: Envoy's client answers
	// inline and the call returns InternalFailure.
	clusterEmpty
)

// Callout is a request of a guest to a cluster that has no response yet.
type Callout struct {
	VM      *VM
	ID      uint32
	Cluster string
	Headers Headers
	Body    []byte
	Timeout time.Duration
	root    uint32
}

// Path returns the request's :path.
func (c *Callout) Path() string { return c.Headers.Get(":path") }

// Callouts returns the callouts of all VMs that are alive and still wait for
// an answer, in the order of their dispatch.
func (h *Host) Callouts() []*Callout { return slices.Clone(h.callouts) }

// Dispatched returns how many callouts guests have sent so far, answered or
// not. Refused ones do not count.
func (h *Host) Dispatched() int { return h.dispatched }

// SetCluster makes a cluster known. With empty, it has no host to send to, and
// callouts to it fail at once with InternalFailure.
func (h *Host) SetCluster(name string, empty bool) {
	if h.clusters == nil {
		h.clusters = map[string]clusterState{}
	}
	h.clusters[name] = clusterHealthy
	if empty {
		h.clusters[name] = clusterEmpty
	}
}

// calloutResponse is the response that a guest reads in its callback.
type calloutResponse struct {
	headers  Headers
	body     []byte
	trailers Headers
}

// Answer passes a response to the guest's callback, and then runs the actions that the
// callback asked for.
func (c *Callout) Answer(status string, headers Headers, body []byte) {
	all := append(Headers{{":status", status}}, headers...)
	c.finish(&calloutResponse{headers: all, body: body})
}

// TimeOut answers as Envoy's client does once the timeout has passed, or the
// upstream could not be reached with 503.
func (c *Callout) TimeOut() {
	c.Answer("504", Headers{{"content-type", "text/plain"}}, []byte("upstream request timeout"))
}

// Fail ends the callout without a response, as Envoy does when the stream is
// reset: the guest sees no headers and no body.
func (c *Callout) Fail() { c.finish(nil) }

func (c *Callout) finish(r *calloutResponse) {
	vm := c.VM
	at := slices.Index(vm.host.callouts, c)
	if at < 0 {
		panic("wasmtest: the callout has been answered before, or its VM is dead")
	}
	vm.host.callouts = slices.Delete(vm.host.callouts, at, at+1)
	vm.response = r
	var headers, body, trailers int
	if r != nil {
		headers, body, trailers = len(r.headers), len(r.body), len(r.trailers)
	}
	vm.enter(c.root, "proxy_on_http_call_response",
		uint64(c.root), uint64(c.ID), uint64(headers), uint64(body), uint64(trailers))
	vm.response = nil
}

func (vm *VM) proxyHTTPCall(a args) Status {
	cluster, ok := vm.read(a.u32(0), a.u32(1))
	headers, ok2 := vm.read(a.u32(2), a.u32(3))
	body, ok3 := vm.read(a.u32(4), a.u32(5))
	_, ok4 := vm.read(a.u32(6), a.u32(7))
	if !ok || !ok2 || !ok3 || !ok4 {
		return InvalidMemoryAccess
	}
	c := &Callout{
		VM:      vm,
		Cluster: string(cluster),
		Body:    slices.Clone(body),
		Timeout: time.Duration(a.u32(8)) * time.Millisecond,
		root:    vm.plugin(),
	}
	pairs, ok := unmarshalPairs(headers)
	if !ok {
		vm.host.violate("callout with malformed headers")
	}
	c.Headers = lowerNames(pairs)
	if vm.starting {
		// The cluster manager knows no cluster yet while Envoy starts.
		return BadArgument
	}
	state := clusterHealthy
	if vm.host.clusters != nil {
		state = vm.host.clusters[c.Cluster]
	}
	if state == 0 || !c.Headers.Has(":path") || !c.Headers.Has(":method") || !c.Headers.Has(":authority") {
		return BadArgument
	}
	if state == clusterEmpty {
		return InternalFailure
	}
	vm.lastCallout++
	c.ID = vm.lastCallout
	vm.host.callouts = append(vm.host.callouts, c)
	vm.host.dispatched++
	return vm.writeU32(a.u32(9), c.ID)
}

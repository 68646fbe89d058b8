//go:build !vectors && !plain

package main

import (
	_ "unsafe" // for go:linkname

	"github.com/proxy-wasm/proxy-wasm-go-sdk/proxywasm/types"

	"mcpauth/internal/contextmap"
)

// These functions take the place of the SDK's callbacks for streams in the built file: the
// command internal/build/shrink gives them the SDK's names. In a plain build the SDK's
// callbacks call the same methods.
//
// What a request costs depends on how much code it executes, more than on how often: the
// host, its Wasm engine and the kernel leave the processor's caches to nobody. The SDK looks
// into its maps fourteen times for a request and has a context allocated for each, which
// was a third of the code. Here a request that has been let on is forgotten at once: the
// callbacks that follow find no stream, and return.

// streams has the requests of this VM, by the IDs of their contexts, with which the plugin
// is not done: those that wait, those whose bodies or responses it reads, and those that it
// has answered and that have a body.
var streams contextmap.Map[*stream]

// created is the context that the host has created last, until its headers come: the host
// creates one when it has them. newer contexts take its place, and it goes into streams.
var created struct {
	id     uint32
	plugin *plugin
}

// plugins has the configurations of this VM, by the IDs of their contexts. The SDK knows
// these contexts.
var plugins contextmap.Map[*plugin]

// lastPlugin is the largest of these IDs: the host counts them up.
var lastPlugin uint32

// spare is for the next request. A request that is let on or answered at once leaves it as
// it was, and nothing refers to it.
var spare *stream

// refused stands in streams for all requests that have been answered at once and that have
// a body. It has no plugin: the requests may be of several.
var refused = &stream{stage: answered, counted: true}

//go:linkname sdkContextCreate github.com/proxy-wasm/proxy-wasm-go-sdk/proxywasm/internal.proxyOnContextCreate
func sdkContextCreate(id, pluginID uint32)

//go:linkname sdkDone github.com/proxy-wasm/proxy-wasm-go-sdk/proxywasm/internal.proxyOnDone
func sdkDone(id uint32) bool

//go:linkname sdkDelete github.com/proxy-wasm/proxy-wasm-go-sdk/proxywasm/internal.proxyOnDelete
func sdkDelete(id uint32)

//go:wasmexport mcpauth_on_context_create
func onContextCreate(id, pluginID uint32) {
	if pluginID == 0 {
		sdkContextCreate(id, 0)
		plugins.Put(id, newPlugin)
		newPlugin = nil
		lastPlugin = max(lastPlugin, id)
		return
	}
	p := plugins.Get(pluginID)
	if p == nil || id == 0 || created.id != 0 {
		createSeldom(id, pluginID, p)
		return
	}
	created.id, created.plugin = id, p
}

// createSeldom creates a context while the headers of the one before have not come.
func createSeldom(id, pluginID uint32, p *plugin) {
	if p == nil || id == 0 || created.id == id || streams.Get(id) != nil {
		panic("a context that cannot be created")
	}
	streams.Put(created.id, &stream{id: created.id, plugin: created.plugin})
	created.id, created.plugin = id, p
}

//go:wasmexport mcpauth_on_request_headers
func onRequestHeaders(id uint32, n int32, endOfStream bool) types.Action {
	if created.id != id {
		s := streams.Get(id)
		if s == nil {
			panic("headers of an unknown context")
		}
		return s.OnHttpRequestHeaders(int(n), endOfStream)
	}
	s := spare
	if spare = nil; s == nil {
		s = &stream{}
	}
	s.id, s.plugin, created.id = id, created.plugin, 0
	action := s.OnHttpRequestHeaders(int(n), endOfStream)
	if p := s.plugin; s.stage != open || s.body != nil || len(p.lists) > 0 || len(p.observers) > 0 {
		if s.keep(endOfStream) {
			return action
		}
	}
	s.stage, s.counted, spare = open, false, s
	return action
}

// keep puts a request into streams, unless the plugin is done with it, and reports whether
// the stream itself is in use.
//
//go:noinline
func (s *stream) keep(endOfStream bool) bool {
	switch {
	case s.stage == waiting || s.body != nil || s.lists() != nil || s.observer() != nil:
		streams.Put(s.id, s)
		return true
	case s.stage == answered && !endOfStream:
		streams.Put(s.id, refused)
	}
	return false
}

//go:wasmexport mcpauth_on_request_body
func onRequestBody(id uint32, size int32, endOfStream bool) types.Action {
	if s := streams.Get(id); s != nil {
		return s.OnHttpRequestBody(int(size), endOfStream)
	}
	return types.ActionContinue
}

//go:wasmexport mcpauth_on_request_trailers
func onRequestTrailers(id uint32, n int32) types.Action {
	switch s := streams.Get(id); {
	case s == refused:
		return types.ActionPause
	case s != nil:
		return s.OnHttpRequestTrailers(int(n))
	}
	err := removeTrailers(int(n), func(name string) bool {
		return plugins.Any(func(p *plugin) bool {
			return p.gate != nil && p.gate.Reserved(name) // nil if its configuration is invalid
		})
	})
	if err != nil {
		return (&stream{plugin: &plugin{}, counted: true}).fault(unreadTrailers, err)
	}
	return types.ActionContinue
}

//go:wasmexport mcpauth_on_response_headers
func onResponseHeaders(id uint32, n int32, endOfStream bool) types.Action {
	if s := streams.Get(id); s != nil && s != refused {
		return s.OnHttpResponseHeaders(int(n), endOfStream)
	}
	return types.ActionContinue
}

//go:wasmexport mcpauth_on_response_body
func onResponseBody(id uint32, size int32, endOfStream bool) types.Action {
	if s := streams.Get(id); s != nil && s != refused {
		return s.OnHttpResponseBody(int(size), endOfStream)
	}
	return types.ActionContinue
}

//go:wasmexport mcpauth_on_response_trailers
func onResponseTrailers(id uint32, n int32) types.Action {
	if s := streams.Get(id); s != nil && s != refused {
		return s.OnHttpResponseTrailers(int(n))
	}
	return types.ActionContinue
}

//go:wasmexport mcpauth_on_log
func onLog(id uint32) {
	if s := streams.Get(id); s != nil && s != refused {
		s.OnHttpStreamDone()
	}
}

//go:wasmexport mcpauth_on_done
func onDone(id uint32) bool { return id > lastPlugin || plugins.Get(id) == nil || sdkDone(id) }

//go:wasmexport mcpauth_on_delete
func onDelete(id uint32) {
	switch s := streams.Get(id); {
	case s == refused:
		streams.Delete(id)
	case s != nil: // and without onLog, perhaps
		s.leavePending()
		s.forget()
		streams.Delete(id)
	case created.id == id:
		created.id = 0
	case id <= lastPlugin && plugins.Get(id) != nil:
		deletePlugin(id)
	}
}

// deletePlugin deletes a configuration, and what keeps its memory. None of its streams is
// left.
func deletePlugin(id uint32) {
	spare = nil
	if created.id == 0 {
		created.plugin = nil
	}
	plugins.Delete(id)
	sdkDelete(id)
}

package main

import (
	"bytes"
	"errors"
	"strconv"
	"time"

	"github.com/proxy-wasm/proxy-wasm-go-sdk/proxywasm"
	"github.com/proxy-wasm/proxy-wasm-go-sdk/proxywasm/types"

	"mcpauth/internal/gate"
)

// A response whose lists are filtered is either kept by Envoy until it is complete, or an
// event stream, of which the plugin keeps the event that has begun.
//
// Where the plugin may stop headers (see body.go), it stops those of a response that Envoy
// keeps, so that the client can get a 502 in its place. Otherwise the headers go on first,
// as those of an event stream do. A local reply then makes Envoy reset the stream.

// stopNoBuffer is the action on a body that goes nowhere.
const stopNoBuffer types.Action = 3 // StopIterationNoBuffer

// The reasons why a response does not pass.
var (
	errEncoding  = errors.New("it is a part of a document, compressed, or not in UTF-8")
	errLarge     = errors.New("it is larger than max_body_bytes")
	errMessage   = errors.New("it is no JSON-RPC message that all clients read alike")
	errEvent     = errors.New("an event is larger than max_body_bytes, or no JSON-RPC message that all clients read alike")
	errShortBody = errors.New("the host returned a part of its body")
)

// lists returns what filters the response, nil if nothing does. It is not in the stream,
// since every request would pay for a larger one.
func (s *stream) lists() *gate.Lists {
	if len(s.plugin.lists) == 0 {
		return nil
	}
	return s.plugin.lists[s.id]
}

// setLists sets what filters the response.
//
//go:noinline
func (s *stream) setLists(lists *gate.Lists) {
	switch {
	case lists != nil:
		if s.plugin.lists == nil {
			s.plugin.lists = map[uint32]*gate.Lists{}
		}
		s.plugin.lists[s.id] = lists
	case len(s.plugin.lists) > 0:
		delete(s.plugin.lists, s.id)
	}
}

// OnHttpResponseHeaders begins to filter a response, if it is one with lists.
func (s *stream) OnHttpResponseHeaders(_ int, endOfStream bool) types.Action {
	lists := s.lists()
	switch {
	case lists == nil:
		return types.ActionContinue
	case endOfStream:
		s.setLists(nil)
		return types.ActionContinue
	}
	return s.beginResponse(lists)
}

func (s *stream) beginResponse(lists *gate.Lists) types.Action {
	var head gate.ResponseHead
	headers, err := responseHeaders()
	if err != nil {
		return s.endResponse(lists, err)
	}
	for {
		name, value, ok := headers.Next()
		if !ok {
			break
		}
		head.Take(name, value)
	}
	if err := headers.Err(); err != nil {
		return s.endResponse(lists, err)
	}
	if s.body != nil { // some servers send their headers before they read
		lists.BeforeBody()
	}
	kind := lists.Begin(&head)
	switch kind {
	case gate.ListsNone:
		s.setLists(nil)
		return types.ActionContinue
	case gate.ListsUnreadable:
		return s.endResponse(lists, errEncoding)
	}
	for _, name := range head.Drop {
		if err := proxywasm.RemoveHttpResponseHeader(name); err != nil {
			return s.endResponse(lists, err)
		}
	}
	if head.Shared() {
		if err := proxywasm.ReplaceHttpResponseHeader("cache-control", "no-store"); err != nil {
			return s.endResponse(lists, err)
		}
	}
	if kind == gate.ListsText && s.plugin.stopsHeaders {
		return types.ActionPause
	}
	if err := proxywasm.RemoveHttpResponseHeader("content-length"); err != nil {
		return s.endResponse(lists, err)
	}
	return types.ActionContinue
}

// OnHttpResponseBody filters a part of an event stream, or a complete body. size is the
// size of the part, or of all that Envoy has kept so far.
func (s *stream) OnHttpResponseBody(size int, endOfStream bool) types.Action {
	lists := s.lists()
	if lists == nil {
		return types.ActionContinue
	}
	switch {
	case lists.Kind == gate.ListsUnreadable:
		return stopNoBuffer
	case lists.Kind == gate.ListsStream:
		return s.filterEvents(lists, size, endOfStream)
	case size > lists.MaxBytes():
		return s.endResponse(lists, errLarge)
	case !endOfStream:
		return types.ActionPause
	}
	return s.filterText(lists)
}

// OnHttpResponseTrailers ends the body. What has begun of an event does not pass: clients
// ignore an event without its end.
func (s *stream) OnHttpResponseTrailers(int) types.Action {
	lists := s.lists()
	switch {
	case lists == nil || lists.Kind == gate.ListsStream:
		return types.ActionContinue
	case lists.Kind == gate.ListsUnreadable:
		return types.ActionPause
	}
	return s.filterText(lists)
}

// filterText filters a body that is complete.
func (s *stream) filterText(lists *gate.Lists) types.Action {
	body, err := responseBody(lists.MaxBytes() + 1)
	if err == nil && len(body) > lists.MaxBytes() {
		err = errLarge
	}
	if err != nil {
		return s.endResponse(lists, err)
	}
	text, ok := lists.Text(body)
	if !ok {
		return s.endResponse(lists, errMessage)
	}
	if !bytes.Equal(text, body) {
		if s.plugin.stopsHeaders {
			err = proxywasm.ReplaceHttpResponseHeader("content-length", strconv.Itoa(len(text)))
		}
		if err == nil {
			err = replaceResponseBody(len(body), text)
		}
		if err != nil {
			return s.endResponse(lists, err)
		}
	}
	s.setLists(nil)
	return types.ActionContinue
}

// maxKeptEvents bounds the memory that is kept from part to part.
const maxKeptEvents = 64 << 10

// filterEvents filters a part of an event stream.
func (s *stream) filterEvents(lists *gate.Lists, size int, endOfStream bool) types.Action {
	part, err := responseBody(size)
	if err == nil && len(part) != size {
		err = errShortBody
	}
	if err != nil {
		return s.endResponse(lists, err)
	}
	events, ok := lists.Stream.Write(s.plugin.events[:0], part, endOfStream)
	if !ok {
		return s.endResponse(lists, errEvent)
	}
	if s.plugin.events = events; cap(events) > maxKeptEvents {
		s.plugin.events = nil
	}
	if !bytes.Equal(events, part) {
		if err := replaceResponseBody(size, events); err != nil {
			return s.endResponse(lists, err)
		}
	}
	return types.ActionContinue
}

// endResponse answers a request with 502 in place of a response that cannot be filtered,
// or ends the response if its headers have gone on.
//
//go:noinline
func (s *stream) endResponse(lists *gate.Lists, why error) types.Action {
	lists.Kind, lists.Stream = gate.ListsUnreadable, nil
	p := s.plugin
	p.metrics.UnreadableList()
	if now := gate.UnixMilli(clock().UnixMilli()); !p.unreadableLogged.Within(time.Minute, now) {
		p.unreadableLogged = now
		logWarn("a response of " + lists.Resource() + " was not passed on, since its lists cannot be filtered: " + why.Error())
	}
	if err := sendLocalReply(lists.Unreadable()); err != nil {
		logError("an answer cannot be sent: " + err.Error())
	}
	return stopNoBuffer
}

package gate

import (
	"strings"

	"mcpauth/config"
	"mcpauth/internal/listfilter"
	"mcpauth/internal/operation"
	"mcpauth/internal/reply"
)

// A Lists takes out of the response to one request what its caller may not use: see
// config.Resource.FilterLists. It is nil for a request whose response has no lists, or is
// not to be changed.
type Lists struct {
	// Kind says how the response is filtered: what Begin has returned.
	Kind ListsKind

	// Stream filters the response if Begin has returned ListsStream.
	Stream *listfilter.Stream

	gate        *Gate
	resource    *resource
	granted     operation.Set
	publicOnly  bool
	called      bool // the request asks for a list
	allowOrigin string
}

// newLists returns the Lists of a request for p that goes on. l is what it lacks; if that
// is anything, it may do what is public only. o is the operation in its headers.
func (g *Gate) newLists(p *resource, r *Request, l lack, granted operation.Set, o *operation.Operation) *Lists {
	if p.FilterLists == config.FilterOff || !r.HasBody && r.Method != "GET" {
		return nil
	}
	publicOnly := l.any()
	if p.FilterLists == config.FilterClaims {
		// The user may consent to scopes.
		publicOnly = l.claim != nil
		granted.Scopes = ^uint64(0)
	}
	return &Lists{gate: g, resource: p, granted: granted, publicOnly: publicOnly, called: r.HasBody && o.IsList(), allowOrigin: strings.Clone(r.allowOrigin())}
}

// ListsKind says how a response is to be filtered.
type ListsKind uint8

const (
	// ListsNone: the response passes as it is.
	ListsNone ListsKind = iota
	// ListsText: Text takes the whole body.
	ListsText
	// ListsStream: Stream takes the body as it comes.
	ListsStream
	// ListsUnreadable: the response must not pass.
	ListsUnreadable
)

// A ResponseHead has those headers of a response that say how to filter it.
type ResponseHead struct {
	Status, ContentType, ContentEncoding string // lines of one name are joined with commas
	CacheControl                         string

	// Drop are the headers that describe the bytes of the body, which the caller may not
	// get.
	Drop []string
}

// Take reads a header, whose name is in lower case.
func (h *ResponseHead) Take(name, value string) {
	switch name {
	case ":status":
		h.Status = value
	case "content-type":
		h.ContentType = joinLines(h.ContentType, value)
	case "content-encoding":
		h.ContentEncoding = joinLines(h.ContentEncoding, value)
	case "cache-control":
		h.CacheControl = joinLines(h.CacheControl, value)
	case "etag", "last-modified", "accept-ranges", "content-digest", "repr-digest", "digest", "content-md5":
		h.Drop = append(h.Drop, name)
	}
}

// Shared reports whether a cache may store the response for other callers. With names of
// headers, private is about these alone: RFC 9111, section 5.2.2.7.
func (h *ResponseHead) Shared() bool {
	for rest, more := strings.ToLower(h.CacheControl), h.CacheControl != ""; more; {
		var directive string
		directive, rest, more = strings.Cut(rest, ",")
		if directive = trimSpace(directive); directive == "no-store" || directive == "private" {
			return false
		}
	}
	return h.CacheControl != ""
}

// BeforeBody says that the response begins before the body of the request has been decided
// on: it may turn out to ask for a list.
func (l *Lists) BeforeBody() { l.called = true }

// Begin sets and returns how to filter a response with a body.
//
// Every event stream is filtered: the response to a request may be on another stream. Of
// the other responses, only one to a request for a list can have a list; a successful one
// whatever its type, since some client may not look at that.
func (l *Lists) Begin(h *ResponseHead) ListsKind {
	l.Kind = l.kind(h)
	if l.Kind == ListsStream {
		l.Stream = listfilter.NewStream(l.filter(), l.MaxBytes())
	}
	return l.Kind
}

func (l *Lists) kind(h *ResponseHead) ListsKind {
	contentType := strings.ToLower(h.ContentType)
	stream := strings.Contains(contentType, "event-stream")
	success := strings.HasPrefix(h.Status, "2")
	switch {
	case !stream && !l.called, !stream && !success && !strings.Contains(contentType, "json"):
		return ListsNone
	case h.Status == "206" || !isIdentity(h.ContentEncoding) || !isUTF8(h.ContentType):
		return ListsUnreadable
	case stream:
		return ListsStream
	}
	return ListsText
}

// MaxBytes is the length of the largest body, and of the largest event, that is read.
func (l *Lists) MaxBytes() int { return l.resource.MaxBodyBytes }

// Text returns a body without what is hidden: the body itself if there is nothing to
// change. It returns false for a body that it cannot read.
func (l *Lists) Text(body []byte) ([]byte, bool) { return l.filter().JSON(body) }

// Unreadable returns the 502 in place of a response that cannot be filtered.
func (l *Lists) Unreadable() *reply.Response { return reply.BadList(l.allowOrigin) }

// Resource returns the identifier of the resource, for the log.
func (l *Lists) Resource() string { return l.resource.Resource.Resource.Raw }

func (l *Lists) filter() *listfilter.Filter { return &listfilter.Filter{Hidden: l.hidden} }

// listed has the operation on the entries of each list.
var listed = [...]*operation.Listed{
	listfilter.Tools:     &operation.CallTool,
	listfilter.Prompts:   &operation.GetPrompt,
	listfilter.Resources: &operation.ReadResource,
	listfilter.Templates: &operation.ReadTemplate,
}

// hidden reports whether the caller may not use an entry of a list.
func (l *Lists) hidden(kind listfilter.Kind, name string) bool {
	return !l.resource.rules.Allows(listed[kind], name, l.granted, l.publicOnly)
}

package gate

import (
	"strings"

	"mcpauth/internal/metrics"
	"mcpauth/internal/wellknown"
)

// metadata serves the protected-resource metadata (RFC 9728 section 3).
func (p *resource) metadata(r *Request) Verdict { return publish(r, p.document, p.tag) }

// publish serves a document of which tag is the entity tag, made if it is empty.
// It is public: pages of any origin may read it.
func publish(r *Request, document []byte, tag string) Verdict {
	const methods = "GET, HEAD, OPTIONS"
	switch r.Method {
	case "GET", "HEAD":
		if tag == "" {
			tag = wellknown.EntityTag(document)
		}
		headers := [][2]string{
			{"cache-control", "public, max-age=3600"},
			{"etag", tag},
			{"access-control-allow-origin", anyOrigin},
		}
		if noneMatches(r.IfNoneMatch, tag) {
			return reply(&Reply{200, append(headers, [2]string{"content-type", "application/json"}), document}, metrics.Metadata)
		}
		return reply(&Reply{304, headers, nil}, metrics.Metadata)
	case "OPTIONS":
		return reply(&Reply{204, append(r.preflightHeaders(anyOrigin, methods), [2]string{"allow", methods}), nil}, metrics.Preflight)
	}
	return reply(problem(405, codeMethod, "use GET", anyOrigin, [2]string{"allow", methods}), metrics.Method)
}

// noneMatches evaluates an If-None-Match header (RFC 9110 section 13.1.2) by
// weak comparison. Other tags can have no quotes in them, so that none can hold
// this one.
func noneMatches(list, tag string) bool {
	return list != "*" && !strings.Contains(list, tag)
}

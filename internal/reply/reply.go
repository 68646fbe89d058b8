// Package reply makes the responses that the gateway sends itself, one
// constructor for each response of the table in docs/answers.md.
//
// Where a constructor takes allowOrigin, this is the value of the response's
// Access-Control-Allow-Origin header: [AnyOrigin], one origin, or empty where no
// browser asked.
package reply

import (
	"strconv"

	"github.com/tidwall/gjson"

	"mcpauth/internal/headermap"
)

// A Response is a local response of the gateway.
type Response struct {
	Status  uint32
	Headers [][2]string
	Body    []byte

	headerMap []byte // see HeaderMap
}

// HeaderMap returns Headers in the serialization of the proxy-wasm ABI. The response keeps
// it: Headers must not change after the first call.
func (r *Response) HeaderMap() []byte {
	if r.headerMap == nil {
		r.headerMap = headermap.Append(nil, r.Headers)
	}
	return r.headerMap
}

// CodeUnavailable is the error code of [TokenNotChecked] and [NoAuthServer]. RFC
// 6749, section 4.1.2.1, defines it for another endpoint.
const CodeUnavailable = "temporarily_unavailable"

const (
	codeInvalidRequest    = "invalid_request"    // RFC 6750, section 3.1
	codeInvalidToken      = "invalid_token"      // RFC 6750, section 3.1
	codeInsufficientScope = "insufficient_scope" // RFC 6750, section 3.1
	codeInvalidDPoPProof  = "invalid_dpop_proof" // RFC 9449, section 7.1
	codeUseDPoPNonce      = "use_dpop_nonce"     // RFC 9449, section 9

	// No RFC defines an error code for these responses. RFC 6749, section 4.1.2.1,
	// defines codeAccessDenied for another endpoint.
	codeAccessDenied     = "access_denied"
	codeUnauthorized     = "unauthorized"
	codeNotFound         = "not_found"
	codeMethodNotAllowed = "method_not_allowed"
	codeOriginNotAllowed = "origin_not_allowed"
	codeContentTooLarge  = "content_too_large"
	codeUnsupportedMedia = "unsupported_media_type"
	codeBadGateway       = "bad_gateway"
)

// Error returns a response with a JSON body of the form of OAuth errors (RFC
// 6749, section 5.2).
func Error(status uint32, code, description, allowOrigin string, headers ...[2]string) *Response {
	body := append([]byte(nil), `{"error":`...)
	body = gjson.AppendJSONString(body, code)
	body = append(body, `,"error_description":`...)
	body = gjson.AppendJSONString(body, description)
	body = append(body, '}', '\n')
	headers = append(headers,
		[2]string{"content-type", "application/json"},
		[2]string{"cache-control", "no-store"})
	return &Response{Status: status, Headers: appendCORS(headers, allowOrigin), Body: body}
}

// InvalidRequest returns the 400 to a request that no token would make
// acceptable. It has no challenge.
func InvalidRequest(description, allowOrigin string) *Response {
	return Error(400, codeInvalidRequest, description, allowOrigin)
}

// HeaderMismatch returns the 400 to a request whose headers do not name the operation in
// its body. The response has the form that MCP 2026-07-28, transports, "Server Validation",
// gives to those of servers: by it a client learns that the server is no older one.
// message needs no escapes.
func HeaderMismatch(message, allowOrigin string) *Response {
	r := InvalidRequest("", allowOrigin)
	r.Body = []byte(`{"jsonrpc":"2.0","error":{"code":-32020,"message":"` + message + "\"}}\n")
	return r
}

// AccessDenied returns the 403 to a request whose token lacks a claim. It has no
// challenge: to sign in again would not change that.
func AccessDenied(description, allowOrigin string) *Response {
	return Error(403, codeAccessDenied, description, allowOrigin)
}

// NotFound returns the 404 to a request that no resource covers, or that asks
// for a document that does not exist.
func NotFound(allowOrigin string) *Response {
	return Error(404, codeNotFound, "nothing is served at this path", allowOrigin)
}

// MethodNotAllowed returns the 405 to a request with another method than want.
// allow is the value of the Allow header.
func MethodNotAllowed(want, allow, allowOrigin string) *Response {
	return Error(405, codeMethodNotAllowed, "use "+want, allowOrigin, [2]string{"allow", allow})
}

// ContentTooLarge returns the 413 to a request whose body is larger than the
// gateway reads.
func ContentTooLarge(allowOrigin string) *Response {
	return Error(413, codeContentTooLarge, "the request's body is too large", allowOrigin)
}

// UnsupportedMediaType returns the 415 to a request whose body the gateway
// cannot read.
func UnsupportedMediaType(allowOrigin string) *Response {
	return Error(415, codeUnsupportedMedia, "the body must be JSON in UTF-8, with no content encoding", allowOrigin,
		[2]string{"accept-encoding", "identity"})
}

// BadList returns the 502 in place of a response whose lists the gateway has to filter
// and cannot read.
func BadList(allowOrigin string) *Response {
	return Error(502, codeBadGateway, "the server's response cannot be read, and may have a list to be filtered", allowOrigin)
}

// HostFault returns the 500 to a request for which a call of the host failed.
func HostFault() *Response { return &Response{Status: 500} }

// TokenNotChecked returns the 503 to a request whose token nobody can check now.
// It has no challenge: the token may be good, and a client that discards it signs
// its user out.
func TokenNotChecked(allowOrigin string, retryAfterSeconds int) *Response {
	return unavailable("the token cannot be checked: the authorization server does not answer", allowOrigin, retryAfterSeconds)
}

// ProofNotChecked returns the 503 to a request whose DPoP proof cannot be remembered, and
// therefore cannot pass. It has no challenge: the token is good.
func ProofNotChecked(allowOrigin string) *Response {
	return unavailable("the DPoP proof cannot be checked: too many have been used", allowOrigin, 5)
}

// NoAuthServer returns the 503 to a request that needs the authorization server
// for something other than its token.
func NoAuthServer(allowOrigin string, retryAfterSeconds int) *Response {
	return unavailable("the authorization server does not answer", allowOrigin, retryAfterSeconds)
}

func unavailable(description, allowOrigin string, retryAfterSeconds int) *Response {
	return Error(503, CodeUnavailable, description, allowOrigin, [2]string{"retry-after", strconv.Itoa(retryAfterSeconds)})
}

package metrics

// An Outcome is what became of a request and why. There is a counter for each.
type Outcome uint8

const (
	// CacheHit: let on, its token passed before and is still good.
	CacheHit Outcome = iota
	// CacheMiss: let on, its token has just passed all checks.
	CacheMiss
	// Unmatched: let on unchecked, since no resource covers it.
	Unmatched
	// Metadata: the protected-resource metadata was served.
	Metadata
	// Preflight: an OPTIONS request was answered.
	Preflight
	// Unauthorized: it had no token.
	Unauthorized

	// From here to MissingClaim: its token failed this check, one for each
	// error of jwtlite about a token.
	Malformed
	TooLarge
	DuplicateMember
	Critical
	Algorithm
	Type
	UnknownKey
	AmbiguousKey
	Signature
	Issuer
	NoExpiry
	Expired
	NotYetValid
	IssuedInFuture
	Lifetime
	Audience
	IDToken
	Bound
	MissingClaim

	// Inactive: the server does not vouch for its token.
	Inactive
	// NoJWT: its token is a JWT, of a server whose JWTs are not accepted.
	NoJWT
	// InsufficientScope: its token lacks a scope.
	InsufficientScope
	// WrongOrigin: a web page sent it that may not call.
	WrongOrigin
	// BadPath: its path cannot be compared safely.
	BadPath
	// TwoTokens: it had more than one token.
	TwoTokens
	// BadBody: its body is no JSON-RPC message whose operation can be told.
	BadBody
	// BadHeader: its headers say its operation in a wrong form.
	BadHeader
	// Mismatch: its headers say another operation than its body.
	Mismatch
	// BodyTooLarge: its body was to be looked at, and is too large.
	BodyTooLarge
	// Encoding: its body was to be looked at, and is not plain UTF-8.
	Encoding
	// NoResource: no resource covers it, and such requests are denied.
	NoResource
	// Discovery: it asked for a discovery document that does not exist.
	Discovery
	// Method: metadata was asked for by a method that is not allowed.
	Method
	// ProxyRegistered: a client was registered, by the proxy for its
	// authorization server.
	ProxyRegistered
	// ProxyRedirected: a user was sent on to the provider.
	ProxyRedirected
	// ProxyReturned: a user was sent back from there to the client.
	ProxyReturned
	// ProxyExchanged: the provider's answer was passed back.
	ProxyExchanged
	// ProxyDenied: the same, an error.
	ProxyDenied
	// ProxyRefused: the provider was not asked.
	ProxyRefused
	// NoKeys: there are no keys to verify its token with.
	NoKeys
	// NoRoom: it would have had to wait for keys, and too many do.
	NoRoom
	// Waited: it has waited for keys for too long.
	Waited
	// RefetchFailed: its key is unknown and new ones could not be fetched.
	RefetchFailed
	// RefetchLater: its key is unknown and new ones are fetched later than it
	// can wait.
	RefetchLater
	// NoAnswer: the server does not say what it knows about its token.
	NoAnswer
	// Fault: a call of the host failed.
	Fault
	// ClientGone: its client left while it waited.
	ClientGone

	// OutcomeCount is how many there are.
	OutcomeCount = int(iota)
)

// requests has what tells the counters of requests apart.
var requests = [OutcomeCount]string{
	CacheHit:          "passed.reason=cache_hit",
	CacheMiss:         "passed.reason=cache_miss",
	Unmatched:         "unmatched",
	Metadata:          "metadata",
	Preflight:         "preflight",
	Unauthorized:      "unauthorized",
	Malformed:         "invalid_token.reason=malformed",
	TooLarge:          "invalid_token.reason=too_large",
	DuplicateMember:   "invalid_token.reason=duplicate_member",
	Critical:          "invalid_token.reason=critical",
	Algorithm:         "invalid_token.reason=algorithm",
	Type:              "invalid_token.reason=type",
	UnknownKey:        "invalid_token.reason=unknown_key",
	AmbiguousKey:      "invalid_token.reason=ambiguous_key",
	Signature:         "invalid_token.reason=signature",
	Issuer:            "invalid_token.reason=issuer",
	NoExpiry:          "invalid_token.reason=no_expiry",
	Expired:           "invalid_token.reason=expired",
	NotYetValid:       "invalid_token.reason=not_yet_valid",
	IssuedInFuture:    "invalid_token.reason=issued_in_future",
	Lifetime:          "invalid_token.reason=lifetime",
	Audience:          "invalid_token.reason=audience",
	IDToken:           "invalid_token.reason=id_token",
	Bound:             "invalid_token.reason=bound",
	MissingClaim:      "invalid_token.reason=missing_claim",
	Inactive:          "invalid_token.reason=inactive",
	NoJWT:             "invalid_token.reason=no_jwt",
	InsufficientScope: "insufficient_scope",
	WrongOrigin:       "wrong_origin",
	BadPath:           "bad_request.reason=path",
	TwoTokens:         "bad_request.reason=two_tokens",
	BadBody:           "bad_request.reason=body",
	BadHeader:         "bad_request.reason=header",
	Mismatch:          "bad_request.reason=mismatch",
	BodyTooLarge:      "too_large",
	Encoding:          "unsupported_encoding",
	NoResource:        "not_found.reason=no_resource",
	Discovery:         "not_found.reason=discovery",
	Method:            "method_not_allowed",
	ProxyRegistered:   "oauth_proxy.reason=registered",
	ProxyRedirected:   "oauth_proxy.reason=redirected",
	ProxyReturned:     "oauth_proxy.reason=returned",
	ProxyExchanged:    "oauth_proxy.reason=exchanged",
	ProxyDenied:       "oauth_proxy.reason=denied",
	ProxyRefused:      "oauth_proxy.reason=refused",
	NoKeys:            "unavailable.reason=no_keys",
	NoRoom:            "unavailable.reason=no_room",
	Waited:            "unavailable.reason=waited",
	RefetchFailed:     "unavailable.reason=refetch_failed",
	RefetchLater:      "unavailable.reason=refetch_later",
	NoAnswer:          "unavailable.reason=no_answer",
	Fault:             "error",
	ClientGone:        "client_gone",
}

package metrics

import "strings"

// An Outcome says what became of a request, and why. Each has a counter.
type Outcome uint8

const (
	// CacheHit: the request went on; its token was accepted before and is still
	// valid.
	CacheHit Outcome = iota
	// CacheMiss: the request went on; its token has just passed all checks.
	CacheMiss
	// Unmatched: the request went on unchecked, since no resource covers it.
	Unmatched
	// Public: the request went on without a token; what it asks for is public.
	Public
	// Metadata: the request got the protected-resource metadata.
	Metadata
	// Preflight: the request was an OPTIONS request that the gateway answers.
	Preflight
	// Unauthorized: the request had no token.
	Unauthorized

	// The token failed a check: Malformed to MissingClaim stand each for one error
	// of jwtlite.
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

	// KeyBinding: the token is not bound to the key of the request's DPoP proof.
	KeyBinding
	// InvalidProof: the DPoP proof is missing or fails a check.
	InvalidProof
	// ProofReplayed: the DPoP proof was used before.
	ProofReplayed
	// ProofNonce: the DPoP proof lacks a current nonce.
	ProofNonce
	// Inactive: the authorization server does not vouch for the token.
	Inactive
	// NoJWT: the token is a JWT of a server whose JWTs are not accepted.
	NoJWT
	// Certificate: the token is bound to a certificate that the client did not present.
	Certificate
	// Unbound: the token is not bound, and the resource takes only those that are.
	Unbound
	// InsufficientScope: the token lacks a scope.
	InsufficientScope
	// AccessDenied: the token lacks a required claim.
	AccessDenied
	// WrongOrigin: the request came from a web page that may not call.
	WrongOrigin
	// BadPath: the path or the host cannot be compared safely.
	BadPath
	// TwoTokens: the request had more than one token.
	TwoTokens
	// BadBody: the body is no JSON-RPC message whose operation can be told.
	BadBody
	// BadHeader: the headers name the operation in a wrong form.
	BadHeader
	// Mismatch: the headers name another operation than the body.
	Mismatch
	// BodyTooLarge: the gateway had to read the body, which is too large.
	BodyTooLarge
	// Encoding: the gateway had to read the body, which is not plain UTF-8.
	Encoding
	// NoResource: no resource covers the request, and such requests are denied.
	NoResource
	// Discovery: the request asked for a discovery document that is not published.
	Discovery
	// Method: an endpoint of the gateway does not allow the method.
	Method
	// ProxyRegistered: the proxy registered a client.
	ProxyRegistered
	// ProxyAsked: the proxy asked a user about a client.
	ProxyAsked
	// ProxyDeclined: the user cancelled.
	ProxyDeclined
	// ProxyRedirected: the proxy sent a user to the provider.
	ProxyRedirected
	// ProxyReturned: the proxy sent a user from the provider back to the client.
	ProxyReturned
	// ProxyExchanged: the proxy passed a response of the provider to the client.
	ProxyExchanged
	// ProxyDenied: the proxy passed an error of the provider to the client.
	ProxyDenied
	// ProxyRefused: the proxy refused the request without asking the provider.
	ProxyRefused
	// ProxyWrongClient: the client ID was none of the proxy's, or too old.
	ProxyWrongClient
	// ProxyWrongState: a user's answer, or the provider's, was of another browser, late,
	// altered, or came twice.
	ProxyWrongState
	// ProxyWrongGrant: the code or the refresh token was not that of the client.
	ProxyWrongGrant
	// NoKeys: there are no keys to verify the token with.
	NoKeys
	// NoRoom: the request had to wait, and too many requests did.
	NoRoom
	// TimedOut: the request waited for too long.
	TimedOut
	// RefetchFailed: the key of the token is unknown, and fetching keys failed.
	RefetchFailed
	// NoAnswer: the authorization server does not answer.
	NoAnswer
	// NoProofRoom: there is no room to remember the DPoP proof.
	NoProofRoom
	// HostFault: a call of the host failed.
	HostFault
	// ClientGone: the client left while the request waited.
	ClientGone

	// OutcomeCount is the number of outcomes.
	OutcomeCount = int(iota)
)

// outcomeLabels has the labels of the counter of each outcome, after "result=".
var outcomeLabels = [OutcomeCount]string{
	CacheHit:          "passed.reason=cache_hit",
	CacheMiss:         "passed.reason=cache_miss",
	Unmatched:         "unmatched",
	Public:            "public",
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
	KeyBinding:        "invalid_token.reason=key_binding",
	InvalidProof:      "invalid_dpop_proof.reason=invalid",
	ProofReplayed:     "invalid_dpop_proof.reason=replayed",
	ProofNonce:        "invalid_dpop_proof.reason=nonce",
	Inactive:          "invalid_token.reason=inactive",
	NoJWT:             "invalid_token.reason=no_jwt",
	Certificate:       "invalid_token.reason=certificate",
	Unbound:           "invalid_token.reason=unbound",
	InsufficientScope: "insufficient_scope",
	AccessDenied:      "access_denied.reason=claim",
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
	ProxyAsked:        "oauth_proxy.reason=asked",
	ProxyDeclined:     "oauth_proxy.reason=declined",
	ProxyRedirected:   "oauth_proxy.reason=redirected",
	ProxyReturned:     "oauth_proxy.reason=returned",
	ProxyExchanged:    "oauth_proxy.reason=exchanged",
	ProxyDenied:       "oauth_proxy.reason=denied",
	ProxyRefused:      "oauth_proxy.reason=refused",
	ProxyWrongClient:  "oauth_proxy.reason=wrong_client",
	ProxyWrongState:   "oauth_proxy.reason=wrong_state",
	ProxyWrongGrant:   "oauth_proxy.reason=wrong_grant",
	NoKeys:            "unavailable.reason=no_keys",
	NoRoom:            "unavailable.reason=no_room",
	TimedOut:          "unavailable.reason=waited",
	RefetchFailed:     "unavailable.reason=refetch_failed",
	NoAnswer:          "unavailable.reason=no_answer",
	NoProofRoom:       "unavailable.reason=proof_store",
	HostFault:         "error",
	ClientGone:        "client_gone",
}

// Labels returns the labels of an outcome's counter. reason is empty if it has none.
func (o Outcome) Labels() (result, reason string) {
	result, reason, _ = strings.Cut(outcomeLabels[o], ".reason=")
	return result, reason
}

// Package jwtlite verifies OAuth access tokens that are JWTs: compact tokens
// signed with RSA, ECDSA or Ed25519, by keys from a JWK set or from PEM.
//
// A resource server reads a token with [Token.Parse], checks its header with
// [Policy.CheckHeader], verifies its signature with [KeySet.Verify] and checks its
// claims with [Policy.CheckClaims]. Nothing in the token can be trusted until all
// four have returned no error. They are separate calls so that a host can verify the
// signature later, once it has fetched a key, and by a [Verifier] of its own instead
// of [Software].
//
// # What it promises
//
// The package accepts no token that a careful reading of RFC 7515, RFC 7519, RFC
// 8725 and RFC 9068 would refuse:
//
//   - A token has one spelling. Base64url has no padding, whitespace or unused
//     bits. JSON is UTF-8 without duplicate names at any level. Names are compared
//     byte by byte after their escapes have been decoded.
//   - A token never chooses how it is verified. The header's jwk, jku, x5u and x5c
//     are not read. Only a DPoP proof has its own key: see [Proof]. A key is used with the accepted algorithms for keys of its type,
//     or with its "alg" alone if it has one. Tokens with crit or b64 are refused.
//   - exp, aud and a subject or a client are required. A claim that is null counts
//     as absent. ID tokens, refresh tokens, logout tokens and identity assertions do
//     not pass as access tokens. A token that is bound to a proof is refused, unless
//     the caller undertakes to check that proof: see [Policy].
//   - At most four keys are tried for a token: see [KeySet.Find].
//   - Hostile input costs little. Tokens are limited to [MaxTokenSize], JSON to 32
//     levels and to 256 members in an object, and dates to the years 1970 to 9999.
//
// Every check has an error of its own. A server can send its text in the
// error_description of RFC 6750: it repeats nothing of the input but the name of a
// registered algorithm.
//
// A [Token] that has been used before allocates nothing. The strings that come from
// a Token share its memory. [Software.Prepare] makes the verification of ES256 faster.
//
// Other algorithms, encrypted tokens and the JSON serialization are not supported.
// The time of a verification depends on the token and the key, which are public.
package jwtlite

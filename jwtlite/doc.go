// Package jwtlite verifies OAuth access tokens that are JWTs: compact tokens
// signed with RS256 or ES256, by keys from a JWK set or from PEM.
//
// A resource server reads a token with [Token.Parse], judges its header with
// [Policy.CheckHeader], verifies its signature with [KeySet.Verify] and judges
// its claims with [Policy.CheckClaims]. Only when all four have returned no error
// is anything in the token to be believed. They are separate calls so that a host
// can verify the signature later, when a key has been fetched, and by other means
// than [Software]: by a [Verifier] of its own.
//
// # What it promises
//
// Nothing is accepted that a careful reading of RFC 7515, RFC 7519, RFC 8725
// and RFC 9068 would refuse:
//
//   - A token has one spelling. Base64url has no padding, whitespace or unused
//     bits, JSON is UTF-8 without duplicate names, at any level, and names are
//     compared byte by byte after their escapes have been decoded.
//   - A token never chooses how it is verified: the header's jwk, jku, x5u and
//     x5c are not read, a key has one algorithm, which is on the policy's list,
//     and crit and b64 are refused.
//   - exp, aud and a subject or a client are required. What is null is absent.
//     ID tokens, refresh tokens, logout tokens, identity assertions and tokens
//     that are bound to a proof do not pass as bearer tokens.
//   - At most four keys are tried for a token: see [KeySet.Find].
//   - Hostile input costs little: tokens are limited to [MaxTokenSize], JSON to
//     32 levels and to 256 members an object, numbers that are dates to the
//     years 1970 to 9999.
//
// Every check has an error of its own, whose text can be sent in the
// error_description of RFC 6750 as it is: of the input it repeats at most the name
// of a registered algorithm.
//
// Nothing of this makes garbage once a [Token] has been used. What comes from a
// Token shares its memory: see there. [Software.Prepare] makes ES256 faster.
//
// Not supported: other algorithms, encrypted tokens, and the JSON
// serialization. Verification does not hide what it works on from those who can
// measure its time, since all of that is public.
package jwtlite

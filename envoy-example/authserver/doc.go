// Package authserver is a small OAuth 2.1 authorization server for the example
// and its tests. It takes the place of the identity provider of a real deployment.
//
// It is built on [github.com/ory/fosite], which implements the grants
// (authorization code with PKCE, client credentials, refresh token) and checks
// clients, codes and redirect URIs. This package adds what MCP clients need
// besides: metadata (RFC 8414 and OpenID Connect
// Discovery), dynamic client registration (RFC 7591), resource indicators (RFC
// 8707), the issuer in the authorization response (RFC 9207), access tokens of
// the JWT profile (RFC 9068) and CORS.
//
// It is as strict as real servers, so that a lenient server hides no bug of a client.
// A client may ask only for scopes that it registered, authenticates only in the
// way that it registered, and must send a redirect URI that matches byte for byte
// (the port of a loopback address excepted), PKCE with S256 and a resource. Codes
// and refresh tokens are good once; a refresh token brings no more scopes than it
// was granted. [Options] make it stricter, or more lenient, as some servers are.
//
// Some real servers are stricter: they register clients of listed hosts or origins only,
// require the introspecting client in the audience, or answer no preflights.
//
// Users do not log in: /authorize approves each request at once, in the name
// of one fixed user. That, and the knobs for tests ([Server.Mint],
// [Server.Rotate], [Server.Override]), make it unfit for anything but a
// loopback address.
package authserver

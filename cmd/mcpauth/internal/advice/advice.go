// Package advice says what to do about the answers of the plugin. docs/troubleshooting.md
// has the same by symptom.
package advice

import "strings"

// An Advice is what to do, and the member of the configuration that it is about, if any.
// In Setting, RESOURCE and SERVER stand for the paths of the resource and of the
// authorization server.
type Advice struct{ Fix, Setting string }

// refusals are the beginnings of error descriptions of the plugin. The first that fits
// counts.
var refusals = []struct {
	prefix string
	Advice
}{
	{"the token names no audience", Advice{
		"have the provider put the resource's URL into aud: Keycloak by a client scope with an audience mapper, others by the resource parameter; " +
			"if the provider knows no audiences, list the clients in clients", "RESOURCE.audiences"}},
	{"the token is for another audience", Advice{
		"have the provider put the resource's URL into aud (Keycloak: a client scope with an audience mapper), or add what it sends to audiences", "RESOURCE.audiences"}},
	{"the token is from another issuer", Advice{
		"compare iss with issuer byte for byte: a slash at the end, localhost against 127.0.0.1, http against https", "SERVER.issuer"}},
	{"the token does not name the tenant", Advice{"the placeholder in issuer must have the name of the claim that has the tenant, {tid} for Entra ID", "SERVER.issuer"}},
	{"the token type is not accepted", Advice{"have the client send the access token, not an ID token or a refresh token", "SERVER.typ"}},
	{"the token is an ID token", Advice{"have the client send the access token, not the ID token", ""}},
	{"the token names neither a subject nor a client", Advice{"have the client send the access token", ""}},
	{"the token is malformed: its payload is another JWT", Advice{"have the provider issue plain JWTs, without cty", ""}},
	{"the token is malformed: it is encrypted", Advice{"have the client ask for an audience (Auth0 then issues plain JWTs), or configure introspection", "SERVER.introspection"}},
	{"the token is malformed", Advice{
		"if the provider issues opaque tokens, configure introspection or userinfo, or have it issue JWTs", "SERVER.introspection"}},
	{"JWTs of this issuer are not accepted", Advice{`add "discovery": "auto" beside introspection, so that the plugin has keys`, "SERVER.discovery"}},
	{"the signing key of the token is unknown", Advice{"do the token and the metadata come from the same realm or tenant? Else the provider does not publish its key", "SERVER.issuer"}},
	{"the signing key of the token belongs to another issuer", Advice{"for personal accounts of Microsoft, metadata_issuer is that of common; else the token is forged", "SERVER.metadata_issuer"}},
	{"the signing key of the token is ambiguous", Advice{"have the provider set a kid in its keys and tokens", ""}},
	{"the signature does not verify", Advice{"was the token changed or cut off on its way? Else it comes from another server with the same key ID", "SERVER.issuer"}},
	{"the token algorithm", Advice{"change the signing algorithm at the provider, or list it in algorithms", "SERVER.algorithms"}},
	{"the token has expired", Advice{"get a new token; if it is new, compare the clocks of provider and gateway", "SERVER.clock_skew_seconds"}},
	{"the token has no expiry time", Advice{"have the provider issue tokens with exp", ""}},
	{"the token is not yet valid", Advice{"compare the clocks of provider and gateway", "SERVER.clock_skew_seconds"}},
	{"the token was issued in the future", Advice{"compare the clocks of provider and gateway", "SERVER.clock_skew_seconds"}},
	{"the token lifetime is too long", Advice{"shorten the lifetime at the provider, or raise the limit", "SERVER.max_token_lifetime_seconds"}},
	{"the token is too large", Advice{"raise max_token_bytes, and Envoy's max_request_headers_kb", "max_token_bytes"}},
	{"the token is bound to a proof", Advice{
		"this command makes no DPoP proofs; if real clients get this too, have the provider issue plain bearer tokens, without DPoP, or set dpop; for mutual TLS set mutual_tls", "RESOURCE.dpop"}},
	{"the token is bound to another key", Advice{"have the client get a token for the key with which it signs its proofs", ""}},
	{"the token is not bound to a key", Advice{"have the provider bind the client's tokens to its DPoP key, or have the client send it as a bearer token", "RESOURCE.dpop"}},
	{"the resource takes only tokens that are bound to a key", Advice{"use a client with DPoP, or set dpop to accept; this command makes no DPoP proofs", "RESOURCE.dpop"}},
	{"the DPoP proof is invalid: its htu", Advice{"write resource as clients reach it, and do not change the path before the gateway", "RESOURCE.resource"}},
	{"the DPoP proof is invalid: its iat", Advice{"compare the clocks of client and gateway: a minute is allowed", ""}},
	{"the DPoP proof is invalid: it has been used", Advice{"have the client, and what is between it and the gateway, send each proof once", ""}},
	{"the DPoP proof is invalid", Advice{"have the client send one proof of RFC 9449 with each request", "RESOURCE.dpop_signing_algorithms"}},
	{"the DPoP proof needs the nonce", Advice{"the client must send the nonce of DPoP-Nonce in its next proof (RFC 9449, section 9)", "dpop_nonce"}},
	{"the token is bound to a client certificate, and", Advice{
		"this command presents no certificate; if real clients get this too, have Envoy's listener ask for one (validation_context), or set trust_forwarded_client_cert behind a proxy that ends TLS", "RESOURCE.mutual_tls"}},
	{"the token is bound to another client certificate", Advice{"have the client get a token for the certificate that it presents now", ""}},
	{"the token is not bound to a client certificate", Advice{"have the provider bind the client's tokens to its certificate, or set mutual_tls to accept", "RESOURCE.mutual_tls"}},
	{"the token lacks a required claim", Advice{"have the provider issue tokens of RFC 9068, or leave typ out", "SERVER.typ"}},
	{"the token is not active", Advice{"introspect it by hand with the gateway's credentials: it may belong to another server", "SERVER.introspection"}},
	{"the token lacks a required scope", Advice{"grant the scopes that the challenge names", "RESOURCE.required_scopes"}},
	{"client_id is none that this server has registered", Advice{
		"have the client register anew; all gateways of a resource need the same signing_key", "SERVER.oauth_proxy.signing_key"}},
	{"client_id is a URL that this server does not accept", Advice{"list the URL, if you know the client", "SERVER.oauth_proxy.client_id_metadata_documents"}},
	{"redirect_uri is none of those that the client has registered", Advice{"add the redirect URI, if you know the client", "SERVER.oauth_proxy.redirect_uris"}},
	{"none of the scopes is one that clients get here", Advice{"add the scopes that clients may have", "SERVER.oauth_proxy.scopes"}},
	{"the code is of another client", Advice{"sign in again: the client has registered anew in between, or the code was stolen", ""}},
	{"the refresh token is not one that this client got here", Advice{"sign in again: the client has registered anew in between, or the token was stolen", ""}},
	{"resource is none that the user has agreed to", Advice{"have the client send one resource parameter in the authorization request and at the token endpoint", ""}},
	{"the path cannot be compared safely", Advice{"write the URL without percent-encodings", ""}},
	{"the host cannot be compared safely", Advice{"name host:port in match.hosts, or set strip_any_host_port in Envoy", "RESOURCE.match"}},
}

// Refusal returns the advice on an error description of the plugin, and whether there is
// any.
func Refusal(description string) (Advice, bool) {
	for _, r := range refusals {
		if strings.HasPrefix(description, r.prefix) {
			return r.Advice, true
		}
	}
	return Advice{}, false
}

package config

// MutualTLS says which tokens a resource accepts, as far as they are bound to a client's
// TLS certificate or not: RFC 8705, section 3.
type MutualTLS uint8

const (
	MutualTLSOff      MutualTLS = iota // only tokens that are not bound
	MutualTLSAccept                    // both
	MutualTLSRequired                  // only tokens that are bound
)

// tlsBoundMember is the member of a resource's metadata that says that tokens may be bound
// to a certificate: RFC 9728, section 2.
const tlsBoundMember = "tls_client_certificate_bound_access_tokens"

// mutualTLS reads the members of a resource that are about client certificates, once its
// metadata has been read.
func (v *value) mutualTLS(r *Resource) {
	r.MutualTLS = MutualTLS(v.get("mutual_tls").oneOf("off", "accept", "required"))
	forwarded := v.get("trust_forwarded_client_cert")
	r.TrustForwardedClientCert = forwarded.bool()
	if r.TrustForwardedClientCert && r.MutualTLS == MutualTLSOff {
		forwarded.fail(`needs mutual_tls "accept" or "required"`)
	}
	published := v.get("metadata").get(tlsBoundMember)
	switch {
	case published == nil || published.isEmptyValue(): // metadataMember refuses it
	case r.MutualTLS != MutualTLSOff:
		published.fail("must not be here: the gateway publishes it because of mutual_tls")
	case published.bool():
		published.fail(`needs mutual_tls "accept" or "required", which publish it themselves`)
	}
}

package config

// tlsBoundMember is the member of a resource's metadata that says that tokens may be bound
// to a certificate: RFC 9728, section 2.
const tlsBoundMember = "tls_client_certificate_bound_access_tokens"

// mutualTLS reads the members of a resource that are about client certificates, once its
// metadata has been read.
func (v *value) mutualTLS(r *Resource) {
	r.MutualTLS = v.get("mutual_tls").binding()
	forwarded := v.get("trust_forwarded_client_cert")
	r.TrustForwardedClientCert = forwarded.bool()
	if r.TrustForwardedClientCert && r.MutualTLS == BindingOff {
		forwarded.fail(`needs mutual_tls "accept" or "required"`)
	}
	published := v.get("metadata").get(tlsBoundMember)
	switch {
	case published == nil || published.isEmptyValue(): // metadataMember refuses it
	case r.MutualTLS != BindingOff:
		published.fail("must not be here: the gateway publishes it because of mutual_tls")
	case published.bool():
		published.fail(`needs mutual_tls "accept" or "required", which publish it themselves`)
	}
}

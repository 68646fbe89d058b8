package config

import "mcpauth/jwtlite"

// A Binding says whether a resource takes tokens that are bound: to a key (RFC 9449), or to
// the client's TLS certificate (RFC 8705, section 3).
type Binding uint8

const (
	BindingOff      Binding = iota // bound tokens are refused; the default
	BindingAccept                  // bound tokens, and those that are not bound
	BindingRequired                // bound tokens only
)

// binding reads a Binding, which may be absent.
func (v *value) binding() Binding { return Binding(v.oneOf("off", "accept", "required")) }

// Limits and the default of dpop_nonce.
const (
	minNonceSeconds     = 10
	maxNonceSeconds     = 24 * 60 * 60
	defaultNonceSeconds = 300
	minNonceSecret      = 32
)

var dpopNonceMembers = []string{"lifetime_seconds", "secret", "secret_env"}

// DPoPNonce makes the gateway demand a nonce in DPoP proofs: RFC 9449, section 9.
type DPoPNonce struct {
	// LifetimeSeconds is how long a nonce is accepted at least; at most twice as long.
	LifetimeSeconds int

	// Secret is the key of the nonces, at least 32 bytes. One from the environment is empty
	// until [Config.ReadSecrets] has been called.
	Secret string

	environment environment
}

// dpopNonce reads the member dpop_nonce.
func (v *value) dpopNonce(resources []*Resource) *DPoPNonce {
	if !v.closedObject(dpopNonceMembers) {
		return nil
	}
	n := &DPoPNonce{LifetimeSeconds: v.get("lifetime_seconds").integer(minNonceSeconds, maxNonceSeconds, defaultNonceSeconds)}
	var m *value
	n.environment, m = v.secret("secret", &n.Secret)
	n.checkSecret(m)
	used := len(resources) == 0 // another error says why
	for _, r := range resources {
		used = used || r.DPoP != BindingOff
	}
	if !used {
		v.fail("has no effect: no resource takes DPoP")
	}
	return n
}

// checkSecret reports an error at v if the secret is too short. It must not be guessed: who
// knows it can make nonces.
func (n *DPoPNonce) checkSecret(v *value) {
	if n.Secret != "" && len(n.Secret) < minNonceSecret {
		v.fail("must have at least 32 bytes, at random")
	}
}

// DPoPAlgorithmNames returns the names of the DPoPAlgorithms.
func (r *Resource) DPoPAlgorithmNames() (names []string) {
	for _, a := range r.DPoPAlgorithms {
		names = append(names, a.String())
	}
	return names
}

// dpop reads the members of a resource about DPoP.
func (v *value) dpop(r *Resource) {
	mode, algorithms := v.get("dpop"), v.get("dpop_signing_algorithms")
	r.DPoP = mode.binding()
	v.get("metadata").dpopMetadata(r.DPoP)
	if r.DPoP == BindingOff {
		if algorithms != nil {
			algorithms.fail("has no effect: it is for dpop, which is off")
		}
		return
	}
	r.DPoPAlgorithms = []jwtlite.Algorithm{jwtlite.ES256, jwtlite.RS256}
	if algorithms != nil {
		r.DPoPAlgorithms = parseAlgorithms(algorithms)
	}
	if r.DPoP == BindingRequired && !bindsTokens(r.AuthorizationServers) {
		mode.fail("must not be required: no token of these authorization servers can be bound, since a userinfo endpoint does not say to which key")
	}
}

// The members of a resource's metadata that say that tokens must be bound to a key, and how
// proofs are signed: RFC 9728, section 2.
const (
	dpopBoundMember      = "dpop_bound_access_tokens_required"
	dpopAlgorithmsMember = "dpop_signing_alg_values_supported"
)

// dpopMetadata checks these members in metadata.
func (v *value) dpopMetadata(dpop Binding) {
	bound, algorithms := v.get(dpopBoundMember), v.get(dpopAlgorithmsMember)
	switch {
	case bound == nil || bound.isEmptyValue(): // metadataMember refuses it
	case dpop == BindingRequired:
		bound.fail("must not be here: the gateway publishes it, since dpop is required")
	case bound.bool():
		bound.fail(`must not be here: the gateway publishes it, if the resource has dpop: "required"`)
	}
	if algorithms != nil && !algorithms.isEmptyValue() {
		algorithms.fail("must not be here: the gateway publishes dpop_signing_algorithms of the resource, if that has dpop")
	}
}

// bindsTokens reports whether the gateway can learn from one of the servers to which key a
// token is bound.
func bindsTokens(servers []*AuthorizationServer) bool {
	for _, s := range servers {
		if s.Source.Kind != NoKeys || s.Introspection != nil && s.Introspection.Userinfo == nil {
			return true
		}
	}
	return len(servers) == 0 // another error says why
}

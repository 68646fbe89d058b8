// Package dpop checks that a request demonstrates possession of the key that its access
// token is bound to: RFC 9449.
//
// [Checker.Check] checks what a proof says against the request, which costs no signature.
// Once the token itself has passed, and is bound to the key of the proof, the caller
// verifies the signature with [jwtlite.Proof.Verify], and then calls [Replays.Spend], which
// lets a proof pass once. Only valid proofs for valid tokens take room there.
//
// The package calls no host but for the data that workers share.
package dpop

import (
	"strings"
	"time"

	"mcpauth/config"
	"mcpauth/internal/callout"
	"mcpauth/internal/route"
	"mcpauth/internal/sha256"
	"mcpauth/jwtlite"
)

// The time around iat in which a request with the proof may arrive (RFC 9449, section
// 11.1). The SEP for MCP allows five minutes.
const (
	maxAge   = 60 * time.Second
	maxAhead = 60 * time.Second
)

// MaxHeld is longer than the gateway holds a request that has arrived before it decides.
// The time of a proof is measured when the request arrives. Until MaxHeld later, the
// gateway may accept it. A worker that is stopped or has too much to do may hold a request
// longer: what a proof says is then too old.
const MaxHeld = 15 * time.Second

// fault is an error about a proof that does not fit its request. It is [jwtlite.ErrProof].
type fault string

func (f fault) Error() string        { return "the DPoP proof is invalid: " + string(f) }
func (f fault) Is(target error) bool { return target == jwtlite.ErrProof }

// These errors are [jwtlite.ErrProof]. Their texts repeat nothing of the request.
const (
	errNone   = fault("there is none")
	errTwo    = fault("there is more than one")
	errMethod = fault("its htm is not the method of the request")
	errURL    = fault("its htu is not the URL of the request")
	errOld    = fault("its iat is too old")
	errAhead  = fault("its iat is in the future")
	errToken  = fault("its ath is not the hash of the token")
)

// ErrNonce refuses a proof without a current nonce: RFC 9449, section 9. It is not
// [jwtlite.ErrProof].
var ErrNonce error = nonceFault{}

type nonceFault struct{}

func (nonceFault) Error() string { return "the DPoP proof needs the nonce in the DPoP-Nonce header" }

// A Checker checks the proofs of the requests for one protected resource.
type Checker struct {
	// Nonces makes and checks the nonces; nil if proofs need none.
	Nonces *Nonces

	resource   *config.URL
	origin     string // of resource
	algorithms []jwtlite.Algorithm
}

// NewChecker returns the Checker for a resource. Proofs may be signed with the algorithms.
func NewChecker(resource *config.URL, algorithms []jwtlite.Algorithm) *Checker {
	return &Checker{resource: resource, origin: resource.Origin(), algorithms: algorithms}
}

// A Request has what a proof must fit.
type Request struct {
	Header  string // the first DPoP header
	Headers int    // how many there are
	Method  string
	Path    string // :path, with the query
	Token   string
	Arrived callout.UnixMilli
	Now     callout.UnixMilli // later than Arrived if the request has waited
}

// Check parses the proof of a request into p, and makes the checks of RFC 9449, section 4.3,
// except for the signature and the key: the cheapest come first. The error is [ErrNonce]
// or a [jwtlite.ErrProof].
func (c *Checker) Check(p *jwtlite.Proof, r *Request) error {
	switch {
	case r.Headers > 1:
		return errTwo
	case r.Headers == 0 || r.Header == "":
		return errNone
	}
	if err := p.Parse(r.Header, c.algorithms); err != nil {
		return err
	}
	if p.Method != r.Method {
		return errMethod
	}
	if !c.isURL(p.URL, r.Path) {
		return errURL
	}
	switch issued := callout.UnixMilli(p.IssuedAt.UnixMilli()); {
	case issued < max(r.Arrived, r.Now.Add(-MaxHeld)).Add(-maxAge): // later, Replays may have forgotten it
		return errOld
	case issued > r.Arrived.Add(maxAhead):
		return errAhead
	}
	if !hashes(p.TokenHash, r.Token) {
		return errToken
	}
	if c.Nonces != nil && !c.Nonces.accepts(p.Nonce, r.Arrived) {
		return ErrNonce
	}
	return nil
}

// isURL reports whether htu is the URL of a request with this :path. Neither's query
// counts, nor a fragment: RFC 9449, section 4.3, check 9. Scheme and authority are those
// of the resource, never those of the request, which a client could choose. The comparison
// is that of RFC 3986, sections 6.2.2 and 6.2.3, with the canonical paths of package
// route.
func (c *Checker) isURL(htu, path string) bool {
	if i := strings.IndexAny(htu, "?#"); i >= 0 {
		htu = htu[:i]
	}
	path, _, _ = strings.Cut(path, "?")
	if rest, ok := strings.CutPrefix(htu, c.origin); ok && rest == path {
		return true
	}
	u, err := config.ParseURL(htu)
	if err != nil || u.Scheme != c.resource.Scheme || u.Host != c.resource.Host || u.Port != c.resource.Port {
		return false
	}
	got, err := route.Canonical(u.Path)
	want, err2 := route.Canonical(path)
	return err == nil && err2 == nil && got == want
}

// hashes reports whether ath is the hash of token: RFC 9449, section 4.2.
func hashes(ath, token string) bool {
	digest, ok := jwtlite.ParseDigest(ath)
	return ok && digest == sha256.Sum(token)
}

package main

import (
	"net/http"
	"regexp"
	"slices"

	"github.com/go-jose/go-jose/v3"
)

// A kind of work.
type kind int

const (
	one      kind = iota // one token again and again
	cold                 // distinct tokens, each seen for the first time
	warm                 // distinct tokens in turn, each seen before
	noToken              // refused
	metadata             // GET of the protected resource metadata
	proved               // one token again and again, which is bound to a key, each time with a new DPoP proof
)

// work is one kind of request that is measured.
type work struct {
	Name      string
	kind      kind
	algorithm jose.SignatureAlgorithm // of the tokens
}

// works are all kinds of work in the order in which one Envoy gets them: cold
// comes before whatever warms the caches. Each Envoy gets the tokens of one
// algorithm; work without tokens goes with the first.
var works = []work{
	{"RS256, 1 token", one, jose.RS256},
	{"RS256, cold", cold, jose.RS256},
	{"RS256, warm", warm, jose.RS256},
	{"no token (401)", noToken, jose.RS256},
	{"metadata (GET)", metadata, jose.RS256},
	{"ES256, 1 token", one, jose.ES256},
	{"ES256, cold", cold, jose.ES256},
	{"ES256, warm", warm, jose.ES256},
	{"DPoP, ES256, 1 token", proved, jose.ES256},
	{"RS384, cold", cold, jose.RS384},
	{"RS512, cold", cold, jose.RS512},
	{"PS256, cold", cold, jose.PS256},
	{"PS384, cold", cold, jose.PS384},
	{"PS512, cold", cold, jose.PS512},
	{"ES384, cold", cold, jose.ES384},
	{"ES512, cold", cold, jose.ES512},
	{"EdDSA, cold", cold, jose.EdDSA},
}

// usual are the algorithms that are measured unless all are asked for.
var usual = []jose.SignatureAlgorithm{jose.RS256, jose.ES256}

// allAlgorithms returns the algorithms of all works.
func allAlgorithms() []jose.SignatureAlgorithm {
	var list []jose.SignatureAlgorithm
	for _, w := range works {
		if !slices.Contains(list, w.algorithm) {
			list = append(list, w.algorithm)
		}
	}
	return list
}

// selected returns the works of an algorithm whose names match.
func selected(algorithm jose.SignatureAlgorithm, only *regexp.Regexp) []work {
	var list []work
	for _, w := range works {
		if w.algorithm == algorithm && only.MatchString(w.Name) {
			list = append(list, w)
		}
	}
	return list
}

// applies tells whether the variant can do the work: jwt_authn serves no
// metadata, and would refuse the request for want of a token. Only mcpauth knows DPoP.
func (w work) applies(v *variant) bool {
	switch w.kind {
	case metadata:
		return !v.Native
	case proved:
		return v.Configured || !v.filters() && v.Wasm == ""
	}
	return true
}

// load returns the requests of the work to a variant.
func (w work) load(v *variant, metadataForm *form, tokens []string) *load {
	l := &load{form: &call, status: http.StatusOK}
	switch w.kind {
	case one:
		l.token = inTurn(tokens[:1])
	case cold, warm:
		l.token = inTurn(tokens)
	case noToken:
		l.token = inTurn([]string{""})
		if v.filters() {
			l.status = http.StatusUnauthorized
		}
	case metadata:
		l.form, l.token = metadataForm, inTurn([]string{""})
	}
	return l
}

// warmOf returns the work with warm tokens.
func warmOf(algorithm jose.SignatureAlgorithm) work {
	for _, w := range works {
		if w.kind == warm && w.algorithm == algorithm {
			return w
		}
	}
	panic("no warm work with " + algorithm)
}

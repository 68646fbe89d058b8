package gate

import (
	"cmp"
	"errors"
	"strings"
	"time"

	"mcpauth/internal/callout"
	"mcpauth/internal/introspect"
	"mcpauth/internal/metrics"
	"mcpauth/jwtlite"
)

var (
	errNoJWT      = errors.New("JWTs of this issuer are not accepted")
	errCharacters = errors.New("the token has characters that no bearer token has")
)

// findOpaque finds the server that is asked about tokens: at most one, as the
// configuration sees to. What it says is judged by the policy that its JWTs are,
// but for the member that is about nothing else.
func (p *resource) findOpaque() {
	for i, s := range p.AuthorizationServers {
		if how := s.Introspection; how != nil {
			o := p.servers[i]
			o.jwt = how.JWT
			o.policy.Type, o.policy.AudienceUnchecked = "", how.AudienceUnchecked
			p.opaque = &o
		}
	}
}

// judges reports whether the server is asked about a token, which was parsed as
// a JWT with the result err: about one that is no JWT, and about an encrypted one,
// which nobody else can read. Any other token that looks like a JWT is verified as
// one, even if it is malformed, unless the configuration says otherwise.
func (s *server) judges(t *jwtlite.Token, token string, err error) bool {
	if err == jwtlite.ErrEncrypted || err != nil && !looksLikeJWT(token) {
		return true
	}
	return s.jwt && (err != nil || t.Claims().Issuer == s.policy.Issuer)
}

// looksLikeJWT reports whether a token has the parts of a JWS or a JWE in the
// compact serialization (RFC 7516, section 9), the first of which is a JSON
// object in base64url: "{" and then a quote or a space, other white space, or "}".
func looksLikeJWT(token string) bool {
	return strings.Count(token, ".") >= 2 && token[0] == 'e' && strings.IndexByte("yw3", token[1]) >= 0
}

// ask returns the verdict on a request whose token its server is asked about.
func (g *Gate) ask(p *resource, r *Request, s *server, token string, now time.Time) Verdict {
	refuse := func(err error, o metrics.Outcome) Verdict {
		g.refused(p, r, o, err.Error(), s)
		return reply(p.refuse(r, 401, "invalid_token", err.Error()), o)
	}

	if !isToken(token) {
		return refuse(errCharacters, metrics.Malformed)
	}
	answer, call := s.checker.Ask(token, callout.UnixMilli(r.Arrived))
	switch {
	case call != nil:
		return reply(unavailable(r.readers(), call.RetryAfter()), metrics.NoRoom).waiting(call, s.queues.answers)
	case answer == nil: // too many questions are under way
		return reply(unavailable(r.readers(), 1), metrics.NoRoom)
	case answer.Err == introspect.ErrScope:
		return g.insufficient(p, r, p.headerNeed(r), r.readers())
	case answer.Err != nil:
		return refuse(answer.Err, metrics.Inactive)
	case answer.Claims == nil:
		return reply(unavailable(r.readers(), cmp.Or(answer.RetryAfter, introspect.RetryAfter)), metrics.NoAnswer)
	}
	t := &g.token
	if err := t.ParseClaims(answer.Claims); err != nil {
		return refuse(err, failed(err))
	}
	if err := s.policy.CheckAnswer(t, now); err != nil {
		return refuse(err, failed(err))
	}
	begin, end := s.period(t.Claims())
	if until := answer.ValidUntil().Unix(); !t.Claims().Expires.Set || until < end {
		end = until
	}
	return g.admit(p, r, s, token, passed{begin: max(begin, now.Unix()), end: end})
}

// isToken reports whether a token is b64token (RFC 6750, section 2.1), with "="
// anywhere: it goes into a header or a form of the gateway's own.
func isToken(token string) bool {
	for i := 0; i < len(token); i++ {
		switch c := token[i]; {
		case 'a' <= c|0x20 && c|0x20 <= 'z' || '0' <= c && c <= '9':
		case strings.IndexByte("-._~+/=", c) < 0:
			return false
		}
	}
	return true
}

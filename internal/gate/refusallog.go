package gate

import (
	"encoding/binary"
	"math"
	"strconv"
	"time"

	"mcpauth/config"
	"mcpauth/internal/callout"
	"mcpauth/internal/dpop"
	"mcpauth/internal/metrics"
	"mcpauth/jwtlite"
)

// A RefusalLog logs why requests are refused: one line a minute for each outcome,
// however many workers and requests there are. No line holds a token. A value that
// a token or a client brings is quoted, short and printable ASCII.
type RefusalLog struct {
	host callout.Host
	// lastLogged has the time of the last line about each outcome, as far as this
	// worker knows.
	lastLogged [metrics.OutcomeCount]callout.UnixMilli
}

// NewRefusalLog returns the RefusalLog that writes to the log of host.
func NewRefusalLog(host callout.Host) *RefusalLog { return &RefusalLog{host: host} }

const (
	refusalsKey      = "mcpauth.refusals 1" // of the shared data: lastLogged, eight bytes for each outcome
	refusalsInterval = time.Minute          // between two lines about one outcome
)

// due reports whether a line about an outcome is due. If so, it counts the line as
// written.
func (l *RefusalLog) due(o metrics.Outcome) bool {
	if l == nil {
		return false
	}
	now := l.host.Now()
	if l.lastLogged[o].Within(refusalsInterval, now) {
		return false
	}
	value, cas := l.host.Load(refusalsKey)
	if len(value) != 8*metrics.OutcomeCount {
		value = make([]byte, 8*metrics.OutcomeCount)
	}
	if cas == 0 {
		cas = math.MaxUint32 // no value has this number: only one worker creates the value
	}
	shared := value[8*int(o):]
	if last := callout.UnixMilli(binary.LittleEndian.Uint64(shared)); last.Within(refusalsInterval, now) {
		l.lastLogged[o] = last
		return false
	}
	binary.LittleEndian.PutUint64(shared, uint64(now))
	if !l.host.Store(refusalsKey, value, cas) {
		return false // another worker wrote the value: the next request looks again
	}
	l.lastLogged[o] = now
	return true
}

// LogUnavailable logs why a request gets 503, if that is its outcome.
func (l *RefusalLog) LogUnavailable(o metrics.Outcome) {
	if reason := unavailableReason(o); reason != "" && l.due(o) {
		l.host.Info("503: " + reason)
	}
}

// unavailableReason returns why a request with this outcome gets 503; empty if it
// gets something else.
func unavailableReason(o metrics.Outcome) string {
	switch o {
	case metrics.NoKeys:
		return "there are no keys to verify the token"
	case metrics.NoRoom:
		return "too many requests wait for the authorization server"
	case metrics.TimedOut:
		return "the request has waited for too long"
	case metrics.RefetchFailed:
		return "the key of the token is unknown, and the keys cannot be fetched"
	case metrics.NoAnswer:
		return "the authorization server does not answer"
	case metrics.NoProofRoom:
		return dpop.ErrFull.Error()
	}
	return ""
}

// logRefusal logs that p refuses the token of r because of err; r is nil if the
// request has more than one token. asked is the server that the gate asked about the
// token, and whose response is in g.token; nil if the gate asked none.
func (g *Gate) logRefusal(p *resource, r *Request, o metrics.Outcome, err error, asked *trustedServer) {
	if g.Log.due(o) {
		g.Log.host.Info("refused at " + p.Resource.Resource.Raw + ": " + err.Error() + g.describeToken(p, r, asked))
	}
}

// logInsufficientScope logs that p refuses the token of r, which lacks one of the
// scopes; r is nil in a verdict on the body.
func (g *Gate) logInsufficientScope(p *resource, r *Request, scope string) {
	if g.Log.due(metrics.InsufficientScope) {
		g.Log.host.Info("refused at " + p.Resource.Resource.Raw + ": " + errInsufficientScope.Error() + " of " + quote(scope) + g.describeToken(p, r, nil))
	}
}

// logAccessDenied logs that p refuses the token of r, which lacks a claim; r is nil in a
// verdict on the body.
func (g *Gate) logAccessDenied(p *resource, r *Request, c *config.RequiredClaim) {
	if g.Log.due(metrics.AccessDenied) {
		g.Log.host.Info("refused at " + p.Resource.Resource.Raw + ": the token lacks a required value of the claim " + quote(c.Claim.Name) + g.describeToken(p, r, nil))
	}
}

// describeToken returns what a log line says about the token of r: see logRefusal.
func (g *Gate) describeToken(p *resource, r *Request, asked *trustedServer) string {
	const wasAsked = "; the authorization server was asked about the token, issuer "
	var t jwtlite.Token
	switch {
	case asked != nil:
		return wasAsked + quote(asked.policy.Issuer) + describeAudience(&g.token)
	case r != nil && isJWT(&t, r):
		text := "; issuer " + quote(t.Claims().Issuer) + describeAudience(&t) + ", alg " + quote(t.AlgorithmName())
		if kid, ok := t.KeyID(); ok {
			return text + ", kid " + quote(kid)
		}
		return text + ", no kid"
	case r != nil && p.introspector != nil:
		return wasAsked + quote(p.introspector.policy.Issuer)
	}
	return ""
}

// isJWT reports whether the token of r is a JWT, and parses it into t.
func isJWT(t *jwtlite.Token, r *Request) bool {
	token, _, err := presentedToken(r, true)
	return err == nil && t.Parse(token) == nil
}

// describeAudience returns the audience of a token for a log line; empty if it has
// none.
func describeAudience(t *jwtlite.Token) string {
	const limit = 3
	audience := t.Claims().AppendAudience(nil)
	text := ""
	for i, a := range audience {
		switch i {
		case 0:
			text = ", audience " + quote(a)
		case limit:
			return text + " and " + strconv.Itoa(len(audience)-limit) + " more"
		default:
			text += ", " + quote(a)
		}
	}
	return text
}

// quote returns an untrusted text in quotes, fit for a log: at most 100 bytes of
// it, with "?" for each byte that is not printable ASCII.
//
// The built file is 12 kB larger if the compiler inlines quote into its callers.
//
//go:noinline
func quote(s string) string {
	const limit = 100
	b := []byte{'"'}
	for i := 0; i < len(s) && i < limit; i++ {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c < ' ' || c > '~':
			b = append(b, '?')
		default:
			b = append(b, c)
		}
	}
	if len(s) > limit {
		b = append(b, "..."...)
	}
	return string(append(b, '"'))
}

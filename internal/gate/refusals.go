package gate

import (
	"encoding/binary"
	"math"
	"strconv"

	"mcpauth/internal/callout"
	"mcpauth/internal/metrics"
	"mcpauth/jwtlite"
)

// Refusals tell the log why requests are refused: for each reason a line a minute,
// whatever the number of workers and requests. They never hold a token. What they
// repeat of one is quoted, short and printable ASCII, since anybody can have made
// it.
type Refusals struct {
	host callout.Host
	told [metrics.Outcomes]int64 // when the last line was written, as far as this worker knows
}

// NewRefusals returns Refusals for the log of host.
func NewRefusals(host callout.Host) *Refusals { return &Refusals{host: host} }

const (
	refusalsName     = "mcpauth.refusals 1" // of the value that the workers share: eight bytes for each outcome
	refusalsInterval = 60_000               // milliseconds between two lines about one outcome
)

// due reports whether the log may have a line about an outcome, and counts it.
//
//go:noinline
func (l *Refusals) due(o metrics.Outcome) bool {
	if l == nil {
		return false
	}
	now := int64(l.host.Now())
	if recent(l.told[o], now) {
		return false
	}
	value, cas := l.host.Load(refusalsName)
	if len(value) != 8*metrics.Outcomes {
		value = make([]byte, 8*metrics.Outcomes)
	}
	if cas == 0 {
		cas = math.MaxUint32 // of several workers one creates the value
	}
	at := value[8*int(o):]
	if told := int64(binary.LittleEndian.Uint64(at)); recent(told, now) {
		l.told[o] = told
		return false
	}
	binary.LittleEndian.PutUint64(at, uint64(now))
	if !l.host.Store(refusalsName, value, cas) {
		return false // another worker writes: the next request looks again
	}
	l.told[o] = now
	return true
}

func recent(told, now int64) bool { return told <= now && now-told < refusalsInterval }

// Unavailable tells the log why a request gets 503, if that is its outcome.
//
//go:noinline
func (l *Refusals) Unavailable(o metrics.Outcome) {
	if o < metrics.NoKeys || o > metrics.NoAnswer || !l.due(o) {
		return
	}
	why := ""
	switch o {
	case metrics.NoKeys:
		why = "there are no keys to verify its token with"
	case metrics.NoRoom:
		why = "too many requests wait for the same thing"
	case metrics.Waited:
		why = "it has waited for too long"
	case metrics.RefetchFailed:
		why = "the key of its token is unknown, and keys cannot be fetched"
	case metrics.RefetchLater:
		why = "the key of its token is unknown, and keys were fetched in vain for others so often that the next fetch has to wait"
	case metrics.NoAnswer:
		why = "the authorization server does not answer"
	}
	l.host.Info("503: " + why)
}

// refused tells the log why p refuses a token, that of r if it is not nil. asked is
// the server that was asked about it, if one was, and g.token then has its answer.
//
//go:noinline
func (g *Gate) refused(p *resource, r *Request, o metrics.Outcome, why string, asked *server) {
	if !g.Refusals.due(o) {
		return
	}
	line := "refused at " + p.Resource.Resource.Raw + ": " + why
	var t jwtlite.Token
	switch {
	case asked != nil:
		line += "; its server was asked about the token, issuer " + quoted(asked.policy.Issuer) + audienceOf(&g.token)
	case r != nil && parsed(&t, r):
		line += "; issuer " + quoted(t.Claims().Issuer) + audienceOf(&t) + ", alg " + quoted(t.AlgorithmName())
		if kid, ok := t.KeyID(); ok {
			line += ", kid " + quoted(kid)
		} else {
			line += ", no kid"
		}
	case r != nil && p.opaque != nil:
		line += "; its server was asked about the token, issuer " + quoted(p.opaque.policy.Issuer)
	}
	g.Refusals.host.Info(line)
}

// parsed reports whether the token of r is a JWT, which t then has.
//
//go:noinline
func parsed(t *jwtlite.Token, r *Request) bool {
	token, err := bearer(r)
	return err == nil && t.Parse(token) == nil
}

// audienceOf returns for the log whom a token is for, if it says so.
//
//go:noinline
func audienceOf(t *jwtlite.Token) string {
	text := ""
	for i, a := range t.Claims().AppendAudience(nil) {
		switch i {
		case 0:
			text = ", audience " + quoted(a)
		case 3:
			return text + " and " + strconv.Itoa(len(t.Claims().AppendAudience(nil))-i) + " more"
		default:
			text += ", " + quoted(a)
		}
	}
	return text
}

// quoted returns a text of anybody's making in quotes and fit for a log: at most
// 100 bytes of it, with "?" for what is not printable ASCII.
//
//go:noinline
func quoted(s string) string {
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

package oauthproxy

import (
	"strconv"
	"strings"
	"time"

	"mcpauth/internal/callout"
)

// maxClientID bounds a client ID in bytes: it is part of every authorization request.
const maxClientID = 4096

// A client is a registration. Its ID is the registration itself, sealed: the gateway keeps
// none. Or its ID is the URL of a document: see [Fetch].
type client struct {
	id           string
	name         string // the client's own text, fit for a page; may be empty
	issued       callout.UnixMilli
	redirectURIs []string // as registered, or as in the document; each was allowed then
}

// hash returns a short text in place of the ID.
func (c *client) hash() string { return digest(c.id) }

// sealClient returns the ID of a client.
func (p *Proxy) sealClient(issuer string, c *client) string {
	fields := append([]string{seconds(c.issued), c.name}, c.redirectURIs...)
	return p.sealer.seal(forClient, issuer, fields...)
}

// registeredClient returns the client of an ID, and false if the gateway has not registered
// it, or too long ago.
func (p *Proxy) registeredClient(id, issuer string) (c client, ok bool) {
	if len(id) > maxClientID {
		return c, false
	}
	fields, ok := p.sealer.open(forClient, issuer, id, -1)
	if !ok || len(fields) < 3 {
		return c, false
	}
	c = client{id: id, name: fields[1], redirectURIs: fields[2:]}
	c.issued, ok = parseSeconds(fields[0])
	return c, ok && !p.expired(c.issued, p.cfg.ClientMaxAge)
}

// expired reports whether more than age has passed since t. A time in the future has
// expired too, except by a minute: the clocks of two gateways may differ.
func (p *Proxy) expired(t callout.UnixMilli, age time.Duration) bool {
	passed := p.host.Now().Sub(t)
	return passed >= age || passed < -time.Minute
}

// allows reports whether the client has named a redirect URI. On loopback any port
// matches (RFC 8252, section 7.3).
func (c *client) allows(uri string) bool {
	for _, known := range c.redirectURIs {
		if matchesURI(known, uri) {
			return true
		}
	}
	return false
}

// label names a client in the log: what it calls itself, or the URL that is its ID, and the
// beginning of its hash. The
// same beginning stands in each line about the client.
func (c *client) label() string {
	if isDocumentID(c.id) {
		return "the client " + callout.Quote(c.id) + " (" + label(c.hash()) + ")"
	}
	return "the client " + callout.Quote(c.name) + " (" + label(c.hash()) + ")"
}

// label returns the beginning of a hash for the log.
func label(hash string) string { return base64Digest(hash)[:10] }

// seconds returns a time in text, rounded down to a second.
func seconds(t callout.UnixMilli) string { return strconv.FormatInt(int64(t)/1000, 10) }

func parseSeconds(s string) (callout.UnixMilli, bool) {
	n, err := strconv.ParseInt(s, 10, 64)
	return callout.UnixMilli(n * 1000), err == nil
}

const maxName = 64 // characters of a client's name

// cleanName returns a client's name as a page may show it: one line of at most maxName
// characters, none of which is invisible or changes the order of others.
func cleanName(name string) string {
	var b strings.Builder
	n, space := 0, false
	for _, r := range name {
		switch {
		case r <= ' ' || r == 0x7F || r == 0xA0 || 0x2000 <= r && r <= 0x200A || r == 0x2028 || r == 0x2029 || r == 0x202F || r == 0x205F || r == 0x3000:
			space = b.Len() > 0
			continue
		case isInvisible(r):
			continue
		}
		if n++; n > maxName {
			return b.String() + "…"
		}
		if space {
			b.WriteByte(' ')
			space = false
		}
		b.WriteRune(r)
	}
	return b.String()
}

// isInvisible reports whether a character has no look of its own: controls, characters for
// the direction of text (Unicode, UAX 9), combining marks, of which many can cover what is
// around them, and characters without a width.
func isInvisible(r rune) bool {
	for _, span := range [...][2]rune{
		{0x80, 0x9F}, {0xAD, 0xAD}, {0x300, 0x36F}, {0x483, 0x489}, {0x591, 0x5BD}, {0x61C, 0x61C}, {0x115F, 0x1160}, {0x17B4, 0x17B5}, {0x180B, 0x180F},
		{0x1AB0, 0x1AFF}, {0x1DC0, 0x1DFF}, {0x200B, 0x200F}, {0x202A, 0x202E}, {0x2060, 0x206F}, {0x20D0, 0x20FF}, {0x2800, 0x2800}, {0x3164, 0x3164},
		{0xFE00, 0xFE0F}, {0xFE20, 0xFE2F}, {0xFEFF, 0xFEFF}, {0xFFA0, 0xFFA0}, {0xFFF0, 0xFFFD}, {0xD800, 0xF8FF}, {0x1D173, 0x1D17A}, {0xE0000, 0x10FFFF},
	} {
		if span[0] <= r && r <= span[1] {
			return true
		}
	}
	return false
}

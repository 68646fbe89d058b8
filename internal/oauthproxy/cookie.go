package oauthproxy

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"mcpauth/internal/callout"
)

const (
	// maxAgreements bounds the agreements that a browser keeps: the oldest go first.
	maxAgreements = 16

	// newBrowserSeconds is the Max-Age of a cookie without agreements. It outlives the
	// page and the sign-in after it.
	newBrowserSeconds = 60 * 60

	randomSize = 16 // bytes of a random value
)

// A browser is what the cookie of a user's browser says. The gateway keeps nothing of it.
type browser struct {
	id         string      // random; empty if the browser has no cookie of this issuer
	agreements []agreement // those that are not too old, in their order
}

// An agreement says to what the user of a browser has agreed, and when.
type agreement struct {
	key string // see [Proxy.agreementKey]
	at  callout.UnixMilli
}

// hash returns a text in place of the ID, which no URL may have.
func (w *browser) hash() string { return digest(w.id) }

// cookieName returns the name of the cookie of an issuer. Browsers take a name that begins
// with "__Host-" over https alone, from the host itself, for all its paths (RFC 6265bis,
// section 4.1.3.2). Issuers have different names, since browsers do not tell ports apart.
func cookieName(issuer string) string {
	name := "mcpauth-" + base64Digest(issuer)[:8]
	if isSecure(issuer) {
		return "__Host-" + name
	}
	return name
}

// isSecure reports whether an issuer is at https. Others serve for trying out, on loopback.
func isSecure(issuer string) bool { return strings.HasPrefix(issuer, "https:") }

// readCookie returns the browser that sends a request. It counts two cookies of one name as
// none: nothing says which of them is the gateway's.
func (p *Proxy) readCookie(b *BrowserRequest) (w browser) {
	name, found, n := cookieName(b.Issuer), "", 0
	for rest := b.Cookies; rest != ""; {
		var pair string
		pair, rest, _ = strings.Cut(rest, ";")
		if value, ok := strings.CutPrefix(strings.Trim(pair, " \t"), name+"="); ok {
			found = value
			n++
		}
	}
	if n != 1 {
		return w
	}
	fields, ok := p.sealer.open(forCookie, b.Issuer, found, -1)
	if !ok || len(fields)%2 != 1 || len(fields[0]) != randomSize || len(fields) > 1+2*maxAgreements {
		return w
	}
	w.id = fields[0]
	for i := 1; i < len(fields); i += 2 {
		if at, ok := parseSeconds(fields[i+1]); ok && !p.expired(at, p.cfg.ConsentMaxAge) {
			w.agreements = append(w.agreements, agreement{fields[i], at})
		}
	}
	return w
}

// setCookie returns the Set-Cookie header of a browser.
func (p *Proxy) setCookie(w *browser, issuer string) string {
	fields, maxAge := []string{w.id}, newBrowserSeconds
	for _, a := range w.agreements {
		fields = append(fields, a.key, seconds(a.at))
		maxAge = max(newBrowserSeconds, int(p.cfg.ConsentMaxAge/time.Second))
	}
	text := cookieName(issuer) + "=" + p.sealer.seal(forCookie, issuer, fields...) +
		"; Path=/; Max-Age=" + strconv.Itoa(maxAge) + "; HttpOnly; SameSite=Lax"
	if isSecure(issuer) {
		text += "; Secure"
	}
	return text
}

// agreementKey stands for what a user agrees to: the client, the redirect URI, the scopes
// and the resources. Another client of the same name is another client.
func (p *Proxy) agreementKey(r *authorizationRequest) string {
	fields := append([]string{r.ClientID, anyPort(r.RedirectURI), strings.Join(p.scopes(r), " ")}, r.Resources...)
	return digest(fields...)[:randomSize]
}

// agreedTo reports whether the browser has an agreement.
func (w *browser) agreedTo(key string) bool {
	return slices.ContainsFunc(w.agreements, func(a agreement) bool { return a.key == key })
}

// agree adds an agreement, in place of an older one.
func (w *browser) agree(key string, now callout.UnixMilli) {
	var kept []agreement
	for _, a := range w.agreements {
		if a.key != key {
			kept = append(kept, a)
		}
	}
	kept = append(kept, agreement{key, now})
	w.agreements = kept[max(0, len(kept)-maxAgreements):]
}

package oauthproxy

import (
	"strconv"
	"strings"
	"time"

	"mcpauth/config"
	"mcpauth/internal/callout"
	"mcpauth/internal/once"
)

// maxStateAge is how long a user may take at the provider.
const maxStateAge = 10 * time.Minute

// A state is what the state parameter for the provider says: which browser has agreed to
// the request of which client. The client's own state travels in it.
type state struct {
	nonce       string
	issued      callout.UnixMilli
	browser     string // hash
	client      string // hash
	documentURL string // of the client; empty if it has none
	redirectURI string
	challenge   string // of PKCE
	clientState string
	agreed      agreed
}

// newState returns the state parameter for a request to which the user of a browser has
// agreed, and false if the host has no random bytes.
func (p *Proxy) newState(r *authorizationRequest, c *client, w *browser, issuer string) (string, bool) {
	nonce := p.newRandom()
	fields := []string{nonce, seconds(p.host.Now()), w.hash(), c.hash(), c.documentURL(), r.RedirectURI, r.CodeChallenge, r.State}
	return p.sealer.seal(forState, issuer, append(fields, agreed{strings.Join(p.scopes(r), " "), r.Resources}.fields()...)...), nonce != ""
}

// openState reads a state parameter that comes back in a browser. If it must not be used,
// openState returns a text for the user, and the detail.
func (p *Proxy) openState(sealed, issuer string, w *browser) (s state, text config.Text, detail string) {
	f, ok := p.sealer.open(forState, issuer, sealed, -1)
	if !ok || len(f) < 9 || len(f[0]) != randomSize {
		return s, config.TextErrorAltered, "the state is not one that this server has sealed"
	}
	s = state{nonce: f[0], browser: f[2], client: f[3], documentURL: f[4], redirectURI: f[5], challenge: f[6], clientState: f[7], agreed: readAgreed(f[8:])}
	s.issued, ok = parseSeconds(f[1])
	switch {
	case !ok || p.expired(s.issued, maxStateAge):
		return s, config.TextErrorExpired, "the state is older than ten minutes"
	case w.id == "" || s.browser != w.hash():
		return s, config.TextErrorOtherBrowser, "the cookie of the browser is another one or missing"
	}
	return s, 0, ""
}

// The states that were used are shared by all workers: see package once. They are in several
// lists, so that each is short. There are so many that one visitor, who can use states with
// codes that are none, does not soon keep all others out.
const (
	usedValues  = 256
	usedRecords = 2048 // in each value
	usedID      = 8    // bytes of a nonce
	usedSize    = usedID + once.TimeSize
)

// useState uses a state, once in all workers together. The error is that of [once.Use].
func (p *Proxy) useState(s *state) error {
	name := "mcpauth.state " + strconv.Itoa(int(s.nonce[0])%usedValues) + " " + p.server.Issuer
	until := uint32(s.issued.Add(maxStateAge+time.Minute) / 1000)
	return once.Use(p.host, name, []byte(s.nonce[:usedID]), until, uint32(p.host.Now()/1000), usedRecords)
}

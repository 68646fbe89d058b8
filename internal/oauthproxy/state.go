package oauthproxy

import (
	"encoding/binary"
	"strconv"
	"strings"
	"time"

	"mcpauth/config"
	"mcpauth/internal/callout"
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

// The states that were used are shared by all workers: records of eight bytes of a nonce and
// a time of four, in several values, so that each is short. A record goes once its state has
// expired. While a value is full, no further state is used. There are so many that one
// visitor, who can use states with codes that are none, does not soon keep all others out.
const (
	usedValues  = 256
	usedRecords = 2048 // in each value
	usedSize    = 12
	usedTries   = 16 // of a compare-and-swap
)

// A use is the result of using a state.
type use uint8

const (
	usedFirst use = iota // the state was not used before
	usedBefore
	usedFull // too many states have been used, or the host shares no values
)

// useState uses a state, once in all workers together.
func (p *Proxy) useState(s *state) use {
	name := "mcpauth.state " + strconv.Itoa(int(s.nonce[0])%usedValues) + " " + p.server.Issuer
	nonce := binary.LittleEndian.Uint64([]byte(s.nonce))
	until := uint32(s.issued.Add(maxStateAge+time.Minute) / 1000)
	for range usedTries {
		records, cas := callout.LoadOrCreate(p.host, name, make([]byte, usedSize))
		if cas == 0 {
			break
		}
		now := uint32(p.host.Now() / 1000)
		kept := make([]byte, 0, len(records)+usedSize)
		for ; len(records) >= usedSize; records = records[usedSize:] {
			if binary.LittleEndian.Uint32(records[8:]) <= now {
				continue
			}
			if binary.LittleEndian.Uint64(records) == nonce {
				return usedBefore
			}
			kept = append(kept, records[:usedSize]...)
		}
		if len(kept) >= usedRecords*usedSize {
			break
		}
		kept = binary.LittleEndian.AppendUint64(kept, nonce)
		if p.host.Store(name, binary.LittleEndian.AppendUint32(kept, until), cas) {
			return usedFirst
		}
	}
	return usedFull
}

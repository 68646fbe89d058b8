package keys

import (
	"cmp"
	"errors"
	"strconv"

	"mcpauth/internal/callout"
	"mcpauth/internal/discovery"
	"mcpauth/jwtlite"
)

// end closes a fetch and writes its outcome into the record, if this worker still
// holds the lease. A failure leaves the keys as they are.
func (s *Source) end(f *fetch, keys *fetched, failure error) {
	s.fetch = nil
	if failure != nil {
		s.Failed++
	} else {
		s.Fetched++
	}
	now := s.host.Now()
	value, cas := s.host.Load(s.name)
	r, ok := decode(value)
	if !ok || r.owner != s.owner {
		return
	}
	r.owner, r.leaseUntil = 0, 0
	r.lastBegan = f.began
	r.attempts++
	var line string
	if failure != nil {
		line = s.failed(&r, failure, now)
	} else {
		line = s.succeeded(&r, f, keys, now)
	}
	if !s.host.Store(s.name, r.encode(), cas) {
		return
	}
	switch {
	case line == "":
	case failure != nil:
		s.host.Warn(s.logLine(line))
	default:
		s.host.Info(s.logLine(line))
	}
	s.apply(&r)
}

// failed writes into a record that a fetch has failed, and returns a line for the log,
// empty for none.
func (s *Source) failed(r *record, failure error, now callout.UnixMilli) (line string) {
	r.failures++
	r.lastGood = min(r.lastGood, now) // if the clock went back, the age of the keys counts from now
	if s.usesDiscovery() {
		s.discovery.Forget(discovery.JWKS) // the keys may have moved
	}
	state := failure.Error()
	old := s.tooOld(r, now)
	switch {
	case old:
		state += "; the last good keys are older than max_stale_seconds: requests get 503"
	case r.version != 0:
		state += "; the last good keys stay in use"
	}
	backoff := backoffNoKeys
	if r.version != 0 && !old || s.metadataOnly() && s.Metadata() != "" {
		backoff = backoffWithKeys
	}
	r.next = now.Add(s.jitter(backoff.After(r.failures), now))
	if state == r.lastLogged || !r.logBudget.Take(now) {
		return ""
	}
	r.lastLogged = state
	return "no " + s.subject() + " fetched: " + state
}

// succeeded writes into a record what a fetch has brought, and returns a line for the
// log, empty for none.
func (s *Source) succeeded(r *record, f *fetch, keys *fetched, now callout.UnixMilli) (line string) {
	changed := !s.metadataOnly() && s.changed(r, keys)
	if (changed || r.lastLogged != "") && r.logBudget.Take(now) {
		line = keys.describe()
		if r.lastLogged != "" {
			line = s.subject() + " fetched again: " + line
		}
		r.lastLogged = ""
	}
	if changed || r.failures > 0 {
		r.fruitless = 0
	}
	r.failures = 0
	r.lastGood = f.began
	r.next = now.Add(s.jitter(cmp.Or(keys.fresh, refreshInterval), now))
	if changed {
		// The version never repeats, even if the record was lost meanwhile.
		r.version = max(r.version+1, uint64(now))
		r.documentAt = f.began
		r.document = string(keys.document)
	}
	return line
}

// changed reports whether a fetch has brought other keys than those of a record. It
// compares keys, not documents: a server may write the same keys differently each time.
func (s *Source) changed(r *record, keys *fetched) bool {
	switch {
	case r.version == 0:
		return true
	case string(keys.document) == r.document:
		return false
	case s.version != r.version:
		return true // this worker has not seen the keys of the record
	}
	return !s.set.Equal(keys.set)
}

// logLine returns a log line that names the issuer.
func (s *Source) logLine(message string) string {
	return "issuer " + s.server.Issuer + ": " + message
}

// subject returns the word by which the log names what s fetches.
func (s *Source) subject() string {
	if s.metadataOnly() {
		return "metadata"
	}
	return "keys"
}

// describe returns a text for the log about the keys in use and the skipped keys. A
// skipped key is no fault: servers also publish keys that do not sign tokens.
func (k *fetched) describe() string {
	if k.set == nil {
		return "from " + k.from
	}
	const maxSkipped = 4 // named in a line
	text := strconv.Itoa(k.set.Len()) + " usable keys from " + k.from + " are in use"
	for i, skipped := range k.skipped {
		switch i {
		case 0:
			text += "; not needed and skipped: "
		case maxSkipped:
			return text + ", and " + strconv.Itoa(len(k.skipped)-i) + " more"
		default:
			text += ", "
		}
		text += "keys[" + strconv.Itoa(skipped.Index) + "] (" + skipped.Reason.Error() + ")"
	}
	return text
}

// withReasons adds to the error about a JWK set why each of its keys cannot be used.
func withReasons(err error, skipped []jwtlite.SkippedKey) error {
	if len(skipped) == 0 {
		return err
	}
	const maxReasons = 16 // in a line
	text := err.Error()
	for i, s := range skipped {
		if i == maxReasons {
			text += "; and " + strconv.Itoa(len(skipped)-i) + " more"
			break
		}
		text += "; keys[" + strconv.Itoa(s.Index) + "]: " + s.Reason.Error()
	}
	return errors.New(text)
}

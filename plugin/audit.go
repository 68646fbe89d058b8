package main

import (
	"mcpauth/internal/gate"
	"mcpauth/internal/metrics"
)

// audits reports whether the configuration asks for an audit trail.
func (p *plugin) audits() bool { return p.observers != nil }

// audit sets the filter state of the audit trail after a decision on the request.
func (s *stream) audit(v *gate.Verdict) error {
	o, err := s.plugin.gate.Audit(v, setProperty)
	if o != nil {
		s.plugin.observers[s.id] = o
	}
	return err
}

// auditOutcome sets the filter state of an outcome.
func (p *plugin) auditOutcome(o metrics.Outcome) error {
	if !p.audits() {
		return nil
	}
	return gate.SetOutcome(o, setProperty)
}

// maxPiece bounds what is read of a body at once: the memory for it is reused.
const maxPiece = 64 << 10

// observer returns what reads the body of a request that has gone on, nil if nothing does.
func (s *stream) observer() *gate.Observer {
	if len(s.plugin.observers) == 0 {
		return nil
	}
	return s.plugin.observers[s.id]
}

// observe reads the next piece of a body, of size bytes, for the audit trail. The body
// goes on, whatever becomes of that.
func (s *stream) observe(size int, endOfStream bool) {
	o := s.observer()
	if o == nil {
		return
	}
	for start, more := 0, true; more && start < size; {
		piece, err := requestBody(start, maxPiece)
		if err != nil || len(piece) == 0 {
			s.endObservation(false)
			return
		}
		more = o.Write(piece)
		start += len(piece)
		endOfStream = endOfStream || !more
	}
	if endOfStream {
		s.endObservation(true)
	}
}

// endObservation ends the observation of a body, if there is one. complete says whether
// the body has come to its end.
func (s *stream) endObservation(complete bool) {
	o := s.observer()
	if o == nil {
		return
	}
	delete(s.plugin.observers, s.id)
	if err := o.End(complete, setProperty); err != nil {
		logError("the filter state of a body cannot be set: " + err.Error())
	}
}

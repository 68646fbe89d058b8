package faults

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strconv"
	"time"
)

// A Fault is a way to answer. Wherever a fault leaves room for a document, it
// is one that would let an attacker in: the key set has the attacker's keys
// under the kids of the server's own, the metadata leads there.
type Fault int

const (
	// None answers as it should be.
	None Fault = iota
	// Late answers as it should be, after two seconds.
	Late
	// Hang takes the request and never answers.
	Hang
	// ServerError is status 500.
	ServerError
	// HTML is status 200 with a page for people.
	HTML
	// Truncated is a document that ends too early, with a length that fits.
	Truncated
	// Cut closes the connection in the middle of the document.
	Cut
	// Empty is a document with nothing in it.
	Empty
	// OtherIssuer is the metadata of another issuer. The key set is a 404.
	OtherIssuer
	// Huge is a document of 10 MB.
	Huge
	// ManyKeys is a key set of 10,000 keys, small enough by its size. The
	// metadata is good.
	ManyKeys
	// Drip sends a byte every tenth of a second.
	Drip
	// Redirect is status 302.
	Redirect
)

var faultNames = [...]string{
	"none", "late", "hangs", "500", "HTML", "truncated JSON", "connection cut", "empty set",
	"another issuer", "10 MB", "10,000 keys", "drips", "redirects",
}

func (f Fault) String() string { return faultNames[f] }

// Lasting are the faults with which no document arrives.
var Lasting = []Fault{
	Hang, ServerError, HTML, Truncated, Cut, Empty, OtherIssuer, Huge, ManyKeys, Drip, Redirect,
}

// Foreign begins the paths that a client comes to only if it trusts what it
// must not.
const Foreign = "/foreign"

const (
	lateBy      = 2 * time.Second
	dripPeriod  = 100 * time.Millisecond
	hugeSize    = 10 << 20
	manyKeys    = 10_000
	otherIssuer = "https://other.example.com"
)

// fail answers as a fault has it and reports whether the good answer is to
// follow instead.
func (s *Server) fail(f Fault, w http.ResponseWriter, r *http.Request) (good bool) {
	doc := s.hostile(f, r.URL.Path)
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "max-age=86400")
	switch f {
	case None:
		return true
	case Late:
		return s.wait(r, lateBy)
	case Hang:
		select {
		case <-r.Context().Done():
		case <-s.ended:
		}
		panic(http.ErrAbortHandler)
	case ServerError:
		w.WriteHeader(http.StatusInternalServerError)
		w.Write(doc)
	case HTML:
		w.Header().Set("Content-Type", "text/html")
		w.Write([]byte("<!doctype html><title>Sorry</title><p>We will be back soon."))
	case Truncated:
		w.Write(doc[:len(doc)-2])
	case Cut:
		w.Header().Set("Content-Length", strconv.Itoa(len(doc)))
		w.Write(doc[:len(doc)-2])
		http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	case Empty:
		if isMetadata(r.URL.Path) {
			w.Write([]byte(`{}`))
		} else {
			w.Write([]byte(`{"keys":[]}`))
		}
	case OtherIssuer:
		if !isMetadata(r.URL.Path) {
			w.WriteHeader(http.StatusNotFound)
		}
		w.Write(doc)
	case Huge:
		w.Write(append(doc, bytes.Repeat([]byte{' '}, hugeSize-len(doc))...))
	case ManyKeys:
		if isMetadata(r.URL.Path) {
			return true
		}
		w.Write(doc)
	case Drip:
		for i := range doc {
			if _, err := w.Write(doc[i : i+1]); err != nil {
				break
			}
			http.NewResponseController(w).Flush()
			if !s.wait(r, dripPeriod) {
				break
			}
		}
	case Redirect:
		w.Header().Set("Location", Foreign+r.URL.Path)
		w.WriteHeader(http.StatusFound)
	}
	return false
}

// hostile is the document that an attacker would serve at a path.
func (s *Server) hostile(f Fault, path string) []byte {
	if isMetadata(path) {
		issuer := s.Issuer()
		if f == OtherIssuer {
			issuer = otherIssuer
		}
		doc, err := json.Marshal(map[string]string{"issuer": issuer, "jwks_uri": s.Issuer() + Foreign + "/jwks"})
		if err != nil {
			panic(err) // strings always marshal
		}
		return doc
	}
	if f == ManyKeys {
		more := bytes.Repeat([]byte(`,{"kty":"oct","k":"AA"}`), manyKeys)
		return append(append(bytes.Clone(s.foreign[:len(s.foreign)-2]), more...), "]}"...)
	}
	return bytes.Clone(s.foreign)
}

// wait reports whether d has passed with the client still there.
func (s *Server) wait(r *http.Request, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-r.Context().Done():
	case <-s.ended:
	}
	return false
}

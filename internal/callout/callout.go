// Package callout sends requests to authorization servers. It holds what every
// client of such a server needs: the [Host] that sends, a [Request] with its
// credentials and form, the [Response] and its faults, the delays of a [Backoff],
// and log lines that all workers together write once.
//
// The packages above it decide what to ask and what an answer means.
package callout

import (
	"strconv"
	"time"

	"mcpauth/config"
)

const (
	// Timeout is how long a Host waits for a response.
	Timeout = 5 * time.Second

	// LostAfter is longer than any callout takes. If no response has come by
	// then, the host has lost the callout.
	LostAfter = 20 * time.Second

	// MaxDocument is the size in bytes of the largest body that a Host reads.
	MaxDocument = 256 << 10
)

// Shared is the data that the workers of a process share.
type Shared interface {
	// Load returns a value that all workers share, and the number by which Store
	// replaces just this value. The number is 0 if there is no value.
	Load(name string) (value []byte, cas uint32)

	// Store replaces the value if it still has the number cas, or if there is no
	// value, and reports whether it did. The number 0 replaces any value.
	Store(name string, value []byte, cas uint32) bool
}

// A Host is the proxy that runs the plugin: what clients of authorization servers
// need of it.
type Host interface {
	// Now returns the current time.
	Now() UnixMilli

	Shared

	// Send sends a request to a cluster. It calls done once, after Send has
	// returned, with the response or with a Response that has an Err. If Send
	// returns an error, it has sent nothing and does not call done.
	Send(cluster string, r Request, done func(*Response)) error

	// Info and Warn write a line to the log.
	Info(message string)
	Warn(message string)
}

// UnixMilli is a time in milliseconds since the Unix epoch. Shared records hold times
// in this precision. A Host's clock must not be finer: a record would round down the
// time of a fetch, which would then seem older than the request that caused it.
type UnixMilli int64

// At returns t, rounded down to a millisecond.
func At(t time.Time) UnixMilli { return UnixMilli(t.UnixMilli()) }

// Add returns t+d.
func (t UnixMilli) Add(d time.Duration) UnixMilli { return t + UnixMilli(d.Milliseconds()) }

// Sub returns t-u.
func (t UnixMilli) Sub(u UnixMilli) time.Duration { return time.Duration(t-u) * time.Millisecond }

// Within reports whether less than d has passed since t. It reports false if t is
// in the future: the clock may go backwards, and may not reach t again for long.
func (t UnixMilli) Within(d time.Duration, now UnixMilli) bool {
	return t <= now && now.Sub(t) < d
}

// A Backoff gives the delay after a number of failures in a row: First after the first failure,
// doubled with each further one, up to Max.
type Backoff struct{ First, Max time.Duration }

// After returns the delay after a number of failures; none counts as one.
func (b Backoff) After(failures uint64) time.Duration {
	const maxDoublings = 10 // further ones would overflow
	return min(b.First<<min(max(failures, 1)-1, maxDoublings), b.Max)
}

// CannotCall returns for the log why a Host did not send to a cluster.
func CannotCall(cluster string, err error) string {
	return "the cluster " + Quote(cluster) + " cannot be called: " + err.Error()
}

// Quote returns the first 200 bytes of a text in quotes and printable ASCII, for
// the log.
func Quote(s string) string { return strconv.QuoteToASCII(s[:min(len(s), 200)]) }

// Get sends a GET request for a JSON document to a cluster: see [Host].
func Get(h Host, cluster string, u *config.URL, done func(*Response)) error {
	return h.Send(cluster, newRequest("GET", u), done)
}

//go:build faults

package suite

import "time"

// What mcpauth promises while its authorization server fails, for the default
// configuration. The times follow from the constants of internal/keys. A test
// fails when a promise is exceeded by more than slack.
const (
	// calloutTime is how long one request to the authorization server may take,
	// attemptTime how long a whole fetch: its last request starts within 12 s.
	calloutTime = 5 * time.Second
	attemptTime = 12*time.Second + calloutTime

	// Without keys there is a fetch retryPeriod after the last one began, as long
	// as requests wait, or as soon as it has ended: service returns within
	// returnWithoutKeys of the server's return.
	retryPeriod       = time.Second
	returnWithoutKeys = attemptTime + retryPeriod + calloutTime

	// With keys in hand a token of an unknown key makes the plugin fetch anew,
	// but only refetchPeriod after the last time it did, doubled up to refetchMost
	// while such fetches bring nothing new: new keys are in use within newKeys of
	// the first such token.
	refetchPeriod = 5 * time.Second
	refetchMost   = 30 * time.Second
	newKeys       = refetchMost + calloutTime
	// If the server was down, a fetch that hangs may have to end first, which
	// takes no longer.
	returnWithKeys = newKeys

	// All workers have what one has fetched within a tick.
	spreadTime = time.Second

	// A VM that dies during a fetch leaves the lease to expire.
	leaseTime = 20 * time.Second

	// A request is held for keys at most heldTime, and at most maxHeld in a
	// worker are.
	heldTime = 10 * time.Second
	maxHeld  = 1024

	// Envoy brings up a new VM in the place of a dead one on the first request
	// that is a second past its end.
	reloadTime = 2 * time.Second

	// What a dead VM held ends by Envoy's request_timeout, which gateway.yaml.tmpl
	// sets.
	requestTimeout = 30 * time.Second

	// slack is for machines with more to do.
	slack = 15 * time.Second
)

// The requests that the authorization server gets of one process, whatever the
// number of workers and of tokens, in a time d. All are for one fetch each;
// the metadata may be asked for in metadataPlaces places.
const metadataPlaces = 2

// fetchesUnderFlood: with tokens of unknown keys coming in all the time and the
// server up.
func fetchesUnderFlood(d time.Duration) int {
	n := 2
	for period := refetchPeriod; d > 0; period = min(2*period, refetchMost) {
		n++
		d -= period
	}
	return n
}

// fetchesWhileDown: with keys in hand, tokens of unknown keys coming in all the
// time and the server down. The back-off doubles from one second.
func fetchesWhileDown(d time.Duration) int { return int(d/refetchPeriod) + 6 }

// fetchesWithoutKeys: with requests coming in all the time.
func fetchesWithoutKeys(d time.Duration) int { return int(d/retryPeriod) + 2 }

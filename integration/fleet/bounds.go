package main

import "time"

// What one proxy asks of the authorization server at most, whatever the number of its
// workers. The constants are those of internal/keys and internal/introspect, which
// docs/operations.md documents. TestWhatTheAuthorizationServerSees holds real Envoys to
// these numbers.

const (
	// refetchFirst and refetchMost are the delays after the first fetch for an unknown
	// key that brought nothing new, and the longest such delay.
	refetchFirst = 5 * time.Second
	refetchMost  = 30 * time.Second

	// Keys without Cache-Control are fetched again after refreshInterval, others after
	// their max-age, from a minute to an hour. Each time is shortened by up to a tenth.
	refreshInterval = 5 * time.Minute
	jitter          = 10 // a tenth

	// metadataAge is how long the metadata is used.
	metadataAge = time.Hour

	// While the server fails and the proxy has keys, it fetches after 1, 2, 4, 8, 16 and
	// then 30 seconds, each shortened by up to a tenth.
	backoffFirst = time.Second
	backoffMost  = 30 * time.Second

	// Without keys, while requests come, it fetches each second.
	retryPeriod = time.Second
)

// atStart returns what a proxy asks when it starts, if the first place in which it looks
// for metadata has it.
func atStart() tally { return tally{metadata: 1, keys: 1} }

// atRotation returns what a proxy asks when tokens of a new key come, in a quiet time.
func atRotation() tally { return tally{keys: 1} }

// inFlood returns what a proxy asks while tokens of ever new unknown keys come for a
// time d: a fetch at once, and further ones after 5, 10, 20, 30, 30, … seconds.
func inFlood(d time.Duration) tally {
	n, at := 0, time.Duration(0)
	for delay := refetchFirst; at <= d; delay = min(2*delay, refetchMost) {
		n++
		at += delay
	}
	return tally{keys: n}
}

// inPeace returns the least and the most that a proxy asks in a time d with nothing
// special going on, if its keys are to be fetched again after fresh.
func inPeace(d, fresh time.Duration) (least, most tally) {
	shortest := fresh - fresh/jitter
	return tally{int(d / (metadataAge + fresh)), int(d / fresh)}, tally{ceil(d, metadataAge), ceil(d, shortest)}
}

// inOutage returns how many fetches a proxy begins at most while the server fails for a
// time d: with keys and no tokens of unknown keys, and without keys and with requests.
func inOutage(d time.Duration) (withKeys, withoutKeys int) {
	at := time.Duration(0)
	for delay := backoffFirst; at <= d; delay = min(2*delay, backoffMost) {
		withKeys++
		at += delay - delay/jitter
	}
	return withKeys, int(d/retryPeriod) + 2
}

// forOpaque returns what a proxy asks in a minute about tokens that all its workers see:
// each uses an answer for max_cache_seconds, which is a minute by default.
func forOpaque(tokens, workers int) tally { return tally{introspection: tokens * workers} }

func ceil(a, b time.Duration) int { return int((a + b - 1) / b) }

func ceilDiv(a, b int) int { return (a + b - 1) / b }

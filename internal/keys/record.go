package keys

import (
	"encoding/binary"
	"strconv"

	"mcpauth/config"
	"mcpauth/internal/callout"
)

// A record is what the workers of one process know together about the keys of one
// authorization server: one value in the host's shared data, replaced by
// compare-and-swap, so that a lease and the keys can never disagree.
type record struct {
	attempts    uint64            // fetches that have succeeded or failed
	failures    uint64            // in a row, since the last good fetch
	version     uint64            // of document; 0 if there is none yet
	next        callout.UnixMilli // when the next fetch is due
	lastRefetch callout.UnixMilli // when a fetch for a missing key last began
	fruitless   uint64            // fetches for missing keys in a row that brought nothing new
	documentAt  callout.UnixMilli // when the fetch that brought document began
	lastBegan   callout.UnixMilli // when the fetch that ended last began
	lastGood    callout.UnixMilli // when the last good fetch began
	logBudget   callout.LogBudget
	owner       uint64            // the worker that holds the lease, and so fetches
	leaseUntil  callout.UnixMilli // when the lease expires, unless the fetch ends before
	lastLogged  string            // the failure that the log last reported; empty once it is over
	document    string            // the last good JWK set
}

// layout names the encoding. It is also part of the record's name: two versions of the
// plugin, which run side by side during an update, would otherwise overwrite each
// other's record at each tick.
const layout = "mcpauth5"

// numbers is how many 8-byte numbers follow the layout, last the length of lastLogged.
const numbers = 13

func (r *record) encode() []byte {
	b := make([]byte, 0, len(layout)+numbers*8+len(r.lastLogged)+len(r.document))
	b = append(b, layout...)
	for _, v := range [numbers]uint64{
		r.attempts, r.failures, r.version, uint64(r.next), uint64(r.lastRefetch), r.fruitless,
		uint64(r.documentAt), uint64(r.lastBegan), uint64(r.lastGood), uint64(r.logBudget),
		r.owner, uint64(r.leaseUntil), uint64(len(r.lastLogged)),
	} {
		b = binary.LittleEndian.AppendUint64(b, v)
	}
	b = append(b, r.lastLogged...)
	return append(b, r.document...)
}

// decode reads a record. ok is false, and the record empty, for a value that encode
// did not write.
func decode(b []byte) (r record, ok bool) {
	if len(b) < len(layout)+numbers*8 || string(b[:len(layout)]) != layout {
		return record{}, false
	}
	b = b[len(layout):]
	next := func() uint64 {
		v := binary.LittleEndian.Uint64(b)
		b = b[8:]
		return v
	}
	nextTime := func() callout.UnixMilli { return callout.UnixMilli(next()) }
	r.attempts, r.failures, r.version = next(), next(), next()
	r.next, r.lastRefetch, r.fruitless = nextTime(), nextTime(), next()
	r.documentAt, r.lastBegan, r.lastGood = nextTime(), nextTime(), nextTime()
	r.logBudget = callout.LogBudget(nextTime())
	r.owner, r.leaseUntil = next(), nextTime()
	n := next()
	if n > uint64(len(b)) {
		return record{}, false
	}
	r.lastLogged, r.document = string(b[:n]), string(b[n:])
	return r, true
}

// recordName returns a name that depends on every setting that decides which keys
// are fetched and which of them are usable. After a reload that changes none of them the keys are still there;
// after any other they are fetched anew.
func recordName(server *config.AuthorizationServer, insecure bool) string {
	k := server.Source
	name := "mcpauth.keys " + layout
	algorithms := ""
	for _, a := range server.Algorithms {
		algorithms += a.String() + " "
	}
	for _, part := range [...]string{
		algorithms, server.Issuer, server.PublicIssuer(), server.Cluster, server.JWKSCluster,
		strconv.Itoa(int(k.Kind)), strconv.Itoa(int(k.Discovery)), rawURL(k.MetadataURL), rawURL(k.JWKSURI), k.Overrides,
		strconv.FormatBool(insecure), strconv.FormatBool(k.KeepMetadata),
	} {
		name += " " + strconv.Quote(part)
	}
	return name
}

func rawURL(u *config.URL) string {
	if u == nil {
		return ""
	}
	return u.Raw
}

package keys

import "encoding/binary"

// A record is what the workers of one process know together about the keys of
// one authorization server: one value in the host's shared data, replaced by
// compare-and-swap, so that a lease and the keys can never disagree. Times are
// in milliseconds since the Unix epoch.
type record struct {
	attempts  uint64 // fetches that have ended, well or not
	failures  uint64 // of them, those since the last good one
	version   uint64 // of document; 0: none yet
	next      int64  // when the next fetch is due
	refetched int64  // when a fetch for a missing key last began
	barren    uint64 // how many of those in a row have brought nothing new
	changed   int64  // when the fetch began that brought document
	lone      uint64 // 1 if the log says that the metadata has no way to register
	began     int64  // when the fetch began that ended last, well or not
	good      int64  // when the last good fetch began
	logged    int64  // until when the log lines so far use up what is allowed
	owner     uint64 // who fetches
	lease     int64  // until when, unless it ends before
	jwksURI   string // found by discovery, kept while fetches succeed
	found     int64  // when
	told      string // what the log says is wrong; empty if nothing is
	metadata  string // the last good metadata of the server, where it is kept
	document  string // the last good JWK set
}

// layout names the encoding; a record of another, which has another name too, is
// taken for none.
const layout = "mcpauth4"

// numbers come after it, of 8 bytes each, the lengths of the first texts last.
const numbers = 17

func (r *record) encode() []byte {
	b := make([]byte, 0, len(layout)+numbers*8+len(r.jwksURI)+len(r.told)+len(r.metadata)+len(r.document))
	b = append(b, layout...)
	for _, v := range [numbers]uint64{
		r.attempts, r.failures, r.version, uint64(r.next), uint64(r.refetched), uint64(r.began),
		r.owner, uint64(r.lease), uint64(r.found), uint64(r.good), uint64(r.logged),
		r.barren, uint64(r.changed), r.lone,
		uint64(len(r.jwksURI)), uint64(len(r.told)), uint64(len(r.metadata)),
	} {
		b = binary.LittleEndian.AppendUint64(b, v)
	}
	b = append(b, r.jwksURI...)
	b = append(b, r.told...)
	b = append(b, r.metadata...)
	return append(b, r.document...)
}

// decode reads what encode wrote; ok is false for anything else.
func decode(b []byte) (r record, ok bool) {
	if len(b) < len(layout)+numbers*8 || string(b[:len(layout)]) != layout {
		return r, false
	}
	var v [numbers]uint64
	b = b[len(layout):]
	for i := range v {
		v[i] = binary.LittleEndian.Uint64(b[8*i:])
	}
	b = b[numbers*8:]
	var texts [3]string
	for i := range texts {
		n := v[numbers-len(texts)+i]
		if n > uint64(len(b)) {
			return r, false
		}
		texts[i], b = string(b[:n]), b[n:]
	}
	return record{
		attempts: v[0], failures: v[1], version: v[2], next: int64(v[3]), refetched: int64(v[4]),
		began: int64(v[5]), owner: v[6], lease: int64(v[7]), found: int64(v[8]),
		good: int64(v[9]), logged: int64(v[10]), barren: v[11], changed: int64(v[12]), lone: v[13],
		jwksURI: texts[0], told: texts[1], metadata: texts[2], document: string(b),
	}, true
}

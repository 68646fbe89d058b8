package discovery

import (
	"encoding/binary"
	"strconv"

	"mcpauth/config"
	"mcpauth/internal/callout"
)

// A record is what the workers of one process have found together: one value in
// the host's shared data, replaced by compare-and-swap.
type record struct {
	found          [endpoints]found
	logBudget      callout.LogBudget
	cannotRegister bool   // the log says that clients cannot register
	document       string // the last good metadata, where it is kept
}

// found is an endpoint in a record.
type found struct {
	url      string            // empty for none
	at       callout.UnixMilli // when the metadata with it was read
	searched callout.UnixMilli // when a worker last took its turn to search
}

// layout names the encoding. It is also part of the record's name, so that two
// versions of the plugin, which run side by side during an update, do not overwrite
// each other's record.
const layout = "mcpauth.discovery1"

// numbers is how many numbers of 8 bytes follow the layout: two, and three for each
// endpoint.
const numbers = 2 + 3*int(endpoints)

func (r *record) encode() []byte {
	var flag uint64
	if r.cannotRegister {
		flag = 1
	}
	b := append([]byte(nil), layout...)
	b = binary.LittleEndian.AppendUint64(b, uint64(r.logBudget))
	b = binary.LittleEndian.AppendUint64(b, flag)
	for i := range r.found {
		f := &r.found[i]
		b = binary.LittleEndian.AppendUint64(b, uint64(f.at))
		b = binary.LittleEndian.AppendUint64(b, uint64(f.searched))
		b = binary.LittleEndian.AppendUint64(b, uint64(len(f.url)))
	}
	for i := range r.found {
		b = append(b, r.found[i].url...)
	}
	return append(b, r.document...)
}

// decode reads a record. ok is false for a value that encode did not write.
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
	r.logBudget = callout.LogBudget(next())
	flag := next()
	if flag > 1 {
		return record{}, false
	}
	r.cannotRegister = flag == 1
	var lengths [endpoints]uint64
	for i := range r.found {
		r.found[i].at = callout.UnixMilli(next())
		r.found[i].searched = callout.UnixMilli(next())
		lengths[i] = next()
	}
	for i, n := range lengths {
		if n > uint64(len(b)) {
			return record{}, false
		}
		r.found[i].url, b = string(b[:n]), b[n:]
	}
	r.document = string(b)
	return r, true
}

// recordName returns a name that depends on every setting that decides what a
// search finds. After a reload that changes none of them the record is still there;
// after any other the search begins anew.
func recordName(server *config.AuthorizationServer, insecure bool) string {
	k := server.Source
	name := layout
	for _, part := range [...]string{
		server.Issuer, server.PublicIssuer(), server.Cluster, strconv.Itoa(int(k.Kind)), strconv.Itoa(int(k.Discovery)), rawURL(k.MetadataURL), k.Overrides,
		strconv.FormatBool(insecure), strconv.FormatBool(k.KeepMetadata), strconv.FormatBool(server.OAuthProxy != nil),
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

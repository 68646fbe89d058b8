package wasmtest

import (
	"encoding/binary"
	"slices"
	"strings"
)

// Headers is an ordered list of name and value pairs in which a name may occur
// more than once. Names are lower case, as in HTTP/2 and in Envoy.
type Headers [][2]string

// Get returns the first value of name, or "".
func (h Headers) Get(name string) string {
	if v := h.Values(name); len(v) > 0 {
		return v[0]
	}
	return ""
}

// Has reports whether name occurs.
func (h Headers) Has(name string) bool { return len(h.Values(name)) > 0 }

// Values returns all values of name in their order.
func (h Headers) Values(name string) []string {
	var values []string
	for _, kv := range h {
		if strings.EqualFold(kv[0], name) {
			values = append(values, kv[1])
		}
	}
	return values
}

// With returns a copy of h with one more pair at its end.
func (h Headers) With(name, value string) Headers {
	return append(slices.Clone(h), [2]string{name, value})
}

func (h *Headers) add(name, value string) {
	*h = append(*h, [2]string{strings.ToLower(name), value})
}

// replace leaves one pair of this name, in the place of the first one.
func (h *Headers) replace(name, value string) {
	at := slices.IndexFunc(*h, func(kv [2]string) bool { return strings.EqualFold(kv[0], name) })
	if at < 0 {
		h.add(name, value)
		return
	}
	(*h)[at][1] = value
	rest := (*h)[at+1:]
	rest = slices.DeleteFunc(rest, func(kv [2]string) bool { return strings.EqualFold(kv[0], name) })
	*h = (*h)[:at+1+len(rest)]
}

func (h *Headers) remove(name string) {
	*h = slices.DeleteFunc(*h, func(kv [2]string) bool { return strings.EqualFold(kv[0], name) })
}

func lowerNames(pairs [][2]string) Headers {
	h := make(Headers, len(pairs))
	for i, kv := range pairs {
		h[i] = [2]string{strings.ToLower(kv[0]), kv[1]}
	}
	return h
}

// The limits of proxy-wasm-cpp-host's limits.h on maps from a guest. The host reads a map
// that exceeds them, or is malformed, as an empty map.
const (
	maxPairsBytes = 1 << 20
	maxPairsCount = 1024
)

// marshalPairs returns the ABI's serialization of pairs: their number, the sizes of each,
// then all texts, each followed by a NUL.
func marshalPairs(pairs [][2]string) []byte {
	out := binary.LittleEndian.AppendUint32(nil, uint32(len(pairs)))
	for _, kv := range pairs {
		out = binary.LittleEndian.AppendUint32(out, uint32(len(kv[0])))
		out = binary.LittleEndian.AppendUint32(out, uint32(len(kv[1])))
	}
	for _, kv := range pairs {
		out = append(append(out, kv[0]...), 0)
		out = append(append(out, kv[1]...), 0)
	}
	return out
}

// unmarshalPairs is the reverse of marshalPairs; ok is false where the host
// would read an empty map instead.
func unmarshalPairs(data []byte) (pairs [][2]string, ok bool) {
	if len(data) == 0 {
		return nil, true
	}
	if len(data) < 4 || len(data) > maxPairsBytes {
		return nil, false
	}
	n := int(binary.LittleEndian.Uint32(data))
	if n > maxPairsCount || 4+8*n > len(data) {
		return nil, false
	}
	sizes, texts := data[4:4+8*n], data[4+8*n:]
	for ; n > 0; n-- {
		var kv [2]string
		for i := range kv {
			size := int(binary.LittleEndian.Uint32(sizes))
			sizes = sizes[4:]
			if size >= len(texts) || texts[size] != 0 {
				return nil, false
			}
			kv[i] = string(texts[:size])
			texts = texts[size+1:]
		}
		pairs = append(pairs, kv)
	}
	return pairs, len(texts) == 0
}
